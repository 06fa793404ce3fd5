"""Three seconds, fifteen minutes, and a Redis that is away: an interaction always comes to one visible end."""

from __future__ import annotations

import asyncio
import json
import logging
import time

import pytest

from adapters.intake import NO_MEMORY
from adapters.showing import Superseded
from playground.discord import Interaction, State
from tests.contract.discord_adapter.bench import Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLBACK = "POST /interactions/*"
AWAY = "I cannot reach my memory right now"


async def aged(bench: Bench, asked: Interaction, seconds: float) -> None:
    """The turn was admitted so long ago, and Discord's clock agrees."""
    stored = await bench.eventually(lambda: bench.stored(asked.id))
    owed = bench.store.key("owed:discord")
    await bench.store.redis.zadd(owed, {stored.id: (time.time() - seconds) * 1000})
    bench.discord.clock.advance(seconds)


async def withdrawn(bench: Bench, asked: Interaction) -> None:
    """Nothing can come of it any more: refused for good, or taken back."""
    mark = bench.store.key("seen", "discord", bench.discord.guild_id, f"interaction-{asked.id}")

    async def over() -> bool:
        stored = await bench.stored(asked.id)
        return await bench.store.redis.get(mark) == b"barred" or bool(stored and stored.phase)

    await bench.eventually(over)


@pytest.mark.parametrize("word", ["ask", "model set", "help"])
async def test_while_redis_hangs_a_command_is_refused_in_time_and_nothing_comes_of_it(
    modest: Bench, word: str
) -> None:
    channel, gate = await modest.channel(), asyncio.Event()
    options = {"ask": {"prompt": "lost in time"}, "model set": {"model": "gpt-4o-mini"}}
    modest.scribe.will_say("Too late.", when="lost in time", after=gate)
    modest.hang()
    asked = await modest.discord.slash("mara", channel, word, **options.get(word, {}))
    try:
        refusal = await modest.discord.answered(asked)
    finally:
        modest.thaw()
    assert refusal.ephemeral
    assert AWAY in refusal.content
    assert modest.discord.interaction(asked).state is not State.DID_NOT_RESPOND
    await withdrawn(modest, asked)
    gate.set()
    await modest.at_rest()
    assert modest.discord.messages(channel) == []
    assert [m.content for m in modest.discord.private("mara") if m.id == refusal.id] == [
        refusal.content
    ]
    shown = await modest.discord.slash("mia", channel, "model show")
    assert "`gpt-4o`" in (await modest.discord.answered(shown)).content


@pytest.mark.parametrize("at", ["the menu", "the form"])
async def test_while_redis_hangs_ask_about_this_is_refused_in_time_too(
    modest: Bench, at: str
) -> None:
    channel, words = await modest.channel(), f"refused at {at}"
    about = await modest.discord.post("noah", channel, "About this")
    if at == "the form":
        used = await modest.discord.message_command("mia", channel, about, "Ask about this")
        await modest.discord.when(lambda: modest.discord.interaction(used).modal)
    modest.hang()
    try:
        if at == "the form":
            used = await modest.discord.submit_modal("mia", used, question=words)
        else:
            used = await modest.discord.message_command("mia", channel, about, "Ask about this")
        refusal = await modest.discord.answered(used)
    finally:
        modest.thaw()
    assert refusal.ephemeral
    assert AWAY in refusal.content
    await modest.heard_out()
    assert modest.scribe.question(words) is None
    assert modest.discord.by_bot(channel) == [refusal]


async def test_a_command_behind_a_mention_that_waits_for_redis_is_refused_in_time(
    modest: Bench,
) -> None:
    """The mention holds the channel's line for as long as Redis is away; a command has three seconds."""
    channel = await modest.channel()
    modest.hang()
    try:
        await modest.discord.post("mia", channel, "@Switchboard wait for it")
        asked = await modest.discord.slash("mia", channel, "help")
        refusal = await modest.discord.answered(asked)
    finally:
        modest.thaw()
    assert AWAY in refusal.content
    assert modest.discord.interaction(asked).state is not State.DID_NOT_RESPOND
    await withdrawn(modest, asked)
    await modest.discord.shows("Answer to: wait for it", channel)
    await modest.at_rest()


