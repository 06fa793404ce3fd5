"""How an answer comes to be shown, or a file to be read, whatever is in the way."""

from __future__ import annotations

import asyncio

import pytest

from playground.discord import Message
from tests.contract.discord_adapter.bench import Bench
from tests.pictures import png

pytestmark = pytest.mark.asyncio(loop_scope="module")

SEND = 1 << 11  # a permission
POST = "POST /channels/*/messages"
CALLBACK = "POST /interactions/*/*/callback"
ORIGINAL = "PATCH /webhooks/*/*/messages/@original"
LONG = "word " * 600  # two messages


def seen(bench: Bench, channel: str) -> list[Message]:
    """The bot's messages in a channel, private ones too, without what is only "thinking"."""
    return [message for message in bench.discord.by_bot(channel) if not message.loading]


@pytest.mark.parametrize("door", ["mention", "command", "private command"])
async def test_an_answer_that_ends_shorter_takes_its_further_messages_away(
    modest: Bench, door: str
) -> None:
    """A worker died after much text, and the next one says less."""
    channel, gate = await modest.channel(), asyncio.Event()
    words = f"at first much, by {door}"
    modest.scribe.will_say("In short.", when=words, after=gate, first=LONG)
    if door == "mention":
        await modest.discord.post("mia", channel, f"@Switchboard {words}")
    else:
        private = door.startswith("private")
        await modest.discord.slash("mia", channel, "ask", prompt=words, private=private)
    await modest.discord.when(lambda: len(seen(modest, channel)) == 2 or None)
    gate.set()
    await modest.at_rest()
    assert [message.content for message in seen(modest, channel)] == ["In short."]


async def test_what_grew_after_a_lost_reply_is_shown_though_nothing_can_be_looked_up(
    modest: Bench,
) -> None:
    """Without a look only the nonce finds the message again, with the text that it had."""
    channel, gate = await modest.channel(), asyncio.Event()
    modest.discord.will_refuse("GET /channels/*/messages", 403, 50001)
    modest.scribe.will_say("Half and whole.", when="lost and grown", after=gate, first="Half")
    modest.discord.will_drop_reply(POST)
    await modest.discord.post("mia", channel, "@Switchboard lost and grown")
    await modest.discord.shows("Half", channel)
    gate.set()
    await modest.discord.shows("Half and whole.", channel)
    await modest.at_rest()
    assert [message.content for message in seen(modest, channel)] == ["Half and whole."]


@pytest.mark.parametrize("door", ["mention", "private command"])
async def test_after_a_kill_a_post_is_known_again_by_what_it_answers_or_how_it_begins(
    modest: Bench, door: str
) -> None:
    """The nonce is forgotten, the note of the post was never made; other messages of the bot are not taken for it."""
    channel, gate = await modest.channel(), asyncio.Event()
    words = f"known again, by {door}"
    whole = "The beginning, by which it is known again, and then the end."
    modest.scribe.will_say(whole, when=words, after=gate, first=whole[:14])
    if door == "mention":
        place = channel
        await modest.discord.post("mia", channel, f"@Switchboard {words}")
    else:
        place = modest.discord.where("mia", "dm").id
        modest.discord.will_refuse(CALLBACK, 404, 10062)
        modest.discord.will_refuse(ORIGINAL, 404, 10008)
        await modest.discord.slash("mia", channel, "ask", prompt=words, private=True)
    shown = await modest.discord.shows(whole[:14], place)
    turn = await modest.asked(words)

    async def bound() -> str | None:
        return (await modest.lives.adapter.replies.read(turn.id)).parts.get(0)

    assert await modest.eventually(bound) == shown.id
    other = await modest.discord.post(
        "noah", place if door == "mention" else "dm", "@Switchboard hi"
    )
    await modest.discord.answered(other)
    await modest.leave()
    await modest.store.redis.hdel(modest.store.key("reply", turn.id), "part:0")
    at = modest.store.key("at", "discord", modest.discord.guild_id, channel, shown.id)
    assert await modest.store.redis.delete(at)
    shown.nonce = None
    modest.discord.clock.advance(600)
    gate.set()
    await modest.enter()
    await modest.discord.shows(whole, place)
    await modest.at_rest()
    assert [m.id for m in modest.discord.by_bot(place) if m.content.startswith("The beg")] == [
        shown.id
    ]


async def test_where_the_bot_may_not_write_a_commands_long_answer_goes_on_with_the_command(
    modest: Bench,
) -> None:
    channel = await modest.channel()
    await modest.discord.overwrite(channel, "everyone", deny=SEND)
    modest.scribe.will_say(LONG, when="where I may not")
    await modest.discord.slash("mara", channel, "ask", prompt="where I may not")
    await modest.asked("where I may not")
    await modest.at_rest()
    shown = seen(modest, channel)
    assert "".join(message.content for message in shown).count("word") == 600
    assert not any(message.ephemeral for message in shown)


@pytest.mark.parametrize("door", ["mention", "command"])
async def test_a_picture_that_is_gone_is_a_sentence_that_names_it(modest: Bench, door: str) -> None:
    """A command's picture is in no message that could be asked for a fresh address; a mention's may be deleted."""
    channel, words = await modest.channel(), f"where is it, by {door}"
    modest.discord.will_refuse("GET *attachments/*", 404)
    if door == "mention":
        modest.discord.will_refuse("GET /channels/*/messages/*", 404, 10008)
        await modest.discord.post(
            "mia", channel, f"@Switchboard {words}", files=[("square.png", png((8, 8)))]
        )
    else:
        await modest.discord.slash(
            "mia", channel, "ask", prompt=words, image=("square.png", png((8, 8)))
        )
    (file,) = (await modest.asked(words)).message.attachments
    assert file.blob is None
    assert "square.png" in str(file.problem)
    assert "send it again" in str(file.problem)
    await modest.at_rest()


def refused(bench: Bench) -> bool:
    """The latest first response was one that came too late."""
    callbacks = [call for call in bench.discord.calls if call.path.endswith("/callback")]
    return bool(callbacks) and callbacks[-1].code == 10062


@pytest.mark.parametrize("door", ["unknown command", "form"])
async def test_words_that_discord_does_not_take_any_more_end_quietly(
    modest: Bench, door: str, caplog: pytest.LogCaptureFixture
) -> None:
    """`404 {"message": "Unknown interaction", "code": 10062}`: it came too late, and nobody sees it."""
    channel, registry = await modest.channel(), modest.discord.registry
    modest.discord.will_refuse(CALLBACK, 404, 10062)
    if door == "form":
        about = await modest.discord.post("noah", channel, "Too late for a form")
        await modest.discord.message_command("mia", channel, about, "Ask about this")
    else:
        known = registry.all(None)
        registry.replace(None, [*known, {"name": "sing", "type": 1, "description": "old"}])
        await modest.discord.slash("mia", channel, "sing")
        registry.replace(None, known)
    await modest.until(lambda: refused(modest))
    await modest.heard_out()
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    assert seen(modest, channel) == []
