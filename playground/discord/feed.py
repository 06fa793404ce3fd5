"""Everything that changes is told to whoever waits: the page's stream and a test's condition."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeVar

T = TypeVar("T")
Change = dict[str, Any]
_BACKLOG = 10_000  # changes kept for a slow reader; beyond that it is told to look again
RELOAD: Change = {"kind": "reload", "for": None}


class Feed:
    """One announcement, any number of listeners."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Change]] = set()
        self._waiting: set[asyncio.Future[None]] = set()

    def tell(self, change: Change) -> None:
        for queue in self._queues:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(RELOAD)
            queue.put_nowait(change)
        self.stir()

    def stir(self) -> None:
        """Something that only a condition can see has changed."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    def subscribe(self) -> asyncio.Queue[Change]:
        queue: asyncio.Queue[Change] = asyncio.Queue(_BACKLOG)
        self._queues.add(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[Change]) -> None:
        self._queues.discard(queue)

    def stream(self, wanted: Callable[[Change], bool]) -> AsyncGenerator[Change, None]:
        """The changes from this call on, also those before the first one is asked for."""
        return self._drain(self.subscribe(), wanted)

    async def _drain(
        self, queue: asyncio.Queue[Change], wanted: Callable[[Change], bool]
    ) -> AsyncGenerator[Change, None]:
        try:
            while True:
                change = await queue.get()
                if wanted(change):
                    yield change
        finally:
            self.unsubscribe(queue)

    async def when(self, condition: Callable[[], T | None], timeout: float) -> T:
        """The condition's first value that is neither None nor False; TimeoutError otherwise."""
        async with asyncio.timeout(timeout):
            while True:
                found = condition()
                if found is not None and found is not False:
                    return found
                future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.add(future)
                await future
