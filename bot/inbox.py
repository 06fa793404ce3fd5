"""Turns wait here, in order: admitted by an adapter, amended, looked up by whoever has to do with them."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot import dead
from bot import store as keys
from bot.bell import QUEUE, element
from bot.caps import TOLD_SECONDS, Caps
from bot.seats import NO_CAPS, Seats, unheard
from bot.stopped import stopped_notes
from bot.store import Store, text
from bot.stored import Stored
from bot.types import Turn, encode

CAP = 50  # turns that wait in one conversation; the next one is refused with a sentence
FETCH_MS = (
    20_000  # how long a turn's files and quoted messages may take, then it goes on without them
)
CONVERSATION = re.compile(rb"[a-z]+(:[A-Za-z0-9._@-]{1,64}){3}")  # a `Thread.key`
TURN = re.compile(rb"[0-9A-Z]{16}")  # a turn's id
BARRED = b"barred"  # in the place of a turn's id, under the mark of an event that was refused


class Admitted(StrEnum):
    """What became of an admission."""

    NEW = "new"
    AGAIN = "again"  # seen before: success, as for the first time
    FULL = "full"  # of its conversation too many wait
    MANY = "many"  # of its author too many are open
    WAITS = "waits"  # what was to be tried again is not the latest question
    PASSED = "passed"  # it is not the latest answer
    RENEWED = "renewed"  # it belongs to a former life of its conversation
    GONE = "gone"  # its question was deleted, or nothing is kept of it


@dataclass(frozen=True, slots=True)
class Admission:
    """The outcome, and the id of the turn that holds the question (an earlier one, if it was seen before).

    `told`: the question was refused, and its author was told so by an earlier one.
    """

    outcome: Admitted
    turn: str
    told: bool = False


class Inbox:
    """All that may be done to turns but to answer them, which `work` does. Each method is one round trip and safe to
    repeat."""

    def __init__(
        self,
        store: Store,
        *,
        log_ttl: int = keys.DAY,
        caps: Caps = NO_CAPS,
        ring: Callable[[str], None] = unheard,
    ) -> None:
        """`ring` is that of `Seats`."""
        self.store = store
        self.log_ttl = log_ttl
        self.caps = caps
        self._seats = Seats(store.prefix, caps, ring)

    async def admit(
        self,
        turn: Turn,
        *,
        at: Sequence[str] = (),
        secret: str = "",
        renews: bool = False,
        known: int = keys.SEEN_TTL,
    ) -> Admission:
        """Store and queue a turn unless it was seen, which is known for so long (s). `at` names what leads to its
        conversation (`at_key`). A turn that `renews` cuts its conversation here: what was said before is no part of
        what comes after it.
        """
        channel = turn.message.thread.channel
        seen = [
            self.store.key("seen", channel.platform, channel.workspace, mark)
            for mark in turn.message.marks
        ]
        outcome, found = await self.store.run(
            "admit",
            [*self._of(turn), *seen, *at],
            turn.conversation,
            turn.id,
            encode(turn),
            turn.kind,
            CAP,
            FETCH_MS if turn.message.fetches else 0,
            known,
            keys.AT_TTL,
            len(seen),
            secret,
            keys.SECRET_TTL,
            turn.place,
            keys.epoch_ttl(self.log_ttl),
            "renews" if renews else "",
            hint_channel(self.store, turn.conversation),
            turn.person,
            turn.message.id,
            self.caps.user_questions,
            TOLD_SECONDS,
            turn.retries,
            element(turn.conversation),
            *self._seats.arguments,
        )
        if (admitted := Admitted(text(outcome))) in (Admitted.FULL, Admitted.MANY):
            return Admission(admitted, turn.id, told=bool(found))
        return Admission(admitted, text(found))

    def _of(self, turn: Turn) -> list[str]:
        """ADMIT's keys, in its order, before those that the message is known by."""
        key = self.store.key
        return [
            key("inbox", turn.conversation),
            key("turn", turn.id),
            key("due"),
            key("owed", turn.platform),
            key("fetching", turn.platform),
            key("outbox", turn.conversation),
            key("epoch", turn.conversation),
            key("secret", turn.id),
            key("open", turn.person),
            key("refused", turn.person, turn.conversation),
            key("refused", turn.person),
            key("lease", turn.conversation),
            key("turn", turn.retries),
            key("celery", QUEUE),
        ]

    async def ready(self, turn: Turn) -> bool:
        """The turn's files and quotes are in; False where it no longer waits for them."""
        key = self.store.key
        done = await self.store.run(
            "ready",
            [
                key("fetching", turn.platform),
                key("turn", turn.id),
                key("due"),
                key("inbox", turn.conversation),
            ],
            turn.id,
            turn.conversation,
            encode(turn),
        )
        return bool(done)

    async def amend(self, turn: Turn, words: str | None) -> str:
        """A question was edited, or deleted (None): 'replaced', 'cancelled', 'answering', 'stopping' or 'later'."""
        how = "delete" if words is None else "edit"
        return await self._amend(turn, how, words or "", (), ())

    async def stop(self, turn: Turn, by: str = "") -> str:
        """No answer is wanted any more; what there is of it stays. `by` names who stops it, if that is not who asked:
        'cancelled' (it waited), 'stopping' or 'later' (it is over)."""
        notes = [stopped_notes(turn, by, text=text) for text in (True, False)]
        return await self._amend(turn, "stop", by, *notes)

    async def _amend(
        self, turn: Turn, how: str, words: str, within: tuple[str, ...], before: tuple[str, ...]
    ) -> str:
        key = self.store.key
        done = await self.store.run(
            "amend",
            [
                key("turn", turn.id),
                key("inbox", turn.conversation),
                key("lease", turn.conversation),
                key("fetching", turn.platform),
                key("due"),
                key("reply", turn.id),
                *text_keys(self.store, turn.id),
            ],
            turn.id,
            turn.conversation,
            how,
            words,
            keys.REPLY_TTL,
            stop_channel(self.store),
            hint_channel(self.store, turn.conversation),
            json.dumps(within),
            json.dumps(before),
            *self._seats.arguments,
        )
        return self._seats.rung(done)

    async def waiting(self, conversation: str) -> list[str]:
        """The turns that are answered or wait for it, in order."""
        found = await self.store.redis.lrange(self.store.key("inbox", conversation), 0, -1)
        return [text(turn) for turn in found]

    async def last(self, conversation: str) -> str:
        """The turn that was answered last, or stopped; empty where there is none."""
        return text(await self.store.redis.hget(self.store.key("lease", conversation), "last"))

    async def remembered(self, request_id: str, choice: str) -> str:
        """What a request meant when it was run for the first time: `choice`, if this is it."""
        name = self.store.key("request", request_id)
        first = await self.store.run("keep", [name], choice, keys.REQUEST_TTL)
        return choice if first is None else text(first)

    async def load(self, turn_id: str) -> Stored | None:
        """A stored turn; None where nothing is kept under this id (any more)."""
        return await Stored.load(self.store, turn_id)

    async def newest(self, turn_id: str) -> Stored | None:
        """The turn that answers the same question now: the last one that retries it, or it itself."""
        stored = await self.load(turn_id)
        while stored is not None and stored.heir and (heir := await self.load(stored.heir)):
            stored = heir
        return stored

    async def conversation_of(self, turn_id: str) -> str | None:
        """The conversation of a turn whose record may be unreadable."""
        value = await self.store.redis.hget(self.store.key("turn", turn_id), "conversation")
        return text(value) or None

    async def seen(self, platform: str, workspace: str, mark: str) -> str | None:
        """The id of the turn that was admitted under this mark."""
        value = await self.store.redis.get(self.store.key("seen", platform, workspace, mark))
        return text(value) or None

    async def bar(self, platform: str, workspace: str, mark: str) -> str | None:
        """The id of the turn that was admitted under this mark; without one the mark is taken, so that
        an admission that is still on its way finds it seen and changes nothing."""
        name = self.store.key("seen", platform, workspace, mark)
        value = await self.store.run("keep", [name], BARRED, keys.SEEN_TTL)
        return text(value) if value not in (None, BARRED) else None

    async def fetching(self, platform: str) -> list[str]:
        """The turns whose files or quotes are on their way."""
        name = self.store.key("fetching", platform)
        found = await self.store.redis.zrange(name, 0, -1)
        return await dead.sound(self.store, name, found, TURN)

    async def stop_fetching(self, platform: str, turn_id: str) -> None:
        """There is nothing to fetch for under this id."""
        await self.store.redis.zrem(self.store.key("fetching", platform), turn_id)

    async def take_fetch(self, turn_id: str, seconds: float) -> bool:
        """Whether to fetch for the turn now; whoever asks next may after `seconds`."""
        mine = new_token()
        before = await self.store.redis.set(
            self.store.key("fetch", turn_id), mine, nx=True, get=True, px=int(seconds * 1000)
        )
        return before is None or text(before) == mine  # a repeat of this very command finds its own


def new_token() -> str:
    """The name of one claim."""
    return uuid.uuid4().hex


def text_keys(store: Store, turn_id: str) -> list[str]:
    """The keys of a reply's growing texts: one for the newest fence, one for the longest of the older ones."""
    return [store.key("text", turn_id, slot) for slot in ("3", "4")]


def at_key(store: Store, platform: str, workspace: str, channel: str, message: str) -> str:
    """The key that leads from a platform message to its conversation."""
    return store.key("at", platform, workspace, channel, message)


def latest_key(store: Store, channel: str, person: str) -> str:
    """The key of a person's latest conversation in a channel (`Channel.key`)."""
    return store.key("latest", channel, person)


def hint_channel(store: Store, conversation: str) -> str:
    """Where "look at this turn's reply" is published for the adapters of the conversation's platform."""
    return store.key("hint", conversation.split(":", 1)[0])


def stop_channel(store: Store) -> str:
    """Where the conversation and the turn of an answer that is to stop are published for the workers."""
    return store.key("stop")


async def conversation_at(store: Store, names: Iterable[str]) -> list[str | None]:
    """The conversations behind `at_key`s, one round trip for all."""
    values = await store.redis.mget(list(names))
    return [text(value) or None for value in values]
