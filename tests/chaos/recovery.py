"""How soon answers go on: a few grow, nothing else happens, and one worker or Redis dies."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.checker import Verdict, check
from tests.chaos.faults import Fault, Faults
from tests.chaos.history import History
from tests.chaos.house import WiredHouse
from tests.chaos.measure import SETTLES
from tests.chaos.people import People
from tests.chaos.recorder import Recorder
from tests.chaos.talks import LENGTHS, Speaker, Talk, room

PACE = 0.1  # s between the model's chunks of twelve words: six seconds for the longest answer
GROWS = 2.0  # s that the answers have grown for when it happens
FAULTS = (("kill", "worker-1"), ("end", "worker-1"), ("kill", "redis"))
DRAIN = "2"  # s: too short for any of them, so that each is handed over in its middle
KINDS = ("chain", "thread", "chain")  # so few that a platform's limits hold nothing up
REACHED = 60.0  # s


@dataclass(slots=True)
class Recovery:
    """Each of the faults whose recovery is promised within some seconds, `times` times."""

    history: History = field(default_factory=History)

    async def go(self, times: int, lease: str, say: Callable[[str], object] = str) -> list[Verdict]:
        async with WiredHouse(
            self.history,
            SWITCHBOARD_DISCORD_MESSAGE_CONTENT="on",
            SWITCHBOARD_LEASE_SECONDS=lease,
            SWITCHBOARD_DRAIN_SECONDS=DRAIN,
        ) as house:
            house.models.speaker = Speaker(PACE)
            async with Recorder(house, self.history) as recorder:
                await house.open("slack-1", "discord-1", "worker-1", "worker-2")
                await house.discord.connected(60)
                people = People(house, recorder, self.history)
                numbers = itertools.count()
                for kind, victim in itertools.chain.from_iterable([FAULTS] * times):
                    await self._round(people, recorder, numbers, Fault(0, kind, victim, 0))
                    say(f"{kind} {victim}")
                recorder.finish(await people.rest())
        return check(self.history)

    async def _round(
        self, people: People, recorder: Recorder, numbers: itertools.count[int], fault: Fault
    ) -> None:
        """Answers grow, it happens, they are whole, and all is calm again."""
        house, asked = people.house, []
        for kind in KINDS:
            number = next(numbers)
            talk = Talk(number, kind, room(house.slack, house.discord, kind, number))
            recorder.rooms[talk.room] = number
            asked.append(len(LENGTHS) * (number + 1) - 1)  # the longest answers
            await people.ask(talk, asked[-1])
        async with asyncio.timeout(REACHED):
            while not all(recorder.told(question) for question in asked):
                await asyncio.sleep(0.02)
        await asyncio.sleep(GROWS)
        await Faults(house, self.history, random.Random(0)).strike(fault)
        async with asyncio.timeout(REACHED):
            while not all(recorder.told(question).endswith("ends.") for question in asked):
                await asyncio.sleep(0.02)
        await house.ready()
        await asyncio.sleep(SETTLES)
