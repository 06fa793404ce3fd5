"""The audit as whoever verifies it reads it: changes in their order, each sealed with a hash over the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields

from bot.store import Store, text


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change. `at` and `until` are ms since the epoch (`until` 0: for good), `where` is the scope's key, `before`
    and `after` are the models in force there. The first nine fields are what the hash is made of, in this order."""

    at: str
    who: str
    where: str
    what: str
    before: str
    after: str
    until: str
    request: str
    previous: str
    hash: str

    @property
    def seal(self) -> str:
        """The hash that belongs to the entry. The length before each text keeps two of them from running together.

        SHA-1 is what Redis's scripts have; that nobody finds another entry with the same hash is still true of it.
        """
        parts: list[bytes] = []
        for field in fields(self)[:-1]:
            for word in (field.name, getattr(self, field.name)):
                data = word.encode("utf-8", "surrogateescape")
                parts.append(b"%d:%s" % (len(data), data))
        return hashlib.sha1(b"".join(parts), usedforsecurity=False).hexdigest()


async def read_audit(store: Store) -> list[AuditEntry]:
    """All entries, the oldest first."""
    names = [field.name for field in fields(AuditEntry)]
    found = await store.redis.xrange(store.key("audit"))
    return [AuditEntry(*(text(entry.get(name.encode())) for name in names)) for _, entry in found]


async def audit_head(store: Store) -> str:
    """The hash of the newest entry, kept apart from it."""
    return text(await store.redis.get(store.key("audit-head")))


def verify(entries: Iterable[AuditEntry], head: str | None = None) -> int | None:
    """The number of the first entry (from 0) that was edited, or before which one is missing; None if all are whole.

    With `head` a missing end is noticed too: the answer is then how many entries there are.
    """
    previous, number = "", -1
    for number, entry in enumerate(entries):
        if entry.previous != previous or entry.hash != entry.seal:
            return number
        previous = entry.hash
    return number + 1 if head is not None and head != previous else None
