"""Replies to a root that was not heard of yet wait below it: Slack may tell of it up to six minutes later."""

from __future__ import annotations

import logging
import math
from dataclasses import replace

from adapters.slack.parse import Heard
from bot.inbox import at_key
from bot.store import Store, pairs, text
from bot.types import decode, encode

log = logging.getLogger(__name__)

ROOT_SECONDS = 600.0  # Slack tells of a message for the last time after six minutes, and some more
MOST = 50  # replies below one root, as many as may wait for their answers
MOST_BYTES = 131_072  # of one: Slack's 40,000 characters, of three bytes each
TAKEN_BACK = b""  # in the place of a reply that was deleted


class Parking:
    """What waits below each root, by `ts`. It ends when the root is too old to be told of."""

    def __init__(self, store: Store, team: str) -> None:
        self._store = store
        self._team = team

    async def park(self, said: Heard) -> bool:
        """Keep a reply; False where its root is known, so that it can be admitted."""
        record = encode(said)
        state = await self._store.run(
            "park",
            [self._at(said.channel.id, said.root), self._key(said.channel.id, said.root)],
            said.ts,
            record,
            MOST if len(record) <= MOST_BYTES else 0,
            math.ceil(ROOT_SECONDS - said.after_root),
        )
        if state == b"full":
            log.info("reply.passed_over id=%s bytes=%d", said.event, len(record))
        return bool(state != b"known")

    async def below(self, channel: str, root: str) -> list[tuple[str, bytes]]:
        """What waits below a root that is known, in the order in which it was said: each `ts`, and its record. What
        cannot be read is left to the adapter of another version that kept it."""
        found = await self._store.run("parked", [self._at(channel, root), self._key(channel, root)])
        waiting = pairs(found).items()
        return sorted((text(ts), kept) for ts, kept in waiting if kept == TAKEN_BACK or read(kept))

    async def leave(self, channel: str, root: str, ts: str, kept: bytes) -> None:
        """The reply was admitted as it was kept; if it has changed since, it stays."""
        await self._store.run("repark", [self._key(channel, root)], ts, kept)

    async def amend(self, channel: str, root: str, ts: str, words: str | None) -> None:
        """A reply was edited, or deleted (None): if it waits, it follows. A deleted one comes no more."""
        key = self._key(channel, root)
        while (said := read(kept := await self._store.redis.hget(key, ts))) is not None:
            record = TAKEN_BACK if words is None else encode(replace(said, text=words))
            if await self._store.run("repark", [key], ts, kept, record):
                return

    def _at(self, channel: str, root: str) -> str:
        return at_key(self._store, "slack", self._team, channel, root)

    def _key(self, channel: str, root: str) -> str:
        return self._store.key("parked", "slack", self._team, channel, root)


def read(kept: bytes | None) -> Heard | None:
    """The reply of a record; None where there is none: taken back, or kept by another version."""
    try:
        return decode(Heard, kept) if kept else None
    except ValueError as error:
        log.warning("reply.unreadable why=%s", error)
        return None


def awaited(said: Heard) -> bool:
    """Whether it is below a root of which Slack may still tell; in direct messages no root matters."""
    return said.in_thread and not said.channel.direct and said.after_root < ROOT_SECONDS
