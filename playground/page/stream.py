"""A view that changes becomes a stream of small differences for one browser tab."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

import orjson
from aiohttp import web

from playground.page.pane import Json

BEAT = 5.0  # s between looks without a change told, and signs of life
TICK = 0.05  # s; changes within it are sent as one


class Differ:
    """Remembers what a tab has been told, and tells only what is new."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._told: dict[str, bytes] = {}
        self._began = False

    def difference(self, view: Json) -> bytes | None:
        """One event of the stream, or None if nothing changed."""
        now = {key: orjson.dumps(value) for key, value in view.items()}
        changed = [key for key, value in now.items() if self._told.get(key) != value]
        gone = [key for key in self._told if key not in now]
        if self._began and not changed and not gone:
            return None
        entries = b",".join(orjson.dumps(key) + b":" + now[key] for key in changed)
        first, self._began, self._told = not self._began, True, now
        head = orjson.dumps({"pane": self._name, "reset": first, "gone": gone})[:-1]
        return b"data: " + head + b',"set":{' + entries + b"}}\n\n"


class Bell:
    """Rings for every open stream; rings that nobody has heard yet are one."""

    def __init__(self) -> None:
        self._events: set[asyncio.Event] = set()

    def ring(self) -> None:
        for event in self._events:
            event.set()

    def join(self) -> asyncio.Event:
        event = asyncio.Event()
        self._events.add(event)
        return event

    def leave(self, event: asyncio.Event) -> None:
        self._events.discard(event)


async def stream(
    request: web.Request, bell: Bell, views: Mapping[str, Callable[[], Json]]
) -> web.StreamResponse:
    """Server-sent events until the tab goes away: everything first, then differences."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    differs = {name: Differ(name) for name in views}
    event = bell.join()
    try:
        with suppress(ConnectionResetError):
            await response.write(b"retry: 500\n\n")
            while True:
                event.clear()
                for name, differ in differs.items():
                    if (told := differ.difference(views[name]())) is not None:
                        await response.write(told)
                try:
                    await asyncio.wait_for(event.wait(), BEAT)
                    await asyncio.sleep(TICK)
                except TimeoutError:
                    await response.write(b": still here\n\n")
    finally:
        bell.leave(event)
    return response
