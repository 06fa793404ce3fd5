"""A message of the bot becomes the list of what it would do to people: notify, or fetch links."""

import html
import re
from collections.abc import Iterator
from typing import Any

from playground.slack.wire import Json

# What Slack turns into a notification, a pill or a rendered date, in mrkdwn and so, as far as
# anybody knows, in Markdown too.
CONTROL = re.compile(
    r"<!(?:channel|here|everyone|group|subteam\^|date\^)[^>\n]*>"
    r"|<@[UWB][A-Z0-9]+(?:\|[^>\n]*)?>"
    r"|<#[CGD][A-Z0-9]+(?:\|[^>\n]*)?>",
    re.IGNORECASE,
)
ADDRESS = re.compile(r"\b(?:https?://|mailto:|www\.)\S+", re.IGNORECASE)
LIVE_ELEMENTS = ("user", "usergroup", "broadcast", "channel", "team")


def live_sequences(text: str, *, is_markdown: bool) -> list[str]:
    """Control sequences that would act; a Markdown parser decodes entities before it looks."""
    return CONTROL.findall(html.unescape(text) if is_markdown else text)


def faults_of(call: Json) -> list[str]:
    """Everything in a post or an update that would notify, or make Slack fetch an address."""
    faults = [
        f"text has a live {sequence}"
        for sequence in live_sequences(_string(call.get("text")), is_markdown=False)
    ]
    faults.extend(
        f"markdown_text has a live {sequence}"
        for sequence in live_sequences(_string(call.get("markdown_text")), is_markdown=True)
    )
    faults.extend(_faults_within(call.get("blocks")))
    faults.extend(_faults_within(call.get("attachments")))
    if call.get("parse") == "full" or call.get("link_names") in (True, "1", "true", 1):
        faults.append("names are linked (parse or link_names)")
    return faults


def unfurl_faults(call: Json) -> list[str]:
    """A post must say no to both kinds of preview; the defaults are not no."""
    return [
        f"{name} is not false"
        for name in ("unfurl_links", "unfurl_media")
        if call.get(name) not in (False, "0", "false")
    ]


def live_addresses(blocks: Any) -> list[str]:
    """Addresses that Slack would make links of in Markdown; a stream says no to no preview."""
    texts = [html.unescape(one["text"]) for one in blocks if one.get("type") == "markdown"]
    return [f"a live {found} in a stream" for text in texts for found in ADDRESS.findall(text)]


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _faults_within(node: Any) -> Iterator[str]:
    if isinstance(node, list | tuple):
        for item in node:
            yield from _faults_within(item)
        return
    if not isinstance(node, dict):
        return
    kind = node.get("type")
    if kind in LIVE_ELEMENTS:
        yield f"a rich_text element of type {kind}"
    if "image_url" in node or "thumb_url" in node:
        yield f"an address that Slack would fetch in {kind}"
    if kind in ("mrkdwn", "markdown"):
        for sequence in live_sequences(_string(node.get("text")), is_markdown=kind == "markdown"):
            yield f"{kind} has a live {sequence}"
    for value in node.values():
        yield from _faults_within(value)
