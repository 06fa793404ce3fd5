"""What may still come of an adapter that died in mid-send: its older text, over what its successor showed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.errors import BotError
from bot.store import RedisError
from bot.tasks import end

log = logging.getLogger(__name__)

# What a dead process left in a socket is sent by its machine for as long as nobody takes it: on Linux up to eight times
# more, each time after twice as long as before (tcp_orphan_retries), which is 102 s.
STRAY_SECONDS = 110.0
SHOW_SECONDS = 60.0  # that one of them may take; the others wait for it


class Strays:
    """Answers that another adapter had begun to show: each is shown once more when nothing of it can be on its way any
    more. Neither platform knows a fence, and the dead mend nothing. One at a time: a death leaves as many as were being
    shown, and each stands before what grows, as all final texts do. Best effort: it ends with this adapter."""

    def __init__(self, show: Callable[[str], Awaitable[None]], seconds: float) -> None:
        self._show = show
        self._seconds = seconds
        self._expected: dict[str, asyncio.Task[None]] = {}
        self._line = asyncio.Lock()

    def expect(self, turn_id: str) -> None:
        """This answer is whole, and was begun by another adapter."""
        if turn_id not in self._expected:
            self._expected[turn_id] = asyncio.create_task(self._later(turn_id))

    async def _later(self, turn_id: str) -> None:
        try:
            await asyncio.sleep(self._seconds)
            async with self._line, asyncio.timeout(SHOW_SECONDS):
                await self._show(turn_id)
        except (BotError, RedisError, OSError) as error:
            log.warning("stray.unmended turn=%s why=%s", turn_id, type(error).__name__)
        finally:
            del self._expected[turn_id]

    async def close(self) -> None:
        await end(*self._expected.values())
