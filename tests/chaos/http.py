"""What a client and a server say to each other over HTTP/1.1, as requests, their replies, and a socket's frames."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

HEAD = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.1\r\n")
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
UPGRADE = re.compile(rb"\r\nupgrade: *websocket", re.IGNORECASE)
STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
END, LAST = b"\r\n\r\n", b"0\r\n\r\n"
TEXT = 1  # the opcode of a frame


@dataclass(eq=False, slots=True)
class Request:
    """One request, whole: what it asks for and its body."""

    method: str
    path: str
    body: bytes = b""
    step: Any = None  # what the listener makes of it


class Http:
    """Reads along on one connection: one request at a time, as clients send them. `sent` is told of each whole request
    before its last bytes leave, `answered` of the status of its reply, `framed` of each text frame that a client sends
    on a socket; False from one of them means that the bytes are not passed on."""

    def __init__(
        self,
        sent: Callable[[Request], bool],
        answered: Callable[[Request, int], bool],
        framed: Callable[[bytes], bool],
    ) -> None:
        self._sent, self._answered, self._framed = sent, answered, framed
        self._buffer = b""
        self._request: Request | None = None
        self._is_socket = False

    def up(self, data: bytes) -> bool:
        self._buffer += data
        return self._frames() if self._is_socket else self._requests()

    def down(self, data: bytes) -> bool:
        request, self._request = self._request, None
        if request is None or (status := STATUS.match(data)) is None:
            return True
        return self._answered(request, int(status[1]))

    def _requests(self) -> bool:
        while (end := self._buffer.find(END)) >= 0:
            head, rest = self._buffer[: end + 2], self._buffer[end + 4 :]
            asked = HEAD.match(head)
            if asked is None:
                self._buffer = b""
                return True
            size = _size(head, rest)
            if size is None:
                return True
            self._buffer = rest[size:]
            self._is_socket = UPGRADE.search(head) is not None
            self._request = Request(asked[1].decode(), asked[2].decode(), rest[:size])
            if not self._sent(self._request):
                return False
            if self._is_socket:
                return self._frames()
        return True

    def _frames(self) -> bool:
        while (found := _frame(self._buffer)) is not None:
            opcode, payload, self._buffer = found
            if opcode == TEXT and not self._framed(payload):
                return False
        return True


def _size(head: bytes, rest: bytes) -> int | None:
    """Of the body, which begins with `rest`; None where its end is not there yet."""
    if CHUNKED.search(head):
        end = rest.find(LAST)
        return None if end < 0 else end + len(LAST)
    length = LENGTH.search(head)
    size = int(length[1]) if length else 0
    return size if len(rest) >= size else None


def _frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """A client's frame: opcode, payload, and what follows it (RFC 6455, section 5.2)."""
    if len(data) < 2:
        return None
    size, at = data[1] & 0x7F, 2
    if size >= 126:
        width = 2 if size == 126 else 8
        size, at = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
    masked = bool(data[1] & 0x80)
    key = data[at : at + 4] if masked else bytes(4)
    at += 4 if masked else 0
    if len(data) < at + size:
        return None
    payload = bytes(byte ^ key[n % 4] for n, byte in enumerate(data[at : at + size]))
    return data[0] & 0x0F, payload, data[at + size :]
