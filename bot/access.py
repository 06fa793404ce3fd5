"""Who may do what: an actor, an action and a scope go in; nothing comes out, or the sentence that says who may."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from bot.errors import NotAllowed
from bot.forms import Admin
from bot.types import Actor, Scope


class Action(StrEnum):
    """What somebody wants to do."""

    ASK = "ask"
    SHOW = "show"
    LIST = "list"
    NEW = "new"
    HELP = "help"
    SET = "set"
    RESET = "reset"
    LOCK = "lock"
    UNLOCK = "unlock"
    STOP = "stop"  # an answer to a question of one's own
    RETRY = "retry"
    STOP_OTHERS = "stop its answer"  # of a question that somebody else asked
    RETRY_OTHERS = "have it answered again"


FOR_ALL = frozenset(
    {Action.ASK, Action.SHOW, Action.LIST, Action.NEW, Action.STOP, Action.RETRY, Action.HELP}
)
ON_OTHERS = frozenset({Action.STOP_OTHERS, Action.RETRY_OTHERS})
FOR_ADMINS = frozenset({Action.SET, Action.RESET, Action.LOCK, Action.UNLOCK}) | ON_OTHERS
IN_ONES_OWN_DM = frozenset({Action.SET, Action.RESET})
SCOPES_OF_A_DM = frozenset({Scope.THREAD, Scope.CHANNEL})


@dataclass(frozen=True, slots=True)
class Admins:
    """Those whom the operator named beside the platform's own admins. An empty list is nobody."""

    entries: frozenset[Admin] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[Admin]) -> Self:
        return cls(frozenset(entries))

    def includes(self, actor: Actor) -> bool:
        """Whether the actor is named, or has a role or is in a user group that is."""
        if actor.external or actor.guest:
            return False
        return any(
            (entry.platform, entry.workspace) == (actor.platform, actor.workspace)
            and (entry.id == actor.id if entry.kind == "user" else entry.id in actor.groups)
            for entry in self.entries
        )


def authorize(
    actor: Actor,
    action: Action,
    scope: Scope | None,
    *,
    admins: Admins,
    direct: bool,
    external_allowed: bool = False,
) -> None:
    """Raise NotAllowed unless the actor may do this; what no rule allows is refused.

    `scope` is what a change is meant for (where it is about what somebody else asked, the place of that), `direct` says
    that the place is a direct message. `external_allowed` is the
    operator's policy on people of other organisations, who may ask then and are admins never.
    """
    if actor.external and not external_allowed:
        raise NotAllowed(
            "People of other organisations cannot use me here. "
            "The operator can allow it (SWITCHBOARD_SLACK_EXTERNAL)."
        )
    if action in FOR_ALL:
        return
    if action not in FOR_ADMINS or scope is None:
        raise NotAllowed("That cannot be done here.")
    if action in ON_OTHERS:
        if direct or not _rules(actor, scope, admins):
            raise NotAllowed(
                f"Somebody else asked this. Only they can {action}, "
                f"or {_who(actor.platform, scope).removesuffix(',')}."
            )
        return
    if actor.external:
        raise NotAllowed("People of other organisations cannot change models.")
    if direct:
        _authorize_in_dm(action, scope)
    elif not _rules(actor, scope, admins):
        raise NotAllowed(
            f"Only {_who(actor.platform, scope)} can {action} the model of {_of(scope)}."
        )


def _rules(actor: Actor, scope: Scope, admins: Admins) -> bool:
    return not actor.external and (scope in actor.powers or admins.includes(actor))


def _authorize_in_dm(action: Action, scope: Scope) -> None:
    """A direct message belongs to its person."""
    if action not in IN_ONES_OWN_DM:
        raise NotAllowed("In a direct message you can set and reset the model, but not lock it.")
    if scope not in SCOPES_OF_A_DM:
        raise NotAllowed(
            "In a direct message you can choose the model of this conversation only; "
            f"that of the {scope} is set in one of its channels."
        )


def _who(platform: str, scope: Scope) -> str:
    if platform == "slack":
        return "an admin or owner of this workspace, or somebody in SWITCHBOARD_ADMINS,"
    if scope is Scope.WORKSPACE:
        return "people with the permission Manage Server, or in SWITCHBOARD_ADMINS,"
    return "people with the permission Manage Channels or Manage Server, or in SWITCHBOARD_ADMINS,"


def _of(scope: Scope) -> str:
    return "the workspace" if scope is Scope.WORKSPACE else f"a {scope}"
