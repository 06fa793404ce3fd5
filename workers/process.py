"""The worker process: Celery's threads ring, one asyncio loop answers."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
import warnings
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

from celery import signals
from celery.exceptions import SecurityWarning
from celery.worker import WorkController

from bot.inbox import Inbox
from bot.queue import Bell, celery_app
from bot.store import RedisError, Store
from workers.answering import Answering
from workers.bells import letter, register
from workers.leases import End, Leases
from workers.slots import Slots

log = logging.getLogger(__name__)

THREADS = 8  # they only take a slot and start a coroutine
SWEEP_SECONDS = 1.0
HAND_OVER_SECONDS = 3.0  # for giving back what the drain did not finish


class Worker:
    """Runs until SIGTERM, then drains for at most `drain` s: no new claims, answers finish or are handed over."""

    def __init__(
        self,
        broker_url: str,
        *,
        prefix: str,
        concurrency: int,
        drain: float,
        make: Callable[[Bell], Coroutine[Any, Any, Services]],
    ) -> None:
        self._app = celery_app(broker_url, prefix)
        self._bell = Bell(self._app)
        self._slots = Slots(concurrency)
        self._drain = drain
        self._make = make
        self._loop = asyncio.new_event_loop()

    def run(self) -> int:
        """Blocks; the exit code of the process."""
        thread = threading.Thread(target=self._loop.run_forever, name="loop", daemon=True)
        thread.start()
        services = self._on_loop(self._make(self._bell)).result()
        register(self._app, self._converse(services), self._bury(services))
        background = self._on_loop(services.background(self._bell))

        def shutting_down(**_: object) -> None:
            services.answering.draining = True
            self._slots.close()

        signals.worker_shutting_down.connect(shutting_down, weak=False)

        def ready(**_: object) -> None:
            log.info("worker.ready")

        signals.worker_ready.connect(ready, weak=False)
        signals.setup_logging.connect(_keep_our_logging, weak=False)
        # Root in a container is the operator's choice; the danger that Celery means is pickle, which is refused.
        warnings.simplefilter("ignore", SecurityWarning)
        worker: WorkController = self._app.Worker(
            pool="threads",
            concurrency=THREADS,
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        worker.start()
        shutting_down()
        self._on_loop(services.drain(self._drain, self._bell)).result()
        background.cancel()
        self._loop.call_soon_threadsafe(self._loop.stop)
        thread.join(1.0)
        return int(worker.exitcode or 0)

    def _on_loop(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _converse(self, services: Services) -> Callable[[str], None]:
        def over(future: Future[None]) -> None:
            self._slots.give()
            if not future.cancelled() and (error := future.exception()) is not None:
                # Redis away, or ours: the lease ends and the next claim takes it up.
                log.error("conversation.failed error=%s", type(error).__name__, exc_info=error)

        def converse(conversation: str) -> None:
            if self._slots.take():
                self._on_loop(services.answering.converse(conversation)).add_done_callback(over)

        return converse

    def _bury(self, services: Services) -> Callable[[str, str], None]:
        def bury(what: str, digest: str) -> None:
            log.error("celery.rejected what=%r message=%s", what, digest)
            self._on_loop(services.bury(letter(what, digest)))

        return bury


class Services:
    """What lives on the loop."""

    def __init__(
        self, store: Store, inbox: Inbox, leases: Leases, answering: Answering, close: Close
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._leases = leases
        self.answering = answering
        self._close = close

    async def background(self, bell: Bell) -> None:
        """Renew, follow stops and sweep, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._leases.renew())
            group.create_task(self._leases.stops())
            group.create_task(self._sweep(bell))

    async def _sweep(self, bell: Bell) -> None:
        """Ring what is due. After Redis was away every holder first gets the time to renew."""
        away = False
        while True:
            await asyncio.sleep(SWEEP_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311  # jitter
            try:
                if away:
                    await self._store.redis.ping()
                    log.info("redis.back")
                    await asyncio.sleep(self._inbox.lease_ms / 1000)
                    away = False
                if not self.answering.draining:
                    for conversation in await self._inbox.sweep():
                        bell.ring(conversation)
            except (RedisError, OSError) as error:
                away = True
                log.warning("sweep.failed error=%s", type(error).__name__)

    async def bury(self, dead: str) -> None:
        try:
            await self._store.redis.rpush(self._store.key("dead"), dead)
        except (RedisError, OSError) as error:
            log.warning("dead_letter.lost error=%s", type(error).__name__)

    async def drain(self, seconds: float, bell: Bell) -> None:
        """Let answers finish, hand over the rest, close everything."""
        end = time.monotonic() + seconds
        while len(self._leases) and time.monotonic() < end:
            await asyncio.sleep(0.05)
        handed = len(self._leases)
        self._leases.end_all(End.DRAIN)
        end = time.monotonic() + HAND_OVER_SECONDS
        while len(self._leases) and time.monotonic() < end:
            await asyncio.sleep(0.02)
        log.info("worker.drained handed_over=%d", handed)
        await bell.close()
        await self._close()
        await self._store.close()


Close = Callable[[], Coroutine[Any, Any, None]]


def _keep_our_logging(**_: object) -> None:
    """Celery sets no logging up where this signal has a receiver."""
