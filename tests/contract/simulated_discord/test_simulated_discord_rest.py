"""The simulated Discord refuses over REST what Discord refuses, with its codes."""

import aiohttp
import pytest

from playground.discord import Bucket, DiscordServer, Rules
from playground.discord import permissions as bits
from tests.contract.simulated_discord.raw_discord import QUIET, Raw, raw_client


async def test_a_wrong_token_is_unauthorised(raw: Raw) -> None:
    reply = await raw.call("GET", "/users/@me", token="wrong")
    assert (reply.status, reply.body) == (401, {"message": "401: Unauthorized", "code": 0})


async def test_an_unknown_route_is_not_found_and_a_wrong_method_not_allowed(raw: Raw) -> None:
    assert (await raw.call("GET", "/nowhere")).status == 404
    assert (await raw.call("PUT", "/users/@me")).status == 405


async def test_the_content_type_is_exactly_json(raw: Raw) -> None:
    reply = await raw.call("GET", "/users/@me")
    assert reply.headers["Content-Type"] == "application/json"


async def test_a_body_that_is_no_json_is_refused(server: DiscordServer) -> None:
    place = server.world.place("general").id
    headers = {"Authorization": f"Bot {server.token}", "Content-Type": "application/json"}
    url = f"{server.api_url}/channels/{place}/messages"
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data="{", headers=headers) as response,
    ):
        assert (response.status, (await response.json())["code"]) == (400, 50109)


async def test_an_unknown_channel_message_member_and_guild_have_their_codes(
    server: DiscordServer, raw: Raw
) -> None:
    general = server.world.place("general").id
    assert (await raw.call("GET", "/channels/1")).code == 10003
    assert (await raw.call("GET", f"/channels/{general}/messages/1")).code == 10008
    assert (await raw.change("general", "1", "x")).code == 10008
    assert (await raw.call("DELETE", f"/channels/{general}/messages/1")).code == 10008
    assert (await raw.call("GET", f"/guilds/{server.guild_id}/members/1")).code == 10007
    assert (await raw.call("GET", "/guilds/1")).code == 10004
    assert (await raw.call("POST", "/users/@me/channels", {"recipient_id": "1"})).code == 10013


async def test_a_hidden_channel_is_missing_access(raw: Raw) -> None:
    reply = await raw.say("vault")
    assert (reply.status, reply.code) == (403, 50001)


async def test_writing_needs_the_permission_of_the_channel(raw: Raw) -> None:
    reply = await raw.say("announcements")
    assert (reply.status, reply.code) == (403, 50013)


async def test_writing_in_a_thread_needs_another_permission(
    server: DiscordServer, raw: Raw
) -> None:
    assert (await raw.say("hushed")).status == 200
    assert (await raw.say("whispers")).code == 50013
    await server.overwrite("general", "Switchboard", deny=bits.SEND_MESSAGES)
    assert (await raw.say("general")).code == 50013
    assert (await raw.say("launch")).status == 200


async def test_the_members_overwrite_beats_the_roles(server: DiscordServer, raw: Raw) -> None:
    await server.overwrite("announcements", "switchboard", allow=bits.SEND_MESSAGES)
    assert (await raw.say("announcements")).status == 200


async def test_files_need_a_permission(server: DiscordServer, raw: Raw) -> None:
    await server.overwrite("general", "everyone", deny=bits.ATTACH_FILES)
    path = f"/channels/{server.world.place('general').id}/messages"
    reply = await raw.call("POST", path, QUIET, files={"a.txt": b"a"})
    assert reply.code == 50013


async def test_an_empty_message_is_refused_when_posted_and_when_edited(raw: Raw) -> None:
    assert (await raw.say("general", "")).code == 50006
    assert (await raw.say("general", " \n ")).code == 50006
    posted = await raw.say("general", "something")
    assert (await raw.change("general", posted.body["id"], "")).code == 50006


async def test_a_forum_and_a_category_take_no_messages(raw: Raw) -> None:
    assert (await raw.say("ideas")).code == 50008
    assert (await raw.say("Work")).code == 50008


