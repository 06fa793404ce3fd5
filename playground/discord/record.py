"""Each request of the bot leaves a record, and each breach of the house rules a violation."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playground.discord.world import FLAG_SUPPRESS_EMBEDS

_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_EVERYONE = re.compile(r"@(everyone|here)\b")


@dataclass(frozen=True, slots=True)
class Call:
    """One REST request and what came of it."""

    method: str
    path: str  # below /api/v10
    route: str  # the path with its parameters' names
    query: Mapping[str, str]
    body: dict[str, Any]
    files: tuple[str, ...]
    status: int
    code: int | None
    at: float

    @property
    def name(self) -> str:
        return f"{self.method} {self.route}"


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that Discord allows and a careful bot never does."""

    kind: str  # "mentions", "embeds" or "ping"
    where: str
    detail: str


def texts(body: dict[str, Any]) -> str:
    """All text of a message that can ping: content and text displays, at any depth."""
    parts = [str(body.get("content") or "")]
    todo = list(body.get("components") or ())
    while todo:
        component = todo.pop()
        if component.get("type") == 10:
            parts.append(str(component.get("content", "")))
        todo += component.get("components") or ()
    return "\n".join(parts)


def inspect(where: str, body: dict[str, Any]) -> list[Violation]:
    """The breaches of one create or edit; an edit without text or embeds has none."""
    if not {"content", "embeds", "components"} & body.keys():
        return []
    found: list[Violation] = []
    allowed = body.get("allowed_mentions")
    if not isinstance(allowed, dict) or allowed.get("parse") != []:
        found.append(Violation("mentions", where, f"allowed_mentions is {allowed!r}"))
    elif allowed.get("replied_user"):
        found.append(Violation("mentions", where, "the person replied to is pinged"))
    if not int(body.get("flags") or 0) & FLAG_SUPPRESS_EMBEDS:
        found.append(Violation("embeds", where, f"flags is {body.get('flags')!r}"))
    pinged = live_pings(texts(body), allowed if isinstance(allowed, dict) else None)
    if pinged:
        found.append(Violation("ping", where, " ".join(pinged)))
    return found


def live_pings(text: str, allowed: dict[str, Any] | None) -> list[str]:
    """The mentions in a text that would notify somebody; no field means that all do."""
    parse = {"users", "roles", "everyone"} if allowed is None else set(allowed.get("parse") or ())
    users = {str(u) for u in (allowed or {}).get("users") or ()}
    roles = {str(r) for r in (allowed or {}).get("roles") or ()}
    live = [m.group() for m in _USER.finditer(text) if "users" in parse or m.group(1) in users]
    live += [m.group() for m in _ROLE.finditer(text) if "roles" in parse or m.group(1) in roles]
    if "everyone" in parse:
        live += [m.group() for m in _EVERYONE.finditer(text)]
    return live
