"""What Slack allows a workspace is shared by its adapters."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from adapters.platform import Rate
from bot.inbox import new_token
from bot.slots import Slots
from bot.store import RedisError

log = logging.getLogger(__name__)

MOST = 5  # adapters: each has two of the ten sockets that an app may open
LOOK_SECONDS = 2.0  # between two looks at who else is there
COUNTED_SECONDS = 3 * LOOK_SECONDS  # how long after its last look an adapter still counts


class Sharing:
    """How many there are, counted in Redis. What it takes to find out that another one came or went is what both may be
    wrong for; a 429 is obeyed all the same. One that has nothing to send counts too: what grows is promised its last
    request long before that is due, and must not lose it to an adapter that begins to send meanwhile."""

    def __init__(self, slots: Callable[[], Slots]) -> None:
        self.among = 1
        self._slots = slots
        self._holder = new_token()

    async def run(self) -> None:
        """Be counted, and count, for as long as this adapter lives."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Who is there now, this adapter among them."""
        try:
            self.among = await self._slots().hold(self._holder, COUNTED_SECONDS) or MOST
        except (RedisError, OSError) as error:
            log.debug("sharing.uncounted error=%s", type(error).__name__)

    def of(self, rate: Rate) -> Rate:
        """A rate of the whole workspace, as far as it is this adapter's."""
        return Rate(rate.count, rate.seconds * self.among, max(rate.burst // self.among, 2))
