"""With Slack's rate limits in force: many answers at once meet none of them, and none is late."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from bot.types import Turn
from playground.slack import SlackServer
from tests.contract.slack_adapter.office import Office

ANSWERS = 30
CHANNELS = 10


async def test_thirty_answers_at_once_in_one_workspace_meet_no_limit(
    redis: Redis, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One update of a message in 1.2 s is all that a workspace allows in the long run: thirty that grow would each
    wait half a minute for the last one."""
    caplog.set_level(logging.INFO)
    async with SlackServer(limits=True) as slack, Office(slack, redis, redis_url).open() as office:
        general = slack.world.channel("general")
        for n in range(CHANNELS):
            slack.world.channels[f"C0ROOM{n}"] = replace(general, id=f"C0ROOM{n}", name=f"room-{n}")
        posts = [
            await slack.post("mia", f"room-{n % CHANNELS}", f"@Switchboard question {n}")
            for n in range(ANSWERS)
        ]
        turns = [await office.asked(post) for post in posts]
        adds = [await office.grow(turn, "It ") for turn in turns]
        await slack.until(
            lambda: sum(len(slack.answers(post.ts)) for post in posts) >= 5 or None,
            what="nothing grows",
        )
        await asyncio.gather(*(add("all ") for add in adds))
        await slack.until(
            lambda: sum(call.method == "chat.update" for call in slack.calls) >= 5 or None,
            what="nothing grows on",
        )

        async def end(turn: Turn) -> None:
            await office.finish(turn, f"It all depends on {turn.id}.")

        await asyncio.gather(*(end(turn) for turn in turns))
        await office.at_rest()
        for post, turn in zip(posts, turns, strict=True):
            told = [slack.text_of(answer) for answer in slack.answers(post.ts)]
            assert told == [f"It all depends on {turn.id}."]
        assert "platform.later" not in caplog.text
        assert not slack.violations
