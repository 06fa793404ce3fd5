"""Which model a place has: settings of its scopes in Redis, read in one round trip and changed in one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.access import Action, Admins, authorize
from bot.errors import Unavailable
from bot.precedence import Choice, Claim, decide, refused
from bot.store import REQUEST_TTL, Store, pairs, text
from bot.types import Actor, Scope, Thread
from bot.words import shown

__all__ = ["Change", "Choice", "Scopes"]


@dataclass(frozen=True, slots=True)
class Change:
    """What a request did to a scope: the models in force there before and after. Not `done`: it was so already."""

    done: bool
    before: str
    after: str
    at: datetime
    until: datetime | None = None


class Scopes:
    """The settings of threads, channels, categories and workspaces. They stay until somebody changes them or their time
    is over.

    Whether a person may do that is judged here once more, whatever the entry was that let them through.
    """

    def __init__(self, store: Store, default: str, admins: Admins) -> None:
        self.store = store
        self.default = default
        self._admins = admins

    async def in_force(self, thread: Thread, one_shot: str | None = None) -> Choice:
        """The model that answers here now; raises NotAllowed for a one-shot that a lock forbids."""
        places = self._places(thread)
        moment, *found = await self.store.run("in_force", [key for _, key in places])
        seconds, micros = map(int, moment)
        now = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
        claims = [
            claim
            for (scope, _), fields in zip(places, found, strict=True)
            for claim in _claims(scope, pairs(fields))
            if claim.until is None or claim.until > now
        ]
        return decide(claims, default=self.default, one_shot=one_shot, now=now)

    async def set(
        self,
        thread: Thread,
        scope: Scope,
        alias: str,
        duration_s: int | None = None,
        *,
        actor: Actor,
        request_id: str,
    ) -> Change:
        """Choose a scope's model, for good or for some seconds; what is inherited then comes back after them."""
        return await self._change("set", thread, scope, actor, request_id, alias, duration_s or 0)

    async def reset(self, thread: Thread, scope: Scope, *, actor: Actor, request_id: str) -> Change:
        """A scope inherits again."""
        return await self._change("reset", thread, scope, actor, request_id)

    async def lock(self, thread: Thread, scope: Scope, *, actor: Actor, request_id: str) -> Change:
        """Pin the model in force at a scope, set there or inherited, for everything below it."""
        return await self._change("lock", thread, scope, actor, request_id)

    async def unlock(
        self, thread: Thread, scope: Scope, *, actor: Actor, request_id: str
    ) -> Change:
        """What was set below a lock holds again."""
        return await self._change("unlock", thread, scope, actor, request_id)

    async def _change(
        self,
        verb: str,
        thread: Thread,
        scope: Scope,
        actor: Actor,
        request_id: str,
        alias: str = "",
        duration_s: int = 0,
    ) -> Change:
        """Once for each request id, however often it is sent. Raises NotAllowed below a lock, and for who may not."""
        where = thread.scope_key(scope)
        if where is None:
            raise Unavailable(f"There is no {scope} here.")
        direct = thread.channel.direct
        authorize(actor, Action(verb), scope, admins=self._admins, direct=direct)
        places = self._places(thread)
        level = [known for known, _ in places].index(scope)
        store = self.store
        keys = [store.key("audit"), store.key("audit-head"), store.key("request", request_id)]
        keys += [key for _, key in places[level:]]
        answer = json.loads(
            await store.run(
                "change_model",
                keys,
                verb,
                alias,
                duration_s * 1000,
                self.default,
                f"{actor.platform}:{actor.workspace}:{actor.id}",
                shown(actor.name, actor.id),
                where,
                request_id,
                REQUEST_TTL,
            )
        )
        if answer["outcome"] == "locked":
            locked = places[level + int(answer["level"])][0]
            raise refused(locked, answer["before"], answer["name"], _moment(answer["since"]))
        return Change(
            answer["outcome"] == "changed",
            answer["before"],
            answer["after"],
            datetime.fromtimestamp(int(answer["at"]) / 1000, UTC),
            _moment(answer["ends"]),
        )

    def _places(self, thread: Thread) -> list[tuple[Scope, str]]:
        """The scopes that this place has and their keys, from the narrowest to the widest."""
        named = ((scope, thread.scope_key(scope)) for scope in Scope)
        return [(scope, self.store.key("scope", name)) for scope, name in named if name]


def _claims(scope: Scope, fields: dict[bytes, bytes]) -> list[Claim]:
    """The setting and the lock that a scope's record holds."""
    claims = []
    if alias := text(fields.get(b"alias")):
        by, at = text(fields.get(b"name")), _moment(fields.get(b"at"))
        claims.append(Claim(scope, alias, by, at, _moment(fields.get(b"until"))))
    if alias := text(fields.get(b"lock")):
        by, at = text(fields.get(b"lock_name")), _moment(fields.get(b"lock_at"))
        claims.append(Claim(scope, alias, by, at, locked=True))
    return claims


def _moment(value: bytes | str | None) -> datetime | None:
    """Milliseconds since the epoch; 0, and what is no number, are no time."""
    try:
        ms = int(value or 0)
        return datetime.fromtimestamp(ms / 1000, UTC) if ms else None
    except (ValueError, OverflowError):
        return None
