"""Two Slack adapters of one workspace, as processes: together they keep within what Slack allows it."""

from __future__ import annotations

import asyncio

import pytest

from playground.slack import limits
from tests.benchmarks.speakers import END, Steady
from tests.crowded import crowd
from tests.house import House

pytestmark = pytest.mark.usefixtures("untraced")

BURST = 14  # updates at once that Slack takes here: enough for one adapter's ten, not for two with ten each


async def counted(house: House) -> None:
    """Until each of the two adapters has looked since both were there."""
    key = f"switchboard:slots:slack:{house.slack.world.team.id}:senders"

    async def until() -> dict[bytes, float]:
        await asyncio.sleep(0.02)
        return dict(await house.redis.zrange(key, 0, -1, withscores=True))

    async with asyncio.timeout(30):
        while len(both := await until()) < 2:
            pass
        while both.items() & (await until()).items():
            pass


async def test_thirty_answers_at_once_through_two_adapters_meet_no_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(limits.TIER_BURSTS, "3", BURST)
    async with House(limits=True, forked=True, SWITCHBOARD_LEASE_SECONDS="8") as house:
        slack, house.models.speaker = house.slack, Steady(seconds=2.5)
        await house.start("slack", "slack", "worker")
        await counted(house)
        posts = await crowd(slack)
        await slack.settled()
        await house.at_rest()
        for post in posts:
            [answer] = slack.answers(post.ts)
            assert slack.text_of(answer).endswith(END)
        assert not slack.violations
        assert [error for _, error in slack.refusals] == []
