"""Every named crash point: a process dies right before, and right after, each step that stores or sends.

The wire tells the step: nothing in the product knows of it. `before` the bytes never leave, `after` they were carried
out and the reply never comes. Whoever took the step is killed by kill -9, and nothing else is started again.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import get_args

from playground.slack import events
from tests.chaos.checker import Verdict, check
from tests.chaos.faults import end
from tests.chaos.history import Asked, History, Regret, Struck
from tests.chaos.house import WiredHouse
from tests.chaos.people import People
from tests.chaos.recorder import Recorder
from tests.chaos.steps import Side, Step, Trap
from tests.chaos.talks import LENGTHS, Kind, Speaker, Talk, room
from tests.pictures import png

PACE = 0.05  # s between the model's chunks of twelve words
# Scenes in which people watch an answer. One whose worker dies under it thrice is given up.
WATCHED = {"growing", "edit", "late_edit", "stop", "retry"}
REACHED = 45.0  # s until the step, and what follows from it, must have come
SHORT, LONGEST = (LENGTHS.index(n) for n in (24, 720))
FIRST, LAST = 0, -1  # chunks of an answer


@dataclass(frozen=True, slots=True)
class Point:
    """A step, the process that takes it, and what people do so that it is taken. `victim` dies."""

    step: str
    scene: str
    word: str
    victim: str = ""  # who takes it, unless it is Redis that dies
    holds: bytes = b""  # what its words hold, where others take that step too

    def __str__(self) -> str:
        died = f", {self.victim} dies" if self.victim else ""
        return f"{self.word} {self.step} ({self.scene}{died})"


def _points(word: str, **scenes: str) -> Iterator[Point]:
    for scene, steps in scenes.items():
        for step in steps.split():
            yield Point(step, scene, word)


POINTS: dict[str, list[Point]] = {
    "slack": [
        *_points(
            "slack",
            mention="ADMIT ack OWN NEXT chat.postMessage BIND DELIVERED",
            thinking="assistant.threads.setStatus",
            growing="chat.update",
            picture="file BLOB READY RING",
            command="SAY chat.postEphemeral",
            switch="CHANGE INTEND",
            edit="AMEND",
            late_edit="MEND",
            parked="PARK REPARK",
            stop="AMEND",
            retry="ADOPT",
        ),
        Point("ADMIT", "retry", "slack", holds=b'"retries":"'),
    ],
    "streams": [  # SWITCHBOARD_SLACK_STREAM=native
        *_points(
            "slack",
            stream="HOLD chat.startStream BIND agents.sessions.setStatus chat.appendStream chat.stopStream DELIVERED",
        )
    ],
    "discord": [
        *_points(
            "discord",
            mention="ADMIT OWN NEXT message.post BIND DELIVERED",
            thinking="typing",
            growing="message.edit",
            command="SAY",
            slash="ADMIT interaction.callback interaction.edit BIND DELIVERED",
            private="INTEND interaction.post",
        )
    ],
    "worker": [
        *_points(
            "worker", mention="SWEEP CLAIM model COMMIT", long="APPEND RENEW", drain="RELEASE"
        ),
        Point("COMMIT", "stop", "worker", holds=b"stopped"),
    ],
    "redis": [
        Point(step, scene, word, "redis")
        for word, scene, steps in (
            ("slack", "mention", "ADMIT BIND DELIVERED"),
            ("worker", "mention", "CLAIM COMMIT"),
            ("worker", "long", "APPEND"),
        )
        for step in steps.split()
    ],
}


@dataclass(slots=True)
class Crashes:
    """All points, each `times` times on both sides, in one house."""

    streams: bool = False  # those of Slack's own streams instead
    history: History = field(default_factory=History)
    missed: list[str] = field(default_factory=list)  # points whose step never came
    tried: list[tuple[float, float, str]] = field(default_factory=list)  # from when until when

    async def go(self, times: int = 1, say: Callable[[str], object] = str) -> list[Verdict]:
        async with WiredHouse(
            self.history,
            retry_delays=(0.2, *[1.0] * 60),
            SWITCHBOARD_DISCORD_MESSAGE_CONTENT="on",
            SWITCHBOARD_DRAIN_SECONDS="1",
            SWITCHBOARD_SLACK_STREAM="native" if self.streams else "update",
        ) as house:
            house.models.speaker = speaker = Speaker(PACE)
            async with Recorder(house, self.history) as recorder:
                await house.open("slack-1", "discord-1", "worker-1")
                await house.discord.connected(60)
                scenes = Scenes(house, recorder, self.history, speaker)
                for _ in range(times if self.streams else 0):
                    await self._series(scenes, POINTS["streams"], say)
                for _ in range(0 if self.streams else times):
                    await asyncio.gather(
                        *(
                            self._series(scenes, POINTS[word], say)
                            for word in ("slack", "discord", "worker")
                        )
                    )
                    await self._series(scenes, POINTS["redis"], say)
                left = await scenes.people.rest()
                recorder.finish(left)
        return check(self.history)

    async def _series(
        self, scenes: Scenes, points: list[Point], say: Callable[[str], object]
    ) -> None:
        for point, side in itertools.product(points, get_args(Side)):
            began = time.monotonic()
            for again in (True, False):  # a scene may have gone another way: it is played once more
                try:
                    await scenes.crash(point, side)
                    break
                except TimeoutError:
                    if not again:
                        self.missed.append(f"{side} {point}")
            self.tried.append((began, time.monotonic(), f"{side} {point}"))
            say(f"{side} {point}")


class Scenes:
    """What people do, one method for each scene; and the trap that waits for the step meanwhile."""

    def __init__(
        self, house: WiredHouse, recorder: Recorder, history: History, speaker: Speaker
    ) -> None:
        self.house = house
        self._speaker = speaker
        self.history = history
        self.people = People(house, recorder, history)
        self._recorder = recorder
        self._undisturbed = asyncio.Lock()  # between a worker's deaths and who watches an answer
        self._talks = itertools.count()
        self._numbers = {rest: itertools.count(rest, len(LENGTHS)) for rest in range(len(LENGTHS))}

    async def crash(self, point: Point, side: Side) -> None:
        """Whoever takes the step dies at it. Returns when the next one may; TimeoutError where the step never came."""
        alone = point.word == "worker" or point.scene in WATCHED
        async with self._undisturbed if alone else nullcontext():
            await self._crash(point, side)

    async def _crash(self, point: Point, side: Side) -> None:
        house = self.house

        def kill(name: str) -> None:
            if point.victim:
                house.kill_redis()
            else:
                house.slots[name].kill()
            at = time.monotonic()
            self.history.add(Struck(at, "kill", point.victim or name, at))

        def fits(step: Step) -> bool:
            return any(point.holds in word for word in step.words)

        trap = Trap(point.step, side, kill, fits, slot=point.word)
        house.wire.traps.append(trap)
        try:
            scene: Callable[[Trap], Awaitable[int | None]] = getattr(self, f"_{point.scene}")
            question = await scene(trap)
            async with asyncio.timeout(REACHED):
                await trap.sprung.wait()
        finally:
            house.wire.traps.remove(trap)
            trap.sprung.set()  # the model goes on, also where the step never came
        async with asyncio.timeout(REACHED):
            while point.victim and not await house.redis_serves():
                await asyncio.sleep(0.02)
            await house.slots[f"{point.word}-1"].up.wait()
        if point.word == "worker" and question is not None:
            # A third claim in vain would be its end. Where the reply to ADMIT died with Redis, its COMMIT is nameless.
            await self._until(
                lambda: self._recorder.committed(question) or self._is_whole(question)
            )

    # ---- scenes ---------------------------------------------------------------------------------------------

    async def _mention(self, trap: Trap) -> int:
        kind: Kind = "chain" if trap.slot == "discord" else "thread"
        return await self._ask(self._talk(kind), SHORT)

    async def _thinking(self, trap: Trap) -> int:
        """There is no word to be seen before the step."""
        kind: Kind = "chain" if trap.slot == "discord" else "thread"
        return await self._ask(self._talk(kind), SHORT, held=trap.sprung, at=FIRST)

    async def _growing(self, trap: Trap) -> int:
        """The answer is not whole before some of it is to be seen."""
        seen = asyncio.Event()
        kind: Kind = "chain" if trap.slot == "discord" else "thread"
        question = await self._ask(self._talk(kind), SHORT, held=seen)
        await self._until(lambda: self._recorder.told(question))
        seen.set()
        return question

    async def _long(self, trap: Trap) -> int:
        """The model does not end before the step: of a text that is whole when it is first looked at, as it is where
        the machine was slow, nothing is appended."""
        return await self._ask(self._talk("thread"), SHORT, held=trap.sprung)

    async def _stream(self, trap: Trap) -> int:
        """An answer that Slack streams: it grows for long enough to be appended to."""
        return await self._ask(self._talk("thread"), LONGEST)

    async def _picture(self, trap: Trap) -> int:
        return await self._ask(self._talk("thread"), SHORT, files=[("red.png", png())])

    async def _command(self, trap: Trap) -> None:
        await self._notice(trap, "mia", "/model", words=1)

    async def _switch(self, trap: Trap) -> None:
        await self._notice(trap, "olivia", "/model set gpt-4o-mini", words=2)  # it is announced

    async def _edit(self, trap: Trap) -> int:
        """The second question of a conversation is edited while it waits for the first one's answer."""
        talk = self._talk("thread")
        await self._ask(talk, SHORT, held=trap.sprung)
        question = await self._ask(talk, SHORT)
        await self._until(lambda: self._recorder.admitted(question))
        await self.people.regret(talk, question, "edit")
        return question

    async def _late_edit(self, trap: Trap) -> int:
        """A question is edited after its answer."""
        return await self._regretted("edit")

    async def _stop(self, trap: Trap) -> int:
        """An answer is stopped while it grows."""
        talk = self._talk("thread")
        question = await self._ask(talk, SHORT, held=trap.sprung)
        await self._until(lambda: self._recorder.told(question))
        await self.people.regret(talk, question, "stop")
        return question

    async def _retry(self, trap: Trap) -> int:
        """An answer is given again in its place."""
        return await self._regretted("retry")

    async def _parked(self, trap: Trap) -> int:
        """A reply is told of before the root of its thread."""
        slack, talk = self.house.slack.workspace, self._talk("thread")
        subscriptions, slack.subscriptions = slack.subscriptions, frozenset()
        await self._ask(talk, SHORT)
        slack.subscriptions = subscriptions
        question = await self._ask(talk, SHORT)
        await self.house.slack.settled()
        place = self.house.slack.world.channel(talk.room)
        root = self.house.slack.find(place, talk.root)
        assert root is not None
        slack.tell(events.posted(root, place), place)
        return question

    async def _slash(self, trap: Trap) -> int:
        return await self._ask(self._talk("slash"), SHORT)

    async def _private(self, trap: Trap) -> int:
        """An answer for its author alone, in two messages."""
        return await self._ask(self._talk("slash"), LONGEST, private=True)

    async def _drain(self, trap: Trap) -> int:
        """The worker is told to end while it answers."""
        question = await self._ask(self._talk("thread"), SHORT, held=trap.sprung)
        await self._until(lambda: self._recorder.claimed(question))
        end(self.house, "worker-1")
        return question

    # ---- steps ----------------------------------------------------------------------------------------------

    def _talk(self, kind: Kind) -> Talk:
        number = next(self._talks)
        talk = Talk(number, kind, room(self.house.slack, self.house.discord, kind, number))
        self._recorder.rooms[talk.room] = number
        return talk

    async def _ask(
        self,
        talk: Talk,
        length: int,
        *,
        held: asyncio.Event | None = None,
        at: int = LAST,
        **more: object,
    ) -> int:
        """The model keeps the answer back from its chunk `at` on until the event `held`."""
        number = next(self._numbers[length])
        if held is not None:
            self._speaker.held[number] = (at, held)
        await self.people.ask(talk, number, **more)
        return number

    async def _notice(self, trap: Trap, who: str, command: str, *, words: int) -> None:
        talk = self._talk("chain" if trap.slot == "discord" else "thread")
        number = next(self._numbers[SHORT])
        self.history.add(Asked(time.monotonic(), talk.number, number, talk.platform, words=words))
        text = f"@Switchboard {command}"
        if talk.kind == "thread":
            await self.house.slack.post(who, talk.room, text)
        else:
            message = await self.house.discord.post(who, talk.room, text)
            self._recorder.questions[message.id] = number

    async def _regretted(self, how: Regret) -> int:
        """A question, about which somebody does something when its answer is whole."""
        talk = self._talk("thread")
        question = await self._ask(talk, SHORT)
        await self._whole(question)
        await self.people.regret(talk, question, how)
        return question

    def _is_whole(self, question: int) -> bool:
        return self._recorder.told(question).endswith("ends.")

    async def _whole(self, question: int) -> None:
        await self._until(lambda: self._is_whole(question))

    async def _until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(REACHED):
            while not true():
                await asyncio.sleep(0.02)
