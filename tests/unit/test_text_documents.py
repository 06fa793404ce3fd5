"""Whole documents, as models write them: nothing is lost at any limit, and no length of anything costs too much."""

import re
import sys
import time
from collections.abc import Callable
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.discord import render as discord
from adapters.slack import render as slack
from tests.unit.test_text_properties import PLATFORMS, Render, assert_inert, decoded, units

pytestmark = pytest.mark.usefixtures("untraced")  # the same lines thousands of times

WORDS = [
    *[
        "alpha",
        "beta.",
        "gamma!",
        "日本語です。",
        "漢字",
        "👩‍👩‍👧",
        "🇩🇪",
        "e\u0301te",
        "مرحبا",
        "a_b_c",
    ],
    *[
        "**bold**",
        "_it_",
        "`co de`",
        "~~gone~~",
        "2*3*4",
        "x<y",
        "AT&T",
        "wordwithoutanyplacetocutatall",
    ],
]
LINES = ["x = 1", "if a < b & c:", "    deep", "", "`tick`", "日本語 = 👩‍👩‍👧", "y" * 50]
CELLS = ["a", "bb", "日本", "👩‍👩‍👧", "`c`", "**d**", "x&y", "a cell of some length"]


def _rows(columns: int, cells: list[str]) -> str:
    head = "| " + " | ".join(f"h{n}" for n in range(columns)) + " |\n|" + "---|" * columns
    rows = [cells[at : at + columns] for at in range(0, len(cells), columns)]
    return "\n".join([head, *("| " + " | ".join(row) + " |" for row in rows)])


words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=14).map(" ".join)
code = st.lists(st.sampled_from(LINES), max_size=8).map("\n".join)
fences = st.builds(
    lambda marker, info, body: f"{marker}{info}\n{body}\n{marker}",
    st.sampled_from(["```", "````", "~~~"]),
    st.sampled_from(["", "python"]),
    code,
)
texts = st.one_of(
    words,
    st.builds(lambda level, title: "#" * level + " " + title, st.integers(1, 6), words),
    st.builds(lambda title, line: f"{title}\n{line}", words, st.sampled_from(["===", "---"])),
    st.lists(st.builds(lambda deep, item: "  " * deep + "- " + item, st.integers(0, 2), words)).map(
        "\n".join
    ),
    st.lists(words, max_size=5).map(
        lambda all: "\n".join(f"{n}. {w}" for n, w in enumerate(all, 3))
    ),
    st.lists(words, max_size=3).map(lambda all: "\n".join("> " + said for said in all)),
    fences,
    fences.map(lambda fence: "- item\n  " + fence.replace("\n", "\n  ")),
    st.just("---"),
)
redrawn = st.one_of(  # what a platform spells in its own way
    st.builds(_rows, st.integers(1, 4), st.lists(st.sampled_from(CELLS), min_size=1, max_size=16)),
    st.sampled_from(
        [
            *[
                "[site](https://a.example/x)",
                "<https://b.example>",
                "see https://c.example/p(1)?q=1.",
            ],
            *["[ref]\n\n[ref]: https://d.example", "![pic](https://e.example/p.png)"],
            *[
                "[x](javascript:alert)",
                "https://例え.example/ü",
                "[https://a.example](https://b.example)",
            ],
        ]
    ),
)
MARKERS = re.compile(r"(?m)^[ >-]*(?:`{3,}|~{3,})[^\n`]*$")
limits = st.integers(100, 260)


def letters(text: str) -> str:
    """What of a text is neither mark nor blank, the lines that open or close a fence left out."""
    return re.sub(r"[\W_]", "", MARKERS.sub("", text))


@pytest.mark.parametrize("render", PLATFORMS)
@settings(max_examples=40)
@given(text=st.lists(texts, min_size=1, max_size=6).map("\n\n".join), limit=limits)
def test_every_letter_of_a_document_is_shown_once_and_in_order(
    render: Render, text: str, limit: int
) -> None:
    shown = [message.replace("\u2060", "") for message in render(text, final=True, limit=limit)]
    seen = [decoded(message) if render is slack.render else message for message in shown]
    assert "".join(map(letters, seen)) == letters(text)


@pytest.mark.parametrize("render", PLATFORMS)
@settings(max_examples=40)
@given(
    text=st.lists(st.one_of(texts, redrawn), min_size=1, max_size=6).map("\n\n".join),
    limit=limits,
    cuts=st.lists(st.integers(0, 600), max_size=12),
)
def test_a_document_that_grows_in_any_steps_ends_as_it_would_have_come_at_once(
    render: Render, text: str, limit: int, cuts: list[int]
) -> None:
    full: list[str] = []
    for end in [*sorted(set(cuts)), len(text)]:
        shown = render(text[:end], final=False, limit=limit)
        assert shown[: len(full)] == full
        full = shown[:-1]
        for message in shown:
            assert message.strip()
            assert units(message) <= limit
            assert_inert(render, message)
    assert render(text, final=True, limit=limit)[: len(full)] == full


