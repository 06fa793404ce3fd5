"""The people of a run: they ask, and in the end wait until everything is at rest."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from playground.discord.errors import ClientRefusal
from tests.chaos.history import Acknowledged, Asked, Canary, History, Regret, Regretted
from tests.chaos.house import WiredHouse
from tests.chaos.recorder import Recorder
from tests.chaos.talks import EDITED, Talk, answer_to

WHO = {  # each conversation has one of them: what is open for one person is limited
    "slack": ("mia", "max", "ada", "olivia"),
    "discord": ("mia", "noah", "mara", "adam"),
}
MOST_WAITING = 50  # people who wait for an answer
PATIENCE = 90.0  # s after which somebody no longer counts as waiting
REST = 240.0  # s that the last answers may take
SETTLED = 240.0  # s that the last events may take to be acknowledged
HEARD = 60.0  # s within which an adapter that came back has read what it missed
SIGNS = 130.0  # s that a status of Slack's may stay
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
    _posts: dict[int, str] = field(default_factory=dict)  # question → its message
    _spoken: set[int] = field(default_factory=set)  # what stands in a channel of Discord's

    async def are_patient(self) -> None:
        """Until not too many wait for an answer: what a slow machine cannot answer it is not asked."""
        while True:
            now = time.monotonic()
            waiting = [at for at in self.recorder.open.values() if now - at < PATIENCE]
            if len(waiting) < MOST_WAITING:
                return
            await asyncio.sleep(0.1)

    async def ask(self, talk: Talk, number: int, **more: Any) -> None:
        """One question, with its canary. In a thread of Slack's only the root mentions the bot."""
        canary = Canary(talk.number, number)
        at, who = time.monotonic(), person(talk)
        self.recorder.open[number] = at
        self.history.add(Asked(at, talk.number, number, talk.platform, answer_to(canary)))
        words = f"please answer {canary}"
        if talk.kind == "thread":
            mention = "" if talk.root else "@Switchboard "
            post = await self.house.slack.post(
                who, talk.room, mention + words, talk.root or None, **more
            )
            talk.root = talk.root or post.ts
            self._posts[number] = post.ts
        elif talk.kind == "chain":
            message = await self.house.discord.post(
                who, talk.room, f"@Switchboard {words}", reply_to=talk.root or None, **more
            )
            self.recorder.questions[message.id] = number
            self.history.add(Acknowledged(at, number))  # a gateway has no acks: all of it counts
            talk.root = self._posts[number] = message.id
            self._spoken.add(number)
        else:
            prompt: Any = words
            try:
                asked = await self.house.discord.slash(who, talk.room, "ask", prompt=prompt, **more)
            except ClientRefusal:
                return  # the commands are not there yet
            self.recorder.questions[asked.id] = number

    async def regret(self, talk: Talk, number: int, how: Regret, after: float = 0.0) -> None:
        """The author of a question does something about it, or about its answer."""
        await asyncio.sleep(after)
        who, words = person(talk), f"please answer {Canary(talk.number, number)} {EDITED}"
        self.history.add(Regretted(time.monotonic(), talk.number, number, how))
        slack, discord = self.house.slack, self.house.discord
        if how in ("stop", "retry") and talk.platform == "slack":
            await slack.post(who, talk.room, f"@Switchboard /{how}", talk.root)
        elif how in ("stop", "retry"):
            with suppress(ClientRefusal):  # the commands are not there yet
                await discord.slash(who, talk.room, how)
        elif talk.platform == "slack" and how == "edit":
            mention = "@Switchboard " if self._posts[number] == talk.root else ""
            await slack.edit(who, talk.room, self._posts[number], mention + words)
        elif talk.platform == "slack":
            await slack.delete(who, talk.room, self._posts[number])
        elif how == "edit":
            await discord.edit(self._posts[number], f"@Switchboard {words}")
        else:
            if talk.root == self._posts[number]:
                talk.root = ""  # nobody can reply to it any more: what comes begins a chain
            await discord.delete(self._posts[number])
            self._spoken.discard(number)

    async def rest(self) -> dict[str, list[str]]:
        """Until nothing is due, owed or on its way; what is, where that never comes."""
        await self.house.ready()
        await self._heard()
        try:
            await self.house.slack.settled(SETTLED)
            await self.house.at_rest(REST)
            await self._signs_gone()
        except TimeoutError:
            unheard = [event.event_id for event in self.house.slack.events if not event.is_over]
            return {"Slack's events": unheard}
        except AssertionError as error:
            return {"the store": [str(error)]}
        await asyncio.sleep(AFTERWARDS)
        return {}

    async def _heard(self) -> None:
        """A gateway has no acks: an adapter that was away reads what it missed, and nothing is owed until it has."""
        until = time.monotonic() + HEARD
        while not all(map(self.recorder.admitted, self._spoken)) and time.monotonic() < until:
            await asyncio.sleep(0.1)

    async def _signs_gone(self) -> None:
        """A status that a crash left behind ends by itself after two minutes, unless somebody renews it."""
        until = time.monotonic() + SIGNS
        while self.house.slack.statuses and time.monotonic() < until:
            await asyncio.sleep(0.1)
