"""A conversation with work becomes answers: attempts, hand-over, deletion, poison, Redis in trouble."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.blobs import Blobs
from bot.inbox import Admitted, stop_channel
from bot.reply import Shown
from bot.store import Store, connect
from bot.stored import NEWER_SECONDS
from bot.tasks import end
from bot.types import RECORD_VERSION, Attachment, Phase, Turn, new_id, reference
from bot.work import Grant, Outcome, Work
from tests.bench import Bench
from tests.lossy import LossyLine
from tests.pictures import png
from workers.leases import End, Held, Leases

NEWER = RECORD_VERSION + 1


@pytest.fixture
async def bench(redis_url: str, redis: Redis) -> AsyncIterator[Bench]:
    async with Bench(redis_url) as bench:
        yield bench


async def test_what_waits_is_answered_in_order_and_enters_the_log(bench: Bench) -> None:
    for number in range(3):
        bench.models.will_say(f"answer {number}", when=f"question {number}", times=None)
    turns = [await bench.ask(f"question {number}") for number in range(3)]
    await bench.answering.converse(turns[0].conversation)
    assert [(await bench.replies.read(t.id)).text for t in turns] == [
        "answer 0",
        "answer 1",
        "answer 2",
    ]
    asked = [f"question {number}" for number in range(3)]
    said = [f"answer {number}" for number in range(3)]
    assert await bench.log(turns[0]) == [x for pair in zip(asked, said, strict=True) for x in pair]
    assert await bench.redis.zcard(bench.store.key("due")) == 0
    assert "answer 1" in str(bench.models.requests[2].body["messages"])


async def test_two_bells_at_once_make_one_answer(bench: Bench) -> None:
    turn = await bench.ask("one")
    bench.models.will_say("once")
    bells = [bench.start(turn) for _ in range(5)]
    await asyncio.gather(*bells)
    assert len(bench.models.requests) == 1


async def test_one_busy_conversation_gives_its_slot_up_after_five_answers(bench: Bench) -> None:
    for number in range(7):
        bench.models.will_say(f"answer {number}")
        turn = await bench.ask(f"question {number}")
    await bench.answering.converse(turn.conversation)
    assert len(bench.models.requests) == 5
    await bench.until(bench.bells)


async def test_a_holder_that_was_passed_over_writes_nothing_and_ends_its_request(
    bench: Bench,
) -> None:
    """SIGSTOP for longer than the lease, then SIGCONT: another worker has answered meanwhile."""
    more = asyncio.Event()
    turn = await bench.ask("slowly")
    bench.models.will_wait_for(more, after=1, say=["stale ", "words"])
    late = bench.start(turn)
    await bench.until(lambda: _text(bench, turn.id))
    await bench.lapse(turn)
    bench.models.will_say("fresh")
    await bench.start(turn, await bench.another_worker())
    more.set()
    await late
    assert (await bench.replies.read(turn.id)).text == "fresh"
    assert await bench.log(turn) == ["slowly", "fresh"]
    await bench.until(lambda: _true(bench.models.in_flight == 0))


async def overslept(bench: Bench) -> Grant:
    """Of a worker that was stopped between its claim and its request for longer than its lease."""
    turn = await bench.ask("slowly")
    grant = await bench.inbox.claim(turn.conversation)
    assert grant is not None
    await bench.lapse(turn)
    return replace(grant, until=0.0)


async def drafted(bench: Bench, held: Held) -> Outcome | None:
    """What becomes of its answer when it wakes up."""
    assert held.grant.stored is not None
    return await held.guard(bench.answering._draft(held, held.grant.stored))


async def test_who_slept_for_longer_than_its_lease_asks_no_model(bench: Bench) -> None:
    """A worker woke up, and paid for what had long been answered."""
    late = await overslept(bench)
    bench.models.will_say("fresh")
    await bench.answering.converse(late.conversation)
    async with bench.services._leases.hold(late) as held:
        assert await drafted(bench, held) is None
        assert held.why is End.LOST
    assert len(bench.models.requests) == 1


async def test_who_slept_and_still_has_the_conversation_goes_on(bench: Bench) -> None:
    late = await overslept(bench)
    bench.models.will_say("at last")
    async with bench.services._leases.hold(late) as held:
        outcome = await drafted(bench, held)
        assert outcome is not None
        assert outcome.text == "at last"
        assert held.until > time.monotonic()


async def _text(bench: Bench, turn_id: str) -> str:
    return (await bench.replies.read(turn_id)).text


async def _true(value: bool) -> bool:
    return value


async def test_a_drain_hands_over_what_it_did_not_finish_and_no_attempt_is_spent(
    bench: Bench,
) -> None:
    """SIGTERM with many answers in flight and a short bound."""
    turns = [await bench.ask(f"number {n}", f"{n}.1") for n in range(20)]
    for _ in turns:
        bench.models.will_wait_for(asyncio.Event(), after=1)
    worker = await bench.another_worker()
    running = [bench.start(turn, worker) for turn in turns]
    await bench.until(lambda: _true(bench.models.in_flight == 20))
    worker.answering.draining = True
    await worker.drain(0.05)
    await asyncio.gather(*running)
    for turn in turns:
        bench.models.will_say("after all")
        grant = await bench.inbox.claim(turn.conversation)
        assert grant is not None, "the next worker takes over at once"
        assert grant.attempt == 1
        await bench.inbox.release(grant)
    await asyncio.gather(*(bench.start(turn) for turn in turns))
    assert {(await bench.replies.read(t.id)).text for t in turns} == {"after all"}


async def test_who_goes_on_with_an_answer_says_so_before_its_model_says_anything(
    bench: Bench,
) -> None:
    """A worker that ended had shown four seconds' text: nothing moved for as long again."""
    bench.models.will_wait_for(asyncio.Event(), after=1, say=["Half", " of it."])
    bench.models.will_wait_for(asyncio.Event(), after=0, say=["Half", " of it."])
    turn = await bench.ask("tell me")
    first, second = await bench.another_worker(), await bench.another_worker()
    begun = bench.start(turn, first)
    await bench.until(lambda: _text(bench, turn.id))
    first.answering.draining = True
    await first.drain(0)
    await begun
    going_on = bench.start(turn, second)
    shown = await bench.until(lambda: _regained(bench, turn.id))
    assert (shown.text, shown.regained) == ("Half", 0)
    second.answering.draining = True
    await second.drain(0)
    await going_on


