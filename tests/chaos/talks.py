"""Who asks what, and what the model answers: drawn from a seed, the same each time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Literal

from playground.discord import DiscordServer
from playground.models.requests import ChatRequest
from playground.models.scripts import Answer, Hold, Say, Step
from playground.slack import SlackServer
from tests.chaos.history import Canary, Regret

WORDS = 12  # of one chunk of the model
EDITED = "in other words"
REGRETS: dict[
    str, tuple[Regret, ...]
] = {  # what somebody may do about their question, by the kind of place
    "thread": ("edit", "delete", "stop", "retry"),
    "chain": ("edit", "delete", "stop", "retry"),
    "slash": ("stop", "retry"),
}
OFTEN = 12  # every so many questions, one is regretted
SOON = 6.0  # s within which it is
KINDS = ("thread", "chain", "slash")  # Slack's threads, Discord's chains of replies, Discord's /ask
LENGTHS = (
    24,
    48,
    48,
    96,
    96,
    240,
    720,
)  # words of an answer; the last takes two messages on Discord
Kind = Literal["thread", "chain", "slash"]


def answer_to(canary: Canary) -> str:
    """The whole answer of the model: plain words, and the canary all along."""
    length = LENGTHS[canary.question % len(LENGTHS)]
    words = [f"w{n}" if n % WORDS else str(canary) for n in range(length)]
    return f"{canary} begins: {' '.join(words)} and {canary} ends."


class Speaker:
    """The model: whoever asks with a canary gets its answer, at the model's pace."""

    def __init__(self, pace: float) -> None:
        self.pace = pace  # s before each chunk
        # Question → which of its answer's chunks waits, and for what.
        self.held: dict[int, tuple[int, asyncio.Event]] = {}

    async def answer(self, request: ChatRequest) -> Answer:
        canary = Canary.last_in(request.prompt)
        words = answer_to(canary).split(" ") if canary else ["Nobody", "asked", "anything."]
        chunks = [" ".join(words[n : n + WORDS]) + " " for n in range(0, len(words), WORDS)]
        steps: list[Step] = [Say(chunk) for chunk in chunks]
        if canary and (held := self.held.get(canary.question)):
            at, event = held
            steps.insert(at, Hold(event))
        return Answer(steps=steps, pace=self.pace)


@dataclass(slots=True)
class Talk:
    """One conversation: where it is, and after what the next question comes."""

    number: int
    kind: Kind
    room: str  # a channel's id
    root: str = ""

    @property
    def platform(self) -> str:
        return "slack" if self.kind == "thread" else "discord"


def talks(slack: SlackServer, discord: DiscordServer, count: int) -> list[Talk]:
    """A channel for each conversation, since both platforms take about one message a second in a channel."""
    found = []
    for number in range(count):
        kind: Any = ("thread", "chain", "thread", "chain", "thread", "slash")[number % 6]
        found.append(Talk(number, kind, room(slack, discord, kind, number)))
    return found


def room(slack: SlackServer, discord: DiscordServer, kind: Kind, number: int) -> str:
    """A channel of its own; its id."""
    name = f"room-{number}"
    if kind == "thread":
        here = replace(slack.world.channel("general"), id=f"C0ROOM{number:04}", name=name)
        slack.world.channels[here.id] = here
        return here.id
    there = copy(next(c for c in discord.world.channels.values() if c.name == "general"))
    there.id, there.name = str(int(there.id) + 1_000_000 + number), name
    discord.world.channels[there.id] = there
    return there.id


def order(rng: random.Random, everyone: list[Talk], count: int) -> Iterator[Talk]:
    """In which conversation each question is asked: each begins before any goes on."""
    for number in range(count):
        yield everyone[number] if number < len(everyone) else rng.choice(everyone)


def regrets(rng: random.Random, whom: list[Talk]) -> dict[int, tuple[Regret, float]]:
    """Which of these questions is regretted, how, and how soon (s): a root stays, others stand below it."""
    found: dict[int, tuple[Regret, float]] = {}
    begun: set[int] = set()
    for number, talk in enumerate(whom):
        how, after = rng.choice(REGRETS[talk.kind]), rng.uniform(0, SOON)
        root = talk.number not in begun
        begun.add(talk.number)
        if number % OFTEN == OFTEN - 1:
            found[number] = ("stop" if root and how == "delete" else how, after)
    return found
