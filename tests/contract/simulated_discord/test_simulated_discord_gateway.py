"""The simulated gateway: who may connect, what each session is told, and how it ends."""

import zlib
from typing import Any

import aiohttp
import pytest
import zstandard

from playground.discord import Bucket, DiscordServer, Rules
from tests.contract.simulated_discord.raw_discord import DEFAULT_INTENTS, dialled, raw_client

CONTENT = 1 << 15
MEMBERS = 1 << 1


async def closed_after(server: DiscordServer, op: int, data: Any) -> int | None:
    async with dialled(server) as gateway:
        await gateway.send(op, data)
        return await gateway.close_code()


async def test_a_bad_token_closes_with_4004(server: DiscordServer) -> None:
    wrong = {"token": "wrong", "intents": DEFAULT_INTENTS}
    assert await closed_after(server, 2, wrong) == 4004
    assert await closed_after(server, 6, wrong | {"session_id": "x", "seq": 0}) == 4004


@pytest.mark.parametrize("intent", [CONTENT, MEMBERS, 1 << 8])
async def test_a_privileged_intent_that_is_off_closes_with_4014(
    server: DiscordServer, intent: int
) -> None:
    asked = {"token": server.token, "intents": DEFAULT_INTENTS | intent}
    assert await closed_after(server, 2, asked) == 4014
    assert server.gateway.identifies == 0


async def test_unknown_intents_close_with_4013(server: DiscordServer) -> None:
    assert await closed_after(server, 2, {"token": server.token, "intents": 1 << 30}) == 4013
    assert await closed_after(server, 2, {"token": server.token}) == 4013


async def test_an_unknown_op_closes_with_4001(server: DiscordServer) -> None:
    assert await closed_after(server, 99, {}) == 4001


async def test_anything_before_identify_closes_with_4003(server: DiscordServer) -> None:
    assert await closed_after(server, 3, {}) == 4003


async def test_a_second_identify_closes_with_4005(server: DiscordServer) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server)
        await gateway.send(2, {"token": server.token, "intents": DEFAULT_INTENTS})
        assert await gateway.close_code() == 4005


async def test_a_frame_that_is_no_json_or_too_large_closes_with_4002(
    server: DiscordServer,
) -> None:
    for frame in ("{", '{"op": 1, "d": "%s"}' % ("x" * 4096), "[]"):
        async with dialled(server) as gateway:
            await gateway.ws.send_str(frame)
            assert await gateway.close_code() == 4002


async def test_an_old_version_closes_with_4012(server: DiscordServer) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{server.gateway_url}?v=6") as ws,
    ):
        await ws.receive()
        assert ws.close_code == 4012


async def test_a_client_without_heartbeats_is_disconnected() -> None:
    async with (
        DiscordServer(rules=Rules(heartbeat_seconds=0.05)) as server,
        dialled(server) as gateway,
    ):
        await gateway.identify(server)
        await gateway.send(1, gateway.sequence)
        assert (await gateway.receive())["op"] == 11
        assert await gateway.close_code() == 4009


async def test_too_many_sends_close_with_4008() -> None:
    async with (
        DiscordServer(rules=Rules(gateway_sends=Bucket(2, 60.0))) as server,
        dialled(server) as gateway,
    ):
        for _ in range(3):
            await gateway.send(1, None)
        assert await gateway.close_code() == 4008


async def test_a_second_identify_within_five_seconds_is_an_invalid_session() -> None:
    async with DiscordServer() as server:
        async with dialled(server) as first:
            await first.identify(server)
        async with dialled(server) as second:
            await second.send(2, {"token": server.token, "intents": DEFAULT_INTENTS})
            payload = await second.receive()
            assert (payload["op"], payload["d"]) == (9, False)
            server.clock.advance(5)
            await second.identify(server)


async def test_one_identify_too_many_in_a_day_costs_the_token() -> None:
    rules = Rules(identifies_per_day=2, identify_spacing_seconds=0)
    async with DiscordServer(rules=rules) as server, raw_client(server) as raw:
        old = server.token
        for _ in range(2):
            async with dialled(server) as gateway:
                await gateway.identify(server)
        assert await closed_after(server, 2, {"token": old, "intents": DEFAULT_INTENTS}) == 4004
        assert (await raw.call("GET", "/users/@me", token=old)).status == 401
        assert (await raw.call("GET", "/users/@me")).status == 200


@pytest.mark.parametrize("compress", ["zlib-stream", "zstd-stream"])
async def test_frames_come_compressed_as_the_client_asks(
    server: DiscordServer, compress: str
) -> None:
    unpack: Any = (
        zlib.decompressobj()
        if compress == "zlib-stream"
        else zstandard.ZstdDecompressor().decompressobj()
    )
    url = f"{server.gateway_url}?v=10&encoding=json&compress={compress}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as ws:
        assert b'"op": 10' in unpack.decompress(await ws.receive_bytes())
        await ws.send_json({"op": 2, "d": {"token": server.token, "intents": 1}})
        assert b'"READY"' in unpack.decompress(await ws.receive_bytes())
        assert b'"GUILD_CREATE"' in unpack.decompress(await ws.receive_bytes())


