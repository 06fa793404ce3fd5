"""What goes wrong, and when: a plan that is drawn from a seed, and how each entry of it is carried out."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from tests.chaos.history import History, Struck
from tests.chaos.house import WiredHouse
from tests.chaos.line import Line

LATENCY = 0.15  # s that a slow line adds to each piece
RESTART = 20.0  # s within which a Redis that was killed serves again


@dataclass(frozen=True, slots=True)
class Fault:
    """One entry of a plan: with which question it begins, what it is, whom it hits, how long it lasts (s)."""

    after: int
    kind: str
    victim: str
    seconds: float

    def __str__(self) -> str:
        return f"question {self.after:5}: {self.kind} {self.victim}, {self.seconds:.1f} s"


# Whom each kind may hit, and for how long (s, least and most). A worker's lease is 8 s and the right to send to a
# channel lasts 6 s, so that the longer freezes outlast both.
PROCESSES = ("worker-1", "worker-2", "slack-1", "discord-1")
LINES = tuple(
    f"{name}:{to}"
    for name in PROCESSES
    for to in ("redis", "model" if name.startswith("worker") else "platform")
)
PLATFORMS = ("slack", "discord")
KINDS: dict[str, tuple[tuple[str, ...], float, float]] = {
    "kill": ((*PROCESSES, "redis"), 0, 0),
    "end": (("worker-1", "worker-2", "slack-1", "discord-1"), 0, 0),
    "freeze": ((*PROCESSES, "redis"), 0.5, 3),
    "freeze long": (PROCESSES, 10, 14),
    "cut": (LINES, 1, 4),
    "reset": (LINES, 0, 0),
    "stall": (LINES, 1, 7),
    "slow": (LINES, 3, 6),
    "half open": (LINES, 1, 4),
    "busy": ((*PLATFORMS, "model"), 0, 0),  # 429
    "broken": ((*PLATFORMS, "model"), 0, 0),  # 5xx
    "reply dropped": (PLATFORMS, 0, 0),
    "request dropped": (PLATFORMS, 0, 0),
    "redelivery": (PLATFORMS, 0, 0),
    "sockets": (PLATFORMS, 0, 0),  # asked to come again, or cut: sessions are resumed
    "second": (PLATFORMS, 5, 9),  # another adapter on the same token
    "rolling": (("everything",), 0, 0),
}
HEAVY = ("kill", "kill", "kill")  # drawn this much more often


def plan(rng: random.Random, count: int, questions: int) -> list[Fault]:
    """`count` faults over so many questions: every kind at least once where there is room, none at the very end."""
    kinds: list[str] = []
    while len(kinds) < count:
        round_ = [*KINDS, *HEAVY]
        rng.shuffle(round_)
        kinds += round_
    pace = questions / (count + 1)
    found = []
    for number, kind in enumerate(kinds[:count]):
        victims, least, most = KINDS[kind]
        after = int(pace * (number + 0.7 + rng.uniform(-0.3, 0.3)))
        found.append(Fault(after, kind, rng.choice(victims), rng.uniform(least, most)))
    return found


class Faults:
    """Carries a plan out. Faults may overlap; each is noted from its beginning to its end."""

    def __init__(self, house: WiredHouse, history: History, rng: random.Random) -> None:
        self._house = house
        self._history = history
        self._rng = rng

    async def strike(self, fault: Fault) -> None:
        at = time.monotonic()
        known: dict[str, Callable[[Fault], Awaitable[None]]] = {
            "kill": self._kill,
            "end": self._end,
            "freeze": self._freeze,
            "freeze long": self._freeze,
            "second": self._second,
            "rolling": self._rolling,
            "redelivery": self._redeliver,
            "sockets": self._sockets,
            **dict.fromkeys(("cut", "reset", "stall", "slow", "half open"), self._line),
        }
        await known.get(fault.kind, self._refuse)(fault)
        self._history.add(Struck(at, fault.kind, fault.victim, time.monotonic()))

    # ---- processes -----------------------------------------------------------------------------------------

    async def _kill(self, fault: Fault) -> None:
        if fault.victim != "redis":
            self._house.slots[fault.victim].kill()
            return
        dead = self._house.server.pid
        self._house.kill_redis()
        async with asyncio.timeout(RESTART):
            while self._house.server.pid == dead or not await self._house.redis_serves():
                await asyncio.sleep(0.05)

    async def _end(self, fault: Fault) -> None:
        end(self._house, fault.victim)

    async def _freeze(self, fault: Fault) -> None:
        if fault.victim == "redis":
            pid = self._house.server.pid
            assert pid is not None
            stop, go = lambda: _signal(pid, signal.SIGSTOP), lambda: _signal(pid, signal.SIGCONT)
        else:
            slot = self._house.slots[fault.victim]
            stop, go = lambda: slot.signal(signal.SIGSTOP), lambda: slot.signal(signal.SIGCONT)
        stop()
        await asyncio.sleep(fault.seconds)
        go()

    async def _second(self, fault: Fault) -> None:
        """Another adapter comes for a while, and goes in order or not."""
        name = f"{fault.victim}-2"
        await self._house.open(name)
        await asyncio.sleep(fault.seconds)
        slot = self._house.slots[name]
        slot.struck = True
        await self._house.close(name, self._rng.choice((signal.SIGTERM, signal.SIGKILL)))

    async def _rolling(self, fault: Fault) -> None:
        """One after the other ends in order and comes again."""
        for name in PROCESSES:
            slot = self._house.slots[name]
            starts = slot.starts
            end(self._house, name)
            async with asyncio.timeout(60):
                while slot.starts == starts or not slot.up.is_set():
                    await asyncio.sleep(0.05)

    # ---- lines -----------------------------------------------------------------------------------------------

    async def _line(self, fault: Fault) -> None:
        name, to = fault.victim.split(":")
        line = self._house.slots[name].lines[to]
        if fault.kind == "reset":
            line.reset()
            return
        async with _bad(line, fault.kind):
            await asyncio.sleep(fault.seconds)

    # ---- platforms -----------------------------------------------------------------------------------------------

    async def _refuse(self, fault: Fault) -> None:
        """The next few requests of those that send."""
        house, times = self._house, self._rng.randint(1, 4)
        if fault.victim == "model":
            busy = fault.kind == "busy"
            status, code = (429, "rate_limit_exceeded") if busy else (503, None)
            house.models.will_refuse(status, code, times=1, retry_after=0.5 if busy else None)
            return
        for what in self._methods(fault.victim):
            if fault.kind == "reply dropped":
                self._platform(fault.victim).will_drop_reply(what, times)
            elif fault.kind == "request dropped":
                self._platform(fault.victim).will_drop_request(what, times)
            elif fault.victim == "slack":
                error = "ratelimited" if fault.kind == "busy" else "internal_error"
                status = None if fault.kind == "busy" else 503
                house.slack.will_refuse(what, error, times, status=status)
            else:
                status = 429 if fault.kind == "busy" else 503
                house.discord.will_refuse(what, status, times=times)

    def _platform(self, name: str):  # either server; both order faults alike
        return self._house.slack if name == "slack" else self._house.discord

    def _methods(self, platform: str) -> Iterator[str]:
        if platform == "slack":
            yield from ("chat.postMessage", "chat.update")
        else:
            yield from ("POST /channels/*/messages", "PATCH /channels/*/messages/*")
            yield "PATCH /webhooks/*"

    async def _redeliver(self, fault: Fault) -> None:
        if fault.victim == "slack":
            self._house.slack.will_redeliver(5)
            for event in self._rng.sample(self._house.slack.events[-20:], 3):
                if event.is_over:
                    self._house.slack.redeliver(event.event_id)
            return
        world = self._house.discord.world
        recent = [
            message
            for messages in world.messages.values()
            for message in list(messages.values())[-2:]
            if message.author_id != world.bot.id
        ]
        for message in self._rng.sample(recent, min(5, len(recent))):
            await self._house.discord.redeliver(message)

    async def _sockets(self, fault: Fault) -> None:
        if fault.victim == "slack":
            if self._rng.random() < 0.5:
                await self._house.slack.disconnect(grace=2.0)
            else:
                self._house.slack.drop_sockets()
            return
        gateway = self._house.discord.gateway
        self._rng.choice(
            (
                gateway.reconnect,
                gateway.drop,
                lambda: gateway.invalid_session(resumable=True),
                lambda: gateway.invalid_session(resumable=False),
                lambda: gateway.close(4000),
            )
        )()


def end(house: WiredHouse, name: str) -> None:
    """SIGTERM, and a new one in its place."""
    slot = house.slots[name]
    slot.struck = True
    slot.signal(signal.SIGTERM)


def _bad(line: Line, kind: str) -> AbstractAsyncContextManager[None]:
    if kind == "cut":
        return line.cut()
    if kind == "stall":
        return line.stalled()
    return line.slow(LATENCY) if kind == "slow" else line.half_open()


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it was killed meanwhile
