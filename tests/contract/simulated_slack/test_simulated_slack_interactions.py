"""Modals, buttons and response addresses of the simulated Slack."""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import Impossible, SlackServer
from playground.slack.messages import text_of
from playground.slack.wire import Json

GENERAL = "C0GENERAL1"


async def refused(call: Awaitable[object]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


# Response addresses


async def hook(slack: SlackServer, web: aiohttp.ClientSession, url: str, **payload: object) -> str:
    async with web.post(url, json=payload) as answer:
        text = await answer.text()
        return text if answer.status == 200 else str(json.loads(text)["error"])


async def test_a_response_address_takes_five_posts(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    url = slack.workspace.new_response_url("U0MEMBER01", GENERAL)
    for number in range(5):
        assert await hook(slack, web, url, text=str(number)) == "ok"
    assert await hook(slack, web, url, text="6") == "used_url"
    assert [text_of(one) for one in slack.private("mia")] == ["0", "1", "2", "3", "4"]


async def test_a_response_address_lives_half_an_hour(
    slack: SlackServer, web: aiohttp.ClientSession, clock: Any
) -> None:
    url = slack.workspace.new_response_url("U0MEMBER01", GENERAL)
    clock.now += 1801
    assert await hook(slack, web, url, text="x") == "expired_url"
    assert await hook(slack, web, url + "0", text="x") == "invalid_url"


async def test_a_response_address_refuses_what_is_no_message(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    url = slack.workspace.new_response_url("U0MEMBER01", GENERAL)
    async with web.post(url, data=b"{not json") as answer:
        assert answer.status == 400
        assert (await answer.json())["error"] == "invalid_payload"
    assert await hook(slack, web, url) == "no_text"
    assert await hook(slack, web, url, blocks=[{"type": "poem"}]) == "invalid_blocks"
    assert await hook(slack, web, url, text="x", replace_original=True) == "ok"
    assert len(slack.private("mia")) == 1


async def test_an_answer_in_the_channel_is_seen_by_all(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    url = slack.workspace.new_response_url("U0MEMBER01", GENERAL)
    await hook(slack, web, url, text="for all", response_type="in_channel")
    assert [one.text for one in slack.channel_messages("general")] == ["for all"]
    assert [one.what for one in slack.violations] == [
        "unfurl_links is not false",
        "unfurl_media is not false",
    ]


# Modals


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def modal(**more: object) -> Json:
    field = {
        "type": "input",
        "block_id": "prompt",
        "label": plain("Prompt"),
        "element": {
            "type": "plain_text_input",
            "action_id": "words",
            "initial_value": "Explain this",
        },
    }
    view = {"type": "modal", "title": plain("Ask"), "submit": plain("Ask"), "blocks": [field]}
    return view | more


async def test_a_trigger_lives_three_seconds_and_is_good_once(
    slack: SlackServer, client: AsyncWebClient, clock: Any
) -> None:
    trigger = slack.workspace.new_trigger("U0MEMBER01")
    clock.now += 2.9
    await client.views_open(trigger_id=trigger, view=modal())
    assert len(slack.views("mia")) == 1
    again = {"trigger_id": trigger, "view": modal()}
    assert await refused(client.views_open(**again)) == "exchanged_trigger_id"
    late = slack.workspace.new_trigger("U0MEMBER01")
    clock.now += 3.1
    call = client.views_open(trigger_id=late, view=modal())
    assert await refused(call) == "expired_trigger_id"
    call = client.views_open(trigger_id="x", view=modal())
    assert await refused(call) == "invalid_trigger_id"


BAD_VIEWS: dict[str, Json] = {
    "a title over 24": modal(title=plain("x" * 25)),
    "no title": modal(title=None),
    "a submit over 24": modal(submit=plain("x" * 25)),
    "private metadata over 3000": modal(private_metadata="x" * 3_001),
    "a callback_id over 255": modal(callback_id="x" * 256),
    "101 blocks": modal(blocks=[{"type": "divider"}] * 101),
    "a bad block": modal(blocks=[{"type": "poem"}]),
    "no blocks": modal(blocks=None),
    "no modal": modal(type="window"),
    "an input without submit": {key: value for key, value in modal().items() if key != "submit"},
}


@pytest.mark.parametrize("view", BAD_VIEWS.values(), ids=BAD_VIEWS.keys())
async def test_a_view_that_breaks_a_rule_is_refused(
    slack: SlackServer, client: AsyncWebClient, view: Json
) -> None:
    trigger = slack.workspace.new_trigger("U0MEMBER01")
    answer = await refused(client.views_open(trigger_id=trigger, view=view))
    assert answer == "invalid_arguments"
    assert slack.views("mia") == []


async def test_an_update_of_a_view_needs_the_view_as_it_is(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    trigger = slack.workspace.new_trigger("U0MEMBER01")
    view = (await client.views_open(trigger_id=trigger, view=modal()))["view"]
    stale = {"view_id": view["id"], "view": modal(), "hash": "hash.old"}
    assert await refused(client.views_update(**stale)) == "hash_conflict"
    assert await refused(client.views_update(view_id="V1", view=modal())) == "not_found"
    await client.views_update(view_id=view["id"], hash=view["hash"], view=modal())


# With the real client libraries


@contextlib.asynccontextmanager
async def connected(slack: SlackServer, app: AsyncApp) -> AsyncIterator[None]:
    """The app on two sockets, as a careful bot is."""
    handlers = [AsyncSocketModeHandler(app, slack.app_token) for _ in range(2)]
    for handler in handlers:
        await handler.connect_async()
    await slack.connected(2)
    try:
        yield
    finally:
        for handler in handlers:
            await handler.close_async()


async def test_the_real_bolt_app_answers_a_mention_in_its_thread(slack: SlackServer) -> None:
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    app = AsyncApp(client=client, process_before_response=True)
    quiet = {"unfurl_links": False, "unfurl_media": False}

    @app.event("app_mention")
    async def answer(event: Json, client: AsyncWebClient) -> None:
        place = {"channel": event["channel"], "thread_ts": event["ts"]}
        posted = await client.chat_postMessage(**place, text="Hel", **quiet)
        blocks = [{"type": "markdown", "text": "Hello &lt;you&gt;"}]
        await client.chat_update(channel=place["channel"], ts=posted["ts"], text="-", blocks=blocks)

    @app.event("message")
    async def ignore() -> None:
        """The other twin."""

    @app.shortcut("ask")
    async def ask(ack: object, body: Json, client: AsyncWebClient) -> None:
        await ack()  # type: ignore[operator]
        await client.views_open(trigger_id=body["trigger_id"], view=modal(callback_id="asked"))

    @app.view("asked")
    async def asked(ack: object, view: Json) -> None:
        words = view["state"]["values"]["prompt"]["words"]["value"]
        await ack(response_action="errors", errors={"prompt": words})  # type: ignore[operator]

    async with connected(slack, app):
        question = await slack.post("mia", "general", "@Switchboard hi")
        message = await slack.shows("Hello <you>", channel="general", thread_ts=question.ts)
        assert await slack.answered(question.ts) == [message]
        await slack.shortcut("mia", "general", question.ts, "ask")
        await slack.until(lambda: slack.views("mia") or None, what="no modal opened")
        (view,) = slack.views("mia")
        with pytest.raises(Impossible):
            await slack.submit_view(view.id, "mia", {"nothing": "of the kind"})
        with pytest.raises(Impossible):
            await slack.submit_view(view.id, "mia", {"words": ""})
        await slack.submit_view(view.id, "mia", {"words": "Explain that"})
        assert dict(slack.views("mia")[0].errors) == {"prompt": "Explain that"}
        await slack.disconnect()  # both sockets are replaced, and nothing is lost meanwhile
        again = await slack.post("mia", "general", "@Switchboard once more")
        await slack.answered(again.ts)
        await slack.connected(2)
        await slack.settled()
        assert all(delivery.acks == 1 for delivery in slack.events)
        assert slack.violations == []


def buttons(action: str, value: str = "1") -> list[Json]:
    button = {"type": "button", "text": plain("Go"), "action_id": action, "value": value}
    return [{"type": "actions", "block_id": "row", "elements": [button]}]


async def test_a_click_on_a_message_tells_where_and_what(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    bodies: list[Json] = []
    app = AsyncApp(client=client, process_before_response=True)

    @app.action("stop")
    async def stop(ack: Any, body: Json, respond: Any) -> None:
        await ack()
        bodies.append(body)
        await respond(text="stopped", replace_original=True)

    async with connected(slack, app):
        posted = await client.chat_postMessage(channel=GENERAL, text="x", blocks=buttons("stop"))
        await slack.click("mia", "general", posted["ts"], "stop")
        changed = await slack.shows("stopped", channel="general")
        assert changed.ts == posted["ts"]
        psst = await client.chat_postEphemeral(
            channel=GENERAL,
            user="U0MEMBER01",
            text="y",
            blocks=buttons("stop", "2"),
            thread_ts=posted["ts"],
        )
        with pytest.raises(Impossible):
            await slack.click("ada", "general", psst["message_ts"], "stop")
        await slack.click("mia", "general", psst["message_ts"], "stop")
        await slack.until(
            lambda: slack.private("mia")[0].text == "stopped" or None, what="not replaced"
        )
    public, private = bodies
    assert public["actions"][0]["value"] == "1"
    assert public["message"]["ts"] == public["container"]["message_ts"] == posted["ts"]
    assert "thread_ts" not in public["container"]
    assert private["container"]["is_ephemeral"]
    assert private["container"]["thread_ts"] == posted["ts"]
    assert "message" not in private


async def test_a_modal_with_menus_is_filled_in_step_by_step(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    menu = {"type": "external_select", "action_id": "model", "min_query_length": 0}
    field = {"type": "input", "block_id": "m", "label": plain("Model"), "element": menu}
    option = {"text": plain("GPT-4o"), "value": "gpt-4o"}
    chosen: list[str] = []
    app = AsyncApp(client=client, process_before_response=True)

    @app.options("model")
    async def offer(ack: Any, payload: Json) -> None:
        assert payload["value"] == "gp"
        await ack(options=[option])

    @app.action("more")
    async def more(ack: Any) -> None:
        await ack()

    @app.view("first")
    async def first(ack: Any, view: Json) -> None:
        selected = view["state"]["values"]["m"]["model"]["selected_option"]
        chosen.append(selected["value"])
        await ack(response_action="push", view=modal(callback_id="second"))

    @app.view("second")
    async def second(ack: Any) -> None:
        await ack(response_action="clear")

    async with connected(slack, app):
        view = modal(callback_id="first", blocks=[field, *buttons("more")])
        trigger = slack.workspace.new_trigger("U0MEMBER01")
        opened = (await client.views_open(trigger_id=trigger, view=view))["view"]["id"]
        assert await slack.suggestions(opened, "mia", "model", "gp") == [option]
        await slack.click_in_view(opened, "mia", "more")
        with pytest.raises(Impossible):
            await slack.submit_view(opened, "mia", {})
        with pytest.raises(Impossible):
            await slack.submit_view(opened, "ada", {"model": "gpt-4o"})
        await slack.submit_view(opened, "mia", {"model": "gpt-4o"})
        assert chosen == ["gpt-4o"]
        assert len(slack.views("mia")) == 2
        await slack.submit_view(slack.views("mia")[-1].id, "mia", {})
        assert slack.views("mia") == []


async def test_a_modal_without_an_ack_stays_open_and_says_so() -> None:
    async with SlackServer(ack_seconds=0.05) as slack:
        trigger = slack.workspace.new_trigger("U0MEMBER01")
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        view = (await client.views_open(trigger_id=trigger, view=modal()))["view"]
        assert await slack.submit_view(view["id"], "mia", {}) is None
        assert "trouble" in slack.views("mia")[0].errors[0][1]