def test_a_fence_that_has_no_room_left_begins_the_next_message_with_all_of_its_marker() -> None:
    """A heading may not stand alone at the end, so the fence's first line was cut: "~", then "~~python"."""
    text = (
        "# alpha alpha alpha alpha alpha alpha alpha alpha alpha **bold** alpha alpha gamma! AT&T"
        "\n\n~~~python\n\n~~~"
    )
    assert slack.render(text, final=True, limit=60)[-1] == "~~~python\n\n~~~"


@pytest.mark.parametrize("render", PLATFORMS)
def test_a_table_of_which_no_message_can_hold_a_row_or_the_header_loses_nothing(
    render: Render,
) -> None:
    wide = " ".join(f"cell{n}" for n in range(60))
    for text in (
        f"| a | b |\n|---|---|\n| {wide} | x |\n| y | z |",
        f"| {wide} | b |\n|---|---|\n| y | z |",
    ):
        shown = render(text, final=True, limit=200)
        assert max(map(units, shown)) <= 200
        seen = re.findall(r"cell\d+|\b[xyz]\b", "\n".join(shown))
        assert seen[: len(wide.split())] == wide.split()
        assert set(seen) >= set(re.findall(r"cell\d+|\b[xyz]\b", text))


@pytest.mark.parametrize("extra", [-1, 0, 1])
@pytest.mark.parametrize("render", PLATFORMS)
def test_a_text_that_meets_the_limit_exactly_is_one_message_and_one_sign_more_is_two(
    render: Render, extra: int
) -> None:
    limit = slack.LIMIT if render is slack.render else discord.LIMIT
    text = ("word " * limit)[: limit + extra - 1] + "x"
    shown = render(text, final=True)
    assert len(shown) == (2 if extra > 0 else 1)
    assert "".join(shown) == text


@pytest.mark.parametrize("render", PLATFORMS)
def test_what_cannot_be_seen_is_no_message(render: Render) -> None:
    for text in (
        "",
        " \n\t\n",
        "\x00\x1b\x7f",
        "\u200b",
        "\ufeff\u200d\u2060",
        "\u202e\u2066",
        "\ud83d",
    ):
        for final in (True, False):
            assert render(text, final=final) == [], ascii(text)


# ---- cost --------------------------------------------------------------------------------------------------

HOSTILE = [
    *[
        "[",
        "*",
        "**a",
        "`",
        "``a",
        "<",
        "&lt;",
        "> ",
        "- ",
        "1. ",
        "| a ",
        "![](",
        "](",
        "@",
        "\\",
        "~",
    ],
    *[
        "_a",
        "#",
        " ",
        "\n",
        "a\n\n",
        "|---",
        "日",
        "👩‍👩‍👧",
        "\u0301",
        "[a](b",
        "(",
        '"',
        "<@",
        "||",
    ],
    *["https://a", "``` \n", "[a]: b\n", "a|b\n", "[x](<", "<a@b.c>", "* * ", "\ta\n", "&#1;"],
]
LONG = 1_200  # characters; as many calls for each of them would be work that grows with the square
MOST_CALLS = 300  # for a character

SLACKS = [
    ("[", 56_000),
    ("![", 28_000),
    ("`a``b```c", 6_000),
    (">", 56_000),
    ("*a **b ", 8_000),
    ("- ", 28_000),
]
DISCORDS = [
    ("[", 56_000),
    ("[a](", 14_000),
    ("`\n", 20_000),
    ("<a:", 18_000),
    ("|", 56_000),
    ("\\", 50_000),
]


def calls(work: Callable[[], object]) -> int:
    count = 0

    def note(_: FrameType, event: str, __: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("render", PLATFORMS)
def test_no_text_costs_more_than_its_length_allows(render: Render) -> None:
    render("warm", final=True)
    for piece in HOSTILE:
        text = (piece * LONG)[:LONG]
        for final in (True, False):
            assert (
                calls(lambda t=text, f=final: render(t, final=f, limit=800)) < MOST_CALLS * LONG
            ), piece


@pytest.mark.parametrize(
    ("render", "text"),
    [
        *[pytest.param(slack.render, text * size, id=f"slack {text}") for text, size in SLACKS],
        *[
            pytest.param(discord.render, text * size, id=f"discord {text}")
            for text, size in DISCORDS
        ],
    ],
)
def test_very_long_hostile_text_is_shown_in_bounded_time(render: Render, text: str) -> None:
    before = time.process_time()
    assert render(text, final=True)
    assert time.process_time() - before < 5  # about 0.5 s; without bounds it is minutes
