"""Five hundred answers in flight in one worker process, and the memory that it has then."""

from __future__ import annotations

import asyncio

from tests.benchmarks import usage
from tests.benchmarks.lab import Lab
from tests.benchmarks.row import Row
from tests.benchmarks.speakers import CHUNKS, Steady

AT_ONCE = 500
SECONDS = 32.0  # of each answer
OVER = 20.0  # s in which they are asked, so that all are in flight together


async def rows() -> list[Row]:
    """A model that takes its time."""
    most, memory, shared = 0, 0.0, 0.0
    async with Lab(Steady(CHUNKS, SECONDS)) as lab:
        await lab.start("slack")
        (worker,) = await lab.start("worker", arguments=("--concurrency", str(AT_ONCE + 20)))
        before = usage.rss(worker.child.pid)
        asking = asyncio.create_task(lab.crowd(AT_ONCE, over=OVER))
        while not asking.done():
            flying = lab.models.in_flight
            if flying >= most:
                most, memory = flying, max(memory, usage.rss(worker.child.pid))
                shared = max(shared, usage.pss(worker.child.pid))
            await asyncio.sleep(0.25)
        await asking
    return [
        Row("answers in flight in one worker process", [most], least=AT_ONCE),
        Row(
            f"memory of a worker process with {AT_ONCE} in flight (RSS)",
            [memory],
            "MB",
            most=220,
            key="memory.worker",
            beside=f"{before:.0f} MB when it was ready; PSS {shared:.0f} MB",
        ),
    ]
