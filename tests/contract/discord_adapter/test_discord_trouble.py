"""Missing rights, gone places, closed doors and limits: one clear end each, and no storm of requests."""

from __future__ import annotations

import asyncio
from itertools import product

import pytest

from playground.discord import Message
from tests.contract.discord_adapter.bench import Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEND, HISTORY = 1 << 11, 1 << 16  # permissions
POST = "POST /channels/*/messages"


async def ended(bench: Bench, asked: Message) -> str:
    """How the question's turn ended."""

    async def how() -> str:
        stored = await bench.stored(asked)
        return stored.phase if stored else ""

    return await bench.eventually(how)


def posts(bench: Bench, channel: str) -> int:
    path = f"/channels/{channel}/messages"
    return sum(call.method == "POST" and call.path == path for call in bench.discord.calls)


async def test_where_the_bot_may_not_write_the_asker_hears_of_it_once(modest: Bench) -> None:
    channel = await modest.channel()
    await modest.discord.overwrite(channel, "everyone", deny=SEND)
    await modest.discord.overwrite(channel, "mia", allow=SEND)
    before = len(modest.discord.direct("mia"))
    asked = await modest.discord.post("mia", channel, "@Switchboard into the void")
    assert await ended(modest, asked) == "undeliverable"
    await modest.at_rest()
    (told,) = modest.discord.direct("mia")[before:]
    assert "may not write" in told.content
    assert posts(modest, channel) <= 2  # the answer, and the word that it has no place


async def test_an_announcement_that_cannot_be_made_is_no_unanswered_question(
    modest: Bench,
) -> None:
    before = len(modest.discord.direct("adam"))
    asked = await modest.discord.slash("adam", "announcements", "model set", model="gpt-4o-mini")
    assert "Done" in (await modest.discord.answered(asked)).content
    await modest.at_rest()
    assert modest.discord.direct("adam")[before:] == []


async def test_without_direct_messages_that_is_the_end(modest: Bench) -> None:
    channel = await modest.channel()
    await modest.discord.overwrite(channel, "everyone", deny=SEND)
    await modest.discord.overwrite(channel, "dora", allow=SEND)
    asked = await modest.discord.post("dora", channel, "@Switchboard nobody hears me")
    assert await ended(modest, asked) == "undeliverable"
    await modest.at_rest()
    assert modest.discord.direct("dora") == []


async def test_a_channel_that_is_deleted_while_an_answer_grows_ends_it_quietly(
    modest: Bench,
) -> None:
    channel, gate = await modest.channel(), asyncio.Event()
    modest.scribe.will_say("Never seen.", when="soon gone", after=gate, first="Ne")
    asked = await modest.discord.post("mia", channel, "@Switchboard soon gone")
    await modest.discord.shows("Ne", channel)
    stored = await modest.eventually(lambda: modest.stored(asked))
    await modest.discord.remove_channel(channel)
    gate.set()
    await modest.at_rest()
    inbox = modest.lives.adapter.inbox

    async def over() -> bool:
        found = await inbox.load(stored.id)
        return found is not None and found.phase == "undeliverable"

    await modest.eventually(over)


async def test_an_answer_that_somebody_deletes_ends_and_is_not_posted_again(modest: Bench) -> None:
    channel, gate = await modest.channel(), asyncio.Event()
    modest.scribe.will_say("Away with it.", when="take mine away", after=gate, first="Aw")
    await modest.discord.post("mia", channel, "@Switchboard take mine away")
    growing = await modest.discord.shows("Aw", channel)
    await modest.discord.delete(growing)
    gate.set()
    await modest.at_rest()
    assert modest.discord.by_bot(channel) == []
    assert posts(modest, channel) == 1


async def test_a_question_that_is_deleted_while_it_is_answered_stops(modest: Bench) -> None:
    channel, gate = await modest.channel(), asyncio.Event()
    modest.scribe.will_say("Not wanted.", when="never mind", after=gate)
    asked = await modest.discord.post("mia", channel, "@Switchboard never mind")
    turn = await modest.asked("never mind")
    await modest.discord.delete(asked)

    async def stopping() -> bool:
        lease = modest.store.key("lease", turn.conversation)
        return bool(await modest.store.redis.hget(lease, "stop"))

    await modest.eventually(stopping)
    gate.set()
    await modest.at_rest()
    assert modest.discord.by_bot(channel) == []


