"""One person asks at a hundred times the rate of the others: how much longer do those wait for their first words?"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from statistics import median, quantiles
from typing import Any

from playground.slack.world import Person
from tests.benchmarks.lab import Lab
from tests.benchmarks.row import Row

PEOPLE = 40  # who each ask every `EVERY` s
EVERY = 20.0
TIMES = 100  # of one person's rate: the flood
ROUNDS, SECONDS = 3, 12.0  # without and with it, in turns
CHANNELS = 10
PATIENCE = 120.0  # s for the last of their first words


class Waits:
    """When each question of the people was asked, and when the first words below it were to be seen."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._asked: dict[str, float] = {}
        self._changes: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._shown: dict[str, float] = {}

    async def ask(self, who: Person, place: str) -> None:
        at = time.monotonic()
        post = await self._lab.slack.post(who, place, "@Switchboard What do you make of it?")
        self._asked[post.ts] = at

    async def watch(self) -> None:
        bot = self._lab.slack.world.app.bot_user
        self._lab.slack.subscribe(self._changes)
        while True:
            message = (await self._changes.get()).get("message") or {}
            if message.get("user") == bot and message.get("blocks"):
                self._shown.setdefault(message.get("thread_ts", ""), time.monotonic())

    async def taken(self) -> list[float]:
        """Seconds of each, once all are there."""
        async with asyncio.timeout(PATIENCE):
            while not self._asked.keys() <= self._shown.keys():
                await asyncio.sleep(0.05)
        found = [self._shown[ts] - at for ts, at in self._asked.items()]
        self._asked.clear()
        self._shown.clear()
        return found


async def rows() -> list[Row]:
    """One worker, one adapter; everybody asks in the same ten channels, each question in a thread of its own."""
    async with Lab(channels=CHANNELS) as lab:
        await lab.start("slack", "worker")
        await lab.crowd(50)  # what is made at first use is made
        quiet, flooded, asked, told = await flooded_by_one(lab, ROUNDS)
    beside = (
        f"{PEOPLE} people ask every {EVERY:.0f} s, one every {1000 * EVERY / TIMES:.0f} ms, in the same {CHANNELS}"
        f" channels; {asked} questions of that one, told {told} times that they are too many"
    )
    return [
        _row("median", median, quiet, flooded, beside),
        _row("p95", lambda values: quantiles(values, n=20)[-1], quiet, flooded, ""),
    ]


async def flooded_by_one(
    lab: Lab, rounds: int
) -> tuple[list[list[float]], list[list[float]], int, int]:
    """What people wait without and with one person's flood in each round (s); its questions; how often it was told."""
    waits = Waits(lab)
    watching = asyncio.create_task(waits.watch())
    flooder, *people = list(lab.slack.world.people.values())[-PEOPLE - 1 :]
    quiet: list[list[float]] = []
    flooded: list[list[float]] = []
    asked = 0
    for number in range(rounds):
        if number:
            await lab.at_rest(PATIENCE)
        await _people(lab, waits, people)
        quiet.append(await waits.taken())
        async with _flood(lab, flooder) as count:
            await _people(lab, waits, people)
        flooded.append(await waits.taken())
        asked += count[0]
    watching.cancel()
    return quiet, flooded, asked, len(lab.slack.private(flooder))


def _row(
    name: str,
    of: Callable[[list[float]], float],
    quiet: list[list[float]],
    flooded: list[list[float]],
    beside: str,
) -> Row:
    both = [
        (1000 * of(before), 1000 * of(during))
        for before, during in zip(quiet, flooded, strict=True)
    ]
    figures = ", ".join(f"{before:.0f} → {during:.0f} ms" for before, during in both)
    return Row(
        f"wait for the first words, {name}: with one person's flood against without it",
        [during / before for before, during in both],
        "×",
        most=2,
        beside=f"{figures}{'; ' if beside else ''}{beside}",
    )


async def _people(lab: Lab, waits: Waits, people: list[Person]) -> None:
    """They ask for a while, each in their own time."""

    async def one(who: Person, chance: random.Random) -> None:
        at = chance.uniform(0, EVERY)
        while at < SECONDS:
            await asyncio.sleep(began + at - time.monotonic())
            await waits.ask(who, _place(chance))
            at += EVERY

    began = time.monotonic()
    await asyncio.gather(*(one(who, random.Random(n)) for n, who in enumerate(people)))


@asynccontextmanager
async def _flood(lab: Lab, who: Person) -> AsyncIterator[list[int]]:
    """One person asks at so many times the others' rate meanwhile, from a moment before."""
    count, chance = [0], random.Random(7)

    async def flood() -> None:
        began = time.monotonic()
        while True:
            due = began + count[0] * EVERY / TIMES
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await lab.slack.post(who, _place(chance), f"@Switchboard And {count[0]}?")
            count[0] += 1

    flooding = asyncio.create_task(flood())
    await asyncio.sleep(3)
    try:
        yield count
    finally:
        flooding.cancel()


def _place(chance: random.Random) -> str:
    return f"C0BENCH{chance.randrange(CHANNELS):03}"
