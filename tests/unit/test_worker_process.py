"""A worker process: what it does when a part of it ends that never may."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
from collections.abc import Callable

from celery import signals
from redis.asyncio import Redis

from bot.bell import Bell
from bot.reply import Replies
from bot.store import Store, connect
from bot.stored import Stored
from bot.work import Outcome
from tests.inbox import BothSides
from workers.answering import Answering
from workers.leases import Held, Leases
from workers.process import BROKEN, Services, Worker


class Short(Services):
    """Parts of which one ends with a fault, once Celery is ready."""

    def __init__(self, store: Store) -> None:
        async def draft(held: Held, _: Stored) -> Outcome:
            return held.so_far()

        inbox = BothSides(store)
        leases, bell = Leases(inbox), Bell(store)
        answering = Answering(inbox, Replies(store), leases, bell, draft)
        super().__init__(inbox, leases, answering, bell, store.close)
        self._ready = threading.Event()
        signals.worker_ready.connect(lambda **_: self._ready.set(), weak=False)

    async def start(self, room: Callable[[], bool]) -> None:
        await asyncio.to_thread(self._ready.wait)
        raise LookupError("what nobody expected")


def _work(url: str) -> None:
    """In a process of its own, which takes the signal."""

    async def make() -> Services:
        return Short(Store(connect(url)))

    raise SystemExit(Worker(url, prefix="switchboard:", concurrency=1, drain=5.0, make=make).run())


async def test_a_worker_without_its_sweeps_ends_and_says_that_it_is_broken(
    redis: Redis, redis_url: str
) -> None:
    child = multiprocessing.get_context("spawn").Process(target=_work, args=(redis_url,))
    child.start()
    await asyncio.to_thread(child.join, 60)
    try:
        assert child.exitcode == BROKEN
    finally:
        child.kill()
