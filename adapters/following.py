"""After the ack: an admitted turn goes to the fetcher, to its command or to the delivery."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from adapters.delivery import Delivery
from adapters.fetching import Fetching
from adapters.showing import Tracked
from bot.types import Turn

COMMAND_SECONDS = 1.0  # what a channel's next event waits for a command before it


class Following:
    """Hands each admitted turn on, within this process; the sweeps find what it could not."""

    def __init__(self, delivery: Delivery, fetching: Fetching) -> None:
        self._delivery = delivery
        self._fetching = fetching

    def admitted(self, turn: Turn) -> asyncio.Future[None] | None:
        """Take it up. A command is over when it has been run: what is asked after `/model set` has the new model."""
        tracked = self._delivery.look(turn.id)
        if turn.kind == "ask" and turn.message.fetches:
            self._fetching.start(turn.id)
        return asyncio.ensure_future(_ran(tracked)) if turn.kind == "command" else None


async def _ran(tracked: Tracked) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(tracked.ran.wait(), COMMAND_SECONDS)
