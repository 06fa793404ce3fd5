"""Commands, forms, buttons and tokens: what a person may ask and when the app may answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from playground.discord import ClientRefusal, DidNotRespond, DiscordServer, Rules, State
from playground.discord import permissions as bits
from tests.contract.simulated_discord.raw_discord import (
    ABOUT,
    ASK,
    QUIET,
    SETTINGS,
    Raw,
    dialled,
    raw_client,
)

MESSAGE, DEFER, UPDATE, CHOICES, MODAL = 4, 5, 7, 8, 9
FORM = {
    "title": "Ask",
    "custom_id": "form",
    "components": [
        {
            "type": 1,
            "components": [
                {
                    "type": 4,
                    "custom_id": "question",
                    "style": 2,
                    "label": "Question",
                    "value": "Explain this",
                    "max_length": 20,
                }
            ],
        }
    ],
}


@pytest.fixture
async def raw(server: DiscordServer) -> AsyncIterator[Raw]:
    async with raw_client(server) as raw:
        reply = await raw.register(ASK, SETTINGS, ABOUT)
        assert reply.status == 200
        yield raw


async def test_an_answer_after_three_seconds_is_unknown(server: DiscordServer, raw: Raw) -> None:
    asked = await server.slash("mia", "general", "ask", prompt="why")
    server.clock.advance(3.1)
    reply = await raw.respond(asked, MESSAGE, QUIET | {"content": "late"})
    assert (reply.status, reply.code) == (404, 10062)
    assert server.by_bot() == []


async def test_the_person_sees_that_the_application_did_not_respond() -> None:
    async with DiscordServer(rules=Rules(ack_seconds=0.05)) as server, raw_client(server) as raw:
        await raw.register(ASK)
        asked = await server.slash("mia", "general", "ask", prompt="why")
        await server.when(lambda: asked.did_not_respond)
        assert (await raw.respond(asked, DEFER)).code == 10062
        assert (await raw.hook(asked, "POST", body=QUIET | {"content": "x"})).code == 10015


async def test_a_wrong_token_or_id_is_an_unknown_interaction(
    server: DiscordServer, raw: Raw
) -> None:
    asked = await server.slash("mia", "general", "ask", prompt="why")
    path = f"/interactions/{asked.id}/wrong/callback"
    assert (await raw.call("POST", path, {"type": DEFER})).code == 10062
    path = f"/interactions/1/{asked.token}/callback"
    assert (await raw.call("POST", path, {"type": DEFER})).code == 10062


async def test_a_second_first_response_is_already_acknowledged(
    server: DiscordServer, raw: Raw
) -> None:
    asked = await server.slash("mia", "general", "ask", prompt="why")
    assert (await raw.respond(asked, DEFER)).status == 204
    reply = await raw.respond(asked, MESSAGE, QUIET | {"content": "again"})
    assert (reply.status, reply.code) == (400, 40060)


async def test_the_original_exists_only_after_the_first_response(
    server: DiscordServer, raw: Raw
) -> None:
    asked = await server.slash("mia", "general", "ask", prompt="why")
    edit = QUIET | {"content": "early"}
    assert (await raw.hook(asked, "PATCH", "/messages/@original", edit)).code == 10015
    assert (await raw.hook(asked, "POST", body=edit)).code == 10015
    await raw.respond(asked, DEFER)
    assert asked.state is State.DEFERRED
    assert (await raw.hook(asked, "PATCH", "/messages/@original", edit)).status == 200
    assert asked.state is State.ANSWERED
    read = await raw.hook(asked, "GET", "/messages/@original")
    assert (read.body["content"], read.body["flags"]) == ("early", 4)
    assert (await raw.hook(asked, "DELETE", "/messages/@original")).status == 204
    assert (await raw.hook(asked, "GET", "/messages/@original")).code == 10008


async def test_a_token_lives_for_fifteen_minutes(server: DiscordServer, raw: Raw) -> None:
    asked = await server.slash("mia", "general", "ask", prompt="why")
    await raw.respond(asked, DEFER)
    server.clock.advance(899)
    edit = QUIET | {"content": "in time"}
    assert (await raw.hook(asked, "PATCH", "/messages/@original", edit)).status == 200
    server.clock.advance(2)
    reply = await raw.hook(asked, "PATCH", "/messages/@original", edit)
    assert (reply.status, reply.code) == (401, 50027)


async def test_nothing_can_be_answered_in_a_channel_that_was_deleted(
    server: DiscordServer, raw: Raw
) -> None:
    waiting = await server.slash("mia", "general", "ask", prompt="why")
    deferred = await server.slash("mia", "general", "ask", prompt="why")
    await raw.respond(deferred, DEFER)
    await server.remove_channel("general")
    assert (await raw.respond(waiting, DEFER)).code == 10003
    edit = QUIET | {"content": "too late"}
    assert (await raw.hook(deferred, "PATCH", "/messages/@original", edit)).code == 10003
    assert (await raw.hook(deferred, "POST", "", edit)).code == 10003


async def test_an_unknown_token_is_an_unknown_webhook(server: DiscordServer, raw: Raw) -> None:
    path = f"/webhooks/{server.application_id}/nothing"
    assert (await raw.call("POST", path, QUIET | {"content": "x"})).code == 10015


async def test_the_defer_decides_who_sees_the_answer(server: DiscordServer, raw: Raw) -> None:
    secret = await server.slash("mia", "general", "ask", prompt="why")
    await raw.respond(secret, DEFER, {"flags": 64})
    edit = {"content": "for mia", "flags": 4}
    await raw.hook(secret, "PATCH", "/messages/@original", edit)
    assert [m.content for m in server.private("mia")] == ["for mia"]
    assert server.private("noah") == server.messages("general") == []
    public = await server.slash("mia", "general", "ask", prompt="why")
    await raw.respond(public, DEFER)
    await raw.hook(public, "PATCH", "/messages/@original", {"content": "for all", "flags": 64})
    assert [m.content for m in server.messages("general")] == ["for all"]
    ephemeral_id = server.private("mia")[0].id
    path = f"/channels/{secret.channel_id}/messages/{ephemeral_id}"
    assert (await raw.call("GET", path)).code == 10008  # the bot's token does not reach it


async def test_a_private_answer_is_told_to_the_bot_as_a_direct_message(
    server: DiscordServer, raw: Raw
) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server)
        asked = await server.slash("mia", "general", "ask", prompt="why")
        await raw.respond(asked, MESSAGE, {"content": "psst", "flags": 64 | 4})
        event = await gateway.event("MESSAGE_CREATE")
        assert "guild_id" not in event
        assert "member" not in event


async def test_the_first_follow_up_fills_the_thinking_message(
    server: DiscordServer, raw: Raw
) -> None:
    asked = await server.slash("mia", "general", "ask", prompt="why")
    await raw.respond(asked, DEFER)
    await raw.hook(asked, "POST", body=QUIET | {"content": "one"})
    second = await raw.hook(asked, "POST", body=QUIET | {"content": "two"})
    assert [m.content for m in server.messages("general")] == ["one", "two"]
    tail = f"/messages/{second.body['id']}"
    edited = await raw.hook(asked, "PATCH", tail, QUIET | {"content": "three"})
    assert edited.body["content"] == "three"
    foreign = await server.post("mia", "general", "mine")
    assert (await raw.hook(asked, "PATCH", f"/messages/{foreign.id}", {"content": "x"})).code == (
        10008
    )


async def test_answers_have_the_same_form_as_messages(server: DiscordServer, raw: Raw) -> None:
    asked = await server.slash("mia", "general", "ask", prompt="why")
    long = {"content": "x" * 2001}
    assert (await raw.respond(asked, MESSAGE, long)).code == 50035
    assert (await raw.respond(asked, MESSAGE, {"content": ""})).code == 50006
    await raw.respond(asked, DEFER)
    assert (await raw.hook(asked, "PATCH", "/messages/@original", long)).code == 50035
    assert (await raw.hook(asked, "PATCH", "/messages/@original", {"content": ""})).code == 50006
    assert (await raw.hook(asked, "POST", body={"content": ""})).code == 50006
    assert asked.state is State.DEFERRED


async def test_each_sort_of_interaction_takes_its_own_sorts_of_response(
    server: DiscordServer, raw: Raw
) -> None:
    asked = await server.slash("mia", "general", "ask", prompt="why")
    for kind in (6, UPDATE, CHOICES, 99):
        assert (await raw.respond(asked, kind)).code == 50035
    await raw.respond(asked, MODAL, FORM)
    submitted = await server.submit_modal("mia", asked)
    assert (await raw.respond(submitted, MODAL, FORM)).code == 50035


async def test_with_response_the_callback_tells_of_the_message(
    server: DiscordServer, raw: Raw
) -> None:
    asked = await server.slash("mia", "general", "ask", prompt="why")
    reply = await raw.respond(asked, DEFER, {"flags": 64}, with_response="1")
    about = reply.body["interaction"]
    assert (about["response_message_loading"], about["response_message_ephemeral"]) == (True, True)
    assert reply.body["resource"]["message"]["id"] == asked.original_id


async def test_the_webhook_routes_of_a_token_share_a_bucket() -> None:
    async with DiscordServer() as server, raw_client(server) as raw:
        await raw.register(ASK)
        asked = await server.slash("mia", "general", "ask", prompt="why")
        await raw.respond(asked, DEFER)
        edit = QUIET | {"content": "x"}
        tail = "/messages/@original"
        statuses = [(await raw.hook(asked, "PATCH", tail, edit)).status for _ in range(5)]
        refused = await raw.hook(asked, "GET", tail)
        assert (statuses, refused.status) == ([200] * 5, 429)
        assert (await raw.say("general")).status == 200


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"prompt": 3},
        {"prompt": "x" * 6001},
        {"prompt": "x", "times": 4},
        {"prompt": "x", "times": "two"},
        {"prompt": "x", "tone": "rude"},
        {"prompt": "x", "colour": "red"},
    ],
)
async def test_options_that_do_not_fit_the_command_never_leave_the_client(
    server: DiscordServer, raw: Raw, options: dict[str, Any]
) -> None:
    with pytest.raises(ClientRefusal):
        await server.slash("mia", "general", "ask", **options)
    assert server.interactions.by_id == {}


async def test_unknown_commands_and_subcommands_never_leave_the_client(
    server: DiscordServer, raw: Raw
) -> None:
    for path in ("nothing", "ask more", "model", "model nothing"):
        with pytest.raises(ClientRefusal):
            await server.slash("olivia", "general", path)


async def test_a_command_is_offered_only_to_those_who_have_its_permissions(
    server: DiscordServer, raw: Raw
) -> None:
    with pytest.raises(ClientRefusal):
        await server.slash("mia", "general", "model show")
    assert (await server.slash("mara", "general", "model show")).name == "model show"
    assert (await server.slash("adam", "general", "model show")).name == "model show"
    server.open_command("model")
    assert (await server.slash("mia", "general", "model show")).name == "model show"


async def test_a_guild_command_cannot_be_used_in_direct_messages(
    server: DiscordServer, raw: Raw
) -> None:
    with pytest.raises(ClientRefusal):
        await server.slash("mara", "dm", "model show")
    assert (await server.slash("mia", "dm", "ask", prompt="why")).guild_id is None


async def test_a_channel_may_forbid_commands(server: DiscordServer, raw: Raw) -> None:
    await server.overwrite("general", "everyone", deny=bits.USE_APPLICATION_COMMANDS)
    with pytest.raises(ClientRefusal):
        await server.slash("mia", "general", "ask", prompt="why")


async def test_a_hidden_channel_takes_no_command_and_no_message(
    server: DiscordServer, raw: Raw
) -> None:
    with pytest.raises(ClientRefusal):
        await server.slash("mia", "vault", "ask", prompt="why")
    with pytest.raises(ClientRefusal):
        await server.post("mia", "vault", "hello")


async def test_an_image_option_arrives_resolved(server: DiscordServer, raw: Raw) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server)
        png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03"
        await server.slash("mia", "general", "ask", prompt="what", image=("a b.png", png))
        event = await gateway.event("INTERACTION_CREATE")
        (attachment,) = event["data"]["resolved"]["attachments"].values()
        assert (attachment["filename"], attachment["content_type"]) == ("a_b.png", "image/png")
        assert (attachment["width"], attachment["height"], attachment["ephemeral"]) == (2, 3, True)
        assert event["member"]["user"]["username"] == "mia"
        assert int(event["member"]["permissions"]) & bits.SEND_MESSAGES
        assert int(event["app_permissions"]) & bits.ATTACH_FILES


async def test_a_message_command_brings_the_whole_message(server: DiscordServer, raw: Raw) -> None:
    unread = await server.post("noah", "general", "unread by the bot")
    async with dialled(server) as gateway:
        await gateway.identify(server)
        await server.message_command("mia", "general", unread, "Ask about this")
        data = (await gateway.event("INTERACTION_CREATE"))["data"]
        assert data["resolved"]["messages"][data["target_id"]]["content"] == "unread by the bot"
    with pytest.raises(ClientRefusal):
        await server.message_command("mia", "general", unread, "Something else")


async def test_a_form_goes_back_with_what_was_typed(server: DiscordServer, raw: Raw) -> None:
    asked = await server.slash("mia", "general", "ask", prompt="why")
    assert (await raw.respond(asked, MODAL, FORM | {"title": "x" * 46})).code == 50035
    await raw.respond(asked, MODAL, FORM)
    assert asked.state is State.MODAL
    with pytest.raises(ClientRefusal):
        await server.submit_modal("noah", asked)
    with pytest.raises(ClientRefusal):
        await server.submit_modal("mia", asked, question="x" * 21)
    with pytest.raises(ClientRefusal):
        await server.submit_modal("mia", asked, nothing="x")
    submitted = await server.submit_modal("mia", asked)
    field = submitted.data["components"][0]["components"][0]
    assert field == {"type": 4, "custom_id": "question", "value": "Explain this"}
    with pytest.raises(ClientRefusal):
        await server.submit_modal("mia", asked)


async def test_a_button_is_pressed_and_its_message_updated(server: DiscordServer, raw: Raw) -> None:
    button = {"type": 2, "style": 1, "label": "Go", "custom_id": "go"}
    off = {"type": 2, "style": 1, "label": "No", "custom_id": "no", "disabled": True}
    posted = await raw.say("general", components=[{"type": 1, "components": [button, off]}])
    pressed = await server.press("noah", posted.body["id"], "go")
    reply = await raw.respond(pressed, UPDATE, QUIET | {"content": "gone", "components": []})
    assert reply.status == 204
    assert [m.content for m in server.messages("general")] == ["gone"]
    for custom_id in ("go", "no"):
        with pytest.raises(ClientRefusal):
            await server.press("noah", posted.body["id"], custom_id)


async def test_only_a_command_is_shown_to_have_been_used(server: DiscordServer, raw: Raw) -> None:
    """The page wrote of a pressed button "used /stop:…", with what only machines read."""
    button = {"type": 2, "style": 1, "label": "Go", "custom_id": "go"}
    posted = await raw.say("general", components=[{"type": 1, "components": [button]}])
    pressed = await server.press("noah", posted.body["id"], "go")
    asked = await server.slash("mia", "general", "ask", prompt="why")
    for interaction in (pressed, asked):
        await raw.respond(interaction, MESSAGE, QUIET | {"content": "done"})
    causes = [server.views.message(m)["cause"] for m in server.messages("general")]
    assert [cause and cause["command"] for cause in causes] == [None, None, "ask"]


async def test_somebody_elses_private_message_cannot_be_used(
    server: DiscordServer, raw: Raw
) -> None:
    button = {"type": 2, "style": 1, "label": "Go", "custom_id": "go"}
    asked = await server.slash("mia", "general", "ask", prompt="why")
    row = {"type": 1, "components": [button]}
    await raw.respond(asked, MESSAGE, {"content": "x", "flags": 68, "components": [row]})
    with pytest.raises(ClientRefusal):
        await server.press("noah", asked.original_id or "", "go")
    assert (await server.press("mia", asked.original_id or "", "go")).name == "go"


async def test_choices_have_limits_and_come_back_in_time(server: DiscordServer, raw: Raw) -> None:
    async with dialled(server) as gateway:
        await gateway.identify(server)
        offer = server.autocomplete("mia", "general", "ask", "model", "gp", prompt="why")
        waiting = asyncio.create_task(offer)
        event = await gateway.event("INTERACTION_CREATE")
        focused = next(o for o in event["data"]["options"] if o.get("focused"))
        assert (focused["name"], focused["value"]) == ("model", "gp")
        asked = server.interaction(event["id"])
        choice = {"name": "GPT-4o", "value": "gpt-4o"}
        assert (await raw.respond(asked, MESSAGE, {"content": "x"})).code == 50035
        assert (await raw.respond(asked, CHOICES, {"choices": [choice] * 26})).code == 50035
        long = choice | {"name": "x" * 101}
        assert (await raw.respond(asked, CHOICES, {"choices": [long]})).code == 50035
        assert (await raw.respond(asked, CHOICES, {"choices": [choice]})).status == 204
        assert await waiting == [choice]


async def test_late_choices_are_no_choices() -> None:
    async with DiscordServer(rules=Rules(ack_seconds=0.05)) as server, raw_client(server) as raw:
        await raw.register(ASK)
        with pytest.raises(DidNotRespond):
            await server.autocomplete("mia", "general", "ask", "model", "gp")
