"""The grants that this process holds: renewed together, and whoever lost one, or is to stop, is told."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum

from bot.inbox import Grant, Inbox, stop_channel
from bot.store import RedisError, text

log = logging.getLogger(__name__)

HOLD_SECONDS = 900.0  # no answer takes so long: whatever holds on to one is given up, and another worker claims it


class End(StrEnum):
    """Why an answer in the making has to end."""

    LOST = "lost"  # another holder has the conversation: write nothing more
    STOP = "stop"  # its author wants no answer any more
    DRAIN = "drain"  # this process ends: give it back


class Held:
    """A grant in use. Ending it cancels the task that answers; `why` says the reason afterwards."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant
        self.why: End | None = None
        self.since = time.monotonic()
        self.text_so_far: Callable[[], str] = str  # of the answer in the making
        self._task: asyncio.Task[object] | None = None

    def end(self, why: End) -> None:
        if self.why is None:
            self.why = why
            if self._task is not None:
                self._task.cancel()

    async def guard(self, work: asyncio.Task[object]) -> bool:
        """Let the work run until it is over or ended; True when it was completed. Its own errors are raised."""
        self._task = work
        if self.why is not None:
            work.cancel()
        try:
            await work
        except asyncio.CancelledError:
            if self.why is None:  # we are cancelled ourselves
                work.cancel()
                raise
            return False
        finally:
            self._task = None
        return True


class Leases:
    """All grants of this process."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._held: dict[str, Held] = {}

    def __len__(self) -> int:
        return len(self._held)

    @asynccontextmanager
    async def hold(self, grant: Grant) -> AsyncIterator[Held]:
        held = Held(grant)
        self._held[grant.conversation] = held
        try:
            yield held
        finally:
            if self._held.get(grant.conversation) is held:
                del self._held[grant.conversation]

    async def renew(self) -> None:
        """Renew for ever, at a third of the lease. Without Redis the next round tries again: expiry alone takes
        nothing away, only another's claim does."""
        while True:
            await asyncio.sleep(self._inbox.lease_ms / 3000)
            await asyncio.gather(*(self._renew_one(held) for held in list(self._held.values())))

    async def _renew_one(self, held: Held) -> None:
        if time.monotonic() - held.since > HOLD_SECONDS:
            log.error("lease.given_up turn=%s", held.grant.turn)
            held.end(End.LOST)
            return
        try:
            state = await self._inbox.renew(held.grant)
        except (RedisError, OSError) as error:
            log.warning("lease.unrenewed turn=%s error=%s", held.grant.turn, type(error).__name__)
            return
        if state == "lost":
            # A COMMIT that has just succeeded spends the fence too; then the grant is no longer in use.
            if self._held.get(held.grant.conversation) is held:
                log.warning("lease.lost turn=%s", held.grant.turn)
                held.end(End.LOST)
        elif state == "stop":
            held.end(End.STOP)

    async def stops(self) -> None:
        """Follow what is to stop; RENEW finds what is missed here."""
        store = self._inbox.store
        while True:
            try:
                async with store.redis.pubsub() as pubsub:
                    await pubsub.subscribe(stop_channel(store))
                    while True:
                        message = await pubsub.get_message(
                            ignore_subscribe_messages=True, timeout=2.0
                        )
                        if message and (held := self._held.get(text(message["data"]))):
                            held.end(End.STOP)
            except (RedisError, OSError) as error:
                log.warning("stops.interrupted error=%s", type(error).__name__)
                await asyncio.sleep(1.0)

    def end_all(self, why: End) -> None:
        for held in list(self._held.values()):
            held.end(why)
