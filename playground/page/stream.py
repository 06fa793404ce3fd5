"""A view that changes becomes a stream of small differences for one browser tab."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

import orjson
from aiohttp import web

from playground.page.pane import Json

BEAT = 15.0  # s of quiet before a sign of life
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


class Ear:
    """What one open stream has heard since it last looked."""

    def __init__(self) -> None:
        self._panes: set[str] = set()
        self._event = asyncio.Event()

    def hear(self, pane: str) -> None:
        self._panes.add(pane)
        self._event.set()

    async def heard(self) -> set[str]:
        """The panes that changed, a moment after the first did; none after a quiet while."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), BEAT)
            await asyncio.sleep(TICK)
        self._event.clear()
        panes, self._panes = self._panes, set()
        return panes


class Bell:
    """Rings for every open stream."""

    def __init__(self) -> None:
        self._ears: set[Ear] = set()

    def ring(self, pane: str) -> None:
        for ear in self._ears:
            ear.hear(pane)

    def join(self) -> Ear:
        ear = Ear()
        self._ears.add(ear)
        return ear

    def leave(self, ear: Ear) -> None:
        self._ears.discard(ear)


async def stream(
    request: web.Request, bell: Bell, views: Mapping[str, Callable[[], Json]]
) -> web.StreamResponse:
    """Server-sent events until the tab goes away: everything first, then differences."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    differs = {name: Differ(name) for name in views}
    ear = bell.join()
    try:
        with suppress(ConnectionResetError):
            await response.write(b"retry: 500\n\n")
            changed = set(views)
            while True:
                for name in views:
                    told = differs[name].difference(views[name]()) if name in changed else None
                    if told is not None:
                        await response.write(told)
                changed = await ear.heard()
                if not changed:
                    await response.write(b": still here\n\n")
    finally:
        bell.leave(ear)
    return response
