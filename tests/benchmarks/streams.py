"""Ten answers at once within Slack's limits, updated and as its own streams: calls, and how late the last words are."""

from __future__ import annotations

from collections import Counter

from tests.benchmarks.lab import Lab
from tests.benchmarks.row import Row
from tests.benchmarks.speakers import Steady

AT_ONCE = 10
CHUNKS, SECONDS = 200, 10.0
ASIDE = ("assistant.threads.setStatus", "agents.sessions.setStatus")  # signs beside the answer


async def rows() -> list[Row]:
    """Each mode in a house of its own, with full buckets."""
    found = []
    for mode in ("update", "native"):
        async with Lab(Steady(CHUNKS, SECONDS), limits=True, SWITCHBOARD_SLACK_STREAM=mode) as lab:
            await lab.start("slack", "worker")
            lab.slack.calls.clear()
            asked = await lab.crowd(AT_ONCE)
            await lab.at_rest(60)
            methods = Counter(call.method for call in lab.slack.calls)
            refused = len(lab.slack.refusals)
        told = ", ".join(f"{name} {n / AT_ONCE:.1f}" for name, n in methods.most_common())
        calls = sum(n for name, n in methods.items() if name not in ASIDE) / AT_ONCE
        found += [
            Row(
                f"`{mode}`: the last words after the model's end",
                [one.seconds - SECONDS for one in asked],
                "s",
                beside=f"{AT_ONCE} answers of {CHUNKS} chunks in {SECONDS:g} s at once, limits on",
            ),
            Row(f"`{mode}`: calls per answer", [calls], beside=f"{told}; {refused} refused"),
        ]
    return found
