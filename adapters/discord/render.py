"""Model text becomes Discord message contents in which nothing mentions, previews or imitates us.

Nearly as typed, since Discord reads Markdown itself. But it reads more than Markdown (spoilers,
small text, timestamps, emoji, commands) and finds code in other places; the last step therefore
reads each finished message the way Discord does and breaks whatever is still alive outside code.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from adapters.text import draw, tables
from adapters.text.clean import JOINER, clean, units, without_bidi
from adapters.text.links import BARE, Target, check, names, trimmed
from adapters.text.pages import pages
from adapters.text.tables import Columns

# UTF-16 units of one message: Discord's 2,000 with room for the footer and for what it may count
# otherwise (https://discord.com/developers/docs/resources/message).
LIMIT = 1_900
# Columns of a fixed-width table that a narrow window still shows.
TABLE_WIDTH = 60

# As _READING below it begins with a shortcut: where nothing of it can begin, it is not tried.
_LIVE = re.compile(
    rf"""(?-i:(?=[<@\]|`\\hHdD]|\b\w[\w+.\-]{{0,30}}:))
      (?:(?P<url>{BARE.pattern})
      | (?P<joined><(?=[@\#:/!&]|a:|t:|id:|[a-z][\w+.\-]*:|\Z) | @(?=everyone|here) | \](?=\()
          | discord(?:app)?\.(?:gg|com/invite)(?=/) | \b(?!https?:)[a-z][a-z0-9+.\-]{{1,30}}:(?=//))
      | (?P<slashed>\|{{2,}} | `+ | \\(?=[^\x00-\x7f])))""",
    re.VERBOSE | re.IGNORECASE,
)
# What acts in a notice; a hyphen in a name and an underscore inside a word do not.
_MARKS = re.compile(
    r"[\\*~`|<>\[\]]|_(?![^\W_])|(?<![^\W_])_|:(?=//)|\#(?=[\s\#]|$)|[-+](?=[\s\#]|$)"
)
_SEARCHED = re.compile(
    r"<(?=[\\\w@#:/!&])|@(?=everyone|here)|discord(?:app)?\.(?:gg|com/invite)(?=/)", re.IGNORECASE
)
_TICKS = re.compile("`{3,}")
_ASCII = re.compile(r"[\x00-\x7f]+")
_ADDRESS = re.compile(r"(?:https?://|mailto:)([^\s/?#]*)\S*", re.IGNORECASE)

# Discord's own reading: what is an escape, what is code, and what acts everywhere else.
_READING = re.compile(
    r"""(?=[<\\`@|h]|^)
      (?:(?P<fine><https?://[^\s<>]+> | \\[^0-9A-Za-z\s<@])
      | (?P<code>```\n*[^\n][\s\S]*?``` | (?P<tick>`+)(?!`)[\s\S]*?[^`](?P=tick)(?!`))
      | (?P<joined><(?=[@\#:/]|a:|t:|id:) | @(?=everyone|here) | https?:(?=//))
      | (?P<slashed>\|\|)
      | (?P<small>^[ \t>]*)(?=-\#(?:\s|$)) | (?P<quote>^[ \t]*)(?=>>>\s))""",
    re.VERBOSE | re.MULTILINE,
)


def render(text: str, *, final: bool, limit: int = LIMIT) -> list[str]:
    """The content of each message that shows a model's text, growing or final."""
    return pages(text, _Discord(), limit=limit, final=final)


def escape(text: str) -> str:
    """Foreign words for a notice of ours: on one line, with no markup, mention or link."""
    return _escaped(" ".join(clean(text).split()))


def _escaped(text: str) -> str:
    """Every mark that acts protected, and no sequence left that a server could find by searching."""
    slashed = _MARKS.sub(lambda mark: "\\" + mark[0], without_bidi(text))
    return _SEARCHED.sub(lambda found: found[0] + JOINER, slashed)


def _slashed(text: str) -> str:
    return "".join("\\" + character for character in text)


@dataclass(frozen=True, slots=True)
class _TableSize:
    """A table costs as much as the form it is drawn in: columns, or a line for each cell."""

    columns: Columns
    head: tuple[str, str]
    lead: int
    lines: int  # in fixed width, without the marks of the fence
    odd: int  # what cells add to their width: marks to be joined, signs of more units than columns
    pairs: int  # as lines of `key: value`

    @classmethod
    def of(cls, head: tuple[str, str], lead: int) -> "_TableSize":
        empty = cls(Columns.of(head), head, lead, lines=1, odd=0, pairs=0)
        return empty._with(tables.cells(head[0], tables.columns(head)), pairs=0)

    @property
    def total(self) -> int:
        if self.columns.width > TABLE_WIDTH and self.pairs:
            return self.pairs
        return self.lines * (self.columns.width + self.lead + 1) + self.odd + 2 * self.lead + 7

    def after(self, row: str) -> "_TableSize":
        cells = tables.cells(row, tables.columns(self.head))
        cost = _Discord().cost
        pairs = sum(cost(line) + self.lead + 1 for line in _pairs(self.head, cells))
        return self._with(cells, pairs=self.pairs + pairs + self.lead + 1)

    def _with(self, cells: list[str], *, pairs: int) -> "_TableSize":
        words = [tables.words(cell) for cell in cells]
        odd = sum(_Discord().code_cost(word) - tables.width(word) for word in words)
        wider = self.columns.with_row(cells)
        return replace(self, columns=wider, lines=self.lines + 1, odd=self.odd + odd, pairs=pairs)


def _pairs(head: tuple[str, str], row: list[str]) -> list[str]:
    """A row as lines of `key: value`, still source."""
    keys = tables.cells(head[0], len(row))
    return [f"{key}: {value}" if key else value for key, value in zip(keys, row, strict=True)]


class _Discord:
    """Discord's side of the shared renderer."""

    one_table = False

    def cost(self, source: str) -> int:
        extra = sum(
            source.count(mark) for mark in ("<", "@", "|", "`", "\\", "](", "://", "-#", ">>>")
        )
        return units(source) + extra + source.lower().count("discord") + _address_cost(source)

    def code_cost(self, source: str) -> int:
        extra = sum(source.count(mark) for mark in ("<", "@", "|", "`", "://", "-#", ">>>"))
        return units(source) + extra

    def indented_cost(self, source: str) -> int:
        return 3 * units(source)  # every mark protected, some joined

    def table_size(self, head: tuple[str, str], lead: str) -> "_TableSize":
        return _TableSize.of(head, len(lead))

    def text(self, source: str, *, label: bool) -> str:
        def inert(found: re.Match[str]) -> str:
            if found["url"]:
                return _address(found["url"], label=label)
            if found["joined"]:
                return found["joined"] + JOINER
            return _slashed(found["slashed"])

        return _LIVE.sub(inert, without_bidi(source))

    def escaped(self, character: str) -> str:
        return "\\" + character + (JOINER if character in "<@" else "")

    def code(self, source: str) -> str:
        # Three backticks inside would open a block of code for Discord.
        marks = source[: len(source) - len(source.lstrip("`"))]
        if len(marks) > 2 or "```" not in source:
            return source
        return marks + self.fenced(source[len(marks) : -len(marks)], "`") + marks

    def opening(self, source: str) -> str:
        return source

    def fenced(self, source: str, markup: str) -> str:
        # Discord ends a block at the first three backticks, wherever they stand.
        if not markup.startswith("`"):
            return source
        return _TICKS.sub(lambda ticks: JOINER.join(ticks[0]), source)

    def indented(self, source: str) -> str:
        # Discord knows no code by indentation: what shall look as typed must be protected.
        body = source.lstrip()
        return source[: len(source) - len(body)] + _escaped(body)

    def link(self, label: str, plain: str, target: Target) -> str:
        beside = "" if names(plain, target) else f" ({target.host})"
        if target.url.startswith("mailto:"):
            return f"{label}{beside}"
        if plain in (target.url, target.host):
            return _bracketed(target.url)
        return f"[{label}]({_bracketed(target.url)}){beside}"

    def autolink(self, typed: str, target: Target) -> str:
        if target.url.startswith("mailto:"):
            return target.host
        return _bracketed(typed if target.as_typed else target.url)

    def image(self, alt: str, plain: str, target: Target) -> str:
        return f"{alt} {_bracketed(target.url)}"

    def table(self, head: tuple[str, str], rows: Sequence[str], lead: str) -> str:
        count = tables.columns(head)
        cells = [tables.cells(row, count) for row in rows]
        grid = Columns.of(head).with_row(tables.cells(head[0], count))
        for row in cells:
            grid = grid.with_row(row)
        if grid.width <= TABLE_WIDTH or not rows:
            drawn = [self.fenced(line, "```") for line in grid.lines(head, cells)]
            lines = ["```", *drawn, "```"]
        else:
            blocks = [[draw.paragraph(pair, self) for pair in _pairs(head, row)] for row in cells]
            lines = [line for block in blocks for line in (*block, "")][:-1]
        below = re.sub(r"[^ \t>]", " ", lead)
        return "\n".join((below if at else lead) + line for at, line in enumerate(lines))

    def loose_row(self, head: tuple[str, str], row: str) -> str:
        return "\n".join(_pairs(head, tables.cells(row, tables.columns(head))))

    def line(self, lead: str, drawn: str) -> str:
        # Small text is the form of the bot's own notices.
        return lead + ("\\" if drawn.startswith("-#") else "") + drawn

    def inert(self, message: str) -> str:
        def mended(found: re.Match[str]) -> str:
            if found["joined"]:
                return found["joined"] + JOINER
            if found["slashed"]:
                return _slashed(found["slashed"])
            if found["small"] is not None or found["quote"] is not None:
                return found[0] + "\\"
            return found[0]

        return _READING.sub(mended, message)


def _address(typed: str, *, label: bool) -> str:
    """A bare address in angle brackets, which has no preview; broken if it is none."""
    url = trimmed(typed)
    rest = typed[len(url) :]
    target = check(url)
    if target is None or label:
        return url.replace("://", f":{JOINER}//", 1) + rest
    return _bracketed(url if target.as_typed else target.url) + rest


def _bracketed(url: str) -> str:
    """An address without a preview, and without a mention that a server could find by searching."""
    return f"<{re.sub('@(?=everyone|here)', '%40', url)}>"


def _address_cost(source: str) -> int:
    """What the addresses in a source may add: brackets, the host beside, encoding."""
    if ":" not in source:
        return 0
    extra = 0
    for found in _ADDRESS.finditer(source):
        whole = found[0]
        odd = 3 * len(_ASCII.sub("", whole).encode())
        extra += len(found[1]) + 5 + odd + 2 * sum(whole.count(mark) for mark in '()[]|^{}`"\\')
    return extra