async def test_closed_direct_messages_refuse(server: DiscordServer, raw: Raw) -> None:
    dora = server.world.person("dora").id
    channel = await raw.call("POST", "/users/@me/channels", {"recipient_id": dora})
    path = f"/channels/{channel.body['id']}/messages"
    reply = await raw.call("POST", path, QUIET | {"content": "hello"})
    assert (reply.status, reply.code) == (403, 50007)


async def test_two_thousand_characters_pass_and_one_more_does_not(raw: Raw) -> None:
    assert (await raw.say("general", "x" * 2000)).status == 200
    reply = await raw.say("general", "x" * 2001)
    assert (reply.status, reply.code) == (400, 50035)
    assert reply.body["errors"]["content"]["_errors"][0]["code"] == "BASE_TYPE_MAX_LENGTH"


async def test_characters_beyond_the_basic_plane_count_twice(raw: Raw) -> None:
    assert (await raw.say("general", "😀" * 1000)).status == 200
    assert (await raw.say("general", "😀" * 1000 + "x")).code == 50035


async def test_an_edit_has_the_same_limit(raw: Raw) -> None:
    posted = await raw.say("general")
    assert (await raw.change("general", posted.body["id"], "x" * 2001)).code == 50035


async def test_a_long_nonce_is_refused(raw: Raw) -> None:
    assert (await raw.say("general", nonce="n" * 25)).status == 200
    reply = await raw.say("general", nonce="n" * 26)
    assert "nonce" in reply.body["errors"]


async def test_embeds_have_limits(raw: Raw) -> None:
    long = {"description": "x" * 4097}
    reply = await raw.say("general", embeds=[long])
    assert "description" in reply.body["errors"]["embeds"]["0"]
    assert (await raw.say("general", embeds=[{"description": "x" * 4000}] * 2)).code == 50035
    assert (await raw.say("general", embeds=[{"title": "x"}] * 11)).code == 50035


async def test_components_have_limits(raw: Raw) -> None:
    button = {"type": 2, "style": 1, "label": "Go", "custom_id": "go"}
    row = {"type": 1, "components": [button]}
    assert (await raw.say("general", components=[row])).status == 200
    assert (await raw.say("general", components=[row, row])).code == 50035  # one custom_id twice
    long = {"type": 1, "components": [button | {"custom_id": "x" * 101}]}
    assert (await raw.say("general", components=[long])).code == 50035
    assert (await raw.say("general", components=[button])).code == 50035


async def test_components_v2_forbid_content_and_cannot_be_left(
    server: DiscordServer, raw: Raw
) -> None:
    text = [{"type": 10, "content": "shown"}]
    assert (await raw.say("general", "x", components=text, flags=1 << 15)).code == 50035
    posted = await raw.say("general", "", components=text, flags=1 << 15)
    await raw.call(
        "PATCH",
        f"/channels/{posted.body['channel_id']}/messages/{posted.body['id']}",
        {"components": text, "flags": 0},
    )
    assert server.told(posted.body["id"]).flags & 1 << 15


async def test_a_reply_to_nothing_is_refused_unless_it_may_fail(raw: Raw) -> None:
    dead = {"message_id": 1, "channel_id": 1}
    reply = await raw.say("general", message_reference=dead)
    assert reply.body["errors"]["message_reference"]["_errors"][0]["code"] == (
        "REPLIES_UNKNOWN_MESSAGE"
    )
    kind = await raw.say("general", message_reference=dead | {"fail_if_not_exists": False})
    assert (kind.status, "message_reference" in kind.body) == (200, False)


async def test_a_line_of_discords_own_cannot_be_replied_to(server: DiscordServer, raw: Raw) -> None:
    joined = await server.system("general")
    reference = {"message_id": joined.id, "fail_if_not_exists": False}
    reply = await raw.say("general", message_reference=reference)
    assert reply.body["errors"]["message_reference"]["_errors"][0]["code"] == (
        "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE"
    )


