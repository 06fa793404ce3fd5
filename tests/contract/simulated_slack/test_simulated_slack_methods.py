"""The simulated Slack refuses calls of the Web API that Slack refuses."""

from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import SCOPES, SlackServer

GENERAL = "C0GENERAL1"
QUIET = "C0QUIET001"  # public, the bot is not in it
SECRET = "C0SECRET01"  # private, the bot is not in it
OLD_NEWS = "C0OLDNEWS1"  # archived


async def refused(call: Awaitable[object]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def complaint(call: Awaitable[object]) -> str:
    """What stands beside the error code."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["response_metadata"]["messages"])


def post(client: AsyncWebClient, **more: object) -> Awaitable[Any]:
    return client.api_call(
        "chat.postMessage",
        json={"channel": GENERAL, "unfurl_links": False, "unfurl_media": False, **more},
    )


# Methods, tokens, scopes


async def test_a_method_that_does_not_exist_is_unknown(client: AsyncWebClient) -> None:
    assert await refused(client.api_call("chat.sing")) == "unknown_method"


async def test_a_workspace_may_know_only_some_methods(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    slack.only()
    assert (await client.auth_test())["ok"]
    question = await slack.post("mia", "general", "hello")
    call = client.reactions_add(channel=GENERAL, name="eyes", timestamp=question.ts)
    assert await refused(call) == "unknown_method"
    slack.only("users.info")
    assert await refused(client.auth_test()) == "unknown_method"


@pytest.mark.parametrize(
    ("token", "error"), [("xoxb-somebody-else", "invalid_auth"), ("", "not_authed")]
)
async def test_a_wrong_token_is_refused(
    slack: SlackServer, client: AsyncWebClient, token: str, error: str
) -> None:
    client.token = token
    assert await refused(client.auth_test()) == error


async def test_each_token_is_good_for_its_own_methods_only(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    call = client.apps_connections_open(app_token=slack.bot_token)
    assert await refused(call) == "not_allowed_token_type"
    client.token = slack.app_token
    assert await refused(client.auth_test()) == "not_allowed_token_type"


async def test_a_removed_app_is_told_that_its_token_is_revoked(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    slack.revoke()
    assert await refused(client.auth_test()) == "token_revoked"


@pytest.mark.parametrize(
    ("scope", "method", "args"),
    [
        ("chat:write", "chat.postMessage", {"channel": GENERAL, "text": "x"}),
        ("chat:write", "chat.update", {"channel": GENERAL, "ts": "1.000000", "text": "x"}),
        ("chat:write", "chat.delete", {"channel": GENERAL, "ts": "1.000000"}),
        ("chat:write", "chat.postEphemeral", {"channel": GENERAL, "user": "U", "text": "x"}),
        ("users:read", "users.info", {"user": "U0MEMBER01"}),
        ("usergroups:read", "usergroups.users.list", {"usergroup": "S0MODELOPS"}),
        ("channels:read", "conversations.info", {"channel": GENERAL}),
        ("groups:read", "conversations.info", {"channel": "C0LEADS001"}),
        ("im:read", "conversations.info", {"channel": "D0MEMBER01"}),
        ("channels:history", "conversations.history", {"channel": GENERAL}),
        ("channels:history", "conversations.replies", {"channel": GENERAL, "ts": "1.000000"}),
        ("mpim:history", "conversations.history", {"channel": "C0GROUPDM1"}),
        ("files:read", "files.info", {"file": "F1"}),
        ("reactions:write", "reactions.add", {"channel": GENERAL, "name": "x", "timestamp": "1"}),
        ("reactions:write", "reactions.remove", {"channel": GENERAL}),
    ],
)
async def test_a_missing_scope_is_named(
    slack: SlackServer, client: AsyncWebClient, scope: str, method: str, args: dict[str, str]
) -> None:
    slack.grant(SCOPES - {scope})
    with pytest.raises(SlackApiError) as caught:
        await client.api_call(method, params=args)
    answer = caught.value.response
    assert answer["error"] == "missing_scope"
    assert answer["needed"] == scope
    assert scope not in answer["provided"].split(",")


async def test_a_status_needs_one_of_two_scopes(slack: SlackServer, client: AsyncWebClient) -> None:
    slack.grant(SCOPES - {"chat:write", "assistant:write"})
    call = client.assistant_threads_setStatus(channel_id=GENERAL, thread_ts="1", status="x")
    assert await refused(call) == "missing_scope"


# Forms and bodies


@pytest.mark.parametrize(
    ("kind", "body", "error"),
    [
        ("application/json", b"{not json", "invalid_json"),
        ("application/json", b"[" * 100_000, "invalid_json"),
        ("application/json", b"[1]", "json_not_object"),
        ("application/x-www-form-urlencoded", b"just words", "invalid_form_data"),
        ("text/plain", b"channel=C1", "invalid_post_type"),
        ("", b"channel=C1", "missing_post_type"),
    ],
)
async def test_a_body_that_is_not_what_it_says_is_refused(
    slack: SlackServer, kind: str, body: bytes, error: str
) -> None:
    headers = {"Authorization": f"Bearer {slack.bot_token}", "Content-Type": kind}
    skip = () if kind else ("Content-Type",)
    async with aiohttp.ClientSession(skip_auto_headers=skip) as session:
        headers = {name: value for name, value in headers.items() if value}
        url = f"{slack.api_url}chat.postMessage"
        async with session.post(url, data=body, headers=headers) as answer:
            assert (await answer.json())["error"] == error


async def test_a_missing_argument_is_named(client: AsyncWebClient) -> None:
    assert "channel" in await complaint(client.api_call("chat.postMessage", json={"text": "x"}))


async def test_an_argument_of_the_wrong_kind_is_refused(client: AsyncWebClient) -> None:
    assert await refused(post(client, text={"a": 1})) == "invalid_arguments"


async def test_a_reading_method_does_not_look_into_json(client: AsyncWebClient) -> None:
    call = client.api_call("users.info", json={"user": "U0MEMBER01"})
    assert await refused(call) == "invalid_arguments"


async def test_blocks_in_a_form_are_json_inside_a_string(client: AsyncWebClient) -> None:
    form = {"channel": GENERAL, "blocks": "[{not json"}
    call = client.api_call("chat.postMessage", params=form)
    assert await refused(call) == "invalid_blocks_format"
    form["blocks"] = '[{"type": "divider"}]'
    assert (await client.api_call("chat.postMessage", params=form))["ok"]


# Places


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("C0NOWHERE1", "channel_not_found"),
        (SECRET, "channel_not_found"),
        (QUIET, "not_in_channel"),
        (OLD_NEWS, "is_archived"),
        ("U0EXTERN01", "channel_not_found"),
    ],
)
async def test_a_post_needs_a_channel_that_the_bot_may_write_in(
    client: AsyncWebClient, channel: str, error: str
) -> None:
    assert await refused(post(client, channel=channel, text="x")) == error


@pytest.mark.parametrize(
    ("channel", "error"), [(SECRET, "channel_not_found"), (QUIET, "not_in_channel")]
)
async def test_a_history_needs_a_channel_that_the_bot_is_in(
    client: AsyncWebClient, channel: str, error: str
) -> None:
    assert await refused(client.conversations_history(channel=channel)) == error
    assert await refused(client.conversations_replies(channel=channel, ts="1.000000")) == error


async def test_a_channel_that_the_bot_may_not_know_of_has_no_info(client: AsyncWebClient) -> None:
    assert await refused(client.conversations_info(channel=SECRET)) == "channel_not_found"
    assert (await client.conversations_info(channel=QUIET))["channel"]["is_member"] is False


async def test_a_bot_that_was_removed_can_no_longer_post(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    await slack.leave("switchboard", "general")
    assert await refused(post(client, text="x")) == "not_in_channel"


# Looking things up


@pytest.mark.parametrize(
    ("method", "args", "error"),
    [
        ("users.info", {"user": "U0NOBODY01"}, "user_not_found"),
        ("usergroups.users.list", {"usergroup": "S0NOBODY01"}, "no_such_subteam"),
        ("files.info", {"file": "F0NOTHING1"}, "file_not_found"),
        ("conversations.info", {"channel": "C0NOWHERE1"}, "channel_not_found"),
        ("conversations.replies", {"channel": GENERAL, "ts": "1.000000"}, "thread_not_found"),
        ("conversations.history", {"channel": GENERAL, "cursor": "next"}, "invalid_cursor"),
        ("conversations.history", {"channel": GENERAL, "limit": "many"}, "invalid_limit"),
        ("conversations.history", {"channel": GENERAL, "limit": "1000"}, "invalid_limit"),
        ("conversations.history", {"channel": GENERAL, "oldest": "x"}, "invalid_ts_oldest"),
    ],
)
async def test_what_does_not_exist_is_not_found(
    client: AsyncWebClient, method: str, args: dict[str, str], error: str
) -> None:
    assert await refused(client.api_call(method, params=args)) == error


async def test_a_history_leaves_out_the_replies_of_threads(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    root = await slack.post("mia", "general", "root")
    reply = await slack.post("max", "general", "reply", root.ts)
    history = (await client.conversations_history(channel=GENERAL))["messages"]
    assert [message["text"] for message in history] == ["root"]
    assert history[0]["reply_count"] == 1
    only = (await client.conversations_replies(channel=GENERAL, ts=reply.ts))["messages"]
    assert [message["text"] for message in only] == ["reply"]


async def test_a_long_thread_comes_in_pages_with_its_root_on_each(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    root = await slack.post("mia", "general", "root")
    for number in range(3):
        await slack.post("max", "general", str(number), root.ts)
    first = await client.conversations_replies(channel=GENERAL, ts=root.ts, limit=2)
    assert [message["text"] for message in first["messages"]] == ["root", "0", "1"]
    assert first["has_more"]
    cursor = first["response_metadata"]["next_cursor"]
    second = await client.conversations_replies(channel=GENERAL, ts=root.ts, limit=2, cursor=cursor)
    assert [message["text"] for message in second["messages"]] == ["root", "2"]
    assert not second["has_more"]


# Status and reactions


async def test_a_status_needs_its_thread_and_at_most_ten_messages(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    nowhere = client.assistant_threads_setStatus(
        channel_id=GENERAL, thread_ts="1.000000", status="thinking"
    )
    assert await refused(nowhere) == "invalid_thread_ts"
    question = await slack.post("mia", "general", "hello")
    many = client.assistant_threads_setStatus(
        channel_id=GENERAL, thread_ts=question.ts, status="x", loading_messages=["x"] * 11
    )
    assert await refused(many) == "invalid_arguments"
    assert slack.statuses == {}


async def test_a_status_is_gone_after_two_minutes_or_with_an_answer(
    slack: SlackServer, client: AsyncWebClient, clock: Any
) -> None:
    question = await slack.post("mia", "general", "hello")
    status = {"channel_id": GENERAL, "thread_ts": question.ts, "status": "thinking"}
    await client.assistant_threads_setStatus(**status)
    assert [one.text for one in slack.statuses.values()] == ["thinking"]
    clock.now += 120
    assert slack.statuses == {}
    await client.assistant_threads_setStatus(**status)
    await post(client, text="answer", thread_ts=question.ts)
    assert slack.statuses == {}


async def test_a_reaction_stands_once_and_is_taken_off_once(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    question = await slack.post("mia", "general", "hello")
    mark = {"channel": GENERAL, "name": "eyes", "timestamp": question.ts}
    assert await refused(client.reactions_remove(**mark)) == "no_reaction"
    await client.reactions_add(**mark)
    assert await refused(client.reactions_add(**mark)) == "already_reacted"
    await client.reactions_remove(**mark)
    missing = mark | {"timestamp": "1.000000"}
    assert await refused(client.reactions_add(**missing)) == "message_not_found"
