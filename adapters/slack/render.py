"""Model text becomes Markdown for Slack's `markdown` blocks in which nothing is alive but links.

Outside code `&`, `<` and `>` are entities and a word joiner breaks what could become a mention,
however it was written; inside code only exact control forms are broken. Slack does not document
what its Markdown reader decodes, so a message must be inert however often it is decoded.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from adapters.text import document, draw
from adapters.text.clean import JOINER, clean, units, without_bidi
from adapters.text.clusters import clusters
from adapters.text.document import Kind
from adapters.text.inline import Kind as SpanKind
from adapters.text.inline import Span, plain, spans
from adapters.text.links import BARE, Target, check, names, trimmed
from adapters.text.pages import pages

# Characters of one message: Slack's 12,000 with room for what it counts otherwise
# (https://docs.slack.dev/reference/block-kit/blocks/markdown-block).
LIMIT = 11_000
# Characters of the `text` field: Slack refuses from about 4,000 in some workspaces.
FALLBACK_LIMIT = 3_000
# How often a text is decoded before it counts as never-ending.
DECODINGS = 8

_AMP = r"&(?:amp;?)*"
_LESS = rf"(?:<|{_AMP}(?:lt;?|LT;?|\#0*60;?|\#[xX]0*3[cC];?))"
_SIGN = (
    rf"(?:[!@\#]|{_AMP}(?:excl;|commat;|num;|\#0*(?:33|64|35)(?!\d);?"
    r"|\#[xX]0*(?:21|40|23)(?![0-9a-fA-F]);?))"
)
# What a control form of Slack's says after its sign.
_WORD = r"(?:(?i:channel|here|everyone|group)\b|(?:subteam|date)\^|[UWBCDGS][A-Z0-9]*(?=[|>&]))"
_LINK_FORM = r"(?:https?|mailto):[^<>\s|]*\|"
_CONTROL = re.compile(rf"<(?:[!@\#]{_WORD}|{_LINK_FORM})")
_CONTROL_IN_CODE = re.compile(rf"{_LESS}(?={_SIGN}{_WORD}|{_LINK_FORM})")

_LIVE = re.compile(
    rf"""(?P<url>{BARE.pattern})
      | (?P<less>{_LESS})(?P<open>(?![\s=\-/<>"'0-9,.;)]|[A-Za-z](?![\w+.\-]*:|[^\s<>]{{0,99}}\|)))?
      | (?P<scheme>\b(?!https?:)[a-z][a-z0-9+.\-]{{1,30}}:)(?=//)
      | (?P<bracket>\](?=[(:]) | !(?=\[) | @(?=(?:channel|here|everyone|group)\b))
      | (?P<entity>[&>])""",
    re.VERBOSE | re.IGNORECASE,
)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ENTITY = re.compile("[&<>]")
_ASCII = re.compile(r"[\x00-\x7f]+")
_ADDRESS = re.compile(r"(<|\[\]\()?(?:https?://|mailto:)([^\s/?#]*)\S*", re.IGNORECASE)


def render(text: str, *, final: bool, limit: int = LIMIT, closed: bool = True) -> list[str]:
    """The Markdown of each message that shows a model's text, growing or final; not `closed`: to be appended to."""
    drawn = pages(text, _Slack(), limit=limit, final=final, closed=closed)
    return [message for message in drawn if message.strip(f" \t\n{JOINER}")]


def escape(text: str) -> str:
    """Foreign words for a mrkdwn string of ours: on one line, with no mention, link or markup."""
    return _FORMAT.sub(
        lambda mark: JOINER + mark[0] + JOINER, _mrkdwn(" ".join(clean(text).split()))
    )


def fallback(markdown: str) -> str:
    """What notifications and screen readers get of a message: its words, inert, cut if long."""
    source = html.unescape(clean(markdown).replace(JOINER, ""))
    text = "\n".join(_words(source)).strip()
    escaped = _mrkdwn(text)
    if units(escaped) <= FALLBACK_LIMIT:
        return escaped
    kept: list[str] = []
    room = FALLBACK_LIMIT - 1  # for the ellipsis
    for cluster in clusters(text[:FALLBACK_LIMIT]):
        room -= units(_mrkdwn(cluster)) + 1  # a sign may get a joiner once its neighbour is known
        if room < 0:
            break
        kept.append(cluster)
    return _mrkdwn("".join(kept).rstrip()) + "…"


def _words(markdown: str) -> Iterator[str]:
    for line in document.read(markdown):
        match line.kind:
            case Kind.OPEN | Kind.CLOSE:
                continue
            case Kind.TEXT:
                yield line.lead + plain(line.text)
            case _:
                yield line.lead + line.text


_MRKDWN = re.compile(rf"(?P<less>{_LESS})|(?P<entity>[&>])|(?P<sign>@(?=\w)|:(?=//))")
# Bold, italic, struck and code; inside a word they mean nothing.
_FORMAT = re.compile(r"`|[*_~](?!\w)|(?<!\w)[*_~]")


def _mrkdwn(text: str) -> str:
    def inert(found: re.Match[str]) -> str:
        if found["less"]:
            return _entities(found["less"]) + JOINER
        if found["entity"]:
            return _ENTITIES[found["entity"]]
        return found["sign"] + JOINER

    # Slack reads a quote where a line starts with the entity, too.
    return re.sub(r"(?m)^(?=&gt;)", JOINER, _MRKDWN.sub(inert, without_bidi(text)))


# How an entity begins that a reader of Markdown or HTML would decode.
_AN_ENTITY = r"(?:(?i:lt|gt|amp)|\#|\w+;)"
_AMP_IN_ADDRESS = re.compile(rf"&(?={_AN_ENTITY})|[<>]")


def _href(url: str) -> str:
    """An address as it is to be followed. Slack was seen not to decode entities there (PostHog/posthog#95054), so an
    ampersand stays one where nothing can be made of it."""
    return _AMP_IN_ADDRESS.sub(lambda found: _ENTITIES[found[0]], url)


def _entities(text: str) -> str:
    return _ENTITY.sub(lambda found: _ENTITIES[found[0]], text)


@dataclass(frozen=True, slots=True)
class _TableSize:
    """A table costs what its lines cost."""

    total: int
    lead: int

    def after(self, row: str) -> "_TableSize":
        return _TableSize(self.total + _Slack().cost(row) + self.lead + 1, self.lead)


class _Slack:
    """Slack's side of the shared renderer."""

    one_table = True  # two tables in one message were refused where tables are blocks of their own

    def cost(self, source: str) -> int:
        extra = 5 * source.count("&") + 4 * source.count("<") + 3 * source.count(">")
        extra += source.count("@") + source.count("://") + source.count("![")
        extra += source.count("](") + source.count("]:") + source.startswith(("```", "~~~"))
        return units(source) + extra + _address_cost(source)

    def code_cost(self, source: str) -> int:
        return units(source) + source.count("<") + source.count("&")

    def indented_cost(self, source: str) -> int:
        return self.code_cost(source) + source.count("](") + source.count("![")

    def table_size(self, head: tuple[str, str], lead: str) -> "_TableSize":
        return _TableSize(sum(self.cost(line) + len(lead) + 1 for line in head) - 1, len(lead))

    def text(self, source: str, *, label: bool) -> str:
        def inert(found: re.Match[str]) -> str:
            if found["url"]:
                return _address(found["url"], label=label)
            if found["less"]:
                return _entities(found["less"]) + (JOINER if found["open"] is not None else "")
            if found["entity"]:
                return _ENTITIES[found["entity"]]
            return found[0] + JOINER

        return _LIVE.sub(inert, without_bidi(source))

    def escaped(self, character: str) -> str:
        # A backslash before an entity would protect its ampersand, so there the entity stands alone.
        if character in _ENTITIES:
            return _ENTITIES[character] + JOINER
        return "\\" + character

    def code(self, source: str) -> str:
        return _CONTROL_IN_CODE.sub(lambda found: found[0] + JOINER, source)

    def opening(self, source: str) -> str:
        return self.code(source)

    def fenced(self, source: str, markup: str) -> str:
        return self.code(source)

    def indented(self, source: str) -> str:
        # Whether Slack reads code by indentation is unknown: nothing in it may be a link either.
        return re.sub(r"\](?=\()|!(?=\[)", lambda found: found[0] + JOINER, self.code(source))

    def link(self, label: str, plain: str, target: Target) -> str:
        beside = "" if names(plain, target) else f" ({_entities(target.host)})"
        return f"[{label}]({_href(target.url)}){beside}"

    def autolink(self, typed: str, target: Target) -> str:
        shown = _entities(target.url.removeprefix("mailto:"))
        return f"[{shown}]({_href(target.url)})"

    def image(self, alt: str, plain: str, target: Target) -> str:
        return self.link(alt, plain, target)

    def table(self, head: tuple[str, str], rows: Sequence[str], lead: str) -> str:
        below = re.sub(r"[^ \t>]", " ", lead)
        lines = [self._row(head[0]), head[1], *(self._row(row) for row in rows)]
        return "\n".join((below if at else lead) + line for at, line in enumerate(lines))

    def _row(self, row: str) -> str:
        cells = re.split(r"(?<!\\)\|", row)
        return "|".join(draw.paragraph(cell, self) for cell in cells)

    def loose_row(self, head: tuple[str, str], row: str) -> str:
        return row

    def line(self, lead: str, drawn: str) -> str:
        # Not a fence to our parser; another reader shall not take it for one.
        return lead + (JOINER if drawn.startswith(("```", "~~~")) else "") + drawn

    def inert(self, message: str) -> str | None:
        return None if _alive(message) else message


def _address(typed: str, *, label: bool) -> str:
    """A bare address: as typed if it is what it looks like, mended if not, else broken."""
    url = trimmed(typed)
    rest = _entities(typed[len(url) :])
    target = check(url)
    if target is None or label:
        return _entities(url.replace("://", f":{JOINER}//", 1)) + rest
    if target.as_typed:
        return _href(url) + rest
    return f"[{_entities(target.url)}]({_href(target.url)}){rest}"


def _address_cost(source: str) -> int:
    """What the addresses in a source may add: the host beside, encoding, the address as a label."""
    if ":" not in source:
        return 0
    extra = 0
    for found in _ADDRESS.finditer(source):
        host, whole = found[2], found[0]
        odd = 3 * len(_ASCII.sub("", whole).encode())
        strange = odd or "@" in host or bool(found[1])
        encoded = 2 * sum(whole.count(mark) for mark in '()[]|^{}`"\\')
        extra += len(host) + 8 + encoded + odd + (units(whole) + encoded + odd if strange else 0)
    return extra


# While an answer grows, its full messages are asked about again and again.
@lru_cache(maxsize=64)
def _alive(message: str) -> bool:
    """Whether anything in a finished message could act, read as Markdown and decoded to the end."""
    decoded = message
    for _ in range(DECODINGS):
        decoded, before = html.unescape(decoded), decoded
        if _CONTROL.search(decoded):
            return True
        if decoded == before:
            break
    else:
        return True
    paragraphs: dict[int, list[str]] = {}
    for line in document.read(message):
        if not document.LEAD.fullmatch(line.lead):
            return True
        if line.kind is Kind.TEXT:
            paragraphs.setdefault(id(line.leaf), []).append(line.text)
        elif line.kind in (Kind.HEAD, Kind.ROW):
            paragraphs[len(paragraphs)] = [line.text]
    return any(
        _span_alive(span, source)
        for source in map("\n".join, paragraphs.values())
        for span in spans(source)
    )


_RAW = re.compile(rf"[<>]|&(?={_AN_ENTITY})(?!(?:amp|lt|gt);)")


def _span_alive(span: Span, source: str) -> bool:
    match span.kind:
        case SpanKind.TEXT | SpanKind.ESCAPE:
            return _RAW.search(source, span.start, span.end) is not None
        case SpanKind.CODE:
            return False
        case SpanKind.LINK:
            return check(span.href) is None or any(_span_alive(s, source) for s in span.label)
        case _:
            return True
