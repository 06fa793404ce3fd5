"""What happens in one channel is looked at in the order in which it happened; channels do not wait for each other."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Lines:
    """A lock for each name, first come first served: `async with lines.of(name):`. Unused ones vanish."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, name: str) -> asyncio.Lock:
        lock = self._locks.get(name)
        if lock is None:
            lock = self._locks[name] = asyncio.Lock()
        return lock
