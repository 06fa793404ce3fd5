"""What we add to a model's first words, seen from outside: the event leaves the platform, the model is asked; the model
says its first words, the platform is told them."""

from __future__ import annotations

import time
from statistics import median, quantiles

from tests.benchmarks.lab import Lab
from tests.benchmarks.row import Row
from tests.benchmarks.speakers import NAME, Stamped

RUNS, QUESTIONS = 4, 50


async def rows() -> list[Row]:
    """One question at a time. Both ends are seen by the servers, so that their part of the way counts as ours."""
    speaker = Stamped()
    async with Lab(speaker) as lab:
        await lab.start("slack", "worker")
        await added(lab, speaker, 10)
        runs = [await added(lab, speaker, QUESTIONS) for _ in range(RUNS)]
    whole = sorted(1000 * (ask + show) for run in runs for ask, show in run)
    ask, show = (1000 * median(one[part] for run in runs for one in run) for part in (0, 1))
    per_run = [1000 * median(a + b for a, b in run) for run in runs]
    parts = f"{ask:.1f} ms until the model is asked, {show:.1f} ms from its first words to Slack"
    return [
        Row(
            "time added to the model's first words, idle: p50", per_run, "ms", most=15, beside=parts
        ),
        Row(
            "time added to the model's first words, idle: p99",
            [quantiles(whole, n=100)[98]],
            "ms",
            most=60,
            beside=f"of {len(whole)} questions, one after the other",
        ),
    ]


async def added(lab: Lab, speaker: Stamped, count: int) -> list[tuple[float, float]]:
    """For each question the seconds until the model was asked, and from its first words until Slack was told."""
    lab.slack.calls.clear()
    lab.models.forget()
    wall = (
        time.time() - time.monotonic()
    )  # Slack's calls are dated, the rest is on the loop's clock
    asked = [(await lab.crowd(1))[0] for _ in range(count)]
    await lab.at_rest(60)
    heard = {found[1]: r.started for r in lab.models.requests if (found := NAME.search(r.prompt))}
    told: dict[str, float] = {}
    for call in lab.slack.calls_of("chat.postMessage"):
        told.setdefault(str(call.args["thread_ts"]), call.at - wall)
    return [(heard[one.name] - one.at, told[one.ts] - speaker.spoke[one.name]) for one in asked]
