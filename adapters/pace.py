"""Requests leave within a platform's limits: final texts first, and nobody starves."""

from __future__ import annotations

import asyncio
import time

from adapters.platform import Rate

RESERVE = 0.4  # of a bucket: kept for final texts and first posts while answers grow
MOST_KEPT = 1000  # buckets; beyond it the idle ones are forgotten


class Bucket:
    """A token bucket. An urgent request may use the last token, growing texts leave a reserve; each kind is served
    in the order of asking. `pause` obeys a platform that said "later"."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._at = time.monotonic()
        self._not_before = 0.0
        self._lines = {True: asyncio.Lock(), False: asyncio.Lock()}

    @property
    def idle(self) -> bool:
        """Full and nobody waits: it may be forgotten."""
        waits = any(line.locked() for line in self._lines.values())
        return not waits and self._delay(self._rate.burst) <= 0

    def pause(self, seconds: float) -> None:
        self._not_before = max(self._not_before, time.monotonic() + seconds)

    def take_at_once(self, *, urgent: bool) -> bool:
        """The right to send one request, where nobody has to wait for it."""
        if self._lines[urgent].locked() or self._delay(self._needed(urgent)) > 0:
            return False
        self._tokens -= 1.0
        return True

    async def take(self, *, urgent: bool) -> None:
        """Wait for the right to send one request."""
        async with self._lines[urgent]:
            while (delay := self._delay(self._needed(urgent))) > 0:
                await asyncio.sleep(delay)
            self._tokens -= 1.0

    def _needed(self, urgent: bool) -> float:
        return 1.0 if urgent else min(1.0 + self._rate.burst * RESERVE, self._rate.burst)

    def _delay(self, needed: float) -> float:
        """Seconds until `needed` tokens are there; refills first."""
        now = time.monotonic()
        gained = (now - self._at) * self._rate.per_second
        self._tokens = min(float(self._rate.burst), self._tokens + gained)
        self._at = now
        missing = max(0.0, needed - self._tokens) / self._rate.per_second
        return max(missing, self._not_before - now)


class Paces:
    """The buckets of one adapter, by name."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}

    def bucket(self, name: str, rate: Rate) -> Bucket:
        if name not in self._buckets:
            if len(self._buckets) > MOST_KEPT:
                self._buckets = {n: b for n, b in self._buckets.items() if not b.idle}
            self._buckets[name] = Bucket(rate)
        return self._buckets[name]
