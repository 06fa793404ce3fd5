"""The simulated Slack is slow to please: rate limits, and faults on purpose."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import SlackServer

GENERAL = "C0GENERAL1"


async def refused(call: Awaitable[object]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


def post(client: AsyncWebClient, **more: object) -> Awaitable[Any]:
    return client.api_call(
        "chat.postMessage",
        json={"channel": GENERAL, "unfurl_links": False, "unfurl_media": False, **more},
    )


# Rate limits


async def test_a_method_is_limited_per_minute(
    slack: SlackServer, client: AsyncWebClient, clock: Any
) -> None:
    tier_2 = {"usergroup": "S0MODELOPS"}
    for _ in range(20):
        await client.usergroups_users_list(**tier_2)
    with pytest.raises(SlackApiError) as caught:
        await client.usergroups_users_list(**tier_2)
    answer = caught.value.response
    assert (answer.status_code, answer["error"]) == (429, "ratelimited")
    assert answer.headers["Retry-After"] == "3"
    assert await client.users_info(user="U0MEMBER01")  # another method has its own budget
    clock.now += 3
    assert await client.usergroups_users_list(**tier_2)


async def test_a_distributed_app_reads_once_a_minute_and_fifteen_messages(
    clock: Any, web: aiohttp.ClientSession
) -> None:
    async with SlackServer(clock=clock, distributed=True) as slack:
        client = AsyncWebClient(
            token=slack.bot_token, base_url=slack.api_url, session=web, retry_handlers=[]
        )
        for n in range(20):
            await slack.post("mia", "general", str(n))
        answer = await client.conversations_history(channel="C0GENERAL1", limit=100)
        assert (len(answer["messages"]), answer["has_more"]) == (15, True)
        again = client.conversations_history(channel="C0GENERAL1")
        assert await refused(again) == "ratelimited"
        clock.now += 60
        await client.conversations_history(channel="C0GENERAL1")


async def test_posts_in_one_channel_are_one_a_second_with_bursts(
    client: AsyncWebClient, clock: Any
) -> None:
    for _ in range(5):
        await post(client, text="x")
    assert await refused(post(client, text="x")) == "ratelimited"
    assert await post(client, channel="C0RANDOM01", text="x")
    clock.now += 1
    assert await post(client, text="x")
    assert await refused(post(client, text="x")) == "ratelimited"


async def test_limits_can_be_switched_off() -> None:
    async with SlackServer(limits=False) as slack, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session)
        for _ in range(30):
            await post(client, text="x")
        assert slack.refusals == []


# Faults on purpose


async def test_a_refusal_on_purpose_changes_nothing(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    slack.will_refuse("chat.postMessage", "ratelimited", retry_after=7)
    slack.will_refuse("chat.postMessage", "internal_error", times=2, status=500)
    with pytest.raises(SlackApiError) as caught:
        await post(client, text="x")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "7"
    for _ in range(2):
        assert await refused(post(client, text="x")) == "internal_error"
    assert slack.channel_messages("general") == []
    assert await post(client, text="x")
    assert [error for _, error in slack.refusals] == [
        "ratelimited",
        "internal_error",
        "internal_error",
    ]


async def test_a_lost_reply_leaves_the_message_standing(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    slack.will_drop_reply("chat.postMessage")
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(client, text="x")
    assert [message.text for message in slack.channel_messages("general")] == ["x"]


async def test_a_lost_request_does_nothing(slack: SlackServer, client: AsyncWebClient) -> None:
    slack.will_drop_request("chat.postMessage")
    with pytest.raises(aiohttp.ClientConnectionError):
        await post(client, text="x")
    assert slack.channel_messages("general") == []


async def test_a_held_call_waits_for_its_gate(slack: SlackServer, client: AsyncWebClient) -> None:
    gate = slack.will_hold("chat.postMessage")
    call = asyncio.ensure_future(post(client, text="x"))
    await client.auth_test()
    assert slack.channel_messages("general") == []
    gate.set()
    await call
    assert [one.method for one in slack.calls] == ["auth.test", "chat.postMessage"]
