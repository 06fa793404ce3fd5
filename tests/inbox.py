"""An inbox from both sides: what adapters put into it, and what workers take out."""

from __future__ import annotations

from collections.abc import Callable

from bot.caps import Caps
from bot.inbox import Inbox
from bot.seats import NO_CAPS, unheard
from bot.store import Store
from bot.work import LEASE_MS, Work


class BothSides(Inbox, Work):
    """Of one process that is everything, as none of the product is."""

    def __init__(
        self,
        store: Store,
        *,
        lease_ms: int = LEASE_MS,
        caps: Caps = NO_CAPS,
        ring: Callable[[str], None] = unheard,
    ) -> None:
        Work.__init__(self, store, lease_ms=lease_ms, caps=caps, ring=ring)
        Inbox.__init__(self, store, caps=caps, ring=ring)
