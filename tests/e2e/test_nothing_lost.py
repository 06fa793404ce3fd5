"""The small form of `make chaos`: 200 questions on both platforms, ten faults; each is answered once and in order."""

from __future__ import annotations

import pytest

from tests.chaos.run import Run, Size

SEED = 7  # five kinds of kill, freeze and network fault are in its plan
SMALL = Size(questions=200, faults=10, talks=30, seconds=25, pace=0.05)


@pytest.mark.timeout(600)
async def test_two_hundred_questions_survive_ten_faults() -> None:
    assert await Run.of(SEED, SMALL).go() == []
