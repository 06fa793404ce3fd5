"""A turn becomes an outcome: which model answers, what is tried again, what the person is told, what is remembered."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise

import pytest
from redis.asyncio import Redis

from bot.blobs import Blobs
from bot.conversation import pack, remembered
from bot.names import Names
from bot.types import Attachment, Author, Phase, Quote
from bot.work import Outcome
from playground.models import ModelServer
from tests.bench import KEY, Bench, log_of
from tests.pictures import png

TABLES = """
[models.main]
provider = "openai"
id = "gpt-4o"
context = 128000
max_output = 16384
inputs = ["text", "image"]
fallback = ["spare"]

[models.spare]
provider = "openai"
id = "gpt-4.1"
context = 128000
max_output = 16384

[models.retired]
provider = "openai"
id = "gpt-4"
context = 8192
max_output = 4096
shutdown = 2020-01-01
successor = "main"

[models.orphan]
provider = "openai"
id = "gpt-4"
context = 8192
max_output = 4096
shutdown = 2020-01-01

[models.withdrawn]
provider = "openai"
id = "gpt-3.5-turbo"
context = 16385
max_output = 4096
successor = "main"

[models.small]
provider = "openai"
id = "gpt-4o"
context = 128000
max_output = 16384
answer_tokens = 1000
"""


@pytest.fixture
async def bench(redis_url: str, redis: Redis) -> AsyncIterator[Bench]:
    async with Bench(redis_url, tables=TABLES) as bench:
        yield bench


def models_asked(models: ModelServer) -> list[str | None]:
    return [request.model for request in models.requests]


async def test_an_answer_needs_no_words_of_ours(bench: Bench) -> None:
    bench.models.will_say("Hel", "lo")
    shown = await bench.answer("hi", alias="main")
    assert (shown.phase, shown.text, shown.alias) == (Phase.ANSWERED, "Hello", "main")
    assert shown.notes == ()


async def test_a_model_asked_for_once_is_named(bench: Bench) -> None:
    bench.models.will_say("hello")
    shown = await bench.answer("hi", alias="main", model="main")
    assert shown.notes == ("Answered by main.",)


async def test_a_passing_fault_before_the_first_word_is_tried_again_unseen(bench: Bench) -> None:
    bench.models.will_refuse(503)
    bench.models.will_say("there")
    shown = await bench.answer("hi", alias="main")
    assert (shown.phase, shown.text, shown.notes) == (Phase.ANSWERED, "there", ())
    assert models_asked(bench.models) == ["gpt-4o", "gpt-4o"]


async def test_a_short_retry_after_is_waited_for_in_place(bench: Bench) -> None:
    bench.models.will_refuse(429, "rate_limit_exceeded", retry_after="0.01")
    bench.models.will_say("there")
    assert (await bench.answer("hi", alias="main")).text == "there"
    assert models_asked(bench.models) == ["gpt-4o", "gpt-4o"]


async def test_a_long_retry_after_goes_to_the_fallback_and_says_so(bench: Bench) -> None:
    bench.models.will_refuse(429, "rate_limit_exceeded", retry_after="3600")
    bench.models.will_say("I can")
    shown = await bench.answer("hi", alias="main")
    assert (shown.text, shown.alias) == ("I can", "spare")
    assert shown.notes[0] == "main could not answer; spare did in its place."
    assert models_asked(bench.models) == ["gpt-4o", "gpt-4.1"]


async def test_a_long_retry_after_without_a_fallback_tells_when(bench: Bench) -> None:
    bench.models.will_refuse(429, "rate_limit_exceeded", retry_after="600")
    shown = await bench.answer("hi", alias="spare")
    assert shown.phase is Phase.FAILED
    assert shown.notes == (
        "spare has too many requests at the moment. Ask again in 10 minutes, or ask another model.",
    )


async def test_where_the_fallback_fails_too_nobody_is_said_to_have_answered(bench: Bench) -> None:
    """The fallback "did in its place" stood below an answer that did not exist."""
    bench.models.will_refuse(429, "rate_limit_exceeded", retry_after="600")
    bench.models.will_refuse(401, "invalid_api_key")
    shown = await bench.answer("hi", alias="main")
    assert (shown.phase, shown.text, shown.alias) == (Phase.FAILED, "", "main")
    assert len(shown.notes) == 1
    assert shown.notes[0].startswith("main has too many requests")


@pytest.mark.parametrize("code", ["invalid_api_key", "insufficient_quota"])
async def test_the_operators_fault_is_told_and_not_covered_by_a_fallback(
    bench: Bench, code: str
) -> None:
    bench.models.will_refuse(401 if "key" in code else 429, code)
    shown = await bench.answer("hi", alias="main")
    assert shown.phase is Phase.FAILED
    assert "tell your admin" in shown.notes[0]
    assert len(bench.models.requests) == 1


async def test_after_the_first_word_nothing_is_tried_again_and_the_text_stays(
    bench: Bench,
) -> None:
    bench.models.will_reset(after=2)
    turn = await bench.ask("count", alias="main")
    await bench.answering.converse(turn.conversation)
    shown = await bench.replies.read(turn.id)
    assert (shown.phase, shown.text) == (Phase.FAILED, "One, two, ")
    assert "breaks off here" in shown.notes[0]
    assert len(bench.models.requests) == 1
    assert (await bench.log(turn))[1] == "One, two, \n⟦This answer was cut off here.⟧"


async def test_a_retired_model_is_answered_by_its_successor_with_a_note(bench: Bench) -> None:
    bench.models.will_say("hello")
    shown = await bench.answer("hi", alias="retired")
    assert (shown.text, shown.alias) == ("hello", "main")
    assert "retired was shut down on 2020-01-01; main answers in its place." in shown.notes


async def test_a_retired_model_without_a_successor_is_told(bench: Bench) -> None:
    shown = await bench.answer("hi", alias="orphan")
    assert shown.phase is Phase.FAILED
    assert shown.notes == (
        "orphan was shut down on 2020-01-01. An admin can choose another model here.",
    )


async def test_a_model_that_its_provider_withdrew_without_a_word_is_succeeded_too(
    bench: Bench,
) -> None:
    """404 `model_not_found`, long before the date in the table."""
    bench.models.retire("gpt-3.5-turbo")
    bench.models.will_say("hello", when=lambda request: request.model == "gpt-4o")
    shown = await bench.answer("hi", alias="withdrawn")
    assert (shown.text, shown.alias) == ("hello", "main")
    assert "withdrawn could not answer; main did in its place." in shown.notes


async def test_an_alias_that_exists_no_more_is_a_sentence(bench: Bench) -> None:
    shown = await bench.answer("hi", alias="smal")
    assert shown.phase is Phase.FAILED
    assert "`small`" in shown.notes[0]


async def test_a_context_that_is_too_long_is_halved_once(bench: Bench) -> None:
    for number in range(4):
        bench.models.will_say(f"answer {number}")
        await bench.answer(f"question {number}", alias="small")
    bench.models.will_refuse(400, "context_length_exceeded")
    bench.models.will_say("shorter")
    assert (await bench.answer("and now?", alias="small")).text == "shorter"
    whole, half = (request.body["messages"] for request in list(bench.models.requests)[-2:])
    assert 2 < len(half) < len(whole)
    assert half[-1] == whole[-1], "the question is always there"
    bench.models.will_refuse(400, "context_length_exceeded")
    bench.models.will_refuse(400, "exceed_context_size_error")
    shown = await bench.answer("and now?", alias="small")
    assert "too long for small" in shown.notes[0]


async def test_an_answer_at_its_limit_says_so(bench: Bench) -> None:
    bench.models.will_finish("length", "a long story")
    shown = await bench.answer("tell", alias="main")
    assert (shown.phase, shown.text) == (Phase.ANSWERED, "a long story")
    assert "length limit" in shown.notes[0]


async def test_a_mention_without_anything_is_told_what_to_do(bench: Bench) -> None:
    shown = await bench.answer("   ")
    assert shown.phase is Phase.ANSWERED
    assert "There was no question" in shown.notes[0]
    assert not bench.models.requests


async def picture(bench: Bench, name: str = "cat.png") -> Attachment:
    blob = await Blobs(bench.store, ttl=100).put(png((40, 30), "teal"))
    return Attachment(name, source="x", mime="image/png", width=40, height=30, blob=blob)


async def test_a_model_that_sees_nothing_answers_the_text_and_says_who_sees(bench: Bench) -> None:
    bench.models.will_say("no idea")
    shown = await bench.answer("what?", alias="spare", attachments=(await picture(bench),))
    assert shown.text == "no idea"
    assert shown.notes[0].startswith("spare cannot see images, so only the text was answered.")
    assert "--model gpt-4o" in shown.notes[0]


async def test_a_fallback_that_sees_nothing_says_so(bench: Bench) -> None:
    bench.models.will_refuse(429, "rate_limit_exceeded", retry_after="600")
    bench.models.will_say("no idea")
    shown = await bench.answer("what?", alias="main", attachments=(await picture(bench),))
    assert shown.notes[0] == "main could not answer; spare did in its place."
    assert shown.notes[1].startswith("spare cannot see images")


async def test_a_picture_reaches_a_model_that_sees(bench: Bench) -> None:
    bench.models.will_say("teal")
    shown = await bench.answer("what?", alias="main", attachments=(await picture(bench),))
    assert shown.notes == ()
    request = bench.models.requests[-1].request
    assert request is not None
    assert [p.data for p in request.pictures] == [png((40, 30), "teal")]


async def test_files_that_did_not_arrive_or_could_not_be_read_are_named(bench: Bench) -> None:
    files = (
        Attachment("late.png", source="x"),
        Attachment("odd.pdf", source="x", problem="“odd.pdf” is no picture."),
    )
    turn = bench.turn("what?", attachments=files, alias="main")
    await bench.inbox.admit(turn)
    await bench.inbox.ready(turn)
    bench.models.will_say("hm")
    await bench.answering.converse(turn.conversation)
    shown = await bench.replies.read(turn.id)
    assert (shown.text, shown.notes) == (
        "hm",
        (
            "The file late.png did not arrive in time, so it was not looked at.",
            "“odd.pdf” is no picture.",
        ),
    )


# ---- what is remembered ----------------------------------------------------------------------------------------


async def test_many_interleaved_conversations_never_learn_of_each_other(bench: Bench) -> None:
    """A canary in each: in no other's prompt, reply or log."""
    rooms = [f"{n}.1" for n in range(1, 13)]
    canary = {room: hashlib.sha256(room.encode()).hexdigest()[:12] for room in rooms}
    for room in rooms:
        for words in (f"remember {canary[room]}", f"and {canary[room]} now?"):
            bench.models.will_say("noted ", canary[room], when=words, times=None, pace=0.001)
    turns = {room: [] for room in rooms}
    for words in ("remember {}", "and {} now?"):
        for room in rooms:
            turns[room].append(await bench.ask(words.format(canary[room]), room))
        await asyncio.gather(*(bench.start(turns[room][-1]) for room in rooms))
    assert len(bench.models.requests) == 24
    for request in bench.models.requests:
        prompt = str(request.body["messages"])
        assert sum(word in prompt for word in canary.values()) == 1
    keys = {r.body["prompt_cache_key"] for r in bench.models.requests}
    assert len(keys) == len(rooms)
    for room in rooms:
        others = [word for word in canary.values() if word != canary[room]]
        log = await bench.log(turns[room][0])
        assert len(log) == 4
        replies = [(await bench.replies.read(turn.id)).text for turn in turns[room]]
        assert replies == [f"noted {canary[room]}"] * 2
        assert not [word for word in others if word in str(log) + str(replies)]