@pytest.mark.parametrize(
    "allowed",
    [
        {"parse": ["users"], "users": ["1"]},
        {"parse": ["channels"]},
        {"parse": [], "users": [str(n) for n in range(101)]},
    ],
)
async def test_allowed_mentions_have_a_form(raw: Raw, allowed: dict[str, object]) -> None:
    reply = await raw.say("general", allowed_mentions=allowed)
    assert (reply.status, reply.code, list(reply.body["errors"])) == (
        400,
        50035,
        ["allowed_mentions"],
    )


async def test_a_deleted_channel_is_unknown_and_its_threads_with_it(
    server: DiscordServer, raw: Raw
) -> None:
    general, launch = server.world.place("general").id, server.world.place("launch").id
    posted = (await raw.say("general")).body["id"]
    await server.remove_channel("general")
    hello = QUIET | {"content": "hello"}
    for place in (general, launch):
        assert (await raw.call("POST", f"/channels/{place}/messages", hello)).code == 10003
    path = f"/channels/{general}/messages/{posted}"
    assert (await raw.call("PATCH", path, hello)).code == 10003


async def test_a_bot_that_was_thrown_out_has_no_access(server: DiscordServer, raw: Raw) -> None:
    await server.leave("switchboard")
    reply = await raw.say("general")
    assert (reply.status, reply.code) == (403, 50001)
    assert (await raw.call("GET", f"/guilds/{server.guild_id}")).code == 10004


async def test_a_reply_needs_the_right_to_read_history(server: DiscordServer, raw: Raw) -> None:
    question = await server.post("mia", "general", "hello")
    hidden = bits.READ_MESSAGE_HISTORY
    await server.overwrite("general", "Switchboard", deny=hidden)
    reference = {"message_id": question.id}
    assert (await raw.say("general", message_reference=reference)).code == 160002
    path = f"/channels/{question.channel_id}/messages"
    assert (await raw.call("GET", path)).body == []
    assert (await raw.call("GET", f"{path}/{question.id}")).code == 50001


async def test_another_persons_message_cannot_be_edited_or_deleted(
    server: DiscordServer, raw: Raw
) -> None:
    theirs = await server.post("mia", "general", "mine")
    assert (await raw.change("general", theirs.id, "yours")).code == 50005
    path = f"/channels/{theirs.channel_id}/messages/{theirs.id}"
    assert (await raw.call("DELETE", path)).code == 50013
    assert theirs.content == "mine"


async def test_a_locked_thread_takes_no_message_and_no_edit(
    server: DiscordServer, raw: Raw
) -> None:
    posted = await raw.say("launch")
    await server.archive("launch", locked=True)
    assert (await raw.say("launch")).code == 50083
    assert (await raw.change("launch", posted.body["id"], "new")).code == 50083


async def test_an_archived_thread_takes_an_edit_when_it_was_opened_again(
    server: DiscordServer, raw: Raw
) -> None:
    posted = await raw.say("launch")
    thread = server.world.place("launch").id
    await server.archive("launch")
    assert (await raw.change("launch", posted.body["id"], "new")).code == 50083
    assert (
        await raw.call("PATCH", f"/channels/{thread}", {"archived": False, "name": "x"})
    ).code == 50013
    assert (await raw.call("PATCH", f"/channels/{thread}", {"archived": False})).status == 200
    assert (await raw.change("launch", posted.body["id"], "new")).status == 200
    await server.archive("launch", locked=True)
    assert (await raw.call("PATCH", f"/channels/{thread}", {"archived": False})).code == 50013


async def test_a_message_opens_an_archived_thread_again(server: DiscordServer, raw: Raw) -> None:
    await server.archive("launch")
    assert (await raw.say("launch")).status == 200
    assert not server.world.place("launch").archived


async def test_slow_mode_makes_the_bot_wait(server: DiscordServer, raw: Raw) -> None:
    assert (await raw.say("slow")).status == 200
    reply = await raw.say("slow")
    assert (reply.status, reply.code) == (429, 20016)
    assert 0 < reply.body["retry_after"] <= 30
    server.clock.advance(31)
    assert (await raw.say("slow")).status == 200