async def test_an_unknown_compression_closes_with_4002(server: DiscordServer) -> None:
    url = f"{server.gateway_url}?v=10&compress=brotli"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as ws:
        await ws.receive()
        assert ws.close_code == 4002


async def test_a_resume_replays_what_was_missed_and_nothing_else(server: DiscordServer) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server)
        await server.post("mia", "general", "heard")
        await gateway.event("MESSAGE_CREATE")
        seen = gateway.sequence
        await gateway.ws.close(code=4000)
    await server.when(lambda: not server.gateway.connected)
    missed = await server.post("mia", "general", "missed")
    async with dialled(server) as again:
        session = {"session_id": gateway.session_id, "seq": seen}
        await again.send(6, {"token": server.token} | session)
        assert (await again.event("MESSAGE_CREATE"))["id"] == missed.id
        assert (await again.receive())["t"] == "RESUMED"
        assert server.gateway.resumes == 1


async def test_a_session_that_was_given_up_cannot_be_resumed(server: DiscordServer) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server)
        await gateway.ws.close(code=1000)
    await server.when(lambda: not server.gateway.connected)
    async with dialled(server) as again:
        data = {"token": server.token, "session_id": gateway.session_id, "seq": 1}
        await again.send(6, data)
        payload = await again.receive()
        assert (payload["op"], payload["d"]) == (9, False)


async def test_a_session_that_is_too_old_cannot_be_resumed(server: DiscordServer) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server)
        await gateway.ws.close(code=4000)
    await server.when(lambda: not server.gateway.connected)
    server.clock.advance(181)
    async with dialled(server) as again:
        await again.send(6, {"token": server.token, "session_id": gateway.session_id, "seq": 1})
        assert (await again.receive())["op"] == 9


async def test_a_session_that_missed_more_than_is_kept_cannot_be_resumed() -> None:
    async with DiscordServer(limits=False, rules=Rules(replay_events=3)) as server:
        async with dialled(server) as gateway:
            await gateway.identify(server)
            await gateway.ws.close(code=4000)
        await server.when(lambda: not server.gateway.connected)
        data = {"token": server.token, "session_id": gateway.session_id, "seq": gateway.sequence}
        for _ in range(3):
            await server.post("mia", "general", "@Switchboard hello")
        async with dialled(server) as in_time:
            await in_time.send(6, data)
            assert [(await in_time.receive())["t"] for _ in range(4)][-1] == "RESUMED"
            await in_time.ws.close(code=4000)
        await server.post("mia", "general", "@Switchboard one too many")
        async with dialled(server) as late:
            await late.send(6, data)
            assert (await late.receive())["op"] == 9


async def test_a_sequence_from_the_future_closes_with_4007(server: DiscordServer) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server)
        data = {"token": server.token, "session_id": gateway.session_id, "seq": 999}
        assert await closed_after(server, 6, data) == 4007


async def test_events_come_only_for_the_intents_asked_for(server: DiscordServer) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server, intents=1 << 12)  # direct messages alone
        await server.post("mia", "general", "unheard")
        heard = await server.post("mia", "dm", "heard")
        assert (await gateway.receive())["d"]["id"] == heard.id


async def test_a_channel_that_the_bot_cannot_see_is_silent(server: DiscordServer) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server)
        await server.post("mara", "vault", "@Switchboard psst")
        heard = await server.post("mara", "general", "hello")
        assert (await gateway.receive())["d"]["id"] == heard.id
        guild = server.payloads.guild_create(server.world.guilds[server.guild_id])
        names = {c["name"] for c in guild["channels"]}
        assert "general" in names
        assert "vault" not in names


async def test_without_the_intent_messages_come_blank_unless_they_concern_the_bot(
    server: DiscordServer,
) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server)
        await server.post("mia", "general", "a secret", files=[("a.txt", b"a")])
        blank = await gateway.event("MESSAGE_CREATE")
        assert [blank[key] for key in ("content", "attachments", "embeds", "components")] == [
            "",
            [],
            [],
            [],
        ]
        for channel, text in (("general", "@Switchboard hello"), ("dm", "hello")):
            await server.post("mia", channel, text)
            assert (await gateway.event("MESSAGE_CREATE"))["content"].endswith("hello")


async def test_a_reply_is_readable_only_when_it_pings(server: DiscordServer) -> None:
    async with dialled(server) as gateway, raw_client(server) as raw:
        await gateway.identify(server)
        own = (await raw.say("general", "mine")).body["id"]
        assert (await gateway.event("MESSAGE_CREATE"))["content"] == "mine"
        await server.post("mia", "general", "and?", reply_to=own, ping=False)
        quiet = await gateway.event("MESSAGE_CREATE")
        assert (quiet["content"], quiet["mentions"]) == ("", [])
        await server.post("mia", "general", "and?", reply_to=own)
        loud = await gateway.event("MESSAGE_CREATE")
        assert loud["content"] == "and?"
        assert [m["id"] for m in loud["mentions"]] == [server.application_id]


