"""Every configured process runs as a child with its own secrets alone, is started again when it dies, and ends before
Redis does: `switchboard up`.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bot import logs, tether
from bot.embedded import EmbeddedRedis
from bot.environment import NAMED, configured_kinds, environment, load_all
from bot.errors import SettingsError
from bot.settings import AdapterSettings, Settings, UpSettings

log = logging.getLogger(__name__)

FIRST_PAUSE = 0.5  # s before a child that died is started again; doubled each time
LONGEST_PAUSE = 30.0  # s
STEADY = 60.0  # s after which a child counts as well, and its next death as its first
FIRST_SHARE = 0.8  # of the drain: so long those that end first may keep the last ones waiting
GRACE = 8.0  # s beyond the drain for handing over and closing, then a child is killed

UP = "up"
NO_PLATFORM = "SLACK_BOT_TOKEN, DISCORD_TOKEN: neither is set; `switchboard demo` needs none"

# What every child may see of the environment besides its own settings.
PASSED = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM"),
        *("VIRTUAL_ENV", "LD_LIBRARY_PATH"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
        *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    }
)
PASSED_PREFIXES = ("LC_", "PYTHON", "COVERAGE_")


@dataclass(frozen=True, slots=True)
class Child:
    """One process to keep alive: its name in the logs, its command line and its whole environment.

    `last` says that it is told to end when the others have ended: it shows what they still finish.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    last: bool = False


def up(*, workers: int) -> int:
    """The exit code, once everything that the settings configure was told to end."""
    own, processes = configured()
    own_logs(own, processes.values())
    redis = None if own.redis_url else EmbeddedRedis(own.state_dir)
    given = environment() | ({"REDIS_URL": redis.url} if redis else {})
    return asyncio.run(_up(own, redis, children(processes, workers, given)))


def configured() -> tuple[UpSettings, dict[str, Settings]]:
    """Our own settings and those of each process that is configured; raises SettingsError with every fault."""
    kinds = configured_kinds()
    loaded, faults = load_all({UP: UpSettings, **kinds})
    if not any(issubclass(kind, AdapterSettings) for kind in kinds.values()):
        faults = [NO_PLATFORM, *faults]
    if faults:
        raise SettingsError(faults)
    own = loaded.pop(UP)
    assert isinstance(own, UpSettings)  # noqa: S101  for the type checker
    return own, loaded


def own_logs(own: UpSettings, processes: Iterable[Settings]) -> None:
    """Logs of the supervisor, which has seen the secrets of all its children."""
    secrets = own.secrets.union(*(settings.secrets for settings in processes))
    logs.configure(UP, form=own.log_format, level=own.log_level, secrets=secrets)


