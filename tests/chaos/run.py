"""A fault run: so many questions in so many conversations, so many faults meanwhile, and what became of each."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.checker import Verdict, check
from tests.chaos.faults import PROCESSES, Fault, Faults, plan
from tests.chaos.history import History
from tests.chaos.house import WiredHouse
from tests.chaos.people import People
from tests.chaos.recorder import Recorder
from tests.chaos.talks import Speaker, Talk, order, regrets, talks


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is: `seconds` is how long people ask where nobody has to wait."""

    questions: int
    faults: int
    talks: int
    seconds: float
    pace: float = 0.25  # s between the model's chunks of twelve words


@dataclass(slots=True)
class Run:
    """One run of a seed. Once it is told to `stop` nobody asks any more, and what was asked is judged."""

    seed: int
    size: Size
    faults: list[Fault]
    history: History = field(default_factory=History)
    folder: Path | None = None  # where the history and the logs are kept
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    names: tuple[str, ...] = PROCESSES
    opened: Callable[..., WiredHouse] = WiredHouse

    @classmethod
    def of(cls, seed: int, size: Size, folder: Path | None = None) -> Run:
        faults = plan(random.Random(seed), size.faults, size.questions)
        return cls(seed, size, faults, folder=folder)

    async def go(self, say: Callable[[Fault], object] = str, **settings: str) -> list[Verdict]:
        """Ask, strike, wait until all is at rest, judge."""
        # Slack gives a message up after three more tries; here it does not, however long an outage takes.
        async with self.opened(
            self.history,
            retry_delays=(0.2, 2.0, 5.0, *[15.0] * 40),
            SWITCHBOARD_DISCORD_MESSAGE_CONTENT="on",
            **settings,
        ) as house:
            house.models.speaker = Speaker(self.size.pace)
            try:
                async with Recorder(house, self.history) as recorder:
                    everyone = talks(house.slack, house.discord, self.size.talks)
                    recorder.rooms |= {talk.room: talk.number for talk in everyone}
                    await house.open(*self.names)
                    await house.discord.connected(60)
                    people = People(house, recorder, self.history)
                    await self._ask(people, everyone, say)
                    recorder.finish(await people.rest())
            finally:
                self._keep(house)
        return check(self.history)

    async def _ask(
        self, people: People, everyone: list[Talk], say: Callable[[Fault], object]
    ) -> None:
        """People ask in even steps, or as fast as they are answered; each fault comes with its question."""
        faults = Faults(people.house, self.history, random.Random(self.seed + 2))
        whom = list(order(random.Random(self.seed + 1), everyone, self.size.questions))
        regretted = regrets(random.Random(self.seed + 3), whom)
        coming, began = deque(self.faults), time.monotonic()
        async with asyncio.TaskGroup() as meanwhile:
            for number, talk in enumerate(whom):
                due = began + self.size.seconds * number / self.size.questions
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await people.are_patient()
                if self.stop.is_set():
                    return
                while coming and coming[0].after <= number:
                    say(coming[0])
                    meanwhile.create_task(faults.strike(coming.popleft()))
                await people.ask(talk, number)
                if number in regretted:
                    meanwhile.create_task(people.regret(talk, number, *regretted[number]))

    def _keep(self, house: WiredHouse) -> None:
        """What the processes logged, for whoever looks into a verdict."""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.history.save(self.folder / "history.jsonl")
            for process in house.processes:
                shutil.copy(process.log, self.folder)
