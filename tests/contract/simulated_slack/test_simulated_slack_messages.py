"""The simulated Slack refuses messages that Slack refuses."""

from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import Impossible, SlackServer

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


async def test_only_a_message_that_exists_can_be_changed(client: AsyncWebClient) -> None:
    gone = {"channel": GENERAL, "ts": "1.000000"}
    assert await refused(client.chat_update(**gone, text="x")) == "message_not_found"
    assert await refused(client.chat_delete(**gone)) == "message_not_found"


async def test_a_message_of_somebody_else_cannot_be_changed(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    theirs = await slack.post("mia", "general", "mine")
    place = {"channel": GENERAL, "ts": theirs.ts}
    assert await refused(client.chat_update(**place, text="x")) == "cant_update_message"
    assert await refused(client.chat_delete(**place)) == "cant_delete_message"
    assert slack.thread("general", theirs.ts) == [theirs]


async def test_an_ephemeral_message_is_in_no_history_and_cannot_be_changed(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    posted = await client.chat_postEphemeral(channel=GENERAL, user="U0MEMBER01", text="psst")
    ts = posted["message_ts"]
    assert [one.text for one in slack.private("mia", "general")] == ["psst"]
    assert slack.private("ada") == []
    assert (await client.conversations_history(channel=GENERAL))["messages"] == []
    assert (
        await refused(client.chat_update(channel=GENERAL, ts=ts, text="x")) == "message_not_found"
    )
    assert await refused(client.chat_delete(channel=GENERAL, ts=ts)) == "message_not_found"


@pytest.mark.parametrize(
    ("user", "error"),
    [("U0NOBODY01", "user_not_found"), ("U0EXTERN01", "user_not_in_channel")],
)
async def test_an_ephemeral_message_needs_a_reader_in_the_channel(
    client: AsyncWebClient, user: str, error: str
) -> None:
    call = client.chat_postEphemeral(channel=GENERAL, user=user, text="x")
    assert await refused(call) == error


async def test_an_archived_channel_is_closed_for_updates_too(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    ts = (await post(client, text="x"))["ts"]
    await slack.archive("general")
    assert await refused(client.chat_update(channel=GENERAL, ts=ts, text="y")) == "is_archived"


async def test_a_read_only_channel_takes_no_post(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    ts = (await post(client, text="x"))["ts"]
    await slack.restrict("general")
    assert await refused(post(client, text="y")) == "restricted_action_read_only_channel"
    assert await client.chat_update(channel=GENERAL, ts=ts, text="y")
    await slack.post("ada", "general", "Admins may.")
    with pytest.raises(Impossible):
        await slack.post("mia", "general", "Members may not.")


async def test_a_deleted_channel_is_not_found(
    slack: SlackServer, client: AsyncWebClient, web: aiohttp.ClientSession
) -> None:
    ts = (await post(client, text="x"))["ts"]
    address = slack.workspace.new_response_url("U0MEMBER01", GENERAL)
    asked = await slack.post("mia", "general", "look", files=[("a.txt", b"x")])
    await slack.delete_channel("general")
    assert await refused(post(client, text="y")) == "channel_not_found"
    assert await refused(client.chat_update(channel=GENERAL, ts=ts, text="y")) == (
        "channel_not_found"
    )
    assert await refused(client.conversations_replies(channel=GENERAL, ts=ts)) == (
        "channel_not_found"
    )
    assert await refused(client.files_info(file=asked.files[0]["id"])) == "file_not_found"
    async with web.post(address, json={"text": "late"}) as answer:
        assert answer.status == 404


async def test_an_empty_message_is_refused(client: AsyncWebClient) -> None:
    assert await refused(post(client, text="")) == "no_text"
    assert await refused(post(client, text="", blocks=[])) == "no_text"


async def test_a_text_over_40000_characters_is_refused(client: AsyncWebClient) -> None:
    assert await refused(post(client, text="x" * 40_001)) == "msg_too_long"
    assert await post(client, text="x" * 40_000)


async def test_the_text_of_an_update_ends_at_4000_characters(client: AsyncWebClient) -> None:
    ts = (await post(client, text="x"))["ts"]
    call = client.chat_update(channel=GENERAL, ts=ts, text="x" * 4_001)
    assert await refused(call) == "msg_too_long"
    assert await client.chat_update(channel=GENERAL, ts=ts, text="x" * 4_000)


async def test_markdown_is_counted_over_the_whole_message(client: AsyncWebClient) -> None:
    halves = [{"type": "markdown", "text": "x" * size} for size in (6_000, 6_001)]
    assert await refused(post(client, blocks=halves)) == "msg_blocks_too_long"
    assert await post(client, blocks=[halves[0], halves[0]])


async def test_the_sum_of_all_blocks_is_limited(client: AsyncWebClient) -> None:
    sections = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2_900}} for _ in range(5)
    ]
    assert await refused(post(client, blocks=sections)) == "msg_blocks_too_long"
    assert await post(client, blocks=sections[:4])


async def test_markdown_text_excludes_text_and_blocks(client: AsyncWebClient) -> None:
    assert await refused(post(client, markdown_text="*x*", text="x")) == "markdown_text_conflict"
    assert await refused(post(client, markdown_text="x" * 12_001)) == "msg_blocks_too_long"


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def button(**more: object) -> dict[str, object]:
    return {"type": "button", "text": plain("Go"), "action_id": "go", **more}


OPTION = {"text": plain("One"), "value": "1"}


def menu(**more: object) -> list[object]:
    element = {"type": "static_select", "action_id": "menu", "options": [OPTION], **more}
    return [{"type": "actions", "elements": [element]}]


def image(**more: object) -> list[object]:
    return [{"type": "image", "image_url": "https://a.b/c.png", "alt_text": "x", **more}]


BAD_BLOCKS: dict[str, object] = {
    "an image_url over 3000": image(image_url="https://" + "x" * 2_993),
    "an alt_text over 2000": image(alt_text="x" * 2_001),
    "a placeholder over 150": menu(placeholder=plain("x" * 151)),
    "an option over 75": menu(options=[OPTION | {"text": plain("x" * 76)}]),
    "an option's value over 150": menu(options=[OPTION | {"value": "x" * 151}]),
    "a group without a label": menu(option_groups=[{"options": [OPTION]}]),
    "a label over 2000": [
        {
            "type": "input",
            "label": plain("x" * 2_001),
            "element": {"type": "plain_text_input", "action_id": "words"},
        }
    ],
    "51 blocks": [{"type": "divider"}] * 51,
    "no object": ["divider"],
    "an unknown type": [{"type": "poem"}],
    "an unknown property": [{"type": "divider", "colour": "red"}],
    "a long block_id": [{"type": "divider", "block_id": "x" * 256}],
    "one block_id twice": [{"type": "divider", "block_id": "x"}] * 2,
    "a section without text": [{"type": "section"}],
    "a section over 3000": [{"type": "section", "text": plain("x" * 3_001)}],
    "a section with an empty text": [{"type": "section", "text": plain("")}],
    "a section whose text is a string": [{"type": "section", "text": "x"}],
    "11 fields": [{"type": "section", "fields": [plain("x")] * 11}],
    "a field over 2000": [{"type": "section", "fields": [plain("x" * 2_001)]}],
    "a header over 150": [{"type": "header", "text": plain("x" * 151)}],
    "a header in mrkdwn": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
    "an empty markdown": [{"type": "markdown", "text": ""}],
    "11 context elements": [{"type": "context", "elements": [plain("x")] * 11}],
    "26 actions": [{"type": "actions", "elements": [button(action_id=str(n)) for n in range(26)]}],
    "one action_id twice": [{"type": "actions", "elements": [button(), button()]}],
    "6 context actions": [{"type": "context_actions", "elements": [button()] * 6}],
    "a button over 75": [{"type": "actions", "elements": [button(text=plain("x" * 76))]}],
    "a value over 2000": [{"type": "actions", "elements": [button(value="x" * 2_001)]}],
    "an action_id over 255": [{"type": "actions", "elements": [button(action_id="x" * 256)]}],
    "101 options": [
        {
            "type": "actions",
            "elements": [{"type": "static_select", "action_id": "a", "options": [OPTION] * 101}],
        }
    ],
    "an image without alt_text": [{"type": "image", "image_url": "https://a.b/c"}],
    "a rich_text of nothing": [{"type": "rich_text", "elements": []}],
    "a table of 101 rows": [{"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101}],
    "a table of 21 columns": [
        {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]}
    ],
}


@pytest.mark.parametrize("blocks", BAD_BLOCKS.values(), ids=BAD_BLOCKS.keys())
async def test_blocks_that_break_a_rule_are_refused(client: AsyncWebClient, blocks: object) -> None:
    with pytest.raises(SlackApiError) as caught:
        await post(client, text="x", blocks=blocks)
    assert caught.value.response["error"] == "invalid_blocks"
    assert caught.value.response["response_metadata"]["messages"]


async def test_good_blocks_pass(client: AsyncWebClient) -> None:
    menu = {"type": "static_select", "action_id": "menu", "options": [OPTION]}
    blocks = [
        {"type": "header", "text": plain("x" * 150)},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*x*"}, "accessory": button()},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "gpt-4o"}]},
        {"type": "actions", "elements": [button(value="1"), menu]},
        {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]},
    ]
    assert await post(client, text="x", blocks=blocks)


async def test_a_second_table_is_refused(client: AsyncWebClient) -> None:
    table = {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}
    assert await refused(post(client, text="x", blocks=[table, table])) == "only_one_table_allowed"


@pytest.mark.parametrize(
    ("metadata", "error"),
    [
        ("words", "invalid_metadata_format"),
        ({"event_type": "turn"}, "invalid_metadata_format"),
        ({"event_type": "", "event_payload": {}}, "invalid_metadata_format"),
        ({"event_type": "turn", "event_payload": "x"}, "invalid_metadata_format"),
        ({"event_type": "turn", "event_payload": {"x": "x" * 8_000}}, "metadata_too_large"),
    ],
)
async def test_metadata_must_be_a_type_and_an_object(
    client: AsyncWebClient, metadata: object, error: str
) -> None:
    assert await refused(post(client, text="x", metadata=metadata)) == error


async def test_metadata_is_shown_only_to_who_asks_for_it(client: AsyncWebClient) -> None:
    metadata = {"event_type": "turn", "event_payload": {"id": "1"}}
    await post(client, text="x", metadata=metadata)
    silent = await client.conversations_history(channel=GENERAL)
    assert "metadata" not in silent["messages"][0]
    full = await client.conversations_history(channel=GENERAL, include_all_metadata=True)
    assert full["messages"][0]["metadata"] == metadata


async def test_more_than_100_attachments_are_refused(client: AsyncWebClient) -> None:
    many = [{"text": "x"}] * 101
    assert await refused(post(client, text="x", attachments=many)) == "too_many_attachments"
    assert await refused(post(client, text="x", attachments="x")) == "invalid_attachments"


async def test_a_thread_is_named_by_a_ts(client: AsyncWebClient) -> None:
    assert await refused(post(client, text="x", thread_ts="today")) == "invalid_thread_ts"


async def test_an_update_by_text_alone_takes_the_blocks_away(client: AsyncWebClient) -> None:
    divider = [{"type": "divider"}]
    ts = (await post(client, text="x", blocks=divider))["ts"]
    answer = await client.chat_update(channel=GENERAL, ts=ts, text="y")
    assert "blocks" not in answer["message"]
    assert answer["message"]["edited"]