async def test_a_second_thread_under_a_message_is_refused(server: DiscordServer, raw: Raw) -> None:
    root = await server.post("mia", "general", "hello")
    path = f"/channels/{root.channel_id}/messages/{root.id}/threads"
    first = await raw.call("POST", path, {"name": "one"})
    assert (first.status, first.body["id"]) == (201, root.id)
    assert (await raw.call("POST", path, {"name": "two"})).code == 160004
    assert (await raw.call("POST", path, {"name": "x" * 101})).code == 50035
    assert (await raw.call("POST", f"/channels/{root.id}/threads", {"name": "in"})).code == 50024


async def test_the_same_nonce_gives_the_earlier_message_for_some_minutes(
    server: DiscordServer, raw: Raw
) -> None:
    first = await raw.say("general", "once", nonce="n1", enforce_nonce=True)
    again = await raw.say("general", "once", nonce="n1", enforce_nonce=True)
    assert again.body["id"] == first.body["id"]
    unenforced = await raw.say("general", "once", nonce="n1")
    server.clock.advance(301)
    later = await raw.say("general", "once", nonce="n1", enforce_nonce=True)
    assert len({first.body["id"], unenforced.body["id"], later.body["id"]}) == 3


async def test_an_hour_old_message_has_few_edits(server: DiscordServer, raw: Raw) -> None:
    posted = await raw.say("general")
    server.clock.advance(3601)
    for _ in range(3):
        assert (await raw.change("general", posted.body["id"], "again")).status == 200
    reply = await raw.change("general", posted.body["id"], "once more")
    assert (reply.status, reply.code, "Via" in reply.headers) == (429, 30046, False)


async def test_a_file_over_the_limit_is_refused() -> None:
    async with (
        DiscordServer(limits=False, rules=Rules(attachment_bytes=10)) as server,
        raw_client(server) as raw,
    ):
        path = f"/channels/{server.world.place('general').id}/messages"
        fits = await raw.call("POST", path, QUIET, files={"a.txt": b"x" * 10})
        assert fits.body["attachments"][0]["size"] == 10
        reply = await raw.call("POST", path, QUIET, files={"a.txt": b"x" * 11})
        assert (reply.status, reply.code) == (413, 40005)


async def test_the_list_of_members_needs_an_intent_that_the_app_lacks(
    server: DiscordServer, raw: Raw
) -> None:
    assert (await raw.call("GET", f"/guilds/{server.guild_id}/members")).code == 50001
    mia = server.world.person("mia").id
    member = await raw.call("GET", f"/guilds/{server.guild_id}/members/{mia}")
    assert member.body["user"]["username"] == "mia"


async def test_rest_blanks_what_the_app_may_not_read(server: DiscordServer, raw: Raw) -> None:
    plain = await server.post("mia", "general", "a secret", files=[("a.txt", b"a")])
    named = await server.post("mia", "general", "@Switchboard hello")
    own = (await raw.say("general", "mine")).body
    listed = await raw.call("GET", f"/channels/{plain.channel_id}/messages?limit=3")
    by_id = {m["id"]: m for m in listed.body}
    assert (by_id[plain.id]["content"], by_id[plain.id]["attachments"]) == ("", [])
    assert by_id[named.id]["content"].endswith("hello")
    assert by_id[own["id"]]["content"] == "mine"


async def test_history_goes_by_before_after_and_limit(server: DiscordServer, raw: Raw) -> None:
    ids = [(await server.post("mia", "random", str(n))).id for n in range(5)]
    path = f"/channels/{server.world.place('random').id}/messages"

    async def listed(query: str) -> list[str]:
        return [m["id"] for m in (await raw.call("GET", f"{path}?{query}")).body]

    assert await listed("limit=2") == [ids[4], ids[3]]
    assert await listed(f"before={ids[2]}") == [ids[1], ids[0]]
    assert await listed(f"after={ids[1]}&limit=2") == [ids[3], ids[2]]
    assert (await raw.call("GET", f"{path}?limit=101")).code == 50035