async def _regained(bench: Bench, turn_id: str) -> Shown | None:
    shown = await bench.replies.read(turn_id)
    return None if shown.regained is None else shown


async def test_what_a_claim_still_brings_to_a_worker_that_hands_over_is_given_back(
    bench: Bench,
) -> None:
    """A slow Redis grants it when all else was given back: it went on until its process was gone, and its lease."""
    turn, worker = await bench.ask("just now"), await bench.another_worker()
    grant = await bench.inbox.claim(turn.conversation)
    assert grant is not None
    worker._leases.end_all(End.DRAIN)
    async with worker._leases.hold(grant) as held:
        await worker.answering._answer(held)
    assert not bench.models.requests
    again = await bench.inbox.claim(turn.conversation)
    assert again is not None
    assert again.attempt == 1


async def test_a_draining_worker_takes_nothing_new_and_passes_the_bell_on(bench: Bench) -> None:
    """The sweep looks again after three seconds: the bell that it took along was the quick way."""
    turn = await bench.ask("too late")
    bench.answering.draining = True
    await bench.answering.converse(turn.conversation)
    assert not bench.models.requests
    await bench.until(bench.bells)


async def test_a_committed_answer_is_never_asked_for_again(bench: Bench) -> None:
    """Whoever dies after COMMIT, and whoever is rung: the model heard the question once."""
    bench.models.will_say("once")
    turn = await bench.ask("how often?")
    grant = await bench.inbox.claim(turn.conversation)
    assert grant is not None
    await bench.inbox.release(grant)
    await bench.answering.converse(turn.conversation)
    other = await bench.another_worker()
    for answering in (bench.answering, other.answering):
        await bench.redis.zadd(bench.store.key("due"), {turn.conversation: 0})
        await answering.converse(turn.conversation)
    assert await bench.inbox.commit(grant, "0", Outcome(Phase.ANSWERED, "twice")) == "again"
    assert (await bench.replies.read(turn.id)).text == "once"
    assert len(await bench.log(turn)) == 2
    assert len(bench.models.requests) == 1
    assert await bench.redis.zscore(bench.store.key("due"), turn.conversation) is None


