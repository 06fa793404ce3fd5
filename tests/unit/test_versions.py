"""Two versions on one Redis, as in a rolling restart: what is not known in a record is passed over, and who would
misread one leaves it to whoever understands it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from redis.asyncio import Redis

from adapters.slack.parking import Parking, read
from bot.conversation import UNREADABLE, Conversations, pack, unpack
from bot.inbox import at_key
from bot.reply import Replies
from bot.store import Store
from bot.stored import Stored
from bot.types import (
    RECORD_VERSION,
    Attachment,
    ChatMessage,
    ImagePart,
    Phase,
    Quote,
    Scope,
    TextPart,
    Turn,
    Usage,
    decode,
    encode,
)
from bot.work import Outcome
from tests.bench import log_of
from tests.inbox import BothSides
from tests.unit.test_inbox_machine import CONVERSATIONS, turn_for
from tests.unit.test_lost_replies import ADMIN, REPLY, Doors

HERE = CONVERSATIONS[0]
ASKED = turn_for(HERE, 1)
TOMORROW = {"tomorrow": [1, {"and": "more"}]}


def told_more(record: Any) -> Any:
    """A record as a newer version may write it: each of its objects says something that nobody knows here."""
    if isinstance(record, dict):
        return {name: told_more(value) for name, value in record.items()} | TOMORROW
    return [told_more(value) for value in record] if isinstance(record, list) else record


@pytest.mark.parametrize(
    "value",
    [
        replace(
            ASKED, message=replace(ASKED.message, quotes=(Quote("Mia", "so", (Attachment("a"),)),))
        ),
        Quote("Mia", "said", (Attachment("red.png", "F1", "image/png", 9),)),
        Usage(1, 2),
        REPLY,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_record_that_says_more_than_is_known_is_read(value: object) -> None:
    record = json.dumps(told_more(json.loads(encode(value))))
    assert decode(type(value), record) == value


def test_an_entry_of_the_log_that_says_more_than_is_known_is_read() -> None:
    picture = ["ab", "image/png", 1, 2, "a.png"]
    said = ChatMessage("user", (TextPart("look"), ImagePart(*picture)), "U1", "M1", name="Mia")
    newer = ["user", ["look", [*picture, "newer"]], "U1", "M1", "", "Mia", "newer"]
    assert unpack(b"\0" + msgpack.packb(newer)) == said


def test_only_a_turn_that_an_older_version_would_misread_says_so() -> None:
    """Number one is never written down: with a default that was raised no older version would have seen the new one."""
    plain, pressed = ASKED.message, replace(ASKED.message, about=ASKED.id)
    turns = [
        Turn.of(plain, "ask", at=0.0),
        Turn.of(plain, "ask", at=0.0, retries=ASKED.id),
        Turn.of(pressed, "command", at=0.0),
    ]
    versions = [json.loads(encode(turn)).get("version") for turn in turns]
    assert versions == [None, 2, 2]
    assert max(turn.version for turn in turns) == RECORD_VERSION


def test_a_turn_that_needs_a_newer_version_is_read_as_far_as_it_is_understood() -> None:
    newer = replace(ASKED, version=RECORD_VERSION + 1)
    stored = Stored.of(ASKED.id, {b"record": encode(newer)})
    assert (stored.turn, stored.newer, stored.addressee) == (None, True, newer)


async def test_hashes_keep_what_a_newer_version_noted_in_them(redis: Redis) -> None:
    """All that happens to a question and its answer, with fields in them that nobody knows here."""
    store = Store(redis)
    inbox, replies = BothSides(store), Replies(store)
    await inbox.admit(ASKED)
    names = [store.key("turn", ASKED.id), store.key("lease", HERE), store.key("reply", ASKED.id)]
    for name in (*names, store.key("delivery", ASKED.place)):
        await redis.hset(name, "tomorrow", "kept")
    assert await replies.own(ASKED.place, "adapter", 60)
    for _ in range(2):
        grant = await inbox.claim(HERE)
        assert grant is not None
        assert await replies.append(grant, 0, b"words", "gpt-4o")
        assert await inbox.renew(grant) == "held"
        await inbox.release(grant)
    grant = await inbox.claim(HERE)
    assert grant is not None
    assert not await replies.intend(ASKED.id, 0), "its words brought the intent along"
    assert await replies.bind(ASKED, "adapter", 0, "M1")
    assert await inbox.commit(grant, "0", Outcome(Phase.ANSWERED, "words")) == "done"
    assert (await replies.read(ASKED.id)).text == "words"
    await replies.delivered(ASKED.id, HERE)
    assert await inbox.amend(ASKED, None) == "later"
    kept = [await redis.hget(name, "tomorrow") for name in names]
    assert kept == [b"kept"] * len(names)


async def test_a_setting_keeps_what_a_newer_version_noted_in_it(redis: Redis) -> None:
    scopes = Doors(Store(redis)).scopes
    thread = ASKED.message.thread
    name = scopes.store.key("scope", str(thread.scope_key(Scope.CHANNEL)))
    await redis.hset(name, "tomorrow", "kept")
    await scopes.set(thread, Scope.CHANNEL, "gpt-4o-mini", actor=ADMIN, request_id="r1")
    assert (await scopes.in_force(thread)).alias == "gpt-4o-mini"
    await scopes.lock(thread, Scope.CHANNEL, actor=ADMIN, request_id="r2")
    await scopes.unlock(thread, Scope.CHANNEL, actor=ADMIN, request_id="r3")
    await scopes.reset(thread, Scope.CHANNEL, actor=ADMIN, request_id="r4")
    assert await redis.hgetall(name) == {b"tomorrow": b"kept"}


async def test_an_entry_of_the_log_in_a_newer_form_stays_as_it_is(redis: Redis) -> None:
    store = Store(redis)
    conversations, log = Conversations(store), store.key("log", HERE, "0")
    newer = b"\7of tomorrow"
    question = ChatMessage("user", (TextPart("a"),), source="M1")
    await redis.rpush(log, newer, pack(question))
    await conversations.amend(HERE, "0", "M1", "b")
    found = await log_of(store, HERE)
    assert [message.text for message in found] == [UNREADABLE.text, "b"]
    assert await redis.lindex(log, 0) == newer


async def test_a_parked_reply_in_a_newer_form_waits_for_an_adapter_that_reads_it(
    redis: Redis,
) -> None:
    """It was taken for one that its author had taken back, and was gone."""
    parking = Parking(Store(redis), "T1")
    where = (REPLY.channel.id, REPLY.root)
    await parking.park(REPLY)
    await redis.hset(parking._key(*where), "3.0", b'{"said": "of tomorrow"}')
    await redis.set(at_key(parking._store, "slack", "T1", *where), HERE)
    ((ts, kept),) = await parking.below(*where)
    assert read(kept) == REPLY
    await parking.leave(*where, ts, kept)
    assert await parking.below(*where) == []
    assert await redis.hkeys(parking._key(*where)) == [b"3.0"]
