"""A message becomes a turn, or nothing: in order, in one step, and in words where it cannot be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from adapters.intake import FULL, NONE_YET, Intake
from bot.access import Admins
from bot.caps import Caps
from bot.commands import Ask
from bot.conversation import Conversations
from bot.errors import UserError
from bot.inbox import CAP, NO_CAPS, Inbox
from bot.models import Catalog
from bot.scopes import Scopes
from bot.store import RedisError, Store, connect
from bot.stored import Stored
from bot.types import Actor, Attachment, Author, Message, Quote, Scope, Thread, Turn, decode
from tests.chat import admin, message

CATALOG = Catalog.load(None)
PICTURE = Attachment("cat.png", source="https://files.example/cat.png")
LETTER = Attachment("letter.pdf", problem="“letter.pdf” is a PDF document.")


class Desk:
    """What goes on after an admission: written down; a command is over when the test says so."""

    def __init__(self) -> None:
        self.admitted_turns: list[Turn] = []
        self.running: list[asyncio.Future[None]] = []

    def admitted(self, turn: Turn) -> asyncio.Future[None] | None:
        self.admitted_turns.append(turn)
        if turn.kind != "command":
            return None
        self.running.append(asyncio.get_running_loop().create_future())
        return self.running[-1]


class Door:
    """An intake on a real Redis, as an adapter has it."""

    def __init__(self, url: str, caps: Caps = NO_CAPS, **policy: bool) -> None:
        self.store = Store(connect(url, timeout=1.0, retries=1))
        self.inbox = Inbox(self.store, caps=caps)
        self.scopes = Scopes(self.store, "gpt-4o", Admins())
        self.desk = Desk()
        self.intake = Intake(
            self.inbox,
            Conversations(self.store),
            self.scopes,
            CATALOG,
            self.desk,
            admins=Admins(),
            **policy,
        )

    async def hear(self, said: Message, *, actor: Actor | None = None, **more: object) -> Stored:
        """Receive it; what was stored."""
        who = actor or Actor("chat", "T1", said.author.id, said.author.name)
        receipt = await self.intake.receive(said, actor=who, **more)
        stored = await self.inbox.load(receipt.turn)
        assert stored is not None
        assert stored.turn is not None
        return stored

    async def waiting(self, thread: str = "1.1") -> list[str]:
        """The words of the questions that wait in a conversation, in order."""
        turns = await self.store.redis.lrange(
            self.store.key("inbox", f"chat:T1:C1:{thread}"), 0, -1
        )
        stored = [await self.inbox.load(turn.decode()) for turn in turns]
        return [found.turn.message.text for found in stored if found and found.turn]

    async def close(self) -> None:
        await self.store.close()


@pytest.fixture
async def door(redis: Redis, redis_url: str) -> AsyncIterator[Door]:
    door = Door(redis_url)
    yield door
    await door.close()


# ---- order -------------------------------------------------------------------------------------------------


async def test_what_is_said_in_a_channel_is_admitted_in_the_order_in_which_it_came(
    door: Door,
) -> None:
    said = [f"question {n}" for n in range(20)]
    await asyncio.gather(*(door.hear(message(words)) for words in said))
    assert await door.waiting() == said


async def test_a_command_is_over_before_the_channels_next_event_is_admitted(door: Door) -> None:
    await door.hear(message("/model set claude"))
    after = asyncio.create_task(door.hear(message("why?")))
    elsewhere = await door.hear(message("and here?", channel="C2"))
    assert elsewhere.kind == "ask"
    assert [turn.kind for turn in door.desk.admitted_turns] == ["command", "ask"]
    assert await door.waiting() == []
    door.desk.running[0].set_result(None)
    assert (await after).kind == "ask"
    assert await door.waiting() == ["why?"]


async def test_who_stops_waiting_in_a_line_leaves_it_to_the_others(door: Door) -> None:
    await door.hear(message("/model"))
    first = asyncio.create_task(door.hear(message("first")))
    second = asyncio.create_task(door.hear(message("second")))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    door.desk.running[0].set_result(None)
    await second
    assert await door.waiting() == ["second"]


async def test_an_edit_waits_in_line_behind_the_question_that_it_edits(door: Door) -> None:
    asked = message("waht?")
    channel = asked.thread.channel
    await asyncio.gather(
        door.hear(asked), door.intake.amend(channel, f"C1:{asked.id}", "what, please?")
    )
    assert await door.waiting() == ["what, please?"]
    await door.intake.amend(channel, f"C1:{asked.id}", None)
    assert await door.waiting() == []
    await door.intake.amend(channel, "C1:nobody", None)


@pytest.mark.parametrize(
    ("edit", "asks"),
    [
        ("--model gpt-4o-mini what, please?", "what, please?"),
        ("/ask what, please?", "what, please?"),
        ("--model gpt-4o-mini", ""),  # its picture is asked about
        ("/model set gpt-4o-mini", "/model set gpt-4o-mini"),
        ("half \ud83d of a sign", "half  of a sign"),
    ],
)
async def test_an_edit_is_read_like_a_question_and_chooses_nothing(
    door: Door, edit: str, asks: str
) -> None:
    asked = message("waht?", attachments=(PICTURE,))
    await door.hear(asked)
    await door.intake.amend(asked.thread.channel, f"C1:{asked.id}", edit)
    assert await door.waiting() == [asks]
    (turn,) = await door.store.redis.lrange(door.store.key("inbox", "chat:T1:C1:1.1"), 0, -1)
    stored = await door.inbox.load(turn.decode())
    assert stored is not None
    assert stored.turn is not None
    assert (stored.turn.model, stored.turn.message.model) == ("gpt-4o", None)


# ---- /new --------------------------------------------------------------------------------------------------


async def test_new_cuts_where_it_was_said_though_the_adapter_died_before_it_was_run(
    door: Door, redis_url: str
) -> None:
    before = await door.hear(message("before"))
    cut = await door.hear(message("/new"))
    successor = Door(redis_url)
    after = await successor.hear(message("after"))
    await successor.close()
    assert before.epoch == "0"
    assert after.epoch == cut.id


async def test_new_that_is_delivered_again_cuts_no_second_time(door: Door) -> None:
    cut = message("/new")
    first = await door.hear(cut)
    door.desk.running[0].set_result(None)
    await door.hear(message("between"))
    assert (await door.hear(cut)).id == first.id
    assert (await door.hear(message("after"))).epoch == first.id


async def test_new_in_one_conversation_is_not_new_in_another(door: Door) -> None:
    await door.hear(message("/new", thread="1.1"))
    door.desk.running[0].set_result(None)
    assert (await door.hear(message("here?", thread="2.2"))).epoch == "0"


async def test_new_without_a_thread_means_the_senders_latest_conversation_in_the_channel(
    door: Door,
) -> None:
    slash = message("/new", thread="U1", threadless=True)
    nothing = await door.hear(slash)
    assert (nothing.kind, nothing.turn and nothing.turn.sentence) == ("notice", NONE_YET)
    await door.hear(message("mine", thread="9.9"))
    await door.hear(message("somebody else's", thread="8.8", person="U2"))
    cut = await door.hear(message("/new", thread="U1", threadless=True))
    assert cut.turn is not None
    assert cut.turn.conversation == "chat:T1:C1:9.9"
    assert cut.turn.message.target.only == "U1"
    door.desk.running[0].set_result(None)
    assert (await door.hear(message("after", thread="9.9"))).epoch == cut.id
    assert (await door.hear(message("after", thread="8.8", person="U2"))).epoch == "0"


async def test_new_without_a_thread_never_means_a_private_conversation(door: Door) -> None:
    await door.hear(message("for all", thread="9.9"))
    await door.hear(message("for me alone", thread="9.7", only="U1"))
    cut = await door.hear(message("/new", thread="U1", threadless=True))
    assert cut.turn is not None
    assert cut.turn.conversation == "chat:T1:C1:9.9"


async def test_new_without_a_thread_in_a_direct_message_means_that(door: Door) -> None:
    cut = await door.hear(message("/new", thread="U1", channel="D1", direct=True, threadless=True))
    assert cut.turn is not None
    assert (cut.kind, cut.turn.conversation) == ("command", "chat:T1:D1:U1")


# ---- what is asked -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["", "  \n", "\u200b\u2060", "/ask", "/ask \u200b"])
@pytest.mark.parametrize(
    "along",
    [{"attachments": (PICTURE,)}, {"attachments": (LETTER,)}, {"quotes": (Quote("a", "b"),)}],
)
async def test_what_comes_along_without_a_word_is_asked_about(
    door: Door, words: str, along: dict[str, object]
) -> None:
    stored = await door.hear(message(words, **along))
    assert stored.turn is not None
    assert (stored.kind, stored.turn.message.text) == ("ask", "")


@pytest.mark.parametrize("words", ["", " \n\t", "\u200b\u200d\ufeff", "\x00\x1b"])
async def test_a_mention_without_a_word_asks_for_help(door: Door, words: str) -> None:
    assert (await door.hear(message(words))).kind == "command"


@pytest.mark.parametrize(
    "words",
    [
        "x" * 40_000,
        "日本語" * 13_333,
        "👩‍👩‍👧" * 5_000,
        "مرحبا " * 6_666,
        "a" * 39_999 + "\u202e",
        "a\x00b\x1b[31m",
    ],
    ids=["latin", "cjk", "clusters", "arabic", "bidi", "controls"],
)
async def test_a_question_of_any_script_and_size_is_stored_as_it_was_asked(
    door: Door, words: str
) -> None:
    stored = await door.hear(message(words))
    assert stored.turn is not None
    assert stored.turn.message.text == words.replace("\x00", "").replace("\x1b", "").strip()


LONE = "half \ud83d of a sign"


async def test_half_a_character_anywhere_in_a_message_stops_nothing(door: Door) -> None:
    """JSON may hold "\\ud83d" alone, and no record could be written of it: the event came again for ever."""
    stored = await door.hear(
        replace(
            message(LONE, attachments=(replace(PICTURE, name=LONE),), quotes=(Quote(LONE, LONE),)),
            author=replace(message().author, name=LONE),
        )
    )
    assert stored.turn is not None
    said = stored.turn.message
    told = {said.text, said.author.name, said.attachments[0].name, said.quotes[0].text}
    assert told == {"half  of a sign"}
    assert (await door.hear(message("whole \ud83d\ude00"))).turn is not None
    assert await door.waiting() == ["half  of a sign", "whole 😀"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.text(st.characters(), max_size=60), name=st.text(max_size=20))
async def test_whatever_is_said_becomes_a_turn(redis_url: str, words: str, name: str) -> None:
    door = Door(redis_url)
    said = message(words, thread="7.7", channel="C8")
    stored = await door.hear(replace(said, author=replace(said.author, name=name)))
    assert stored.kind in ("ask", "command", "notice")
    await door.close()


# ---- the model ---------------------------------------------------------------------------------------------


async def test_an_unknown_model_for_one_question_is_a_sentence_with_the_nearest_three(
    door: Door,
) -> None:
    stored = await door.hear(message("--model gpt-4p why?"))
    assert stored.turn is not None
    assert stored.kind == "notice"
    assert stored.turn.sentence.count("`") == 6
    assert "gpt-4o" in stored.turn.sentence
    assert stored.turn.message.target.only == "U1"
    assert await door.waiting() == []


async def test_another_word_for_a_model_is_stored_as_its_alias(door: Door) -> None:
    stored = await door.hear(message("--model GPT-4O why?"))
    assert stored.turn is not None
    assert (stored.turn.model, stored.turn.reason) == ("gpt-4o", "one-shot")


async def test_a_lock_refuses_another_model_by_name_and_not_its_own(door: Door) -> None:
    place = Thread(message().thread.channel, "1.1")
    await door.scopes.lock(place, Scope.CHANNEL, actor=admin(), request_id="r1")
    refused = await door.hear(message("--model gpt-4o-mini why?"))
    assert refused.turn is not None
    assert "channel is locked to `gpt-4o` by Ada" in refused.turn.sentence
    allowed = await door.hear(message("--model GPT-4o why?"))
    assert allowed.turn is not None
    assert (allowed.kind, allowed.turn.reason) == ("ask", "lock:channel")


async def test_a_switch_counts_from_the_next_message_on(door: Door) -> None:
    before = await door.hear(message("before"))
    await door.scopes.set(
        message().thread, Scope.CHANNEL, "gpt-4o-mini", actor=admin(), request_id="r1"
    )
    after = await door.hear(message("after"))
    assert before.turn is not None
    assert after.turn is not None
    assert (before.turn.model, before.turn.reason) == ("gpt-4o", "default")
    assert (after.turn.model, after.turn.reason) == ("gpt-4o-mini", "channel")


# ---- who may -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["why?", "/new"])
async def test_people_of_other_organisations_are_refused_at_the_door(
    door: Door, words: str
) -> None:
    await door.hear(message("before"))
    stranger = Actor("chat", "T1", "U9", external=True)
    stored = await door.hear(message(words, person="U9"), actor=stranger)
    assert stored.turn is not None
    assert stored.kind == "notice"
    assert "other organisations" in stored.turn.sentence
    assert (await door.hear(message("after"))).epoch == "0"


async def test_where_the_operator_allows_it_they_may_ask_and_begin_anew(
    redis: Redis, redis_url: str
) -> None:
    door = Door(redis_url, external_allowed=True)
    stranger = Actor("chat", "T1", "U9", external=True)
    assert (await door.hear(message("why?"), actor=stranger)).kind == "ask"
    assert (await door.hear(message("/new"), actor=stranger)).kind == "command"
    await door.close()


async def test_what_a_door_could_not_read_is_told_to_its_person(door: Door) -> None:
    stored = await door.hear(message("/hepl"), command=UserError("There is no such word."))
    assert stored.turn is not None
    assert (stored.kind, stored.turn.sentence) == ("notice", "There is no such word.")
    assert stored.turn.message.target.only == "U1"


# ---- limits and faults -------------------------------------------------------------------------------------


async def test_a_full_inbox_is_a_polite_sentence_and_said_once(door: Door) -> None:
    for number in range(CAP):
        await door.hear(message(f"question {number}"))
    one_more = message("one more")
    stored = await door.hear(one_more)
    assert stored.turn is not None
    assert (stored.kind, stored.turn.sentence) == ("notice", FULL)
    assert stored.turn.message.target.only == "U1"
    assert (await door.hear(one_more)).id == stored.id
    assert len(await door.waiting()) == CAP
    assert (await door.hear(message("elsewhere", thread="2.2"))).kind == "ask"


async def test_a_flood_is_told_once_and_nobody_else_notices(redis: Redis, redis_url: str) -> None:
    caps = Caps(user_questions=3)
    door = Door(redis_url, caps)
    flood = [message(f"question {n}", thread=f"{n}.0", channel=f"C{n % 3}") for n in range(12)]
    actor = Actor("chat", "T1", "U1")
    receipts = [await door.intake.receive(said, actor=actor) for said in flood + flood[:4]]
    assert [r.new for r in receipts] == [True] * 4 + [False] * 12
    assert [turn.kind for turn in door.desk.admitted_turns] == ["ask"] * 3 + ["notice"]
    told = door.desk.admitted_turns[-1]
    assert (told.sentence, told.message.target.only) == (caps.refusal, "U1")
    by_command = message("again").target
    said = replace(message("again"), target=replace(by_command, interaction="77"))
    assert (await door.hear(said)).kind == "notice", "Discord wants words for each interaction"
    other = message("and me?", thread="9.9")
    assert (await door.hear(replace(other, author=Author("U2")))).kind == "ask"
    assert (await door.hear(message("/help"))).kind == "command", "commands are no questions"
    await door.close()


async def test_a_full_redis_refuses_and_keeps_nothing_of_it(door: Door, redis: Redis) -> None:
    await door.hear(message("before"))
    before = set(await redis.keys("switchboard:[^c]*"))
    said = message("too much")
    await redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(RedisError):
            await door.hear(said)
        assert set(await redis.keys("switchboard:[^c]*")) == before
    finally:
        await redis.config_set("maxmemory", 0)
    assert (await door.hear(said)).kind == "ask"
    assert await door.waiting() == ["before", "too much"]


async def test_a_redis_that_does_not_answer_in_time_refuses_and_the_event_counts_once(
    door: Door, redis: Redis
) -> None:
    said = message("perhaps")
    await redis.client_pause(1500, all=True)
    with pytest.raises((TimeoutError, RedisError)):
        await door.hear(said)
    await redis.ping()
    await door.hear(said)
    await door.hear(said)
    assert await door.waiting() == ["perhaps"]


async def test_a_credential_is_kept_beside_the_record_and_not_in_it(
    door: Door, redis: Redis
) -> None:
    stored = await door.hear(message("why?"), secret="a-token-of-15-minutes")
    raw = await redis.hget(f"switchboard:turn:{stored.id}", "record")
    assert raw is not None
    assert b"a-token" not in raw
    assert decode(Turn, raw).kind == "ask"
    assert 0 < await redis.ttl(f"switchboard:secret:{stored.id}") <= 900


async def test_a_door_may_say_what_was_asked(door: Door) -> None:
    stored = await door.hear(message("/not a command"), command=Ask("what, then?", "gpt-4o-mini"))
    assert stored.turn is not None
    assert (stored.turn.message.text, stored.turn.model) == ("what, then?", "gpt-4o-mini")
