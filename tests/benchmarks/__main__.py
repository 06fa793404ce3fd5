"""`python -m tests.benchmarks [long]`: measures, prints the tables, writes docs/benchmarks.md."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import tests.conftest  # noqa: F401  # nobody's tokens or proxies
from tests.benchmarks import (
    burst,
    burst_discord,
    caps,
    fairness,
    flight,
    growth,
    latency,
    limits,
    machine,
    memory,
    page,
    rate,
    scaling,
    start,
    storage,
    streams,
)
from tests.benchmarks.row import Measure, Row, table


@dataclass(frozen=True, slots=True)
class Chapter:
    """Some measures that stand in one table."""

    title: str
    words: str
    measures: Sequence[Measure]


UNPACED = (
    "The simulated platforms' rate limits are off, and with them the pace by which an adapter keeps within them. Redis"
    " runs as `up` runs it (`appendfsync always`). CPU and memory are those of our processes and Redis alone; servers,"
    " crowd and clock have a process of their own."
)
LONGEST = {"make bench": 240.0, "make bench-long": 3_600.0}  # s of one measure, whatever hangs
GROWS = "The same path, one figure at a time."
SHORT = (
    Chapter(
        "Speed",
        UNPACED,
        (
            latency.rows,
            latency.discord,
            burst.rows,
            burst_discord.rows,
            flight.rows,
            rate.rows,
            storage.rows,
            start.rows,
        ),
    ),
    Chapter(
        "Within the platforms' limits",
        "The simulated platforms' rate limits are on.",
        (limits.rows,),
    ),
    Chapter("One person's flood", UNPACED, (fairness.rows,)),
    Chapter("How it grows", GROWS, (growth.in_flight, growth.workers, growth.kept)),
)
LONG = (
    Chapter("Memory over time", UNPACED, (memory.rows, memory.discord)),
    Chapter(
        "Slack's own streams",
        "The simulated platforms' rate limits are on.",
        (streams.rows,),
    ),
    Chapter("How it grows", GROWS, (growth.kept_long,)),
    Chapter("What the caps are for", UNPACED, (caps.person, caps.workspace, caps.waiting)),
)


async def measured(measure: Measure, longest: float) -> Sequence[Row]:
    """The measure's rows. One that fails is a row too: the others are still wanted."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(longest):
            found = await measure()
    except Exception as error:
        traceback.print_exc()
        found = [Row(measure.__module__.rpartition(".")[2], [], beside=type(error).__name__)]
    sys.stderr.write(f"{measure.__module__}.{measure.__name__}: {time.monotonic() - began:.0f} s\n")
    return found


async def run(command: str, chapters: Sequence[Chapter], only: str) -> None:
    began, load, disk = time.monotonic(), machine.load(), machine.disk()
    parts, figures = [], []
    for chapter in chapters:
        wanted = [m for m in chapter.measures if only in f"{m.__module__}.{m.__name__}"]
        rows = [row for measure in wanted for row in await measured(measure, LONGEST[command])]
        figures += rows
        if rows:
            parts.append(page.chapter(chapter.title, chapter.words, [table(rows)]))
    minutes = (time.monotonic() - began) / 60
    text = "\n\n".join(
        [
            f"## `{command}`",
            f"{machine.described()}. {time.strftime('%Y-%m-%d', time.gmtime())}, {minutes:.0f} minutes,"
            f" {load:.1f} other processes busy and {disk:.1f} ms for a write to the disk when it began.",
            *parts,
        ]
    )
    print(text)  # noqa: T201
    if only:
        return
    page.write(command, text)
    if (needs := scaling.worked_out(figures)) is not None:
        page.write(command, needs, scaling.PAGE)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("length", nargs="?", choices=["short", "long"], default="short")
    parser.add_argument("--only", default="", help="measures of this module; nothing is written")
    given = parser.parse_args()
    command, chapters = (
        ("make bench", SHORT) if given.length == "short" else ("make bench-long", LONG)
    )
    asyncio.run(run(command, chapters, given.only))


main()
