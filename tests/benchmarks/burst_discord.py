"""Fifty mentions at once on Discord: how long until all are answered, what that costs, and which calls it takes."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import Counter

from tests.benchmarks.burst import AT_ONCE
from tests.benchmarks.lab import PATIENCE, Lab
from tests.benchmarks.row import Row
from tests.benchmarks.speakers import END, SECONDS

RUNS = 3
CHANNELS = ("general", "engineering", "design", "random")
PEOPLE = ("mia", "noah", "adam", "mara", "olivia")


async def rows() -> list[Row]:
    """One worker, one adapter; each mention begins a conversation of its own."""
    times, costs, calls, reads = [], [], [], []
    async with Lab(SWITCHBOARD_USER_ANSWERS=str(AT_ONCE)) as lab:
        await lab.start("discord", "worker")
        await crowd(lab)
        await lab.at_rest(60)
        for _ in range(RUNS):
            lab.discord.calls.clear()
            async with lab.measured() as used:
                times.append(await crowd(lab))
            costs.append(1000 * used.cpu / AT_ONCE)
            calls.append(len(lab.discord.calls) / AT_ONCE)
            reads.append(sum(call.method == "GET" for call in lab.discord.calls) / AT_ONCE)
        routes = Counter(f"{c.method} {re.sub(r'[0-9]+', 'N', c.path)}" for c in lab.discord.calls)
        each = ", ".join(f"{name} {1000 * cpu / AT_ONCE:.1f} ms" for name, cpu in used.by.items())
    what = f"Discord: {AT_ONCE} mentions at once in {len(CHANNELS)} channels until all are answered"
    return [
        Row(what, [seconds / SECONDS for seconds in times], "× the model's time", most=1.5),
        Row("Discord: CPU per answer", costs, "ms", most=25, beside=each),
        Row(
            "Discord: calls per answer",
            calls,
            beside=", ".join(f"{name} {n / AT_ONCE:.2f}" for name, n in routes.most_common()),
        ),
        Row("Discord: calls that read anything, per answer", reads, most=0),
    ]


async def crowd(lab: Lab) -> float:
    """Seconds until each of so many mentions is answered in full."""
    world = lab.discord.world
    places = itertools.cycle(c.id for c in world.channels.values() if c.name in CHANNELS)
    people = itertools.cycle(PEOPLE)

    def whole() -> int:
        return sum(END in message.content for message in lab.discord.by_bot())

    wanted = whole() + AT_ONCE
    began = time.monotonic()
    for _ in range(AT_ONCE):
        await lab.discord.post(next(people), next(places), "@Switchboard Well?")
    async with asyncio.timeout(PATIENCE):
        while whole() < wanted:
            await asyncio.sleep(0.02)
    return time.monotonic() - began