async def test_a_question_deleted_while_it_is_answered_stops_at_once(bench: Bench) -> None:
    turn = await bench.ask("never mind")
    bench.models.will_wait_for(asyncio.Event(), after=2)
    background = asyncio.create_task(bench.services.start(lambda: True))
    running = bench.start(turn)
    await bench.until(lambda: _text(bench, turn.id))
    assert await bench.inbox.amend(turn, None) == "stopping"
    await running
    shown = await bench.replies.read(turn.id)
    assert shown.phase is Phase.STOPPED
    assert shown.text.startswith("One")
    assert shown.notes == ("Stopped here: the question was taken back.",)
    assert await bench.log(turn) == []
    background.cancel()
    with suppress(asyncio.CancelledError):
        await background


async def test_an_answer_that_is_stopped_keeps_its_text_marked_and_is_remembered_as_cut(
    bench: Bench,
) -> None:
    turn = await bench.ask("tell me everything")
    bench.models.will_wait_for(asyncio.Event(), after=2)
    background = asyncio.create_task(bench.services.start(lambda: True))
    running = bench.start(turn)
    await bench.until(lambda: _text(bench, turn.id))
    assert await bench.inbox.stop(turn) == "stopping"
    await running
    await bench.until(lambda: _true(bench.models.in_flight == 0))
    shown = await bench.replies.read(turn.id)
    assert (shown.phase, shown.notes) == (Phase.STOPPED, ("Stopped here.",))
    assert shown.text.startswith("One")
    asked, said = await bench.log(turn)
    assert asked.endswith("tell me everything")
    assert said.startswith(shown.text)
    assert "cut off" in said
    background.cancel()
    with suppress(asyncio.CancelledError):
        await background


async def test_what_a_dead_holder_left_of_a_stopped_answer_stays(bench: Bench) -> None:
    turn = await bench.ask("tell me everything")
    grant = await bench.inbox.claim(turn.conversation)
    assert grant is not None
    await bench.replies.append(grant, 0, b"All that", "gpt-4o")
    assert await bench.inbox.stop(turn, "Ada") == "stopping"
    await bench.lapse(turn)
    await bench.answering.converse(turn.conversation)
    assert not bench.models.requests
    shown = await bench.replies.read(turn.id)
    assert (shown.text, shown.notes) == ("All that", ("Stopped here by **Ada**.",))


async def again(bench: Bench, turn: Turn) -> Turn:
    """The turn's answer is to be given again."""
    retry = replace(turn, id=new_id(), retries=turn.id).with_message(marks=(f"retry-{turn.id}",))
    assert (await bench.inbox.admit(retry)).outcome is Admitted.NEW
    return retry


async def test_an_answer_that_is_given_again_replaces_the_former_which_no_model_sees(
    bench: Bench,
) -> None:
    for words in ("earlier", "former"):
        bench.models.will_say(words)
        turn = await bench.ask(f"before {words}")
        await bench.answering.converse(turn.conversation)
    retry = await again(bench, turn)
    grant = await bench.inbox.claim(turn.conversation)
    assert grant is not None
    await bench.replies.append(grant, 0, b"as after kill -9", "gpt-4o")
    await bench.lapse(turn)
    bench.models.will_say("second")
    await bench.answering.converse(turn.conversation)
    assert (await bench.replies.read(retry.id)).text == "second"
    asked = str(bench.models.requests[-1].body["messages"])
    assert "earlier" in asked
    assert asked.count("before former") == 1
    assert "'former'" not in asked
    assert [said.rsplit("\n")[-1] for said in await bench.log(turn)] == [
        "before earlier",
        "earlier",
        "before former",
        "second",
    ]
    assert await bench.redis.llen(bench.store.key("cost", turn.conversation, "0")) == 4


async def test_a_failed_answer_is_given_again_and_a_retry_that_fails_leaves_no_former_one(
    bench: Bench,
) -> None:
    turn: Turn | None = None
    for fails in (False, True, False):
        if fails:
            bench.models.will_refuse(401, "invalid_api_key")
        else:
            bench.models.will_say("fine")
        turn = await again(bench, turn) if turn else await bench.ask("why?")
        await bench.answering.converse(turn.conversation)
        assert (await bench.replies.read(turn.id)).phase is (
            Phase.FAILED if fails else Phase.ANSWERED
        )
        assert len(await bench.log(turn)) == (0 if fails else 2)


