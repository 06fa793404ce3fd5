"""What Slack sends becomes words: from text, blocks and attachments, with its control syntax made readable."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.slack.parse import Bot, files, foreign, plain, quoted, words

US = Bot("T1", "U0BOT", "B0BOT", "Switchboard", enterprise="E1")


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("<@U0BOT>   hello", "hello"),
        ("<@U0BOT|switchboard>: hello", "hello"),
        ("\u2060 <@U0BOT>, <@U0BOT> hello", "hello"),
        ("hi <@U0BOT>", "hi @Switchboard"),
        ("hi <@U1>", "hi @U1"),
        ("hi <@U1|max>", "hi @max"),
        ("in <#C1|general> or <#C2>", "in #general or #C2"),
        ("<!here> and <!channel|channel>", "@here and @channel"),
        ("<!subteam^S1|@ops> and <!subteam^S1>", "@ops and @subteam"),
        ("due <!date^1392734382^{date}|Feb 18>", "due Feb 18"),
        ("<https://a.example/?a=1&amp;b=2>", "https://a.example/?a=1&b=2"),
        ("<https://a.example|a page>", "a page (https://a.example)"),
        ("<https://a.example|https://a.example>", "https://a.example"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("1 &lt; 2 &amp;&amp; 3 &gt; 2", "1 < 2 && 3 > 2"),
        ("&amp;lt;", "&lt;"),
        ("", ""),
    ],
)
def test_control_syntax_becomes_words(raw: str, read: str) -> None:
    assert plain(raw, US) == read


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    section = {"type": "rich_text_section", "elements": list(elements)}
    return {"blocks": [{"type": "rich_text", "elements": [section]}]}


@pytest.mark.parametrize(
    ("message", "read"),
    [
        (rich({"type": "text", "text": "a <b> & c"}), "a <b> & c"),
        (rich({"type": "user", "user_id": "U1"}, {"type": "text", "text": " hi"}), "@U1 hi"),
        (rich({"type": "usergroup", "usergroup_id": "S1"}), "@subteam"),
        (rich({"type": "broadcast", "range": "here"}), "@here"),
        (rich({"type": "channel", "channel_id": "C1"}), "#C1"),
        (rich({"type": "link", "url": "https://a.example/?a&b"}), "https://a.example/?a&b"),
        (rich({"type": "link", "url": "https://a.example", "text": "here"}), "here"),
        (rich({"type": "emoji", "name": "wave"}), ":wave:"),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x &lt;"}}]}, "x <"),
        (
            {"blocks": [{"type": "section", "fields": [{"type": "plain_text", "text": "a"}] * 2}]},
            "a\na",
        ),
        ({"blocks": [17, None, {"type": "divider"}]}, ""),
        ({"text": "", "attachments": [{"fallback": "a page"}]}, "a page"),
        ({"attachments": [{"text": "t", "fallback": "f"}, {}]}, "t"),
        ({"attachments": [{"blocks": [{"type": "markdown", "text": "m"}]}]}, "m"),
        ({"attachments": [{"is_share": True, "text": "somebody's"}]}, ""),
        ({"text": "first", "blocks": [{"type": "markdown", "text": "second"}]}, "first"),
        ({}, ""),
    ],
)
def test_words_are_found_wherever_they_are(message: dict[str, Any], read: str) -> None:
    assert plain(words(message), US) == read


def test_blocks_within_blocks_end_somewhere() -> None:
    block: dict[str, Any] = {"type": "text", "text": "deep"}
    for _ in range(500):
        block = {"type": "nest", "elements": [block]}
    assert words({"blocks": [block]}) == ""


@pytest.mark.parametrize(
    ("body", "event", "is_foreign"),
    [
        ({"is_ext_shared_channel": True}, {"user_team": "T2"}, True),
        ({"is_ext_shared_channel": True}, {"source_team": "T2", "team": "T1"}, True),
        ({"is_ext_shared_channel": True}, {"team": "T1"}, False),
        ({"is_ext_shared_channel": True}, {"user_team": "E1"}, False),
        ({"is_ext_shared_channel": True}, {}, True),
        ({"is_ext_shared_channel": False}, {"team": "T2"}, False),
        ({}, {"team": "T2"}, True),
        ({}, {}, False),
    ],
)
def test_a_stranger_is_known_by_their_team(
    body: dict[str, Any], event: dict[str, Any], *, is_foreign: bool
) -> None:
    assert foreign(body, event, US) is is_foreign


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ({"mode": "tombstone"}, "no longer has it"),
        ({"mode": "hidden_by_limit", "name": "a.png"}, "a.png"),
        ({"mode": "external", "name": "a.png", "url_private": "https://evil.example"}, "a.png"),
        ({"is_external": True, "name": "a.png", "url_private": "https://evil.example"}, "a.png"),
        ({"name": "a.png"}, "no address"),
    ],
)
def test_a_file_that_cannot_be_fetched_says_so_at_once(file: dict[str, Any], part: str) -> None:
    (found,) = files({"files": [file]})
    assert part in found.problem
    assert not found.source


def test_the_bots_own_message_is_quoted_from_its_blocks_without_its_footer() -> None:
    message = {
        "user": "U0BOT",
        "text": "a summary…",
        "blocks": [
            {"type": "markdown", "text": "a &lt;\u2060 **b**"},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "gpt-4o answered"}]},
        ],
    }
    assert (quoted(message, US).author, quoted(message, US).text) == ("Switchboard", "a < **b**")
    assert quoted({"user": "U0BOT", "text": "no blocks"}, US).text == "no blocks"


@pytest.mark.parametrize(
    ("event", "ours"),
    [
        ({"type": "message", "user": "U0BOT"}, True),
        ({"type": "message", "bot_id": "B0BOT"}, True),
        ({"type": "message", "subtype": "message_changed", "message": {"user": "U0BOT"}}, True),
        ({"type": "message", "subtype": "message_changed", "message": {"user": "U1"}}, False),
        (
            {
                "type": "message",
                "subtype": "message_changed",
                "message": {"subtype": "tombstone", "user": "U0BOT"},
            },
            False,
        ),
        ({"type": "message", "subtype": "message_changed", "message": None}, False),
        ({"type": "message", "subtype": "message_deleted", "deleted_ts": "1.1"}, False),
        ({"type": "message", "user": "U1"}, False),
        ({"type": "app_mention", "user": "U0BOT"}, False),
        ({"type": "message"}, False),
        ("text", False),
        (None, False),
    ],
)
def test_what_we_ourselves_wrote_is_known_before_anything_is_asked(event: Any, ours: bool) -> None:
    assert US.echoed({"event": event}) is ours
