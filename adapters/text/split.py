"""Lines become messages, each within the limit and each valid alone.

A message is filled line by line; when the next line does not fit, the best place among those
already seen is taken. That place depends on nothing that comes later, so a message that is full
stays as it is while the text grows.
"""

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from adapters.text.clusters import boundary
from adapters.text.dialect import Dialect, TableSize
from adapters.text.document import Kind, Leaf, Line, Rank

# A better kind of place is taken only where the message before it is at least this full.
FULL_ENOUGH = 0.4
# Part of the limit that a fence's opening line may take when it is repeated; else it is bare.
INFO_SHARE = 0.2

# Where a hard cut would part what belongs together. The pattern reads from left to right and
# needs no end, so that it finds the same in a text and in its beginning.
_WHOLE = re.compile(
    r"""\[[^\[\]]{0,300}(?:\](?:\([^()]{0,800}(?:\([^()]{0,200}\)?[^()]{0,400})?\)?)?)?
      | <[^<>\s]{1,300}>? | https?://\S+ | &\#?\w{1,32};? | \\. | `+[^`]{0,200}`* | @\w{1,32}""",
    re.VERBOSE,
)
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])")
_WORD = re.compile(r"\s(?=\S)")
# A message that starts with one of these may be read as a list, a heading, a quote, a table.
_BLOCK_START = frozenset("-+*>#=~|`0123456789")


@dataclass(frozen=True, slots=True)
class Part:
    """A line, or a piece of one, as it stands in a message."""

    line: Line
    end: str = "\n"
    made: bool = False  # ours: a fence closed or opened again
    certain: bool = True  # nothing that comes later can make it part of another block

    @property
    def kind(self) -> Kind:
        return self.line.kind

    @property
    def blank(self) -> bool:
        """An empty line always fits: at the end of a message nobody sees it."""
        return self.line.kind is Kind.MARK and not (self.line.lead + self.line.text).strip()

    @property
    def inside(self) -> bool:
        """Whether a fence is open after it."""
        return self.line.kind in (Kind.OPEN, Kind.CODE) and bool(self.line.leaf.markup)


@dataclass(slots=True)
class _Message:
    """The message that is being filled."""

    dialect: Dialect
    parts: list[Part] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)  # of the message up to and with each part
    table: TableSize | None = None  # of the table at the end
    before_table: int = 0

    @property
    def size(self) -> int:
        return self.sizes[-1] if self.sizes else 0

    def fits(self, part: Part, limit: int) -> bool:
        """Whether the message can hold this part too, and what must close it."""
        if part.kind in (Kind.HEAD, Kind.ROW):
            base, table = self._with_row(part)
            return base + table.total + _break(part) <= limit
        return self.size + _cost(part, self.dialect) + _reserve(part) + _break(part) <= limit

    def add(self, part: Part) -> None:
        if part.kind in (Kind.HEAD, Kind.ROW):
            self.before_table, self.table = self._with_row(part)
            self.sizes.append(self.before_table + self.table.total + len(part.end))
        else:
            self.sizes.append(self.size + _cost(part, self.dialect) + len(part.end))
        self.parts.append(part)

    def _with_row(self, part: Part) -> tuple[int, TableSize]:
        """What stands before the table that this row belongs to, and the table with it."""
        leaf = part.line.leaf
        base, table = self.before_table, self.table
        if table is None or self.parts[-1].line.leaf is not leaf:
            base, table = self.size, self.dialect.table_size(leaf.head, leaf.quote)
        return base, table.after(part.line.text) if part.kind is Kind.ROW else table

    def has_table(self, leaf: Leaf) -> bool:
        return any(p.kind in (Kind.HEAD, Kind.ROW) and p.line.leaf is not leaf for p in self.parts)


def _cost(part: Part, dialect: Dialect) -> int:
    return len(part.line.lead) + _measure(part.line, dialect)(part.line.text)


def _measure(line: Line, dialect: Dialect) -> Callable[[str], int]:
    match line.kind:
        case Kind.CLOSE:
            return len  # as much as was kept free for it
        case Kind.OPEN | Kind.CODE:
            return dialect.code_cost
        case Kind.INDENTED:
            return dialect.indented_cost
        case _:
            return dialect.cost


def _reserve(part: Part) -> int:
    """What closing the fence would take, with the line ends around it."""
    leaf = part.line.leaf
    return len(leaf.lead) + len(leaf.markup) + 2 if part.inside else 0


def _break(part: Part) -> int:
    """The line end after it and one empty line, so that messages joined are the text also where one paragraph ends."""
    return 2 * len(part.end)


def messages(lines: list[Line], dialect: Dialect, limit: int, certain: int) -> Iterator[list[Part]]:
    """The parts of each message, in order; joined they are the lines.

    Beyond the first `certain` lines no message is ended; what does not fit waits.
    """
    waiting = deque(_parts(lines, limit, certain))
    message = _Message(dialect)
    while waiting:
        part = waiting.popleft()
        if dialect.one_table and part.kind is Kind.HEAD and message.has_table(part.line.leaf):
            yield message.parts
            message = _Message(dialect)
        if part.blank or message.fits(part, limit):
            message.add(part)
            continue
        if not part.certain:
            break
        done, rest = _cut(message, part, limit)
        waiting.extendleft(reversed(rest))
        if done:
            yield _closed(done)
        message = _Message(dialect)
        if done and done[-1].inside:
            message.add(_opened(done[-1].line.leaf, dialect, limit))
    if any(not part.made for part in message.parts):
        yield _closed(message.parts)


def _parts(lines: list[Line], limit: int, certain: int) -> Iterator[Part]:
    last = len(lines) - 1
    for at, line in enumerate(lines):
        if line.kind is Kind.HEAD and line.rank is Rank.NEVER:
            continue  # the delimiter row travels with the header
        yield Part(_sane(line, limit), "\n" if at < last else "", certain=at < certain)