async def test_a_question_that_is_gone_before_its_answer_is_still_answered_as_a_message(
    modest: Bench,
) -> None:
    """The deletion may be told late; a reply to nothing would be refused."""
    channel = await modest.channel()
    modest.discord.will_refuse(POST, 400, 160002)
    await modest.discord.post("mia", channel, "@Switchboard no reply allowed")
    shown = await modest.discord.shows("Answer to: no reply allowed", channel)
    assert shown.reference is None
    await modest.at_rest()


async def test_a_locked_thread_is_one_clear_end(modest: Bench) -> None:
    channel, gate = await modest.channel(), asyncio.Event()
    thread = await modest.discord.open_thread("mia", channel, "soon locked")
    modest.scribe.will_say("Shut out.", when="before the lock", after=gate)
    asked = await modest.discord.post("mia", thread.id, "@Switchboard before the lock")
    await modest.asked("before the lock")
    await modest.discord.archive(thread.id, locked=True)
    gate.set()
    assert await ended(modest, asked) == "undeliverable"
    await modest.at_rest()
    assert posts(modest, thread.id) <= 2  # the answer, and the word that it has no place


async def test_a_thread_that_is_archived_while_an_answer_grows_is_opened_again(
    modest: Bench,
) -> None:
    """An edit does not open it, as a post does: the answer was given up at its first words."""
    channel, gate = await modest.channel(), asyncio.Event()
    thread = await modest.discord.open_thread("mia", channel, "soon put aside")
    modest.scribe.will_say("It goes on.", when="before that", first="It goes", after=gate)
    await modest.discord.post("mia", thread.id, "@Switchboard before that")
    await modest.discord.shows("It goes", thread.id)
    await modest.discord.archive(thread.id)
    gate.set()
    await modest.discord.shows("It goes on.", thread.id)
    await modest.at_rest()
    assert posts(modest, thread.id) == 1


async def test_slow_mode_only_delays(modest: Bench) -> None:
    channel = await modest.channel()
    modest.discord.will_refuse(POST, 429, 20016, retry_after=0.2)
    asked = await modest.discord.post("mia", channel, "@Switchboard slowly")
    await modest.discord.answered(asked)
    await modest.at_rest()
    assert len(modest.discord.by_bot(channel)) == 1


async def test_a_post_whose_reply_was_lost_is_not_posted_twice(modest: Bench) -> None:
    channel = await modest.channel()
    modest.discord.will_drop_reply(POST)
    await modest.discord.post("mia", channel, "@Switchboard lost reply")
    await modest.discord.shows("Answer to: lost reply", channel)
    await modest.at_rest()
    assert len(modest.discord.by_bot(channel)) == 1


async def test_a_fault_of_discords_is_tried_again(modest: Bench) -> None:
    channel = await modest.channel()
    modest.discord.will_refuse(POST, 503, times=2)
    await modest.discord.post("mia", channel, "@Switchboard try again")
    await modest.discord.shows("Answer to: try again", channel)
    await modest.at_rest()
    assert len(modest.discord.by_bot(channel)) == 1


async def test_typing_that_fails_costs_nothing(modest: Bench) -> None:
    channel = await modest.channel()
    modest.discord.will_refuse("POST /channels/*/typing", 404, times=5)
    asked = await modest.discord.post("mia", channel, "@Switchboard without typing")
    await modest.discord.answered(asked)
    await modest.at_rest()


async def test_edits_are_merged_and_the_final_text_is_exact(modest: Bench) -> None:
    channel, gate = await modest.channel(), asyncio.Event()
    pieces = [f" piece {n}" for n in range(100)]
    pieces[0] = "piece 0"
    modest.scribe.will_say("".join(pieces), when="in many pieces", after=gate, pieces=pieces)
    await modest.discord.post("mia", channel, "@Switchboard in many pieces")
    await modest.discord.shows("piece 0", channel)
    gate.set()
    await modest.discord.when(
        lambda: [m.content for m in modest.discord.by_bot(channel)] == ["".join(pieces)] or None
    )
    await modest.at_rest()
    edits = [c for c in modest.discord.calls if c.method == "PATCH" and channel in c.path]
    assert len(edits) <= 3


