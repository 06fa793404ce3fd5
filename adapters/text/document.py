"""A text becomes its lines, each with the block that it belongs to and where its content starts.

Blocks are found by markdown-it; how far the containers' marks (`> `, `- `, indentation) reach into
a line is noted by its rules while they run. Reference definitions are no blocks here: one that
comes late would change messages that are already sent. They are shown as typed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from adapters.text.inline import AnyLink


class Kind(Enum):
    """What a line is."""

    TEXT = "text"
    OPEN = "open"  # a fence's first line
    CODE = "code"
    CLOSE = "close"
    INDENTED = "indented"  # code by indentation, which chat platforms may not know
    HEAD = "head"  # a table's header, its delimiter row in tow
    ROW = "row"
    MARK = "mark"  # blank lines, rules, underlines: nothing in them can mean more


class Rank(IntEnum):
    """How good it is to begin a new message with a line; smaller is better."""

    HEADING = 0
    BLOCK = 1
    ITEM = 2
    NESTED = 3
    LINE = 4
    NEVER = 9


@dataclass(slots=True, eq=False)
class Leaf:
    """A block that holds content: a paragraph, a heading, a fence, a table."""

    quote: str = ""  # the `> ` marks to repeat
    lead: str = ""  # what stands before a fence's marker
    markup: str = ""  # a fence's marker
    info: str = ""
    head: tuple[str, str] = ("", "")  # a table's first two lines, without lead
    heading: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the text, without its end."""

    kind: Kind
    lead: str  # the containers' marks and indentation, sent as they are
    text: str
    leaf: Leaf
    rank: Rank = Rank.LINE


# A lead may hold nothing else; whatever claims to be one and does not match is text.
LEAD = re.compile(r"(?:[ \t>]|[-+*](?=[ \t]|$)|\d{1,9}[.)](?=[ \t]|$))*")
_QUOTE = re.compile(r"[ \t>]*>[ \t]?")
# Rules whose blocks hold content, with the blocks that they may interrupt (markdown-it's own lists).
_LEAVES = {
    "table": ["paragraph", "reference"],
    "code": [],
    "fence": ["paragraph", "reference", "blockquote", "list"],
    "hr": ["paragraph", "reference", "blockquote", "list"],
    "heading": ["paragraph", "reference", "blockquote"],
    "lheading": [],
    "paragraph": [],
}
# Characters of a table's first line. Until the second one is there, the first may be either text
# or table; a longer one is text, so that a growing text need not be held back any longer.
LONGEST_HEAD = 400

_Rule = Callable[[StateBlock, int, int, bool], bool]


@dataclass(frozen=True, slots=True)
class _Found:
    rule: str
    first: int
    offsets: tuple[int, ...]  # into the source, where each line's content starts
    starts: tuple[int, ...]  # where each line starts, quote marks left out


def _noting(name: str, rule: _Rule) -> _Rule:
    def noted(state: StateBlock, first: int, end: int, silent: bool) -> bool:
        if name == "table" and state.eMarks[first] - state.bMarks[first] > LONGEST_HEAD:
            return False
        ok = rule(state, first, end, silent)
        if ok and not silent:
            lines = range(first, state.line)
            offsets = tuple(state.bMarks[n] + state.tShift[n] for n in lines)
            starts = tuple(state.bMarks[n] for n in lines)
            state.env["found"].append(_Found(name, first, offsets, starts))
        return ok

    return noted


@cache
def _parser() -> MarkdownIt:
    parser = AnyLink("commonmark", {"html": False}).enable("table")
    rules = {rule.name: rule.fn for rule in parser.block.ruler.__rules__}
    for name, alt in _LEAVES.items():
        parser.block.ruler.at(name, _noting(name, rules[name]), {"alt": alt})
    parser.block.ruler.disable(["reference", "html_block"])
    return parser


def read(text: str) -> list[Line]:
    """The lines of a cleaned text, all of them and in order."""
    raw = text.split("\n")
    found: list[_Found] = []
    tokens: list[Token] = []
    parser = _parser()
    parser.block.parse(text, parser, {"found": found}, tokens)
    begin = [0]
    for source in raw:
        begin.append(begin[-1] + len(source) + 1)
    lines: dict[int, Line] = {}
    for block in found:
        for at, line in enumerate(_lines(block, raw, begin)):
            lines[block.first + at] = line
    items = {
        token.map[0]: token.level
        for token in reversed(tokens)  # of two items on one line the outer one counts
        if token.type == "list_item_open" and token.map
    }
    return _ranked([lines.get(at) or _loose(source) for at, source in enumerate(raw)], items)


def plain(text: str) -> list[Line]:
    """The lines of a text that is not to be read as Markdown."""
    return [_loose(source) for source in text.split("\n")]


def _loose(source: str) -> Line:
    """A line outside any block: blank, marks alone, or nested deeper than the parser goes."""
    if LEAD.fullmatch(source):
        return Line(Kind.MARK, source, "", Leaf())
    return Line(Kind.TEXT, "", source, Leaf())


