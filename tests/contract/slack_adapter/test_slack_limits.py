"""With Slack's rate limits in force: many answers at once meet none of them, and none is late."""

from __future__ import annotations

import asyncio
import logging

import pytest
from redis.asyncio import Redis

from adapters.platform import Body
from adapters.process import Adapter
from adapters.slack.waits import Waits
from bot.caps import Caps
from bot.errors import PlatformBusy
from bot.store import Store, connect
from bot.types import Turn
from playground.slack import Message, SlackServer
from tests.contract.slack_adapter.office import Office, mention, parts_of
from tests.crowded import crowd

pytestmark = pytest.mark.usefixtures("untraced")  # the same lines thirty times


async def test_thirty_answers_at_once_in_one_workspace_meet_no_limit(
    redis: Redis, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One update of a message in 1.2 s is all that a workspace allows in the long run: thirty that grow would each
    wait half a minute for the last one."""
    caplog.set_level(logging.INFO)
    async with SlackServer(limits=True) as slack, Office(slack, redis, redis_url).open() as office:
        posts = await crowd(slack)
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


async def test_what_one_adapter_is_told_about_a_workspace_all_heed(office: Office) -> None:
    """Each asked until it had heard a 429 of its own."""
    slack, turn = office.slack, await mention(office)
    await office.answer(turn, "So it is.")
    answer = await slack.shows("So it is.", thread_ts=turn.message.id)
    async with parts_of(office) as (one, _), parts_of(office) as (two, _):

        async def edit(adapter: Adapter) -> None:
            await adapter.platform.edit(turn, 0, answer.ts, Body("So it was."))

        slack.will_refuse("chat.update", "ratelimited", retry_after=300)
        with pytest.raises(PlatformBusy):
            await edit(one)
        asked = len(slack.calls)
        with pytest.raises(PlatformBusy) as told:
            await edit(two)
        assert len(slack.calls) == asked
        assert 0 < told.value.retry_after <= 300
        await office.redis.delete(office.store.key("later", "slack", office.team, "chat.update"))
        await edit(two)
    await slack.shows("So it was.", thread_ts=turn.message.id)


async def test_where_redis_is_away_an_adapter_heeds_what_it_was_told_itself() -> None:
    unreachable = Store(connect("redis://127.0.0.1:1", retries=0))
    waits, counted = Waits(lambda: unreachable, "T1"), 0
    async with waits.asking("chat.update"):
        counted += 1
    with pytest.raises(PlatformBusy):
        async with waits.asking("chat.update"):
            raise PlatformBusy("Slack asks to wait.", 300.0)
    with pytest.raises(PlatformBusy):
        async with waits.asking("chat.update"):
            counted += 1
    assert counted == 1


async def test_who_has_too_many_questions_open_is_told_once_and_others_are_heard(
    closed_office: Office,
) -> None:
    async with closed_office.open(user_questions=2) as office:
        slack = office.slack

        async def ask(who: str, channel: str = "general") -> Message:
            return await slack.post(who, channel, "@Switchboard and this?")

        taken = [await office.asked(await ask("mia")) for _ in range(2)]
        refused = [await ask("mia", channel) for channel in ("general", "random", "general")]
        assert await office.told("mia") == Caps(user_questions=2).refusal
        other = await office.asked(await ask("max"))
        await slack.settled()
        assert all(event.acks for event in slack.events)
        kept = [await office.turn(post.channel, post.ts) for post in refused]
        assert [turn.kind for turn in kept if turn] == ["notice"]
        await office.quiet()
        assert len(slack.private("mia")) == 1
        for turn in taken:
            await office.answer(turn, "So it is.")
            await slack.shows("So it is.", thread_ts=turn.message.id)
        while await office.replies.owed("slack") != [other.id]:
            await asyncio.sleep(0.01)
        assert await office.asked(await ask("mia"))
