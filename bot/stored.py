"""A turn's record becomes a turn again, as far as this version can read what another one wrote."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from bot.store import Store, text
from bot.types import RECORD_VERSION, Turn, decode

NEWER_SECONDS = 600.0  # that a newer version's turn waits for a process that can read it, as in a rolling restart


@dataclass(frozen=True, slots=True)
class Stored:
    """A turn as it was stored: `turn` is None where the record cannot be read by this version.

    `addressee` is the turn as far as it can be read: of a record of a newer version enough to tell its author.
    """

    id: str
    turn: Turn | None
    epoch: str
    kind: str
    phase: str = ""  # empty as long as the turn is owed
    addressee: Turn | None = None
    admitted: float = 0.0  # s since the epoch, by Redis's clock; 0 where that is not known
    gone: bool = False  # the question was deleted
    heir: str = ""  # the turn that answers it again
    stopped_by: str = ""  # who stopped the answer, if somebody else did
    newer: bool = False  # written by a newer version

    @property
    def left(self) -> bool:
        """Whether it is to be left to a newer process, which will be there soon: versions change one by one."""
        return self.newer and time.time() - self.admitted < NEWER_SECONDS

    @classmethod
    async def load(cls, store: Store, turn_id: str) -> Stored | None:
        """What is kept under a turn's id; None where nothing is (any more)."""
        fields = await store.redis.hgetall(store.key("turn", turn_id))
        return cls.of(turn_id, fields) if fields else None

    @classmethod
    def of(cls, turn_id: str, fields: dict[bytes, bytes]) -> Stored:
        found, newer = _read(fields.get(b"record", b""))
        if found is not None and b"words" in fields:
            found = found.with_message(text=text(fields[b"words"]))
        return cls(
            turn_id,
            None if newer else found,
            text(fields.get(b"epoch")) or "0",
            text(fields.get(b"kind")),
            text(fields.get(b"phase")),
            found,
            int(at) / 1000 if (at := fields.get(b"admitted", b"")).isdigit() else 0.0,
            b"gone" in fields,
            text(fields.get(b"heir")),
            text(fields.get(b"stopped_by")),
            newer,
        )


def _read(record: bytes) -> tuple[Turn | None, bool]:
    """The turn as far as it can be read, and whether a newer version wrote it. Fields that are not known are left out;
    a kind that is not known is that of a notice, so that its author can be told."""
    try:
        turn = decode(Turn, record)
        return turn, turn.version > RECORD_VERSION
    except ValueError:
        pass
    try:
        raw = json.loads(record)
        if raw.get("version", 0) <= RECORD_VERSION:
            return None, False
    except (ValueError, AttributeError, TypeError):
        return None, False
    try:
        return decode(Turn, json.dumps(raw | {"kind": "notice"})), True
    except ValueError:
        return None, True
