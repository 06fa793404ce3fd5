"""Seats as `seats.lua` hands them on: what its scripts are told of the caps, and who is told whom they made due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.caps import Caps
from bot.store import text

NO_CAPS = Caps()


def unheard(conversation: str) -> None:
    """For who rings nobody: the sweep does."""


@dataclass(frozen=True, slots=True)
class Seats:
    """Of one process. `ring` is told of each conversation that became due because another one's answer is over."""

    prefix: str
    caps: Caps = NO_CAPS
    ring: Callable[[str], None] = unheard

    @property
    def arguments(self) -> tuple[str, int, int]:
        """The last ones of each script that hands seats on."""
        return self.prefix, self.caps.user_answers, self.caps.workspace_answers

    def rung(self, answer: Sequence[bytes]) -> str:
        """What such a script came to; the conversations that it names after that are rung."""
        outcome, *woken = answer
        for conversation in woken:
            self.ring(text(conversation))
        return text(outcome)
