"""The inbox, its lease and the reply agree with a small model under any interleaving."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from redis.asyncio import Redis

from bot.inbox import Admitted, Grant, Inbox, Outcome
from bot.reply import Replies
from bot.store import Store
from bot.types import Author, Channel, Message, Phase, Target, Thread, Turn

CONVERSATIONS = ["slack:T1:C1:1.1", "slack:T1:C1:2.2"]


def turn_for(conversation: str, number: int) -> Turn:
    _, workspace, channel, root = conversation.split(":")
    thread = Thread(Channel("slack", workspace, channel), root)
    message = Message(
        id=f"9.{number}",
        thread=thread,
        author=Author("U1"),
        text=f"question {number}",
        target=Target(channel, root),
        marks=(f"event-{number}", f"{channel}:9.{number}"),
    )
    return Turn.of(message, "ask", at=0.0, model="gpt-4o")


@dataclass
class Modelled:
    """What the machine believes of one conversation."""

    waiting: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    holder: Grant | None = None
    former: list[Grant] = field(default_factory=list)
    attempts: int = 0


class InboxMachine(RuleBasedStateMachine):
    url = ""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.redis = Redis.from_url(self.url)
        self.run(self.redis.flushall())
        store = Store(self.redis)
        self.inbox, self.replies = Inbox(store, lease_ms=60_000), Replies(store)
        self.model = {c: Modelled() for c in CONVERSATIONS}
        self.turns: dict[str, Turn] = {}
        self.count = 0

    def run(self, work):
        return self.loop.run_until_complete(work)

    def key(self, *parts: str) -> str:
        return self.inbox.store.key(*parts)

    @rule(conversation=st.sampled_from(CONVERSATIONS))
    def admit(self, conversation: str) -> None:
        self.count += 1
        turn = turn_for(conversation, self.count)
        assert self.run(self.inbox.admit(turn)).outcome is Admitted.NEW
        self.turns[turn.id] = turn
        self.model[conversation].waiting.append(turn.id)

    @rule(pick=st.randoms(use_true_random=False))
    def deliver_an_event_again(self, pick) -> None:
        if self.turns:
            first = self.turns[pick.choice(sorted(self.turns))]
            again = Turn.of(first.message, "ask", at=1.0, model="other")
            admission = self.run(self.inbox.admit(again))
            assert (admission.outcome, admission.turn) == (Admitted.AGAIN, first.id)

    @rule(conversation=st.sampled_from(CONVERSATIONS))
    def claim(self, conversation: str) -> None:
        known = self.model[conversation]
        grant = self.run(self.inbox.claim(conversation))
        if known.holder is not None or not known.waiting:
            assert grant is None
            return
        assert grant is not None
        assert grant.turn == known.waiting[0]
        known.attempts += 1
        assert grant.attempt == known.attempts
        assert all(grant.fence > old.fence for old in known.former)
        known.holder = grant

    @rule(conversation=st.sampled_from(CONVERSATIONS))
    def the_holder_falls_silent(self, conversation: str) -> None:
        known = self.model[conversation]
        if known.holder is not None:
            self.run(self.redis.hset(self.key("lease", conversation), "expiry", 1))
            known.former.append(known.holder)
            known.holder = None

    @rule(conversation=st.sampled_from(CONVERSATIONS), again=st.booleans())
    def the_holder_commits(self, conversation: str, again: bool) -> None:
        known = self.model[conversation]
        if known.holder is None:
            return
        grant, known.holder = known.holder, None
        entry = (grant.turn.encode(), 1)
        outcome = Outcome(Phase.ANSWERED, f"answer to {grant.turn}", entries=(entry,))
        assert self.run(self.inbox.commit(grant, "0", outcome)) == "done"
        if again:
            assert self.run(self.inbox.commit(grant, "0", outcome)) == "again"
        known.waiting.pop(0)
        known.answered.append(grant.turn)
        known.attempts = 0
        known.former.append(grant)

    @rule(conversation=st.sampled_from(CONVERSATIONS), again=st.booleans())
    def the_holder_gives_back(self, conversation: str, again: bool) -> None:
        known = self.model[conversation]
        if known.holder is not None:
            for _ in range(2 if again else 1):
                self.run(self.inbox.release(known.holder))
            known.former.append(known.holder)
            known.holder = None
            known.attempts -= 1

    @rule(conversation=st.sampled_from(CONVERSATIONS))
    def a_former_holder_wakes_up(self, conversation: str) -> None:
        """It may only go on where nobody claimed after it; then it simply is the holder still."""
        known = self.model[conversation]
        lease = self.run(self.redis.hgetall(self.key("lease", conversation)))
        for old in known.former:
            if lease.get(b"token") and int(lease[b"fence"]) == old.fence:
                continue
            assert not self.run(self.replies.append(old, 0, b"late", "x"))
            assert self.run(self.inbox.renew(old)) == "lost"
            last = known.answered[-1] if known.answered else None
            late = self.run(self.inbox.commit(old, "0", Outcome(Phase.ANSWERED, "late")))
            assert late == ("again" if old.turn == last else "lost")

    @rule(conversation=st.sampled_from(CONVERSATIONS))
    def the_last_waiting_question_is_deleted(self, conversation: str) -> None:
        known = self.model[conversation]
        if not known.waiting:
            return
        turn = self.turns[known.waiting[-1]]
        held = known.holder is not None and known.holder.turn == turn.id
        state = self.run(self.inbox.amend(turn, None))
        assert state == ("stopping" if held else "cancelled")
        if held:
            assert known.holder is not None
            assert self.run(self.inbox.renew(known.holder)) == "stop"
            stopped = Outcome(Phase.STOPPED, "")
            refused = Outcome(Phase.ANSWERED, "x")
            assert self.run(self.inbox.commit(known.holder, "0", refused)) == "stop"
            assert self.run(self.inbox.commit(known.holder, "0", stopped)) == "done"
            known.former.append(known.holder)
            known.answered.append(turn.id)
            known.holder, known.attempts = None, 0
        elif len(known.waiting) == 1:
            known.attempts = 0
        known.waiting.pop()

    @invariant()
    def what_is_stored_is_what_is_believed(self) -> None:
        if not hasattr(self, "model"):
            return
        due = {k.decode() for k in self.run(self.redis.zrange(self.key("due"), 0, -1))}
        for conversation, known in self.model.items():
            inbox = self.run(self.redis.lrange(self.key("inbox", conversation), 0, -1))
            assert [t.decode() for t in inbox] == known.waiting
            assert (conversation in due) == bool(known.waiting)
        owed = self.run(self.replies.owed("slack"))
        everything = [t for k in self.model.values() for t in (*k.waiting, *k.answered)]
        assert sorted(owed) == sorted(everything)

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.run(self.redis.aclose())
            self.loop.close()


def test_inbox_lease_and_reply_agree_with_a_small_model(redis_url: str) -> None:
    InboxMachine.url = redis_url
    run_state_machine_as_test(
        InboxMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def inbox(redis: Redis) -> Inbox:
    return Inbox(Store(redis), lease_ms=60_000)


async def test_the_fifty_first_waiting_question_is_refused(inbox: Inbox) -> None:
    for number in range(50):
        assert (await inbox.admit(turn_for(CONVERSATIONS[0], number))).outcome is Admitted.NEW
    refused = await inbox.admit(turn_for(CONVERSATIONS[0], 50))
    assert refused.outcome is Admitted.FULL
    assert (await inbox.admit(turn_for(CONVERSATIONS[1], 51))).outcome is Admitted.NEW


async def test_a_turn_whose_files_are_on_their_way_is_not_claimed(inbox: Inbox) -> None:
    turn = turn_for(CONVERSATIONS[0], 1).with_message(history=True)
    await inbox.admit(turn)
    assert await inbox.claim(turn.conversation) is None
    complete = turn.with_message(history=False, text="with its files")
    assert await inbox.ready(complete)
    assert not await inbox.ready(turn), "a second READY changes nothing"
    grant = await inbox.claim(turn.conversation)
    assert grant is not None
    stored = await inbox.load(grant.turn)
    assert stored is not None
    assert stored.turn == complete


async def test_files_that_never_come_do_not_hold_a_turn_for_ever(
    inbox: Inbox, redis: Redis
) -> None:
    turn = turn_for(CONVERSATIONS[0], 1).with_message(history=True)
    await inbox.admit(turn)
    await redis.zadd(inbox.store.key("fetching", "slack"), {turn.id: 1})
    grant = await inbox.claim(turn.conversation)
    assert grant is not None
    assert grant.turn == turn.id
    assert await inbox.fetching("slack") == []


async def test_scripts_are_loaded_anew_after_a_script_flush(inbox: Inbox, redis: Redis) -> None:
    await redis.script_flush()
    assert (await inbox.admit(turn_for(CONVERSATIONS[0], 1))).outcome is Admitted.NEW


async def test_a_new_fence_starts_empty_and_the_older_text_stays_until_it_is_longer(
    inbox: Inbox, redis: Redis
) -> None:
    replies = Replies(inbox.store)
    turn = turn_for(CONVERSATIONS[0], 1)
    await inbox.admit(turn)
    first = await inbox.claim(turn.conversation)
    assert first is not None
    await replies.append(first, 0, b"Once upon a time", "gpt-4o")
    await redis.hset(inbox.store.key("lease", turn.conversation), "expiry", 1)
    second = await inbox.claim(turn.conversation)
    assert second is not None
    assert await replies.append(second, 0, b"In the", "gpt-4o")
    assert (await replies.read(turn.id)).text == "Once upon a time"
    assert await replies.append(second, 6, b" beginning, there was", "gpt-4o")
    assert (await replies.read(turn.id)).text == "In the beginning, there was"
    assert not await replies.append(first, 16, b" far away", "gpt-4o")
    await inbox.commit(second, "0", Outcome(Phase.ANSWERED, "Short."))
    shown = await replies.read(turn.id)
    assert (shown.text, shown.final) == ("Short.", True)


async def test_an_append_that_is_repeated_writes_the_same_bytes(inbox: Inbox) -> None:
    replies = Replies(inbox.store)
    turn = turn_for(CONVERSATIONS[0], 1)
    await inbox.admit(turn)
    grant = await inbox.claim(turn.conversation)
    assert grant is not None
    for _ in range(2):
        assert await replies.append(grant, 0, "Grüße".encode(), "gpt-4o")
        assert await replies.append(grant, 7, b"!", "gpt-4o")
    assert (await replies.read(turn.id)).text == "Grüße!"


async def test_a_part_belongs_to_one_message_and_a_former_owner_is_refused(inbox: Inbox) -> None:
    replies = Replies(inbox.store)
    turn = turn_for(CONVERSATIONS[0], 1)
    await inbox.admit(turn)
    assert await replies.own(turn.place, "a", 5)
    assert not await replies.own(turn.place, "b", 5)
    assert await replies.bind(turn, "a", 0, "100.1")
    assert await replies.bind(turn, "a", 0, "100.1"), "a repeat is the same success"
    assert not await replies.bind(turn, "a", 0, "100.2")
    await replies.disown(turn.place, "a")
    assert await replies.own(turn.place, "b", 5)
    assert not await replies.bind(turn, "a", 1, "100.3")


async def test_delivered_names_the_next_of_the_conversation_and_is_safe_to_repeat(
    inbox: Inbox,
) -> None:
    replies = Replies(inbox.store)
    first, second = turn_for(CONVERSATIONS[0], 1), turn_for(CONVERSATIONS[0], 2)
    await inbox.admit(first)
    await inbox.admit(second)
    assert await replies.next_in(first.conversation) == first.id
    for _ in range(2):
        assert await replies.delivered(first.id, first.conversation) == second.id
    assert await replies.owed("slack") == [second.id]
