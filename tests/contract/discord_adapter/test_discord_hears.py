"""What people write in Discord, and what the worker is given of it."""

from __future__ import annotations

import asyncio

import pytest

from playground.discord import Message
from tests.contract.discord_adapter.bench import Bench
from tests.pictures import png

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_mention_starts_a_conversation_and_the_answer_is_a_reply(reading: Bench) -> None:
    channel = await reading.channel()
    asked = await reading.discord.post("mia", channel, "@Switchboard what is a door")
    answer = await reading.discord.answered(asked)
    turn = await reading.asked("what is a door")
    assert turn.message.text == "what is a door"
    assert turn.conversation == f"discord:{reading.discord.guild_id}:{channel}:{asked.id}"
    assert answer.content == "Answer to: what is a door"
    assert answer.reference is not None
    assert answer.reference.message_id == asked.id


async def test_the_managed_role_is_the_bot(reading: Bench) -> None:
    channel = await reading.channel()
    await reading.discord.post("mia", channel, "@&Switchboard by its role")
    assert (await reading.asked("by its role")).message.text == "by its role"


async def test_another_role_or_everyone_is_not_the_bot(reading: Bench) -> None:
    channel = await reading.channel()
    for words in ("@Stewards role talk", "@everyone role talk", "role talk"):
        await reading.discord.post("mia", channel, words)
    await reading.heard_out()
    assert reading.scribe.question("role talk") is None


async def test_a_reply_without_ping_goes_on_and_one_to_a_person_does_not(reading: Bench) -> None:
    channel = await reading.channel()
    asked = await reading.discord.post("mia", channel, "@Switchboard begin a chain")
    answer = await reading.discord.answered(asked)
    await reading.discord.post("noah", channel, "go on with it", reply_to=answer, ping=False)
    first, second = await reading.asked("begin a chain"), await reading.asked("go on with it")
    assert second.conversation == first.conversation
    assert second.message.quotes == ()  # the log holds it
    await reading.discord.post("noah", channel, "to mia alone", reply_to=asked)
    await reading.heard_out()
    assert reading.scribe.question("to mia alone") is None


async def test_a_reply_to_any_part_of_a_split_answer_goes_on_after_a_restart(
    reading: Bench,
) -> None:
    channel = await reading.channel()
    reading.scribe.will_say("word " * 1200, when="much to say")
    asked = await reading.discord.post("mia", channel, "@Switchboard much to say")
    await reading.discord.when(lambda: len(reading.discord.by_bot(channel)) >= 4 or None)
    await reading.at_rest()
    await reading.leave()
    await reading.enter()
    for number, part in enumerate(reading.discord.by_bot(channel)):
        await reading.discord.post("mia", channel, f"about part {number}", reply_to=part)
        turn = await reading.asked(f"about part {number}")
        assert turn.conversation.endswith(f":{asked.id}")
        assert turn.message.quotes == ()


async def test_a_reply_to_another_person_with_a_mention_quotes_them(reading: Bench) -> None:
    channel = await reading.channel()
    said = await reading.discord.post("noah", channel, "The moon is made of cheese")
    asked = await reading.discord.post(
        "mia", channel, "@Switchboard is that so", reply_to=said, ping=False
    )
    turn = await reading.asked("is that so")
    assert turn.message.thread.id == asked.id
    assert [(q.author, q.text) for q in turn.message.quotes] == [
        ("Noah", "The moon is made of cheese")
    ]


async def test_a_mention_without_words_asks_about_the_message_replied_to(reading: Bench) -> None:
    channel = await reading.channel()
    said = await reading.discord.post("noah", channel, "Nothing is faster than gossip")
    asked = await reading.discord.post("mia", channel, "@Switchboard", reply_to=said, ping=False)
    turn = await reading.until(
        lambda: next((t for t in reading.scribe.asked if t.message.id == asked.id), None)
    )
    assert [quote.text for quote in turn.message.quotes] == ["Nothing is faster than gossip"]


