"""`python -m tests.benchmarks.unpaced WORD` is `switchboard WORD` for platforms without rate limits.

An adapter keeps within its platform's limits by itself, however fast the simulated platform would be. What is measured
without limits is measured without that pace: each bucket always has a token. All else is as it is.
"""

from __future__ import annotations

import sys

from adapters import pace
from bot.__main__ import main


class Unpaced(pace.Bucket):
    """A bucket that is never empty."""

    @property
    def _room(self) -> bool:
        return True

    def _delay(self, *, final: bool) -> float:
        return 0.0


if __name__ == "__main__":
    pace.Bucket = Unpaced  # type: ignore[misc]
    sys.exit(main())
