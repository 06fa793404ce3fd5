"""Commands become Notices: each is judged, done and put into words here, whichever door it came through."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

from bot.access import Action, Admins, authorize
from bot.commands import (
    DAY,
    HOUR,
    MINUTE,
    Ask,
    Command,
    Help,
    Later,
    ListModels,
    LockModel,
    NewConversation,
    ResetModel,
    Retry,
    SetModel,
    ShowModel,
    Stop,
    UnlockModel,
)
from bot.errors import ModelGone, Unavailable, UnknownModel
from bot.manual import help_text, not_yet
from bot.precedence import Choice, Claim, made, moment
from bot.scopes import Change, Scopes
from bot.types import Actor, Notice, Scope, Thread
from bot.words import shown

LIST_CHARS = 1_400  # of the list of models: with markup and marks it fits into Discord's 2,000

RENEWED = "A new conversation begins here. What was said before is no part of it."

ChangeModel = SetModel | ResetModel | LockModel | UnlockModel
_ACTIONS: dict[type[Command], Action] = {
    Ask: Action.ASK,
    ShowModel: Action.SHOW,
    ListModels: Action.LIST,
    SetModel: Action.SET,
    ResetModel: Action.RESET,
    LockModel: Action.LOCK,
    UnlockModel: Action.UNLOCK,
    NewConversation: Action.NEW,
    Stop: Action.STOP,
    Retry: Action.RETRY,
    Help: Action.HELP,
    Later: Action.HELP,
}


class Model(Protocol):
    """What the desk must know of one model."""

    @property
    def alias(self) -> str: ...
    def gone(self, today: date) -> bool: ...


class Models(Protocol):
    """The catalog as the desk uses it."""

    @property
    def labels(self) -> Mapping[str, str]:
        """Alias and line of every model, in the order in which they are listed."""

    def find(self, alias: str) -> Model:
        """Raises UnknownModel, which names the nearest three."""

    def resolve(self, alias: str, today: date) -> tuple[Model, str]:
        """The model that answers today, and a sentence if it is another one; raises ModelGone."""


def judge(
    command: Command, actor: Actor, *, admins: Admins, direct: bool, external_allowed: bool = False
) -> None:
    """Raise NotAllowed unless the actor may give the command: asked at the door, and again where it is run."""
    authorize(
        actor,
        _ACTIONS[type(command)],
        getattr(command, "scope", None),
        admins=admins,
        direct=direct,
        external_allowed=external_allowed,
    )


class Desk:
    """One handler for each command. Raises UserError, NotAllowed among them, with the sentence for the person."""

    def __init__(
        self,
        scopes: Scopes,
        models: Models,
        admins: Admins,
        *,
        external_allowed: bool = False,
        slash: str = "/ai",
    ) -> None:
        """`slash` is Slack's slash command."""
        self._scopes = scopes
        self._models = models
        self._admins = admins
        self._external_allowed = external_allowed
        self._slash = slash

    async def run(
        self,
        command: Command,
        actor: Actor,
        thread: Thread,
        *,
        request_id: str,
        in_thread: bool = True,
    ) -> Notice:
        """Do what was asked, once for each request id. `in_thread` is False where the door carries no thread."""
        judge(
            command,
            actor,
            admins=self._admins,
            direct=thread.channel.direct,
            external_allowed=self._external_allowed,
        )
        match command:
            case ShowModel():
                return Notice(self._shown(await self._scopes.in_force(thread)))
            case ListModels():
                return Notice(self._listed(await self._scopes.in_force(thread)))
            case SetModel() | ResetModel() | LockModel() | UnlockModel():
                return await self._change(command, actor, thread, request_id, in_thread)
            case NewConversation():
                return Notice(RENEWED)  # ADMIT has cut it, where it was said
            case Help(topic):
                return Notice(help_text(topic, platform=actor.platform, slash=self._slash))
            case Later(word):
                return Notice(not_yet(word))
            case Ask() | Stop() | Retry():
                raise Unavailable("This cannot be done this way. Please mention me with it.")

    # ---- the model in force -------------------------------------------------------------------------

    def _shown(self, choice: Choice) -> str:
        """Which model, why, and what that hides."""
        label = self._models.labels.get(choice.alias)
        lines = [f"The model here is `{choice.alias}`" + (f" ({label})." if label else ".")]
        lines.append(_why(choice))
        if sentence := self._fate(choice.alias, choice.now.date()):
            lines.append(sentence)
        if choice.hidden:
            lines.append("This hides:")
            lines += [f"• {_claimed(claim)}" for claim in choice.hidden]
        return "\n".join(lines)

    def _fate(self, alias: str, today: date) -> str:
        """A sentence where the model itself will not answer; empty where it will."""
        try:
            return self._models.resolve(alias, today)[1]
        except (ModelGone, UnknownModel) as error:
            return error.sentence

    def _listed(self, choice: Choice) -> str:
        """Every model that still answers, the one in force first: with its label as long as there is room."""
        today = choice.now.date()
        there = [a for a in self._models.labels if not self._models.find(a).gone(today)]
        there.sort(key=lambda alias: alias != choice.alias)
        names = [f"`{alias}`" for alias in there]
        room = LIST_CHARS - sum(len(name) + 2 for name in names)
        lines = []
        for alias in there:
            line = f"`{alias}` {self._models.labels[alias]}"
            room -= len(line) - len(alias)
            if room < 0:
                break
            lines.append(line)
        rest = names[len(lines) :]
        while rest and sum(len(name) + 2 for name in rest) > LIST_CHARS:
            rest.pop()
        more = len(names) - len(lines) - len(rest)
        also = (
            [f"Also: {', '.join(rest)}" + (f" and {more} more." if more else ".")] if rest else []
        )
        return "\n".join([f"The model here is `{choice.alias}`. There are:", *lines, *also])

    # ---- changes ------------------------------------------------------------------------------------

    async def _change(
        self, command: ChangeModel, actor: Actor, thread: Thread, request_id: str, in_thread: bool
    ) -> Notice:
        scope = command.scope
        _require(command, actor.platform, thread, in_thread)
        match command:
            case SetModel():
                alias = self._models.find(command.alias).alias
                change = await self._scopes.set(
                    thread, scope, alias, command.duration_s, actor=actor, request_id=request_id
                )
            case ResetModel():
                change = await self._scopes.reset(thread, scope, actor=actor, request_id=request_id)
            case LockModel():
                change = await self._scopes.lock(thread, scope, actor=actor, request_id=request_id)
            case UnlockModel():
                change = await self._scopes.unlock(
                    thread, scope, actor=actor, request_id=request_id
                )
        here = await self._scopes.in_force(thread)
        if not change.done:
            return Notice(f"{_unchanged(command, change)} {_why(here)}")
        done = _done(command, change)
        lines = [f"Done: you {done}", self._fate(change.after, change.at.date())]
        if here.alias != change.after:
            lines.append(f"In this place `{here.alias}` answers all the same. {_why(here)}")
        name = shown(actor.name, actor.id)
        announcement = "" if thread.channel.direct else f"**{name}** {done}"
        return Notice(" ".join(filter(None, lines)), announcement)


