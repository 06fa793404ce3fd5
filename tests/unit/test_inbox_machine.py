"""The inbox, its lease and the reply agree with a small model under any interleaving."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule
from redis.asyncio import Redis

from bot.caps import Caps
from bot.inbox import Admitted
from bot.reply import Replies
from bot.store import Store
from bot.types import Author, Channel, Message, Phase, Quote, Target, Thread, Turn, new_id
from bot.work import Grant, Outcome
from tests.inbox import BothSides
from tests.unit.redis_machine import RedisMachine, agrees

pytestmark = pytest.mark.usefixtures("untraced")  # the same lines thousands of times

CONVERSATIONS = [f"slack:T1:C1:{number}.{number}" for number in (1, 2, 3)]
PLACE = "slack:T1:C1"  # where the answers of all are posted
CAPS = [Caps(), Caps(1), Caps(1, 2), Caps(2, 1), Caps(0, 1)]


def turn_for(conversation: str, number: int, author: str = "U1") -> Turn:
    _, workspace, channel, root = conversation.split(":")
    thread = Thread(Channel("slack", workspace, channel), root)
    message = Message(
        id=f"9.{number}",
        thread=thread,
        author=Author(author),
        text=f"question {number}",
        target=Target(channel, root),
        marks=(f"event-{number}", f"{channel}:9.{number}"),
    )
    return Turn.of(message, "ask", at=0.0, model="gpt-4o")


HOSTS = {
    "slack:T1": "workspace_answers",
    "slack:T1:U1": "user_answers",
    "slack:T1:U2": "user_answers",
}


@dataclass
class Modelled:
    """What the machine believes of one conversation."""

    waiting: list[str] = field(default_factory=list)
    fetching: set[str] = field(default_factory=set)
    outbox: list[str] = field(default_factory=list)
    holder: Grant | None = None
    former: list[Grant] = field(default_factory=list)
    attempts: int = 0
    stopped: bool = False
    last: str | None = None  # the turn that was committed last


@dataclass
class Written:
    """What it believes of one reply: the text of each of its fences, and how it ended."""

    texts: list[tuple[int, bytes]] = field(default_factory=list)
    final: str | None = None
    parts: dict[int, str] = field(default_factory=dict)
    intended: int | None = (
        None  # under which fence its first message was about to be posted, first of all
    )
    words: str = ""

    @property
    def visible(self) -> str:
        if self.final is not None:
            return self.final
        return max((text for _, text in self.texts), key=len, default=b"").decode()


ADAPTERS = ["a", "b"]


def some(what: str):
    """That a conversation has such a thing, so that steps which would do nothing are rare."""
    return lambda self: any(getattr(known, what) for known in self.model.values())


class InboxMachine(RedisMachine):
    @initialize(caps=st.sampled_from(CAPS))
    def begin(self, caps: Caps) -> None:
        self.inbox, self.replies = (
            BothSides(self.store, lease_ms=60_000, caps=caps),
            Replies(self.store),
        )
        self.caps = caps
        there = {"slack:T1:U1": 9e15, "slack:T1:U2": 9e15}  # nobody is alone
        self.run(self.redis.zadd(self.store.key("people", "slack:T1"), there))
        self.model = {c: Modelled() for c in CONVERSATIONS}
        self.turns: dict[str, Turn] = {}
        self.written: dict[str, Written] = {}
        self.gone: set[str] = set()  # turns whose question was deleted
        self.commands: dict[str, str | None] = {}  # turns outside the inbox, with what was said
        self.owner: str | None = None
        self.sends = 0  # under this fence
        self.count = 0

    def due(self) -> set[str]:
        return {k.decode() for k in self.run(self.redis.zrange(self.key("due"), 0, -1))}

    def key(self, *parts: str) -> str:
        return self.store.key(*parts)

    # ---- ADMIT, READY ----

    @rule(
        conversation=st.sampled_from(CONVERSATIONS),
        author=st.sampled_from(["U1", "U1", "U2"]),
        files=st.sampled_from([False, False, True]),
        again=st.booleans(),
    )
    def admit(self, conversation: str, author: str, files: bool, again: bool) -> None:
        self.count += 1
        turn = turn_for(conversation, self.count, author).with_message(history=files)
        known = self.model[conversation]
        for _ in range(2 if again else 1):  # the reply of the first was lost
            assert self.run(self.inbox.admit(turn)).outcome is Admitted.NEW
        self.turns[turn.id] = turn
        self.written[turn.id] = Written(words=turn.message.text)
        known.waiting.append(turn.id)
        known.outbox.append(turn.id)
        if files:
            known.fetching.add(turn.id)

    @precondition(some("last"))
    @rule(conversation=st.sampled_from(CONVERSATIONS), again=st.booleans())
    def the_latest_answer_is_given_again(self, conversation: str, again: bool) -> None:
        known = self.model[conversation]
        if known.last is None:
            return
        self.count += 1
        former = self.turns[known.last]
        turn = replace(former, id=new_id(), retries=former.id)
        turn = turn.with_message(marks=(f"retry-{self.count}",), history=False)
        gone = former.id in self.gone
        expected = Admitted.WAITS if known.waiting else Admitted.GONE if gone else Admitted.NEW
        for _ in range(2 if again else 1):
            assert self.run(self.inbox.admit(turn)).outcome is expected
        if expected is Admitted.NEW:
            self.turns[turn.id] = turn
            self.written[turn.id] = Written(words=turn.message.text)
            known.waiting.append(turn.id)
            known.outbox.append(turn.id)

    @rule(conversation=st.sampled_from(CONVERSATIONS))
    def admit_a_command(self, conversation: str) -> None:
        self.count += 1
        turn = replace(turn_for(conversation, self.count), kind="command")
        assert self.run(self.inbox.admit(turn)).outcome is Admitted.NEW
        self.turns[turn.id] = turn
        self.commands[turn.id] = None

    @rule(pick=st.randoms(use_true_random=False))
    def deliver_an_event_again(self, pick) -> None:
        if self.turns:
            first = self.turns[pick.choice(sorted(self.turns))]
            again = Turn.of(first.message, "ask", at=1.0, model="other")
            admission = self.run(self.inbox.admit(again))
            assert (admission.outcome, admission.turn) == (Admitted.AGAIN, first.id)

    @rule(conversation=st.sampled_from(CONVERSATIONS), newest=st.booleans())
    def files_are_in(self, conversation: str, newest: bool) -> None:
        known = self.model[conversation]
        if known.waiting:
            turn = self.turns[known.waiting[-1 if newest else 0]]
            done = self.run(self.inbox.ready(turn.with_message(history=False)))
            assert done == (turn.id in known.fetching), "a late or repeated READY changes nothing"
            known.fetching.discard(turn.id)

    @precondition(some("fetching"))
    @rule(conversation=st.sampled_from(CONVERSATIONS))
    def files_never_come(self, conversation: str) -> None:
        known = self.model[conversation]
        for turn_id in known.fetching & set(known.waiting[:1]):
            if conversation not in self.due():
                continue
            self.run(self.redis.zadd(self.key("fetching", "slack"), {turn_id: 1}))
            self.claim(conversation, late=True)

    # ---- CLAIM, RENEW, APPEND, COMMIT, RELEASE ----

    @precondition(some("waiting"))
    @rule(conversation=st.sampled_from(CONVERSATIONS))
    def claim(self, conversation: str, late: bool = False) -> None:
        known, aside = self.model[conversation], conversation not in self.due()
        grant = self.run(self.inbox.claim(conversation))
        head = known.waiting[0] if known.waiting else None
        early = head in known.fetching and not late
        if known.holder is not None or head is None or early or aside:
            assert grant is None
            return
        assert grant is not None
        known.fetching.discard(head)
        known.attempts += 1
        assert (grant.turn, grant.attempt) == (head, known.attempts)
        assert grant.stopped == known.stopped, "who takes over learns that it was taken back"
        assert grant.resumed == any(old.turn == head for old in known.former)
        assert all(grant.fence > old.fence for old in known.former)
        known.holder = grant

    @precondition(some("holder"))
    @rule(conversation=st.sampled_from(CONVERSATIONS))
    def renew(self, conversation: str) -> None:
        known = self.model[conversation]
        if known.holder is not None:
            state = self.run(self.inbox.renew(known.holder))
            assert state == ("stop" if known.stopped else "held")

    @precondition(some("holder"))
    @rule(conversation=st.sampled_from(CONVERSATIONS), size=st.integers(1, 9), again=st.booleans())
    def the_holder_writes(self, conversation: str, size: int, again: bool) -> None:
        grant = self.model[conversation].holder
        if grant is None:
            return
        texts = self.written[grant.turn].texts
        if not texts or texts[-1][0] != grant.fence:
            texts.append((grant.fence, b""))
            if self.owner is not None and self.written[grant.turn].intended is None:
                self.written[grant.turn].intended = self.sends
        before = texts[-1][1]
        chunk = (str(len(texts)) * size).encode()
        for _ in range(2 if again else 1):
            assert self.run(self.replies.append(grant, len(before), chunk, "gpt-4o"))
        texts[-1] = (grant.fence, before + chunk)

    @precondition(some("holder"))
    @rule(conversation=st.sampled_from(CONVERSATIONS))
    def the_holder_falls_silent(self, conversation: str) -> None:
        known = self.model[conversation]
        if known.holder is not None:
            self.run(self.redis.hset(self.key("lease", conversation), "expiry", 1))
            known.former.append(known.holder)
            known.holder = None

    @precondition(some("holder"))
    @rule(conversation=st.sampled_from(CONVERSATIONS), again=st.booleans())
    def the_holder_commits(self, conversation: str, again: bool) -> None:
        known = self.model[conversation]
        if known.holder is None:
            return
        grant = known.holder
        outcome = Outcome(Phase.ANSWERED, f"to {grant.turn}", entries=((grant.turn.encode(), 1),))
        if known.stopped:
            assert self.run(self.inbox.commit(grant, "0", outcome)) == "stop"
            outcome = Outcome(Phase.STOPPED, "stopped")
        assert self.run(self.inbox.commit(grant, "0", outcome)) == "done"
        if again:
            assert self.run(self.inbox.commit(grant, "0", outcome)) == "again"
        self.written[grant.turn].final = outcome.text
        self._over(known, grant.turn)
        known.last = grant.turn
        known.former.append(grant)
        known.holder = None

    def _over(self, known: Modelled, turn_id: str) -> None:
        known.waiting.remove(turn_id)
        known.fetching.discard(turn_id)
        known.attempts, known.stopped = 0, False

    @precondition(some("holder"))
    @rule(conversation=st.sampled_from(CONVERSATIONS), again=st.booleans())
    def the_holder_gives_back(self, conversation: str, again: bool) -> None:
        known = self.model[conversation]
        if known.holder is not None:
            for _ in range(2 if again else 1):
                self.run(self.inbox.release(known.holder))
            known.former.append(known.holder)
            known.holder = None
            known.attempts -= 1

    @precondition(some("former"))
    @rule(conversation=st.sampled_from(CONVERSATIONS))
    def a_former_holder_wakes_up(self, conversation: str) -> None:
        """It may only go on where nobody claimed after it; then it simply is the holder still."""
        known = self.model[conversation]
        lease = self.run(self.redis.hgetall(self.key("lease", conversation)))
        for old in known.former:
            if lease.get(b"token") and int(lease[b"fence"]) == old.fence:
                continue
            assert not self.run(self.replies.append(old, 0, b"late and long enough to win", "x"))
            assert self.run(self.inbox.renew(old)) == "lost"
            self.run(self.inbox.release(old))
            late = self.run(self.inbox.commit(old, "0", Outcome(Phase.ANSWERED, "late")))
            assert late == ("again" if old.turn == known.last else "lost")

    # ---- AMEND ----

    @precondition(some("waiting"))
    @rule(conversation=st.sampled_from(CONVERSATIONS), newest=st.booleans())
    def a_question_is_edited(self, conversation: str, newest: bool) -> None:
        known = self.model[conversation]
        if known.waiting:
            self.count += 1
            turn = self.turns[known.waiting[-1 if newest else 0]]
            held = known.holder is not None and known.holder.turn == turn.id
            state = self.run(self.inbox.amend(turn, f"edited {self.count}"))
            assert state == ("answering" if held else "replaced")
            self.written[turn.id].words = f"edited {self.count}"  # whoever asks it again asks that

    @precondition(some("waiting"))
    @rule(conversation=st.sampled_from(CONVERSATIONS), newest=st.booleans())
    def a_question_is_deleted(self, conversation: str, newest: bool) -> None:
        known = self.model[conversation]
        if not known.waiting:
            return
        turn = self.turns[known.waiting[-1 if newest else 0]]
        held = known.holder is not None and known.holder.turn == turn.id
        state = self.run(self.inbox.amend(turn, None))
        self.gone.add(turn.id)
        assert state == ("stopping" if held else "cancelled")
        if held:
            known.stopped = True
            return
        if turn.id == known.waiting[0]:
            known.attempts, known.stopped = 0, False
        known.waiting.remove(turn.id)
        known.fetching.discard(turn.id)
        self.written[turn.id].final = ""

    @precondition(some("waiting"))
    @rule(conversation=st.sampled_from(CONVERSATIONS), newest=st.booleans(), again=st.booleans())
    def an_answer_is_stopped(self, conversation: str, newest: bool, again: bool) -> None:
        known = self.model[conversation]
        if not known.waiting:
            return
        turn = self.turns[known.waiting[-1 if newest else 0]]
        held = known.holder is not None and known.holder.turn == turn.id
        assert self.run(self.inbox.stop(turn)) == ("stopping" if held else "cancelled")
        if again:
            assert self.run(self.inbox.stop(turn)) == ("stopping" if held else "later")
        if held:
            known.stopped = True
            return
        self.written[turn.id].final = self.written[turn.id].visible
        if turn.id == known.waiting[0]:
            known.attempts, known.stopped = 0, False
        known.waiting.remove(turn.id)
        known.fetching.discard(turn.id)
        known.last = turn.id

    @precondition(some("last"))
    @rule(conversation=st.sampled_from(CONVERSATIONS))
    def an_answered_question_is_deleted(self, conversation: str) -> None:
        known = self.model[conversation]
        if known.last is not None:
            assert self.run(self.inbox.amend(self.turns[known.last], None)) == "later"
            self.gone.add(known.last)

    # ---- OWN, INTEND, BIND, SAY, NEXT, DELIVERED ----

    @rule(adapter=st.sampled_from(ADAPTERS))
    def an_adapter_wants_the_channel(self, adapter: str) -> None:
        fence = self.run(self.replies.own(PLACE, adapter, 60))
        assert bool(fence) == (self.owner in (None, adapter))
        if fence:
            assert self.run(self.replies.own(PLACE, adapter, 60)) == fence, "a repeat is the same"
            self.owner, self.sends = adapter, fence

    @rule(died=st.booleans())
    def the_owner_leaves(self, died: bool) -> None:
        if self.owner is not None and died:
            self.run(self.redis.hset(self.key("delivery", PLACE), "expiry", 1))
        elif self.owner is not None:
            self.run(self.replies.disown(PLACE, self.owner))
        self.owner = None

    @precondition(some("outbox"))
    @rule(adapter=st.sampled_from(ADAPTERS), conversation=st.sampled_from(CONVERSATIONS))
    def an_adapter_posts_a_part(self, adapter: str, conversation: str) -> None:
        known = self.model[conversation]
        owner = self.run(self.redis.hget(self.key("delivery", PLACE), "owner"))
        turn_id = self.run(self.replies.next_in(conversation))
        assert turn_id == (known.outbox[0] if known.outbox else None)
        if turn_id is None:
            return
        written = self.written[turn_id]
        parts = written.parts
        self.count += 1
        message = f"7.{self.count}"
        assert self.run(self.replies.read(turn_id)).intended in (0, written.intended)
        first = self.run(self.replies.intend(turn_id, 0))
        assert first == (written.intended is None)
        written.intended = written.intended or 1
        bound = self.run(self.replies.bind(self.turns[turn_id], adapter, 0, message))
        assert bound == (not parts and owner == adapter.encode())
        if bound:
            assert self.run(self.replies.bind(self.turns[turn_id], adapter, 0, message))
            parts[0] = message

    @precondition(some("outbox"))
    @rule(conversation=st.sampled_from(CONVERSATIONS), again=st.booleans())
    def a_final_reply_is_delivered(self, conversation: str, again: bool) -> None:
        known = self.model[conversation]
        if known.outbox and self.written[known.outbox[0]].final is not None:
            turn_id = known.outbox.pop(0)
            following = known.outbox[0] if known.outbox else None
            for _ in range(2 if again else 1):
                assert self.run(self.replies.delivered(turn_id, conversation)) == following

    @rule(pick=st.randoms(use_true_random=False), over=st.booleans())
    def a_command_is_said(self, pick, over: bool) -> None:
        if self.commands:
            turn_id = pick.choice(sorted(self.commands))
            self.count += 1
            first = self.commands[turn_id] or f"words {self.count}"
            said = self.run(
                self.replies.say(turn_id, "slack", f"words {self.count}", Phase.ANSWERED)
            )
            assert said == first, "the first words stay"
            self.commands[turn_id] = first
            if over:
                self.run(self.replies.delivered(turn_id, self.turns[turn_id].conversation))
                del self.commands[turn_id]

    # ---- what always holds ----

    @invariant()
    def what_is_stored_is_what_is_believed(self) -> None:
        for conversation, known in self.model.items():
            inbox = self.run(self.redis.lrange(self.key("inbox", conversation), 0, -1))
            assert [t.decode() for t in inbox] == known.waiting
            for turn_id in known.waiting:
                stored = self.run(self.inbox.load(turn_id))
                assert stored.turn.message.text == self.written[turn_id].words
        fetching = set().union(*(known.fetching for known in self.model.values()))
        assert set(self.run(self.inbox.fetching("slack"))) == fetching
        owed = self.run(self.replies.owed("slack"))
        outboxes = [t for k in self.model.values() for t in k.outbox]
        assert sorted(owed) == sorted([*outboxes, *self.commands])
        for turn_id in outboxes:
            shown = self.run(self.replies.read(turn_id))
            written = self.written[turn_id]
            assert shown.final == (written.final is not None)
            assert (shown.text, shown.parts) == (written.visible, written.parts)

    @invariant()
    def nobody_has_too_much_and_who_waits_waits_for_a_reason(self) -> None:
        pipe = self.redis.pipeline(transaction=False)
        for name in ("due", "lines", *(f"line:{host}" for host in HOSTS)):
            pipe.zrange(self.key(name), 0, -1)
        for name in HOSTS:
            pipe.smembers(self.key("seats", name))
        due, watched, *rest = [{k.decode() for k in found} for found in self.run(pipe.execute())]
        lines = dict(zip(HOSTS, rest, strict=False))
        seats = dict(zip(HOSTS, rest[len(HOSTS) :], strict=True))
        for conversation, known in self.model.items():
            places = [conversation in due, *(conversation in line for line in lines.values())]
            assert sum(places) == bool(known.waiting), "it is due or in one line"
            assert conversation in due or known.holder is None
        for name, most in HOSTS.items():
            held = [known.holder for known in self.model.values() if known.holder]
            cap = getattr(self.caps, most) or len(CONVERSATIONS)
            assert len(seats[name]) <= cap
            assert sum(self.turns[grant.turn].person.startswith(name) for grant in held) <= cap
            assert seats[name] <= due | lines["slack:T1"], "who has a seat is due, or waits with it"
            if lines[name]:
                assert len(seats[name]) == cap, "nobody waits for what is free"
                assert name in watched, "and the sweep looks after whoever waits"

    def everything_is_answered(self) -> None:
        """By claiming what is due alone; whoever held something is dead, and files never come."""
        for conversation, known in self.model.items():
            self.run(self.redis.hset(self.key("lease", conversation), "expiry", 1))
            for turn_id in known.fetching:
                self.run(self.redis.zadd(self.key("fetching", "slack"), {turn_id: 1}))
        while due := self.due():
            for conversation in due:
                grant = self.run(self.inbox.claim(conversation))
                known = self.model[conversation]
                if grant is None:
                    assert conversation not in self.due(), "what cannot be claimed is not due"
                    continue
                assert grant.turn == known.waiting.pop(0)
                phase = Phase.STOPPED if grant.stopped else Phase.ANSWERED
                assert self.run(self.inbox.commit(grant, "0", Outcome(phase, "done"))) == "done"
        assert [known.waiting for known in self.model.values()] == [[]] * len(CONVERSATIONS)
        for kind in ("seats", "line"):
            assert self.run(self.redis.keys(self.key(kind, "*"))) == []
        assert not self.run(self.redis.exists(self.key("lines")))

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self.everything_is_answered()
        super().teardown()


def test_inbox_lease_and_reply_agree_with_a_small_model(redis_url: str) -> None:
    agrees(InboxMachine, redis_url, examples=25, steps=50)


@pytest.fixture
def inbox(redis: Redis) -> BothSides:
    return BothSides(Store(redis), lease_ms=60_000)


async def lapse(inbox: BothSides, conversation: str) -> None:
    """The holder falls silent for longer than its lease."""
    await inbox.store.redis.hset(inbox.store.key("lease", conversation), "expiry", 1)


async def granted(inbox: BothSides, conversation: str) -> Grant:
    grant = await inbox.claim(conversation)
    assert grant is not None
    return grant


async def test_a_deletion_outlives_the_holder_that_it_was_meant_for(inbox: BothSides) -> None:
    turn = turn_for(CONVERSATIONS[0], 1)
    await inbox.admit(turn)
    assert not (await granted(inbox, turn.conversation)).stopped
    assert await inbox.amend(turn, None) == "stopping"
    await lapse(inbox, turn.conversation)
    second = await granted(inbox, turn.conversation)
    assert second.stopped
    assert await inbox.renew(second) == "stop"
    for phase in (Phase.ANSWERED, Phase.FAILED):
        assert await inbox.commit(second, "0", Outcome(phase, "late")) == "stop"
    assert await inbox.commit(second, "0", Outcome(Phase.STOPPED, "")) == "done"
    other = turn_for(CONVERSATIONS[0], 2)
    await inbox.admit(other)
    assert not (await granted(inbox, turn.conversation)).stopped, "it is of one question alone"


async def test_a_holder_that_wakes_up_after_its_question_was_deleted_writes_nothing(
    inbox: BothSides,
) -> None:
    replies, turn = Replies(inbox.store), turn_for(CONVERSATIONS[0], 1)
    await inbox.admit(turn)
    grant = await granted(inbox, turn.conversation)
    await lapse(inbox, turn.conversation)
    assert await inbox.amend(turn, None) == "cancelled"
    assert not await replies.append(grant, 0, b"late", "gpt-4o")
    assert await inbox.renew(grant) == "lost"
    assert await inbox.commit(grant, "0", Outcome(Phase.ANSWERED, "late")) == "lost"
    shown = await replies.read(turn.id)
    assert (shown.final, shown.text, shown.notes) == (True, "", ())
    assert await replies.owed("slack") == [turn.id], "the delivery takes away what it has shown"


async def test_what_is_given_back_is_no_attempt(inbox: BothSides) -> None:
    turn = turn_for(CONVERSATIONS[0], 1)
    await inbox.admit(turn)
    for attempt in (1, 1, 1):
        grant = await granted(inbox, turn.conversation)
        assert grant.attempt == attempt
        for _ in range(2):
            await inbox.release(grant)
    for attempt in (1, 2, 3, 4):
        assert (await granted(inbox, turn.conversation)).attempt == attempt
        await lapse(inbox, turn.conversation)


async def test_an_edit_while_files_are_on_their_way_is_not_overwritten_by_them(
    inbox: BothSides,
) -> None:
    turn = turn_for(CONVERSATIONS[0], 1).with_message(history=True)
    await inbox.admit(turn)
    assert await inbox.amend(turn, "what I meant") == "replaced"
    brought = turn.with_message(history=False, quotes=(Quote("Mia", "earlier"),))
    assert await inbox.ready(brought)
    stored = await inbox.load(turn.id)
    assert stored is not None
    assert stored.turn == brought.with_message(text="what I meant")


async def test_a_life_of_a_conversation_is_known_for_as_long_as_it_goes_on(
    inbox: BothSides, redis: Redis
) -> None:
    """It was forgotten thirty days after `/new`, in the middle of a conversation."""
    new = replace(turn_for(CONVERSATIONS[0], 0), kind="command")
    await inbox.admit(new, renews=True)
    await redis.expire(inbox.store.key("epoch", CONVERSATIONS[0]), 10)
    turn = turn_for(CONVERSATIONS[0], 1)
    await inbox.admit(turn)
    stored = await inbox.load(turn.id)
    assert stored is not None
    assert stored.epoch == new.id
    assert await redis.ttl(inbox.store.key("epoch", CONVERSATIONS[0])) > 29 * 86_400


async def test_the_fifty_first_waiting_question_is_refused(inbox: BothSides) -> None:
    for number in range(50):
        assert (await inbox.admit(turn_for(CONVERSATIONS[0], number))).outcome is Admitted.NEW
    refused = await inbox.admit(turn_for(CONVERSATIONS[0], 50))
    assert refused.outcome is Admitted.FULL
    assert (await inbox.admit(turn_for(CONVERSATIONS[1], 51))).outcome is Admitted.NEW


async def test_a_turn_whose_files_are_on_their_way_is_not_claimed(inbox: BothSides) -> None:
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
    inbox: BothSides, redis: Redis
) -> None:
    turn = turn_for(CONVERSATIONS[0], 1).with_message(history=True)
    await inbox.admit(turn)
    await redis.zadd(inbox.store.key("fetching", "slack"), {turn.id: 1})
    grant = await inbox.claim(turn.conversation)
    assert grant is not None
    assert grant.turn == turn.id
    assert await inbox.fetching("slack") == []


async def test_scripts_are_loaded_anew_after_a_script_flush(inbox: BothSides, redis: Redis) -> None:
    await redis.script_flush()
    assert (await inbox.admit(turn_for(CONVERSATIONS[0], 1))).outcome is Admitted.NEW


async def test_a_new_fence_starts_empty_and_the_older_text_stays_until_it_is_longer(
    inbox: BothSides, redis: Redis
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


async def test_an_append_that_is_repeated_writes_the_same_bytes(inbox: BothSides) -> None:
    replies = Replies(inbox.store)
    turn = turn_for(CONVERSATIONS[0], 1)
    await inbox.admit(turn)
    grant = await inbox.claim(turn.conversation)
    assert grant is not None
    for _ in range(2):
        assert await replies.append(grant, 0, "Grüße".encode(), "gpt-4o")
        assert await replies.append(grant, 7, b"!", "gpt-4o")
    assert (await replies.read(turn.id)).text == "Grüße!"


async def test_a_part_belongs_to_one_message_and_a_former_owner_is_refused(
    inbox: BothSides,
) -> None:
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
    inbox: BothSides,
) -> None:
    replies = Replies(inbox.store)
    first, second = turn_for(CONVERSATIONS[0], 1), turn_for(CONVERSATIONS[0], 2)
    await inbox.admit(first)
    await inbox.admit(second)
    assert await replies.next_in(first.conversation) == first.id
    for _ in range(2):
        assert await replies.delivered(first.id, first.conversation) == second.id
    assert await replies.owed("slack") == [second.id]
