"""The grants that this process holds: each is renewed while it is held; whoever lost one, or is to stop, is told."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, TypeVar

from bot.inbox import stop_channel
from bot.store import RedisError, text
from bot.tasks import end
from bot.types import Phase
from bot.work import Grant, Outcome, Work

T = TypeVar("T")
log = logging.getLogger(__name__)

HOLD_SECONDS = 900.0  # no answer takes so long: whatever holds on to one is given up, and another worker claims it
LISTEN_SECONDS = 2.0  # of one wait for a stop


class End(StrEnum):
    """Why an answer in the making has to end."""

    LOST = "lost"  # another holder has the conversation: write nothing more
    STOP = "stop"  # its author wants no answer any more
    DRAIN = "drain"  # this process ends: give it back


def nothing() -> Outcome:
    """Of an answer that has not begun."""
    return Outcome(Phase.STOPPED, "")


class Held:
    """A grant in use. Ending it ends the work on it; `why` says the reason afterwards."""

    def __init__(self, grant: Grant, renew: Callable[[Held], Awaitable[None]]) -> None:
        """`renew` keeps it for another lease, or ends it."""
        self.grant = grant
        self.until = grant.until
        self._renew = renew
        self.why: End | None = None
        self.since = time.monotonic()
        self.so_far: Callable[[], Outcome] = nothing  # of the answer in the making, ended now
        self._ended = asyncio.Event()

    def end(self, why: End) -> None:
        if self.why is None:
            self.why = why
            self._ended.set()

    async def secured(self) -> None:
        """Return while nobody else has the conversation, and end the work where somebody does: before something that
        costs, since this process may have slept for longer than its lease."""
        if time.monotonic() >= self.until:
            await self._renew(self)
            if self.why is not None:
                raise asyncio.CancelledError

    async def guard(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What the work comes to; None where it was ended before. Its own errors are raised."""
        task = asyncio.create_task(work)
        ended = asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait({task, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(task, ended)
        if self.why is not None and (task.cancelled() or task.exception()):
            return None
        return task.result()


class Leases:
    """All grants of this process."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._held: dict[str, Held] = {}
        self._over: End | None = None  # what comes now ends at once

    def __len__(self) -> int:
        return len(self._held)

    @asynccontextmanager
    async def hold(self, grant: Grant) -> AsyncIterator[Held]:
        """The grant in use, and renewed meanwhile."""
        held = self._held[grant.conversation] = Held(grant, self._renew)
        if self._over is not None:
            held.end(self._over)
        renewing = asyncio.create_task(self._keep(held))
        try:
            yield held
        finally:
            await end(renewing)
            if self._held.get(grant.conversation) is held:
                del self._held[grant.conversation]

    async def _renew(self, held: Held) -> None:
        asked = time.monotonic()
        state = await self._work.renew(held.grant)
        if state == "lost":  # to another holder, or spent by our own COMMIT, whose work is over
            held.end(End.LOST)
        else:
            held.until = asked + self._work.lease_ms / 1000
        if state == "stop":
            held.end(End.STOP)

    async def _keep(self, held: Held) -> None:
        """Renew it at a third of the lease, until it is lost. Without Redis the next round tries again: expiry alone
        takes nothing away, only another's claim does."""
        while time.monotonic() - held.since < HOLD_SECONDS:
            await asyncio.sleep(self._work.lease_ms / 3000)
            try:
                await self._renew(held)
            except (RedisError, OSError) as error:
                why = type(error).__name__
                log.warning("lease.unrenewed turn=%s error=%s", held.grant.turn, why)
            if held.why is End.LOST:
                break
        held.end(End.LOST)

    async def stops(self) -> None:
        """Follow what is to stop; RENEW finds what is missed here."""
        store = self._work.store
        while True:
            try:
                async with store.redis.pubsub() as pubsub:
                    await pubsub.subscribe(stop_channel(store))
                    while True:
                        message = await pubsub.get_message(
                            ignore_subscribe_messages=True, timeout=LISTEN_SECONDS
                        )
                        if message:
                            self._stop(text(message["data"]))
            except (RedisError, OSError) as error:
                log.warning("stops.interrupted error=%s", type(error).__name__)
                await asyncio.sleep(1.0)

    def _stop(self, told: str) -> None:
        """The answer, and not the next one, if that is what its holder makes by now."""
        conversation, _, turn = told.partition(" ")
        held = self._held.get(conversation)
        if held is not None and held.grant.turn == turn:
            held.end(End.STOP)

    def end_all(self, why: End) -> None:
        """What is held, and what a claim that is on its way still brings."""
        self._over = why
        for held in list(self._held.values()):
            held.end(why)
