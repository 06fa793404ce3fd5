"""Many questions at once in one Slack workspace: more than its limits allow to grow at the same time."""

from __future__ import annotations

from dataclasses import replace

from playground.slack import Message, SlackServer

ANSWERS, CHANNELS = 30, 10


async def crowd(slack: SlackServer) -> list[Message]:
    """Thirty questions, each at the root of a thread of its own, in ten channels in turn."""
    general = slack.world.channel("general")
    for n in range(CHANNELS):
        slack.world.channels[f"C0ROOM{n}"] = replace(general, id=f"C0ROOM{n}", name=f"room-{n}")
    return [
        await slack.post("mia", f"room-{n % CHANNELS}", f"@Switchboard Well? (question q{n})")
        for n in range(ANSWERS)
    ]
