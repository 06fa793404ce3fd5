"""Bytes go through a short-lived Python process that holds nothing of ours, and other bytes come back.

The process gets no environment, no descriptors but its pipes, no site packages, and a session of its own.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
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
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", "-B", str(script), *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(wall):
            output = await _exchange(process, data, most)
            if output is None:
                return Ended(-signal.SIGKILL, b"")
            return Ended(await process.wait(), output)
    except TimeoutError:
        return Ended(None, b"")
    finally:
        await _end(process)


async def _exchange(process: asyncio.subprocess.Process, data: bytes, most: int) -> bytes | None:
    """Write everything, then read everything; None if there is too much of it."""
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None  # noqa: S101  both are pipes: the types cannot say so
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


async def _end(process: asyncio.subprocess.Process) -> None:
    """Make sure that the process and whatever it started are gone, and its pipes closed."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: only a zombie is left
        os.killpg(process.pid, signal.SIGKILL)
    await process.communicate()