async def test_every_post_has_a_nonce_pings_nobody_and_shows_no_preview(modest: Bench) -> None:
    before, channel, gate = len(modest.discord.calls), await modest.channel(), asyncio.Event()
    modest.scribe.will_say("growing and grown", when="watch this", after=gate, first="growing")
    await modest.discord.post("mia", channel, "@Switchboard watch this")
    await modest.discord.shows("growing", channel)
    gate.set()
    modest.scribe.will_say("word " * 600, when="watch me in private")
    asked = await modest.discord.slash(
        "mia", channel, "ask", prompt="watch me in private", private=True
    )
    await modest.discord.answered(asked)
    await modest.at_rest()
    sent = [call for call in modest.discord.calls[before:] if "content" in call.body]
    ways = {(call.method, call.path.split("/")[1]) for call in sent}
    assert ways == set(product(("POST", "PATCH"), ("channels", "webhooks")))
    for call in sent:
        assert call.body["allowed_mentions"] == {"parse": []}
        assert call.body["flags"] & 4
        if call.method == "POST" and call.path.startswith("/channels/"):
            assert call.body["enforce_nonce"] is True
            assert len(call.body["nonce"]) <= 25


async def test_a_thread_that_is_in_no_cache_has_its_channels_model_after_one_look(
    modest: Bench,
) -> None:
    channel = await modest.channel()
    asked = await modest.discord.slash("mara", channel, "model set", model="gpt-4o-mini")
    await modest.discord.answered(asked)
    thread = await modest.discord.open_thread("mia", channel, "unseen", announced=False)
    for n in range(2):
        await modest.discord.post("mia", thread.id, f"@Switchboard inherited {n}")
        turn = await modest.asked(f"inherited {n}")
        assert turn.model == "gpt-4o-mini"
        assert turn.message.thread.channel.id == channel
    looks = [c for c in modest.discord.calls if c.path == f"/channels/{thread.id}"]
    assert len(looks) == 1
    await modest.at_rest()


async def test_an_earlier_post_is_found_again_beyond_the_nonces_minutes(modest: Bench) -> None:
    """The adapter was killed between a post and its note of it, and came back an hour later."""
    channel, gate = await modest.channel(), asyncio.Event()
    modest.scribe.will_say("Found again, whole.", when="found again", after=gate, first="Found")
    await modest.discord.post("mia", channel, "@Switchboard found again")
    await modest.discord.shows("Found", channel)
    turn = await modest.asked("found again")

    async def bound() -> str | None:
        return (await modest.lives.adapter.replies.read(turn.id)).parts.get(0)

    shown = await modest.eventually(bound)
    await modest.leave()
    reply = modest.store.key("reply", turn.id)
    await modest.store.redis.hdel(reply, "part:0")
    at = modest.store.key("at", "discord", modest.discord.guild_id, channel, shown)
    await modest.store.redis.delete(at)
    modest.discord.clock.advance(600)
    gate.set()
    await modest.enter()
    await modest.discord.shows("Found again, whole.", channel)
    await modest.at_rest()
    assert len(modest.discord.by_bot(channel)) == 1


async def test_without_the_right_to_read_history_a_thread_is_answered_all_the_same(
    modest: Bench,
) -> None:
    channel = await modest.channel()
    root = await modest.discord.post("noah", channel, "Not for your eyes")
    thread = await modest.discord.open_thread("noah", channel, "closed book", message=root)
    await modest.discord.overwrite(channel, "everyone", deny=HISTORY)
    await modest.discord.post("mia", thread.id, "@Switchboard without the past")
    assert (await modest.asked("without the past")).message.quotes == ()
    await modest.at_rest()


async def test_deleting_many_messages_at_once_takes_each_question_back(modest: Bench) -> None:
    channel, gate = await modest.channel(), asyncio.Event()
    modest.scribe.will_say("Done.", when="first of many", after=gate)
    first = await modest.discord.post("mia", channel, "@Switchboard first of many")
    await modest.asked("first of many")
    waiting = [
        await modest.discord.post("mia", channel, f"@Switchboard one of many {n}", reply_to=first)
        for n in range(2)
    ]
    for message in waiting:
        await modest.eventually(lambda m=message: modest.stored(m))
    ids = [message.id for message in waiting]
    modest.discord.gateway.dispatch(
        "MESSAGE_DELETE_BULK",
        lambda _: {"ids": ids, "channel_id": channel, "guild_id": modest.discord.guild_id},
    )
    for message in waiting:
        await modest.eventually(lambda m=message: modest.stopped(m))
    gate.set()
    await modest.at_rest()
