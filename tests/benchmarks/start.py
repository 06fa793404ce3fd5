"""From the command to a process that is ready."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from tests.benchmarks.lab import Lab
from tests.benchmarks.row import Row
from tests.house import READY, Word

RUNS = 5
WORDS: tuple[Word, ...] = ("slack", "discord", "worker")


async def rows() -> list[Row]:
    """One at a time, with compiled files, as after the first start."""
    async with Lab() as lab:
        times = {word: [await ready(lab, word) for _ in range(RUNS + 1)][1:] for word in WORDS}
    return [
        Row(f"cold start of `switchboard {word}` until it is ready", seconds, "s", most=2)
        for word, seconds in times.items()
    ]


async def ready(lab: Lab, word: Word) -> float:
    """Seconds from the start of the program to its word that it is ready: connected, greeted, listening."""
    began = time.monotonic()
    process = await lab._start(word, (), {"SWITCHBOARD_DRAIN_SECONDS": "1"})
    with suppress(TimeoutError):
        async with asyncio.timeout(60):
            while READY[word] not in process.log.read_bytes():
                await asyncio.sleep(0.002)
    seconds = time.monotonic() - began
    await process.end()
    return seconds
