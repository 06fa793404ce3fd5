"""A Slack mention goes through the real packages and processes to an answer in its thread."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.house import House


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with House() as house:
        await house.start("slack", "worker")
        yield house


async def test_a_mention_is_answered_in_its_thread(house: House) -> None:
    house.models.will_say("Hel", "lo, ", "Ada.")
    asked = await house.slack.post("ada", "general", "@Switchboard say hello")
    await house.slack.shows("Hello, Ada.", thread_ts=asked.ts)
    await house.at_rest()
    answers = house.slack.answers(asked.ts)
    assert [house.slack.text_of(a) for a in answers] == ["Hello, Ada."]
    assert not house.slack.violations