async def test_what_another_adapter_took_is_not_taken_back_by_one_that_was_too_late(
    modest: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Both are told of an interaction. The second one's refusal came too late to be said, and took the question back
    that the first one had deferred: it went on thinking for ever."""
    caplog.set_level(logging.INFO)
    channel, gate = await modest.channel(), asyncio.Event()
    modest.scribe.will_say("In time.", when="by one of two", after=gate)
    async with modest.another() as late, late._patience._lines.of(channel):
        asked = await modest.discord.slash("mia", channel, "ask", prompt="by one of two")
        await modest.until(lambda: "interaction.taken" in caplog.text)
        gate.set()
        assert (await modest.discord.answered(asked)).content == "In time."
        await modest.at_rest()
    assert "turn.withdrawn" not in caplog.text


@pytest.mark.parametrize("way", ["mention", "command"])
async def test_while_redis_is_full_whoever_asks_is_told_at_once_and_nothing_comes_of_it(
    modest: Bench, way: str
) -> None:
    """A mention waited in silence, for as long as it waits for a Redis that is away."""
    channel, words = await modest.channel(), f"too much by {way}"
    await modest.store.redis.config_set("maxmemory", 1)
    try:
        if way == "mention":
            post = await modest.discord.post("mia", channel, f"@Switchboard {words}")
            refusal = await modest.discord.answered(post)
        else:
            asked = await modest.discord.slash("mia", channel, "ask", prompt=words)
            refusal = await modest.discord.answered(asked)
            assert refusal.ephemeral
    finally:
        await modest.store.redis.config_set("maxmemory", 0)
    assert refusal.content.removeprefix("-# ") == NO_MEMORY
    await modest.heard_out()
    await modest.at_rest()
    assert modest.scribe.question(words) is None
    assert [m for m in modest.discord.by_bot(channel) if m != refusal] == []


async def test_a_redis_that_is_slow_but_not_too_slow_only_delays(modest: Bench) -> None:
    channel = await modest.channel()
    modest.hang()
    asked = await modest.discord.slash("mia", channel, "ask", prompt="slowly then")
    asyncio.get_running_loop().call_later(0.4, modest.thaw)
    answer = await modest.discord.answered(asked)
    assert answer.content == "Answer to: slowly then"
    await modest.at_rest()


async def test_a_mention_waits_for_redis_and_is_answered_once(modest: Bench) -> None:
    channel = await modest.channel()
    modest.hang()
    await modest.discord.post("mia", channel, "@Switchboard are you there")
    asyncio.get_running_loop().call_later(1.5, modest.thaw)  # longer than a try
    await modest.discord.shows("Answer to: are you there", channel, timeout=30)
    await modest.at_rest()
    assert len(modest.discord.by_bot(channel)) == 1


async def test_a_defer_that_came_too_late_is_answered_by_a_message_in_the_channel(
    modest: Bench,
) -> None:
    channel = await modest.channel()
    modest.discord.will_refuse(CALLBACK, 404, 10062)
    await modest.discord.slash("mia", channel, "ask", prompt="too late for you")
    await modest.discord.shows("Answer to: too late for you", channel)
    await modest.at_rest()
    assert len(modest.discord.messages(channel)) == 1


async def test_a_private_one_is_then_a_direct_message_and_never_in_the_channel(
    modest: Bench,
) -> None:
    channel = await modest.channel()
    modest.discord.will_refuse(CALLBACK, 404, 10062)
    await modest.discord.slash("mia", channel, "ask", prompt="quietly please", private=True)
    await modest.discord.when(
        lambda: any("quietly please" in m.content for m in modest.discord.direct("mia")) or None
    )
    await modest.at_rest()
    assert modest.discord.messages(channel) == []


async def test_a_notice_whose_defer_came_too_late_is_a_direct_message(modest: Bench) -> None:
    channel = await modest.channel()
    modest.discord.will_refuse(CALLBACK, 404, 10062)
    await modest.discord.slash("noah", channel, "help")
    await modest.discord.when(
        lambda: any("Mention me" in m.content for m in modest.discord.direct("noah")) or None
    )
    await modest.at_rest()
    assert modest.discord.messages(channel) == []


async def test_a_private_answer_to_somebody_without_direct_messages_is_recorded(
    modest: Bench,
) -> None:
    channel = await modest.channel()
    modest.discord.will_refuse(CALLBACK, 404, 10062)
    asked = await modest.discord.slash("dora", channel, "ask", prompt="no way in", private=True)
    await modest.asked("no way in")
    await modest.at_rest()
    stored = await modest.stored(asked.id)
    assert stored is not None
    assert stored.phase == "undeliverable"
    assert modest.discord.messages(channel) == []


async def test_a_defer_whose_reply_was_lost_still_shows_its_answer_there(modest: Bench) -> None:
    channel = await modest.channel()
    modest.discord.will_drop_reply(CALLBACK)
    asked = await modest.discord.slash("mia", channel, "ask", prompt="unheard thinking")
    answer = await modest.discord.answered(asked)
    await modest.at_rest()
    assert answer.content == "Answer to: unheard thinking"
    assert len(modest.discord.messages(channel)) == 1


async def test_a_restarted_adapter_finishes_what_its_predecessor_deferred(modest: Bench) -> None:
    channel, gate = await modest.channel(), asyncio.Event()
    modest.scribe.will_say("Whole.", when="across a restart", after=gate, first="Wh")
    asked = await modest.discord.slash("mia", channel, "ask", prompt="across a restart")
    await modest.discord.shows("Wh", channel)
    await modest.leave()
    gate.set()
    await modest.enter(ready=False)
    await modest.discord.when(
        lambda: [m.content for m in modest.discord.messages(channel)] == ["Whole."] or None
    )
    assert modest.discord.interaction(asked).answered
    await modest.ready()


async def test_an_expired_token_ends_in_one_message(modest: Bench) -> None:
    channel, gate = await modest.channel(), asyncio.Event()
    modest.scribe.will_say("At last.", when="past the token", after=gate)
    await modest.discord.slash("mia", channel, "ask", prompt="past the token")
    await modest.asked("past the token")
    modest.discord.clock.advance(901)
    gate.set()
    await modest.discord.shows("At last.", channel)
    await modest.at_rest()
    assert len(modest.discord.messages(channel)) == 2  # one of them is still "thinking"


@pytest.mark.parametrize("first", ["", "Some of it"])
async def test_after_fourteen_minutes_an_answer_becomes_a_message_of_the_channel(
    modest: Bench, first: str
) -> None:
    channel, gate = await modest.channel(), asyncio.Event()
    when = f"for a long time {first}".strip()
    modest.scribe.will_say("All of it.", when=when, after=gate, first=first)
    asked = await modest.discord.slash("mia", channel, "ask", prompt=when)
    await modest.asked(when)
    if first:
        await modest.discord.shows(first, channel)
    await aged(modest, asked, 14 * 60)
    spent = await modest.eventually(lambda: modest.stored(asked.id))
    replies = modest.lives.adapter.replies

    async def over() -> bool:
        return not await replies.secret(spent.id)

    await modest.eventually(over)
    gate.set()
    await modest.discord.shows("All of it.", channel)
    await modest.at_rest()
    texts = [message.content for message in modest.discord.messages(channel)]
    said = "-# This takes long. The answer will come as a message of its own."
    assert texts == (["All of it."] if first else [said, "All of it."])


async def test_after_fourteen_minutes_a_private_one_becomes_a_direct_message(
    modest: Bench,
) -> None:
    channel, gate = await modest.channel(), asyncio.Event()
    modest.scribe.will_say("Only yours.", when="a long secret", after=gate, first="Only")
    asked = await modest.discord.slash("noah", channel, "ask", prompt="a long secret", private=True)
    await modest.discord.when(
        lambda: any(m.content == "Only" for m in modest.discord.private("noah")) or None
    )
    await aged(modest, asked, 14 * 60)
    stored = await modest.eventually(lambda: modest.stored(asked.id))

    async def over() -> bool:
        return not await modest.lives.adapter.replies.secret(stored.id)

    await modest.eventually(over)
    gate.set()
    await modest.discord.when(
        lambda: any(m.content == "Only yours." for m in modest.discord.direct("noah")) or None
    )
    await modest.at_rest()
    assert modest.discord.messages(channel) == []


async def test_a_private_answer_that_was_delivered_never_comes_again_as_a_direct_message(
    modest: Bench,
) -> None:
    """Its token is spent then: who wants to show it once more, since an older text may have come last, cannot."""
    channel = await modest.channel()
    asked = await modest.discord.slash("mara", channel, "ask", prompt="a secret kept", private=True)
    await modest.discord.answered(asked)
    await modest.at_rest()
    stored = await modest.eventually(lambda: modest.stored(asked.id))
    mending = modest.lives.adapter.delivery.look(stored.id)
    mending.late = True
    assert mending.task is not None
    await mending.task
    assert not mending.late
    assert modest.discord.direct("mara") == []


async def test_a_private_word_that_was_said_is_not_said_again_by_who_slept_meanwhile(
    modest: Bench,
) -> None:
    """Another adapter said it, and its token is spent: who wakes up would say it once more as a direct message."""
    channel = await modest.channel()
    asked = await modest.discord.slash("adam", channel, "help")
    await modest.discord.answered(asked)
    await modest.at_rest()
    stored = await modest.eventually(lambda: modest.stored(asked.id))
    with pytest.raises(Superseded):
        await modest.lives.adapter.platform.notice(stored.turn, "What I can do")
    assert modest.discord.direct("adam") == []


async def test_an_interaction_that_comes_twice_is_acknowledged_and_answered_once(
    modest: Bench,
) -> None:
    channel = await modest.channel()
    asked = await modest.discord.slash("mia", channel, "ask", prompt="twice the same")
    await modest.discord.answered(asked)
    await modest.at_rest()
    told = [
        event["d"]
        for session in modest.discord.gateway.sessions.values()
        for event in map(json.loads, session.missed(0))
        if event["t"] == "INTERACTION_CREATE" and event["d"]["id"] == asked.id
    ]
    modest.discord.gateway.dispatch("INTERACTION_CREATE", lambda _: told[0])
    await modest.heard_out()
    assert len([t for t in modest.scribe.asked if t.message.text == "twice the same"]) == 1
    assert len(modest.discord.messages(channel)) == 1


async def test_a_mention_that_waited_too_long_is_refused_and_nothing_comes_of_it() -> None:
    async with Bench(patience=0.5) as bench:
        channel = await bench.channel()
        bench.hang()
        try:
            asked = await bench.discord.post("mia", channel, "@Switchboard too long ago")
            refusal = await bench.discord.answered(asked)
            assert (
                refusal.content
                == f"-# {AWAY}, so I did not take this. Please try again in a moment."
            )
        finally:
            bench.thaw()
        mark = bench.store.key("seen", "discord", bench.discord.guild_id, f"{channel}:{asked.id}")

        async def over() -> bool:
            stored = await bench.stored(asked)
            return await bench.store.redis.get(mark) == b"barred" or bool(stored and stored.phase)

        await bench.eventually(over)
        await bench.at_rest()
        assert bench.discord.by_bot(channel) == [refusal]
        assert not bench.discord.violations


async def test_garbage_in_the_store_is_told_to_the_author_with_a_reference(modest: Bench) -> None:
    channel = await modest.channel()
    thread = await modest.discord.open_thread("mia", channel, "of garbage", announced=False)
    await modest.store.redis.set(modest.store.key("parent", thread.id), "thread:garbage")
    asked = await modest.discord.post("mia", thread.id, "@Switchboard what now")
    answer = await modest.discord.answered(asked)
    assert answer.content == f"-# Sorry, something went wrong on our side (reference {asked.id})."
    *_, letter = await modest.store.redis.lrange(modest.store.key("dead"), 0, -1)
    assert json.loads(letter)["event"] == f"message {asked.id}"
    about = await modest.discord.post("noah", channel, "A form of garbage")
    opened = await modest.discord.message_command("mia", channel, about, "Ask about this")
    await modest.discord.when(lambda: modest.discord.interaction(opened).modal)
    async for name in modest.store.redis.scan_iter(match=modest.store.key("form", "*")):
        await modest.store.redis.set(name, "garbage")
    submitted = await modest.discord.submit_modal("mia", opened)
    said = await modest.discord.answered(submitted)
    assert said.ephemeral
    assert f"reference {submitted.id}" in said.content
    await modest.at_rest()
