"""A whole house for end-to-end tests: a Redis of its own, the playground's servers, the real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from bot.embedded import EmbeddedRedis
from bot.store import RedisError, connect
from playground.discord import DiscordServer
from playground.models import ModelServer
from playground.slack import SlackServer
from tests.forked import Forked

READY = {"slack": b"slack.ready", "discord": b"discord.ready", "worker": b"worker.ready"}
PATIENCE = 4.0  # s for a process of which nothing more is expected
LASTING = "".join(  # the default model's generation answers for itself whatever day it is
    f'[models."{alias}"]\nshutdown = 2999-01-01\n' for alias in ("gpt-4o", "gpt-4o-mini")
)
Word = Literal["slack", "discord", "worker"]
Child = asyncio.subprocess.Process | Forked


class Process:
    """One of our processes, started as an operator starts it."""

    def __init__(self, word: Word, child: Child, log: Path) -> None:
        self.word = word
        self.child = child
        self.log = log

    @property
    def logged(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def kill(self) -> None:
        """kill -9."""
        if self.child.returncode is None:
            self.child.kill()

    async def close(self) -> None:
        """Its end, in order if it comes soon: only then is it known which lines ran."""
        if self.child.returncode is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.child.wait(), PATIENCE)
        except TimeoutError:
            self.child.kill()
            await self.child.wait()

    async def end(self, seconds: float = 20) -> int:
        """SIGTERM, and its exit code."""
        if self.child.returncode is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.child.wait(), seconds)
        except TimeoutError:
            self.child.kill()
            raise AssertionError(f"{self.word} did not end:\n{self.logged[-3000:]}") from None


class House:
    """`async with House() as house:` then `await house.start("slack", "worker")`."""

    program = "bot"  # the module that is run with the word of a process

    def __init__(
        self,
        *,
        pace: float = 0.002,
        limits: bool = False,
        retry_delays: Sequence[float] = (0.2, 1.0, 2.0),  # s, Slack's minutes in short
        forked: bool = False,
        **settings: str,
    ) -> None:
        """`forked` processes start in a tenth of the time of those that an operator starts."""
        self._forked = forked
        self._folder = tempfile.TemporaryDirectory(prefix="house-")
        self.folder = Path(self._folder.name)
        (self.folder / "models.toml").write_text(LASTING)
        self.server = EmbeddedRedis(self.folder / "redis")
        self.slack = SlackServer(limits=limits, retry_delays=retry_delays)
        reads_all = settings.get("SWITCHBOARD_DISCORD_MESSAGE_CONTENT") == "on"
        self.discord = DiscordServer(limits=limits, message_content_allowed=reads_all)
        self.models = ModelServer(pace=pace)
        self.settings = {
            "SWITCHBOARD_LEASE_SECONDS": "2",
            "SWITCHBOARD_DRAIN_SECONDS": "5",
        } | settings
        self.processes: list[Process] = []
        self.redis: Any = None

    async def __aenter__(self) -> House:
        url = await self.server.start()
        self._keeping = asyncio.create_task(self.server.keep())
        self.redis = connect(url, retries=30)  # a restart passes
        await asyncio.gather(self.slack.start(), self.discord.start(), self.models.start())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await asyncio.gather(*(process.close() for process in self.processes))
        for process in self.processes:
            if error is not None:
                sys.stderr.write(f"--- {process.word} ---\n{process.logged[-6000:]}\n")
        await asyncio.gather(self.slack.stop(), self.discord.stop(), self.models.stop())
        await self.redis.aclose()
        self._keeping.cancel()
        await self.server.stop()
        self._folder.cleanup()

    def kill_redis(self) -> None:
        """kill -9; it is started again on the same data, however often it died before."""
        assert self.server.pid is not None
        os.kill(self.server.pid, signal.SIGKILL)
        self._keeping.cancel()
        self._keeping = asyncio.create_task(self.server.keep())

    async def redis_serves(self) -> bool:
        """Whether Redis answers, with all of its data."""
        try:
            return bool(await self.redis.ping())
        except RedisError:
            return False

    def environment(self, word: Word) -> dict[str, str]:
        """What the process is given: only what it needs."""
        own: dict[str, dict[str, str]] = {
            "slack": {
                "SLACK_BOT_TOKEN": self.slack.bot_token,
                "SLACK_APP_TOKEN": self.slack.app_token,
                "SLACK_API_URL": self.slack.api_url,
                "SWITCHBOARD_ATTACHMENT_ORIGINS": self.slack.file_origin,
            },
            "discord": {
                "DISCORD_TOKEN": self.discord.token,
                "DISCORD_API_URL": self.discord.api_url,
                "DISCORD_GATEWAY_URL": self.discord.gateway_url,
                "SWITCHBOARD_ATTACHMENT_ORIGINS": self.discord.cdn_origin,
            },
            "worker": {
                "OPENAI_API_KEY": self.models.api_key,
                "OPENAI_BASE_URL": self.models.base_url,
            },
        }
        return {
            "PATH": os.environ["PATH"],
            "REDIS_URL": self.server.url,
            "SWITCHBOARD_ENV_FILE": os.devnull,
            "SWITCHBOARD_MODELS_FILE": str(self.folder / "models.toml"),
            "PYTHONFAULTHANDLER": "1",
            **own[word],
            **self.settings,
        }

    async def start(
        self, *words: Word, arguments: Sequence[str] = (), **settings: str
    ) -> list[Process]:
        """Start processes and wait until each is ready."""
        started = [await self._start(word, arguments, settings) for word in words]
        for process in started:
            await self.until(
                lambda p=process: READY[p.word] in p.log.read_bytes(), process, seconds=60
            )
        return started

    async def _start(
        self, word: Word, arguments: Sequence[str], settings: dict[str, str]
    ) -> Process:
        log = self.folder / f"{len(self.processes)}-{word}.log"
        log.touch()
        child = await self._spawn(word, arguments, self.environment(word) | settings, log)
        process = Process(word, child, log)
        self.processes.append(process)
        return process

    async def _spawn(
        self, word: Word, arguments: Sequence[str], environment: dict[str, str], log: Path
    ) -> Child:
        if self._forked:
            return Forked([word, *arguments], environment, log)
        with log.open("ab") as sink:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self.program,
                word,
                *arguments,
                env=environment,
                stderr=sink,
                stdout=sink,
                cwd=Path(__file__).parent.parent,
            )

    async def until(
        self, true: Callable[[], object], process: Process | None = None, seconds: float = 60
    ) -> None:
        """Wait for a condition that another process brings about."""
        async with asyncio.timeout(seconds):
            while not true():
                if process is not None and process.child.returncode is not None:
                    raise AssertionError(f"{process.word} ended:\n{process.logged[-3000:]}")
                await asyncio.sleep(0.02)

    async def at_rest(self, seconds: float = 60) -> None:
        """Wait until nothing is due, fetched or owed."""
        names = [b"due", b"owed:slack", b"owed:discord", b"fetching:slack", b"fetching:discord"]
        left: dict[bytes, Any] = {}
        try:
            async with asyncio.timeout(seconds) as limit:
                while True:
                    if (
                        limit.expired()
                    ):  # redis-py may have taken the cancellation for a lost connection
                        raise TimeoutError
                    found = [await self.redis.zrange(b"switchboard:" + n, 0, -1) for n in names]
                    left = {n: f for n, f in zip(names, found, strict=True) if f}
                    if not left:
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"not at rest: {left}") from None
