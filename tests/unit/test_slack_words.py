"""The bot's own words on Slack: bold and code act, all else is inert, and they fit into one message."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.words import BLOCK_CHARS, TOTAL_CHARS, context, mrkdwn, sections
from playground.slack.inert import faults_of

JOINER = "\u2060"


def texts(blocks: list[dict[str, object]]) -> list[str]:
    found = []
    for block in blocks:
        inner = block.get("elements") or [block["text"]]
        found += [element["text"] for element in inner]  # type: ignore[union-attr]
    return found


def seen(text: str) -> str:
    """A mrkdwn string as it is read."""
    return html.unescape(text).replace(JOINER, "")


def test_bold_and_code_are_the_only_markup() -> None:
    assert mrkdwn("**ada** set it to `gpt-4o`.") == "*ada* set it to `gpt-4o`."


@pytest.mark.parametrize("mark", ["*", "_", "~"])
def test_a_mark_of_mrkdwns_in_foreign_words_is_broken(mark: str) -> None:
    line = mrkdwn(f"so {mark}loud{mark} today")
    assert seen(line) == f"so {mark}loud{mark} today"
    assert f" {mark}l" not in line


@pytest.mark.parametrize(
    "alarm",
    ["<!channel>", "<!here|x>", "<@U0MEMBER01>", "<#C0GENERAL1>", "<!subteam^S1>", "<!date^1^x|y>"],
)
@pytest.mark.parametrize("form", ["{}", "`{}`", "**{}**", "a {} b", "&lt;{}&gt;"])
def test_no_control_form_acts_in_any_dress(alarm: str, form: str) -> None:
    for blocks in (sections(form.format(alarm)), context(form.format(alarm))):
        assert faults_of({"blocks": blocks}) == []


def test_code_can_be_copied_as_it_is() -> None:
    assert seen(mrkdwn("write `@bot /model set a<b & c`")) == "write `@bot /model set a<b & c`"
    assert JOINER not in mrkdwn("write `@bot /model set a<b & c`")


def test_lines_stay_lines_and_empty_ones_too() -> None:
    (text,) = texts(sections("one\n\n• two\n• three"))
    assert text == "one\n\n• two\n• three"


@pytest.mark.parametrize("words", ["", "\n\n", "\u202e\u0000"])
def test_no_words_are_a_sign(words: str) -> None:
    assert texts(sections(words)) == ["…"]


def test_a_line_that_is_longer_than_a_block_is_cut_and_nothing_of_it_is_lost() -> None:
    line = "word & " * 700
    found = texts(sections(line))
    assert len(found) > 1
    assert all(len(text) <= BLOCK_CHARS for text in found)
    assert "".join(seen("".join(found)).split()) == "".join(line.split())


def test_what_is_longer_than_a_message_is_cut_with_a_sign() -> None:
    found = texts(sections("\n".join(f"line {n}" for n in range(5_000))))
    assert sum(map(len, found)) <= TOTAL_CHARS + len(found)
    assert found[-1].endswith("…")
    assert found[0].startswith("line 0\nline 1\n")


def test_a_section_is_never_folded_and_never_read_by_slack() -> None:
    (section,) = sections("**x**")
    assert section["expand"] is True
    assert section["text"]["verbatim"] is True


@given(st.text(st.characters(), max_size=300))
def test_any_words_fit_and_are_inert(words: str) -> None:
    blocks = sections(words)
    assert faults_of({"blocks": blocks}) == []
    for text in texts(blocks):
        assert 0 < len(text) <= BLOCK_CHARS + 2
        text.encode()
