"""Spans of a paragraph become what a platform may be sent."""

import re

from adapters.text.clean import JOINER
from adapters.text.dialect import Dialect
from adapters.text.inline import Kind, Span, spans
from adapters.text.links import check

# Ends and beginnings of spans that together would be read as an image or as a link.
_NEIGHBOURS = frozenset({"![", "]("})
_MARKS = re.compile(r"\\([!-/:-@\[-`{-~])|[*_~`]+")


def paragraph(source: str, dialect: Dialect, *, label: bool = False) -> str:
    """A paragraph's source, its links checked and its control syntax inert; as many lines as before."""
    return _drawn(spans(source), source, dialect, label=label)


def _drawn(found: tuple[Span, ...], source: str, dialect: Dialect, *, label: bool) -> str:
    parts: list[str] = []
    for span in found:
        part = _one(span, source, dialect, label=label)
        if parts and parts[-1][-1:] + part[:1] in _NEIGHBOURS:
            parts.append(JOINER)
        parts.append(part)
    return "".join(parts)


def _one(span: Span, source: str, dialect: Dialect, *, label: bool) -> str:
    typed = source[span.start : span.end]
    match span.kind:
        case Kind.TEXT:
            return dialect.text(typed, label=label)
        case Kind.ESCAPE:
            return dialect.escaped(typed[1:])
        case Kind.CODE:
            return dialect.code(typed)
        case Kind.AUTOLINK:
            target = check(span.href)
            if target is None or label:
                return dialect.text(typed, label=label)
            return dialect.autolink(typed[1:-1], target)
        case Kind.LINK:
            inner = _drawn(span.label, source, dialect, label=True)
            text = source[span.label[0].start : span.label[-1].end] if span.label else ""
        case Kind.IMAGE:
            text = span.alt
            inner = paragraph(text, dialect, label=True)
    drawn = _link(span, text, inner, typed, dialect, label=label)
    return drawn + "\n" * (typed.count("\n") - drawn.count("\n"))


def _link(span: Span, text: str, inner: str, typed: str, dialect: Dialect, *, label: bool) -> str:
    target = check(span.href)
    image = span.kind is Kind.IMAGE
    if target is None or label:
        mark = f"!{JOINER}" if image else ""
        opening = typed.index("[") + 1
        rest = dialect.text(typed[opening + len(text) + 2 :], label=label)
        return f"{mark}[{inner}]{JOINER}({rest}"
    plain = _MARKS.sub(lambda mark: mark[1] or "", text).strip()
    if not plain:
        return dialect.autolink(target.url, target)
    return (dialect.image if image else dialect.link)(inner, plain, target)
