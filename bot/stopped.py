"""What an answer that was stopped says of itself, below what there is of it."""

from __future__ import annotations

from bot.types import Turn
from bot.words import shown

TAKEN_BACK = "Stopped here: the question was taken back."


def stopped_notes(turn: Turn, by: str, *, text: bool) -> tuple[str, ...]:
    """The mark of an answer that has text, or has none. `by` is who stopped it, if that is not who asked.

    Before the first word nobody need be told who knows it already: whoever stopped their own question is, by the
    command itself. Only in the place of Discord's "thinking" something has to stand.
    """
    who = f" by **{shown(by)}**" if shown(by, "") else ""
    if text:
        return (f"Stopped here{who}.",)
    return (f"Stopped{who} before it began.",) if who or turn.message.target.interaction else ()
