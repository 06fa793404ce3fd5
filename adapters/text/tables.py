"""A table's source lines become cells, and cells become columns that line up in fixed width."""

import re
from dataclasses import dataclass
from functools import lru_cache

from wcwidth import wcswidth

from adapters.text.clean import without_bidi
from adapters.text.inline import plain

_PIPE = re.compile(r"(?<!\\)\|")
_MARKUP = re.compile(r"[\\`*_~\[\]<&!]")


def cells(row: str, columns: int) -> list[str]:
    """The sources of a row's cells, as many as the header has; what is too much joins the last."""
    parts = [part.strip().replace("\\|", "|") for part in _PIPE.split(row.strip())]
    if len(parts) > 1 and parts[0] == "":
        parts.pop(0)
    if len(parts) > 1 and parts[-1] == "":
        parts.pop()
    kept = [*parts[: columns - 1], " | ".join(parts[columns - 1 :])]
    return kept + [""] * (columns - len(kept))


def columns(head: tuple[str, str]) -> int:
    """How many columns a table has: as many as its delimiter row."""
    return len([mark for mark in head[1].split("|") if mark.strip()])


# Cells are asked for again at each row that is added and at each redraw.
@lru_cache(maxsize=4096)
def words(cell: str) -> str:
    """A cell as it reads without markup, on one line."""
    text = plain(cell) if _MARKUP.search(cell) else cell
    return without_bidi(" ".join(text.split()))


@dataclass(frozen=True, slots=True)
class Columns:
    """The widths of a table's columns, which grow with its rows."""

    widths: tuple[int, ...]

    @classmethod
    def of(cls, head: tuple[str, str]) -> "Columns":
        return cls((1,) * columns(head))

    @property
    def width(self) -> int:
        return sum(self.widths) + len(_GAP) * (len(self.widths) - 1)

    def with_row(self, row: list[str]) -> "Columns":
        wide = (width(words(cell)) for cell in row)
        return Columns(tuple(map(max, self.widths, wide)))

    def lines(self, head: tuple[str, str], rows: list[list[str]]) -> list[str]:
        """The table in fixed width: header, rule, rows."""
        sides = [mark.strip() for mark in head[1].split("|") if mark.strip()]
        table = [cells(head[0], len(self.widths)), *rows]
        drawn = [_GAP.join(map(_padded, map(words, row), self.widths, sides)) for row in table]
        return [drawn[0], "-+-".join("-" * wide for wide in self.widths), *drawn[1:]]


_GAP = " | "


def _padded(cell: str, wide: int, side: str) -> str:
    room = wide - width(cell)
    if side.startswith(":") and side.endswith(":") and len(side) > 1:
        return " " * (room // 2) + cell + " " * (room - room // 2)
    return " " * room + cell if side.endswith(":") else cell + " " * room


def width(text: str) -> int:
    """Columns that a text takes; letters of East Asia and emoji take two."""
    return len(text) if text.isascii() else max(0, wcswidth(text))
