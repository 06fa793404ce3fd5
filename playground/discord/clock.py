"""The server's time goes out, as seconds and as the snowflake ids that carry it."""

import time

DISCORD_EPOCH_MS = 1_420_070_400_000  # 2015-01-01T00:00:00Z, the zero of every snowflake
_WORKER_BITS = 22  # below the milliseconds of a snowflake


class Clock:
    """Wall time, which a test may push forward: tokens and addresses then age at once."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time goes forward only")
        self._ahead += seconds


class Snowflakes:
    """Ids that rise strictly, so that order by id is order of creation."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> str:
        milliseconds = int(self._clock.now() * 1000) - DISCORD_EPOCH_MS
        self._last = max(self._last + 1, milliseconds << _WORKER_BITS)
        return str(self._last)
