"""Settings of scopes on a real Redis: which wins, what a lock does, what a repeat does, what the audit shows."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from bot.access import Admins
from bot.errors import NotAllowed, Unavailable
from bot.scopes import Scopes
from bot.store import REPLY_TTL, Store
from bot.types import Actor, Channel, Scope, Thread
from tests.audit import AuditEntry, audit_head, read_audit, verify

THREAD, CHANNEL, CATEGORY, WORKSPACE = Scope

HERE = Thread(Channel("discord", "100", "10", category="5"), "1000")
SIBLING = Thread(HERE.channel, "1001")
ELSEWHERE = Thread(Channel("discord", "100", "11"), "1002")
DM = Thread(Channel("slack", "T1", "D1", direct=True), "U1")
ADA = Actor("discord", "100", "1", "Ada", powers=frozenset(Scope))
BOB = Actor("discord", "100", "2", "Bob", powers=frozenset(Scope))


@pytest.fixture
def scopes(redis: Redis) -> Scopes:
    return Scopes(Store(redis), "gpt-4o", Admins())


class Changes:
    """Changes with a request id each."""

    def __init__(self, scopes: Scopes) -> None:
        self.scopes = scopes
        self.count = 0

    def __getattr__(self, verb: str):
        async def made(scope: Scope, *more, thread: Thread = HERE, actor: Actor = ADA):
            self.count += 1
            run = getattr(self.scopes, verb)
            return await run(thread, scope, *more, actor=actor, request_id=f"r{self.count}")

        return made


@pytest.fixture
def change(scopes: Scopes) -> Changes:
    return Changes(scopes)


async def aliases(scopes: Scopes) -> list[str]:
    return [(await scopes.in_force(thread)).alias for thread in (HERE, SIBLING, ELSEWHERE)]


async def test_without_settings_the_default_is_in_force(scopes: Scopes) -> None:
    choice = await scopes.in_force(HERE)
    assert (choice.alias, choice.reason, choice.scope) == ("gpt-4o", "default", None)


async def test_the_narrowest_setting_wins_and_names_its_maker(
    scopes: Scopes, change: Changes
) -> None:
    await change.set(WORKSPACE, "wide")
    assert await aliases(scopes) == ["wide", "wide", "wide"]
    await change.set(CATEGORY, "shelf")
    assert await aliases(scopes) == ["shelf", "shelf", "wide"]
    await change.set(CHANNEL, "room", actor=BOB)
    await change.set(THREAD, "narrow")
    assert await aliases(scopes) == ["narrow", "room", "wide"]
    choice = await scopes.in_force(SIBLING)
    assert (choice.scope, choice.reason, choice.by) == (CHANNEL, "channel", "Bob")
    assert choice.at is not None
    assert timedelta(0) <= choice.now - choice.at < timedelta(minutes=1)
    assert [claim.alias for claim in choice.hidden] == ["shelf", "wide"]


async def test_a_one_shot_beats_every_setting_and_leaves_none(
    scopes: Scopes, change: Changes
) -> None:
    await change.set(THREAD, "narrow")
    choice = await scopes.in_force(HERE, "claude")
    assert (choice.alias, choice.reason) == ("claude", "one-shot")
    assert (await scopes.in_force(HERE)).alias == "narrow"


async def test_reset_brings_back_what_is_inherited(scopes: Scopes, change: Changes) -> None:
    await change.set(WORKSPACE, "wide")
    await change.set(CHANNEL, "room")
    made = await change.reset(CHANNEL)
    assert (made.done, made.before, made.after) == (True, "room", "wide")
    assert not (await change.reset(CHANNEL)).done


async def test_a_lock_pins_the_inherited_model_whatever_is_set_wider(
    scopes: Scopes, change: Changes
) -> None:
    await change.set(WORKSPACE, "wide")
    await change.set(THREAD, "narrow")
    made = await change.lock(CHANNEL)
    assert (made.before, made.after) == ("wide", "wide")
    await change.set(WORKSPACE, "wider")
    assert await aliases(scopes) == ["wide", "wide", "wider"]
    choice = await scopes.in_force(HERE)
    assert (choice.reason, choice.by) == ("lock:channel", "Ada")
    assert [claim.alias for claim in choice.hidden] == ["narrow", "wider"]


async def test_the_widest_lock_wins(scopes: Scopes, change: Changes) -> None:
    await change.set(THREAD, "narrow")
    await change.lock(THREAD)
    await change.lock(WORKSPACE)
    assert await aliases(scopes) == ["gpt-4o", "gpt-4o", "gpt-4o"]
    await change.unlock(WORKSPACE)
    assert await aliases(scopes) == ["narrow", "gpt-4o", "gpt-4o"]


async def test_of_two_locks_a_change_meets_the_widest(change: Changes) -> None:
    await change.set(THREAD, "narrow")
    await change.lock(THREAD)
    await change.lock(WORKSPACE, actor=BOB)
    with pytest.raises(NotAllowed, match="this workspace is locked to `gpt-4o` by Bob"):
        await change.set(THREAD, "claude")
    made = await change.unlock(THREAD)
    assert (made.done, made.before, made.after) == (True, "gpt-4o", "gpt-4o")


async def test_below_a_lock_nothing_is_set_or_reset_and_the_refusal_names_it(
    scopes: Scopes, change: Changes
) -> None:
    await change.set(THREAD, "narrow")
    await change.lock(CATEGORY, actor=BOB)
    for scope in (THREAD, CHANNEL, CATEGORY):
        with pytest.raises(NotAllowed, match="model of this category is locked to `gpt-4o` by Bob"):
            await change.set(scope, "claude")
        with pytest.raises(NotAllowed, match="locked"):
            await change.reset(scope)
    assert (await change.set(WORKSPACE, "wide")).done
    await change.unlock(CATEGORY)
    assert await aliases(scopes) == ["narrow", "wide", "wide"]


async def test_a_one_shot_with_another_model_is_refused_below_a_lock(
    scopes: Scopes, change: Changes
) -> None:
    await change.lock(CHANNEL)
    with pytest.raises(NotAllowed, match="this channel is locked to `gpt-4o` by Ada on 20"):
        await scopes.in_force(HERE, "claude")
    assert (await scopes.in_force(HERE, "gpt-4o")).reason == "lock:channel"
    assert (await scopes.in_force(ELSEWHERE, "claude")).alias == "claude"


async def test_locking_and_unlocking_twice_changes_nothing_more(change: Changes) -> None:
    assert (await change.lock(CHANNEL)).done
    assert not (await change.lock(CHANNEL, actor=BOB)).done
    assert (await change.unlock(CHANNEL)).done
    assert not (await change.unlock(CHANNEL)).done


async def test_a_setting_for_a_time_ends_by_the_servers_clock(
    scopes: Scopes, change: Changes
) -> None:
    await change.set(CHANNEL, "room")
    made = await change.set(THREAD, "narrow", 1)
    assert made.until == made.at + timedelta(seconds=1)
    assert (await scopes.in_force(HERE)).until == made.until
    await change.set(CHANNEL, "later")
    async with asyncio.timeout(30):
        while (choice := await scopes.in_force(HERE)).alias == "narrow":
            assert choice.now < made.until
            await asyncio.sleep(0.02)
    assert choice.now >= made.until
    assert choice.alias == "later", "it reverts to what is inherited then"
    assert not (await change.reset(THREAD)).done


async def test_a_lock_outlives_the_time_of_what_it_pinned(
    scopes: Scopes, change: Changes, redis: Redis
) -> None:
    await change.set(CHANNEL, "brief", 60)
    await change.lock(CHANNEL)
    await redis.hset(scopes.store.key("scope", "channel:discord:100:10"), "until", "1")
    assert (await scopes.in_force(HERE)).alias == "brief"
    await change.unlock(CHANNEL)
    assert (await scopes.in_force(HERE)).alias == "gpt-4o"


async def test_a_direct_message_has_settings_of_its_own(scopes: Scopes, change: Changes) -> None:
    await change.set(CHANNEL, "mine", thread=DM)
    assert (await scopes.in_force(DM)).alias == "mine"
    for scope in (WORKSPACE, CATEGORY):
        with pytest.raises(Unavailable, match=f"no {scope} here"):
            await change.set(scope, "claude", thread=DM)


async def test_a_setting_stays_until_somebody_changes_it(
    scopes: Scopes, change: Changes, redis: Redis
) -> None:
    await change.set(CHANNEL, "room")
    await change.lock(WORKSPACE)
    for name in ("scope:channel:discord:100:10", "scope:workspace:discord:100", "audit"):
        assert await redis.ttl(scopes.store.key(name)) == -1
    again = Scopes(Store(redis), "another-default", Admins())
    assert (await again.in_force(HERE)).alias == "gpt-4o"


async def test_nothing_is_kept_of_a_setting_whose_time_is_over(
    scopes: Scopes, change: Changes, redis: Redis
) -> None:
    """Unless something else is kept with it: a lock, or a setting without an end that took its place."""
    name = scopes.store.key("scope", "channel:discord:100:10")
    made = await change.set(CHANNEL, "brief", 60)
    assert made.until is not None
    ends = round(made.until.timestamp() * 1000)
    assert await redis.pexpiretime(name) == ends
    await change.lock(CHANNEL)
    assert await redis.pexpiretime(name) == -1
    await change.unlock(CHANNEL)
    assert await redis.pexpiretime(name) == ends
    await change.set(CHANNEL, "for good")
    assert await redis.pexpiretime(name) == -1


async def test_unlocking_what_pinned_a_setting_of_the_past_leaves_nothing(
    scopes: Scopes, change: Changes, redis: Redis
) -> None:
    name = scopes.store.key("scope", "channel:discord:100:10")
    await change.set(CHANNEL, "brief", 60)
    await change.lock(CHANNEL)
    await redis.hset(name, "until", "1")
    await change.unlock(CHANNEL)
    assert not await redis.exists(name)


async def test_the_same_request_twice_has_the_same_answer_and_one_entry(scopes: Scopes) -> None:
    once = await scopes.set(HERE, CHANNEL, "claude", 60, actor=ADA, request_id="r")
    await scopes.set(HERE, CHANNEL, "other", actor=BOB, request_id="q")
    again = await scopes.set(HERE, CHANNEL, "claude", 60, actor=ADA, request_id="r")
    assert again == once
    assert (await scopes.in_force(HERE)).alias == "other"
    assert [entry.request for entry in await read_audit(scopes.store)] == ["r", "q"]


async def test_a_change_is_remembered_for_as_long_as_its_command_may_be_run_again(
    scopes: Scopes,
) -> None:
    """An adapter that comes back days later must not undo what another admin chose meanwhile."""
    await scopes.set(HERE, CHANNEL, "claude", actor=ADA, request_id="r")
    remembered = await scopes.store.redis.ttl(scopes.store.key("request", "r"))
    assert remembered > REPLY_TTL - 60


async def test_a_refusal_is_repeated_too(scopes: Scopes, change: Changes) -> None:
    await change.lock(CHANNEL)
    for _ in range(2):
        with pytest.raises(NotAllowed, match="locked"):
            await scopes.set(HERE, THREAD, "claude", actor=ADA, request_id="r")
        await change.unlock(CHANNEL)
    assert (await scopes.in_force(HERE)).alias == "gpt-4o"


async def test_many_at_once_each_change_once(scopes: Scopes) -> None:
    requests = [f"r{n % 10}" for n in range(40)]
    changes = await asyncio.gather(
        *(scopes.set(HERE, CHANNEL, f"m-{r}", actor=ADA, request_id=r) for r in requests)
    )
    assert all(made.after == f"m-{r}" for made, r in zip(changes, requests, strict=True))
    entries = await read_audit(scopes.store)
    assert sorted(entry.request for entry in entries) == sorted(set(requests))
    assert verify(entries, await audit_head(scopes.store)) is None


async def test_a_script_that_the_server_forgot_is_loaded_again(
    scopes: Scopes, change: Changes, redis: Redis
) -> None:
    await change.set(CHANNEL, "claude")
    await redis.script_flush()
    assert (await change.reset(CHANNEL)).done


async def test_a_damaged_record_is_no_setting(scopes: Scopes, redis: Redis) -> None:
    name = scopes.store.key("scope", "channel:discord:100:10")
    await redis.hset(name, mapping={"by": "1", "at": "yesterday"})
    assert (await scopes.in_force(HERE)).reason == "default"
    await redis.hset(name, mapping={"alias": "claude", "until": "never"})
    assert (await scopes.in_force(HERE)).alias == "claude"


async def test_in_force_is_one_round_trip(scopes: Scopes, redis: Redis) -> None:
    sent = []
    connection = await redis.connection_pool.get_connection()
    await redis.connection_pool.release(connection)
    send = connection.send_packed_command

    async def count(command: object, check_health: bool = True) -> None:
        sent.append(command)
        await send(command, check_health)

    connection.send_packed_command = count
    await scopes.in_force(HERE)
    assert len(sent) == 1


# ---- the audit ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def entries(scopes: Scopes, change: Changes) -> list[AuditEntry]:
    await change.set(CHANNEL, "claude", 60)
    await change.lock(WORKSPACE, actor=BOB)
    await change.unlock(WORKSPACE)
    await change.reset(CHANNEL)
    return await read_audit(scopes.store)


def test_the_audit_says_who_did_what_where_from_what_and_until_when(
    entries: list[AuditEntry],
) -> None:
    first = entries[0]
    assert (first.who, first.where) == ("discord:100:1", "channel:discord:100:10")
    assert (first.what, first.before, first.after, first.request) == (
        "set",
        "gpt-4o",
        "claude",
        "r1",
    )
    assert int(first.until) - int(first.at) == 60_000
    assert [entry.what for entry in entries] == ["set", "lock", "unlock", "reset"]
    assert (entries[1].who, entries[1].until) == ("discord:100:2", "0")


async def test_a_whole_audit_is_verified(scopes: Scopes, entries: list[AuditEntry]) -> None:
    assert verify(entries, await audit_head(scopes.store)) is None
    assert verify([]) is None


@pytest.mark.parametrize("field", AuditEntry.__slots__)
def test_an_edited_entry_is_noticed(entries: list[AuditEntry], field: str) -> None:
    edited = replace(entries[1], **{field: getattr(entries[1], field) + "0"})
    assert verify([entries[0], edited, *entries[2:]]) == 1


def test_text_moved_from_one_field_to_the_next_is_noticed(entries: list[AuditEntry]) -> None:
    moved = replace(entries[1], before=entries[1].before[:-1], after="o" + entries[1].after)
    assert verify([entries[0], moved, *entries[2:]]) == 1


async def test_a_missing_entry_is_noticed(scopes: Scopes, entries: list[AuditEntry]) -> None:
    assert verify(entries[1:]) == 0
    assert verify([entries[0], *entries[2:]]) == 1
    assert verify(entries[:-1], await audit_head(scopes.store)) == 3
    assert verify([entries[1], entries[0], *entries[2:]]) == 0


async def test_who_may_not_is_refused_where_the_change_is_made_too(
    scopes: Scopes, change: Changes
) -> None:
    """A door that forgot to ask changes nothing."""
    nobody = replace(ADA, powers=frozenset())
    for verb, more in (("set", ("claude",)), ("reset", ()), ("lock", ()), ("unlock", ())):
        with pytest.raises(NotAllowed):
            await getattr(change, verb)(CHANNEL, *more, actor=nobody)
    with pytest.raises(NotAllowed):
        await change.lock(CHANNEL, thread=DM)
    assert await aliases(scopes) == ["gpt-4o"] * 3
    assert await read_audit(scopes.store) == []
