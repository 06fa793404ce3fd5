"""Slack's "later" is heard once for all who ask: until then the method is not asked again, by no adapter where Slack
counts by workspace."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from adapters.slack.faults import translated
from bot.errors import PlatformBusy
from bot.store import RedisError, Store

log = logging.getLogger(__name__)

MOST_KNOWN = 1_000  # methods and channels; those whose time is over are forgotten then


class Waits:
    """Which methods are to be left alone, and until when. A channel's are asked by the one adapter that sends there;
    for all others an adapter that was told to wait tells the rest, by a key in Redis that ends with the wait."""

    def __init__(self, store: Callable[[], Store], team: str) -> None:
        self._store = store
        self._team = team
        self._until: dict[tuple[str, str], float] = {}

    @asynccontextmanager
    async def asking(self, method: str, channel: str = "") -> AsyncIterator[None]:
        """One request, with our errors for slack_sdk's. `channel` where Slack counts by channel."""
        key, now = (method, channel), time.monotonic()
        left = self._until.get(key, now) - now
        if left <= 0 and not channel:
            left = await self._told(method)
        if left > 0:
            raise PlatformBusy("Slack asks to wait.", left)
        try:
            async with translated():
                yield
        except PlatformBusy as busy:
            if len(self._until) >= MOST_KNOWN:
                self._until = {k: until for k, until in self._until.items() if until > now}
            self._until[key] = time.monotonic() + busy.retry_after
            if not channel:
                await self._tell(method, busy.retry_after)
            raise

    def _key(self, method: str) -> str:
        return self._store().key("later", "slack", self._team, method)

    async def _told(self, method: str) -> float:
        """Seconds that another adapter was told to wait."""
        try:
            return float(await self._store().redis.pttl(self._key(method))) / 1000
        except (RedisError, OSError) as error:
            log.debug("waits.unheard error=%s", type(error).__name__)
            return 0.0

    async def _tell(self, method: str, seconds: float) -> None:
        try:
            await self._store().redis.set(self._key(method), b"", px=max(1, int(seconds * 1000)))
        except (RedisError, OSError) as error:
            log.debug("waits.untold error=%s", type(error).__name__)
