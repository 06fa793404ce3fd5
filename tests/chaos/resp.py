"""What a client and Redis say to each other, as commands and their replies."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import hiredis

SUBSCRIBES = (b"SUBSCRIBE", b"PSUBSCRIBE")


@dataclass(eq=False, slots=True)
class Command:
    """One command as it was sent: its words, all bytes."""

    words: list[bytes]
    step: Any = None  # what the listener makes of it

    @property
    def name(self) -> bytes:
        return self.words[0].upper()


@dataclass(slots=True)
class Resp:
    """Reads along on one connection. `sent` is told of each whole command and `answered` of its reply; False from one
    of them means that the bytes are not passed on."""

    sent: Callable[[Command], bool]
    answered: Callable[[Command, Any], bool]
    _up: hiredis.Reader = field(default_factory=hiredis.Reader)
    _down: hiredis.Reader = field(default_factory=hiredis.Reader)
    _waiting: deque[Command] = field(default_factory=deque)
    _listening: bool = False  # to a channel: what comes is no reply any more

    def up(self, data: bytes) -> bool:
        self._up.feed(data)
        while isinstance(words := self._up.gets(), list):
            command = Command([bytes(word) for word in words])
            self._listening = self._listening or command.name in SUBSCRIBES
            if not self.sent(command):
                return False
            self._waiting.append(command)
        return True

    def down(self, data: bytes) -> bool:
        if self._listening:
            return True
        self._down.feed(data)
        while (reply := self._down.gets()) is not False:
            if isinstance(reply, hiredis.PushNotification) or not self._waiting:
                continue
            if not self.answered(self._waiting.popleft(), reply):
                return False
        return True
