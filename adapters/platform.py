"""What a chat platform must be able to do for the parts that all platforms share, and its numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal, Protocol

from adapters.pace import Bucket
from bot.reply import Shown
from bot.stopped import TAKEN_BACK
from bot.types import Actor, Attachment, Phase, Quote, Turn

Action = Literal["post", "edit"]


@dataclass(frozen=True, slots=True)
class Limits:
    """A platform's pace: an answer that grows is edited every `interval` s at most, the sign of being at work is
    renewed every `working` s."""

    interval: float
    working: float


class Button(StrEnum):
    """What may be pressed below an answer; the value is the word of its command."""

    STOP = "stop"
    RETRY = "retry"

    @property
    def label(self) -> str:
        return "Stop" if self is Button.STOP else "Try again"


@dataclass(frozen=True, slots=True)
class Body:
    """What one platform message shall hold: rendered text, the bot's own lines below it, and its button."""

    text: str
    footer: tuple[str, ...] = ()
    growing: bool = False  # more will follow this text, and the platform may show it as such
    button: Button | None = None


def with_button(bodies: Sequence[Body], shown: Shown) -> list[Body]:
    """The messages of an answer with what may be done to it now, below the last: a growing one is stopped, one that did
    not come to its end is tried again. A whole one needs no button; the command does it."""
    button = None
    if shown.text and not shown.final:
        button = Button.STOP
    elif shown.phase in (Phase.FAILED, Phase.STOPPED) and TAKEN_BACK not in shown.notes:
        button = Button.RETRY
    return [*bodies[:-1], replace(bodies[-1], button=button)] if bodies else []


class Platform(Protocol):
    """One chat platform. Every call raises PlatformError: PlatformBusy (not done, later), Unsure (perhaps done),
    TooLong (split smaller), Outgrown (post it anew), MissingScope, PlaceGone (never again)."""

    name: str
    limits: Limits

    def render(self, turn: Turn, shown: Shown, *, shrink: int = 0) -> list[Body]:
        """The messages that show the reply now, in order; nobody is asked. `shrink` halves the size of a message
        so many times."""

    def bucket(self, turn: Turn, action: Action, message: str | None = None) -> Bucket:
        """The bucket that a request counts in. `message` is the one to be edited."""

    async def post(
        self, turn: Turn, part: int, body: Body, parts: Mapping[int, str], *, look: bool
    ) -> str:
        """Post a part and return the id of the message that shows the body. `look` says that it may have been posted
        before: what is found is adopted, and made to show the body."""

    async def edit(self, turn: Turn, part: int, message: str, body: Body) -> None:
        """Make the message show the body."""

    async def delete(self, turn: Turn, message: str) -> None:
        """Take a message of ours away; that it is gone already is success."""

    async def notice(self, turn: Turn, words: str) -> None:
        """Say the bot's own words to the turn's author alone (where that cannot be: as a plain reply)."""

    async def working(self, turn: Turn, on: bool) -> None:
        """Show, or end, the sign that an answer is being made. Best effort."""

    def forget(self, turn_id: str) -> None:
        """The turn is looked after here no more: whatever was remembered of it may go."""

    async def actor(self, turn: Turn) -> Actor:
        """Who the author is and what the platform lets them do, asked now."""

    async def fetch(self, turn: Turn, attachment: Attachment) -> bytes:
        """The bytes of a file; raises AttachmentRejected with the sentence for the person."""

    async def history(self, turn: Turn) -> tuple[Quote, ...]:
        """Up to 15 earlier messages of the older thread that the question was asked in, oldest first."""

    async def meet(self, people: Collection[str]) -> None:
        """See to it that the names of these people are kept (`bot.names`), where events tell ids alone. Best effort,
        and soon over."""
