"""An adapter that sleeps through the end of its lease, and wakes up when another one has answered."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adapters.delivery import Delivery
from bot.types import Turn
from bot.work import Grant
from tests.chat import Fault, Shop, delivering, until


async def lose_lease(shop: Shop, turn: Turn, to: str) -> None:
    """The lease of the channel ends, and another adapter is quicker."""
    store, now = shop.inbox.store, int(time.time() * 1000)
    taken = {"owner": to, "expiry": now + 60_000, "fence": now + 1_000_000}
    await store.redis.hset(store.key("delivery", turn.place), mapping=taken)


async def oversleep(
    shop: Shop, delivery: Delivery, turn: Turn, grant: Grant, action: str, words: str
) -> Fault:
    """The adapter is stopped in the request that shows these words. Meanwhile the channel becomes adapter b's, and the
    answer is whole."""
    held = shop.chat.will_hold(action)
    await shop.pen.write(grant, words)
    await until(held.reached.is_set)
    await lose_lease(shop, turn, "b")
    await until(lambda: not delivery._places[turn.place].owned)
    await shop.pen.finish(grant, "Once upon a time.")
    return held


@dataclass
class Sleeper:
    """An adapter that is stopped between its look at the lease and its request, and may wake up."""

    turn: Turn
    delivery: Delivery
    request: Fault

    def wakes_up(self) -> None:
        self.request.gate.set()


@asynccontextmanager
async def asleep(shop: Shop) -> AsyncIterator[Sleeper]:
    """It showed "Once" and is about to show "Once upon"; the channel is adapter b's, and the answer is whole."""
    async with delivering(shop.delivery()) as delivery:
        turn, grant = await shop.grows("Once")
        held = await oversleep(shop, delivery, turn, grant, "edit", " upon")
        yield Sleeper(turn, delivery, held)
