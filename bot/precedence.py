"""Several settings claim a place: which of them wins, why, and what it hides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.errors import NotAllowed
from bot.types import Scope

ONE_SHOT = "one-shot"
DEFAULT = "default"
_WIDTH = {scope: width for width, scope in enumerate(Scope)}


@dataclass(frozen=True, slots=True)
class Claim:
    """A model that somebody chose for a scope, or pinned there by a lock. Times are Redis's."""

    scope: Scope
    alias: str
    by: str = ""  # the person's name then, or their id
    at: datetime | None = None
    until: datetime | None = None
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The model in force, and why: `reason` is `one-shot`, `default`, a scope, or `lock:` and a scope.

    `hidden` are the settings that would hold if the winner were not there, the next one first. `now` is when this was
    asked.
    """

    alias: str
    reason: str
    now: datetime
    scope: Scope | None = None
    by: str = ""
    at: datetime | None = None
    until: datetime | None = None
    hidden: tuple[Claim, ...] = ()

    @property
    def claim(self) -> Claim | None:
        """The setting that won, if one did."""
        if self.scope is None:
            return None
        locked = self.reason.startswith("lock:")
        return Claim(self.scope, self.alias, self.by, self.at, self.until, locked)


def decide(
    claims: Iterable[Claim], *, default: str, one_shot: str | None = None, now: datetime
) -> Choice:
    """The widest lock, else the one-shot, else the narrowest setting, else the default.

    Raises NotAllowed, naming the lock, for a one-shot with another model than the locked one.
    """
    ranked = sorted(claims, key=_rank)
    winner = ranked[0] if ranked else None
    if winner is not None and winner.locked:
        if one_shot not in (None, winner.alias):
            raise refused(winner.scope, winner.alias, winner.by, winner.at)
        return _won(winner, f"lock:{winner.scope}", ranked[1:], now)
    if one_shot is not None:
        return Choice(one_shot, ONE_SHOT, now, hidden=tuple(ranked))
    if winner is None:
        return Choice(default, DEFAULT, now)
    return _won(winner, winner.scope, ranked[1:], now)


def _rank(claim: Claim) -> tuple[bool, int]:
    """Locks first, the widest before; then settings, the narrowest before."""
    width = _WIDTH[claim.scope]
    return not claim.locked, -width if claim.locked else width


def _won(claim: Claim, reason: str, hidden: list[Claim], now: datetime) -> Choice:
    return Choice(
        claim.alias,
        reason,
        now,
        claim.scope,
        claim.by,
        claim.at,
        claim.until,
        hidden=tuple(hidden),
    )


def refused(scope: Scope, alias: str, by: str, at: datetime | None) -> NotAllowed:
    """The refusal of another model where one is locked."""
    return NotAllowed(
        f"The model of this {scope} is locked to `{alias}`{made(by, at)}. "
        "Another one can be chosen when an admin has unlocked it."
    )


def made(by: str, at: datetime | None) -> str:
    """By whom and when, as the end of a clause; empty where nobody knows."""
    who = f" by {by}" if by else ""
    return f"{who} on {moment(at)}" if at else who


def moment(at: datetime) -> str:
    """A time as people in any place read it."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
