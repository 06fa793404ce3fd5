"""What a test ordered to go wrong meets the requests that it was ordered for."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from playground.discord.errors import ApiError


@dataclass(slots=True)
class _Refusal:
    pattern: str
    status: int
    code: int
    left: int
    retry_after: float | None
    via: bool


@dataclass(slots=True)
class _Drop:
    pattern: str
    left: int


class Faults:
    """Patterns are `METHOD /path` below the API's base; `*` stands for anything."""

    def __init__(self) -> None:
        self._refusals: list[_Refusal] = []
        self._drops: list[_Drop] = []

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
        """The next requests are refused before they do anything; `via` false is the edge's ban."""
        self._refusals.append(_Refusal(route_pattern, status, code, times, retry_after, via))

    def will_drop_reply(self, route_pattern: str, times: int = 1) -> None:
        """The next requests are carried out, and the connection closes without an answer."""
        self._drops.append(_Drop(route_pattern, times))

    def refusal(self, request: str) -> ApiError | None:
        for refusal in self._refusals:
            if refusal.left > 0 and fnmatchcase(request, refusal.pattern):
                refusal.left -= 1
                wait = 1.0 if refusal.status == 429 else None
                return ApiError(
                    refusal.code,
                    status=refusal.status,
                    retry_after=wait if refusal.retry_after is None else refusal.retry_after,
                    via=refusal.via,
                )
        return None

    def drops(self, request: str) -> bool:
        for drop in self._drops:
            if drop.left > 0 and fnmatchcase(request, drop.pattern):
                drop.left -= 1
                return True
        return False
