"""Requests leave within a platform's limits: final texts first, then first ones, and nobody starves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from enum import IntEnum
from weakref import WeakValueDictionary

from adapters.platform import Rate

LOOK = 0.1  # s between two looks at what only others can change
LEAST = 0.001  # s
MOST_KEPT = 1000  # buckets; beyond it the idle ones are forgotten


class Rank(IntEnum):
    """What a request is for; the lower goes first."""

    FINAL = 0
    FIRST = 1  # something new to see of an answer that grows
    GROWING = 2


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

    def keep(self, rate: Rate) -> None:
        """From now on this rate holds; what was promised stays so."""
        if rate != self._rate:
            self._left(time.monotonic())
            self._rate, self._tokens = rate, min(self._tokens, rate.burst)

    def pause(self, seconds: float) -> None:
        self._not_before = max(self._not_before, self._clock() + seconds)

    def take_at_once(self, rank: Rank, last: Bucket) -> bool:
        """The right to send one request, where nobody has to wait for it. `last` is the bucket of the answer's last
        request once this one is made."""
        if self._lines[rank].locked() or self._delay(rank, last) > 0:
            return False
        self._use()
        return True

    async def take(self, rank: Rank, last: Bucket, person: str = "") -> None:
        """Wait for the right to send one request. Of each person one at a time stands in the line, so that many of one
        do not stand before another's."""
        own = self._own.setdefault((rank, person), asyncio.Lock())
        async with own, self._lines[rank]:
            while (delay := self._delay(rank, last)) > 0:
                await asyncio.sleep(delay)
            self._use()

    def _delay(self, rank: Rank, last: Bucket) -> float:
        """Seconds until it is worth asking again; 0: now."""
        now = self._clock()
        if now < self._not_before:
            return self._not_before - now
        left = self._left(now)
        kept = min(self.promised, (self._rate.burst + 1) // 2, self._rate.burst - 1)
        if not left:
            return max(self._since + self._rate.seconds - now, LEAST)
        if rank is Rank.FINAL:
            return 0.0
        goes_first = any(self._lines[before].locked() for before in Rank if before < rank)
        room = last.has_room(now, new=last is not self)
        return 0.0 if left > kept and room and not goes_first else LOOK

    def has_room(self, now: float, *, new: bool) -> bool:
        """Whether all that is promised can still be kept after one request more, or one `new` promise and a request."""
        return self._left(now) + self._rate.count > self.promised + new

    def _left(self, now: float) -> int:
        """The tokens; refills first."""
        times = int((now - self._since) / self._rate.seconds)
        self._tokens = min(self._rate.burst, self._tokens + times * self._rate.count)
        self._since += times * self._rate.seconds
        return self._tokens

    def _use(self) -> None:
        if self._tokens == self._rate.burst:
            self._since = self._clock()
        self._tokens -= 1


class Paces:
    """The buckets of one adapter, by name."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def bucket(self, name: str, rate: Rate) -> Bucket:
        if name not in self._buckets:
            if len(self._buckets) > MOST_KEPT:
                self._buckets = {n: b for n, b in self._buckets.items() if not b.idle}
            self._buckets[name] = Bucket(rate)
        bucket = self._buckets[name]
        bucket.keep(rate)
        return bucket