async def begin_anew(bench: Bench) -> str:
    """`/new`, delivered twice; the name of the new life."""
    command = replace(bench.turn("/new"), kind="command")
    for _ in range(2):
        await bench.inbox.admit(command, renews=True)
    await bench.replies.delivered(command.id, command.conversation)
    return command.id


async def test_a_new_life_begins_without_the_old_one(bench: Bench) -> None:
    bench.models.will_say("Blue it is.")
    turn = await bench.ask("my colour is blue")
    await bench.answering.converse(turn.conversation)
    await begin_anew(bench)
    bench.models.will_say("No idea.")
    await bench.answer("which colour?")
    messages = bench.models.requests[-1].body["messages"]
    assert [m["role"] for m in messages] == ["system", "user"]
    assert "blue" not in str(messages)


async def test_a_question_keeps_the_life_that_it_was_asked_in(bench: Bench) -> None:
    """`/new` cuts where it was said: what was asked before it belongs to the life before."""
    before = await bench.ask("asked before")
    life = await begin_anew(bench)
    after = await bench.ask("asked after")
    bench.models.will_say("one")
    bench.models.will_say("two")
    await bench.answering.converse(before.conversation)
    old = await log_of(bench.store, before.conversation)
    new = await log_of(bench.store, after.conversation, life)
    assert [m.text for m in old] == ["asked before", "one"]
    assert [m.text for m in new] == ["asked after", "two"]