def _require(command: ChangeModel, platform: str, thread: Thread, in_thread: bool) -> None:
    """The place must have the scope; where the door carries no thread, the form that does is named."""
    scope = command.scope
    if scope is Scope.THREAD and not in_thread:
        raise Unavailable(
            "A slash command does not know its thread. Write this in the thread: "
            f"`@bot /model {_spelled(command)}`"
        )
    if thread.scope_key(scope) is not None:
        return
    if platform == "slack":
        raise Unavailable("Slack has no categories. A scope is `thread`, `channel` or `workspace`.")
    raise Unavailable(f"This channel is in no {scope}.")


def _spelled(command: ChangeModel) -> str:
    if not isinstance(command, SetModel):
        return f"{_ACTIONS[type(command)]} {command.scope}"
    until = f" for {_length(command.duration_s)}" if command.duration_s else ""
    return f"set {shown(command.alias)} {command.scope}{until}"


def _length(seconds: int) -> str:
    for unit, letter in ((DAY, "d"), (HOUR, "h")):
        if seconds % unit == 0:
            return f"{seconds // unit}{letter}"
    return f"{seconds // MINUTE}m"


def _done(command: ChangeModel, change: Change) -> str:
    """What somebody did, said so that "you" and a name fit before it."""
    of = f"the model of this {command.scope}"
    before, after = f"`{change.before}`", f"`{change.after}`"
    match command:
        case SetModel():
            until = f", until {moment(change.until)}" if change.until else ""
            return f"set {of} to {after} (before: {before}){until}."
        case ResetModel():
            return f"reset {of} to the inherited {after} (before: {before})."
        case LockModel():
            return f"locked {of} to {after}: nothing narrower counts until it is unlocked."
        case UnlockModel():
            return f"unlocked {of}: it is {after} now (before: {before})."


def _unchanged(command: ChangeModel, change: Change) -> str:
    match command:
        case ResetModel():
            return f"This {command.scope} has no model of its own; it has `{change.after}`."
        case LockModel():
            return f"The model of this {command.scope} is locked already, to `{change.after}`."
        case _:
            return f"The model of this {command.scope} is not locked; it is `{change.after}`."


def _why(choice: Choice) -> str:
    """Which setting wins, who made it and when, and until when."""
    return f"It is {_chosen(choice.claim)}." if choice.claim else "It is the default."


def _claimed(claim: Claim) -> str:
    return f"`{claim.alias}`, {_chosen(claim)}"


def _chosen(claim: Claim) -> str:
    how = "locked" if claim.locked else "set"
    until = f", until {moment(claim.until)}" if claim.until else ""
    return f"{how} for this {claim.scope}{made(claim.by, claim.at)}{until}"
