"""A figure that was measured becomes a line of a table: what it is, what it should be, what came out, a verdict."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

Measure = Callable[[], Awaitable[Sequence["Row"]]]
"""What measures some figures: any module's coroutine function without arguments. `__main__.py` lists them."""

HEAD = "| figure | target | measured (median) | runs | verdict |\n|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `runs` holds one value for each run, in `unit`; `most` or `least` is the target, in the same unit.

    `beside` is what was measured beside it in the same run, or what the figure rests on; it stands below the table's
    figure. A row without runs is one that could not be measured, and `beside` says why.
    """

    figure: str
    runs: Sequence[float]
    unit: str = ""
    most: float | None = None
    least: float | None = None
    beside: str = ""
    key: str = ""  # under which `scaling` reckons with it

    @property
    def measured(self) -> float:
        """The median of the runs."""
        return median(self.runs)

    @property
    def reached(self) -> bool | None:
        """Whether the target is; None where there is none."""
        if not self.runs:
            return None if self.most is self.least is None else False
        if self.most is not None:
            return self.measured <= self.most
        return None if self.least is None else self.measured >= self.least

    @property
    def target(self) -> str:
        if self.most is not None:
            return f"≤ {said(self.most, self.unit)}"
        return "stated" if self.least is None else f"≥ {said(self.least, self.unit)}"

    @property
    def verdict(self) -> str:
        if not self.runs:
            return "**not measured**"
        return {True: "reached", False: "**missed**", None: "–"}[self.reached]

    @property
    def spread(self) -> str:
        """How far the runs lie apart."""
        if len(self.runs) < 2:
            return str(len(self.runs))
        low, high = said(min(self.runs)), said(max(self.runs))
        return f"{len(self.runs)}: {low}–{high}"

    def __str__(self) -> str:
        figure = self.figure + (f"<br>*{self.beside}*" if self.beside else "")
        measured = f"**{said(self.measured, self.unit)}**" if self.runs else "–"
        return f"| {figure} | {self.target} | {measured} | {self.spread} | {self.verdict} |"


def table(rows: Iterable[Row]) -> str:
    """The rows as one Markdown table."""
    return "\n".join([HEAD, *map(str, rows)])


def said(value: float, unit: str = "") -> str:
    """A number with three digits that count, and its unit."""
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}{' ' if unit else ''}{unit}"
