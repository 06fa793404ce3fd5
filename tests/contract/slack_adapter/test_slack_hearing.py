"""What is said becomes a question of its conversation, or is none of ours."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from bot.bell import QUEUE
from bot.inbox import at_key, hint_channel
from playground.slack import Message
from tests.contract.slack_adapter.office import Office, said

BOT = "<@U0SWITCHBD>"


# ---- mentions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("@Switchboard hello", "hello"),
        ("hello @Switchboard, how are you", "hello @switchboard, how are you"),
        ("@Switchboard @Switchboard: hello", "hello"),
        ("well, @Switchboard and @Switchboard", "well, @switchboard and @switchboard"),
        ("@Switchboard is 1 < 2 & 3 > 2", "is 1 < 2 & 3 > 2"),
        ("@Switchboard what does @max do in #general", "what does @U0MEMBER02 do in #general"),
    ],
)
async def test_a_mention_anywhere_in_the_text_is_a_question(
    office: Office, typed: str, asked: str
) -> None:
    turn = await office.asked(await office.slack.post("mia", "general", typed))
    assert (turn.kind, turn.message.text) == ("ask", asked)


async def test_a_mention_inside_code_is_a_question(office: Office) -> None:
    post = await office.slack.post("mia", "general", "quiet")
    await office.deliver(post, ts="1800000000.000100", text=f"run `{BOT} --help` for me")
    turn = await office.turn("general", "1800000000.000100")
    assert turn is not None
    assert turn.message.text == "run `@switchboard --help` for me"


async def test_a_mention_in_blocks_alone_is_a_question(office: Office) -> None:
    elements = [
        {"type": "user", "user_id": "U0SWITCHBD"},
        {"type": "text", "text": " what is 1 < 2"},
    ]
    section = {"type": "rich_text_section", "elements": elements}
    blocks = [{"type": "rich_text", "block_id": "b1", "elements": [section]}]
    turn = await office.asked(await office.slack.post("mia", "general", "", blocks=blocks))
    assert turn.message.text == "what is 1 < 2"


async def test_a_message_that_mentions_nobody_is_none_of_ours(office: Office) -> None:
    post = await office.slack.post("mia", "general", "hello all")
    assert await office.turn("general", post.ts) is None


@pytest.mark.parametrize("twins", ["both", "reversed", "mention", "message"])
async def test_one_post_is_one_question_whichever_events_tell_of_it(
    office: Office, twins: Any
) -> None:
    post = await office.slack.post("mia", "general", "@Switchboard hello", twins=twins)
    turn = await office.asked(post)
    assert [t.id for t in await office.turns()] == [turn.id]
    await office.slack.settled()

    async def bells() -> int | None:
        return int(await office.redis.llen(f"switchboard:celery:{QUEUE}")) or None

    assert await office.until(bells, "no bell was rung") == 1


@pytest.mark.parametrize("twins", ["both", "reversed"])
async def test_files_that_only_one_twin_tells_of_are_asked_about(
    office: Office, twins: Any
) -> None:
    post = await office.slack.post(
        "mia",
        "general",
        "@Switchboard look",
        files=[("a.png", b"bytes")],
        twins=twins,
        files_in_mention=False,
    )
    turn = await office.asked(post)
    assert [file.name for file in turn.message.attachments] == ["a.png"]


async def test_files_that_come_too_late_are_asked_for_again(office: Office) -> None:
    post = await office.slack.post("mia", "general", "@Switchboard look", twins="mention")
    first = await office.asked(post)
    await office.deliver(post, files=[{"id": "F0LATE", "name": "late.png"}])
    assert "send them once more" in await office.told("mia")
    assert not (await office.stored(first.id)).message.attachments  # type: ignore[union-attr]


async def test_where_mentions_come_alone_only_one_waits_for_its_twin(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """As in a channel of a kind whose message events the app lacks; until such an event comes there."""
    caplog.set_level(logging.DEBUG, "adapters.slack.listening")
    waited = []
    for words in ("first", "second", "third"):
        post = await office.slack.post("mia", "random", f"@Switchboard {words}", twins="mention")
        await office.asked(post)
        waited.append(caplog.text.count("twin.missing"))
        if words == "second":
            await office.slack.post("mia", "random", "a message that is told of")
            await office.slack.settled()
    assert waited == [1, 1, 2]


async def test_an_empty_mention_shows_help(office: Office) -> None:
    await office.slack.post("mia", "general", "@Switchboard")
    assert "/ai ask" in await office.told("mia")


async def test_a_mention_with_a_file_and_no_words_is_a_question(office: Office) -> None:
    post = await office.slack.post("mia", "general", "@Switchboard", files=[("a.png", b"bytes")])
    assert (await office.asked(post)).kind == "ask"


async def test_a_message_that_was_forwarded_with_a_mention_is_quoted(office: Office) -> None:
    shared = {
        "is_share": True,
        "author_id": "U0MEMBER02",
        "author_name": "Max Moreau",
        "text": "Monads are <burritos> for <@U0ADMIN001>",
        "files": [{"id": "F1", "name": "x.png", "url_private": "https://files.slack.com/x.png"}],
    }
    post = await office.slack.post("mia", "general", "quiet")
    await office.deliver(post, ts="1800000000.000100", text=f"{BOT} explain", attachments=[shared])
    turn = await office.turn("general", "1800000000.000100")
    assert turn is not None
    (quote,) = turn.message.quotes
    assert (turn.message.text, quote.author) == ("explain", "Max Moreau")
    assert quote.text == "Monads are burritos for @U0ADMIN001"
    assert [file.name for file in quote.attachments] == ["x.png"]


# ---- threads ------------------------------------------------------------------------------------------


async def test_a_thread_whose_root_mentions_the_bot_goes_on_without_a_mention(
    office: Office,
) -> None:
    root = await office.slack.post("mia", "general", "@Switchboard hello")
    first = await office.asked(root)
    reply = await office.slack.post("max", "general", "and then?", thread_ts=root.ts)
    turn = await office.asked(reply)
    assert turn.conversation == first.conversation
    assert turn.message.target.thread == root.ts
    await office.answer(first, "Hi.")
    await office.answer(turn, "Then.")
    assert office.slack.calls_of("conversations.replies") == [], "all of it is known"


async def test_a_thread_whose_root_is_the_bots_own_goes_on_without_a_mention(
    office: Office,
) -> None:
    await office.slack.command("mia", "random", "/ai ask why")
    (asked,) = await office.turns()
    await office.answer(asked, "Because.")
    answer = await office.slack.shows("Because.")
    reply = await office.slack.post("max", "random", "really?", thread_ts=answer.root_ts)
    assert (await office.asked(reply)).conversation == asked.conversation


async def test_a_thread_of_the_bots_of_which_nothing_is_known_is_read_first(office: Office) -> None:
    """`"parent_user_id": "U0SWITCHBD"` is all that tells: what the thread is about has to be read."""
    await office.slack.command("mia", "random", "/ai ask why")
    (asked,) = await office.turns()
    await office.answer(asked, "Because.")
    answer = await office.slack.shows("Because.")
    await office.redis.delete(
        at_key(office.store, "slack", office.team, answer.channel, str(answer.root_ts))
    )
    reply = await office.slack.post("max", "random", "really?", thread_ts=answer.root_ts)
    turn = await office.asked(reply)
    await office.answer(turn, "Really.")
    turn = (await office.stored(turn.id)) or turn
    assert [quote.text for quote in turn.message.quotes] == ["why", "Because."]


async def test_in_somebody_elses_thread_only_a_mention_is_answered(office: Office) -> None:
    root = await office.slack.post("mia", "general", "lunch?")
    mention = await office.slack.post("mia", "general", "@Switchboard where?", thread_ts=root.ts)
    await office.asked(mention)
    reply = await office.slack.post("max", "general", "at noon", thread_ts=root.ts)
    assert await office.turn("general", reply.ts) is None


@pytest.mark.parametrize("words", ["@max look", "@here look", "@ada @max look"])
async def test_a_message_that_mentions_only_somebody_else_is_not_for_the_bot(
    office: Office, words: str
) -> None:
    root = await office.slack.post("mia", "general", "@Switchboard hello")
    aside = await office.slack.post("mia", "general", words, thread_ts=root.ts)
    assert await office.turn("general", aside.ts) is None
    both = await office.slack.post("mia", "general", f"{words} @Switchboard", thread_ts=root.ts)
    assert (await office.asked(both)).kind == "ask"


async def test_a_reply_that_is_also_sent_to_the_channel_is_one_question(office: Office) -> None:
    root = await office.slack.post("mia", "general", "@Switchboard hello")
    reply = await office.slack.post(
        "mia", "general", "for all to see", thread_ts=root.ts, broadcast=True
    )
    assert (await office.asked(reply)).message.target.thread == root.ts


async def test_an_older_thread_is_quoted_once_with_its_root_and_its_last_messages(
    office: Office,
) -> None:
    root = await office.slack.post("mia", "general", "word 0")
    for n in range(1, 21):
        await office.slack.post("max", "general", f"word {n}", thread_ts=root.ts)
    post = await office.slack.post("mia", "general", "@Switchboard sum up", thread_ts=root.ts)
    turn = await office.asked(post)
    await office.answer(turn, "Words.")
    turn = (await office.stored(turn.id)) or turn
    assert [quote.text for quote in turn.message.quotes] == [
        f"word {n}" for n in (0, *range(7, 21))
    ]
    reads = len(office.slack.calls_of("conversations.replies"))
    again = await office.asked(
        await office.slack.post("mia", "general", "@Switchboard more", thread_ts=root.ts)
    )
    await office.answer(again, "More words.")
    assert ((await office.stored(again.id)) or again).message.quotes == ()
    assert len(office.slack.calls_of("conversations.replies")) == reads, "it is read once"


async def test_files_of_an_older_threads_messages_are_quoted_with_them(office: Office) -> None:
    root = await office.slack.post("mia", "general", "see this", files=[("notes.txt", b"plain")])
    post = await office.slack.post("mia", "general", "@Switchboard what", thread_ts=root.ts)
    turn = await office.asked(post)
    await office.answer(turn, "A file.")
    (quote,) = ((await office.stored(turn.id)) or turn).message.quotes
    assert [file.name for file in quote.attachments] == ["notes.txt"]
    assert quote.attachments[0].problem


# ---- direct messages ----------------------------------------------------------------------------------


async def test_a_direct_message_is_one_conversation_and_its_threads_are_others(
    office: Office,
) -> None:
    first = await office.asked(await office.slack.post("mia", "dm", "hello"))
    second = await office.asked(await office.slack.post("mia", "dm", "again"))
    below = await office.slack.post("mia", "dm", "aside", thread_ts=first.message.id)
    third = await office.asked(below)
    assert first.conversation == second.conversation != third.conversation
    assert first.message.target.thread is None
    assert third.message.target.thread == first.message.id


async def test_a_group_dm_needs_a_mention(office: Office) -> None:
    group = "C0GROUPDM1"
    plain = await office.slack.post("mia", group, "hello")
    assert await office.turn(group, plain.ts) is None
    assert (await office.asked(await office.slack.post("mia", group, "@Switchboard hi"))).id


# ---- who is not heard ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"user": "U0SWITCHBD"}, id="our own"),
        pytest.param({"user": None, "bot_id": "B0SWITCHBD"}, id="our own, by its bot id"),
        pytest.param({"bot_id": "B0OTHERBOT"}, id="another bot"),
        pytest.param({"bot_profile": {"id": "B1"}}, id="an app in a person's name"),
        pytest.param({"user": None}, id="nobody"),
        pytest.param({"user": "USLACKBOT"}, id="Slack"),
        pytest.param({"subtype": "bot_message"}, id="an old integration"),
        pytest.param({"subtype": "channel_join"}, id="somebody joined"),
        pytest.param({"subtype": "reminder_add"}, id="a reminder"),
        pytest.param({"hidden": True}, id="hidden"),
        pytest.param({"type": "app_mention", "edited": {"ts": "1"}}, id="an edit's mention"),
    ],
)
async def test_what_no_person_said_is_not_answered(office: Office, fields: dict[str, Any]) -> None:
    post = await office.slack.post("mia", "general", "quiet")
    await office.deliver(post, ts="1800000000.000100", text=f"{BOT} hello", **fields)
    assert await office.turns() == []


async def test_a_bot_that_posts_is_not_answered(office: Office) -> None:
    post = await office.slack.post("reminder", "general", "@Switchboard water the plants")
    assert await office.turn("general", post.ts) is None


@pytest.mark.parametrize("kind", ["reaction_added", "channel_rename", "agent_session_stopped"])
async def test_an_event_of_another_kind_is_acknowledged_and_does_nothing(
    office: Office, kind: str
) -> None:
    office.slack.workspace.subscriptions |= {kind}
    office.slack.grant({*office.slack.workspace.scopes, "reactions:read"})
    office.slack.workspace.tell({"type": kind, "channel": "C0GENERAL1", "event_ts": "1.2"})
    await office.slack.settled()
    (event,) = office.slack.events
    assert (event.attempts, event.acks) == (1, 1)
    assert await office.turns() == []


# ---- edits and deletions --------------------------------------------------------------------------------


async def waiting(office: Office, words: str = "@Switchboard first") -> tuple[Message, str]:
    post = await office.slack.post("mia", "general", words)
    return post, (await office.asked(post)).id


async def test_an_edit_of_a_waiting_question_replaces_it(office: Office) -> None:
    post, turn_id = await waiting(office, "@Switchboard first")
    await office.slack.edit("mia", "general", post.ts, "@Switchboard second")
    await office.slack.settled()
    turn = await office.stored(turn_id)
    assert turn is not None
    assert turn.message.text == "second"


async def test_an_edit_that_adds_a_mention_asks_nothing(office: Office) -> None:
    post = await office.slack.post("mia", "general", "hello")
    await office.slack.edit("mia", "general", post.ts, "@Switchboard hello")
    assert await office.turn("general", post.ts) is None


async def test_a_preview_that_slack_adds_changes_nothing(office: Office) -> None:
    post, turn_id = await waiting(office, "@Switchboard read https://a.page now")
    before = await office.redis.hget(office.store.key("turn", turn_id), "record")
    await office.slack.unfurl("general", post.ts)
    await office.slack.settled()
    assert await office.redis.hget(office.store.key("turn", turn_id), "record") == before


@pytest.mark.parametrize("with_reply", [False, True])
async def test_a_question_that_is_deleted_is_not_answered(
    office: Office, *, with_reply: bool
) -> None:
    post, turn_id = await waiting(office)
    if with_reply:  # then Slack tells of the deletion as of a change to a gravestone
        await office.slack.post("max", "general", "@max hm", thread_ts=post.ts)
    await office.slack.delete("mia", "general", post.ts)
    await office.slack.settled()
    await office.at_rest()
    assert await office.redis.hget(office.store.key("turn", turn_id), "phase") == b"delivered"
    assert office.slack.answers(post.ts) == []


async def test_an_edit_by_nobody_we_hear_changes_nothing(office: Office) -> None:
    post, turn_id = await waiting(office)
    changed = {**post.as_json(), "text": f"{BOT} hacked", "bot_id": "B0OTHERBOT"}
    await office.deliver(post, subtype="message_changed", message=changed)
    turn = await office.stored(turn_id)
    assert turn is not None
    assert turn.message.text == "first"


# ---- malformed and odd ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"channel": None},
        {"channel": "C0 GENERAL:1"},
        {"ts": 17},
        {"user": {"id": "U1"}},
        {"thread_ts": "1.2:3"},
        {"files": [17]},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"blocks": 17, "text": ""},
    ],
)
async def test_a_malformed_event_is_buried_and_acknowledged(
    office: Office, fields: dict[str, Any]
) -> None:
    post = await office.slack.post("mia", "general", "quiet")
    event = await office.deliver(
        post, **{"ts": "1800000000.000100", "text": f"{BOT} hello", **fields}
    )
    assert (event.attempts, event.acks) == (1, 1)
    (letter,) = await office.redis.lrange(office.store.key("dead"), 0, -1)
    assert json.loads(letter)["event"] == event.event_id
    assert BOT not in letter.decode()
    assert (await office.asked(await office.slack.post("mia", "general", "@Switchboard hi"))).id


@pytest.mark.parametrize(
    "words",
    [
        "x" * 40_000,
        "مرحبا بالعالم",
        "漢字かな交じり文",
        "🧑‍🚀" * 500,
        "\u202eabc\u0000def",
        "é" * 9,
    ],
    ids=["40000", "arabic", "kanji", "emoji", "controls", "accents"],
)
async def test_any_words_are_a_question(office: Office, words: str) -> None:
    turn = await office.asked(await office.slack.post("mia", "general", f"@Switchboard {words}"))
    assert turn.message.text
    assert "\u0000" not in turn.message.text
    await office.answer(turn, "Fine.")
    await office.slack.shows("Fine.", thread_ts=turn.message.id)


async def test_only_an_unsupported_file_is_a_question_with_a_sentence(office: Office) -> None:
    post = await office.slack.post("mia", "general", "@Switchboard", files=[("a.exe", b"MZ")])
    turn = await office.asked(post)
    await office.answer(turn, "I cannot read it.")
    turn = (await office.stored(turn.id)) or turn
    assert "a.exe" in turn.message.attachments[0].problem


async def test_a_hint_that_comes_after_a_notice_was_given_does_not_give_it_again(
    office: Office,
) -> None:
    await office.slack.command("mia", "general", "/ai what is the weather")
    await office.told("mia", "is no command")
    await office.at_rest()
    turn = (await office.turns())[-1]
    await office.redis.publish(hint_channel(office.store, "slack"), f"{turn.id} whole")
    await office.slack.command("mia", "general", "/ai help")
    await office.told("mia", "Mention me")
    await office.at_rest()
    assert [said(words).split()[0] for words in office.slack.private("mia")] == [
        "`what`",
        "Mention",
    ]
