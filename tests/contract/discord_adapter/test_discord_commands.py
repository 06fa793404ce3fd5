"""The slash commands, the message command and autocomplete, as people use them."""

from __future__ import annotations

import asyncio

import pytest

from playground.discord import DidNotRespond, Interaction, Message
from tests.contract.discord_adapter.bench import Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def notice(bench: Bench, asked: Interaction) -> str:
    """What a command's sender alone reads."""
    answer = await bench.discord.answered(asked)
    await bench.at_rest()
    assert answer.ephemeral
    assert all(line.startswith("-# ") for line in answer.content.split("\n"))
    return answer.content


async def test_ask_defers_and_its_answer_takes_the_place_of_thinking(modest: Bench) -> None:
    channel = await modest.channel()
    gate = asyncio.Event()
    modest.scribe.will_say("Forty-two.", when="the question", after=gate, first="Forty")
    asked = await modest.discord.slash("mia", channel, "ask", prompt="the question")
    await modest.discord.when(lambda: modest.discord.interaction(asked).deferred or None)
    assert modest.discord.interaction(asked).ephemeral is False
    await modest.discord.shows("Forty", channel)
    gate.set()
    await modest.discord.when(
        lambda: [m.content for m in modest.discord.by_bot(channel)] == ["Forty-two."] or None
    )
    await modest.at_rest()


async def test_ask_reads_an_image_and_another_model_once(modest: Bench) -> None:
    channel = await modest.channel()
    await modest.discord.slash(
        "mia", channel, "ask", prompt="see this", model="GPT-4o mini", image=("a.txt", b"no image")
    )
    turn = await modest.asked("see this")
    assert turn.model == "gpt-4o-mini"
    (file,) = turn.message.attachments
    assert "a.txt" in str(file.problem)


async def test_a_stale_or_mistyped_model_is_a_private_sentence_with_the_nearest_three(
    modest: Bench,
) -> None:
    channel = await modest.channel()
    asked = await modest.discord.slash("mia", channel, "ask", prompt="never", model="gtp-4o")
    said = await notice(modest, asked)
    assert "gpt-4o" in said
    assert modest.scribe.question("never") is None


async def test_a_long_answer_goes_on_in_messages_that_reply(modest: Bench) -> None:
    channel = await modest.channel()
    modest.scribe.will_say("word " * 900, when="at length")
    await modest.discord.slash("mia", channel, "ask", prompt="at length")
    await modest.discord.when(lambda: len(modest.discord.by_bot(channel)) == 3 or None)
    await modest.at_rest()
    first, second, third = modest.discord.by_bot(channel)
    assert "".join(m.content for m in (first, second, third)).count("word") == 900
    assert second.reference is not None
    assert second.reference.message_id == first.id


async def test_a_private_ask_is_private_in_every_part_and_no_part_of_the_channels_log(
    modest: Bench,
) -> None:
    channel = await modest.channel()
    modest.scribe.will_say("secret " * 400, when="between us")
    asked = await modest.discord.slash("mia", channel, "ask", prompt="between us", private=True)
    turn = await modest.asked("between us")
    await modest.at_rest()
    assert modest.discord.messages(channel) == []
    shown = [m for m in modest.discord.private("mia") if "secret" in m.content]
    assert len(shown) == 2
    assert turn.message.thread.id == asked.id


async def test_in_a_thread_ask_belongs_to_it_and_a_private_one_does_not(modest: Bench) -> None:
    channel = await modest.channel()
    thread = await modest.discord.open_thread("mia", channel, "talk")
    await modest.discord.slash("mia", thread.id, "ask", prompt="for all of us")
    await modest.discord.slash("mia", thread.id, "ask", prompt="for me only", private=True)
    shared, own = await modest.asked("for all of us"), await modest.asked("for me only")
    assert shared.message.thread.id == thread.id
    assert own.message.thread.id not in (thread.id, shared.message.thread.id)
    await modest.at_rest()


async def test_ask_in_a_direct_message_belongs_to_its_conversation(modest: Bench) -> None:
    await modest.discord.slash("adam", "dm", "ask", prompt="in our own words")
    turn = await modest.asked("in our own words")
    assert turn.message.thread.id == turn.message.author.id
    await modest.at_rest()


