"""Two hundred questions, ten kills: each is answered once, in order, and nothing is left owed."""

from __future__ import annotations

import asyncio
import random
import re

import pytest

from tests.house import House, Process

QUESTIONS = 200
KILLS = 10
THREADS = 20
SEED = 7


@pytest.mark.timeout(240)
async def test_two_hundred_questions_survive_ten_kills() -> None:
    rng = random.Random(SEED)
    async with House(pace=0.003) as house:
        slack, first, second = await house.start("slack", "worker", "worker")
        running = {"slack": slack, "first": first, "second": second}
        kills = asyncio.create_task(_kill(house, running, rng))
        asked = await _ask(house, rng)
        await kills
        await house.at_rest(90)
        for root, numbers in asked.items():
            told = [house.slack.text_of(answer) for answer in house.slack.answers(root)]
            found = [int(n) for text in told for n in re.findall(r"number (\d+)\.", text)]
            assert found == numbers, f"thread {root} was asked {numbers} and told {found}"


async def _ask(house: House, rng: random.Random) -> dict[str, list[int]]:
    """Every question names its number, and the model repeats it."""
    asked: dict[str, list[int]] = {}
    for number in range(QUESTIONS):
        house.models.will_say("You asked ", f"number {number}.", when=f"[{number}]", times=None)
        if len(asked) < THREADS:
            root = await house.slack.post("mia", "general", f"@Switchboard [{number}]")
            asked[root.ts] = [number]
        else:
            root_ts = rng.choice(list(asked))
            await house.slack.post("mia", "general", f"and [{number}]", thread_ts=root_ts)
            asked[root_ts].append(number)
        await asyncio.sleep(0.05)
    return asked


async def _kill(house: House, running: dict[str, Process], rng: random.Random) -> None:
    """kill -9 of a worker, of the adapter or of Redis, each started again as a supervisor would."""
    for number in range(KILLS):
        await asyncio.sleep(0.8)
        victim = ["first", "slack", "redis", "second"][number % 4]
        if victim == "redis":
            house.kill_redis()
            continue
        running[victim].kill()
        await running[victim].child.wait()
        (running[victim],) = await house.start(running[victim].word)
