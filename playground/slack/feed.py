"""Changes of the workspace on their way to those who watch: the page, and tests that wait."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from playground.slack.wire import Json

Seen = TypeVar("Seen")


class Feed:
    """Hands each change to every subscriber, and wakes those who wait for a condition."""

    def __init__(self) -> None:
        self._subscribers: set[asyncio.Queue[Json]] = set()
        self._pulse = asyncio.Event()

    def publish(self, kind: str, *, audience: list[str] | None = None, **facts: object) -> None:
        """Tells a change; `audience` lists the people who may see it, None means everybody."""
        change: Json = {"kind": kind, "audience": audience, **facts}
        for queue in self._subscribers:
            queue.put_nowait(change)
        self.wake()

    def wake(self) -> None:
        """Makes every `until` look again; for changes that no page shows."""
        self._pulse.set()
        self._pulse = asyncio.Event()

    def subscribe(self, queue: asyncio.Queue[Json]) -> None:
        self._subscribers.add(queue)

    def unsubscribe(self, queue: asyncio.Queue[Json]) -> None:
        self._subscribers.discard(queue)

    async def changes(self) -> AsyncIterator[Json]:
        """Every change from now on, until the iteration is left."""
        queue: asyncio.Queue[Json] = asyncio.Queue()
        self.subscribe(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self.unsubscribe(queue)

    async def until(
        self, look: Callable[[], Seen | None], *, timeout: float, complaint: Callable[[], str]
    ) -> Seen:
        """What `look` returns as soon as it is not None; TimeoutError tells what was there."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    pulse = self._pulse
                    seen = look()
                    if seen is not None:
                        return seen
                    await pulse.wait()
        except TimeoutError:
            raise TimeoutError(complaint()) from None
