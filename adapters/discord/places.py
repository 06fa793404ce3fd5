"""Where a Discord channel belongs: a thread to its parent, a channel to its category."""

from __future__ import annotations

from dataclasses import dataclass

import discord

from adapters.discord.liberal import THREADS
from adapters.discord.rest import Rest
from bot.errors import BotError
from bot.store import AT_TTL, Store, text

NONE = "-"  # kept in the place of a channel above: there is none
CATEGORY_TTL = 600  # s; a channel may be moved to another category, a thread stays where it is


@dataclass(frozen=True, slots=True)
class Place:
    """A channel's parent (threads only) and category, as ids."""

    parent: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Above:
    """What a channel is under: the parent of a thread, the category of a channel."""

    thread: bool = False
    id: str | None = None


class Places:
    """Answers from discord.py's cache. What is not in it (a thread that was asleep when the bot came) is looked up
    once and kept."""

    def __init__(self, store: Store, rest: Rest) -> None:
        self._store = store
        self._rest = rest

    async def of(self, channel: object, guild: discord.Guild | None, channel_id: str) -> Place:
        """A channel of a server. `channel` is what discord.py has of it, which may be next to nothing."""
        above = _cached(channel) or await self._looked_up(channel_id)
        if not above.thread or above.id is None:
            return Place(None, above.id)
        parent = guild.get_channel(int(above.id)) if guild else None
        over = _cached(parent) or await self._looked_up(above.id)
        return Place(above.id, over.id)

    async def _looked_up(self, channel_id: str) -> Above:
        """Asked of Discord, unless it is known already. One that Discord does not tell of is a plain channel."""
        name = self._store.key("parent", channel_id)
        if kept := text(await self._store.redis.get(name)):
            kind, _, found = kept.rpartition(":")
            return Above(kind != NONE, None if found == NONE else found)
        above, ttl = Above(), CATEGORY_TTL
        try:
            told = await self._rest.channel(channel_id)
            parent = told.get("parent_id")
            above = Above(told.get("type") in THREADS, str(parent) if parent else None)
            ttl = AT_TTL if above.thread else CATEGORY_TTL
        except BotError as error:
            if error.retryable:
                raise
        kind = "thread" if above.thread else NONE
        await self._store.redis.set(name, f"{kind}:{above.id or NONE}", ex=ttl)
        return above


def _cached(channel: object) -> Above | None:
    if isinstance(channel, discord.Thread):
        return Above(True, str(channel.parent_id))
    if isinstance(channel, discord.abc.GuildChannel):
        category = channel.category_id
        return Above(False, str(category) if category else None)
    return None
