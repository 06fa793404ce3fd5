"""A browser tab meets the simulated platforms: static files, one stream of changes, one door for deeds."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from aiohttp import BodyPartReader, web

from playground.page.guard import add_headers, guard
from playground.page.pane import Json, Pane, Picked, Refused
from playground.page.stream import Bell, stream

STATIC = Path(__file__).parent / "static"
MAX_FILE = 10 * 1024 * 1024  # B; what Discord's clients allow for one file
MAX_FILES = 10  # a message
MAX_DEED = 64 * 1024  # B of JSON
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


class PageServer:
    """The page on 127.0.0.1. `panes` are the platforms by name; the pane "page" is the header's own."""

    def __init__(self, panes: dict[str, Pane], *, port: int = 0) -> None:
        self._panes = panes
        self._port = port
        self._bell = Bell()
        self._runner: web.AppRunner | None = None
        self._watchers: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"

    async def start(self) -> PageServer:
        app = web.Application(
            middlewares=[guard(lambda: self._port)],
            client_max_size=MAX_FILE * MAX_FILES + MAX_DEED,
        )
        app.on_response_prepare.append(add_headers)
        app.router.add_get("/", self._index)
        app.router.add_get("/static/{name}", self._static)
        app.router.add_get("/people", self._people)
        app.router.add_get("/events", self._events)
        app.router.add_get("/files/{pane}/{file}", self._file)
        app.router.add_post("/do/{pane}/{deed}", self._do)
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()
        self._port = self._runner.addresses[0][1]
        self._watchers = [asyncio.create_task(self._watch(name)) for name in self._panes]
        return self

    async def stop(self) -> None:
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> PageServer:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _watch(self, name: str) -> None:
        async for _ in self._panes[name].changes():
            self._bell.ring(name)

    # ---- files -------------------------------------------------------------------------------------------------------

    async def _index(self, _: web.Request) -> web.Response:
        return _static_file(STATIC / "index.html")

    async def _static(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        path = STATIC / name
        if path.parent != STATIC or not path.is_file():  # a name with a slash never gets here
            raise web.HTTPNotFound
        return _static_file(path)

    async def _file(self, request: web.Request) -> web.Response:
        """What somebody attached: shown if it is an image by content, else a download."""
        stored = self._pane(request).file(request.match_info["file"])
        if stored is None:
            raise web.HTTPNotFound
        kind = _image_type(stored.data)
        headers = {"Content-Security-Policy": "default-src 'none'; sandbox"}
        if kind is None:
            headers["Content-Disposition"] = "attachment"
        return web.Response(
            body=stored.data, content_type=kind or "application/octet-stream", headers=headers
        )

    # ---- state and deeds ---------------------------------------------------------------------------------------------

    async def _people(self, _: web.Request) -> web.Response:
        """Whom one may act as, pane by pane: the page asks before it opens its stream."""
        return _json({name: pane.people() for name, pane in self._panes.items()})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        viewers = {
            name: _viewer(pane, request.query.get(name, "")) for name, pane in self._panes.items()
        }

        def look(name: str) -> Json:
            return self._panes[name].view(viewers[name])

        views = {name: partial(look, name) for name in self._panes}
        return await stream(request, self._bell, views)

    async def _do(self, request: web.Request) -> web.Response:
        pane = self._pane(request)
        try:
            given, files = await _read(request)
            viewer = _viewer(pane, str(given.pop("as", "")))
            done = await pane.act(viewer, request.match_info["deed"], given, files)
        except Refused as refusal:
            return _json({"error": str(refusal)})  # an answer like any other: the page shows it
        self._bell.ring(request.match_info["pane"])
        return _json(done)

    def _pane(self, request: web.Request) -> Pane:
        pane = self._panes.get(request.match_info["pane"])
        if pane is None:
            raise web.HTTPNotFound
        return pane


def _viewer(pane: Pane, asked: str) -> str:
    """The person asked for if there is one, else the first."""
    people = [str(person["id"]) for person in pane.people()]
    return asked if asked in people else people[0] if people else ""


async def _read(request: web.Request) -> tuple[Json, tuple[Picked, ...]]:
    """The deed's JSON, and the files that came with it."""
    if request.content_type == "application/json":
        return _object(await request.read()), ()
    if request.content_type != "multipart/form-data":
        raise Refused("The page sent something that is neither JSON nor a form.")
    given: Json = {}
    files: list[Picked] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise Refused("The page sent a form within a form.")
        if part.filename is None:
            given = _object(await _capped(part, MAX_DEED, "The text"))
            continue
        if len(files) == MAX_FILES:
            raise Refused(f"At most {MAX_FILES} files fit into one message.")
        name = part.filename
        files.append(Picked(name, await _capped(part, MAX_FILE, f"“{name}”")))
    return given, tuple(files)


async def _capped(part: BodyPartReader, most: int, what: str) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk():
        data += chunk
        if len(data) > most:
            raise Refused(f"{what} is larger than {most // 1024 // 1024 or 1} MB.")
    return bytes(data)


def _object(data: bytes) -> Json:
    if len(data) > MAX_DEED:
        raise Refused("That is more text than the page takes.")
    try:
        value: Any = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise Refused("The page sent broken JSON.") from None
    if not isinstance(value, dict):
        raise Refused("The page sent JSON that is no object.")
    return value


def _json(body: Json) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type="application/json")


def _static_file(path: Path) -> web.Response:
    kind = _TYPES.get(path.suffix, "application/octet-stream")
    charset = "utf-8" if kind.startswith("text/") else None
    return web.Response(body=path.read_bytes(), content_type=kind, charset=charset)


def _image_type(data: bytes) -> str | None:
    """The type of an image that a browser may draw, by its first bytes."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None
