"""What waits is worked off: claimed by one worker at a time, committed once, or given back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bot import dead
from bot import store as keys
from bot.caps import Caps
from bot.inbox import CONVERSATION, hint_channel, new_token, text_keys
from bot.seats import NO_CAPS, Seats, unheard
from bot.store import Store, pairs, text
from bot.stored import Stored
from bot.types import Phase, Usage, encode

LEASE_MS = 8_000
SWEEP_FORWARD_MS = 3_000  # a conversation that was rung is looked at again after this
SWEEP_COUNT = 32
MAX_ATTEMPTS = 3
NEWER_AGAIN_MS = 2_000  # until who cannot read it lets somebody try again
NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Grant:
    """The right to answer the head of a conversation, as long as no higher fence exists."""

    conversation: str
    turn: str
    fence: int
    attempt: int
    stopped: bool = (
        False  # the answer was stopped, or its question deleted, while another holder made it
    )
    resumed: bool = (
        False  # another holder had it before, and may have shown something of its answer
    )
    until: float = field(
        default=0.0, repr=False, compare=False
    )  # monotonic: before it nobody else can have it
    # The turn; None where nothing is kept of it (any more).
    stored: Stored | None = field(default=None, repr=False, compare=False)
    # The conversation's log as it is kept: its entries, and what each costs.
    log: tuple[Sequence[bytes], Sequence[bytes]] = field(
        default=((), ()), repr=False, compare=False
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended, with what enters the log: pairs of an entry and its tokens, and how many old ones leave."""

    phase: Phase
    text: str
    alias: str = ""
    notes: tuple[str, ...] = ()
    usage: Usage = NO_USAGE
    entries: tuple[tuple[bytes, int], ...] = ()
    drop: int = 0
    tail: int = 0  # how many of the newest leave: the answer that this one takes the place of, and its question
    dead: str = ""  # the dead letter, if it is one


class Work:
    """All that a worker may do to turns that wait: answer them. Each method is one round trip and safe to repeat."""

    def __init__(
        self,
        store: Store,
        *,
        lease_ms: int = LEASE_MS,
        log_ttl: int = keys.DAY,
        caps: Caps = NO_CAPS,
        ring: Callable[[str], None] = unheard,
    ) -> None:
        """`lease_ms` is how long a silent worker keeps a conversation; `ring` is that of `Seats`."""
        self.store = store
        self.lease_ms = lease_ms
        self._log_ttl = log_ttl
        self._seats = Seats(store.prefix, caps, ring)

    async def claim(self, conversation: str) -> Grant | None:
        """The head of the conversation with its log, if nobody else answers it and its files are in."""
        key, asked = self.store.key, time.monotonic()
        platform = conversation.split(":", 1)[0]
        status, *granted = await self.store.run(
            "claim",
            [
                key("inbox", conversation),
                key("lease", conversation),
                key("due"),
                key("fetching", platform),
            ],
            conversation,
            new_token(),
            self.lease_ms,
            keys.REPLY_TTL,
            *self._seats.arguments,
        )
        if status != b"granted":
            return None
        fields, entries, costs, head, fence, attempt, stop, resumed = granted
        turn_id = text(head)
        return Grant(
            conversation,
            turn_id,
            int(fence),
            int(attempt),
            stopped=bool(stop),
            resumed=bool(resumed),
            until=asked + self.lease_ms / 1000,
            stored=Stored.of(turn_id, pairs(fields)) if fields else None,
            log=(entries, costs),
        )

    async def renew(self, grant: Grant) -> Literal["held", "stop", "lost"]:
        """Keep the grant for another lease; "stop" says that the question's author wants no answer any more."""
        key = self.store.key
        state = await self.store.run(
            "renew",
            [key("lease", grant.conversation), key("due")],
            grant.conversation,
            grant.fence,
            self.lease_ms,
        )
        held: Literal["held", "stop", "lost"] = text(state)  # type: ignore[assignment]  # the script's three words
        return held

    async def commit(self, grant: Grant, epoch: str, outcome: Outcome) -> str:
        """Finish the head: 'done' or 'again' (it is), 'lost' (another holds it), 'stop' (its author stopped it)."""
        key = self.store.key
        entries = [part for entry in outcome.entries for part in entry]
        done = await self.store.run(
            "commit",
            [
                key("lease", grant.conversation),
                key("inbox", grant.conversation),
                key("due"),
                key("reply", grant.turn),
                *text_keys(self.store, grant.turn),
                key("log", grant.conversation, epoch),
                key("cost", grant.conversation, epoch),
                key("dead"),
            ],
            grant.conversation,
            grant.fence,
            grant.turn,
            outcome.text,
            outcome.phase,
            outcome.alias,
            json.dumps(outcome.notes),
            encode(outcome.usage),
            keys.REPLY_TTL,
            self._log_ttl,
            outcome.drop,
            outcome.tail,
            outcome.dead,
            hint_channel(self.store, grant.conversation),
            dead.KEPT,
            *entries,
            *self._seats.arguments,
        )
        return self._seats.rung(done)

    async def release(self, grant: Grant, *, later_ms: int = 0) -> None:
        """Give the conversation and the attempt back; it is due at once, or so much later."""
        key = self.store.key
        await self.store.run(
            "release",
            [key("lease", grant.conversation), key("due")],
            grant.conversation,
            grant.fence,
            later_ms,
        )

    async def sweep(self) -> list[str]:
        """Conversations that are due, moved forward so that one worker rings each."""
        due = self.store.key("due")
        found = await self.store.run(
            "sweep",
            [due, self.store.key("lines")],
            SWEEP_COUNT,
            SWEEP_FORWARD_MS,
            *self._seats.arguments,
        )
        return await dead.sound(self.store, due, found, CONVERSATION)
