"""The bytes of a streamed answer become its events: JSON objects, one for each `data:`.

The openai package would build a pydantic object for each chunk, which costs more than everything else that happens to
it; so its transport, keys and errors are used, and the lines are read here.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import orjson

MOST_LINE = 8 * 1024 * 1024  # bytes; a longer line is no chunk of an answer
DONE = b"[DONE]"

Event = dict[str, Any]


class BrokenEvent(ValueError):
    """What should be a chunk is none."""


async def events(body: AsyncIterator[bytes]) -> AsyncGenerator[Event | None, None]:
    """Every event; None at `[DONE]`, after which the body is read to its end, so that the connection can serve again.

    Raises BrokenEvent. Lines that are no data are passed over.
    """
    lines, data = Lines(), []
    async for piece in body:
        for line in lines.take(piece):
            if line.startswith(b"data:"):
                data.append(line[5:].strip())
            elif not line and data:
                yield _event(data)
                data = []
    if lines.left.startswith(b"data:"):
        data.append(bytes(lines.left[5:].strip()))
    if data:
        yield _event(data)


async def whole(body: AsyncIterator[bytes]) -> AsyncGenerator[Event | None, None]:
    """The one event of a body that is no stream."""
    data = bytearray()
    async for piece in body:
        data += piece
        if len(data) > MOST_LINE:
            raise BrokenEvent
    yield parsed(bytes(data))


class Lines:
    """What comes in pieces becomes lines. Each ends with CR LF, LF or CR, as in the standard of server-sent events; one
    that ends with CR is whole at once, whether or not the LF of a CR LF is still to come."""

    def __init__(self) -> None:
        self.left = bytearray()  # of a line that has not ended yet
        self._cr = False  # the last line ended with CR, the last of what came so far

    def take(self, piece: bytes) -> list[bytes]:
        """The lines that end in this piece, without their ends. Raises BrokenEvent for one that is too long."""
        if self._cr and piece:
            piece = piece.removeprefix(b"\n")
            self._cr = False
        lines = piece.splitlines()  # of bytes: at these three ends and no others
        if piece.endswith(b"\n"):
            left = b""
        elif piece.endswith(b"\r"):
            left, self._cr = b"", True
        else:
            left = lines.pop() if lines else b""
        if lines and self.left:
            lines[0] = bytes(self.left) + lines[0]
            self.left.clear()
        self.left += left
        if len(self.left) > MOST_LINE:
            raise BrokenEvent
        return lines


def _event(data: list[bytes]) -> Event | None:
    return None if data[0].startswith(DONE) else parsed(b"\n".join(data))


def parsed(data: bytes) -> Event:
    """The object in these bytes."""
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError:
        event = _leniently(data)
    if not isinstance(event, dict):
        raise BrokenEvent
    return event


def _leniently(data: bytes) -> Any:
    """Some servers cut an emoji in two halves, which is JSON and no Unicode: each half becomes a question mark."""
    try:
        text = json.dumps(json.loads(data), ensure_ascii=False)
        return orjson.loads(text.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise BrokenEvent from None
