"""What becomes of an answer that somebody does not want (any more): who may say so, once, and what is left of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from bot.answers import (
    AGAIN,
    CANCELLED,
    FINISHED,
    FORGOTTEN,
    GONE,
    NO_ANSWER,
    NONE_YET,
    NOTHING,
    PASSED,
    RENEWED,
    STOPPED,
    TWICE,
    WAITS,
)
from bot.bell import QUEUE
from bot.inbox import latest_key
from bot.store import REPLY_TTL
from bot.types import Actor, Attachment, Phase, Quote, Scope, Turn
from bot.work import Outcome
from tests.asleep import asleep
from tests.chat import admin, delivering, until
from tests.unit.test_commanding import CATALOG, Counter
from workers.consumer import conversation_in


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


async def test_a_stop_works_although_redis_is_full(counter: Counter, redis: Redis) -> None:
    turn, stop = await counter.ask(), await counter.tell("command", words="/stop", only="U1")
    grant = await counter.pen.claim(turn)
    await redis.config_set("maxmemory", 1)
    try:
        assert await counter.commanding.run(stop) == STOPPED
        await counter.stopped(grant)
    finally:
        await redis.config_set("maxmemory", 0)


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


# ---- again ------------------------------------------------------------------------------------------------------


async def answered(counter: Counter, text: str = "Once.", **more: object) -> Turn:
    turn = await counter.ask(**more)
    await counter.pen.answer(turn, text)
    return turn


async def again(counter: Counter) -> Turn:
    """The turn that waits."""
    (waiting,) = await counter.inbox.waiting("chat:T1:C1:1.1")
    stored = await counter.inbox.load(waiting)
    assert stored is not None
    assert stored.turn is not None
    return stored.turn


async def test_the_latest_question_is_asked_again_once_with_the_model_that_is_named(
    counter: Counter,
) -> None:
    first = await answered(counter, words="why?")
    assert await command(counter, "/retry claude") == "", "the answer itself says it"
    turn = await again(counter)
    assert turn.retries == first.id
    alias = CATALOG.find("claude").alias
    assert (turn.model, turn.message.model) == (alias, alias)
    assert (turn.message.text, turn.message.author) == ("why?", first.message.author)
    bells = await counter.inbox.store.redis.lrange(counter.inbox.store.key("celery", QUEUE), 0, -1)
    assert [conversation_in(json.loads(bell)) for bell in bells] == [turn.conversation] * 2, (
        "as it was first"
    )


async def test_where_a_command_is_answered_apart_it_says_which_model_tries(
    counter: Counter,
) -> None:
    turn = await answered(counter)
    name = latest_key(counter.inbox.store, turn.message.thread.channel.key, "U1")
    await counter.inbox.store.redis.set(name, turn.conversation)
    assert await command(counter, "/retry", threadless=True) == AGAIN.format("gpt-4o")


@pytest.mark.parametrize("text", ["Short.", "Long" * 900])
async def test_an_answer_that_is_given_again_takes_the_place_of_the_former(
    counter: Counter, text: str
) -> None:
    async with delivering(counter.delivery()):
        await answered(counter, "Former" * 300)
        await counter.at_rest()
        before = list(counter.server.messages)
        assert len(before) == 2
        await command(counter, "/retry")
        grant = await counter.pen.claim(await again(counter))
        await counter.pen.write(grant, text[:5])
        await until(lambda: counter.server.texts()[0] == text[:5])
        await counter.pen.finish(grant, text)
        await counter.at_rest()
    assert "".join(counter.server.texts()) == text
    kept = list(counter.server.messages)
    assert kept[0] == before[0]
    assert len(kept) == -(-len(text) // counter.chat.size)


async def test_a_retry_that_is_stopped_before_its_first_word_changes_nothing(
    counter: Counter,
) -> None:
    async with delivering(counter.delivery()):
        await answered(counter, "Former.")
        await counter.at_rest()
        await command(counter, "/retry")
        assert await command(counter, "/stop") == CANCELLED
        await counter.at_rest()
        assert counter.server.texts() == ["Former."]
        await command(counter, "/retry")
        await counter.pen.answer(await again(counter), "At last.")
        await counter.at_rest()
    assert counter.server.texts() == ["At last."]


async def test_an_answer_whose_message_was_taken_away_is_posted_anew(counter: Counter) -> None:
    async with delivering(counter.delivery()):
        await answered(counter, "Former.")
        await counter.at_rest()
        counter.server.messages.clear()
        await command(counter, "/retry")
        await counter.pen.answer(await again(counter), "Again.")
        await counter.at_rest()
    assert counter.server.texts() == ["Again."]


async def test_a_retry_whose_adapter_dies_in_the_middle_ends_in_one_whole_answer(
    counter: Counter,
) -> None:
    async with delivering(counter.delivery()):
        await answered(counter, "Former" * 500)
        await counter.at_rest()
        turn = await counter.tell("command", words="/retry", only="U1")
        await counter.commanding.run(turn)
        grant = await counter.pen.claim(await again(counter))
        await counter.pen.write(grant, "Ag")
        await until(lambda: counter.server.texts() == ["Ag"])
    async with delivering(counter.delivery(owner="b")):
        await counter.pen.finish(grant, "Again" * 300)
        await counter.at_rest()
    assert "".join(counter.server.texts()) == "Again" * 300


async def test_who_mends_a_former_answer_shows_what_has_taken_its_place(counter: Counter) -> None:
    """Another adapter shows the answer whole, and then the one that takes its place."""
    async with asleep(counter) as sleeper, delivering(counter.delivery(owner="b")):
        await counter.at_rest()
        await command(counter, "/retry")
        grant = await counter.pen.claim(await again(counter))
        await counter.pen.write(grant, "Ag")
        await until(lambda: counter.server.texts() == ["Ag"])
        sleeper.wakes_up()
        await until(lambda: counter.server.texts() == ["Once upon"])
        await counter.pen.finish(grant, "Again.")
        await counter.at_rest()
    assert counter.server.texts() == ["Again."]
    assert "Once upon a time." not in counter.server.messages["M1"].shown[2:]


async def test_only_the_latest_answer_is_given_again(counter: Counter) -> None:
    assert await command(counter, "/retry") == NO_ANSWER
    first = await counter.ask("first")
    assert await command(counter, "/retry") == WAITS
    await counter.pen.answer(first, "One.")
    second = await counter.ask("second")
    assert await command(counter, "/retry") == WAITS
    await counter.pen.answer(second, "Two.")
    assert await command(counter, "/retry", about=first.id) == PASSED
    assert await command(counter, "/retry", about=second.id) == ""
    third = await again(counter)
    await counter.pen.answer(third, "Two again.")
    assert await command(counter, "/retry", about=second.id) == "", "of which it is the newest now"
    assert (await again(counter)).retries == third.id


async def test_what_was_before_a_new_conversation_is_not_given_again(counter: Counter) -> None:
    turn = await answered(counter)
    renewal = Turn.of(replace(turn.message, marks=("n",), text="/new"), "command", at=0.0)
    await counter.inbox.admit(renewal, renews=True)
    assert await command(counter, "/retry") == RENEWED
    first = await counter.ask("anew")
    await counter.pen.answer(first, "Anew.")
    assert await command(counter, "/retry", about=turn.id) == RENEWED
    assert await command(counter, "/retry") == ""


async def test_a_deleted_question_and_one_that_is_too_old_are_not_asked_again(
    counter: Counter,
) -> None:
    turn = await answered(counter)
    await counter.inbox.amend(turn, None)
    assert await command(counter, "/retry") == GONE
    turn = await answered(counter)
    await counter.inbox.store.redis.delete(counter.inbox.store.key("turn", turn.id))
    assert await command(counter, "/retry") == GONE


async def test_a_question_that_was_edited_is_asked_again_in_its_new_words(
    counter: Counter,
) -> None:
    turn = await answered(counter, words="first words")
    assert await counter.inbox.amend(turn, "second words") == "later"
    await command(counter, "/retry")
    assert (await again(counter)).message.text == "second words"


async def test_somebody_else_s_question_is_asked_again_by_admins_alone(counter: Counter) -> None:
    await answered(counter, person="U2")
    assert "Only they can have it answered again" in await command(counter, "/retry")
    counter.chat.people["U1"] = admin()
    assert await command(counter, "/retry") == ""
    assert (await again(counter)).message.author.id == "U2"


async def test_an_unknown_model_and_a_locked_one_are_refused(counter: Counter) -> None:
    turn = await answered(counter)
    assert "There is no model “gpt-40”. Did you mean" in await command(counter, "/retry gpt-40")
    thread = turn.message.thread
    await counter.scopes.lock(thread, Scope.CHANNEL, actor=admin(), request_id="r")
    assert "locked to `gpt-4o`" in await command(counter, "/retry claude")
    assert await command(counter, "/retry gpt-4o") == ""


async def test_a_model_that_was_asked_once_is_asked_again_unless_another_was_locked_since(
    counter: Counter,
) -> None:
    turn = await answered(counter, model="claude")
    await command(counter, "/retry")
    second = await again(counter)
    assert second.model == "claude"
    await counter.pen.answer(second, "Again.")
    thread = turn.message.thread
    await counter.scopes.lock(thread, Scope.CHANNEL, actor=admin(), request_id="r")
    await command(counter, "/retry")
    assert (await again(counter)).model == "gpt-4o"


async def test_a_picture_that_is_no_longer_kept_is_a_sentence(counter: Counter) -> None:
    store = counter.inbox.store
    await store.redis.set(store.key("blob", "kept"), b"x")
    files = tuple(Attachment(f"{n}.png", blob=n, mime="image/png") for n in ("kept", "lost"))
    await answered(counter, attachments=files, quotes=(Quote("Bo", "look", files),))
    await command(counter, "/retry")
    message = (await again(counter)).message
    for kept, lost in (message.attachments, message.quotes[0].attachments):
        assert (kept.blob, kept.problem) == ("kept", None)
        assert (lost.blob, lost.problem) == (None, FORGOTTEN.format("lost.png"))