def _sane(line: Line, limit: int) -> Line:
    """The line, as text if its marks, or the first line of its fence, would fill a message."""
    leaf, most = line.leaf, limit // 4
    if len(line.lead) > most:
        return Line(Kind.TEXT, "", line.lead + line.text, Leaf(), line.rank)
    if len(leaf.lead) + len(leaf.markup) + len(leaf.info) > most:
        return Line(Kind.TEXT, line.lead, line.text, leaf, line.rank)
    return line


def _closed(parts: list[Part]) -> list[Part]:
    last = parts[-1]
    if not last.inside:
        return parts
    leaf = last.line.leaf
    # With a line end of its own: taken away with the opening line that follows, the code is whole.
    close = Part(Line(Kind.CLOSE, leaf.lead, leaf.markup, leaf), made=True)
    return [*parts[:-1], replace(last, end="\n"), close]


def _opened(leaf: Leaf, dialect: Dialect, limit: int) -> Part:
    text = leaf.markup + leaf.info
    if dialect.code_cost(text) > limit * INFO_SHARE:
        text = leaf.markup
    return Part(Line(Kind.OPEN, leaf.lead, text, leaf, Rank.NEVER), made=True)


def _cut(message: _Message, part: Part, limit: int) -> tuple[list[Part], list[Part]]:
    """The parts of the message that is done, and what goes into the next."""
    at = _place(message, part, limit * FULL_ENOUGH)
    if at is None:
        room = limit - message.size - len(part.line.lead) - _reserve(part)
        inner = _inside(part, message.dialect, room, hard=False)
        if inner:
            return _split(message, part, inner)
        at = _place(message, part, 0)
    if at is not None:
        return message.parts[:at], [*message.parts[at:], part]
    if part.kind is Kind.ROW:
        return message.parts, list(_loose(part, message.dialect))
    if part.kind is Kind.HEAD:
        return message.parts, list(_loose_head(part))
    room = limit - message.size - len(part.line.lead) - _reserve(part)
    inner = _inside(part, message.dialect, room, hard=True)
    if not inner and any(not done.made for done in message.parts):
        return message.parts, [part]  # a bad place is better than half a fence's marker
    return _split(message, part, inner or 1)


def _place(message: _Message, part: Part, least: float) -> int | None:
    """The best boundary between parts that leaves at least this much before it."""
    parts = [*message.parts, part]
    best: tuple[Rank, int] | None = None
    for at in range(1, len(parts)):
        rank = parts[at].line.rank
        if rank is Rank.NEVER or message.sizes[at - 1] < least or parts[at - 1].made:
            continue
        if best is None or rank <= best[0]:
            best = (rank, at)
    return best[1] if best else None


def _split(message: _Message, part: Part, at: int) -> tuple[list[Part], list[Part]]:
    line = part.line
    kind = Kind.TEXT if line.kind in (Kind.MARK, Kind.TEXT) else line.kind
    first = Part(replace(line, text=line.text[:at], kind=kind), "")
    rest = replace(line, lead=line.leaf.quote, text=line.text[at:], kind=kind, rank=Rank.LINE)
    return [*message.parts, first], [Part(rest, part.end)]


def _loose(part: Part, dialect: Dialect) -> Iterator[Part]:
    """A row that is longer than a message: text, line by line, and no more a table."""
    leaf = Leaf(quote=part.line.leaf.quote)
    lines = dialect.loose_row(part.line.leaf.head, part.line.text).split("\n")
    for at, text in enumerate(lines):
        end = part.end if at == len(lines) - 1 else "\n"
        yield Part(Line(Kind.TEXT, leaf.quote, text, leaf), end)


def _loose_head(part: Part) -> Iterator[Part]:
    leaf = Leaf(quote=part.line.leaf.quote)
    for text, end in zip(part.line.leaf.head, ("\n", part.end), strict=True):
        yield Part(Line(Kind.TEXT, leaf.quote, text, leaf), end)


def _inside(part: Part, dialect: Dialect, room: int, *, hard: bool) -> int:
    """Where to cut inside a line so that what stands before takes at most this room; 0 is nowhere."""
    line = part.line
    if line.kind in (Kind.OPEN, Kind.CLOSE, Kind.HEAD, Kind.ROW) or room <= 0:
        return 0
    measure = _measure(line, dialect)
    text = line.text
    end = bisect_right(range(len(text) + 1), room, key=lambda n: measure(text[:n])) - 1
    end = min(end, len(text) - 1)
    if end <= 0:
        return 0
    if line.kind is not Kind.TEXT:
        return boundary(text, end)
    whole = [found.span() for found in _WHOLE.finditer(text[: end + 1])]
    return _soft(text, end, whole) or (_hard(text, end, whole) if hard else 0)


def _soft(text: str, end: int, whole: list[tuple[int, int]]) -> int:
    """After the last sentence, else the last word."""
    window = text[: end + 1]
    for pattern, least in ((_SENTENCE, end // 2), (_WORD, 0)):
        places = [found.end() for found in pattern.finditer(window)]
        for at in reversed(places):
            if at > end or text[at] in _BLOCK_START or _parts_something(at, whole):
                continue
            if at > least:
                return at
            break
    return 0


def _hard(text: str, end: int, whole: list[tuple[int, int]]) -> int:
    """At the last grapheme cluster, before what must stay whole if it does not start the text."""
    at = boundary(text, end)
    for first, last in whole:
        if 0 < first < at < last:
            return boundary(text, first)
    return at


def _parts_something(at: int, whole: list[tuple[int, int]]) -> bool:
    return any(first < at < last for first, last in whole)
