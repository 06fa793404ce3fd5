"""What only so many may do at once, counted in Redis for all processes that do it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.store import Store


@dataclass(frozen=True, slots=True)
class Slots:
    """So many slots under one name. Each is held for a while by one holder; what nobody gives back ends by itself."""

    store: Store
    name: str
    count: int

    async def hold(self, holder: str, seconds: float) -> int:
        """Take a slot, or hold the one that the holder has for so long from now. How many are taken by then; 0 where
        none was free."""
        key = self.store.key("slots", self.name)
        held = await self.store.run("hold", [key], holder, int(seconds * 1000), self.count)
        return int(held)