def _lines(block: _Found, raw: list[str], begin: list[int]) -> list[Line]:
    """The lines of one block."""
    here = range(block.first, block.first + len(block.offsets))
    sources = [raw[at] for at in here]
    marks = [offset - begin[at] for at, offset in zip(here, block.offsets, strict=True)]
    bare = [start - begin[at] for at, start in zip(here, block.starts, strict=True)]
    leads = [source[:mark] for source, mark in zip(sources, marks, strict=True)]
    texts = [source[mark:] for source, mark in zip(sources, marks, strict=True)]
    quote = _QUOTE.match(leads[0])
    leaf = Leaf(quote=quote.group() if quote else "")
    match block.rule:
        case "hr":
            return [Line(Kind.MARK, leads[0], texts[0], leaf)]
        case "code":
            return [
                Line(Kind.INDENTED, source[:mark], source[mark:], leaf)
                for source, mark in zip(sources, bare, strict=True)
            ]
        case "fence":
            return _fence(leaf, leads[0], texts, sources, bare)
        case "table":
            leaf.head = (texts[0], texts[1])
            rows = [
                Line(Kind.ROW, lead, text, leaf)
                for lead, text in zip(leads[2:], texts[2:], strict=True)
            ]
            head = Line(Kind.HEAD, leads[0], texts[0], leaf, Rank.BLOCK)
            return [head, Line(Kind.HEAD, leads[1], texts[1], leaf, Rank.NEVER), *rows]
        case "lheading":
            body = _text(leaf, leads[:-1], texts[:-1])
            return [*body, Line(Kind.MARK, leads[-1], texts[-1], leaf)]
        case rule:
            leaf.heading = rule == "heading"
            return _text(leaf, leads, texts)


def _text(leaf: Leaf, leads: list[str], texts: list[str]) -> list[Line]:
    rank = Rank.HEADING if leaf.heading else Rank.LINE
    return [
        Line(Kind.TEXT, lead, text, leaf, rank) for lead, text in zip(leads, texts, strict=True)
    ]


def _fence(
    leaf: Leaf, lead: str, texts: list[str], sources: list[str], bare: list[int]
) -> list[Line]:
    marker = texts[0][0]
    leaf.markup = texts[0][: len(texts[0]) - len(texts[0].lstrip(marker))]
    leaf.info = texts[0][len(leaf.markup) :]
    # A list's own mark is not repeated when the fence is opened again: blanks keep its place.
    leaf.lead = re.sub(r"[^ \t>]", " ", lead)
    lines = [Line(Kind.OPEN, lead, texts[0], leaf, Rank.BLOCK)]
    last = texts[-1].rstrip()
    closed = len(texts) > 1 and len(last) >= len(leaf.markup) and not last.strip(marker)
    for source, mark in zip(sources[1:], bare[1:], strict=True):
        lines.append(Line(Kind.CODE, source[:mark], source[mark:], leaf))
    if closed:
        lines[-1] = Line(Kind.CLOSE, leaf.lead, leaf.markup, leaf, Rank.NEVER)
    return lines


def _ranked(lines: list[Line], items: dict[int, int]) -> list[Line]:
    """The lines with the worth of a new message before each; only what stands above counts."""
    ranked: list[Line] = []
    before: Line | None = None
    above: Line | None = None  # the last line that is not blank
    for at, line in enumerate(lines):
        rank = Rank.NEVER if above and above.leaf.heading else _rank(line, before, items.get(at))
        ranked.append(_with_rank(line, rank))
        before = line
        if not _blank(line):
            above = line
    return ranked


def _blank(line: Line) -> bool:
    return line.kind is Kind.MARK and not line.text and not line.lead.strip()


def _with_rank(line: Line, rank: Rank) -> Line:
    return line if rank is line.rank else Line(line.kind, line.lead, line.text, line.leaf, rank)


def _rank(line: Line, before: Line | None, item: int | None) -> Rank:
    if line.rank is Rank.NEVER or (before and before.kind is Kind.OPEN):
        return Rank.NEVER
    if line.kind is Kind.CODE or _blank(line):
        return Rank.LINE
    if item is not None:
        # markdown-it's level of an item that stands in no other item is 1.
        return Rank.ITEM if item <= 1 else Rank.NESTED
    if line.rank is Rank.HEADING:
        return line.rank
    if line.kind is Kind.ROW:
        return Rank.NEVER if before and before.kind is Kind.HEAD else Rank.LINE
    blank = before is not None and _blank(before)
    indented = line.lead[:1] in (" ", "\t")
    if blank and indented:
        return Rank.NESTED
    ended = before is not None and before.kind in (Kind.CLOSE, Kind.ROW)
    return Rank.BLOCK if blank or ended or line.rank is Rank.BLOCK else Rank.LINE
