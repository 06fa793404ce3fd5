"""Twenty thousand messages: does any process grow?"""

from __future__ import annotations

from tests.benchmarks import usage
from tests.benchmarks.lab import Lab
from tests.benchmarks.row import Row
from tests.benchmarks.speakers import Steady

MESSAGES, FIRST = 20_000, 2_000  # the first ones fill pools, caches and allocators
WAVE = 100


async def rows() -> list[Row]:
    """Mentions in waves of a hundred, each in a thread of its own, short answers."""
    async with Lab(Steady(chunks=5, seconds=0.1)) as lab:
        await lab.start("slack", "worker")
        taken: list[dict[str, float]] = []
        for wave in range(MESSAGES // WAVE):
            if wave in (0, FIRST // WAVE):
                taken.append({name: usage.rss(pid) for name, pid in lab.pids.items()})
            await lab.crowd(WAVE)
            lab.slack.calls.clear()
            lab.slack.workspace.hub.deliveries.clear()
        await lab.at_rest(60)
        taken.append({name: usage.rss(pid) for name, pid in lab.pids.items()})
    started, warm, ended = taken
    return [
        Row(
            f"memory growth of {name} over {MESSAGES:,} messages, after the first {FIRST:,}",
            [ended[name] - warm[name]],
            "MB",
            most=None if name == "redis" else 10,
            beside=f"{started[name]:.0f} MB at the start, {warm[name]:.0f} MB, {ended[name]:.0f} MB in the end"
            + ("; it keeps every conversation for a day" if name == "redis" else ""),
        )
        for name in ended
    ]
