"""Each crash point once: a process dies before and after each step that stores or sends, and nothing is lost by it."""

from __future__ import annotations

import pytest

from tests.chaos.crashes import Crashes


@pytest.mark.timeout(600)
async def test_a_process_may_die_at_any_step() -> None:
    crashes = Crashes()
    assert await crashes.go() == []
    assert crashes.missed == []
