"""A Slack mention goes through the real packages and processes to an answer in its thread."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.house import House
from tests.pictures import png

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole() -> AsyncIterator[House]:
    async with House(forked=True) as house:
        await house.start("slack", "worker")
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def house(whole: House) -> AsyncIterator[House]:
    """The same house for every test: each asks in a thread of its own."""
    whole.models.forget()
    yield whole
    await whole.at_rest()
    assert not whole.slack.violations


def said(house: House, ts: str) -> str:
    return "".join(house.slack.text_of(answer) for answer in house.slack.answers(ts))


async def test_a_mention_is_answered_in_its_thread(house: House) -> None:
    house.models.will_say("Hel", "lo, ", "Ada.")
    asked = await house.slack.post("ada", "general", "@Switchboard say hello")
    await house.slack.shows("Hello, Ada.", thread_ts=asked.ts)
    await house.at_rest()
    assert said(house, asked.ts) == "Hello, Ada."
    assert len(house.slack.answers(asked.ts)) == 1


async def test_an_answer_grows_in_one_message(house: House) -> None:
    held = asyncio.Event()
    house.models.will_wait_for(held, say=("The beginning", " and the end."))
    asked = await house.slack.post("mia", "general", "@Switchboard tell me a story")
    await house.slack.shows("The beginning", thread_ts=asked.ts)
    held.set()
    await house.slack.shows("The beginning and the end.", thread_ts=asked.ts)
    assert len(house.slack.answers(asked.ts)) == 1


async def test_a_thread_goes_on_without_a_mention_and_remembers(house: House) -> None:
    house.models.will_say("Nice to meet you.", when="my name is Mia")
    asked = await house.slack.post("mia", "general", "@Switchboard my name is Mia")
    await house.slack.answered(asked.ts)
    house.models.will_say("You are Mia.", when="who am I")
    await house.slack.post("mia", "general", "who am I", thread_ts=asked.ts)
    await house.slack.shows("You are Mia.", thread_ts=asked.ts)
    texts = str(house.models.requests[-1].body["messages"])
    assert "my name is Mia" in texts
    assert "Nice to meet you." in texts


async def test_the_model_knows_who_of_several_speaks(house: House) -> None:
    house.models.will_say("Noted.", when="ship on Friday")
    asked = await house.slack.post("mia", "general", "@Switchboard we ship on Friday")
    await house.slack.answered(asked.ts)
    assert "writes" not in str(house.models.requests[-1].body["messages"][1:])
    house.models.will_say("Mia did.", when="who said")
    await house.slack.post("max", "general", "who said that?", thread_ts=asked.ts)
    await house.slack.shows("Mia did.", thread_ts=asked.ts)
    first, _, second = house.models.requests[-1].body["messages"][1:]
    assert first["content"] == "⟦mia (@U0MEMBER01) writes:⟧\nwe ship on Friday"
    assert second["content"] == "⟦max (@U0MEMBER02) writes:⟧\nwho said that?"


async def test_an_image_reaches_the_model(house: House) -> None:
    house.models.will_say("A red square.", when="what is this")
    asked = await house.slack.post(
        "mia", "general", "@Switchboard what is this", files=[("square.png", png((32, 32)))]
    )
    await house.slack.shows("A red square.", thread_ts=asked.ts)
    parts = house.models.requests[-1].body["messages"][-1]["content"]
    assert [part["type"] for part in parts].count("image_url") == 1


async def test_a_file_that_is_no_picture_gets_a_sentence_and_the_text_an_answer(
    house: House,
) -> None:
    house.models.will_say("Text answered.", when="read this")
    asked = await house.slack.post(
        "mia", "general", "@Switchboard read this", files=[("notes.png", b"plain words")]
    )
    await house.slack.shows("Text answered.", thread_ts=asked.ts)
    await house.at_rest()
    footer = str(house.slack.answers(asked.ts)[-1].blocks)
    assert "notes.png" in footer


async def test_a_slash_question_is_repeated_with_its_askers_name_and_answered_below(
    house: House,
) -> None:
    house.models.will_say("Forty-two.", when="the answer")
    await house.slack.command("mia", "random", "/ai ask what is the answer")
    answer = await house.slack.shows("Forty-two.")
    root = next(m for m in house.slack.thread("random", answer.root_ts) if m.ts == answer.root_ts)
    assert "what is the answer" in house.slack.text_of(root)
    assert "mia" in str(root.blocks)
    house.models.will_say("Still forty-two.", when="sure")
    await house.slack.post("mia", "random", "are you sure", thread_ts=answer.root_ts)
    await house.slack.shows("Still forty-two.", thread_ts=answer.root_ts)
    assert "what is the answer" in str(house.models.requests[-1].body["messages"])


async def test_an_admin_switches_the_model_of_a_channel(house: House) -> None:
    await house.slack.command("ada", "design", "/ai model set gpt-4o-mini")
    await house.slack.shows("gpt-4o-mini", channel="design")
    house.models.will_say("Mini speaking.", model="gpt-4o-mini")
    asked = await house.slack.post("mia", "design", "@Switchboard who speaks")
    await house.slack.shows("Mini speaking.", thread_ts=asked.ts)
    assert house.models.requests[-1].body["model"] == "gpt-4o-mini"


async def test_a_member_may_not_switch_the_model(house: House) -> None:
    await house.slack.command("mia", "random", "/ai model set gpt-4o-mini")
    await house.slack.until(
        lambda: house.slack.private("mia", "random") or None, what="nothing private came"
    )
    house.models.will_say("Still the default.", when="who speaks")
    asked = await house.slack.post("mia", "random", "@Switchboard who speaks")
    await house.slack.shows("Still the default.", thread_ts=asked.ts)
    assert house.models.requests[-1].body["model"] == "gpt-4o"


async def test_the_same_event_again_is_not_answered_again(house: House) -> None:
    house.models.will_say("Once.", when="only once")
    asked = await house.slack.post("mia", "general", "@Switchboard only once")
    await house.slack.answered(asked.ts)
    for event in list(house.slack.events)[-2:]:
        house.slack.redeliver(event.event_id)
    await house.slack.settled()
    await house.at_rest()
    assert len(house.slack.answers(asked.ts)) == 1


async def test_a_direct_message_is_answered_where_it_was_asked(house: House) -> None:
    house.models.will_say("Hello in private.", when="psst")
    await house.slack.post("max", "dm", "psst")
    shown = await house.slack.shows("Hello in private.")
    assert shown.thread_ts is None


async def test_ask_about_this_answers_under_the_message(house: House) -> None:
    about = await house.slack.post("mia", "random", "Monads are burritos")
    await house.slack.shortcut("max", "random", about.ts, "ask_about_this")
    await house.slack.until(lambda: house.slack.views("max") or None, what="no form opened")
    view = house.slack.views("max")[-1]
    house.models.will_say("It is a joke.", when="Explain this")
    await house.slack.submit_view(view.id, "max", {})
    await house.slack.shows("It is a joke.", thread_ts=about.ts)
    assert "Monads are burritos" in str(house.models.requests[-1].body["messages"])


async def test_a_new_conversation_forgets_what_was_said(house: House) -> None:
    house.models.will_say("Noted.", when="remember")
    asked = await house.slack.post("mia", "general", "@Switchboard remember swordfish")
    await house.slack.answered(asked.ts)
    await house.slack.post("mia", "general", "@Switchboard /new", thread_ts=asked.ts)
    await house.at_rest()
    house.models.will_say("What word?", when="which word")
    await house.slack.post("mia", "general", "which word", thread_ts=asked.ts)
    await house.slack.shows("What word?", thread_ts=asked.ts)
    assert "swordfish" not in str(house.models.requests[-1].body["messages"])


async def test_a_person_of_another_organisation_is_refused_in_private(house: House) -> None:
    asked = await house.slack.post("eve", "with-acme", "@Switchboard hello")
    await house.slack.until(
        lambda: house.slack.private("eve", "with-acme") or None, what="nothing private came"
    )
    await house.at_rest()
    assert not house.slack.answers(asked.ts)


async def test_a_model_that_cuts_its_stream_leaves_its_text_and_a_sentence(house: House) -> None:
    house.models.will_cut(after=2, say=("Half of ", "an answer"), when="be cut", times=None)
    asked = await house.slack.post("mia", "general", "@Switchboard be cut")
    await house.slack.shows("Half of an answer", thread_ts=asked.ts)
    await house.slack.answered(asked.ts, with_footer=True)


@pytest.mark.parametrize(
    ("setting", "token"),
    [("SLACK_BOT_TOKEN", "xoxb-somebody-elses"), ("SLACK_APP_TOKEN", "xapp-somebody-elses")],
)
async def test_a_token_that_slack_rejects_ends_the_process_with_a_clear_line(
    house: House, setting: str, token: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "slack"),
        env={**house.environment("slack"), setting: token},
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    _, said = await process.communicate()
    assert process.returncode == 78
    assert said.decode().strip() == f"switchboard slack: {setting}: Slack rejects it (invalid_auth)"


async def test_a_press_cuts_the_models_stream_and_the_command_has_another_model_try(
    house: House, record_property: Callable[[str, object], None]
) -> None:
    never = asyncio.Event()
    house.models.will_wait_for(never, say=("The beginning", " and the end."))
    asked = await house.slack.post("mia", "general", "@Switchboard a story to be stopped")
    growing = await house.slack.shows("The beginning", thread_ts=asked.ts)
    pressed = time.monotonic()
    await house.slack.click("mia", "general", growing.ts, "stop")
    await house.until(lambda: house.models.in_flight == 0)
    record_property("seconds until the stream was cut", time.monotonic() - pressed)
    await house.at_rest()
    (answer,) = house.slack.answers(asked.ts)
    assert house.slack.text_of(answer) == "The beginning"
    below = [block for block in answer.blocks if block["type"] == "context"]
    assert below[0]["elements"][0]["text"] == "Stopped here."
    house.models.will_say("Another beginning.", model="gpt-4o-mini")
    await house.slack.command("mia", "general", "/ai retry gpt-4o-mini")
    await house.slack.shows("Another beginning.", thread_ts=asked.ts)
    await house.at_rest()
    assert [answer.ts for answer in house.slack.answers(asked.ts)] == [growing.ts]
    assert "The beginning" not in str(house.models.requests[-1].body["messages"])


async def test_a_question_is_asked_as_it_reads_when_its_turn_comes_and_a_deleted_one_is_not(
    house: House,
) -> None:
    held = asyncio.Event()
    house.models.will_wait_for(held, say=("First", " of all."), when="the first of three")
    asked = await house.slack.post("mia", "general", "@Switchboard the first of three")
    await house.slack.shows("First", thread_ts=asked.ts)
    edited = await house.slack.post("mia", "general", "badly put", thread_ts=asked.ts)
    deleted = await house.slack.post("mia", "general", "never mind this", thread_ts=asked.ts)
    await house.slack.edit("mia", "general", edited.ts, "well put")
    await house.slack.delete("mia", "general", deleted.ts)
    await house.slack.settled()
    house.models.will_say("Well answered.", when="well put")
    held.set()
    await house.slack.shows("Well answered.", thread_ts=asked.ts)
    await house.at_rest()
    sent = str([request.body["messages"] for request in house.models.requests])
    assert ("badly put" in sent, "never mind this" in sent) == (False, False)
    assert len(house.slack.answers(asked.ts)) == 2
