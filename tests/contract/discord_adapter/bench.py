"""The whole Discord adapter in this process, on a real Redis and the simulated Discord; a scribe is the worker."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import discord
from discord.gateway import DiscordWebSocket
from discord.http import Route
from redis.exceptions import RedisError

from adapters.discord.patience import PATIENCE_SECONDS
from adapters.discord.process import Lives, at
from adapters.files.download import open_session
from adapters.files.origins import Origins
from bot.embedded import EmbeddedRedis
from bot.errors import SettingsError
from bot.reply import Replies
from bot.settings import DiscordSettings
from bot.store import Store, connect
from bot.stored import Stored
from bot.tasks import end
from bot.types import Phase, Turn
from bot.work import Outcome
from playground.discord import DiscordServer, Message
from tests.inbox import BothSides

T = TypeVar("T")

Said = tuple[str, str, asyncio.Event | None, Sequence[str]]
"""Part of a question, the answer, what it waits for, and what is seen of it before."""

TICK = 0.01  # s between two looks at what is here
ROUND = 0.03  # s between two looks of the scribe: each asks Redis
GATHERING = 60.0  # s: nobody waits for it where all servers of the bot are there


class Scribe:
    """Claims what is due, as a worker does, and answers what it was told to; `asked` is all that came."""

    def __init__(self, url: str) -> None:
        self.asked: list[Turn] = []
        self._store = Store(connect(url))
        self._inbox, self._replies = BothSides(self._store, lease_ms=60_000), Replies(self._store)
        self._says: list[Said] = []
        self._answering: set[asyncio.Task[None]] = set()

    def will_say(
        self,
        text: str,
        when: str,
        *,
        after: asyncio.Event | None = None,
        first: str = "",
        pieces: Sequence[str] = (),
    ) -> None:
        """To questions that contain `when`; `first`, or the pieces, are seen at once, the whole after the event."""
        self._says.insert(0, (when, text, after, pieces or ([first] if first else [])))

    def question(self, part: str) -> Turn | None:
        """The latest question that contains the part."""
        return next((turn for turn in reversed(self.asked) if part in turn.message.text), None)

    async def work(self) -> None:
        """For ever."""
        while True:
            try:
                due = await self._store.redis.zrange(self._store.key("due"), 0, -1)
                for name in due:
                    await self._claim(name.decode())
            except (RedisError, OSError, TimeoutError):
                pass  # a test has taken Redis away
            await asyncio.sleep(ROUND)

    async def close(self) -> None:
        for task in self._answering:
            task.cancel()
        await self._store.close()

    async def _claim(self, conversation: str) -> None:
        grant = await self._inbox.claim(conversation)
        if grant is None:
            return
        stored = await self._inbox.load(grant.turn)
        assert stored is not None
        assert stored.turn is not None
        self.asked.append(stored.turn)
        task = asyncio.create_task(self._answer(grant, stored))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, grant: Any, stored: Any) -> None:
        words = stored.turn.message.text
        plain: Said = ("", f"Answer to: {words}", None, ())
        _, text, after, pieces = next((said for said in self._says if said[0] in words), plain)
        offset = 0
        for piece in pieces:
            await self._replies.append(grant, offset, piece.encode(), stored.turn.model)
            offset += len(piece.encode())
        if after is not None:
            await after.wait()
        said = Outcome(Phase.ANSWERED, text, alias=stored.turn.model)
        if await self._inbox.commit(grant, stored.epoch, said) == "stop":
            left = "".join(pieces)
            notes = ("Stopped here.",) if left else ()
            await self._inbox.commit(grant, stored.epoch, Outcome(Phase.STOPPED, left, notes=notes))


class Bench:
    """`async with Bench() as bench:`; `bench.discord` is the simulated Discord, `bench.scribe` answers."""

    def __init__(
        self,
        *,
        reads_all: bool = False,
        durable: bool = False,
        enters: bool = True,
        patience: float = PATIENCE_SECONDS,
        server: DiscordServer | None = None,
        **settings: str,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        fsync: Any = "everysec" if durable else None
        self.server = EmbeddedRedis(Path(self._folder.name) / "redis", appendfsync=fsync)
        self.discord = server or DiscordServer(limits=False, message_content_allowed=reads_all)
        self._content = "on" if reads_all else "off"
        self._more = settings
        self._enters = enters
        self._patience = patience
        self._tasks: list[asyncio.Task[Any]] = []
        self._channels = 0

    async def __aenter__(self) -> Bench:
        self._before = (Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY)
        self._backoff = discord.client.ExponentialBackoff  # type: ignore[attr-defined]
        url = await self.server.start()
        await self.discord.start()
        self.scribe = Scribe(url)
        self.store = Store(connect(url))
        self._working = asyncio.create_task(self.scribe.work())
        if self._enters:
            await self.enter()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.thaw()
        await self.leave()
        await end(self._working)
        await self.scribe.close()
        await self.store.close()
        await self.discord.stop()
        await self.server.stop()
        self._folder.cleanup()
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = self._before
        discord.client.ExponentialBackoff = self._backoff  # type: ignore[attr-defined]

    @property
    def settings(self) -> DiscordSettings:
        """What the process would read of its environment."""
        given: dict[str, Any] = {
            "REDIS_URL": self.server.url,
            "DISCORD_TOKEN": self.discord.token,
            "DISCORD_API_URL": self.discord.api_url,
            "DISCORD_GATEWAY_URL": self.discord.gateway_url,
            "SWITCHBOARD_ATTACHMENT_ORIGINS": self.discord.cdn_origin,
            "SWITCHBOARD_DISCORD_MESSAGE_CONTENT": self._content,
            "SWITCHBOARD_DRAIN_SECONDS": "1",
        }
        return DiscordSettings(_env_file=None, **given | self._more)

    def settle(self, **settings: str) -> None:
        """Settings for the adapters that start from now on."""
        self._more |= settings

    async def enter(self, *, ready: bool = True) -> Lives:
        """An adapter starts."""
        settings = self.settings
        at(settings)
        self._files = open_session(Origins.discord(settings.attachment_origins))
        origins = Origins.discord(settings.attachment_origins)
        self.lives = Lives(
            settings, self._files, origins, patience=self._patience, gathering=GATHERING
        )
        self._serving = asyncio.create_task(
            self.lives.adapter.serve(self.lives.run, self.lives.silence)
        )
        if ready:
            await self.ready()
        return self.lives

    @asynccontextmanager
    async def another(self) -> AsyncIterator[Lives]:
        """A second adapter with the same token, as in a rolling restart."""
        mine = (self._files, self.lives, self._serving)
        yield await self.enter()
        await self.leave()
        self._files, self.lives, self._serving = mine

    async def ready(self) -> None:
        """The adapter knows its servers."""

        def known() -> bool:
            client = self.lives.client
            return (
                client is not None
                and client.is_ready()
                and not any(guild.unavailable for guild in client.guilds)
            )

        await self.until(known)

    async def leave(self) -> None:
        """The adapter ends as with SIGTERM; whatever it raised is raised."""
        self._serving.cancel()
        (ended,) = await asyncio.gather(self._serving, return_exceptions=True)
        await self.lives.end()
        await self._files.close()
        if isinstance(ended, Exception) and not isinstance(ended, SettingsError):
            raise ended

    async def fault(self) -> SettingsError:
        """The adapter ends by itself, with what it says of its settings."""
        (ended,) = await asyncio.gather(self._serving, return_exceptions=True)
        assert isinstance(ended, SettingsError), ended
        return ended

    async def channel(self, **more: Any) -> str:
        """A fresh text channel, so that no test waits for the pace of another one's."""
        self._channels += 1
        made = await self.discord.add_channel(f"place-{self._channels}", **more)
        client = self.lives.client
        assert client is not None
        await self.until(lambda: client.get_channel(int(made.id)) is not None)
        return made.id

    async def until(self, true: Callable[[], T | None], seconds: float = 60) -> T:
        """Wait for a condition."""
        async with asyncio.timeout(seconds):
            while not (found := true()):
                await asyncio.sleep(TICK)
            return found

    async def eventually(self, true: Callable[[], Awaitable[T | None]], seconds: float = 60) -> T:
        """Wait for a condition that asks Redis: a cancellation may come out of redis-py as a lost connection."""
        async with asyncio.timeout(seconds) as limit:
            while not (found := await true()):
                if limit.expired():
                    raise TimeoutError
                await asyncio.sleep(TICK)
            return found

    async def asked(self, part: str) -> Turn:
        """The question that contains the part, as the worker gets it."""
        return await self.until(lambda: self.scribe.question(part))

    async def stored(self, message: Message | str, workspace: str = "") -> Stored | None:
        """The turn that a message, or an interaction's id, became."""
        mark = f"interaction-{message}"
        workspace = workspace or self.discord.guild_id
        if isinstance(message, Message):
            mark = f"{message.channel_id}:{message.id}"
            guild = self.discord.world.channels[message.channel_id].guild_id
            workspace = guild or "@me"
        inbox = self.lives.adapter.inbox
        turn = await inbox.seen("discord", workspace, mark)
        return await inbox.load(turn) if turn and turn != "barred" else None

    async def stopped(self, message: Message) -> bool:
        """The question was taken back before anybody answered it."""
        stored = await self.stored(message)
        return stored is not None and (
            (await self.lives.adapter.replies.read(stored.id)).phase is Phase.STOPPED
        )

    async def at_rest(self) -> None:
        """Nothing is owed, due or fetched."""
        names = [self.store.key(n) for n in ("due", "owed:discord", "fetching:discord")]

        async def resting() -> bool:
            return not any([await self.store.redis.zcard(name) for name in names])

        await self.eventually(resting, 20)

    async def heard_out(self) -> None:
        """Everything that was written before this has been looked at."""
        asked = await self.discord.slash("mia", "general", "help")
        await self.discord.answered(asked)
        await self.at_rest()

    def hang(self) -> None:
        """Redis takes connections and commands, and says nothing."""
        assert self.server.pid is not None
        os.kill(self.server.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        if self.server.pid is not None:
            os.kill(self.server.pid, signal.SIGCONT)
