"""Measured figures and assumptions become what a million users would need: the table of docs/scaling.md."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path

from tests.benchmarks.flight import AT_ONCE
from tests.benchmarks.row import Row, said
from tests.benchmarks.speakers import CHUNKS
from tests.benchmarks.storage import QUESTIONS

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"

USERS = 1_000_000
ASKED = 2.0  # questions of a user on a working day
HOURS = 8.0  # in which they are asked
PEAK = 3.0  # the busiest minute, by the mean of those hours
LENGTH = 300  # chunks of an answer
ANSWER = 8.0  # s that the model takes for it
TOKENS = 1_500  # of a prompt with its history, and of the answer
ROOM = 0.6  # of a core that is planned for; the rest is for what is not even
SLACK_SOCKETS, SOCKETS = 10, 2  # connections of an app in Socket Mode; of one adapter
DISCORD_REQUESTS = 50.0  # a second, for a bot on all its servers


def worked_out(rows: Sequence[Row]) -> str | None:
    """The table; None where a figure that it needs was not measured."""
    figures = {row.key: row.measured for row in rows if row.key and row.runs}
    try:
        return "\n".join(_lines(figures))
    except KeyError:
        return None


def _lines(of: dict[str, float]) -> list[str]:
    per_day = USERS * ASKED
    rate = per_day / HOURS / 3600 * PEAK
    flight = rate * ANSWER
    longer = of["cpu.chunk"] * (LENGTH - CHUNKS)  # all of it reckoned as the worker's
    worker, adapter, redis = of["cpu.worker"] + longer, of["cpu.slack"], of["cpu.redis"]
    adapters = SLACK_SOCKETS // SOCKETS
    limits = {
        "one Redis": (f"{ROOM:.0%} of a core", 1000 * ROOM / redis),
        "one Slack app in Socket Mode": (
            f"{adapters} adapters of {SOCKETS} connections, {SLACK_SOCKETS} at most",
            adapters * 1000 * ROOM / adapter,
        ),
        "one Discord bot": (
            f"{DISCORD_REQUESTS:g} requests a second, {of['calls']:.1f} for each answer",
            DISCORD_REQUESTS / of["calls"],
        ),
    }
    first = min(limits, key=lambda name: limits[name][1])
    table = [
        ("questions a day", f"{USERS:,} × {ASKED:g}", f"{per_day:,.0f}"),
        ("questions a second at the peak", f"/ {HOURS:g} h × {PEAK:g}", said(rate)),
        ("answers in flight then", f"× {ANSWER:g} s", said(flight)),
        (
            "worker processes, by CPU",
            f"{worker:.1f} ms for each answer of {LENGTH} chunks, {ROOM:.0%} of a core",
            str(ceil(rate * worker / 1000 / ROOM)),
        ),
        (
            "worker processes, by answers in flight",
            f"{AT_ONCE} in each, at {of['memory.worker']:.0f} MB",
            str(ceil(flight / AT_ONCE)),
        ),
        (
            "adapter processes",
            f"{adapter:.1f} ms for each answer",
            str(ceil(rate * adapter / 1000 / ROOM)),
        ),
        ("Redis, cores", f"{redis:.1f} ms for each answer", said(rate * redis / 1000)),
        (
            "Redis, memory",
            f"{of['stored'] / QUESTIONS:.1f} kB for each question of a day",
            f"{per_day * of['stored'] / QUESTIONS / 1e6:,.0f} GB",
        ),
        (
            "tokens a minute of the provider",
            f"{TOKENS:,} for each answer",
            f"{rate * 60 * TOKENS / 1e6:,.0f} million",
        ),
        *(
            (f"most answers a second: {name}", why, said(most))
            for name, (why, most) in limits.items()
        ),
    ]
    return [
        "| what | from | figure |",
        "|---|---|---|",
        *(f"| {what} | {source} | {figure} |" for what, source, figure in table),
        "",
        f"The lowest of the last three is reached first: **{first}**, at {said(limits[first][1])} answers a second.",
    ]
