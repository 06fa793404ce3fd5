"""Where a Discord channel belongs: a thread to its parent, a channel to its category."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from adapters.discord.rest import Rest
from bot.store import AT_TTL, Store, text

THREADS = {10, 11, 12}  # channel types: announcement, public and private threads
NONE = "-"  # kept in the place of a parent: the channel is no thread


@dataclass(frozen=True, slots=True)
class Place:
    """A channel's parent (threads only) and category, as ids."""

    parent: str | None = None
    category: str | None = None


class Places:
    """Answers from discord.py's cache. A thread that is not in it (one that was asleep when the bot came) is looked up
    once, and its parent, which never changes, is kept; categories do change and always come from the cache."""

    def __init__(self, store: Store, rest: Rest) -> None:
        self._store = store
        self._rest = rest

    async def of(self, channel: object, guild: discord.Guild | None, channel_id: str) -> Place:
        """`channel` is what discord.py has of it, which may be next to nothing."""
        if guild is None:
            return Place()
        if isinstance(channel, discord.Thread):
            return Place(str(channel.parent_id), _category(guild, str(channel.parent_id)))
        if isinstance(channel, discord.abc.GuildChannel):
            return Place(None, _category(guild, channel_id))
        name = self._store.key("parent", channel_id)
        parent = text(await self._store.redis.get(name))
        if not parent:
            found = await self._rest.channel(channel_id)
            parent = str(found["parent_id"]) if int(found["type"]) in THREADS else NONE
            await self._store.redis.set(name, parent, ex=AT_TTL)
        if parent == NONE:
            return Place(None, _category(guild, channel_id))
        return Place(parent, _category(guild, parent))


def _category(guild: discord.Guild, channel_id: str) -> str | None:
    channel = guild.get_channel(int(channel_id))
    category = getattr(channel, "category_id", None)
    return str(category) if category else None
