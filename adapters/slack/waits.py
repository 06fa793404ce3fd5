"""Slack's "later" is heard once for all who ask: until then the method is not asked again."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.slack.faults import translated
from bot.errors import PlatformBusy

MOST_KNOWN = 1_000  # methods and channels; those whose time is over are forgotten then


class Waits:
    """Which methods are to be left alone, and until when."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], float] = {}

    @asynccontextmanager
    async def asking(self, method: str, channel: str = "") -> AsyncIterator[None]:
        """One request, with our errors for slack_sdk's. `channel` where Slack counts by channel."""
        key, now = (method, channel), time.monotonic()
        if (left := self._until.get(key, now) - now) > 0:
            raise PlatformBusy("Slack asks to wait.", left)
        try:
            async with translated():
                yield
        except PlatformBusy as busy:
            if len(self._until) >= MOST_KNOWN:
                self._until = {k: until for k, until in self._until.items() if until > now}
            self._until[key] = time.monotonic() + busy.retry_after
            raise