async def test_a_retry_that_is_stopped_before_its_first_word_leaves_the_former_in_the_log(
    bench: Bench,
) -> None:
    bench.models.will_say("former")
    turn = await bench.ask("why?")
    await bench.answering.converse(turn.conversation)
    retry = await again(bench, turn)
    assert await bench.inbox.claim(turn.conversation) is not None
    assert await bench.inbox.stop(retry) == "stopping"
    await bench.lapse(turn)
    await bench.answering.converse(turn.conversation)
    assert (await bench.replies.read(retry.id)).phase is Phase.STOPPED
    assert (await bench.log(turn))[1:] == ["former"]


async def test_a_stop_that_is_told_late_ends_no_other_answer(bench: Bench) -> None:
    """Its answer is over, and the next question of the conversation is being answered."""
    turn = await bench.ask("the next one")
    grant = await bench.inbox.claim(turn.conversation)
    assert grant is not None
    leases = bench.services._leases
    async with leases.hold(grant) as held:
        leases._stop(f"{turn.conversation} 0000000000000000")
        assert held.why is None
        leases._stop(f"{turn.conversation} {turn.id}")
        assert held.why is End.STOP


async def test_a_deletion_that_its_holder_did_not_live_to_hear_is_heard_by_the_next(
    bench: Bench,
) -> None:
    turn = await bench.ask("never mind")
    assert await bench.inbox.claim(turn.conversation) is not None
    assert await bench.inbox.amend(turn, None) == "stopping"
    await bench.lapse(turn)
    await bench.answering.converse(turn.conversation)
    assert not bench.models.requests
    assert (await bench.replies.read(turn.id)).phase is Phase.STOPPED


async def test_a_deletion_between_the_last_word_and_the_commit_counts(bench: Bench) -> None:
    turn = await bench.ask("never mind")
    grant = await bench.inbox.claim(turn.conversation)
    assert grant is not None
    await bench.inbox.amend(turn, None)
    async with bench.services._leases.hold(grant) as held:
        held.so_far = lambda: Outcome(Phase.STOPPED, "so far")
        await bench.answering._commit(held, "0", Outcome(Phase.ANSWERED, "the whole answer"))
    shown = await bench.replies.read(turn.id)
    assert (shown.phase, shown.text) == (Phase.STOPPED, "so far")


async def test_a_question_that_kills_its_worker_each_time_is_given_up_with_a_sentence(
    bench: Bench,
) -> None:
    turn, behind = await bench.ask("poison"), await bench.ask("harmless")
    for _ in range(3):
        assert await bench.inbox.claim(turn.conversation) is not None
        await bench.lapse(turn)  # as after kill -9
    bench.models.will_say("fine")
    await bench.answering.converse(turn.conversation)
    shown = await bench.replies.read(turn.id)
    assert shown.phase is Phase.FAILED
    assert reference(turn.id) in shown.notes[0]
    assert (await bench.replies.read(behind.id)).text == "fine", "the conversation goes on"
    (letter,) = await bench.letters()
    assert json.loads(letter)["turn"] == turn.id
    assert json.loads(letter)["why"] == "3 attempts failed"
    assert "poison" not in letter


@pytest.mark.parametrize("record", [b'{"version": 1}', b"[]", b"\xff not JSON", b""])
async def test_a_record_that_nobody_can_read_is_given_up_and_the_conversation_goes_on(
    bench: Bench, record: bytes
) -> None:
    turn, behind = await bench.ask("what?"), await bench.ask("and now?")
    await bench.redis.hset(bench.store.key("turn", turn.id), "record", record)
    bench.models.will_say("fine")
    await bench.answering.converse(turn.conversation)
    assert (await bench.replies.read(turn.id)).phase is Phase.FAILED
    assert (await bench.replies.read(behind.id)).text == "fine"
    assert len(await bench.letters()) == 1


