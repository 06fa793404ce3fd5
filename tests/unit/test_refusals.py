"""What was refused while Redis was away is taken back when it is there, however much that is."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from adapters.refusals import Refusals
from bot.inbox import BARRED, Inbox
from bot.reply import Replies
from bot.store import Store, connect
from bot.types import Channel
from tests.chaos.line import Line

REFUSED = (
    300  # events; each of them asked for itself whether Redis is there, and left the loop no time
)


async def test_however_much_was_refused_one_asks_whether_redis_is_there(
    redis_url: str, redis: Redis
) -> None:
    async with Line(redis_url) as line:
        store = Store(connect(f"redis://127.0.0.1:{line.port}/0", retries=0))
        refusals = Refusals(Inbox(store), Replies(store))
        place, waiting = Channel("discord", "1", "2"), len(asyncio.all_tasks())
        async with line.cut():
            for number in range(REFUSED):
                refusals.withdraw(place, f"interaction-{number}")
            await asyncio.sleep(0)  # whoever asks has begun to
            assert len(asyncio.all_tasks()) < waiting + 10
        await refusals.drained(20)
        marks = [store.key("seen", "discord", "1", f"interaction-{n}") for n in range(REFUSED)]
        assert await redis.mget(marks) == [BARRED] * REFUSED
        await store.close()
