"""What a test ordered to go wrong meets the requests that it was ordered for."""

import asyncio
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from playground.discord.errors import ApiError


@dataclass(frozen=True, slots=True)
class Refuse:
    """The request is refused and does nothing; `via` false is the edge's ban."""

    status: int
    code: int
    retry_after: float | None
    via: bool

    def error(self) -> ApiError:
        return ApiError(self.code, status=self.status, retry_after=self.retry_after, via=self.via)


@dataclass(frozen=True, slots=True)
class DropRequest:
    """The connection breaks before the request takes effect."""


@dataclass(frozen=True, slots=True)
class DropReply:
    """The request is carried out, and the connection closes without an answer."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The request waits at the door until somebody opens it."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)


Fault = Refuse | DropRequest | DropReply | Hold


@dataclass(slots=True)
class _Ordered:
    pattern: str
    fault: Fault
    left: int


class Faults:
    """Patterns are `METHOD /path` below the API's base, or `GET /attachments/…`; `*` stands for anything."""

    def __init__(self) -> None:
        self._ordered: list[_Ordered] = []

    def add(self, pattern: str, fault: Fault, times: int) -> None:
        self._ordered.append(_Ordered(pattern, fault, times))

    def next(self, request: str) -> Fault | None:
        """The first that was ordered for such a request and is not used up."""
        for ordered in self._ordered:
            if fnmatchcase(request, ordered.pattern):
                ordered.left -= 1
                if ordered.left == 0:
                    self._ordered.remove(ordered)
                return ordered.fault
        return None

    def will_refuse(
        self,
        route_pattern: str,
        status: int,
        code: int = 0,
        times: int = 1,
        retry_after: float | None = None,
        *,
        via: bool = True,
    ) -> None:
        """The next requests are refused; a 429 asks for a second unless told otherwise."""
        if status == 429 and retry_after is None:
            retry_after = 1.0
        self.add(route_pattern, Refuse(status, code, retry_after, via), times)

    def will_drop_reply(self, route_pattern: str, times: int = 1) -> None:
        """The next requests are carried out, and their answers are lost."""
        self.add(route_pattern, DropReply(), times)

    def will_drop_request(self, route_pattern: str, times: int = 1) -> None:
        """The next requests are lost on the way."""
        self.add(route_pattern, DropRequest(), times)

    def will_hold(self, route_pattern: str) -> asyncio.Event:
        """The next request waits until the returned event is set."""
        hold = Hold()
        self.add(route_pattern, hold, 1)
        return hold.gate