@pytest.mark.parametrize("field", ["words", "epoch", "kind"])
async def test_bytes_that_are_no_text_in_a_stored_turn_hold_nothing_up(
    bench: Bench, field: str
) -> None:
    turn, behind = await bench.ask("what?"), await bench.ask("and now?")
    await bench.redis.hset(bench.store.key("turn", turn.id), field, b"\xff\xfe")
    bench.models.will_say("fine")
    bench.models.will_say("fine too")
    await bench.answering.converse(turn.conversation)
    assert [(await bench.replies.read(t.id)).text for t in (turn, behind)] == ["fine", "fine too"]


async def test_what_is_no_conversation_among_the_stops_is_passed_over(bench: Bench) -> None:
    leases = Leases(bench.inbox)
    following = asyncio.create_task(leases.stops())
    turn = await bench.ask("what?")
    grant = await bench.inbox.claim(turn.conversation)
    assert grant is not None
    async with leases.hold(grant) as held:
        work = asyncio.create_task(held.guard(asyncio.Event().wait()))
        for said in (b"\xff\xfe", f"{turn.conversation} {turn.id}".encode()):
            while not await bench.redis.publish(stop_channel(bench.store), said):
                await asyncio.sleep(0.005)
        assert await work is None
        assert held.why is End.STOP
    await end(following)


async def test_a_turn_of_a_newer_version_is_left_to_newer_workers_and_keeps_its_place(
    bench: Bench,
) -> None:
    """In a rolling restart the old worker buried what the new adapter had admitted."""
    turn, behind = await bench.ask("from tomorrow", version=NEWER), await bench.ask("and now?")
    await bench.answering.converse(turn.conversation)
    assert not bench.models.requests
    assert (await bench.replies.read(turn.id)).phase is None
    due = float(await bench.redis.zscore(bench.store.key("due"), turn.conversation))
    assert due > time.time() * 1000, "not at once again: this worker is not the only one"
    grant = await bench.inbox.claim(turn.conversation)  # a newer one
    assert grant is not None
    assert (grant.turn, grant.attempt) == (turn.id, 1)
    assert await bench.inbox.commit(grant, "0", Outcome(Phase.ANSWERED, "of tomorrow")) == "done"
    bench.models.will_say("now")
    await bench.answering.converse(turn.conversation)
    assert [(await bench.replies.read(t.id)).text for t in (turn, behind)] == ["of tomorrow", "now"]


@pytest.mark.parametrize("change", [{}, {"kind": "poll"}, {"more": [1]}])
async def test_where_no_newer_worker_comes_its_author_is_told(
    bench: Bench, change: dict[str, object]
) -> None:
    turn, behind = await bench.ask("from tomorrow", version=NEWER), await bench.ask("and now?")
    name = bench.store.key("turn", turn.id)
    record = json.loads(await bench.redis.hget(name, "record")) | change
    long_ago = int((time.time() - NEWER_SECONDS) * 1000)
    await bench.redis.hset(name, mapping={"record": json.dumps(record), "admitted": long_ago})
    stored = await bench.inbox.load(turn.id)
    assert stored is not None
    assert stored.turn is None
    assert stored.addressee is not None
    assert stored.addressee.message == turn.message
    bench.models.will_say("now")
    await bench.answering.converse(turn.conversation)
    assert (await bench.replies.read(turn.id)).phase is Phase.FAILED
    assert (await bench.replies.read(behind.id)).text == "now"


async def test_an_older_record_is_answered_and_what_is_not_known_in_it_passed_over(
    bench: Bench,
) -> None:
    turn = await bench.ask("from yesterday", version=0)
    name = bench.store.key("turn", turn.id)
    record = json.loads(await bench.redis.hget(name, "record")) | {"mood": "good"}
    await bench.redis.hset(name, "record", json.dumps(record))
    bench.models.will_say("still")
    await bench.answering.converse(turn.conversation)
    assert (await bench.replies.read(turn.id)).text == "still"