async def test_ask_about_this_answers_under_the_message_in_its_conversation(modest: Bench) -> None:
    channel = await modest.channel()
    about = await modest.discord.post("noah", channel, "A riddle without an end")
    opened = await modest.discord.message_command("mia", channel, about, "Ask about this")
    form = await modest.discord.when(lambda: modest.discord.interaction(opened).modal)
    assert form["title"] == "Ask about this"
    assert "Explain this" in str(form["components"])
    submitted = await modest.discord.submit_modal("mia", opened)
    turn = await modest.asked("Explain this")
    assert [(q.author, q.text) for q in turn.message.quotes] == [
        ("Noah", "A riddle without an end")
    ]
    told = await modest.discord.answered(submitted)
    assert told.ephemeral
    answer = await modest.discord.when(
        lambda: next(
            (m for m in modest.discord.messages(channel) if m.author_id != about.author_id), None
        )
    )
    assert answer.reference is not None
    assert answer.reference.message_id == about.id


async def test_a_form_of_an_adapter_that_is_gone_still_works(modest: Bench) -> None:
    channel = await modest.channel()
    about = await modest.discord.post("noah", channel, "Written before a restart")
    opened = await modest.discord.message_command("mia", channel, about, "Ask about this")
    await modest.discord.when(lambda: modest.discord.interaction(opened).modal)
    await modest.leave()
    await modest.enter()
    await modest.discord.submit_modal("mia", opened, question="What came before?")
    turn = await modest.asked("What came before?")
    assert turn.message.quotes[0].text == "Written before a restart"
    await modest.at_rest()


async def test_a_form_that_was_open_too_long_says_so(modest: Bench) -> None:
    channel = await modest.channel()
    about = await modest.discord.post("noah", channel, "Long ago")
    opened = await modest.discord.message_command("mia", channel, about, "Ask about this")
    await modest.discord.when(lambda: modest.discord.interaction(opened).modal)
    async for name in modest.store.redis.scan_iter(match=modest.store.key("form", "*")):
        await modest.store.redis.delete(name)
    submitted = await modest.discord.submit_modal("mia", opened)
    assert "too old" in (await modest.discord.answered(submitted)).content


async def test_where_the_bot_may_not_write_ask_about_this_says_so_at_once(modest: Bench) -> None:
    about = await modest.discord.post("mara", "announcements", "Read only")
    opened = await modest.discord.message_command("mia", "announcements", about, "Ask about this")
    assert "may not write here" in (await modest.discord.answered(opened)).content


async def test_show_tells_the_model_and_why(modest: Bench) -> None:
    channel = await modest.channel()
    said = await notice(modest, await modest.discord.slash("mia", channel, "model show"))
    assert "`gpt-4o`" in said
    assert "default" in said


async def test_list_names_models_and_help_names_commands(modest: Bench) -> None:
    channel = await modest.channel()
    assert "claude" in await notice(
        modest, await modest.discord.slash("mia", channel, "model list")
    )
    said = await notice(modest, await modest.discord.slash("mia", channel, "help"))
    assert "/ask prompt:" in said


async def test_new_is_a_notice(modest: Bench) -> None:
    said = await notice(modest, await modest.discord.slash("adam", "dm", "new"))
    assert "new conversation" in said


async def test_new_in_a_channel_means_the_latest_chain_of_its_sender(modest: Bench) -> None:
    channel = await modest.channel()
    said = await notice(modest, await modest.discord.slash("noah", channel, "new"))
    assert "no conversation here yet" in said
    await modest.discord.post("noah", channel, "@Switchboard begin a chain here")
    turn = await modest.asked("begin a chain here")
    await modest.discord.slash("noah", channel, "ask", prompt="aside from it", private=True)
    await modest.asked("aside from it")
    await modest.at_rest()
    said = await notice(modest, await modest.discord.slash("noah", channel, "new"))
    assert "new conversation begins" in said
    epoch = modest.store.key("epoch", turn.conversation)
    assert await modest.store.redis.hget(epoch, "epoch") not in (None, b"0")


async def test_a_slash_command_outside_a_thread_knows_none(modest: Bench) -> None:
    channel = await modest.channel()
    asked = await modest.discord.slash(
        "mara", channel, "model set", model="gpt-4o-mini", scope="thread"
    )
    assert "`@bot /model set gpt-4o-mini thread`" in await notice(modest, asked)
    thread = await modest.discord.open_thread("mara", channel, "of its own model")
    asked = await modest.discord.slash(
        "mara", thread.id, "model set", model="gpt-4o-mini", scope="thread"
    )
    assert "Done" in await notice(modest, asked)
    await modest.discord.post("mia", thread.id, "@Switchboard by its own")
    assert (await modest.asked("by its own")).model == "gpt-4o-mini"
    await modest.discord.post("mia", channel, "@Switchboard by the channels")
    assert (await modest.asked("by the channels")).model == "gpt-4o"
    await modest.at_rest()


