"""The end of a text that still grows: what is held back, and what is closed for display."""

import re
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

from adapters.text.document import LONGEST_HEAD, Kind, Line

# What may wait at the end before it is shown as it is, in characters: at most a few hundred. A
# table's header is no longer than that either.
HELD = LONGEST_HEAD

# Marks that the next characters may turn into something else: a list, a rule, a fence.
_MARKS_ONLY = re.compile(r"(?:\d{0,9}[.)]?|[-+*>#=_~`|:\s]+)")
_OPENS = re.compile(r"[`*_~]")
_DELIMITERS = re.compile(r"[\s|:-]*")
_TAIL = re.compile(
    r"""(?:
      !?\[[^\[\]\n]*(?:\](?:\([^()\n]*(?:\([^()\n]*\)?[^()\n]*)?)?)?  # a link
    | <(?=[!@\#:/&A-Za-z]|$)[^<>\s]*                                 # a mention, an autolink
    | &\#?\w{0,32}                                                   # an entity
    | https?:\S*                                                     # an address
    | @\w{0,10}
    | (?<!\S)[*_~`|]+ | [`|~]+ | \\                                  # a mark without its word
    )$""",
    re.VERBOSE,
)


def settled(lines: list[Line]) -> tuple[list[Line], int]:
    """The lines without what is not yet known to be what it looks like, and how many are certain.

    A line after those may still turn out to be a table's header: it is shown, but no message may
    be cut because of it.
    """
    certain = _certain(lines)
    shown = _shown(lines)
    return shown, min(certain, len(shown))


def _shown(lines: list[Line]) -> list[Line]:
    last = lines[-1]
    heads = len(lines) > 1 and _may_head(lines[-2])
    delimits = heads and last.leaf is lines[-2].leaf and _DELIMITERS.fullmatch(last.text)
    match last.kind:
        case Kind.HEAD:
            return lines[:-2]  # one more column, and it is no table
        case Kind.OPEN | Kind.ROW:
            return lines[:-1]
        case Kind.CODE:
            marks = last.text.strip()
            return lines[:-1] if marks and not marks.strip(last.leaf.markup[0]) else lines
        case Kind.MARK if last.text or last.lead.strip():
            return lines[:-2] if delimits else lines[:-1]
        case Kind.MARK:
            return lines[:-2] if heads else lines
        case Kind.TEXT if delimits:
            return lines[:-2]
        case Kind.TEXT if _MARKS_ONLY.fullmatch(last.text) or _may_head(last):
            return lines[:-1]
        case Kind.TEXT:
            return [*lines[:-1], _trimmed(last)]
        case _:
            return lines


def _certain(lines: list[Line]) -> int:
    """How many lines no later text can make part of a table that is not one yet."""
    last = lines[-1]
    if len(lines) > 1 and _may_head(lines[-2]):
        blank = last.kind is Kind.MARK and not last.lead + last.text
        if blank or (last.leaf is lines[-2].leaf and _DELIMITERS.fullmatch(last.text)):
            return len(lines) - 2
    return len(lines) - (last.kind is Kind.TEXT and len(last.text) <= HELD)


def _may_head(line: Line) -> bool:
    """Whether the next line may make this one a table's header."""
    return line.kind is Kind.TEXT and "|" in line.text and len(line.text) <= HELD


def _trimmed(line: Line) -> Line:
    found = _TAIL.search(line.text, max(0, len(line.text) - HELD))
    if not found:
        return line
    return Line(line.kind, line.lead, line.text[: found.start()], line.leaf, line.rank)


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("strikethrough")
    parser.inline.ruler2.after("balance_pairs", "note", _note)
    return parser


def _note(state: StateInline) -> None:
    state.env["open"] = [
        (delimiter.token, chr(delimiter.marker) * (2 if chr(delimiter.marker) == "~" else 1))
        for delimiter in state.delimiters
        if delimiter.open and delimiter.end < 0
    ]


def closers(source: str) -> str:
    """The marks that close what a paragraph's end leaves open: code, else emphasis.

    Only a mark at the start of a word counts; a star in the middle of a formula is no emphasis.
    """
    body = source.rstrip()
    if not _OPENS.search(body):
        return ""
    ticks = _open_code(body)
    if ticks:
        return ticks
    env: dict[str, list[tuple[int, str]]] = {}
    tokens = _parser().parseInline(body, env)[0].children or []
    opened = env.get("open", [])
    if not opened or not tokens:
        return ""
    found = re.finditer(r"(?<![^\s(\"'*_~])(\*{1,3}|_{1,3}|~~)(?=\S)", body)
    starts = [mark[1] for mark in found]
    marks = "".join(mark for _, mark in opened)
    for mark in reversed(starts):
        if marks.endswith(mark[::-1]):
            return mark[::-1]
    return ""


def _open_code(source: str) -> str:
    """A run of backticks that nothing closes yet and that starts a word."""
    at = 0
    while (run := re.compile("`+").search(source, at)) is not None:
        close = re.compile(rf"(?<!`){run[0]}(?!`)").search(source, run.end())
        if close is None:
            starts_word = run.start() == 0 or source[run.start() - 1] in " \t\n(*_\"'"
            return run[0] if starts_word and run.end() < len(source) else ""
        at = close.end()
    return ""
