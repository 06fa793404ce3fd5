"""The worker process: Celery hears the bells, one asyncio loop answers."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any

from celery import signals
from celery.exceptions import SecurityWarning
from celery.worker import WorkController

from bot import dead
from bot.bell import Bell
from bot.queue import celery_app
from bot.store import RedisError
from bot.tasks import end
from bot.work import Work
from workers.answering import Answering
from workers.consumer import register
from workers.leases import End, Leases
from workers.slots import Slots
from workers.sweeping import Sweeping

log = logging.getLogger(__name__)

SWITCH_SECONDS = (
    0.0005  # that Celery's thread may keep the loop waiting; Python's own are ten times that
)
LOOP_FIRST = 0.0002  # s that Celery's thread rests after a bell: the answer goes first, its own tidying after it
HAND_OVER_SECONDS = (
    2.0  # of the drain, or a quarter of a short one: for giving back what it did not finish
)
LONGEST_HAND_OVER = 6.0  # s that a slow Redis may make it take
BROKEN = 1  # the exit code where a part of the process ended that never may


class Worker:
    """Runs until SIGTERM, then drains for at most `drain` s: no new claims, answers finish or are handed over."""

    def __init__(
        self,
        broker_url: str,
        *,
        prefix: str,
        concurrency: int,
        drain: float,
        make: Callable[[], Coroutine[Any, Any, Services]],
    ) -> None:
        self._app = celery_app(broker_url, prefix)
        self._slots = Slots(concurrency)
        self._drain = drain
        self._make = make
        self._loop = asyncio.new_event_loop()
        self._broken = False

    def run(self) -> int:
        """Blocks; the exit code of the process."""
        sys.setswitchinterval(SWITCH_SECONDS)
        thread = threading.Thread(target=self._loop.run_forever, name="loop", daemon=True)
        thread.start()
        services = self._on_loop(self._make()).result()
        register(self._app, self._converse(services), self._bury(services))
        self._on_loop(services.start(lambda: self._slots.free)).add_done_callback(self._over)

        told: list[float] = []  # when: Celery itself takes a second or two of the drain

        def shutting_down(**_: object) -> None:
            told.append(time.monotonic())
            services.answering.draining = True
            self._slots.close()

        signals.worker_shutting_down.connect(shutting_down, weak=False)
        signals.worker_ready.connect(_ready)
        signals.setup_logging.connect(_keep_our_logging)
        # Root in a container is the operator's choice; the danger that Celery means is pickle, which is refused.
        warnings.simplefilter("ignore", SecurityWarning)
        worker: WorkController = self._app.Worker(
            pool="solo",  # a bell only takes a slot and starts a coroutine: no thread of its own is worth its while
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        worker.start()
        shutting_down()
        left = max(0.0, told[0] + self._drain - time.monotonic())
        self._on_loop(services.drain(left)).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        thread.join(1.0)
        return BROKEN if self._broken else int(worker.exitcode or 0)

    def _on_loop(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _over(self, background: Future[None]) -> None:
        """Without its sweeps a worker only looks alive: it drains, and its supervisor starts another."""
        if not background.cancelled() and (error := background.exception()) is not None:
            log.critical("worker.broken error=%s", type(error).__name__, exc_info=error)
            self._broken = True
            os.kill(os.getpid(), signal.SIGTERM)

    def _converse(self, services: Services) -> Callable[[str], None]:
        def over(future: Future[None]) -> None:
            self._slots.give()
            if not future.cancelled() and (error := future.exception()) is not None:
                # Ours: the lease ends and the next claim takes it up, three times at most.
                log.error("conversation.failed error=%s", type(error).__name__, exc_info=error)

        def converse(conversation: str) -> None:
            if self._slots.take():
                self._on_loop(services.answering.converse(conversation)).add_done_callback(over)
                time.sleep(LOOP_FIRST)
            else:
                self._loop.call_soon_threadsafe(
                    services.bell.ring, conversation
                )  # for whoever still takes work

        return converse

    def _bury(self, services: Services) -> Callable[[str, str], None]:
        def bury(what: str, digest: str) -> None:
            log.error("celery.rejected what=%r message=%s", what, digest)
            self._on_loop(services.bury(dead.letter(what, message=digest)))

        return bury


class Services:
    """What lives on the loop."""

    def __init__(
        self,
        work: Work,
        leases: Leases,
        answering: Answering,
        bell: Bell,
        close: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        self._work = work
        self._leases = leases
        self.answering = answering
        self.bell = bell
        self._close = close
        self._background: list[asyncio.Task[None]] = []

    async def start(self, room: Callable[[], bool]) -> None:
        """Follow stops and sweep while there is room, until the drain ends it."""
        self._background = [
            asyncio.create_task(self._leases.stops()),
            asyncio.create_task(Sweeping(self._work, self.bell, room).run()),
        ]
        await asyncio.gather(*self._background)

    async def bury(self, letter: str) -> None:
        try:
            await dead.bury(self._work.store, letter)
        except (RedisError, OSError) as error:
            log.warning("dead_letter.lost error=%s", type(error).__name__)

    async def drain(self, seconds: float) -> None:
        """Let answers finish, hand over the rest, close everything: within `seconds`."""
        await self._idle(seconds - min(HAND_OVER_SECONDS, seconds / 4))
        handed = len(self._leases)
        self._leases.end_all(End.DRAIN)
        await self._idle(LONGEST_HAND_OVER)
        log.info("worker.drained handed_over=%d", handed)
        await end(*self._background)
        await self.bell.close()
        await self._close()
        await self._work.store.close()

    async def _idle(self, seconds: float) -> None:
        """Until nobody works at a conversation, or for so long."""
        until = time.monotonic() + seconds
        while self.answering.running and time.monotonic() < until:
            await asyncio.sleep(0.02)


def _ready(**_: object) -> None:
    gc.freeze()  # what was imported stays: no search for garbage need look at it
    log.info("worker.ready")


def _keep_our_logging(**_: object) -> None:
    """Celery sets no logging up where this signal has a receiver."""
