"""What goes wrong on purpose: each fault waits for the next call of its method."""

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass, field

from playground.slack.limits import rate_limited
from playground.slack.wire import SlackError

RATE_LIMIT_SECONDS = 1.0  # what a refusal with `ratelimited` asks for unless told otherwise


@dataclass(frozen=True, slots=True)
class Refuse:
    """The call is refused and changes nothing."""

    refusal: SlackError


@dataclass(frozen=True, slots=True)
class DropRequest:
    """The connection breaks before the call takes effect."""


@dataclass(frozen=True, slots=True)
class DropReply:
    """The call takes effect, and the connection breaks before the answer."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The call waits at the door until somebody opens it."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)


Fault = Refuse | DropRequest | DropReply | Hold


class Faults:
    """A queue of faults for each method."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, deque[Fault]] = defaultdict(deque)

    def add(self, method: str, fault: Fault, times: int) -> None:
        self._waiting[method].extend([fault] * times)

    def next(self, method: str) -> Fault | None:
        waiting = self._waiting[method]
        return waiting.popleft() if waiting else None

    def will_refuse(
        self,
        method: str,
        error: str,
        times: int = 1,
        *,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        """The next calls of `method` are refused with `error`; `ratelimited` is a 429."""
        if error == "ratelimited":
            refusal = rate_limited(RATE_LIMIT_SECONDS if retry_after is None else retry_after)
        else:
            headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
            refusal = SlackError(error, headers=headers)
        refusal.status = status or refusal.status
        self.add(method, Refuse(refusal), times)

    def will_drop_reply(self, method: str, times: int = 1) -> None:
        """The next calls of `method` take effect, and their answers are lost."""
        self.add(method, DropReply(), times)

    def will_drop_request(self, method: str, times: int = 1) -> None:
        """The next calls of `method` are lost on the way."""
        self.add(method, DropRequest(), times)

    def will_hold(self, method: str) -> asyncio.Event:
        """The next call of `method` waits until the returned event is set."""
        hold = Hold()
        self.add(method, hold, 1)
        return hold.gate
