"""What we add to a model's first words, seen from outside: the event leaves the platform, the model is asked; the model
says its first words, the platform is told them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median, quantiles

from tests.benchmarks.lab import Lab
from tests.benchmarks.row import Row
from tests.benchmarks.speakers import END, NAME, Stamped

RUNS, QUESTIONS = 4, 50
WARM = 10  # questions before those that count
PATIENCE = 60.0  # s

Added = tuple[
    float, float
]  # s until the model was asked, and from its first words until the platform was told


async def rows() -> list[Row]:
    """One question at a time. Both ends are seen by the servers, so that their part of the way counts as ours."""
    speaker = Stamped()
    async with Lab(speaker) as lab:
        await lab.start("slack", "worker")
        await added(lab, speaker, WARM)
        runs = [await added(lab, speaker, QUESTIONS) for _ in range(RUNS)]
    whole = sorted(1000 * (ask + show) for run in runs for ask, show in run)
    return [
        _middle("time added to the model's first words, idle: p50", runs),
        Row(
            "time added to the model's first words, idle: p99",
            [quantiles(whole, n=100)[98]],
            "ms",
            most=60,
            beside=f"of {len(whole)} questions, one after the other",
        ),
    ]


async def discord() -> list[Row]:
    """The same for a mention on Discord."""
    speaker = Stamped()
    async with Lab(speaker) as lab:
        await lab.start("discord", "worker")
        await _added_on_discord(lab, speaker, WARM)
        runs = [await _added_on_discord(lab, speaker, QUESTIONS) for _ in range(RUNS)]
    return [_middle("Discord: time added to the model's first words, idle: p50", runs)]


def _middle(what: str, runs: Sequence[Sequence[Added]]) -> Row:
    ask, show = (1000 * median(one[part] for run in runs for one in run) for part in (0, 1))
    per_run = [1000 * median(a + b for a, b in run) for run in runs]
    parts = (
        f"{ask:.1f} ms until the model is asked, {show:.1f} ms from its first words to their post"
    )
    return Row(what, per_run, "ms", most=15, beside=parts)


async def added(lab: Lab, speaker: Stamped, count: int) -> list[Added]:
    """Of each question."""
    lab.slack.calls.clear()
    lab.models.forget()
    asked = [(await lab.crowd(1))[0] for _ in range(count)]
    await lab.at_rest(PATIENCE)
    heard = _heard(lab)
    told: dict[str, float] = {}
    for call in lab.slack.calls_of("chat.postMessage"):
        told.setdefault(str(call.args["thread_ts"]), call.at - _wall())
    return [(heard[one.name] - one.at, told[one.ts] - speaker.spoke[one.name]) for one in asked]


async def _added_on_discord(lab: Lab, speaker: Stamped, count: int) -> list[Added]:
    lab.discord.calls.clear()
    lab.models.forget()
    asked: dict[str, tuple[str, float]] = {}
    place = next(c.id for c in lab.discord.world.channels.values() if c.name == "general")
    for number in range(count):
        name, at = f"d{number}", time.monotonic()
        question = await lab.discord.post("mia", place, f"@Switchboard Well? (question {name})")
        asked[name] = question.id, at

        def whole(below: str = question.id) -> bool:
            found = (m for m in lab.discord.by_bot() if m.reference)
            return any(END in m.content for m in found if m.reference.message_id == below)

        await lab.discord.when(whole, PATIENCE)
    await lab.at_rest(PATIENCE)
    heard, told = _heard(lab), {}
    for call in lab.discord.calls:
        if call.method == "POST" and "message_reference" in call.body:
            told.setdefault(call.body["message_reference"]["message_id"], call.at - _wall())
    return [
        (heard[name] - at, told[question] - speaker.spoke[name])
        for name, (question, at) in asked.items()
    ]


def _wall() -> float:
    """The platforms' calls are dated, the rest is on the loop's clock."""
    return time.time() - time.monotonic()


def _heard(lab: Lab) -> dict[str, float]:
    """When the model was asked which question."""
    return {found[1]: r.started for r in lab.models.requests if (found := NAME.search(r.prompt))}
