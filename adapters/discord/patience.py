"""What the gateway told is admitted in order, and again while Redis is away; what an event may wait for has an end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from adapters.intake import NO_MEMORY
from adapters.lines import Lines
from adapters.refusals import AWAY, OUTAGE, at_once
from bot.errors import BotError
from bot.store import FullError

log = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
PATIENCE_SECONDS = 120.0  # the gateway knows no refusal, so a message is tried again for so long


class Patience:
    """One line for each place; what is under way must end before the process does."""

    def __init__(self, *, seconds: float = PATIENCE_SECONDS) -> None:
        self._seconds = seconds
        self._lines = Lines()
        self._under_way: set[asyncio.Future[None]] = set()

    async def at_once(self, place: str, work: Callable[[], Awaitable[None]]) -> str | None:
        """In line, within two seconds; else what whoever asked must be told: Redis is away, or has no room."""

        async def in_line() -> None:
            async with self._lines.of(place):
                await work()

        return await at_once(in_line)

    async def in_time(self, place: str, work: Callable[[], Awaitable[None]]) -> str | None:
        """In line, again while Redis is away; else what whoever asked is told: it was away for too long, or has no
        room, which waiting does not make."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._seconds
        async with self._lines.of(place):
            while True:
                try:
                    await work()
                    return None
                except FullError:
                    return NO_MEMORY
                except (*OUTAGE, BotError) as error:
                    log.warning("intake.waits error=%s", type(error).__name__)
                    if isinstance(error, BotError) and not error.retryable:
                        return AWAY
                if loop.time() > until:
                    return AWAY
                await asyncio.sleep(AGAIN_SECONDS)

    async def drained(self, seconds: float) -> None:
        """Wait for what is under way."""
        if self._under_way:
            await asyncio.wait(set(self._under_way), timeout=seconds)

    @asynccontextmanager
    async def counted(self) -> AsyncIterator[None]:
        """An event is under way."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way.add(over)
        try:
            yield
        finally:
            over.set_result(None)
            self._under_way.discard(over)
