"""Two hundred questions on both platforms, ten kills: each is answered once, in order, and nothing is left owed."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field, replace

import pytest

from tests.house import House, Process, Word

QUESTIONS = 200
KILLS = 10
THREADS = 24  # half of them on each platform
SEED = 7


@dataclass
class Talk:
    """A conversation of people with the bot: which numbers were asked in it, and where and after what."""

    platform: str
    room: str
    root: str = ""
    numbers: list[int] = field(default_factory=list)


@dataclass
class Run:
    """What was asked, and what became of it."""

    house: House
    talks: list[Talk] = field(default_factory=list)

    async def ask(self, talk: Talk, number: int) -> None:
        """Every question names its number, and the model repeats it. In a thread of Slack's only the root mentions."""
        self.house.models.will_say(
            "You asked ",
            f"number {number}.",
            when=lambda request: request.prompt.endswith(f" [{number}]"),
            times=None,
        )
        talk.numbers.append(number)
        words = f"@Switchboard number [{number}]"
        if talk.platform == "slack":
            words = f"number [{number}]" if talk.root else words
            post = await self.house.slack.post("mia", talk.room, words, thread_ts=talk.root or None)
            talk.root = talk.root or post.ts
        else:
            message = await self.house.discord.post(
                "mia", talk.room, words, reply_to=talk.root or None
            )
            talk.root = talk.root or message.id

    def told(self, talk: Talk) -> list[str]:
        """What the bot said in the conversation, in the order of posting."""
        if talk.platform == "slack":
            slack = self.house.slack
            return [slack.text_of(answer) for answer in slack.answers(talk.root)]
        return [message.content for message in self.house.discord.by_bot(talk.room)]

    async def admitted(self) -> dict[int, str]:
        """The numbers in the order in which Redis admitted their questions, and their conversations."""
        found = []
        async for name in self.house.redis.scan_iter(b"switchboard:turn:*", count=1000):
            at, record, where = await self.house.redis.hmget(
                name, "admitted", "record", "conversation"
            )
            if number := re.search(rb"\[(\d+)\]", record):
                found.append((int(at), int(number[1]), where.decode()))
        return {number: where for _, number, where in sorted(found)}


@pytest.mark.timeout(280)
async def test_two_hundred_questions_survive_ten_kills() -> None:
    rng = random.Random(SEED)
    # Slack gives a message up after three more tries; here it does not, however long a slow machine takes to start.
    async with House(
        pace=0.003,
        retry_delays=(0.2, *[3.0] * 20),
        SWITCHBOARD_DISCORD_MESSAGE_CONTENT="on",
    ) as house:
        run = Run(house)
        run.talks = [Talk(*place) for place in _rooms(house)]
        started = await house.start("slack", "discord", "worker", "worker")
        kills = asyncio.create_task(_kill(house, dict(enumerate(started))))
        for number in range(QUESTIONS):
            await run.ask(run.talks[number] if number < THREADS else rng.choice(run.talks), number)
            await asyncio.sleep(0.05)
        await kills
        await house.slack.settled(60)
        await house.at_rest(90)
        admitted = await run.admitted()
        for talk in run.talks:
            heard = [n for n in admitted if n in talk.numbers]
            assert sorted(heard) == talk.numbers, f"only {heard} of {talk}"
            told = run.told(talk)
            # Each answer is there once and nothing besides: no apology, no second copy, no half of one.
            assert sorted(told) == sorted(f"You asked number {n}." for n in heard), talk
            places = [admitted[n] for n in heard]
            for place in set(places):  # on Discord a chain whose root was not heard begins anew
                mine = [n for n in heard if admitted[n] == place]
                said = [int(re.findall(r"\d+", words)[0]) for words in told]
                assert [n for n in said if n in mine] == mine, talk


def _rooms(house: House) -> Iterator[tuple[str, str]]:
    """A channel for each conversation: both platforms take about one message a second in a channel."""
    slack, discord = house.slack.world, house.discord.world
    for number in range(THREADS // 2):
        name = f"room-{number}"
        here = replace(slack.channel("general"), id=f"C0ROOM{number:04}", name=name)
        slack.channels[here.id] = here
        there = copy(next(c for c in discord.channels.values() if c.name == "general"))
        there.id, there.name = str(int(there.id) + 1_000_000 + number), name
        discord.channels[there.id] = there
        yield "slack", name
        yield "discord", name


async def _kill(house: House, running: dict[int, Process]) -> None:
    """kill -9 of an adapter, a worker or Redis, each started again as a supervisor would."""
    words: list[Word] = ["slack", "discord", "worker", "worker"]
    for number in range(KILLS):
        await asyncio.sleep(0.8)
        victim = number % 5
        if victim == len(words):
            house.kill_redis()
            continue
        process = running[victim]
        process.kill()
        await process.child.wait()
        (running[victim],) = await house.start(words[victim])