def children(
    processes: Mapping[str, Settings],
    workers: int,
    given: Mapping[str, str],
    own: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> list[Child]:
    """One child for each process, `workers` of them for the workers, with what it needs of all that is given; `own` is
    what one process alone is given.
    """
    found = []
    for word, settings in processes.items():
        count = workers if word == "worker" else 1
        for number in range(1, count + 1):
            name = word if count == 1 else f"{word}-{number}"
            command = (sys.executable, "-P", "-m", "bot", word)
            environ = {**child_environment(settings.names(given), given), **own.get(word, {})}
            found.append(Child(name, command, environ, isinstance(settings, AdapterSettings)))
    return found


def child_environment(names: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """The named settings, and what any program needs; no `.env`, which would hold everybody's."""
    general = {n for n in os.environ if n in PASSED or n.startswith(PASSED_PREFIXES)}
    chosen = {name: given[name] for name in {*names, *general} if name in given}
    return {**chosen, NAMED: os.devnull}


async def _up(own: UpSettings, redis: EmbeddedRedis | None, found: list[Child]) -> int:
    supervisor = Supervisor(found, drain=own.drain_seconds)
    supervisor.obey_signals()
    async with running(redis):
        return await supervisor.run()


@contextlib.asynccontextmanager
async def running(redis: EmbeddedRedis | None) -> AsyncIterator[None]:
    """The embedded Redis around what needs it: first up, kept up, last down."""
    if redis is None:
        yield
        return
    await redis.start()
    keeper = asyncio.create_task(redis.keep())
    try:
        yield
    finally:
        keeper.cancel()
        await redis.stop()


class Supervisor:
    """Keeps children alive until a signal, or until one of them says that its settings are wrong."""

    def __init__(self, found: Iterable[Child], *, drain: float) -> None:
        self._children = list(found)
        self._drain = drain
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._stop = asyncio.Event()
        self._kill = asyncio.Event()
        self._code = 0
        self._tether, self._end = os.pipe()

    @property
    def pids(self) -> dict[str, int]:
        """Who runs now."""
        return {name: process.pid for name, process in self._running.items()}

    def stop(self, code: int = 0) -> None:
        """Drain the children; a second call kills them."""
        if self._stop.is_set():
            self._kill.set()
        else:
            self._code = code
            self._stop.set()

    def obey_signals(self) -> None:
        """The first signal drains, the second kills; also one that comes before `run`.

        What was ignored when we were started stays so, as SIGHUP under `nohup`.
        """
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(name) is not signal.SIG_IGN:
                loop.add_signal_handler(name, self.stop)

    async def run(self) -> int:
        """The exit code: 0 after a signal, 78 for wrong settings, 1 when a child had to be killed."""
        keepers = [asyncio.create_task(self._keep(child)) for child in self._children]
        stopping = asyncio.create_task(self._stop.wait())
        try:
            # A keeper ends before that only by a fault of ours, which `gather` then raises.
            await asyncio.wait({stopping, *keepers}, return_when=asyncio.FIRST_COMPLETED)
            self._stop.set()
            log.info("up.draining processes=%d", len(self._running))
            await self._drained(keepers)
        finally:
            stopping.cancel()
            self._signal(signal.SIGKILL)
            await asyncio.gather(*keepers, return_exceptions=True)
            os.close(self._end)
            os.close(self._tether)
        await asyncio.gather(*keepers)
        log.info("up.ended code=%d", self._code)
        return self._code

    async def _drained(self, keepers: list["asyncio.Task[None]"]) -> None:
        """Until all children have ended, their time is over, or the second signal has come."""
        killed = asyncio.create_task(self._kill.wait())
        ended = asyncio.create_task(self._end_in_turn(keepers))
        limit = self._drain + GRACE
        await asyncio.wait([killed, ended], timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        killed.cancel()
        if not ended.done():
            ended.cancel()
            log.error("up.kills processes=%s", ",".join(self._running))
            self._code = self._code or 1

    async def _end_in_turn(self, keepers: list["asyncio.Task[None]"]) -> None:
        pairs = list(zip(self._children, keepers, strict=True))
        first = [keeper for child, keeper in pairs if not child.last]
        if first:
            self._signal(signal.SIGTERM, last=False)
            await asyncio.wait(first, timeout=FIRST_SHARE * self._drain)
        self._signal(signal.SIGTERM, last=True)
        await asyncio.wait(keepers)

    async def _keep(self, child: Child) -> None:
        """Start the child, again and again, until everything stops."""
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            began = time.monotonic()
            code = await self._once(child)
            if self._stop.is_set():
                return
            if code == SettingsError.EXIT:
                log.error("child.refused process=%s", child.name)
                self.stop(SettingsError.EXIT)
                return
            pause = FIRST_PAUSE if time.monotonic() - began > STEADY else pause
            log.error("child.died process=%s code=%d again_in=%s", child.name, code, pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _once(self, child: Child) -> int:
        try:
            process = await asyncio.create_subprocess_exec(
                *child.command,
                env={**child.environment, tether.NAME: str(self._tether)},
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=[self._tether],
                start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone
            )
        except OSError as error:  # no memory or no process left: that may pass
            log.error("child.not_started process=%s error=%s", child.name, error.strerror)
            return 1
        self._running[child.name] = process
        log.info("child.started process=%s pid=%d", child.name, process.pid)
        if self._stop.is_set():
            process.terminate()
        try:
            return await process.wait()
        finally:
            del self._running[child.name]

    def _signal(self, number: int, *, last: bool | None = None) -> None:
        """To all, or to those alone that end `last` or not."""
        for child in self._children:
            process = self._running.get(child.name)
            if process is not None and last in (None, child.last):
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(number)