async def test_a_reaction_needs_a_known_emoji_and_a_permission(
    server: DiscordServer, raw: Raw
) -> None:
    message = await server.post("mia", "general", "hello")
    path = f"/channels/{message.channel_id}/messages/{message.id}/reactions"
    assert (await raw.call("PUT", f"{path}/nothing/@me")).code == 10014
    assert (await raw.call("PUT", f"{path}/%F0%9F%91%80/@me")).status == 204
    assert list(message.reactions) == ["👀"]
    assert (await raw.call("DELETE", f"{path}/%F0%9F%91%80/@me")).status == 204
    await server.overwrite("general", "Switchboard", deny=bits.ADD_REACTIONS)
    assert (await raw.call("PUT", f"{path}/%F0%9F%91%80/@me")).code == 50013


async def test_bad_commands_are_refused_and_nothing_is_registered(
    server: DiscordServer, raw: Raw
) -> None:
    good = {"name": "ask", "description": "Ask"}
    shouting = await raw.register(good, {"name": "ASK", "description": "Ask"})
    assert "1" in shouting.body["errors"]
    assert (await raw.register({"name": "ask", "description": "x" * 101})).code == 50035
    option = {"name": "a", "description": "A", "type": 3}
    wrong_order = [option, {"name": "b", "description": "B", "type": 3, "required": True}]
    assert (await raw.register(good | {"options": wrong_order})).code == 50035
    many = [{"name": f"c{n}", "description": "C"} for n in range(101)]
    assert (await raw.register(*many)).code == 50035
    assert server.registry.all(None) == []
    elsewhere = await raw.call("PUT", "/applications/1/commands", [good])
    assert elsewhere.code == 50001


async def test_command_creations_per_day_are_limited() -> None:
    async with (
        DiscordServer(limits=False, rules=Rules(command_changes_per_day=2)) as server,
        raw_client(server) as raw,
    ):
        for name in ("one", "two"):
            assert (await raw.register({"name": name, "description": "x"})).status == 200
        assert (await raw.register({"name": "two", "description": "new"})).status == 200
        assert (await raw.register({"name": "three", "description": "x"})).code == 30034


async def test_six_posts_at_once_meet_the_channels_bucket() -> None:
    async with DiscordServer() as server, raw_client(server) as raw:
        replies = [await raw.say("general", str(n)) for n in range(6)]
        assert [r.status for r in replies] == [200] * 5 + [429]
        assert [r.headers["X-RateLimit-Remaining"] for r in replies] == [*"43210", "0"]
        refused = replies[-1]
        assert 0 < refused.body["retry_after"] <= 5
        assert refused.body["global"] is False
        assert int(refused.headers["Retry-After"]) >= refused.body["retry_after"]
        assert refused.headers["Via"]
        assert refused.headers["X-RateLimit-Bucket"] == replies[0].headers["X-RateLimit-Bucket"]
        assert (await raw.say("random")).status == 200  # another channel, another window
        own = replies[0].body["id"]
        edits = [await raw.change("general", own, str(n)) for n in range(6)]
        assert [r.status for r in edits] == [200] * 5 + [429]  # edits have a bucket of their own
        server.clock.advance(5)
        assert (await raw.say("general")).status == 200


async def test_the_whole_bot_has_a_global_limit() -> None:
    async with (
        DiscordServer(rules=Rules(global_requests=Bucket(2, 1.0))) as server,
        raw_client(server) as raw,
    ):
        for path in ("/users/@me", "/gateway"):
            assert (await raw.call("GET", path)).status == 200
        refused = await raw.call("GET", "/users/@me/guilds")
        assert (refused.status, refused.body["global"]) == (429, True)
        assert refused.headers["X-RateLimit-Global"] == "true"


async def test_too_many_invalid_requests_ban_the_address() -> None:
    rules = Rules(invalid_requests=Bucket(2, 600.0))
    async with DiscordServer(rules=rules) as server, raw_client(server) as raw:
        for _ in range(2):
            await raw.call("GET", "/users/@me", token="wrong")
        banned = await raw.call("GET", "/users/@me")
        assert (banned.status, "Via" in banned.headers) == (429, False)
