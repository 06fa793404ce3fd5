"""A TCP connection between any two, with everything that a network does to one: cut, reset, silence, delay, one way."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol, Self
from urllib.parse import unquote, urlsplit

CHUNK = 65_536  # B of one read
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: the other side gets a RST instead of a FIN
Way = Literal["up", "down"]  # what a client sends, what a server answers


class Reader(Protocol):
    """Understands one connection. Both see bytes before they are passed on."""

    def up(self, data: bytes) -> bool:
        """False: these bytes, and all that follow them, are never passed on."""

    def down(self, data: bytes) -> bool:
        """The same for what the server answers."""


class Deaf:
    """Understands nothing."""

    def up(self, data: bytes) -> bool:
        return True

    def down(self, data: bytes) -> bool:
        return True


@dataclass(eq=False, slots=True)
class _Pair:
    """One connection: its two sockets, and who reads along."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    reader: Reader
    mute: bool = False  # what the server answers vanishes

    def reset(self) -> None:
        for writer in (self.client, self.server):
            with suppress(OSError):
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()

    def close(self) -> None:
        self.client.close()
        self.server.close()

    async def end(self) -> None:
        for writer in (self.client, self.server):
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


@dataclass
class Line:
    """Listens on a port of this machine and passes on to `to` (`redis://`, `unix://`, `http://` or `ws://`)."""

    to: str
    listens: Callable[[], Reader] = Deaf  # makes the reader of each connection
    port: int = 0
    delay: float = 0.0  # s that each piece takes longer
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _away: bool = False  # nobody answers: new connections are reset
    _mute: bool = False
    _pairs: set[_Pair] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self) -> Line:
        self._open.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        pairs = list(self._pairs)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for pair in pairs:
            await pair.end()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.stop()

    # ---- faults ---------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Both sides of every connection get a RST."""
        for pair in list(self._pairs):
            pair.reset()

    @asynccontextmanager
    async def cut(self) -> AsyncIterator[None]:
        """Every connection ends, and no new one comes about."""
        self._away = True
        for pair in list(self._pairs):
            pair.close()
        try:
            yield
        finally:
            self._away = False

    @asynccontextmanager
    async def stalled(self) -> AsyncIterator[None]:
        """A black hole: nothing passes, nobody is told. What was sent meanwhile arrives late, also from who is gone."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    @asynccontextmanager
    async def slow(self, delay: float) -> AsyncIterator[None]:
        """Every piece takes `delay` s longer."""
        self.delay = delay
        try:
            yield
        finally:
            self.delay = 0.0

    @asynccontextmanager
    async def half_open(self) -> AsyncIterator[None]:
        """Requests arrive and are carried out, answers vanish; at the end these connections are reset."""
        self._mute = True
        for pair in self._pairs:
            pair.mute = True
        try:
            yield
        finally:
            self._mute = False
            for pair in list(self._pairs):
                if pair.mute:
                    pair.reset()

    # ---- connections ----------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._away:
            writer.transport.abort()
            return
        await self._open.wait()
        try:
            there, back = await self._dial()
        except OSError:
            writer.transport.abort()
            return
        pair = _Pair(writer, back, self.listens(), mute=self._mute)
        self._pairs.add(pair)
        pumps = [
            asyncio.create_task(self._pump(reader, back, pair, "up")),
            asyncio.create_task(self._pump(there, writer, pair, "down")),
        ]
        for task in pumps:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda _: self._pairs.discard(pair))

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        to = urlsplit(self.to)
        if to.scheme == "unix":
            return await asyncio.open_unix_connection(unquote(to.path))
        return await asyncio.open_connection(to.hostname, to.port)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: _Pair, way: Way
    ) -> None:
        """Pass on one way until an end; then the connection ends in both."""
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if not (pair.reader.up(data) if way == "up" else pair.reader.down(data)):
                    pair.reset()
                    break
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._open.wait()
                if way == "down" and pair.mute:
                    continue
                writer.write(data)
                await writer.drain()
            await self._open.wait()  # the end of a connection too is told late
        pair.close()