async def test_set_lock_unlock_and_reset_are_announced_and_bind_what_is_below(
    modest: Bench,
) -> None:
    category = await modest.discord.add_category("Wing")
    channel = await modest.channel(category=category.id)
    discord = modest.discord
    said = await notice(
        modest,
        await discord.slash(
            "mara", channel, "model set", model="gpt-4o-mini", scope="category", duration="2h"
        ),
    )
    assert "this category to `gpt-4o-mini`" in said
    assert "until" in said
    (announced,) = discord.messages(channel)
    assert announced.content.startswith("-# **Mara** set the model of this category")
    await notice(modest, await discord.slash("mara", channel, "model lock", scope="category"))
    refused = await notice(
        modest, await discord.slash("mara", channel, "model set", model="gpt-4o", scope="channel")
    )
    assert "lock" in refused
    await discord.slash("mia", channel, "ask", prompt="who answers here")
    assert (await modest.asked("who answers here")).model == "gpt-4o-mini"
    refused = await notice(
        modest, await discord.slash("mia", channel, "ask", prompt="but I want", model="gpt-4o")
    )
    assert "lock" in refused
    await notice(modest, await discord.slash("mara", channel, "model unlock", scope="category"))
    await notice(modest, await discord.slash("mara", channel, "model reset", scope="category"))
    assert len(discord.messages(channel)) == 5  # four announcements, one answer


async def test_a_member_may_not_and_nobody_hears_of_it(modest: Bench) -> None:
    channel = await modest.channel()
    for words, options in (
        ("model set", {"model": "gpt-4o-mini"}),
        ("model reset", {}),
        ("model lock", {"scope": "workspace"}),
        ("model unlock", {}),
    ):
        said = await notice(modest, await modest.discord.slash("mia", channel, words, **options))
        assert said.startswith("-# Only people with")
    assert modest.discord.messages(channel) == []


async def test_manage_channels_is_not_manage_server(modest: Bench) -> None:
    channel = await modest.channel()
    asked = await modest.discord.slash(
        "mara", channel, "model set", model="gpt-4o-mini", scope="workspace"
    )
    assert "Manage Server" in await notice(modest, asked)


async def done(bench: Bench, told: Message) -> None:
    """Until a command in a mention is done. Its announcement is a reply to it as well, and either may come first."""

    def answer() -> Message | None:
        for message in bench.discord.by_bot():
            about = message.reference and message.reference.message_id
            if about == told.id and "Done" in message.content:
                return message
        return None

    await bench.discord.when(answer)


async def test_a_right_that_was_taken_away_counts_when_the_change_is_made(modest: Bench) -> None:
    """The command waits in Redis with the power of its moment; whoever runs it asks again."""
    channel = await modest.channel()
    await modest.discord.set_roles("noah", "Stewards")
    try:
        told = await modest.discord.post("noah", channel, "@Switchboard /model set gpt-4o-mini")
        await done(modest, told)
        await modest.discord.set_roles("noah")
        told = await modest.discord.post("noah", channel, "@Switchboard /model reset")
        assert "Only people with" in (await modest.discord.answered(told)).content
    finally:
        await modest.discord.set_roles("noah")
    await modest.at_rest()


async def test_an_option_with_more_words_changes_no_other_scope(modest: Bench) -> None:
    channel = await modest.channel()
    asked = await modest.discord.slash(
        "olivia", channel, "model set", model="gpt-4o-mini", duration="2h workspace"
    )
    assert "no duration" in await notice(modest, asked)


async def test_words_that_are_not_there_yet_say_so(modest: Bench) -> None:
    channel = await modest.channel()
    for word in ("compare a b: hi", "usage", "forget"):
        told = await modest.discord.post("mia", channel, f"@Switchboard /{word}")
        answer = await modest.discord.answered(told)
        assert f"`{word.split()[0]}` is not there yet" in answer.content
    await modest.at_rest()


@pytest.mark.parametrize(
    ("word", "expected"), [("usage", "`usage` is not there yet"), ("sing", "no longer know")]
)
async def test_a_command_that_discord_offers_and_the_bot_lacks_is_answered(
    modest: Bench, word: str, expected: str
) -> None:
    """As after an upgrade: Discord's clients keep a command for a while."""
    channel = await modest.channel()
    registry = modest.discord.registry
    known = registry.all(None)
    registry.replace(None, [*known, {"name": word, "type": 1, "description": "old"}])
    try:
        asked = await modest.discord.slash("mia", channel, word)
        assert expected in (await modest.discord.answered(asked)).content
    finally:
        registry.replace(None, known)


