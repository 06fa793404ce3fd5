"""Dials of a gateway that ends every connection at once: discord.py itself would dial on, a hundred times a second."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from discord.backoff import ExponentialBackoff

log = logging.getLogger(__name__)

AT_ONCE = 2  # dials: one resumes, and one identifies where the session is gone
DOUBLINGS = 5  # up to 2 ** 5 s; discord.py gives one dial 60 s, in which this pause is counted


class Dials:
    """Makes the dials of one client, with pauses that grow for as long as none of them comes to a session."""

    def __init__(self, dial: Callable[..., Awaitable[Any]]) -> None:
        self._dial = dial
        self.stands()

    def stands(self) -> None:
        """A session was begun or resumed: what follows starts anew."""
        self._left = AT_ONCE
        self._pauses = ExponentialBackoff()
        self._pauses._max = DOUBLINGS

    async def __call__(self, *args: Any, **options: Any) -> Any:
        """What the dial itself gives or raises."""
        if self._left:
            self._left -= 1
        else:
            pause = self._pauses.delay()
            log.warning("gateway.unsteady again_in=%.1f", pause)
            await asyncio.sleep(pause)
        return await self._dial(*args, **options)