async def test_a_quoted_message_and_a_forward_are_blank_too(server: DiscordServer) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server)
        secret = await server.post("mia", "general", "a secret")
        await gateway.event("MESSAGE_CREATE")
        await server.post("noah", "general", "@Switchboard this", reply_to=secret)
        reply = await gateway.event("MESSAGE_CREATE")
        assert (reply["content"][-4:], reply["referenced_message"]["content"]) == ("this", "")
        await server.forward("noah", secret, "random")
        forward = await gateway.event("MESSAGE_CREATE")
        assert forward["message_snapshots"][0]["message"]["content"] == ""
        await server.forward("noah", secret, "dm")
        direct = await gateway.event("MESSAGE_CREATE")
        assert direct["message_snapshots"][0]["message"]["content"] == "a secret"


async def test_with_the_intent_everything_is_readable() -> None:
    async with DiscordServer(message_content_allowed=True) as server, dialled(server) as gateway:
        await gateway.identify(server, intents=DEFAULT_INTENTS | CONTENT)
        await server.post("mia", "general", "no secret")
        assert (await gateway.event("MESSAGE_CREATE"))["content"] == "no secret"


async def test_the_role_of_the_bot_is_no_mention_of_the_bot(server: DiscordServer) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server)
        await server.post("mia", "general", "@&Switchboard hello")
        event = await gateway.event("MESSAGE_CREATE")
        assert (event["content"], event["mentions"], len(event["mention_roles"])) == ("", [], 1)


async def test_a_thread_that_was_not_announced_is_in_no_event(server: DiscordServer) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server)
        guild = server.payloads.guild_create(server.world.guilds[server.guild_id])
        names = {t["name"] for t in guild["threads"]}
        assert "launch" in names
        assert not names & {"backroom", "closed"}
        thread = await server.open_thread("mia", "general", "hidden", announced=False)
        message = await server.post("mia", thread.id, "@Switchboard hello")
        assert (await gateway.receive())["d"]["id"] == message.id


async def test_every_session_of_a_token_hears_everything(server: DiscordServer) -> None:
    async with dialled(server) as one, dialled(server) as two:
        await one.identify(server)
        await two.identify(server)
        message = await server.post("mia", "general", "@Switchboard hello")
        for gateway in (one, two):
            assert (await gateway.event("MESSAGE_CREATE"))["id"] == message.id


async def test_changes_around_the_people_are_events(server: DiscordServer) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server, intents=DEFAULT_INTENTS | 1 << 11)
        channel = await server.add_channel("new", category="Work")
        assert (await gateway.event("CHANNEL_CREATE"))["id"] == channel.id
        await server.move_channel("new", "Play")
        assert (await gateway.event("CHANNEL_UPDATE"))["parent_id"] != channel.id
        await server.start_typing("mia", "new")
        assert (await gateway.event("TYPING_START"))["channel_id"] == channel.id
        await server.remove_channel("new")
        assert (await gateway.event("CHANNEL_DELETE"))["id"] == channel.id
        message = await server.post("mia", "general", "hello")
        thread = await server.open_thread("mia", "general", "talk", message=message)
        assert (await gateway.event("THREAD_CREATE"))["id"] == message.id
        assert (await gateway.event("MESSAGE_UPDATE"))["thread"]["name"] == "talk"
        assert (await gateway.event("MESSAGE_CREATE"))["type"] == 21
        await server.archive(thread.id)
        assert (await gateway.event("THREAD_UPDATE"))["thread_metadata"]["archived"] is True
        await server.react("mia", message, "👀")
        assert (await gateway.event("MESSAGE_REACTION_ADD"))["emoji"]["name"] == "👀"
        await server.delete(message)
        assert (await gateway.event("MESSAGE_DELETE"))["id"] == message.id
        guild = await server.add_guild("Annex")
        assert (await gateway.event("GUILD_CREATE"))["id"] == guild.id
        await server.leave("switchboard", guild="Annex")
        assert (await gateway.event("GUILD_DELETE"))["id"] == guild.id
        await server.set_roles("switchboard", "Switchboard", "Stewards")
        assert len((await gateway.event("GUILD_MEMBER_UPDATE"))["roles"]) == 2


async def test_members_are_found_by_id_only(server: DiscordServer) -> None:
    mia = server.world.person("mia").id
    async with dialled(server) as gateway:
        await gateway.identify(server)
        await gateway.send(8, {"guild_id": server.guild_id, "user_ids": [mia, "1"], "nonce": "n"})
        chunk = await gateway.event("GUILD_MEMBERS_CHUNK")
        assert [m["user"]["id"] for m in chunk["members"]] == [mia]
        assert (chunk["not_found"], chunk["nonce"]) == (["1"], "n")


async def test_refused_dials_get_an_http_error(server: DiscordServer) -> None:
    server.gateway.refuse_dials(1)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{server.gateway_url}?v=10")
    async with dialled(server) as gateway:
        await gateway.identify(server)


async def test_a_dropped_connection_has_no_closing_frame(server: DiscordServer) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server)
        server.gateway.drop()
        assert await gateway.close_code() == 1006
        await server.when(lambda: not server.gateway.connected)
        assert len(server.gateway.sessions) == 1  # it can be resumed
