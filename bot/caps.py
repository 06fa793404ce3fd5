"""Fairness: how much of the bot one person, and one workspace, may have at once."""

from __future__ import annotations

from dataclasses import dataclass

TOLD_SECONDS = (
    600  # a person is told once that questions are refused, until so long after the last of them
)


@dataclass(frozen=True, slots=True)
class Caps:
    """Answers in flight of one person (while others are there) and of one workspace, and questions of one person that
    are still open: waiting, being answered or not yet shown. 0 is any number."""

    user_answers: int = 0
    workspace_answers: int = 0
    user_questions: int = 0

    @property
    def refusal(self) -> str:
        """What a person is told whose questions are too many."""
        return (
            f"{self.user_questions} of your questions are still open, which is the most that I take from one person. "
            "While that is so I take no further ones, and I say so only once: "
            "please ask again what has got no answer when the others have theirs."
        )
