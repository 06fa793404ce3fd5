"""With the platforms' limits in force: how long after the model's end the last text is shown, and what they allow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from tests.benchmarks.lab import PATIENCE, Lab
from tests.benchmarks.row import Row
from tests.benchmarks.speakers import END, Steady
from tests.house import Word

SECONDS = 5.0  # of one answer: long enough to grow
RUNS = 1  # the simulated limits are arithmetic: a second run says the same
SLACK_BURST, SLACK_POSTS = 5, 1.0  # chat.postMessage in a channel: at once, then a second
DISCORD_WINDOW = 5  # messages in five seconds and channel
REFILL = 6.0  # s after which every bucket is full again
TARGET = 10.0  # s after the model's end


async def rows() -> list[Row]:
    """An answer needs one post at least: what the limits allow is when the last of them could have left."""
    found = [
        await _row(
            f"Slack: {count} at once, channels: {channels}", "slack", count, channels, _slack
        )
        for count, channels in ((30, 10), (60, 10), (30, 1))
    ]
    found.append(
        await _row("Slack: 30 at once, channels: 10, two adapters", "slack", 30, 10, _slack, 2)
    )
    found.append(await _row("Discord: 8 at once in one channel", "discord", 8, 1, _discord))
    return found


def allowed(word: Word, count: int, channels: int) -> float:
    """Seconds after the model's end at which the last post could leave, had none left before."""
    each = -(-count // channels)
    if word == "slack":
        return max(0.0, (each - SLACK_BURST) / SLACK_POSTS)
    return 5.0 * ((each - 1) // DISCORD_WINDOW)


async def _row(
    name: str,
    word: Word,
    count: int,
    channels: int,
    crowd: Callable[[Lab, int], Awaitable[None]],
    adapters: int = 1,
) -> Row:
    late, refused = [], 0
    for _ in range(RUNS):  # a house each: the last run's requests count in no bucket
        async with Lab(Steady(seconds=SECONDS), limits=True, channels=channels) as lab:
            await lab.start(*[word] * adapters, "worker")
            await crowd(lab, 1)  # what is made at first use is made
            await asyncio.sleep(REFILL)
            began = time.monotonic()
            await crowd(lab, count)
            late.append(time.monotonic() - began - SECONDS)
            refused += sum(error == "ratelimited" for _, error in lab.slack.refusals)
            refused += sum(call.status == 429 for call in lab.discord.calls)
    arithmetic = allowed(word, count, channels)
    return Row(
        f"{name}: the last text after the model's end",
        late,
        "s",
        most=max(TARGET, arithmetic + 1),
        beside=f"the limits allow {arithmetic:.0f} s; refused with 429: {refused}; model {SECONDS} s",
    )


async def _slack(lab: Lab, count: int) -> None:
    await lab.crowd(count)


async def _discord(lab: Lab, count: int) -> None:
    channel = next(c for c in lab.discord.world.channels.values() if c.name == "general").id
    earlier = len(lab.discord.by_bot(channel))
    for number in range(count):
        await lab.discord.post("mia", channel, f"@Switchboard Well? (question d{number})")
    async with asyncio.timeout(PATIENCE):
        while sum(END in m.content for m in lab.discord.by_bot(channel)) < earlier + count:
            await asyncio.sleep(0.02)
