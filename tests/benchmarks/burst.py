"""Fifty mentions at once: how long until all are answered, what that costs, and which calls it takes."""

from __future__ import annotations

from collections import Counter

from tests.benchmarks.lab import Lab
from tests.benchmarks.row import Row
from tests.benchmarks.speakers import CHUNKS, SECONDS, Steady

AT_ONCE = 50
RUNS = 5
LONGER = 5
READS = ("conversations.history", "conversations.replies", "conversations.info", "users.info")


async def rows() -> list[Row]:
    """One worker, one adapter, Redis as `up` runs it (`appendfsync always`)."""
    times, costs, calls, reads = [], [], [], []
    parts: Counter[str] = Counter()
    async with Lab() as lab:
        await lab.start("slack", "worker")
        await lab.crowd(AT_ONCE)  # what is made at first use is made
        await lab.at_rest(60)
        for _ in range(RUNS):
            lab.slack.calls.clear()
            async with lab.measured() as used:
                asked = await lab.crowd(AT_ONCE)
            times.append(max(one.finished.result() for one in asked) - min(a.at for a in asked))
            costs.append(1000 * used.cpu / AT_ONCE)
            parts.update(
                {name: 1000 * seconds / AT_ONCE / RUNS for name, seconds in used.by.items()}
            )
            calls.append(len(lab.slack.calls) / AT_ONCE)
            reads.append(sum(c.method in READS for c in lab.slack.calls) / AT_ONCE)
        methods = Counter(call.method for call in lab.slack.calls)
        midway = await read_midway(lab)
        further = await further_chunk(lab)
    model = f"{CHUNKS} chunks in {SECONDS} s"
    return [
        Row(
            f"{AT_ONCE} mentions at once in {AT_ONCE} threads of 10 channels until all are answered",
            [seconds / SECONDS for seconds in times],
            "× the model's time",
            most=1.5,
            beside=f"model: {model}; one worker process, one adapter",
        ),
        Row(
            "CPU per answer: adapter, worker and Redis together",
            costs,
            "ms",
            most=25,
            beside=f"model: {model}",
        ),
        *(Row(f"… {name} alone", [ms], "ms", key=f"cpu.{name}") for name, ms in parts.items()),
        Row(
            "CPU per further chunk of an answer",
            [further],
            "ms",
            beside=f"{LONGER} times as many chunks in {LONGER} times the time; all three processes",
            key="cpu.chunk",
        ),
        Row(
            "platform calls per answer (Slack)",
            calls,
            beside=", ".join(f"{name} {n / AT_ONCE:.2f}" for name, n in methods.items()),
            key="calls",
        ),
        Row("calls that read history or people, per answer", reads, most=0),
        Row(
            "… of an answer in a thread of others that the bot first meets midway, and of the next one there",
            midway,
            most=1,
            beside=f"first {midway[0]:.0f}, then {midway[1]:.0f}",
        ),
    ]


async def further_chunk(lab: Lab) -> float:
    """ms of CPU that one more chunk costs: answers of a common length beside long ones."""
    costs = []
    for times in (1, LONGER):
        lab.models.speaker = Steady(CHUNKS * times, SECONDS * times)
        async with lab.measured() as used:
            await lab.crowd(AT_ONCE)
        costs.append(1000 * used.cpu / AT_ONCE)
    return (costs[1] - costs[0]) / (CHUNKS * (LONGER - 1))


async def read_midway(lab: Lab) -> list[float]:
    """Calls that read, of a first and of a second mention in a thread that people began without the bot."""
    root = await lab.slack.post("U0CROWD0001", "C0BENCH001", "We should repaint the office.")
    found: list[float] = []
    for _ in range(2):
        lab.slack.calls.clear()
        await lab.all([await lab.ask("C0BENCH001", "@Switchboard Should we?", root=root.ts)])
        await lab.at_rest(60)
        found.append(sum(call.method in READS for call in lab.slack.calls))
    return found
