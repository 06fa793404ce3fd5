"""The simulated Slack notices what a bot does to people: notifications, fetched links."""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import SlackServer
from playground.slack.wire import Json

GENERAL = "C0GENERAL1"


def markdown(text: str) -> Json:
    return {"blocks": [{"type": "markdown", "text": text}], "text": "x"}


def section(text: str) -> Json:
    return {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text}}], "text": "x"}


RICH = {"type": "rich_text_section", "elements": [{"type": "broadcast", "range": "here"}]}

HARM: dict[str, Json] = {
    "everybody in text": {"text": "hi <!channel>"},
    "a person in text": {"text": "hi <@U0MEMBER01>"},
    "a group in text": {"text": "hi <!subteam^S0MODELOPS>"},
    "a channel in text": {"text": "in <#C0GENERAL1>"},
    "a date in text": {"text": "<!date^1392734382^{date}|now>"},
    "everybody in mrkdwn": section("hi <!here>"),
    "everybody in Markdown": markdown("hi <!everyone>"),
    "everybody in Markdown, as entities": markdown("hi &lt;!channel&gt;"),
    "everybody in Markdown, as numbers": markdown("hi &#60;!channel&#x3e;"),
    "a person in Markdown": markdown("hi <@U0MEMBER01|mia>"),
    "everybody in markdown_text": {"markdown_text": "<!channel>"},
    "everybody as an element": {"blocks": [{"type": "rich_text", "elements": [RICH]}], "text": "x"},
    "a picture from elsewhere": {
        "blocks": [{"type": "image", "image_url": "https://a.b/c.png", "alt_text": "x"}],
        "text": "x",
    },
    "linked names": {"text": "hi @channel", "link_names": True},
    "parsed names": {"text": "hi @channel", "parse": "full"},
}

HARMLESS: dict[str, Json] = {
    "escaped once": {"text": "hi &lt;!channel&gt;"},
    "with a joiner": markdown("hi &lt;\u2060!channel&gt; and `<\u2060@U0MEMBER01>`"),
    "no control form": markdown("`a <b` and `#include <stdio.h>` and `List<!X>`"),
    "a link": markdown("[a.b](https://a.b)"),
}


@pytest.mark.parametrize("content", HARM.values(), ids=HARM.keys())
async def test_what_would_notify_or_fetch_is_a_violation(
    slack: SlackServer, client: AsyncWebClient, content: Json
) -> None:
    quiet = {"unfurl_links": False, "unfurl_media": False}
    await client.api_call("chat.postMessage", json={"channel": GENERAL, **quiet, **content})
    assert [one.method for one in slack.violations] == ["chat.postMessage"]


@pytest.mark.parametrize("content", HARMLESS.values(), ids=HARMLESS.keys())
async def test_inert_text_is_no_violation(
    slack: SlackServer, client: AsyncWebClient, content: Json
) -> None:
    quiet = {"unfurl_links": False, "unfurl_media": False}
    await client.api_call("chat.postMessage", json={"channel": GENERAL, **quiet, **content})
    assert slack.violations == []


async def test_updates_and_private_messages_are_watched_too(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    quiet = {"unfurl_links": False, "unfurl_media": False}
    ts = (await client.chat_postMessage(channel=GENERAL, text="x", **quiet))["ts"]  # type: ignore[arg-type]
    await client.chat_update(channel=GENERAL, ts=ts, text="<!channel>")
    await client.chat_postEphemeral(channel=GENERAL, user="U0MEMBER01", text="<!channel>")
    assert [one.method for one in slack.violations] == ["chat.update", "chat.postEphemeral"]


async def test_a_post_must_say_no_to_both_previews(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    await client.chat_postMessage(channel=GENERAL, text="x", unfurl_links=False)
    assert [one.what for one in slack.violations] == ["unfurl_media is not false"]


async def test_an_answer_under_a_reply_is_a_violation(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    root = await slack.post("mia", "general", "root")
    reply = await slack.post("max", "general", "reply", root.ts)
    quiet = {"unfurl_links": False, "unfurl_media": False}
    await client.chat_postMessage(channel=GENERAL, text="x", thread_ts=reply.ts, **quiet)  # type: ignore[arg-type]
    assert [one.what for one in slack.violations] == ["thread_ts is that of a reply"]
