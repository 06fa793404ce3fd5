"""Requests leave within a platform's limits: final texts first, then first ones, and nobody starves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from weakref import WeakValueDictionary

LOOK = 0.1  # s between two looks at what only others can change
LEAST = 0.001  # s
MOST_KEPT = 1000  # buckets; beyond it the idle ones are forgotten


@dataclass(frozen=True, slots=True)
class Rate:
    """How often requests of one bucket may leave: `burst` at once, and `count` more with every `seconds`."""

    count: int
    seconds: float
    burst: int


class Rank(IntEnum):
    """What a request is for; the lower goes first."""

    FINAL = 0
    FIRST = 1  # something new to see of an answer that grows
    GROWING = 2


class Promise:
    """That an answer's last request will be made: it counts in one bucket at a time, from when it is made until it is
    kept."""

    def __init__(self) -> None:
        self.bucket: Bucket | None = None

    def make(self, bucket: Bucket) -> None:
        """It counts there, unless it counts somewhere already."""
        if self.bucket is None:
            self.bucket = bucket
            bucket.promised += 1

    def move(self, bucket: Bucket) -> None:
        """It counts there, if it was made."""
        if self.bucket is not None:
            self.kept()
            self.make(bucket)

    def kept(self) -> None:
        if self.bucket is not None:
            self.bucket.promised -= 1
            self.bucket = None


class Bucket:
    """A platform's bucket, as far as this adapter uses it. Of each rank the people are served in turns, and what is one
    person's in the order of asking; `pause` obeys a platform that said "later".

    `promised` counts the answers that grow and whose last request will be made here. What is not final leaves enough
    for all of them to leave at once or with the next refill: where many answers grow at the same time, some grow more
    slowly or are shown only when they are whole, and none of them late.
    """

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self.promised = 0
        self._rate = rate
        self._clock = clock
        self._tokens = rate.burst
        self._since = 0.0  # of the refill that is on its way
        self._not_before = 0.0
        self._lines = {rank: asyncio.Lock() for rank in Rank}
        self._own: WeakValueDictionary[tuple[Rank, str], asyncio.Lock] = WeakValueDictionary()

    @property
    def idle(self) -> bool:
        """Full, and nobody needs it: it may be forgotten."""
        used = self.promised or any(line.locked() for line in self._lines.values())
        return not used and self._left(self._clock()) == self._rate.burst

    def pause(self, seconds: float) -> None:
        self._not_before = max(self._not_before, self._clock() + seconds)

    async def take_at_once(self, rank: Rank, last: Bucket, promise: Promise) -> bool:
        """The right to send one request, where nobody has to wait for it. `last` is the bucket of the answer's last
        request once this one is made: what is promised counts there from then on."""
        return not self._lines[rank].locked() and not await self._try(rank, last, promise)

    async def take(self, rank: Rank, last: Bucket, promise: Promise, person: str = "") -> None:
        """Wait for the right to send one request. Of each person one at a time stands in the line, so that many of one
        do not stand before another's."""
        own = self._own.setdefault((rank, person), asyncio.Lock())
        async with own, self._lines[rank]:
            while (delay := await self._try(rank, last, promise)) > 0:
                await asyncio.sleep(delay)

    async def _try(self, rank: Rank, last: Bucket, promise: Promise) -> float:
        """Take the right to send one request. 0, or seconds until it is worth trying again."""
        if rank is Rank.FINAL:
            return await self._draw(final=True)
        if any(self._lines[before].locked() for before in Rank if before < rank):
            return LOOK
        delay, before = LOOK, promise.bucket
        try:
            if await last.admits(promise, drawn=last is self):
                delay = await self._draw(final=False)
        finally:
            if delay and before is not None:
                promise.move(before)
        return delay

    async def admits(self, promise: Promise, *, drawn: bool) -> bool:
        """Let the promise count here. Whether all that is promised can still be kept after one request more, which may
        be `drawn` from here."""
        promise.move(self)
        return self._room

    @property
    def _owed(self) -> int:
        """The last requests that are promised here."""
        return self.promised

    @property
    def _room(self) -> bool:
        return self._left(self._clock()) + self._rate.count > self._owed

    async def _draw(self, *, final: bool) -> float:
        """Take a token. 0, or seconds until it is worth trying again."""
        delay = self._delay(final=final)
        if not delay:
            self._use(self._clock())
        return delay

    def _delay(self, *, final: bool) -> float:
        now = self._clock()
        if now < self._not_before:
            return self._not_before - now
        left, burst = self._left(now), self._rate.burst
        if left <= 0:
            return max(self._again(now), LEAST)
        return 0.0 if final or left > min(self._owed, (burst + 1) // 2, burst - 1) else LOOK

    def _left(self, now: float) -> int:
        """The tokens; refills first."""
        times = int((now - self._since) / self._rate.seconds)
        self._tokens = min(self._rate.burst, self._tokens + times * self._rate.count)
        self._since += times * self._rate.seconds
        return self._tokens

    def _again(self, now: float) -> float:
        """Seconds until the next refill."""
        return self._since + self._rate.seconds - now

    def _use(self, now: float) -> None:
        if self._tokens == self._rate.burst:
            self._since = now
        self._tokens -= 1


class Paces:
    """The buckets of one adapter's own, by name."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def bucket(self, name: str, rate: Rate) -> Bucket:
        if name not in self._buckets:
            if len(self._buckets) > MOST_KEPT:
                self._buckets = {n: b for n, b in self._buckets.items() if not b.idle}
            self._buckets[name] = Bucket(rate)
        return self._buckets[name]
