"""A payload leaves as the frame that the client asked for: plain text, zlib or zstd stream."""

import asyncio
import json
import zlib
from contextlib import suppress
from typing import Any, Protocol

import zstandard
from aiohttp import ClientConnectionError, web


class Stream(Protocol):
    def frame(self, text: str) -> str | bytes: ...


class PlainStream:
    def frame(self, text: str) -> str | bytes:
        return text


class ZlibStream:
    """One context for the whole connection; each payload ends in a sync flush."""

    def __init__(self) -> None:
        self._context = zlib.compressobj()

    def frame(self, text: str) -> str | bytes:
        return self._context.compress(text.encode()) + self._context.flush(zlib.Z_SYNC_FLUSH)


class ZstdStream:
    """One context for the whole connection; each payload ends a block."""

    def __init__(self) -> None:
        self._context = zstandard.ZstdCompressor().compressobj()

    def frame(self, text: str) -> str | bytes:
        block = self._context.compress(text.encode())
        return block + self._context.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


STREAMS: dict[str, type[PlainStream] | type[ZlibStream] | type[ZstdStream]] = {
    "": PlainStream,
    "zlib-stream": ZlibStream,
    "zstd-stream": ZstdStream,
}


class Socket:
    """One connection; what is sent goes out in order, whoever sends it."""

    def __init__(self, ws: web.WebSocketResponse, request: web.Request, stream: Stream) -> None:
        self.ws = ws
        self._request = request
        self._stream = stream
        self._outgoing: asyncio.Queue[str | int] = asyncio.Queue()
        self._closing = False
        self._writer = asyncio.create_task(self._write())

    def send(self, text: str) -> None:
        self._outgoing.put_nowait(text)

    def send_op(self, op: int, data: Any = None) -> None:
        self.send(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def close(self, code: int) -> None:
        """After what was already sent."""
        self._outgoing.put_nowait(code)

    def drop(self) -> None:
        """The connection breaks without a closing frame: 1006 to the client."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def end(self) -> None:
        """A close that has begun is finished; anything else still waiting is dropped."""
        if not self._closing:
            self._writer.cancel()
        with suppress(asyncio.CancelledError):
            await self._writer

    async def _write(self) -> None:
        with suppress(ClientConnectionError, ConnectionError):
            while True:
                item = await self._outgoing.get()
                if isinstance(item, int):
                    self._closing = True
                    await self.ws.close(code=item)
                    return
                frame = self._stream.frame(item)
                if isinstance(frame, str):
                    await self.ws.send_str(frame)
                else:
                    await self.ws.send_bytes(frame)
