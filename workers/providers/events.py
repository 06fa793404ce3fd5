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
    data: list[bytes] = []
    async for line in lines(body):
        if line.startswith(b"data:"):
            data.append(line[5:].strip())
        elif not line and data:
            yield _event(data)
            data = []
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


async def lines(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The lines of a body that comes in pieces, without their ends."""
    rest = bytearray()
    async for piece in body:
        seen = len(rest)
        rest += piece
        end = rest.find(b"\n", seen)
        if end < 0:
            if len(rest) > MOST_LINE:
                raise BrokenEvent
            continue
        *whole, left = bytes(rest).split(b"\n")
        rest = bytearray(left)
        for line in whole:
            yield line.rstrip(b"\r")
    if rest:
        yield bytes(rest).rstrip(b"\r")


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