async def test_where_several_speak_the_model_is_told_who_and_of_one_alone_nothing(
    bench: Bench,
) -> None:
    """Slack's events carry ids: in a thread of several people nobody could be told from the others."""
    mia, ben = Author("U1"), Author("U2")
    names = Names(bench.store)
    await names.keep("slack", "T1", "U1", "Mia")
    await bench.answer("We ship on Friday.", author=mia)
    await bench.answer("Or not.", author=mia)
    alone = [m["content"] for m in bench.models.requests[-1].body["messages"][1::2]]
    assert alone == ["We ship on Friday.", "Or not."]
    await bench.answer("Who said Friday?", author=ben)
    asked = [m["content"] for m in bench.models.requests[-1].body["messages"][1::2]]
    assert asked == [
        "⟦Mia (@U1) writes:⟧\nWe ship on Friday.",
        "⟦Mia (@U1) writes:⟧\nOr not.",
        "⟦@U2 writes:⟧\nWho said Friday?",
    ]
    turn = await bench.ask("Ah.", author=mia)
    await bench.answering.converse(turn.conversation)
    *before, last = [m["content"] for m in bench.models.requests[-1].body["messages"][1::2]]
    assert (before, last) == (asked, "⟦Mia (@U1) writes:⟧\nAh.")
    assert (await bench.log(turn))[0] == "We ship on Friday.", "notes are no part of the log"


