"""A fault run: so many questions in so many conversations, so many faults meanwhile, and what became of each."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.checker import Verdict, check
from tests.chaos.faults import Fault, Faults, plan
from tests.chaos.history import History
from tests.chaos.house import WiredHouse
from tests.chaos.people import People
from tests.chaos.recorder import Recorder
from tests.chaos.talks import Speaker, order, talks


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is: `seconds` is how long people ask."""

    questions: int
    faults: int
    talks: int
    seconds: float
    pace: float = 0.25  # s between the model's chunks of twelve words


@dataclass(slots=True)
class Run:
    """One run of a seed."""

    seed: int
    size: Size
    faults: list[Fault]
    history: History
    folder: Path | None = None  # where the history and the logs are kept
    redis: str = ""  # its version

    @classmethod
    def of(cls, seed: int, size: Size, *, folder: Path | None = None) -> Run:
        faults = plan(random.Random(seed), size.faults, size.seconds)
        return cls(seed, size, faults, History(), folder)

    async def go(self, say: Callable[[Fault], object] = str, **settings: str) -> list[Verdict]:
        """Ask, strike, wait until all is at rest, judge."""
        # Slack gives a message up after three more tries; here it does not, however long an outage takes.
        async with WiredHouse(
            self.history,
            retry_delays=(0.2, *[2.0] * 60),
            SWITCHBOARD_DISCORD_MESSAGE_CONTENT="on",
            **settings,
        ) as house:
            self.redis = (await house.redis.info("server"))["redis_version"]
            house.models.speaker = Speaker(self.size.pace)
            async with Recorder(house, self.history) as recorder:
                everyone = talks(house.slack, house.discord, self.size.talks)
                recorder.rooms |= {talk.room: talk.number for talk in everyone}
                await house.open("slack-1", "discord-1", "worker-1", "worker-2")
                await house.discord.connected(60)
                people = People(house, recorder, self.history)
                rng = random.Random(self.seed + 1)
                striking = asyncio.create_task(
                    Faults(house, self.history, random.Random(self.seed + 2)).run(self.faults, say)
                )
                await people.ask_all(
                    list(order(rng, everyone, self.size.questions)), self.size.seconds
                )
                await striking
                left = await people.rest()
                recorder.finish(left)
            self._keep(house)
        return check(self.history)

    def _keep(self, house: WiredHouse) -> None:
        """What the processes logged, for whoever looks into a verdict."""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.history.save(self.folder / "history.jsonl")
            for process in house.processes:
                shutil.copy(process.log, self.folder)
