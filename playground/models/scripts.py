"""What a test wants said becomes an Answer: a list of steps that the server plays to one request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from playground.models.refusals import Refusal
from playground.models.requests import ChatRequest

When = str | Callable[[ChatRequest], bool]

COUNTING = ("One, ", "two, ", "three, ", "four, ", "five, ", "six, ", "seven, ", "eight.")


@dataclass(frozen=True, slots=True)
class Say:
    """One chunk of text."""

    text: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing for some seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing until somebody sets the event."""

    event: asyncio.Event


@dataclass(frozen=True, slots=True)
class Raw:
    """These bytes, as they are, in the place of a chunk."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """The body ends here in good order, with no finish reason and no usage."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is torn down here."""


@dataclass(frozen=True, slots=True)
class Page:
    """Not an answer at all: a page of a proxy, with status 200."""

    html: str


Step = Say | Pause | Hold | Raw | Cut | Reset | Page


@dataclass(slots=True)
class Answer:
    """One scripted answer: its steps, and which requests it is for.

    `refusal` takes the place of the steps. `pace` is the seconds before each chunk. `times` counts down; None serves
    for ever.
    """

    steps: Sequence[Step] = ()
    refusal: Refusal | None = None
    finish: str = "stop"
    usage: bool = True
    pace: float = 0.0
    model: str | None = None
    when: When | None = None
    times: int | None = 1

    def fits(self, request: ChatRequest) -> bool:
        if self.model is not None and self.model != request.model:
            return False
        if self.when is None:
            return True
        if isinstance(self.when, str):
            return self.when in request.prompt
        return self.when(request)


def interrupted(say: Sequence[str], after: int, *steps: Step) -> tuple[Step, ...]:
    """The text with something in it: `after` chunks, the steps, the remaining chunks."""
    chunks = [Say(text) for text in say]
    return (*chunks[:after], *steps, *chunks[after:])


class Queue:
    """Answers in the order in which they were scripted; a request takes the first that fits it."""

    def __init__(self) -> None:
        self._answers: list[Answer] = []

    def add(self, answer: Answer) -> None:
        self._answers.append(answer)

    def take(self, request: ChatRequest) -> Answer | None:
        for answer in self._answers:
            if not answer.fits(request):
                continue
            if answer.times is not None:
                answer.times -= 1
                if answer.times <= 0:
                    self._answers.remove(answer)
            return answer
        return None

    def clear(self) -> None:
        self._answers.clear()

    def __len__(self) -> int:
        return len(self._answers)