async def test_who_is_quoted_is_named_in_the_question(bench: Bench) -> None:
    await Names(bench.store).keep("slack", "T1", "U2", "Ben")
    quotes = (Quote("U2", "On Friday.", by="U2"), Quote("U3", "Sure?", by="U3"))
    await bench.answer("Who said Friday?", author=Author("U1"), quotes=quotes)
    (asked,) = [m["content"] for m in bench.models.requests[-1].body["messages"][1::2]]
    assert "⟦Quoted message by Ben (@U2):⟧" in asked
    assert "⟦Quoted message by @U3:⟧" in asked
    assert "writes" not in asked


async def test_a_long_conversation_is_compacted_in_blocks_and_its_beginning_stays(
    redis_url: str, redis: Redis
) -> None:
    """Between two compactions each prompt begins with the one before it, so that providers can cache it."""
    async with Bench(redis_url, SWITCHBOARD_CONTEXT_TOKENS="1000") as bench:
        longest = 0
        for number in range(30):
            bench.models.will_say("answer " * 20)
            await bench.answer(f"question {number} " + "words " * 20)
            costs = await bench.redis.lrange(bench.store.key("cost", "slack:T1:C1:1.1", "0"), 0, -1)
            longest = max(longest, sum(map(int, costs)))
        sent = [request.body["messages"] for request in bench.models.requests]
        kept = [b[: len(a)] == a for a, b in pairwise(sent)]
        assert longest <= 800
        assert kept.count(False) <= 6
        assert kept.count(True) >= 20
        assert sent[-1][-1]["content"].startswith("⟦Mia writes:⟧\nquestion 29")


async def test_a_conversation_is_read_and_written_in_one_round_trip_each_and_ends_all_at_once(
    bench: Bench,
) -> None:
    bench.models.will_say("hello")
    turn = await bench.ask("hi")
    await bench.answering.converse(turn.conversation)
    names = [bench.store.key(kind, turn.conversation, "0") for kind in ("log", "cost")]
    ends = [await bench.redis.pexpiretime(name) for name in names]
    assert ends[0] == ends[1] > 0
    following = await bench.ask("and now?")
    connection = await bench.redis.connection_pool.get_connection()
    await bench.redis.connection_pool.release(connection)
    send, sent = connection.send_packed_command, []

    async def count(command: object, check_health: bool = True) -> None:
        sent.append(command)
        await send(command, check_health)

    connection.send_packed_command = count
    grant = await bench.inbox.claim(following.conversation)
    assert grant is not None
    log = remembered(*grant.log)
    assert ([message.text for message in log][-1], len(sent)) == ("hello", 1)
    entries = tuple((pack(message), 1) for message in log)
    outcome = Outcome(Phase.ANSWERED, "again", entries=entries)
    assert (await bench.inbox.commit(grant, "0", outcome), len(sent)) == ("done", 2)


async def test_no_log_line_holds_words_of_people_or_models(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bench.models.will_say("confidential answer")
    await bench.answer("confidential question")
    bench.models.will_refuse(500, message="confidential refusal")
    bench.models.will_refuse(500, message="confidential refusal")
    await bench.answer("confidential question", alias="spare")
    assert "turn.answered" in caplog.text
    assert "model.failed" in caplog.text
    assert "confidential" not in caplog.text
    assert KEY not in caplog.text
