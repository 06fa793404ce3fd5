"""`python -m tests.benchmarks.unpaced WORD` is `switchboard WORD` for platforms without rate limits.

An adapter keeps within its platform's limits by itself, however fast the simulated platform would be. What is measured
without limits is measured without that pace: each bucket always has a token. All else is as it is.
"""

from __future__ import annotations

import sys

from adapters import pace
from adapters.platform import Rate
from bot.__main__ import main

WITHOUT = Rate(count=1_000_000, seconds=1.0, burst=1_000_000)


class Unpaced(pace.Bucket):
    """A bucket that is never empty."""

    def __init__(self, rate: Rate) -> None:
        super().__init__(WITHOUT)

    def keep(self, rate: Rate) -> None:
        """It stays without one."""


if __name__ == "__main__":
    pace.Bucket = Unpaced  # type: ignore[misc]
    sys.exit(main())
