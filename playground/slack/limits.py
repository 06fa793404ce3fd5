"""Slack's rate limits: a call passes, or is told how many seconds to wait."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from playground.slack.wire import SlackError

MINUTE = 60.0  # s

# Calls a minute per method and workspace (Slack's documentation). Slack names only the sustained
# rate and says that bursts are tolerated; the bucket's depth is the burst that we tolerate: a
# minute's worth, and for tier 1 the ten sockets that an app may open at once.
TIER_RATES: dict[str, int] = {"1": 1, "2": 20, "3": 50, "4": 100, "special": 600}
TIER_BURSTS: dict[str, int] = {"1": 10, "2": 20, "3": 50, "4": 100, "special": 600}

# Commercially distributed apps outside the Marketplace, since 2025-05-29; Slack's documentation.
DISTRIBUTED_READS = ("conversations.history", "conversations.replies")
DISTRIBUTED_READS_PER_MINUTE = 1
DISTRIBUTED_PAGE = 15  # messages

POSTS_PER_SECOND = 1.0  # chat.postMessage in one channel, Slack's documentation
POST_BURST = 5  # "bursts" in the same sentence has no number; a split answer must pass


@dataclass(slots=True)
class Bucket:
    """Tokens that come back at a steady rate up to a depth."""

    per_second: float
    depth: float
    tokens: float
    filled_at: float

    def take(self, now: float) -> float:
        """Takes one token and returns 0, or returns the seconds until there is one."""
        grown = self.tokens + (now - self.filled_at) * self.per_second
        self.tokens = min(self.depth, grown)
        self.filled_at = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.per_second
        self.tokens -= 1
        return 0.0


class RateLimits:
    """One bucket per method, and one per channel for posts."""

    def __init__(
        self, clock: Callable[[], float], *, enabled: bool, distributed: bool = False
    ) -> None:
        self.enabled = enabled
        self._distributed = distributed
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}

    def check_method(self, method: str, tier: str) -> None:
        if self._distributed and method in DISTRIBUTED_READS:
            self._check(method, DISTRIBUTED_READS_PER_MINUTE / MINUTE, DISTRIBUTED_READS_PER_MINUTE)
            return
        self._check(method, TIER_RATES[tier] / MINUTE, TIER_BURSTS[tier])

    def page(self, wanted: int) -> int:
        """How many messages of a history one call may bring."""
        return min(wanted, DISTRIBUTED_PAGE) if self._distributed else wanted

    def check_post(self, channel: str) -> None:
        self._check(f"post in {channel}", POSTS_PER_SECOND, POST_BURST)

    def _check(self, key: str, per_second: float, depth: int) -> None:
        if not self.enabled:
            return
        now = self._clock()
        bucket = self._buckets.setdefault(key, Bucket(per_second, depth, depth, now))
        wait = bucket.take(now)
        if wait > 0:
            raise rate_limited(wait)


def rate_limited(seconds: float) -> SlackError:
    return SlackError("ratelimited", status=429, headers={"Retry-After": str(math.ceil(seconds))})
