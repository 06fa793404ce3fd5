"""What is due is rung, whoever forgot it: once a second, through Celery, by every worker that has room."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable

from bot.bell import Bell
from bot.store import RedisError
from bot.work import Work

log = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0


class Sweeping:
    """`room` says whether this worker could take an answer: while none can, more bells would only pile up."""

    def __init__(self, work: Work, bell: Bell, room: Callable[[], bool]) -> None:
        self._work = work
        self._bell = bell
        self._room = room

    async def run(self) -> None:
        """Until cancelled. After Redis was away every holder first gets the time to renew."""
        away = False
        while True:
            await asyncio.sleep(SWEEP_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311  # jitter
            try:
                if away:
                    await self._work.store.redis.ping()
                    log.info("redis.back")
                    await asyncio.sleep(self._work.lease_ms / 1000)
                    away = False
                if self._room():
                    asked = time.monotonic()
                    found = await self._work.sweep()
                    if away := time.monotonic() - asked > self._work.lease_ms / 3000:
                        log.warning(
                            "sweep.late"
                        )  # it stood still, and no holder could renew: they come round again
                        continue
                    for conversation in found:
                        self._bell.ring(conversation)
            except (RedisError, OSError) as error:
                away = True
                log.warning("sweep.failed error=%s", type(error).__name__)
