"""Text of a model becomes the messages of one platform: read, settle, split, draw, check."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from adapters.text import document, draw
from adapters.text.clean import clean, units
from adapters.text.clusters import clusters
from adapters.text.dialect import Dialect
from adapters.text.document import Kind, Line
from adapters.text.growing import closers, settled
from adapters.text.split import Part, messages
from bot.words import blank

log = logging.getLogger(__name__)

# Columns of indentation from which Markdown reads code where a list was meant.
CODE_INDENT = 4


def pages(
    text: str, dialect: Dialect, *, limit: int, final: bool, closed: bool = True
) -> list[str]:
    """The messages that show a text, in order; none for a text without anything to see. While it grows, what is open at
    its end is closed for display; not `closed` is for platforms that append: what comes later begins with it."""
    text = clean(text)
    lines = _lines(text)
    lines, certain = (lines, len(lines)) if final else settled(lines)
    split = list(messages(lines, dialect, limit, certain))
    shown: list[str] = []
    for at, parts in enumerate(split):
        growing = not final and at == len(split) - 1
        message = _message(parts, dialect, limit, growing=growing)
        if message is not None and growing and not closed:
            message = message.removesuffix(_closing(parts)).rstrip()
        shown += _chunks(_plain(parts, dialect), limit) if message is None else [message]
    return [message for message in shown if not blank(message)]


def _lines(text: str) -> list[Line]:
    try:
        return document.read(text)
    except (RecursionError, RuntimeError, LookupError, ValueError) as fault:
        log.warning("a text is shown plain: the parser failed with %s", type(fault).__name__)
        return document.plain(text)


def _message(parts: list[Part], dialect: Dialect, limit: int, *, growing: bool) -> str | None:
    """One message, drawn and checked; None if it must be shown plain."""
    try:
        drawn = _drawn(parts, dialect, "")
        if growing:
            drawn = _display(parts, dialect, limit, drawn)
        checked = dialect.inert(_fitting(drawn, limit))
    except (RecursionError, RuntimeError, LookupError, ValueError) as fault:
        log.warning("a message is shown plain: drawing failed with %s", type(fault).__name__)
        return None
    if checked is None or units(checked) > limit:
        log.warning("a message is shown plain: it did not pass the last check")
        return None
    return checked


def _chunks(text: str, limit: int) -> Iterator[str]:
    """A text cut wherever a message is full; nothing in it needs to stay together."""
    chunk, size = "", 0
    for cluster in clusters(text):
        wide = units(cluster)
        if size + wide > limit:
            yield chunk
            chunk, size = "", 0
        chunk, size = chunk + cluster[:limit], size + wide
    yield chunk


def _display(parts: list[Part], dialect: Dialect, limit: int, drawn: str) -> str:
    """The last message of a growing text: what is open is closed, the end is bare."""
    close = _closing(parts) if parts[-1].kind is Kind.TEXT else ""
    closed = _drawn(parts, dialect, close) if close else drawn
    return (closed if units(closed.rstrip()) <= limit else drawn).rstrip()


def _closing(parts: list[Part]) -> str:
    """What stands at the end of a growing text's last message only to close what is open there."""
    last = parts[-1]
    if last.made:
        return last.line.lead + last.line.text
    if last.kind is not Kind.TEXT:
        return ""
    return closers("\n".join(p.line.text for p in parts if p.line.leaf is last.line.leaf))


def _fitting(message: str, limit: int) -> str:
    """A line end that is one too many is not part of what is seen."""
    return message if units(message) <= limit else message.rstrip()


def _drawn(parts: list[Part], dialect: Dialect, close: str) -> str:
    pieces: list[str] = []
    for _, group in groupby(_dedented(parts), key=lambda part: (id(part.line.leaf), _way(part))):
        run = list(group)
        at_end = close if run[-1].line.leaf is parts[-1].line.leaf else ""
        pieces.append(_block(run, dialect, at_end))
    return "".join(pieces)


def _way(part: Part) -> str:
    return "table" if part.kind in (Kind.HEAD, Kind.ROW) else part.kind.value


def _block(run: list[Part], dialect: Dialect, close: str) -> str:
    """Parts of one block that are drawn together."""
    leaf = run[0].line.leaf
    match run[0].kind:
        case Kind.HEAD | Kind.ROW:
            rows = [part.line.text for part in run if part.kind is Kind.ROW]
            lead = run[0].line.lead if run[0].kind is Kind.HEAD else leaf.quote
            return dialect.table(leaf.head, rows, lead) + run[-1].end
        case Kind.TEXT:
            source = "\n".join(part.line.text for part in run)
            body = source.rstrip() if close else source
            texts = draw.paragraph(body + close + source[len(body) :], dialect).split("\n")
            drawn = [
                dialect.line(part.line.lead, text) for part, text in zip(run, texts, strict=True)
            ]
        case Kind.OPEN:
            drawn = [part.line.lead + dialect.opening(part.line.text) for part in run]
        case Kind.CODE:
            drawn = [part.line.lead + dialect.fenced(part.line.text, leaf.markup) for part in run]
        case Kind.INDENTED:
            drawn = [part.line.lead + dialect.indented(part.line.text) for part in run]
        case Kind.CLOSE:
            drawn = [part.line.lead + part.line.text for part in run]
        case Kind.MARK:
            drawn = [dialect.line(part.line.lead, part.line.text) for part in run]
    return "".join(text + part.end for text, part in zip(drawn, run, strict=True))


def _plain(parts: list[Part], dialect: Dialect) -> str:
    """The message as typed, with nothing in it alive: what is sent when all else fails."""
    return "".join(
        dialect.line("", dialect.text(part.line.lead + part.line.text, label=True)) + part.end
        for part in parts
    )


def _dedented(parts: list[Part]) -> list[Part]:
    """The parts, moved left where a message starts so deep in a list that it would be read as code."""
    lead = parts[0].line.lead
    indent = lead[: len(lead) - len(lead.lstrip(" \t"))]
    if len(indent.expandtabs(CODE_INDENT)) < CODE_INDENT or parts[0].kind is Kind.INDENTED:
        return parts
    moved: list[Part] = []
    for at, part in enumerate(parts):
        line = part.line
        fenced = line.leaf.markup and line.kind is not Kind.TEXT
        if not (fenced or line.lead.startswith(indent) or part.blank):
            return [*moved, *parts[at:]]
        lead, text = line.lead.removeprefix(indent), line.text
        if line.kind is Kind.CODE and lead == line.lead:
            text = text.removeprefix(indent)  # a fence's lines keep their indentation as text
        moved.append(replace(part, line=replace(line, lead=lead, text=text)))
    return moved
