"""A folder becomes a running Redis: for `up`, `demo` and the tests, where nobody configured one.

The server is a child process on a Unix socket without a TCP port. What it holds is appended to a file in the folder
before it answers, so a kill costs nothing: the next start finds it all.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import logging
import os
import shutil
import stat
import subprocess
import time
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from bot.errors import SettingsError
from bot.redis_programs import find_server

log = logging.getLogger(__name__)

MAX_SOCKET_PATH = 100  # bytes; the system's limit is 108 on Linux and 104 on macOS
START_LIMIT = 60.0  # s; a large file of appended commands is read first
STOP_LIMIT = 20.0  # s; what is not yet on disk is written
POLL = 0.02  # s between two looks at a server that starts or runs
RESTART_PAUSE = (
    0.5  # s before a server that died is started again; doubled each time that it dies young
)
LONGEST_PAUSE = 10.0  # s
STEADY = 5.0  # s after which a server counts as well
FULL = 2**20  # bytes; with less than that a disk is full

ORPHAN_SECONDS = (
    60  # what outlived its supervisor may still use the server for so long, then it is stopped
)
# `read` ends with the pipe, which the supervisor alone holds open. A slim Linux has no `ps`, macOS no /proc.
GUARD = """
read -r _
sleep "$1"
case "$(cat "/proc/$2/comm" 2>/dev/null || ps -o comm= -p "$2")" in *redis*|*valkey*) kill "$2";; esac
"""

Fsync = Literal["always", "everysec", "no"]


class EmbeddedRedis:
    """One server on one folder.

    `appendfsync=None` keeps nothing on disk, which is for tests.
    """

    def __init__(
        self,
        folder: Path,
        *,
        appendfsync: Fsync | None = "always",
        orphan_seconds: int = ORPHAN_SECONDS,
    ) -> None:
        self.folder = folder.absolute()
        self._fsync = appendfsync
        self._orphan_seconds = orphan_seconds
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._command: list[str] = []
        self.server = ""  # which one runs, for the log

    @property
    def socket(self) -> Path:
        return _socket_path(self.folder)

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> str:
        """The server's address, as soon as it answers."""
        binary, version = find_server()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _take_lock(self.folder)
            _private_folder(self.socket.parent)
            await _end_leftover(self.socket)
            self.server = f"{binary} {version}"
            self._command = self._command_line(binary)
            await self._launch()
        except OSError as error:
            await self.stop()
            fault = f"SWITCHBOARD_STATE_DIR: {self.folder} cannot be used ({error.strerror})"
            raise SettingsError([fault]) from None
        except BaseException:
            await self.stop()
            raise
        log.info("redis.started server=%s folder=%s", self.server, str(self.folder))
        return self.url

    async def keep(self) -> None:
        """Starts the server again whenever it dies; runs until it is cancelled."""
        pause = RESTART_PAUSE
        while True:
            began = time.monotonic()
            while self._process is not None and self._process.poll() is None:
                await asyncio.sleep(POLL * 5)
            pause = RESTART_PAUSE if time.monotonic() - began > STEADY else pause
            code = self._process and self._process.returncode
            log.error("redis.died code=%s why=%s again_in=%s", code, self._last_words(), pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            try:
                await self._launch()
            except (SettingsError, OSError) as error:
                log.error("redis.start_failed fault=%s", error)
            else:
                log.info("redis.restarted")

    async def stop(self) -> None:
        """Ends the server, its data on disk, and gives the folder free."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                await _exit_of(process, STOP_LIMIT)
            except TimeoutError:
                log.error("redis.killed after=%s", STOP_LIMIT)
                process.kill()
                process.wait()
        self._dismiss_guard()
        if self._lock is not None:
            if self.socket.parent != self.folder:
                with contextlib.suppress(OSError):  # somebody else's, or not empty
                    self.socket.parent.rmdir()
            os.close(self._lock)
            self._lock = None

    def _command_line(self, binary: str) -> list[str]:
        durable = self._fsync is not None
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "logfile": str(self.folder / "redis.log"),
            "daemonize": "no",
            "save": "",
            "appendonly": "yes" if durable else "no",
            "appendfsync": self._fsync or "no",
            "maxmemory-policy": "noeviction",
        }
        return [binary, *(word for name, value in options.items() for word in (f"--{name}", value))]

    async def _launch(self) -> None:
        # A session of its own: Ctrl-C in the terminal reaches the supervisor alone, which stops Redis last.
        self._process = subprocess.Popen(  # noqa: ASYNC220  a few ms, and its life is longer than the loop's
            self._command,
            env=_bare(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._dismiss_guard()
        self._guard = subprocess.Popen(  # noqa: ASYNC220  as above
            ["/bin/sh", "-c", GUARD, "sh", str(self._orphan_seconds), str(self._process.pid)],
            env=_bare(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(START_LIMIT):
                while await _ask(self.socket, b"PING") != b"+PONG\r\n":
                    if self._process.poll() is not None:
                        what = f"the embedded Redis ended at its start: {self._last_words()}"
                        raise SettingsError([f"SWITCHBOARD_STATE_DIR: {what}"])
                    await asyncio.sleep(POLL)
        except TimeoutError:
            raise SettingsError(
                ["SWITCHBOARD_STATE_DIR: the embedded Redis did not start in time"]
            ) from None

    def _dismiss_guard(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.kill()
            guard.communicate()

    def _last_words(self) -> str:
        """Why the server ended, as far as anybody knows."""
        path = self.folder / "redis.log"
        try:
            if shutil.disk_usage(self.folder).free < FULL:
                return "the disk is full"
            return f"redis.log says {path.read_text(errors='replace').splitlines()[-1]!r}"
        except (OSError, IndexError):
            return "redis.log says nothing"


def _bare() -> dict[str, str]:
    """An environment without settings and secrets."""
    return {"PATH": os.environ.get("PATH", os.defpath)}


def _take_lock(folder: Path) -> int:
    """The folder is ours as long as the descriptor is open, whatever ends this process."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise SettingsError(
            ["SWITCHBOARD_STATE_DIR: another process runs its Redis in this folder"]
        ) from None
    return lock


