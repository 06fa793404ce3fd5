"""Two hundred questions, ten kills: each is answered once, in order, and nothing is left owed."""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import replace

import pytest

from tests.house import House, Process

QUESTIONS = 200
KILLS = 10
THREADS = 20
SEED = 7


@pytest.mark.timeout(240)
async def test_two_hundred_questions_survive_ten_kills() -> None:
    rng = random.Random(SEED)
    # Slack gives a message up after three more tries: they last longer than an adapter needs to start, also on a slow
    # machine where it is killed again meanwhile.
    async with House(pace=0.003, retry_delays=(0.2, 5.0, 25.0)) as house:
        slack, first, second = await house.start("slack", "worker", "worker")
        running = {"slack": slack, "first": first, "second": second}
        kills = asyncio.create_task(_kill(house, running, rng))
        rooms = _rooms(house)
        asked = await _ask(house, rooms, rng)
        await kills
        await house.slack.settled(60)
        await house.at_rest(60)
        admitted = await _admitted(house)
        for root, numbers in asked.items():
            told = [house.slack.text_of(answer) for answer in house.slack.answers(root)]
            found = [int(n) for text in told for n in re.findall(r"number (\d+)\.", text)]
            assert sorted(found) == numbers, f"{root} was asked {numbers} and told {found}"
            # Slack delivers again what a killed adapter never acknowledged: later, as Slack says.
            assert found == [n for n in admitted if n in numbers], f"{root} was told {found}"


def _rooms(house: House) -> list[str]:
    """A channel for each thread: Slack takes one message a second in a channel."""
    general = house.slack.world.channel("general")
    rooms = [replace(general, id=f"C0ROOM{n:04}", name=f"room-{n}") for n in range(THREADS)]
    house.slack.world.channels.update({room.id: room for room in rooms})
    return [room.name for room in rooms]


async def _ask(house: House, rooms: list[str], rng: random.Random) -> dict[str, list[int]]:
    """Every question names its number, and the model repeats it."""
    asked: dict[str, list[int]] = {}
    where: dict[str, str] = {}
    for number in range(QUESTIONS):
        house.models.will_say("You asked ", f"number {number}.", when=f"[{number}]", times=None)
        if len(asked) < THREADS:
            room = rooms[number]
            root = await house.slack.post("mia", room, f"@Switchboard [{number}]")
            asked[root.ts], where[root.ts] = [number], room
        else:
            root_ts = rng.choice(list(asked))
            await house.slack.post("mia", where[root_ts], f"and [{number}]", thread_ts=root_ts)
            asked[root_ts].append(number)
        await asyncio.sleep(0.05)
    return asked


async def _admitted(house: House) -> list[int]:
    """The numbers in the order in which Redis admitted their questions."""
    found = []
    async for name in house.redis.scan_iter(b"switchboard:turn:*", count=1000):
        at, record = await house.redis.hmget(name, "admitted", "record")
        number = re.search(rb"\[(\d+)\]", record)
        if number:
            found.append((int(at), int(number[1])))
    return [number for _, number in sorted(found)]


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