async def test_a_mention_without_words_asks_about_the_bots_own_message_too(reading: Bench) -> None:
    channel = await reading.channel()
    first = await reading.discord.post("mia", channel, "@Switchboard say something odd")
    answer = await reading.discord.answered(first)
    asked = await reading.discord.post("mia", channel, "@Switchboard", reply_to=answer)
    turn = await reading.until(
        lambda: next((t for t in reading.scribe.asked if t.message.id == asked.id), None)
    )
    assert [quote.text for quote in turn.message.quotes] == ["Answer to: say something odd"]
    assert turn.message.thread.id == first.id


async def test_a_mention_without_anything_shows_help(reading: Bench) -> None:
    channel = await reading.channel()
    asked = await reading.discord.post("mia", channel, "@Switchboard")
    answer = await reading.discord.answered(asked)
    assert answer.content.startswith("-# Mention me with a question")


async def test_a_direct_message_is_one_conversation_and_may_be_empty(reading: Bench) -> None:
    await reading.discord.post("noah", "dm", "it is me")
    turn = await reading.asked("it is me")
    assert turn.message.thread.channel.direct
    assert turn.message.thread.id == turn.message.author.id


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("sticker", "(sticker: Wave)"), ("voice", ""), ("forward", "")],
)
async def test_forwards_voice_and_stickers_reach_the_model_as_words(
    reading: Bench, kind: str, expected: str
) -> None:
    """As direct messages, which are always meant for the bot."""
    if kind == "sticker":
        sent: Message = await reading.discord.sticker("adam", "dm")
    elif kind == "voice":
        sent = await reading.discord.voice_message("adam", "dm")
    else:
        said = await reading.discord.post("noah", "random", "A rumour about boats")
        sent = await reading.discord.forward("adam", said, "dm")
    turn = await reading.until(
        lambda: next((t for t in reading.scribe.asked if t.message.id == sent.id), None)
    )
    assert turn.message.text == expected
    if kind == "voice":
        assert "cannot be heard" in str(turn.message.attachments[0].problem)
    if kind == "forward":
        (quote,) = turn.message.quotes
        assert (quote.author, quote.text) == ("somebody, forwarded", "A rumour about boats")


async def test_bots_webhooks_and_discords_own_lines_are_ignored(reading: Bench) -> None:
    channel = await reading.channel()
    await reading.discord.post("echo", channel, "@Switchboard a robot speaks")
    await reading.discord.webhook(channel, "hook", "@Switchboard a hook speaks")
    await reading.discord.system(channel)
    before = len(reading.scribe.asked)
    await reading.heard_out()
    assert len(reading.scribe.asked) == before


async def test_threads_and_forum_posts_are_conversations_of_their_own(reading: Bench) -> None:
    channel = await reading.channel()
    root = await reading.discord.post("mia", channel, "@Switchboard start of a thread")
    await reading.discord.answered(root)
    thread = await reading.discord.open_thread("mia", channel, "talk", message=root)
    await reading.discord.post("noah", thread.id, "nobody is mentioned here")
    turn = await reading.asked("nobody is mentioned here")
    assert turn.message.thread.id == thread.id
    assert turn.message.thread.channel.id == channel
    await reading.discord.post("noah", thread.id, "@Mia only you are meant")
    await reading.heard_out()
    assert reading.scribe.question("only you are meant") is None


async def test_in_somebody_elses_thread_only_a_mention_counts_and_history_comes_once(
    reading: Bench,
) -> None:
    channel = await reading.channel()
    root = await reading.discord.post("noah", channel, "Shall we paint it blue")
    thread = await reading.discord.open_thread("noah", channel, "paint", message=root)
    for n in range(20):
        await reading.discord.post("noah", thread.id, f"earlier thought {n}")
    await reading.discord.post("mia", thread.id, "@Switchboard decide for us")
    turn = await reading.asked("decide for us")
    texts = [quote.text for quote in turn.message.quotes]
    assert texts[-1] == "earlier thought 19"
    assert len(texts) <= 15
    await reading.discord.post("mia", thread.id, "@Switchboard and again")
    assert (await reading.asked("and again")).message.quotes == ()
    assert reading.scribe.question("earlier thought") is None


