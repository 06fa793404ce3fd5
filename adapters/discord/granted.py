"""What Discord said of a person together with an interaction counts for a minute, unless it says something newer."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import discord

from bot.types import Actor, Scope, Turn

BELIEVED_SECONDS = 60.0
MOST_KNOWN = 5_000  # people of servers
OF_A_PERSON = {"GUILD_MEMBER_UPDATE", "GUILD_MEMBER_REMOVE"}
OF_A_SERVER = {"GUILD_ROLE_UPDATE", "GUILD_ROLE_DELETE", "CHANNEL_UPDATE"}
SERVERS = {"GUILD_UPDATE", "GUILD_DELETE"}  # their id is the server's own
ANEW = "READY"  # what happened since the last connection was not told

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What a person may do in one channel, and their roles: resolved by Discord itself."""

    at: float  # on the clock of `Granted`
    channel: str
    permissions: discord.Permissions
    roles: frozenset[str]


class Granted:
    """One word for each person of a server, the newest; kept in memory alone."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._told: dict[tuple[str, str], Told] = {}  # server and person, the latest last

    def hear(self, event: str, data: Json) -> None:
        """An event of the gateway: it may say what somebody may do, or that it is no longer so."""
        if event == "INTERACTION_CREATE":
            self._interaction(data)
        elif event in OF_A_PERSON:
            self._told.pop((str(data["guild_id"]), str(data["user"]["id"])), None)
        elif event in OF_A_SERVER or event in SERVERS:
            server = str(data["id"] if event in SERVERS else data.get("guild_id"))
            self._told = {who: told for who, told in self._told.items() if who[0] != server}
        elif event == ANEW:
            self._told.clear()

    def actor(self, turn: Turn) -> Actor | None:
        """The author of an interaction, if what came with the latest of theirs still counts where it was used."""
        author, target = turn.message.author, turn.message.target
        workspace = turn.message.thread.channel.workspace
        told = self._told.get((workspace, author.id))
        if told is None or target.interaction is None or told.channel != target.channel:
            return None
        if self._now() - told.at > BELIEVED_SECONDS:
            return None
        return Actor(
            "discord",
            workspace,
            author.id,
            author.name,
            powers=powers(told.permissions),
            groups=told.roles,
        )

    def _interaction(self, data: Json) -> None:
        """One without permissions says nothing, and what an earlier one said is over all the same."""
        member = data.get("member")
        if not data.get("guild_id") or not member:
            return
        who = str(data["guild_id"]), str(member["user"]["id"])
        self._told.pop(who, None)
        permissions = discord.Permissions(int(member.get("permissions") or 0))
        if not permissions.value:
            return
        channel = str(data.get("channel_id") or (data.get("channel") or {}).get("id"))
        roles = frozenset(str(role) for role in member.get("roles") or ())
        self._told[who] = Told(self._now(), channel, permissions, roles)
        if len(self._told) > MOST_KNOWN:
            del self._told[next(iter(self._told))]


def powers(permissions: discord.Permissions) -> frozenset[Scope]:
    """Manage Channels gives the scopes up to the category, Manage Server the guild's."""
    granted: set[Scope] = set()
    if permissions.manage_channels or permissions.administrator:
        granted |= {Scope.THREAD, Scope.CHANNEL, Scope.CATEGORY}
    if permissions.manage_guild or permissions.administrator:
        granted.add(Scope.WORKSPACE)
    return frozenset(granted)
