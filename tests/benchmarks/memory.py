"""Twenty thousand messages: does any process grow?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.benchmarks import burst_discord, usage
from tests.benchmarks.lab import Lab
from tests.benchmarks.row import Row
from tests.benchmarks.speakers import Steady

MESSAGES, FIRST = 20_000, 2_000  # the first ones fill pools, caches and allocators
WAVE = 100


async def rows() -> list[Row]:
    """Mentions in waves of a hundred, each in a thread of its own, short answers."""

    async def wave(lab: Lab) -> None:
        await lab.crowd(WAVE)
        lab.slack.calls.clear()
        lab.slack.workspace.hub.deliveries.clear()

    async with Lab(Steady(chunks=5, seconds=0.1)) as lab:
        await lab.start("slack", "worker")
        return await _grown(lab, WAVE, wave)


async def discord() -> list[Row]:
    """The same of Discord's adapter, in waves of as many as are asked at once there."""

    async def wave(lab: Lab) -> None:
        await burst_discord.crowd(lab)
        lab.discord.calls.clear()
        for messages in lab.discord.world.messages.values():
            messages.clear()

    many = burst_discord.AT_ONCE
    async with Lab(
        Steady(chunks=5, seconds=0.1),
        SWITCHBOARD_USER_ANSWERS=str(many),
        SWITCHBOARD_USER_QUESTIONS=str(2 * many),
    ) as lab:
        await lab.start("discord", "worker")
        found = await _grown(lab, many, wave)
    return [row for row in found if "of discord" in row.figure]


async def _grown(lab: Lab, many: int, wave: Callable[[Lab], Awaitable[None]]) -> list[Row]:
    taken: list[dict[str, float]] = []
    for number in range(MESSAGES // many):
        if number in (0, FIRST // many):
            taken.append({name: usage.rss(pid) for name, pid in lab.pids.items()})
        await wave(lab)
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