def _socket_path(folder: Path) -> Path:
    path = folder / "redis.sock"
    if len(os.fsencode(path)) < MAX_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    # Not TMPDIR: the heir of a killed supervisor must look for the server in the same place.
    return Path("/tmp") / f"switchboard-{os.getuid()}-{digest}" / "redis.sock"  # noqa: S108  private, see `_private_folder`


def _private_folder(folder: Path) -> None:
    """Who can open the socket owns the data: the folder must be this user's and closed to all others."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        raise SettingsError(["SWITCHBOARD_STATE_DIR: the folder belongs to somebody else"])
    if facts.st_mode & 0o077:
        folder.chmod(0o700)


async def _end_leftover(socket: Path) -> None:
    """A server that outlived its supervisor is stopped in order; nobody else can be using it, the lock is ours."""
    if not socket.exists():
        return
    try:
        async with asyncio.timeout(STOP_LIMIT):
            while await _ask(socket, b"SHUTDOWN") is not None:  # e.g. an error while it still loads
                await asyncio.sleep(POLL)
    except TimeoutError:
        raise SettingsError(
            ["SWITCHBOARD_STATE_DIR: an earlier Redis holds the folder and does not stop"]
        ) from None
    socket.unlink(missing_ok=True)


async def _ask(socket: Path, command: bytes) -> bytes | None:
    """The first line of the answer; empty when the server closed instead, None when nobody listens."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(socket))
    except OSError:
        return None
    try:
        writer.write(command + b"\r\n")
        return await reader.readline()
    except OSError:
        return b""
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _exit_of(process: "subprocess.Popen[bytes]", limit: float) -> None:
    async with asyncio.timeout(limit):
        while process.poll() is None:
            await asyncio.sleep(POLL)
