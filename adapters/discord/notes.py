"""The bot's own words become small lines, which model text cannot pass for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from adapters.discord import render
from adapters.text.clean import units

SMALL = "-# "  # Discord's small text; render breaks it wherever a model writes it
LONGEST = 1_900  # UTF-16 units of a message, as for model text
_MARKUP = re.compile(r"\*\*(?P<bold>[^*\n]+)\*\*|`(?P<code>[^`\n]+)`")
_WORDS = re.compile(r"\s*\S{1,300}")  # a word, or a piece of what has no spaces


def pages(words: str) -> list[str]:
    """The contents of the messages that say our words, a small line for each of theirs."""
    found: list[str] = []
    for line in _lines(words):
        if found and units(found[-1]) + 1 + units(line) <= LONGEST:
            found[-1] += "\n" + line
        else:
            found.append(line)
    return found


def line(words: str) -> str:
    """One message's worth of our words, for the end of an answer."""
    return pages(words)[0] if words.strip() else ""


def _lines(words: str) -> Iterator[str]:
    """`**bold**` and `` `code` `` are our only markup; the rest may be anybody's words."""
    for row in words.split("\n"):
        for piece in _short(row):
            yield SMALL + "".join(_drawn(piece)).strip()


def _short(row: str) -> Iterator[str]:
    """A row in pieces that fit a message when every sign of them is escaped."""
    piece = ""
    for word in _WORDS.findall(row):
        if piece and units(piece) + units(word) > LONGEST // 3:
            yield piece
            piece = ""
        piece += word
    if piece.strip():
        yield piece


def _drawn(row: str) -> Iterator[str]:
    end = 0
    for mark in _MARKUP.finditer(row):
        yield _inert(row[end : mark.start()])
        yield f"**{_inert(mark['bold'])}**" if mark["bold"] else f"`{mark['code']}`"
        end = mark.end()
    yield _inert(row[end:])


def _inert(words: str) -> str:
    """Escaped, with the spaces at its ends."""
    before = " " if words[:1].isspace() else ""
    after = " " if words.strip() and words[-1:].isspace() else ""
    return before + render.escape(words) + after