async def test_an_edit_replaces_a_waiting_question_and_a_preview_does_not(reading: Bench) -> None:
    channel = await reading.channel()
    gate = asyncio.Event()
    reading.scribe.will_say("Done.", when="hold the line", after=gate)
    first = await reading.discord.post("mia", channel, "@Switchboard hold the line")
    await reading.asked("hold the line")
    second = await reading.discord.post("mia", channel, "@Switchboard waiting one", reply_to=first)
    third = await reading.discord.post("mia", channel, "@Switchboard waiting two", reply_to=first)
    await reading.discord.preview_update(third)
    await reading.discord.edit(second, "@Switchboard --model gpt-4o-mini waiting but changed")
    await reading.discord.delete(third)

    async def amended() -> bool:
        changed = await reading.stored(second)
        assert changed is not None
        assert changed.turn is not None
        text = changed.turn.message.text
        return text == "waiting but changed" and await reading.stopped(third)

    await reading.eventually(lambda: reading.stored(third))
    await reading.eventually(amended)
    gate.set()
    assert (await reading.asked("waiting but changed")).message.id == second.id
    await reading.at_rest()
    assert reading.scribe.question("waiting two") is None


async def test_an_edit_never_starts_a_question(reading: Bench) -> None:
    channel = await reading.channel()
    said = await reading.discord.post("mia", channel, "nothing for it")
    await reading.discord.edit(said, "@Switchboard now it would be a question")
    await reading.heard_out()
    assert reading.scribe.question("now it would be") is None


async def test_a_poll_is_told_in_words(reading: Bench) -> None:
    """The simulated Discord has none: the payload is that of Discord's documents."""
    place = reading.discord.where("mara", "dm")
    reading.discord.gateway.dispatch(
        "MESSAGE_CREATE",
        lambda _: {
            "id": reading.discord.ids.next(),
            "channel_id": place.id,
            "author": {"id": reading.discord.world.person("mara").id, "username": "mara"},
            "content": "",
            "poll": {
                "question": {"text": "Tea or coffee?"},
                "answers": [
                    {"answer_id": 1, "poll_media": {"text": "Tea"}},
                    {"answer_id": 2, "poll_media": {"text": "Coffee"}},
                ],
                "expiry": None,
                "allow_multiselect": False,
                "layout_type": 1,
            },
        },
    )
    assert (await reading.asked("Tea or coffee")).message.text == (
        "(poll: Tea or coffee? Tea / Coffee)"
    )


async def test_an_address_that_has_expired_is_asked_for_anew_once(reading: Bench) -> None:
    channel = await reading.channel()
    sent = await reading.discord.post(
        "mia", channel, "with it", files=[("square.png", png((8, 8)))]
    )
    told = reading.discord.payloads.message(sent)
    told |= {"content": f"<@{reading.discord.application_id}> look at it"}
    told |= {
        "guild_id": reading.discord.guild_id,
        "mentions": [{"id": reading.discord.application_id}],
    }
    (file,) = told["attachments"]
    file["url"] = file["url"].partition("?")[0] + "?ex=1&is=0&hm=0&"
    reading.discord.gateway.dispatch("MESSAGE_CREATE", lambda _: told)
    turn = await reading.asked("look at it")
    (attachment,) = turn.message.attachments
    assert attachment.problem is None
    assert attachment.blob
    await reading.at_rest()


async def test_a_file_of_a_foreign_host_is_refused_with_a_sentence(reading: Bench) -> None:
    channel = await reading.channel()
    sent = await reading.discord.post("mia", channel, "from afar", files=[("a.png", png((8, 8)))])
    told = reading.discord.payloads.message(sent)
    told |= {"content": f"<@{reading.discord.application_id}> fetch it from afar"}
    told |= {
        "guild_id": reading.discord.guild_id,
        "mentions": [{"id": reading.discord.application_id}],
    }
    told["attachments"][0]["url"] = "http://169.254.169.254/latest/meta-data"
    reading.discord.gateway.dispatch("MESSAGE_CREATE", lambda _: told)
    turn = await reading.asked("fetch it from afar")
    (attachment,) = turn.message.attachments
    assert attachment.blob is None
    assert "a.png" in str(attachment.problem)
    await reading.at_rest()
