"""What holds for any text, however it arrives: limits, order, completeness, stillness, safety."""

import html
import re
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.discord import render as discord
from adapters.slack import render as slack
from adapters.text import inline

Render = Callable[..., list[str]]
PLATFORMS = [pytest.param(slack.render, id="slack"), pytest.param(discord.render, id="discord")]

pytestmark = pytest.mark.usefixtures("untraced")  # the same lines thousands of times

# What an attacker would build a mention, a link or a notice from, with what comes between.
HOSTILE = [
    *["<", "!", "@", "#", "&", ";", "channel", "|", ">", "here", "everyone", "U123", "123", "^"],
    *[
        "&lt;",
        "&#60;",
        "&amp;",
        "&#33;",
        "&gt;",
        "\\",
        "`",
        "``",
        "```",
        "~~~",
        "[",
        "](",
        ")",
        "![",
    ],
    *["https://e.example/x", "javascript:a", "<https://b.example>", "<t:1>", "-# ", "||", "\u202e"],
    *["\n", "\n\n", " ", "    ", "- ", "1. ", "> ", "# ", "| a | b |\n", "|---|---|\n", "word "],
    *[
        "*",
        "**",
        "_",
        "日本",
        "👩‍👩‍👧",
        "\ud83d",
        "\ude00",
        "\x00",
        "A sentence of words. ",
        ":",
        "(",
    ],
]
hostile = st.lists(st.sampled_from(HOSTILE), max_size=40).map("".join)
# Without links, tables and languages of fences, whose spelling a message may change.
PLAIN = [
    *[
        "word ",
        "Two words. ",
        "日本語。",
        "👩‍👩‍👧",
        "e\u0301",
        "a_b_c",
        "2 * 3",
        "<b>",
        "AT&T",
        "x < y",
        "\n",
        "\n\n",
    ],
    *[
        "- item\n",
        "7. item\n",
        "  - deeper\n",
        "> said\n",
        "## Title\n\n",
        "**bold** ",
        "`code`",
        "!",
    ],
    *[
        "\n```\nf(x) < 1\n```\n",
        "&lt;",
        "longwordwithoutanyplacetocut",
        "<!channel>",
        "<@123>",
        "@here",
    ],
]
plain = st.lists(st.sampled_from(PLAIN), max_size=60).map("".join)
limits = st.integers(60, 240)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def decoded(message: str) -> str:
    """What a reader sees, by rules that share nothing with the renderer."""
    once = message.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return once.replace("\u2060", "")


def decoded_fully(message: str) -> str:
    """What the most eager reader would make of it."""
    while (again := html.unescape(message)) != message:
        message = again
    return message


class Gullible(MarkdownIt):
    """A Markdown reader that makes a link of anything."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the parser's own name
        return True


def tokens(message: str) -> list[Token]:
    top = Gullible("commonmark").enable("table").parse(message)
    return [child for token in top for child in (token, *(token.children or []))]


def outside_code(message: str) -> str:
    """What Discord reads as more than letters. A block of code has something in it, be it another three backticks."""
    return re.sub(
        r"\\[^\w\s<@]|```[\s\S]+?```|(`+)(?!`)[\s\S]*?[^`]\1(?!`)|<https?://[^\s<>]+>", "·", message
    )


def assert_inert(render: Render, message: str) -> None:
    if render is slack.render:
        seen = decoded_fully(message)
        assert not re.search(r"<(?:!(?:channel|here|everyone|date|subteam)|@U|#C)", seen)
        for token in tokens(message):
            assert token.type != "image"
            assert token.type != "link_open" or re.match(
                r"https?://|mailto:", str(token.attrs["href"])
            )
    else:
        seen = outside_code(message)
        assert not re.search(
            r"<(?:[@#:/]|a:|t:)\w|@everyone|@here|^[ \t]*-# |\|\||https?://", seen, re.MULTILINE
        )


@pytest.mark.parametrize("render", PLATFORMS)
@settings(max_examples=60)
@given(text=hostile, limit=limits)
@example(text=" ``````<t:1>", limit=2000)
def test_every_message_is_within_the_limit_not_empty_and_inert(
    render: Render, text: str, limit: int
) -> None:
    for final in (True, False):
        for message in render(text, final=final, limit=limit):
            assert message.strip()
            assert units(message) <= limit
            assert_inert(render, message)


@pytest.mark.parametrize("render", PLATFORMS)
@settings(max_examples=25)
@given(text=hostile, limit=limits)
def test_full_messages_stay_while_the_text_grows_and_no_state_between_is_alive(
    render: Render, text: str, limit: int
) -> None:
    full: list[str] = []
    for end in range(len(text) + 1):
        shown = render(text[:end], final=False, limit=limit)
        assert shown[: len(full)] == full
        full = shown[:-1]
        for message in shown:
            assert_inert(render, message)
    assert render(text, final=True, limit=limit)[: len(full)] == full


@pytest.mark.parametrize("render", PLATFORMS)
@settings(max_examples=60)
@given(text=plain, limit=limits)
def test_nothing_is_lost_or_moved_when_a_text_is_split(
    render: Render, text: str, limit: int
) -> None:
    def letters(of: str) -> str:
        # Blanks at a cut, marks of fences and quotes and backslashes may come and go.
        return re.sub(r"[\s`>\\]", "", of)

    joined = "".join(render(text, final=True, limit=limit))
    seen = decoded(joined) if render is slack.render else joined.replace("\u2060", "")
    assert letters(seen) == letters(text)


@pytest.mark.parametrize("render", PLATFORMS)
@settings(max_examples=80)
@given(text=plain)
def test_a_text_that_fits_reads_exactly_as_the_model_wrote_it(render: Render, text: str) -> None:
    joined = "".join(render(text, final=True))
    seen = decoded(joined) if render is slack.render else re.sub("\u2060|\\\\", "", joined)
    assert seen == text if text.strip() else seen == ""


@pytest.mark.parametrize("render", PLATFORMS)
@settings(max_examples=60)
@given(text=plain, limit=limits)
def test_no_cut_parts_a_grapheme_cluster(render: Render, text: str, limit: int) -> None:
    for message in render(text, final=True, limit=limit):
        assert message[0] not in "\u0301\u200d"
        assert not message.endswith("\u200d")


@pytest.mark.parametrize("render", PLATFORMS)
@settings(max_examples=40)
@given(lines=st.lists(st.text("abc <>&|", max_size=40), min_size=1, max_size=30), limit=limits)
def test_every_message_of_a_fence_is_a_fence_of_its_own(
    render: Render, lines: list[str], limit: int
) -> None:
    text = "~~~~py x\n" + "\n".join(lines) + "\n~~~~"
    for message in render(text, final=True, limit=limit):
        assert message.startswith("~~~~py x\n")
        assert message.rstrip("\n").endswith("\n~~~~")


@given(st.text(alphabet="ab:/.@#(-*_~!& \n\u00e9", max_size=60))
def test_a_paragraph_that_is_not_parsed_is_as_if_it_were(source: str) -> None:
    """Most hold nothing to parse: the short way must come to the same."""
    parsed = [span for span in inline.spans("`x`" + source) if span.start >= 3]
    assert [(s.kind, s.start - 3, s.end - 3) for s in parsed] == [
        (s.kind, s.start, s.end) for s in inline.spans(source)
    ]
    words = source.replace("*", "").replace("_", "").replace("~", "")
    assert inline.plain("`x`" + words) == "x" + inline.plain(words)
