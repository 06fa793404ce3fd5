"""The real discord.py, unmodified, lives in the simulated Discord."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from playground.discord import DidNotRespond, DiscordServer, Rules, State
from tests.contract.simulated_discord.careful_bot import (
    QUIETLY,
    Bot,
    discord,
    point_library_at,
    running,
)


@pytest.fixture
async def bot(server: DiscordServer) -> AsyncIterator[Bot]:
    async with running(server, Bot()) as bot:
        yield bot


async def test_a_mention_is_answered_by_a_reply_that_is_then_edited(
    server: DiscordServer, bot: Bot
) -> None:
    question = await server.post("mia", "general", "@Switchboard hello")
    answer = await server.shows("You said: @Switchboard hello", "general")
    assert answer is await server.answered(question)
    assert answer.edited_at
    assert server.violations == []


async def test_with_limits_on_the_same_bot_meets_no_limit() -> None:
    async with DiscordServer() as server, running(server, Bot()):
        await server.post("mia", "general", "@Switchboard hello")
        await server.shows("You said: @Switchboard hello")
        assert {c.status for c in server.calls} == {200}


async def test_a_slash_command_with_a_picture_is_deferred_and_then_edited(
    server: DiscordServer, bot: Bot
) -> None:
    asked = await server.slash("mia", "general", "ask", prompt="why", image=("a.png", b"123"))
    answer = await server.answered(asked)
    assert answer.content == "Answer to why with a.png of 3 bytes"
    assert asked.state is State.ANSWERED


async def test_a_private_ask_is_seen_by_its_asker_alone(server: DiscordServer, bot: Bot) -> None:
    asked = await server.slash("mia", "general", "ask", prompt="why", private=True)
    answer = await server.answered(asked)
    assert server.private("mia") == [answer]
    assert server.messages("general") == []


async def test_a_group_command_knows_what_its_user_may(server: DiscordServer, bot: Bot) -> None:
    for user, may in (("mia", False), ("mara", True)):
        asked = await server.slash(user, "general", "model set", model="claude")
        assert (await server.answered(asked)).content == f"claude: {may}"


async def test_autocomplete_offers_what_fits(server: DiscordServer, bot: Bot) -> None:
    choices = await server.autocomplete("mia", "general", "model set", "model", "gpt")
    assert [c["value"] for c in choices] == ["gpt-4o", "gpt-6-luna"]


async def test_a_message_command_opens_a_form_and_its_submission_is_answered(
    server: DiscordServer, bot: Bot
) -> None:
    target = await server.post("noah", "general", "E = mc²")
    asked = await server.message_command("mia", "general", target, "Ask about this")
    await server.when(lambda: asked.modal)
    submitted = await server.submit_modal("mia", asked, question="Why?")
    assert (await server.answered(submitted)).content == "Why?: E = mc²"


async def test_a_direct_message_arrives_and_is_answered(server: DiscordServer, bot: Bot) -> None:
    await server.post("mia", "dm", "hello")
    await bot.until(lambda: bool(bot.heard))
    await bot.heard[0].channel.send("hello too", **QUIETLY)
    assert [m.content for m in server.direct("mia")] == ["hello", "hello too"]


async def test_a_thread_outside_the_cache_has_no_parent_until_it_is_fetched(
    server: DiscordServer, bot: Bot
) -> None:
    await server.post("mia", "backroom", "@Switchboard hello")
    await server.shows("You said", "backroom")
    (message,) = bot.heard
    assert isinstance(message.channel, discord.PartialMessageable)
    fetched = await bot.fetch_channel(message.channel.id)
    assert str(fetched.parent_id) == server.world.place("general").id
    asked = await server.slash("mia", "backroom", "ask", prompt="why")
    assert (await server.answered(asked)).channel_id == str(message.channel.id)


async def test_the_library_caches_the_guild_as_it_is(server: DiscordServer, bot: Bot) -> None:
    guild = bot.get_guild(int(server.guild_id))
    assert guild is not None
    assert {c.name for c in guild.categories} == {"Work", "Play"}
    assert {t.name for t in guild.threads} == {"launch", "whispers", "a better door"}
    general = discord.utils.get(guild.text_channels, name="general")
    assert general.permissions_for(guild.me).send_messages
    announcements = discord.utils.get(guild.text_channels, name="announcements")
    assert not announcements.permissions_for(guild.me).send_messages


@pytest.mark.parametrize("trouble", ["op 7", "op 9 true", "close 4000", "drop"])
async def test_a_lost_connection_is_resumed_and_nothing_is_missed(
    server: DiscordServer, bot: Bot, trouble: str
) -> None:
    gateway = server.gateway
    disconnect = {
        "op 7": gateway.reconnect,
        "op 9 true": lambda: gateway.invalid_session(resumable=True),
        "close 4000": lambda: gateway.close(4000),
        "drop": gateway.drop,
    }
    disconnect[trouble]()
    await server.post("mia", "general", "@Switchboard meanwhile")
    await server.shows("You said: @Switchboard meanwhile")
    await server.when(lambda: gateway.resumes == 1)
    assert gateway.identifies == 1
    assert len(bot.heard) == 1


async def test_a_lost_session_is_begun_anew(server: DiscordServer, bot: Bot) -> None:
    server.gateway.invalid_session(resumable=False)
    await server.when(lambda: server.gateway.identifies == 2)
    await server.post("mia", "general", "@Switchboard hello")
    await server.shows("You said: @Switchboard hello")


async def test_the_intent_that_is_off_ends_the_library_with_its_own_error(
    server: DiscordServer,
) -> None:
    point_library_at(server)
    async with Bot(message_content=True) as greedy:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await greedy.start(server.token)


async def test_a_wrong_token_fails_the_login(server: DiscordServer) -> None:
    point_library_at(server)
    async with Bot() as stranger:
        with pytest.raises(discord.LoginFailure):
            await stranger.start("wrong")


async def test_a_refused_first_dial_ends_the_library(server: DiscordServer) -> None:
    point_library_at(server)
    server.gateway.refuse_dials(1)
    async with Bot() as unlucky:
        with pytest.raises(AttributeError):
            await unlucky.start(server.token)


async def test_garbage_ends_the_library(server: DiscordServer) -> None:
    point_library_at(server)
    async with Bot() as bot:
        task = asyncio.create_task(bot.start(server.token))
        await server.connected()
        server.gateway.send_garbage()
        with pytest.raises(KeyError):
            await task


async def test_a_message_delivered_twice_is_heard_twice(server: DiscordServer, bot: Bot) -> None:
    message = await server.post("mia", "dm", "hello")
    await server.redeliver(message)
    await server.post("mia", "dm", "the end")
    await bot.until(lambda: len(bot.heard) == 3)
    assert [str(m.id) for m in bot.heard[:2]] == [message.id] * 2


async def test_a_preview_looks_like_an_edit_with_equal_content(
    server: DiscordServer, bot: Bot
) -> None:
    message = await server.post("mia", "dm", "see https://example.com")
    await server.preview_update(message)
    await server.edit(message, "changed")
    await bot.until(lambda: len(bot.edits) == 2)
    preview, edit = bot.edits
    assert preview.message.content == "see https://example.com"
    assert preview.message.edited_at is None
    assert preview.message.embeds
    assert (edit.message.content, edit.message.edited_at is None) == ("changed", False)


async def test_forwards_stickers_and_voice_messages_are_told_apart(
    server: DiscordServer, bot: Bot
) -> None:
    first = await server.post("mia", "dm", "first")
    await server.forward("mia", first, "dm")
    await server.sticker("mia", "dm", "Wave")
    await server.voice_message("mia", "dm", seconds=2.5)
    await bot.until(lambda: len(bot.heard) == 4)
    _, forward, sticker, voice = bot.heard
    assert (forward.content, forward.message_snapshots[0].content) == ("", "first")
    assert [s.name for s in sticker.stickers] == ["Wave"]
    assert (voice.attachments[0].is_voice_message(), voice.attachments[0].duration) == (True, 2.5)


async def test_a_reply_to_a_deleted_message_says_so(server: DiscordServer, bot: Bot) -> None:
    root = await server.post("mia", "dm", "root")
    reply = await server.post("mia", "dm", "reply", reply_to=root)
    await server.delete(root)
    await server.redeliver(reply)
    await bot.until(lambda: len(bot.heard) == 3)
    before, after = (m.reference.resolved for m in bot.heard[1:])
    assert before.content == "root"
    assert isinstance(after, discord.DeletedReferencedMessage)


async def test_an_attachment_is_read_until_its_address_expires(
    server: DiscordServer, bot: Bot
) -> None:
    await server.post("mia", "dm", "look", files=[("a.png", b"123")])
    await bot.until(lambda: bool(bot.heard))
    (attachment,) = bot.heard[0].attachments
    assert await attachment.read() == b"123"
    server.clock.advance(86_400)
    with pytest.raises(discord.NotFound):
        await attachment.read()
    again = await bot.heard[0].channel.fetch_message(bot.heard[0].id)
    assert await again.attachments[0].read() == b"123"


@pytest.mark.parametrize("spoil", [("hm=", "hm=0"), ("ex=", "ex=f"), ("a.png", "b.png")])
async def test_an_address_that_was_changed_is_not_found(
    server: DiscordServer, spoil: tuple[str, str]
) -> None:
    message = await server.post("mia", "general", "look", files=[("a.png", b"123")])
    url = server.cdn.address(message.attachments[0])
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as response:
            assert (response.status, response.content_type) == (200, "image/png")
        async with session.get(url.replace(*spoil)) as response:
            assert response.status == 404


async def test_a_refused_request_is_tried_again_by_the_library(
    server: DiscordServer, bot: Bot
) -> None:
    server.will_refuse("POST /channels/*/messages", 429, retry_after=0.01, times=2)
    await server.post("mia", "general", "@Switchboard hello")
    await server.shows("You said: @Switchboard hello")
    posts = [c.status for c in server.calls if c.name == "POST /channels/{channel_id}/messages"]
    assert posts == [429, 429, 200]


async def test_a_ban_at_the_edge_is_an_error_at_once(server: DiscordServer, bot: Bot) -> None:
    server.will_refuse("POST /channels/*/messages", 429, via=False)
    channel = bot.get_partial_messageable(int(server.world.place("general").id))
    with pytest.raises(discord.HTTPException):
        await channel.send("hello", **QUIETLY)


async def test_a_dropped_reply_leaves_the_message_and_a_nonce_finds_it(
    server: DiscordServer, bot: Bot
) -> None:
    server.will_drop_reply("POST /channels/*/messages")
    channel = bot.get_partial_messageable(int(server.world.place("general").id))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await channel.send("once", nonce="n", **QUIETLY)
    again = await channel.send("once", nonce="n", **QUIETLY)
    assert [m.id for m in server.messages("general")] == [str(again.id)]


async def test_commands_are_registered_once_and_offered_in_the_menu(
    server: DiscordServer, bot: Bot
) -> None:
    assert server.registry.syncs == 1
    before = {c["name"]: c["id"] for c in server.registry.all(None)}
    await bot.tree.sync()
    assert {c["name"]: c["id"] for c in server.registry.all(None)} == before
    menu = {c["name"]: c for c in server.commands("mia", "general")}
    assert set(menu) == {"ask", "model", "Ask about this"}
    assert [o["name"] for o in menu["ask"]["options"]] == ["prompt", "image", "private"]


async def test_a_bot_that_is_away_answers_nobody() -> None:
    async with DiscordServer(limits=False, rules=Rules(ack_seconds=0.05)) as server:
        async with running(server, Bot()):
            pass
        asked = await server.slash("mia", "general", "ask", prompt="why")
        await server.when(lambda: asked.did_not_respond)
        with pytest.raises(DidNotRespond):
            await server.autocomplete("mia", "general", "model set", "model", "")
        with pytest.raises(AssertionError, match="never appeared"):
            await server.shows("Answer", timeout=0.01)
