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
class Grid:
    """A table as lines of equal width, ready for a fixed-width font."""

    lines: tuple[str, ...]
    width: int

    @classmethod
    def of(cls, head: tuple[str, str], rows: list[list[str]]) -> "Grid":
        count = columns(head)
        table = [[words(cell) for cell in row] for row in [cells(head[0], count), *rows]]
        widths = [max(1, *(_width(row[at]) for row in table)) for at in range(count)]
        sides = [mark.strip() for mark in head[1].split("|") if mark.strip()]
        lines = [
            " | ".join(
                _padded(cell, w, side) for cell, w, side in zip(row, widths, sides, strict=True)
            )
            for row in table
        ]
        rule = "-+-".join("-" * width for width in widths)
        return cls((lines[0], rule, *lines[1:]), len(rule))


def _padded(cell: str, width: int, side: str) -> str:
    room = width - _width(cell)
    if side.startswith(":") and side.endswith(":") and len(side) > 1:
        return " " * (room // 2) + cell + " " * (room - room // 2)
    return " " * room + cell if side.endswith(":") else cell + " " * room


def _width(text: str) -> int:
    """Columns that a text takes; letters of East Asia and emoji take two."""
    return len(text) if text.isascii() else max(0, wcswidth(text))
