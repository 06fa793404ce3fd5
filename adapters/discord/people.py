"""Who somebody is in a server and what they may do there, as Discord said it with their interaction or says it now."""

from __future__ import annotations

from collections.abc import Callable

import discord

from adapters.discord.faults import translated
from adapters.discord.granted import Granted, powers
from adapters.discord.parse import DIRECT
from bot.errors import MissingScope, PlaceGone, PlatformBusy
from bot.types import Actor, Turn

READY_SECONDS = 1.0  # until it is asked again whether the servers are known


class People:
    """Asks the gateway's client, which knows roles and channels, for a member that it does not keep."""

    def __init__(self, client: Callable[[], discord.Client | None], granted: Granted) -> None:
        self._client = client
        self._granted = granted

    async def actor(self, turn: Turn) -> Actor:
        """The author, with what they may change; raises PlatformBusy before the servers are known."""
        author, channel = turn.message.author, turn.message.thread.channel
        if channel.workspace == DIRECT:
            return Actor("discord", DIRECT, author.id, author.name)
        if (told := self._granted.actor(turn)) is not None:
            return told
        client = self._client()
        if client is None or not client.is_ready():
            raise PlatformBusy("The bot is not connected yet.", READY_SECONDS)
        guild = client.get_guild(int(channel.workspace))
        if guild is None:
            raise PlaceGone("The bot is no longer in this server.")
        async with translated():
            member = await guild.fetch_member(int(author.id))
        permissions = await _permissions(guild, int(channel.id), member)
        return actor_of(member, channel.workspace, permissions)


async def _permissions(
    guild: discord.Guild, channel: int, member: discord.Member
) -> discord.Permissions | None:
    """What the member may do in a channel; None, which is nothing, where Discord does not tell enough to know."""
    if guild.default_role is None and guild.owner_id != member.id:
        return None
    try:
        async with translated():
            place = guild.get_channel(channel) or await guild.fetch_channel(channel)
    except (PlaceGone, MissingScope, discord.DiscordException):
        return None
    return place.permissions_for(member)


def actor_of(
    user: discord.User | discord.Member,
    workspace: str,
    permissions: discord.Permissions | None = None,
) -> Actor:
    """Somebody with these permissions in a place; without any they may ask."""
    roles = user.roles if isinstance(user, discord.Member) else []
    return Actor(
        "discord",
        workspace,
        str(user.id),
        user.display_name,
        powers=powers(permissions) if permissions and workspace != DIRECT else frozenset(),
        groups=frozenset(str(role.id) for role in roles),
    )