async def test_a_fault_of_ours_is_logged_once_and_apologised_for(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    turn = await bench.ask("secret words")
    await bench.redis.rpush(bench.store.key("log", turn.conversation, "0"), b"x")
    await bench.redis.set(bench.store.key("cost", turn.conversation, "0"), "no list")
    await bench.answering.converse(turn.conversation)
    shown = await bench.replies.read(turn.id)
    assert shown.phase is Phase.FAILED
    assert turn.ref in shown.notes[0]
    errors = [r for r in caplog.records if r.levelname == "ERROR"]
    assert [r.getMessage() for r in errors] == [f"turn.failed turn={turn.id}"]
    assert "secret words" not in caplog.text


async def test_a_redis_that_cannot_be_reached_costs_no_attempt(
    redis_url: str, redis: Redis
) -> None:
    """The reply of a read and of all its repeats is lost, as in a restart of Redis."""
    async with LossyLine(redis_url) as line, Bench(redis_url) as bench:
        blob = await Blobs(bench.store, ttl=100).put(png())
        picture = Attachment("a.png", mime="image/png", width=8, height=8, blob=blob)
        turn = await bench.ask("patience", attachments=(picture,))
        store = Store(connect(line.url, retries=0, connections=5))
        drafting: Any = bench.answering._draft.__self__
        drafting._blobs = Blobs(store, ttl=100)
        await store.redis.ping()
        line.lose()
        await bench.answering.converse(turn.conversation)
        assert line.lost == 1
        grant = await bench.inbox.claim(turn.conversation)
        assert grant is not None
        assert grant.attempt == 1
        await store.close()


async def test_a_whole_answer_waits_for_redis_and_is_committed_once(
    redis_url: str, redis: Redis
) -> None:
    """COMMIT was done and its reply lost, and with it the connection: the answer is not made anew."""
    async with LossyLine(redis_url) as line, Bench(redis_url) as bench:
        turn = await bench.ask("patience")
        grant = await bench.inbox.claim(turn.conversation)
        assert grant is not None
        store = Store(connect(line.url, retries=0, connections=1))
        await store.redis.ping()
        bench.answering._work = Work(store)
        await bench.inbox.commit(replace(grant, fence=1), "0", Outcome(Phase.FAILED, ""))  # known
        async with bench.services._leases.hold(grant) as held:
            line.lose()
            outcome = Outcome(Phase.ANSWERED, "whole", entries=((b"q", 1), (b"a", 1)))
            await bench.answering._commit(held, "0", outcome)
        assert line.lost == 1
        assert (await bench.replies.read(turn.id)).text == "whole"
        assert await bench.redis.llen(bench.store.key("log", turn.conversation, "0")) == 2
        await store.close()


async def test_work_ends_although_its_cancellation_is_swallowed_once(bench: Bench) -> None:
    """redis-py can turn a cancellation that meets a dying connection into that connection's error."""
    turn = await bench.ask("stubborn")
    grant = await bench.inbox.claim(turn.conversation)
    assert grant is not None
    swallowed = 0

    async def stubborn() -> str:
        nonlocal swallowed
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        swallowed += 1
        await asyncio.Event().wait()
        return "never"

    async with bench.services._leases.hold(grant) as held:
        asyncio.get_running_loop().call_soon(held.end, End.LOST)
        assert await held.guard(stubborn()) is None
    assert swallowed == 1


async def test_an_error_that_a_cancellation_turned_into_is_no_fault(bench: Bench) -> None:
    turn = await bench.ask("x")
    grant = await bench.inbox.claim(turn.conversation)
    assert grant is not None

    async def torn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError("while reading") from None

    async with bench.services._leases.hold(grant) as held:
        asyncio.get_running_loop().call_soon(held.end, End.DRAIN)
        assert await held.guard(torn()) is None


async def test_a_grant_is_renewed_as_long_as_it_is_held(redis_url: str, redis: Redis) -> None:
    async with Bench(redis_url, SWITCHBOARD_LEASE_SECONDS="1") as bench:
        turn = await bench.ask("long")
        grant = await bench.services._work.claim(turn.conversation)
        assert grant is not None
        name = bench.store.key("lease", turn.conversation)
        first = await bench.redis.hget(name, "expiry")
        async with bench.services._leases.hold(replace(grant)) as held:
            await bench.until(lambda: _later(bench, name, first))
            assert held.why is None
            await bench.lapse(turn)
            assert await bench.inbox.claim(turn.conversation) is not None, "another worker"
            await bench.until(lambda: _true(held.why is End.LOST))


async def _later(bench: Bench, name: str, first: bytes) -> bool:
    return int(await bench.redis.hget(name, "expiry")) > int(first)
