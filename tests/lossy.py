"""A line to Redis that loses a reply: the command is done, and its sender never learns of it."""

from __future__ import annotations

from tests.chaos.line import Deaf, Line


class LossyLine(Line):
    """`async with LossyLine(redis_url) as line:`, then a client of `line.url`; `line.lose()` loses the next reply, or
    the one that comes `after` so many others."""

    def __init__(self, redis_url: str) -> None:
        super().__init__(redis_url, lambda: _Losing(self))
        self.losing = -1  # replies until the one that is lost
        self.lost = 0
        self.sent = bytearray()  # what the clients sent since the last `lose`

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def lose(self, *, after: int = 0) -> None:
        self.losing = after
        self.sent.clear()


class _Losing(Deaf):
    def __init__(self, line: LossyLine) -> None:
        self._line = line

    def up(self, data: bytes) -> bool:
        self._line.sent += data
        return True

    def down(self, data: bytes) -> bool:
        self._line.losing -= 1
        self._line.lost += self._line.losing == -1
        return self._line.losing != -1
