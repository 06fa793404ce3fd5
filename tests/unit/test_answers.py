"""What becomes of an answer that somebody does not want (any more): who may say so, once, and what is left of it."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from bot.answers import CANCELLED, FINISHED, NONE_YET, NOTHING, STOPPED, TWICE
from bot.inbox import Outcome, latest_key
from bot.store import REPLY_TTL
from bot.types import Actor, Phase, Turn
from tests.chat import admin, delivering
from tests.unit.test_commanding import Counter


@pytest.fixture
def counter(redis: Redis) -> Counter:
    return Counter(redis)


async def command(counter: Counter, words: str = "/stop", **more: object) -> str:
    """What a command comes to; it is run twice, as after a kill, and the second time changes nothing more."""
    turn = await counter.tell("command", words=words, only="U1", **more)
    said = await counter.commanding.run(turn)
    before = await counter.inbox.waiting(turn.conversation)
    await counter.commanding.run(turn)
    assert await counter.inbox.waiting(turn.conversation) == before
    return said


async def shown(counter: Counter, turn: Turn) -> tuple[Phase | None, str, tuple[str, ...]]:
    reply = await counter.replies.read(turn.id)
    return reply.phase, reply.text, reply.notes


async def test_an_answer_under_way_is_told_to_stop(counter: Counter) -> None:
    turn = await counter.ask()
    grant = await counter.pen.claim(turn)
    assert await command(counter) == STOPPED
    await counter.stopped(grant)
    assert counter.chat.asked("actor") == [], "one's own is stopped without asking the platform"


async def test_a_question_that_waits_is_taken_back_and_the_next_one_goes_on(
    counter: Counter,
) -> None:
    first, second = await counter.ask("first"), await counter.ask("second")
    async with delivering(counter.delivery()):
        assert await command(counter) == CANCELLED
        assert await shown(counter, first) == (Phase.STOPPED, "", ())
        await counter.pen.answer(second, "Two.")
        await counter.at_rest()
    assert counter.server.texts() == ["Two."]


async def test_one_s_own_question_is_meant_before_the_one_that_is_answered(
    counter: Counter,
) -> None:
    theirs, mine = await counter.ask("first", person="U2"), await counter.ask("second")
    grant = await counter.pen.claim(theirs)
    assert await command(counter) == CANCELLED
    assert (await shown(counter, mine))[0] is Phase.STOPPED
    assert await counter.inbox.renew(grant) == "held"


async def test_somebody_else_s_answer_is_stopped_by_admins_alone(counter: Counter) -> None:
    theirs = await counter.ask(person="U2")
    grant = await counter.pen.claim(theirs)
    assert "Only they can stop its answer, or " in await command(counter)
    assert await counter.inbox.renew(grant) == "held"
    counter.chat.people["U1"] = admin()
    assert await command(counter) == STOPPED
    await counter.stopped(grant)
    stored = await counter.inbox.load(theirs.id)
    assert stored is not None
    assert stored.stopped_by == "Ada"


async def test_whose_question_an_admin_takes_back_is_told(counter: Counter) -> None:
    counter.chat.people["U1"] = admin()
    theirs = await counter.ask(person="U2")
    assert await command(counter) == CANCELLED
    assert (await shown(counter, theirs))[2] == ("Stopped by **Ada** before it began.",)


async def test_a_stranger_stops_nothing_of_others(counter: Counter) -> None:
    await counter.ask(person="U2")
    counter.chat.people["U1"] = Actor("chat", "T1", "U1", powers=admin().powers, external=True)
    assert "other organisations" in await command(counter)


async def test_each_way_in_which_there_is_nothing_to_stop_has_its_sentence(
    counter: Counter,
) -> None:
    assert await command(counter) == NOTHING
    turn = await counter.ask()
    await counter.pen.answer(turn, "Done.")
    assert await command(counter) == NOTHING
    turn = await counter.ask()
    assert await command(counter) == CANCELLED
    assert await command(counter) == TWICE
    turn = await counter.ask()
    await counter.pen.finish(await counter.pen.claim(turn), "So far", phase=Phase.STOPPED)
    assert await command(counter) == TWICE


async def test_a_stop_that_comes_as_the_answer_ends_says_so(counter: Counter) -> None:
    turn = await counter.ask()
    stop = await counter.tell("command", words="/stop", only="U1")
    await counter.inbox.remembered(stop.id, turn.id)  # it was chosen, and then its process died
    store = counter.inbox.store
    assert await store.redis.ttl(store.key("request", stop.id)) > REPLY_TTL - 60, "maybe for days"
    await counter.pen.answer(turn, "Done.")
    assert await counter.commanding.run(stop) == FINISHED


@pytest.mark.parametrize("begins", [False, True])
async def test_where_no_conversation_is_told_one_s_latest_in_the_channel_is_meant(
    counter: Counter, begins: bool
) -> None:
    """A slash command, and a mention that would begin a conversation of its own."""

    async def said(name: str) -> str:
        thread = {"thread": name} if begins else {"threadless": True}
        return await command(counter, id=name, **thread)

    assert await said("one") == NONE_YET
    turn = await counter.ask(thread="7.7")
    name = latest_key(counter.inbox.store, turn.message.thread.channel.key, "U1")
    await counter.inbox.store.redis.set(name, turn.conversation)
    assert await said("two") == CANCELLED


async def test_what_a_dead_holder_left_is_kept_by_a_stop_and_goes_with_a_deletion(
    counter: Counter,
) -> None:
    store = counter.inbox.store
    for left, stop in (("All that", True), ("", False)):
        turn = await counter.ask()
        grant = await counter.pen.claim(turn)
        await counter.pen.write(grant, "All that")
        await store.redis.hset(store.key("lease", turn.conversation), "expiry", 1)
        state = counter.inbox.stop(turn) if stop else counter.inbox.amend(turn, None)
        assert await state == "cancelled"
        assert await shown(counter, turn) == (
            Phase.STOPPED,
            left,
            ("Stopped here.",) if stop else (),
        )
        late = await counter.inbox.commit(grant, "0", Outcome(Phase.ANSWERED, "The whole answer."))
        assert late == ("again" if stop else "lost"), "who wakes up changes nothing"
        assert (await shown(counter, turn))[1] == left
        assert await store.redis.ttl(store.key("lease", turn.conversation)) > 0
