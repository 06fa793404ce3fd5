"""The house in which everything is measured: the real processes, a crowd that asks, a look at what they use.

The simulated platforms and the model run in the process that measures, so that one clock sees both ends. CPU and
memory are those of Redis, the adapters and the workers alone.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from playground.models import ModelServer
from playground.models.server import Speaker
from playground.slack.world import Channel, Person
from tests.benchmarks import usage
from tests.benchmarks.speakers import END, Steady
from tests.house import House

PATIENCE = 240.0  # s for a crowd's last answer
KEPT = 2_000  # requests that the model remembers
PATIENT = (
    1.0,
    5.0,
    20.0,
    60.0,
)  # s between Slack's deliveries of what a busy machine was too slow to acknowledge


@dataclass(slots=True)
class Asked:
    """A question of the crowd: its name, its message, when it was asked and when all of its answer was to be seen."""

    name: str
    place: str
    ts: str
    at: float
    finished: asyncio.Future[float] = field(repr=False)

    @property
    def seconds(self) -> float:
        return self.finished.result() - self.at


@dataclass(slots=True)
class Used:
    """CPU seconds of each process between two moments, by its name."""

    by: dict[str, float] = field(default_factory=dict)

    @property
    def cpu(self) -> float:
        return sum(self.by.values())


class Lab(House):
    """A house with `channels` Slack channels and `people` who each ask now and then."""

    def __init__(
        self,
        speaker: Speaker | None = None,
        *,
        limits: bool = False,
        channels: int = 10,
        people: int = 500,
        **settings: str,
    ) -> None:
        usual = {"SWITCHBOARD_LEASE_SECONDS": "8"}
        super().__init__(limits=limits, retry_delays=PATIENT, **usual | settings)
        self.program = "bot" if limits else "tests.benchmarks.unpaced"
        self.models = ModelServer(speaker=speaker or Steady(), keep=KEPT)
        team = self.slack.world.team.id
        crowd = [Person(f"U0CROWD{n:04}", f"crowd{n}", f"Crowd {n}", team) for n in range(people)]
        members = frozenset({one.id for one in crowd} | {self.slack.world.app.bot_user})
        self._places = [f"C0BENCH{n:03}" for n in range(channels)]
        self.slack.world.people |= {one.id: one for one in crowd}
        self.slack.world.channels |= {
            id_: Channel(id_, f"bench-{n}", members=members) for n, id_ in enumerate(self._places)
        }
        self._people = itertools.cycle(crowd)
        self._names = itertools.count()
        self._open: dict[str, Asked] = {}

    async def __aenter__(self) -> Lab:
        await super().__aenter__()
        self._changes = asyncio.Queue()
        self.slack.subscribe(self._changes)
        self._watching = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *error: object) -> None:
        self._watching.cancel()
        await super().__aexit__(*error)  # type: ignore[arg-type]

    # ---- asking -------------------------------------------------------------------------------------

    async def crowd(
        self, count: int, words: str = "@Switchboard Well?", *, over: float = 0.0
    ) -> list[Asked]:
        """So many mentions at once or within `over` s, each at the root of a thread of its own, the channels in turn;
        all answered."""
        asked: list[Asked] = []
        began = time.monotonic()
        for place in itertools.islice(itertools.cycle(self._places), count):
            asked.append(await self.ask(place, words))
            # By the clock: a pause after each, which takes a while itself, made twenty seconds thirty-four.
            await asyncio.sleep(began + len(asked) * over / count - time.monotonic())
        await self.all(asked)
        return asked

    async def ask(
        self, place: str | None = None, words: str = "@Switchboard Well?", root: str | None = None
    ) -> Asked:
        """One question; the model sees its name."""
        name = f"q{next(self._names)}"
        now = time.monotonic()
        finished = asyncio.get_running_loop().create_future()
        post = await self.slack.post(
            next(self._people),
            place or self._places[0],
            f"{words} (question {name})",
            thread_ts=root,
        )
        asked = self._open[root or post.ts] = Asked(name, post.channel, post.ts, now, finished)
        return asked

    async def all(self, asked: Sequence[Asked]) -> None:
        """Until each is answered in full."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(one.finished for one in asked))

    async def _watch(self) -> None:
        """Find the answers that are whole."""
        bot = self.slack.world.app.bot_user
        while True:
            change = await self._changes.get()
            message = change.get("message")
            if not message or message["user"] != bot:
                continue
            asked = self._open.get(message.get("thread_ts", ""))
            if asked is not None and END in str(message.get("blocks")):
                del self._open[message["thread_ts"]]
                if not asked.finished.done():
                    asked.finished.set_result(time.monotonic())

    # ---- what is used ---------------------------------------------------------------------------------

    @property
    def pids(self) -> dict[str, int]:
        """The measured processes by name."""
        assert self.server.pid is not None
        running = [p for p in self.processes if p.child.returncode is None]
        return {"redis": self.server.pid} | {
            f"{p.word}{n or ''}": p.child.pid
            for word in ("slack", "discord", "worker")
            for n, p in enumerate(p for p in running if p.word == word)
        }

    @asynccontextmanager
    async def measured(self) -> AsyncIterator[Used]:
        """What is used meanwhile, until all is at rest."""
        before = {name: usage.cpu([pid]) for name, pid in self.pids.items()}
        used = Used()
        yield used
        await self.at_rest(60)
        used.by = {name: usage.cpu([pid]) - before[name] for name, pid in self.pids.items()}
