"""What each of the caps of fairness means: for those whom it protects, and for those whom it holds back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from statistics import median, quantiles

from tests.benchmarks.fairness import flooded_by_one
from tests.benchmarks.lab import Lab
from tests.benchmarks.row import Row
from tests.benchmarks.speakers import SECONDS, Steady

PLACES = 20  # answers in flight of the one worker: a tenth of what it has usually
PERSON = (5, 10, 20, 50)  # SWITCHBOARD_USER_ANSWERS
LONG = 5.0  # s of an answer: at five questions a second one person would have 25 in flight
BURST = 50  # questions of one person at once
WORKSPACE = (PLACES // 2, PLACES, 0)  # SWITCHBOARD_WORKSPACE_ANSWERS
CROWD, NEIGHBOURS = 80, 5  # questions of the workspace at its cap, and of the other one
WAITING = 200  # SWITCHBOARD_USER_QUESTIONS
CHARACTERS = (100, 4_000)  # of a question; a Slack client sends no more in one message
PATIENCE = 120.0  # s


async def person() -> list[Row]:
    """A burst of one person for each cap, and then a flood of theirs."""
    found = []
    for cap in PERSON:
        async with Lab(SWITCHBOARD_USER_ANSWERS=str(cap)) as lab:
            await lab.start("slack")
            await lab.start("worker", arguments=("--concurrency", str(PLACES)))
            await lab.crowd(10)  # what is made at first use is made
            burst = await _burst(lab)
            lab.models.speaker = Steady(seconds=LONG)
            [quiet], [flooded], asked, _ = await flooded_by_one(lab, 1)
        ends = [quantiles(waits, n=20)[-1] for waits in (quiet, flooded)]
        found += [
            Row(
                f"{cap} answers of one person in {PLACES} places: what others wait for the first words in their flood,"
                " median",
                [median(flooded) / median(quiet)],
                "×",
                beside=f"median {1000 * median(quiet):.0f} → {1000 * median(flooded):.0f} ms, p95"
                f" {1000 * ends[0]:.0f} → {1000 * ends[1]:.0f} ms; answers of {LONG:g} s; {asked} questions of the one",
            ),
            Row(
                f"… what {BURST} questions of that person at once take, while others ask",
                [burst / SECONDS],
                "× the model's time",
            ),
        ]
    return found


async def _burst(lab: Lab) -> float:
    """Seconds until all that one person asks at once is answered; somebody else has asked just now."""
    *_, one, other = lab.slack.world.people.values()
    await lab.slack.post(other, "C0BENCH000", "@Switchboard Well?")
    began = time.monotonic()
    for n in range(BURST):
        await lab.slack.post(one, f"C0BENCH{n % 10:03}", f"@Switchboard And {n}?")
    await lab.slack.settled(PATIENCE)
    await lab.at_rest(PATIENCE)
    return time.monotonic() - began


async def workspace() -> list[Row]:
    """A Slack workspace asks more than there are places for; somebody asks in a Discord server meanwhile."""
    return [await _neighbours(cap) for cap in WORKSPACE]


async def _neighbours(cap: int) -> Row:
    async with Lab(Steady(), SWITCHBOARD_WORKSPACE_ANSWERS=str(cap)) as lab:
        await lab.start("slack", "discord")
        await lab.start("worker", arguments=("--concurrency", str(PLACES)))
        await lab.crowd(10)
        await _waits(lab)  # what is made at first use is made
        alone = [await _waits(lab) for _ in range(NEIGHBOURS)]
        lab.models.speaker = Steady(seconds=LONG)
        full = len(lab.models.requests) + min(cap or PLACES, PLACES)
        crowd = asyncio.create_task(lab.crowd(CROWD))
        await lab.until(lambda: len(lab.models.requests) >= full)
        beside = await asyncio.gather(*(_waits(lab) for _ in range(NEIGHBOURS)))
        await crowd
    return Row(
        f"{cap or 'any number of'} answers of one workspace in {PLACES} places, {CROWD} asked at once: what a neighbour"
        " waits for the first words",
        beside,
        "s",
        beside=f"{1000 * median(alone):.0f} ms when nobody else asks; answers of {LONG:g} s",
    )


async def _waits(lab: Lab) -> float:
    """Seconds until the first words of an answer in the Discord server."""
    channel = next(c for c in lab.discord.world.channels.values() if c.name == "general").id
    began = time.monotonic()
    asked = await lab.discord.post("mia", channel, "@Switchboard Well?")
    async with asyncio.timeout(PATIENCE):
        while not any(
            m.reference and m.reference.message_id == asked.id for m in lab.discord.by_bot(channel)
        ):
            await asyncio.sleep(0.005)
    return time.monotonic() - began


async def waiting() -> list[Row]:
    """As many questions of one person as may wait, and no worker there."""
    return [await _inbox(characters) for characters in CHARACTERS]


async def _inbox(characters: int) -> Row:
    words = " ".join(_words(characters))
    async with Lab() as lab:
        await lab.start("slack")
        *_, one = lab.slack.world.people.values()
        before = (await lab.redis.info("memory"))["used_memory"]
        for n in range(WAITING):
            await lab.slack.post(one, f"C0BENCH{n % 10:03}", f"@Switchboard {n} {words}")
        await lab.slack.settled(PATIENCE)
        after = (await lab.redis.info("memory"))["used_memory"]
        kept = await lab.redis.zcard("switchboard:owed:slack")
    return Row(
        f"Redis memory of {WAITING} questions of one person that wait, of {characters:,} characters each",
        [(after - before) / 1e6],
        "MB",
        beside=f"{kept} wait, {(after - before) / kept / 1000:.1f} kB each",
    )


def _words(characters: int) -> Iterator[str]:
    """Words that are not all alike."""
    return (f"w{n:04}" for n in range(characters // 6))
