"""A request is counted in its bucket, and is let through or told how long to wait."""

import hashlib
import math
from collections import deque
from dataclasses import dataclass, field

from playground.discord.clock import Clock
from playground.discord.rules import Bucket, Rules

_WEBHOOK = "/webhooks/{application_id}/{token}"
_FREE = "/interactions/"  # callbacks are not counted


@dataclass(slots=True)
class _Window:
    ends: float = 0.0
    used: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """The headers of a counted answer and, if it is refused, the wait."""

    headers: dict[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    whole_bot: bool = False


class Sliding:
    """So many in any stretch of so many seconds."""

    def __init__(self, bucket: Bucket, clock: Clock) -> None:
        self._bucket = bucket
        self._clock = clock
        self._times: deque[float] = deque()

    def wait(self) -> float:
        """Seconds until there is room; zero means now."""
        now = self._clock.now()
        while self._times and self._times[0] <= now - self._bucket.seconds:
            self._times.popleft()
        if len(self._times) < self._bucket.requests:
            return 0.0
        return self._times[0] + self._bucket.seconds - now

    def count(self) -> None:
        self._times.append(self._clock.now())


class Limiter:
    """Buckets by route and major parameter, plus the bot's global one."""

    def __init__(self, rules: Rules, clock: Clock, *, enabled: bool) -> None:
        self._rules = rules
        self._clock = clock
        self._windows: dict[str, _Window] = {}
        self._global = Sliding(rules.global_requests, clock)
        self.enabled = enabled

    def admit(self, method: str, route: str, major: str) -> Verdict:
        if not self.enabled or route.startswith(_FREE):
            return Verdict()
        webhook = route.startswith(_WEBHOOK)
        if not webhook:
            wait = self._global.wait()
            if wait > 0:
                return Verdict({"X-RateLimit-Global": "true"}, wait, whole_bot=True)
            self._global.count()
        name = "webhook" if webhook else f"{method} {route}"
        return self._bucketed(name, major)

    def _bucketed(self, name: str, major: str) -> Verdict:
        bucket = self._rules.buckets.get(name, self._rules.other_bucket)
        window = self._windows.setdefault(f"{name}:{major}", _Window())
        now = self._clock.now()
        if now >= window.ends:
            window.ends, window.used = now + bucket.seconds, 0
        refused = window.used >= bucket.requests
        if not refused:
            window.used += 1
        left = window.ends - now
        headers = {
            "X-RateLimit-Limit": str(bucket.requests),
            "X-RateLimit-Remaining": str(bucket.requests - window.used),
            "X-RateLimit-Reset": f"{window.ends:.3f}",
            "X-RateLimit-Reset-After": f"{math.ceil(left * 1000) / 1000:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(name.encode()).hexdigest()[:32],
        }
        return Verdict(headers, math.ceil(left * 1000) / 1000 if refused else None)
