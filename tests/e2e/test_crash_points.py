"""Each crash point once: a process dies before and after each step that stores or sends, and nothing is lost by it."""

from __future__ import annotations

import pytest

from tests.chaos.crashes import Crashes
from tests.chaos.report import account


@pytest.mark.timeout(600)
async def test_a_process_may_die_at_any_step() -> None:
    crashes = Crashes()
    verdicts = await crashes.go()
    assert (verdicts, crashes.missed) == ([], []), account(crashes, verdicts)
