"""What Slack allows a workspace is shared by its adapters: the tokens of all are in Redis."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Literal

from adapters.pace import LEAST, LOOK, Bucket, Promise, Rate
from bot.inbox import new_token
from bot.store import RedisError, Store

log = logging.getLogger(__name__)

UPDATES = Rate(
    1, 1.5, 10
)  # chat.update: Tier 3, 50 a minute and workspace: 10 at once, 40 a minute
APPENDS = Rate(1, 0.75, 20)  # chat.appendStream: Tier 4, 100 a minute and workspace: 20 at once
MOST = 5  # adapters: each has two of the ten sockets that an app may open
TELL_SECONDS = 1.0  # between two times that an adapter tells what it has sent and promised
COUNTED_SECONDS = 6.0  # how long after the last time an adapter counts, and what it promised

Wanted = Literal["final", "growing", "promise", ""]


class Shared(Bucket):
    """A bucket of all adapters of a workspace; `rate` gives one token at a time.

    Who is alone needs nobody's leave: it keeps the bucket by itself, and tells Redis each second how full it is. Who is
    not draws each token there. In the second in which another one comes both may send what one of them has sent
    already; a 429 is obeyed all the same. Where Redis is away, one that was not alone sends what is final, at the share
    of one of five.
    """

    def __init__(
        self,
        rate: Rate,
        store: Callable[[], Store],
        team: str,
        name: str,
        holder: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` is the bucket's, `holder` the adapter's."""
        super().__init__(rate, clock)
        self.among = MOST  # adapters, this one too
        self._store = store
        self._names = (("bucket", "slack", team, name), ("slots", "slack", team, "senders"))
        self._holder = holder
        self._every = int(rate.seconds * 1000)
        self._full = 0  # ms of the clock: when all tokens are there again, as far as is known here
        self._others = 0  # last requests that other adapters have promised
        self._asking = asyncio.Lock()  # one at a time: what is told later is known later
        self._share = Bucket(Rate(1, rate.seconds * MOST, 2), clock)

    async def tell(self) -> None:
        """Tell what is promised here, and hear of the others."""
        try:
            await self._ask("")
        except (RedisError, OSError) as error:
            log.debug("sharing.untold error=%s", type(error).__name__)

    async def admits(self, promise: Promise, *, drawn: bool) -> bool:
        room = await super().admits(promise, drawn=drawn)
        if not room or drawn or self.among == 1 or promise.bucket is None:
            return room
        try:
            return await self._ask("promise")
        except (RedisError, OSError) as error:
            log.debug("sharing.away error=%s", type(error).__name__)
            return room

    async def _draw(self, *, final: bool) -> float:
        if self.among == 1:
            return await super()._draw(final=final)
        delay = self._delay(final=final)
        try:
            if delay or await self._ask("final" if final else "growing"):
                return delay
        except (RedisError, OSError) as error:
            log.debug("sharing.away error=%s", type(error).__name__)
            return await self._share._draw(final=True) if final else LOOK
        return max(self._delay(final=final), LEAST if final else LOOK)

    async def _ask(self, wanted: Wanted) -> bool:
        """Whether it was given. What is known here and there is the later moment of both."""
        store = self._store()
        async with self._asking:
            sent = self._ms(self._clock())
            given, lack, self._others, self.among = await store.run(
                "draw",
                [store.key(*name) for name in self._names],
                self._holder,
                int(COUNTED_SECONDS * 1000),
                max(self._full - sent, 0),
                self.promised,
                wanted,
                self._every,
                self._rate.burst,
            )
            self._full = max(self._full, sent + lack)
        return bool(given)

    @property
    def _owed(self) -> int:
        return self.promised + self._others

    def _left(self, now: float) -> int:
        return self._rate.burst + (self._ms(now) - max(self._full, self._ms(now))) // self._every

    def _again(self, now: float) -> float:
        return ((self._full - self._ms(now) - 1) % self._every + 1) / 1000

    def _use(self, now: float) -> None:
        self._full = max(self._full, self._ms(now)) + self._every

    @staticmethod
    def _ms(now: float) -> int:
        return int(now * 1000)


class Sharing:
    """The shared buckets of one adapter."""

    def __init__(self, store: Callable[[], Store], team: str) -> None:
        holder = new_token()
        self.updates = Shared(UPDATES, store, team, "chat.update", holder)
        self.appends = Shared(APPENDS, store, team, "chat.appendStream", holder)

    async def run(self) -> None:
        """Be counted, tell and hear, for as long as this adapter lives."""
        while True:
            await self.updates.tell()
            await self.appends.tell()
            await asyncio.sleep(TELL_SECONDS)
