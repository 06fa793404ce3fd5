"""What a test ordered to go wrong meets the requests that it was ordered for, on either platform."""

import asyncio
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Generic, TypeVar

Refusal = TypeVar("Refusal", bound=Exception)


@dataclass(frozen=True, slots=True)
class Refuse(Generic[Refusal]):
    """The request is refused and does nothing."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class DropRequest:
    """The connection breaks before the request takes effect."""


@dataclass(frozen=True, slots=True)
class DropReply:
    """The request is carried out, and the connection breaks before the answer."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The request waits at the door until somebody opens it."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Ordered(Generic[Refusal]):
    pattern: str
    fault: Refuse[Refusal] | DropRequest | DropReply | Hold
    left: int


class Faults(Generic[Refusal]):
    """A pattern is a request's name, a method of Slack's or `METHOD /path` of Discord's; `*` stands for anything."""

    def __init__(self) -> None:
        self._ordered: list[_Ordered[Refusal]] = []

    async def meet(self, request: str) -> Refuse[Refusal] | DropRequest | DropReply | None:
        """What is to happen to such a request, once nothing holds it any more: the first that was ordered for it."""
        while isinstance(fault := self._next(request), Hold):
            await fault.gate.wait()
        return fault

    def will_refuse(self, pattern: str, refusal: Refusal, times: int = 1) -> None:
        """The next such requests are refused and do nothing."""
        self._ordered.append(_Ordered(pattern, Refuse(refusal), times))

    def will_drop_reply(self, pattern: str, times: int = 1) -> None:
        """The next such requests are carried out, and their answers are lost."""
        self._ordered.append(_Ordered(pattern, DropReply(), times))

    def will_drop_request(self, pattern: str, times: int = 1) -> None:
        """The next such requests are lost on the way."""
        self._ordered.append(_Ordered(pattern, DropRequest(), times))

    def will_hold(self, pattern: str) -> asyncio.Event:
        """The next such request waits until the returned event is set."""
        hold = Hold()
        self._ordered.append(_Ordered(pattern, hold, 1))
        return hold.gate

    def forget(self) -> None:
        """Nothing that was ordered goes wrong any more."""
        for ordered in self._ordered:
            if isinstance(ordered.fault, Hold):
                ordered.fault.gate.set()
        self._ordered.clear()

    def _next(self, request: str) -> Refuse[Refusal] | DropRequest | DropReply | Hold | None:
        for ordered in self._ordered:
            if fnmatchcase(request, ordered.pattern):
                ordered.left -= 1
                if ordered.left == 0:
                    self._ordered.remove(ordered)
                return ordered.fault
        return None
