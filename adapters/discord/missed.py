"""What was written while no connection was there is read once after it, oldest first, and heard like any message."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import discord

from adapters.discord.faults import translated
from adapters.discord.patience import PATIENCE_SECONDS
from adapters.refusals import OUTAGE
from bot.errors import BotError
from bot.store import AT_TTL, Store, text
from bot.tasks import end

log = logging.getLogger(__name__)

Hear = Callable[[discord.Message], Awaitable[None]]

WINDOW_SECONDS = 900.0  # what is older is no longer answered: its author has gone elsewhere
OVERLAP_SECONDS = PATIENCE_SECONDS + 30  # what an adapter may have held in its hands when it ended
STAMP_SECONDS = 1.0
BEFORE_SECONDS = 10.0  # that reading it may hold up what is written meanwhile
CHANNELS = 50  # looked through after one absence, the busiest of late first
MESSAGES = 1_000  # of one channel, most of them not for us, and some heard before the absence
AT_ONCE = 4  # channels
REMEMBERED = 200  # places in which the bot was asked: direct messages are in no list of Discord's
DIRECT = "@me"


class Missed:
    """Notes each second that the bot is there. What is read twice is admitted once, so the window may overlap."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connected = False
        self._read = False  # what was written before this session
        self._heard = asyncio.Event()  # all that was missed

    def away(self) -> None:
        self._connected = False
        self._heard.clear()

    def back(self) -> None:
        """A connection goes on where it was, and Discord tells by itself what was missed since. What an earlier one had
        missed may still be unread."""
        self._connected = True
        if self._read:
            self._heard.set()

    async def before(self) -> None:
        """What is written now waits for what was missed, within limits: what was said first is asked first."""
        if not self._heard.is_set():  # else nothing may come between the events
            with suppress(TimeoutError):
                await asyncio.wait_for(self._heard.wait(), BEFORE_SECONDS)

    async def note(self) -> None:
        """For ever: the moment from which on something may be unheard. Before the first presence of all it is the
        start, so that a bot that dies in its first seconds misses nothing. The places are kept few meanwhile."""
        redis, places = self._store.redis, self._name("places")
        while True:
            there = self._connected and self._read
            since = time.time() - (OVERLAP_SECONDS if there else 0.0)
            try:
                await asyncio.gather(
                    redis.set(self._name("there"), since, ex=AT_TTL, nx=not there),
                    redis.zremrangebyrank(places, 0, -REMEMBERED - 1),
                    redis.expire(places, AT_TTL),
                )
            except OUTAGE as error:
                log.debug("presence.unnoted error=%s", type(error).__name__)
            await asyncio.sleep(STAMP_SECONDS)

    async def remember(self, guild: str | None, channel: str) -> None:
        """The bot was addressed here."""
        member = f"{guild or DIRECT}:{channel}"
        try:
            await self._store.redis.zadd(self._name("places"), {member: time.time()})
        except OUTAGE as error:
            log.debug("place.unremembered error=%s", type(error).__name__)

    async def catch_up(self, client: discord.Client, hear: Hear) -> None:
        """A session began: read what was missed before it, as soon as Redis says since when. A connection that is lost
        and taken up meanwhile changes nothing of that."""
        self._read = False
        self._heard.clear()
        self._connected = True
        there, places = await self._known()
        since = max(there, time.time() - WINDOW_SECONDS)
        after = discord.Object(discord.utils.time_snowflake(datetime.fromtimestamp(since, UTC)))
        some = asyncio.Semaphore(AT_ONCE)

        async def read(channel: discord.abc.Messageable) -> None:
            async with some:
                await self._look(client, channel, after, hear)

        channels = _candidates(client, after.id, places) if there else []
        reading = [asyncio.create_task(read(channel)) for channel in channels]
        try:
            await asyncio.gather(*reading)
        finally:
            await end(*reading)
        self._read = True
        if self._connected:
            self._heard.set()

    async def _known(self) -> tuple[float, list[str]]:
        """Since when something may be unheard (0: nobody knows), and where the bot was asked."""
        while True:
            try:
                there = float(await self._store.redis.get(self._name("there")) or 0)
                places = await self._store.redis.zrevrange(self._name("places"), 0, CHANNELS - 1)
                return there, [text(place) for place in places]
            except ValueError:
                log.error("presence.unreadable")
                return 0.0, []
            except OUTAGE as error:
                log.warning("missed.waits error=%s", type(error).__name__)
                await asyncio.sleep(STAMP_SECONDS)

    async def _look(
        self,
        client: discord.Client,
        channel: discord.abc.Messageable,
        after: discord.Object,
        hear: Hear,
    ) -> None:
        """One channel's messages. What cannot be read, or heard, holds up nothing of the rest."""
        found: list[discord.Message] = []
        try:
            async with translated():
                history = channel.history(limit=MESSAGES, after=after, oldest_first=True)
                found = [message async for message in history]
        except (BotError, discord.DiscordException) as error:
            log.info("missed.unread error=%s", type(error).__name__)
        except Exception:  # the edge of the library: whatever a surprising payload raises
            await client.on_error("history", channel)
        for message in found:
            try:
                await hear(message)
            except Exception:  # the edge of an event, as where it comes by itself
                await client.on_error("on_message", message)
        if found:
            log.info("missed.read messages=%d", len(found))

    def _name(self, what: str) -> str:
        return self._store.key("discord", what)


def _candidates(
    client: discord.Client, after: int, places: list[str]
) -> list[discord.abc.Messageable]:
    """Channels with messages since then, the latest first, places where the bot is asked, and channels of which Discord
    does not tell their last message, as of a thread that has just begun."""
    latest = sorted(_channels(client), key=lambda c: -(c.last_message_id or 0))
    found: dict[int, discord.abc.Messageable] = {
        c.id: c for c in latest if (c.last_message_id or 0) > after
    }
    for place in places:
        guild, _, channel = place.partition(":")
        if not (channel.isdecimal() and (guild == DIRECT or guild.isdecimal())):
            log.error("place.unreadable")
            continue
        known = client.get_channel(int(channel))
        if (
            getattr(known, "last_message_id", None) is None
        ):  # else it is known that there is nothing
            guild_id = None if guild == DIRECT else int(guild)
            found.setdefault(
                int(channel), client.get_partial_messageable(int(channel), guild_id=guild_id)
            )
    untold = {c.id: c for c in latest if c.last_message_id is None and c.id not in found}
    return [*found.values(), *untold.values()][:CHANNELS]


def _channels(
    client: discord.Client,
) -> Iterator[discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread]:
    for guild in client.guilds:
        yield from guild.text_channels
        yield from guild.voice_channels
        yield from guild.stage_channels
        yield from guild.threads
