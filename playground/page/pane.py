"""What the page needs of a simulated platform: a view for one person, changes, and things to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

Json = dict[str, Any]

LOOK = 0.5  # s between looks at what no change tells of


class Refused(Exception):
    """Something that cannot be done here; the sentence is shown to the person."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A file that the person chose, pasted or dropped."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that the platform keeps, for the page to show."""

    name: str
    data: bytes


class Pane(Protocol):
    """One platform as the page sees it."""

    def people(self) -> list[Json]:
        """Whom one may act as: id, name, role."""
        ...

    def view(self, viewer: str) -> Json:
        """Everything that this person sees, as a flat map: a change shows as a changed value."""
        ...

    def changes(self) -> AsyncIterator[object]:
        """Something is yielded whenever a view may have changed."""
        ...

    async def act(self, viewer: str, deed: str, given: Json, files: tuple[Picked, ...]) -> Json:
        """What the person did; raises Refused with a sentence."""
        ...

    def file(self, file_id: str) -> Stored | None:
        """A file by the id that the view names."""
        ...


async def ticks(queue: asyncio.Queue[Json], facts: Callable[[], object]) -> AsyncIterator[None]:
    """One for each change told, and one when a fact changed that no change tells of, like a bot that connected."""
    known = facts()
    while True:
        try:
            await asyncio.wait_for(queue.get(), LOOK)
        except TimeoutError:
            if facts() == known:
                continue
        known = facts()
        yield
