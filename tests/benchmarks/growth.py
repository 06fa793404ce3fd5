"""How the figures grow: with the answers in flight, with the workers, with the conversations kept."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from bot.conversation import pack
from bot.types import ChatMessage, TextPart
from tests.benchmarks import usage
from tests.benchmarks.lab import Lab
from tests.benchmarks.latency import added
from tests.benchmarks.row import Row
from tests.benchmarks.speakers import CHUNKS, Stamped, Steady, prose

FLIGHTS = (1, 10, 100, 500)
WORKERS = (1, 2)
LONG, RATE = 24.0, 25.0  # s of an answer; questions a second
BURST = 100
KEPT, KEPT_LONG = (10, 1_000), (100_000,)
QUESTIONS = 30


async def in_flight() -> list[Row]:
    """So many answers in flight at the same time, one worker. They take long, so that they can be asked one by one."""
    found = []
    async with Lab(Steady(CHUNKS, LONG)) as lab:
        await lab.start("slack")
        await lab.start("worker", arguments=("--concurrency", "520"))
        await lab.crowd(1)
        for count in FLIGHTS:
            async with lab.measured() as used:
                asked = await lab.crowd(count, over=count / RATE)
            each = ", ".join(f"{name} {1000 * cpu / count:.1f} ms" for name, cpu in used.by.items())
            found.append(
                Row(
                    f"{count} in flight, one worker: time from the model's end until the answer is whole, p50",
                    [1000 * median(one.seconds - LONG for one in asked)],
                    "ms",
                    beside=f"{CHUNKS} chunks in {LONG:g} s, edited meanwhile; CPU per answer: {each}",
                )
            )
    return found


async def workers() -> list[Row]:
    """The same burst for one and for two worker processes."""
    found = []
    for count in WORKERS:
        async with Lab() as lab:
            await lab.start("slack", *("worker",) * count)
            await lab.crowd(20 * count)
            async with lab.measured() as used:
                asked = await lab.crowd(BURST)
        each = ", ".join(f"{name} {1000 * cpu / BURST:.1f} ms" for name, cpu in used.by.items())
        found.append(
            Row(
                f"{BURST} at once, {count} worker{'s'[: count - 1]}: time until the last is whole",
                [max(one.seconds for one in asked)],
                "s",
                beside=f"CPU per answer: {each}",
            )
        )
    return found


async def kept() -> list[Row]:
    """Few and many conversations in Redis."""
    return [await _kept(count) for count in KEPT]


async def kept_long() -> list[Row]:
    """As many as a large organisation has in a day."""
    return [await _kept(count) for count in KEPT_LONG]


async def _kept(count: int) -> Row:
    speaker = Stamped()
    async with Lab(speaker) as lab:
        await fill(lab, count)
        await lab.start("slack", "worker")
        await added(lab, speaker, 10)
        async with lab.measured() as used:
            times = [1000 * (ask + show) for ask, show in await added(lab, speaker, QUESTIONS)]
        memory = usage.rss(lab.pids["redis"])
    return Row(
        f"{count:,} conversations kept: time added to the first words, p50",
        [median(times)],
        "ms",
        beside=f"Redis {memory:,.0f} MB, {1000 * used.by['redis'] / QUESTIONS:.1f} ms of CPU per answer",
    )


async def fill(lab: Lab, count: int) -> None:
    """Conversations of twenty messages, as they are kept while they may go on."""
    entries = [pack(message) for message in _messages()]
    for start in range(0, count, 500):
        async with lab.redis.pipeline(transaction=False) as pipe:
            for n in range(start, min(count, start + 500)):
                name = f"slack:T1:C1:1700000000.{n:06}"
                pipe.rpush(f"switchboard:log:{name}:0", *entries)
                pipe.rpush(f"switchboard:cost:{name}:0", *[200] * len(entries))
                pipe.hset(f"switchboard:lease:{name}", mapping={"fence": 1, "last": "0" * 16})
                pipe.set(f"switchboard:at:slack:T1:C1:1700000000.{n:06}", name, ex=86_400)
            await pipe.execute()


def _messages() -> Iterable[ChatMessage]:
    for n in range(10):
        yield ChatMessage("user", (TextPart(prose(n, 90)),), f"U{n}", f"1700000000.{n}")
        yield ChatMessage("assistant", (TextPart(prose(n + 50, 800)),), alias="gpt-4o")
