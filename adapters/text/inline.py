"""A paragraph's source becomes spans that know where in the source they stand.

The parser is markdown-it's; only its loop is ours, because its tokens do not keep their place and
we want to send a model's own spelling wherever nothing has to change. Emphasis and entities are
not asked for: both are sent as they were typed.
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token


class Kind(Enum):
    """What a span is."""

    TEXT = "text"
    ESCAPE = "escape"  # a backslash and the character it protects
    CODE = "code"
    LINK = "link"
    AUTOLINK = "autolink"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the source; a link has the spans of its label."""

    kind: Kind
    start: int
    end: int
    href: str = ""
    label: tuple["Span", ...] = ()
    alt: str = ""


class AnyLink(MarkdownIt):
    """The parser with every address let through untouched: `links.check` is the one judge."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the parser's own name
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the parser's own name
        return url


class _SpanParser(ParserInline):
    """The parser's loop, which also notes what each rule consumed."""

    def tokenize(self, state: StateInline) -> None:
        rules = self.ruler.getRules("")
        end = state.posMax
        limit = state.md.options["maxNesting"]
        spans: list[Span] = []
        words = state.pos  # where the text begins that no span holds yet
        while state.pos < end:
            start, before = state.pos, len(state.tokens)
            if not (state.level < limit and any(rule(state, False) for rule in rules)):
                state.append_pending(state.src[state.pos])
                state.pos += 1
            if len(state.tokens) > before and state.tokens[-1].type in _OF:
                if words < start:
                    spans.append(Span(Kind.TEXT, words, start))
                spans.append(_OF[state.tokens[-1].type](state.tokens[-1], start, state))
                words = state.pos
        if words < state.pos:
            spans.append(Span(Kind.TEXT, words, state.pos))
        if state.pending:
            state.pushPending()
        state.env["spans"] = spans


def _code(_: Token, start: int, state: StateInline) -> Span:
    return Span(Kind.CODE, start, state.pos)


def _escape(_: Token, start: int, state: StateInline) -> Span:
    return Span(Kind.ESCAPE, start, state.pos)


def _image(token: Token, start: int, state: StateInline) -> Span:
    href = str(token.attrs.get("src", ""))
    return Span(Kind.IMAGE, start, state.pos, href=href, alt=token.content)


def _link(token: Token, start: int, state: StateInline) -> Span:
    if token.info == "auto":
        return Span(Kind.AUTOLINK, start, state.pos, href=_href(state))
    label = tuple(state.env["spans"])
    return Span(Kind.LINK, start, state.pos, href=_href(state), label=label)


# Tokens that end a span of their own; all others are text.
_OF = {"code_inline": _code, "text_special": _escape, "image": _image, "link_close": _link}


def _href(state: StateInline) -> str:
    """The address of the link that was closed last; links do not nest, but their labels may."""
    depth = 0
    for token in reversed(state.tokens):
        depth += (token.type == "link_close") - (token.type == "link_open")
        if depth == 0:
            return str(token.attrs.get("href", ""))
    return ""


@cache
def _parser() -> MarkdownIt:
    parser = AnyLink("commonmark", {"html": False})
    parser.inline = _SpanParser()
    parser.inline.ruler.disable(["linkify", "emphasis", "strikethrough", "html_inline", "entity"])
    parser.inline.ruler2.enableOnly([])
    return parser


# Brackets that open in one paragraph without being closed, or inside each other; the parser's work
# grows with the square of their number, and no honest text has that many.
MOST_OPEN = 50


# Most paragraphs hold nothing that a rule of the parser looks for: to see that costs a hundredth of asking it.
_SPANS = re.compile(r"[\\`\[<]")
_MARKUP = re.compile(r"[\\`*_~\[\]!<&]|[ ]\n|\n[ ]")


def spans(source: str) -> tuple[Span, ...]:
    """The spans of one paragraph, without gaps and in order."""
    if not _SPANS.search(source):
        return (Span(Kind.TEXT, 0, len(source)),) if source else ()
    if source.count("[") > MOST_OPEN and _most_open(source) > MOST_OPEN:
        return (Span(Kind.TEXT, 0, len(source)),)
    parser = _parser()
    state = StateInline(source, parser, {}, [])
    parser.inline.tokenize(state)
    return tuple(state.env["spans"])


def _most_open(source: str) -> int:
    depth = most = 0
    for mark in re.findall(r"[\[\]]", source):
        depth = depth + 1 if mark == "[" else max(0, depth - 1)
        most = max(most, depth)
    return most


@cache
def _reader() -> MarkdownIt:
    return AnyLink("commonmark", {"html": False}).enable("strikethrough")


def plain(source: str) -> str:
    """What a reader sees of a paragraph when nothing can be drawn: words, and addresses of links."""
    if not _MARKUP.search(source):
        return source
    if source.count("[") > MOST_OPEN and _most_open(source) > MOST_OPEN:
        return source
    parts: list[str] = []
    opened: list[tuple[int, str]] = []
    for token in _reader().parseInline(source)[0].children or []:
        match token.type:
            case "text" | "text_special" | "code_inline":
                parts.append(token.content)
            case "softbreak" | "hardbreak":
                parts.append("\n")
            case "image":
                parts.append(f"{token.content} ({token.attrs.get('src', '')})".lstrip())
            case "link_open":
                opened.append((len(parts), str(token.attrs.get("href", ""))))
            case "link_close" if opened:
                at, href = opened.pop()
                label = "".join(parts[at:])
                if label not in (href, href.removeprefix("mailto:")):
                    parts.append(f" ({href})")
            case _:
                pass
    return "".join(parts)
