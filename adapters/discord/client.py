"""One connection to Discord, from login to whatever ends it: what happens goes to the doors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import discord

from adapters.discord.asking import Asking
from adapters.discord.dials import Dials
from adapters.discord.gathering import Gathering
from adapters.discord.granted import Granted
from adapters.discord.liberal import completed
from adapters.discord.listening import Listening
from adapters.discord.missed import Missed
from adapters.discord.offers import Offers
from adapters.discord.rest import LONGEST_WAIT
from adapters.discord.slash import command_tree
from bot import dead
from bot.store import Store
from bot.tasks import end

log = logging.getLogger(__name__)

GOODBYE_SECONDS = 2.0  # for the closing handshake; discord.py alone would wait 30 s
ESSENTIAL = {"READY", "RESUMED"}  # without these the connection is none
WORDS = {"MESSAGE_CREATE", "MESSAGE_UPDATE"}


def intents(*, reads_all: bool) -> discord.Intents:
    """Guilds, messages and direct messages; the content of others' messages only where the operator wants it."""
    wanted = discord.Intents.none()
    wanted.guilds = True
    wanted.guild_messages = True
    wanted.dm_messages = True
    wanted.message_content = reads_all
    return wanted


class Client(discord.Client):
    """Handlers only hand over; `silence` ends the events and keeps what is under way."""

    def __init__(
        self,
        listening: Listening,
        asking: Asking,
        missed: Missed,
        store: Store,
        offers: Offers,
        granted: Granted,
        *,
        reads_all: bool,
        proxy: str | None,
        gathering: float,
    ) -> None:
        """`gathering` (s) is how long the next of the bot's servers may be in coming before it counts as away."""
        # It would warn at each start that it cannot speak.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            intents=intents(reads_all=reads_all),
            proxy=proxy,
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,  # edits and deletions come as raw events; nothing is kept here
            chunk_guilds_at_startup=False,
            guild_ready_timeout=gathering,
            max_ratelimit_timeout=LONGEST_WAIT,
        )
        self._dials = Dials(self.http.ws_connect)
        self.http.ws_connect = self._dials  # type: ignore[method-assign]  # no hook comes before a dial
        self._listening = listening
        self._missed = missed
        self._store = store
        self._silent = False
        self._syncing: asyncio.Task[None] | None = None
        self._burying: set[asyncio.Task[bool]] = set()
        self._reading: asyncio.Task[Any] | None = None  # what was missed
        self.tree = command_tree(self, asking, offers)
        # An event that the library cannot read would end its loop, and lose the events after it.
        parsers = self._connection.parsers
        parsers.update(
            {name: _tolerant(name, read, granted, self._bury) for name, read in parsers.items()}
        )

    def _get_state(self, **options: Any) -> Gathering:
        return Gathering(
            dispatch=self.dispatch,
            handlers=self._handlers,
            hooks=self._hooks,
            http=self.http,
            **options,
        )

    async def setup_hook(self) -> None:
        """Commands that could not be told now are told while the bot already works."""
        if not await self.tree.sync_if_changed(self._store):
            self._syncing = asyncio.create_task(self.tree.sync_until_told(self._store))

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """A client that is closing has no loop any more to run a handler in."""
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    async def on_ready(self) -> None:
        log.info("discord.ready guilds=%d", len(self.guilds))
        await self._read_no_more()
        self._reading = asyncio.current_task()
        await self._missed.catch_up(self, self._hear)

    async def on_connect(self) -> None:
        self._dials.stands()

    async def on_resumed(self) -> None:
        log.info("discord.resumed")
        self._dials.stands()
        self._missed.back()

    async def on_disconnect(self) -> None:
        self._missed.away()

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        """A fault in the handler of an event: logged once, with the event's id where it has one, and a dead letter."""
        event_id = getattr(args[0], "id", getattr(args[0], "message_id", "-")) if args else "-"
        log.exception("event.failed kind=%s id=%s", event_method, event_id)
        await dead.malformed(self._store, f"{event_method} {event_id}")

    async def on_message(self, message: discord.Message) -> None:
        await self._missed.before()
        await self._hear(message)

    async def _hear(self, message: discord.Message) -> None:
        if not self._silent:
            await self._listening.on_message(self, message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        await self._missed.before()
        await self._listening.on_edit(self, event)

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        await self._missed.before()
        await self._listening.on_delete(event.guild_id, event.channel_id, event.message_id)

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        await self._missed.before()
        await asyncio.gather(
            *(
                self._listening.on_delete(event.guild_id, event.channel_id, message)
                for message in event.message_ids
            )
        )

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        """Forms and buttons; commands go through the tree by themselves."""
        await self.tree.on_others(interaction)

    async def silence(self) -> None:
        """Leave the gateway; interactions under way can still be answered."""
        self._silent = True
        self._missed.away()
        await self._read_no_more()
        if self.ws is not None:
            with suppress(TimeoutError, OSError):
                await asyncio.wait_for(self.ws.close(code=1000), GOODBYE_SECONDS)

    async def end(self) -> None:
        self._missed.away()
        await self._read_no_more()
        if self._syncing is not None:
            await end(self._syncing)
        with suppress(TimeoutError, OSError):
            await asyncio.wait_for(self.close(), GOODBYE_SECONDS)

    def _bury(self, event: str) -> None:
        """A dead letter, for which the events after it do not wait."""
        task = asyncio.create_task(dead.malformed(self._store, event))
        self._burying.add(task)
        task.add_done_callback(self._burying.discard)

    async def _read_no_more(self) -> None:
        """What was missed is left where it is: the next connection reads it, from the same moment on."""
        if self._reading is not None:
            await end(self._reading)


def _tolerant(
    name: str, read: Callable[[Any], Any], granted: Granted, bury: Callable[[str], None]
) -> Callable[[Any], Any]:
    """The parser of an event; a payload that it cannot read is left out, and becomes a dead letter."""

    def tolerant(data: Any) -> Any:
        try:
            if name in WORDS and _of_a_robot(data):
                return None
            granted.hear(name, data)
            return read(completed(name, data))
        except Exception as error:  # the edge of the library: whatever a surprising payload raises
            if name in ESSENTIAL:
                raise
            event_id = _id(data)
            log.error(
                "event.unreadable kind=%s id=%s error=%s", name, event_id, type(error).__name__
            )
            bury(f"{name} {event_id}")
        if (
            name == "GUILD_CREATE"
        ):  # the server is known all the same, its messages are no private ones
            return read({"id": data["id"], "name": str(data.get("name", ""))})
        return None

    return tolerant


def _of_a_robot(data: Any) -> bool:
    """Whether nobody asks anything by it. Most are ours, one for each post and each edit."""
    return bool((data.get("author") or {}).get("bot"))


def _id(data: Any) -> str:
    """The id of what an event is about, if it has one that is none but an id."""
    found = data.get("id") if isinstance(data, dict) else None
    return found if isinstance(found, str) and found.isdecimal() else "-"
