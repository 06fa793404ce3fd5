"""The result of the proof, as it is printed and as it stands in docs/reliability.md."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.checker import Verdict
from tests.chaos.crashes import Crashes
from tests.chaos.history import Asked, Called, History, Left, Seen, Struck
from tests.chaos.measure import pauses

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- {}: begin -->", "<!-- {}: end -->"
LIMITS = {"kill worker": 15.0, "end worker": 2.0, "kill redis": 10.0}  # s; what is promised


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run, and what is wrong with it."""

    name: str
    history: History
    verdicts: Sequence[Verdict]
    seconds: float
    missed: Sequence[str] = field(default_factory=tuple)  # crash points that were never reached

    @property
    def fine(self) -> bool:
        return not self.verdicts and not self.missed

    def row(self) -> str:
        """A line of the table."""
        broken = Counter(verdict.kind for verdict in self.verdicts)
        wrong = ", ".join(f"{count} {kind}" for kind, count in broken.items()) or "none"
        if self.missed:
            wrong += f"; {len(self.missed)} points not reached"
        counts = [sum(1 for _ in self.history.of(kind)) for kind in (Asked, Struck, Called, Seen)]
        figures = " | ".join(f"{count:,}" for count in counts)
        return f"| {self.name} | {figures} | {self.seconds:.0f} s | {wrong} |"

    def slowest(self) -> list[str]:
        """A line for each kind of fault whose recovery is promised within some seconds."""
        return [
            f"| {self.name} | {pause.kind} | {len(pause.seconds)} | {pause.middle:.1f} s "
            f"| {pause.longest:.1f} s | {LIMITS[pause.kind]:.0f} s |"
            for pause in pauses(self.history)
            if pause.kind in LIMITS
        ]


def account(crashes: Crashes, verdicts: Sequence[Verdict]) -> str:
    """What is wrong: the points that were not reached, and of each conversation whose promise was broken the points
    that were tried meanwhile, and its history."""
    lines = [*(f"never reached: {point}" for point in crashes.missed), *map(str, verdicts)]
    for talk in sorted({verdict.talk for verdict in verdicts if verdict.talk is not None}):
        events = crashes.history.of_talk(talk)
        times = [event.at for event in events if not isinstance(event, Left)] or [0.0]
        meanwhile = [
            point
            for began, ended, point in crashes.tried
            if began <= max(times) and ended >= min(times)
        ]
        lines += [f"--- c{talk}, while these were tried:", *meanwhile, *map(repr, events)]
    return "\n".join(lines)


def machine(redis: str) -> str:
    """In general terms."""
    python = platform.python_version()
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {python}, Redis {redis}."


def table(outcomes: Sequence[Outcome]) -> str:
    """All of it, as Markdown."""
    lines = [
        machine(outcomes[0].history.redis),
        "",
        "| run | questions | faults | model requests | visible states | time | broken promises |",
        "|---|---|---|---|---|---|---|",
        *(outcome.row() for outcome in outcomes),
        "",
        "| run | after | answers hit | median | longest | promised |",
        "|---|---|---|---|---|---|",
        *(line for outcome in outcomes for line in outcome.slowest()),
    ]
    return "\n".join(lines)


def write(name: str, words: str) -> None:
    """Put the result in its place on the page."""
    begin, end = BEGIN.format(name), END.format(name)
    before, _, rest = PAGE.read_text("utf-8").partition(begin)
    _, _, after = rest.partition(end)
    PAGE.write_text(f"{before}{begin}\n{words}\n{end}{after}", "utf-8")
