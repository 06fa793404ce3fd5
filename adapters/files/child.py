"""Bytes go through a short-lived Python process that holds nothing of ours, and other bytes come back.

The process gets no environment, no descriptors but its pipes, no site packages, and a session of its own.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process, SubprocessStreamProtocol
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

CHUNK = 64 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """How the process ended: its exit code, negative for a signal (SIGKILL too where it wrote more than it may), or
    None if its time was over."""

    code: int | None
    output: bytes


async def run(
    script: Path, arguments: Sequence[str], data: bytes, *, wall: float, most: int
) -> Ended:
    """Give the bytes to the script and take at most `most` back, within `wall` seconds."""
    async with _started("-I", "-S", "-B", str(script), *arguments) as process:
        try:
            async with asyncio.timeout(wall):
                output = await _exchange(process, data, most)
                if output is None:
                    return Ended(-signal.SIGKILL, b"")
                return Ended(await process.wait(), output)
        except TimeoutError:
            return Ended(None, b"")


@asynccontextmanager
async def _started(*arguments: str) -> AsyncIterator[Process]:
    """A running Python; afterwards it is gone, and with it what it started in its session."""
    loop = asyncio.get_running_loop()
    # As create_subprocess_exec does it, but with the transport at hand: only that closes the pipes for certain. And a
    # start is never cancelled: asyncio would then end the process alone, and wait for what it started.
    starting = asyncio.ensure_future(
        loop.subprocess_exec(
            lambda: SubprocessStreamProtocol(limit=CHUNK, loop=loop),
            sys.executable,
            *arguments,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
    )
    try:
        transport, protocol = await asyncio.shield(starting)
        yield Process(transport, protocol, loop)
    finally:
        transport, protocol = await starting
        process = Process(transport, protocol, loop)
        if process.returncode is None or not _at_end(process):
            # Whoever keeps the output open keeps the group's number from being anybody else's.
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: only a zombie
                os.killpg(process.pid, signal.SIGKILL)
        transport.close()
        await process.wait()


def _at_end(process: Process) -> bool:
    return process.stdout is not None and process.stdout.at_eof()


async def _exchange(process: Process, data: bytes, most: int) -> bytes | None:
    """Write everything, then read everything; None if there is too much of it."""
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None  # noqa: S101  both are pipes, which the types cannot say
    assert stdout is not None  # noqa: S101
    stdin.write(data)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its exit code says why
        await stdin.drain()
    stdin.close()
    output = bytearray()
    while chunk := await stdout.read(CHUNK):
        output += chunk
        if len(output) > most:
            return None
    return bytes(output)
