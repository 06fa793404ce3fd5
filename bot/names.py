"""What people are called, kept for those of whom a platform's events tell no more than ids."""

from __future__ import annotations

from collections.abc import Collection

from bot.store import DAY, Store, text
from bot.types import checked_id

NAME_TTL = 7 * DAY  # s: whoever takes another name is called so after that
NAMELESS_TTL = (
    600  # s after which the platform is asked again about a person of whom it told no name
)


class Names:
    """One key for each person of a workspace; reading and keeping is one round trip each."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(self, platform: str, workspace: str, people: Collection[str]) -> dict[str, str]:
        """The names of these people, as far as they were asked for: empty where there is none to be had now."""
        keys = [self._key(platform, workspace, person) for person in people]
        found = await self._store.redis.mget(keys) if keys else ()
        return {
            person: text(name)
            for person, name in zip(people, found, strict=True)
            if name is not None
        }

    async def keep(self, platform: str, workspace: str, person: str, name: str) -> None:
        """This is what the platform calls a person; an empty name is that it did not tell."""
        key = self._key(platform, workspace, person)
        await self._store.redis.set(key, name, ex=NAME_TTL if name else NAMELESS_TTL)

    def _key(self, platform: str, workspace: str, person: str) -> str:
        return self._store.key("name", *map(checked_id, (platform, workspace, person)))
