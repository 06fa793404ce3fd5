"""Where a Discord channel belongs: a thread to its parent, a channel to its category. Kept in Redis once known."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import discord

from adapters.discord.rest import Rest
from bot.store import AT_TTL, Store, text

log = logging.getLogger(__name__)

THREADS = {10, 11, 12}  # channel types: announcement, public and private threads


@dataclass(frozen=True, slots=True)
class Place:
    """A channel's parent (threads only) and category, as ids."""

    parent: str | None
    category: str | None


class Places:
    """Answers from discord.py's cache, else from Redis, else with one look-up whose answer is kept."""

    def __init__(self, store: Store, rest: Rest) -> None:
        self._store = store
        self._rest = rest

    async def of(self, channel: object, guild: str | None, channel_id: str) -> Place:
        """`channel` is what discord.py has of it, which may be next to nothing."""
        if guild is None:
            return Place(None, None)
        if isinstance(channel, discord.Thread) and channel.parent is not None:
            found = Place(str(channel.parent_id), _id(channel.parent.category_id))
            await self.learn(channel_id, found)
            return found
        if isinstance(channel, discord.abc.GuildChannel):
            return Place(None, _id(channel.category_id))
        return await self._kept(channel_id) or await self._look_up(channel_id)

    async def learn(self, channel_id: str, place: Place) -> None:
        value = f"{place.parent or ''}:{place.category or ''}"
        await self._store.redis.set(self._store.key("place", channel_id), value, ex=AT_TTL)

    async def _kept(self, channel_id: str) -> Place | None:
        value = text(await self._store.redis.get(self._store.key("place", channel_id)))
        if not value:
            return None
        parent, _, category = value.partition(":")
        return Place(parent or None, category or None)

    async def _look_up(self, channel_id: str) -> Place:
        found = await self._rest.channel(channel_id)
        if int(found.get("type", 0)) not in THREADS:
            place = Place(None, _id(found.get("parent_id")))
        else:
            parent = str(found["parent_id"])
            above = await self._rest.channel(parent)
            place = Place(parent, _id(above.get("parent_id")))
        await self.learn(channel_id, place)
        return place


def _id(value: object) -> str | None:
    return str(value) if value else None
