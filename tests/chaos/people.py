"""The people of a run: they ask, and in the end wait until everything is at rest."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from playground.discord.errors import ClientRefusal
from tests.chaos.history import Acknowledged, Asked, Canary, History
from tests.chaos.house import WiredHouse
from tests.chaos.recorder import Recorder
from tests.chaos.talks import Talk, answer_to

WHO = {  # each conversation has one of them: what is open for one person is limited
    "slack": ("mia", "max", "ada", "olivia"),
    "discord": ("mia", "noah", "mara", "adam"),
}
REST = 150.0  # s that the last answers may take
SETTLED = 90.0  # s that the last events may take to be acknowledged
AFTERWARDS = 1.0  # s in which something may still come that should not


def person(talk: Talk) -> str:
    """Whose conversation it is."""
    everyone = WHO[talk.platform]
    return everyone[talk.number % len(everyone)]


@dataclass(slots=True)
class People:
    """They ask, each after the one before where that is the way of the place."""

    house: WiredHouse
    recorder: Recorder
    history: History

    async def ask_all(self, whom: list[Talk], seconds: float) -> None:
        """One question after the other, in even steps."""
        began = time.monotonic()
        for number, talk in enumerate(whom):
            await asyncio.sleep(max(0.0, began + seconds * number / len(whom) - time.monotonic()))
            await self.ask(talk, number)

    async def ask(self, talk: Talk, number: int, **more: Any) -> None:
        """One question, with its canary. In a thread of Slack's only the root mentions the bot."""
        canary = Canary(talk.number, number)
        at, who = time.monotonic(), person(talk)
        self.history.add(Asked(at, talk.number, number, talk.platform, answer_to(canary)))
        words = f"please answer {canary}"
        if talk.kind == "thread":
            mention = "" if talk.root else "@Switchboard "
            post = await self.house.slack.post(
                who, talk.room, mention + words, talk.root or None, **more
            )
            talk.root = talk.root or post.ts
        elif talk.kind == "chain":
            message = await self.house.discord.post(
                who, talk.room, f"@Switchboard {words}", reply_to=talk.root or None, **more
            )
            self.recorder.questions[message.id] = number
            self.history.add(Acknowledged(at, number))  # a gateway has no acks: all of it counts
            talk.root = message.id
        else:
            prompt: Any = words
            try:
                asked = await self.house.discord.slash(who, talk.room, "ask", prompt=prompt, **more)
            except ClientRefusal:
                return  # the commands are not there yet
            self.recorder.questions[asked.id] = number

    async def rest(self) -> dict[str, list[str]]:
        """Until nothing is due, owed or on its way; what is, where that never comes."""
        await self.house.ready()
        await self.house.slack.settled(SETTLED)
        try:
            await self.house.at_rest(REST)
        except AssertionError as error:
            return {"the store": [str(error)]}
        await asyncio.sleep(AFTERWARDS)
        return {}