async def test_autocomplete_offers_at_most_25_with_the_model_in_force_first(modest: Bench) -> None:
    channel = await modest.channel()
    offered = await modest.discord.autocomplete("mia", channel, "ask", "model", "", prompt="x")
    assert offered[0]["value"] == "gpt-4o"
    assert len(offered) == 25
    await notice(
        modest, await modest.discord.slash("mara", channel, "model set", model="gpt-4o-mini")
    )

    async def first() -> bool:
        found = await modest.discord.autocomplete("mia", channel, "ask", "model", "", prompt="x")
        return str(found[0]["value"]) == "gpt-4o-mini"

    await modest.eventually(first)


async def test_autocomplete_offers_nothing_to_those_who_may_not_set(modest: Bench) -> None:
    channel = await modest.channel()
    assert await modest.discord.autocomplete("mia", channel, "model set", "model", "gpt") == []
    offered = await modest.discord.autocomplete("mara", channel, "model set", "model", "gpt-4o")
    assert "gpt-4o" in [choice["value"] for choice in offered]


async def test_autocomplete_does_not_wait_for_redis(modest: Bench) -> None:
    channel = await modest.channel()
    modest.hang()
    try:
        offered = await modest.discord.autocomplete("mia", channel, "ask", "model", "", prompt="x")
    except DidNotRespond:
        offered = []
    finally:
        modest.thaw()
    assert len(offered) == 25


async def test_the_first_answer_in_a_thread_says_once_that_the_rest_is_not_read(
    modest: Bench,
) -> None:
    channel = await modest.channel()
    thread = await modest.discord.open_thread("mia", channel, "blind")
    blind = "-# In this server I only read messages that mention me"
    first = await modest.discord.post("mia", thread.id, "@Switchboard number one")
    await modest.discord.answered(first)
    await modest.at_rest()
    second = await modest.discord.post("mia", thread.id, "@Switchboard number two")
    await modest.discord.answered(second)
    await modest.discord.post("mia", thread.id, "a blank message for want of the intent")
    await modest.heard_out()
    said = [message.content for message in modest.discord.by_bot(thread.id)]
    assert [blind in text for text in said] == [True, False]
    assert "Answer to: number one" in said[0]


async def test_operators_admins_are_users_and_roles(modest: Bench) -> None:
    discord = modest.discord
    guild = discord.world.guilds[discord.guild_id]
    admins = next(role.id for role in guild.roles.values() if role.name == "Stewards")
    mia = discord.world.person("mia").id
    named = f"discord:{guild.id}:{mia},discord:{guild.id}:role:{admins}"
    await modest.leave()
    modest.settle(SWITCHBOARD_ADMINS=named)
    await modest.enter()
    try:
        channel = await modest.channel()
        for who in ("mia", "mara"):  # mara has the role, and no right to manage the server
            asked = await discord.slash(
                who, channel, "model set", model="gpt-4o-mini", scope="workspace"
            )
            assert "Done" in await notice(modest, asked)
        told = await discord.post("mia", channel, "@Switchboard /model reset workspace")
        await done(modest, told)
        asked = await discord.slash("noah", channel, "model reset", scope="workspace")
        assert "Only people with" in await notice(modest, asked)
    finally:
        await modest.leave()
        modest.settle(SWITCHBOARD_ADMINS="")
        await modest.enter()


async def test_words_that_are_out_are_not_said_again_and_other_words_are(modest: Bench) -> None:
    """What went wrong after a part of a notice was out is told all the same."""
    channel = await modest.channel()
    asked = await modest.discord.slash("mia", channel, "help")
    await notice(modest, asked)
    stored = await modest.stored(asked.id)
    assert stored is not None
    assert stored.turn is not None
    await modest.store.redis.set(modest.store.key("secret", stored.id), asked.token, ex=60)
    discord = modest.lives.adapter.platform

    async def said(*words: str) -> int:
        before = len(modest.discord.calls)
        for word in words:
            await discord.notice(stored.turn, word)
        return sum(call.method == "PATCH" for call in modest.discord.calls[before:])

    assert await said("A word.", "A word.", "Sorry.") == 2
    assert (await modest.discord.answered(asked)).content == "-# Sorry."
    discord.forget(stored.id)
    assert await said("Sorry.") == 1
