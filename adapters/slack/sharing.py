"""What Slack allows a workspace is shared by the adapters that send there at the same time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from adapters.platform import Rate
from bot.inbox import new_token
from bot.slots import Slots
from bot.store import RedisError

log = logging.getLogger(__name__)

MOST = 5  # adapters: each has two of the ten sockets that an app may open
LOOK_SECONDS = 2.0  # between two looks at who else sends
COUNTED_SECONDS = 3 * LOOK_SECONDS  # how long after its last look an adapter still counts


class Sharing:
    """How many send, counted in Redis with what is sent. What it takes to find out that another one came or went is
    what both may be wrong for; a 429 is obeyed all the same."""

    def __init__(self, slots: Callable[[], Slots]) -> None:
        self.among = 1
        self._slots = slots
        self._holder = new_token()
        self._next = 0.0  # monotonic

    async def renew(self) -> None:
        """This adapter is about to send."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LOOK_SECONDS
        try:
            self.among = await self._slots().hold(self._holder, COUNTED_SECONDS) or MOST
        except (RedisError, OSError) as error:
            log.debug("sharing.uncounted error=%s", type(error).__name__)

    def of(self, name: str, rate: Rate) -> tuple[str, Rate]:
        """A bucket of the whole workspace, as far as it is this adapter's."""
        share = Rate(rate.count, rate.seconds * self.among, max(rate.burst // self.among, 2))
        return f"{name} among {self.among}", share
