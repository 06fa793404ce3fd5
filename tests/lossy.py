"""A line to Redis that loses a reply: the command is done, and its sender never learns of it."""

from __future__ import annotations

import asyncio
from types import TracebackType
from urllib.parse import urlsplit


class LossyLine:
    """`async with LossyLine(redis_url) as line:`, then a client of `line.url`; `line.lose()` loses the next reply, or
    the one that comes `after` so many others."""

    def __init__(self, redis_url: str) -> None:
        self._to = urlsplit(redis_url)
        self._losing = -1  # replies until the one that is lost
        self._pumps: set[asyncio.Task[None]] = set()
        self.lost = 0
        self.sent = bytearray()  # what the clients sent since the last `lose`

    async def __aenter__(self) -> LossyLine:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"redis://127.0.0.1:{port}/0"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._server.close()
        for pump in list(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def lose(self, *, after: int = 0) -> None:
        self._losing = after
        self.sent.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._to.scheme == "unix":
            there, back = await asyncio.open_unix_connection(self._to.path)
        else:
            there, back = await asyncio.open_connection(self._to.hostname, self._to.port)
        for pump in (self._requests(reader, back), self._replies(there, writer, back)):
            task = asyncio.create_task(pump)
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _requests(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.sent += data
            back.write(data)
        back.close()

    async def _replies(
        self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        while data := await there.read(65536):
            self._losing -= 1
            if self._losing == -1:
                self.lost += 1
                break
            writer.write(data)
        writer.close()
        back.close()
