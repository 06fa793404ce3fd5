"""A Discord slash command or mention goes through the real packages and processes to a visible answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from tests.house import House
from tests.pictures import png

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole() -> AsyncIterator[House]:
    async with House(forked=True, SWITCHBOARD_DISCORD_MESSAGE_CONTENT="on") as house:
        await house.start("discord", "worker")
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def house(whole: House) -> AsyncIterator[House]:
    whole.models.forget()
    yield whole
    await whole.at_rest()
    assert not whole.discord.violations


async def test_ask_takes_the_place_of_its_thinking(house: House) -> None:
    house.models.will_say("Hel", "lo.")
    asked = await house.discord.slash("mia", "general", "ask", prompt="say hello")
    answer = await house.discord.answered(asked)
    await house.discord.when(lambda: answer.content == "Hello." or None)
    await house.at_rest()
    assert [m.content for m in house.discord.by_bot("general")].count("Hello.") == 1


async def test_ask_with_an_image_shows_it_to_the_model(house: House) -> None:
    house.models.will_say("A red square.")
    await house.discord.slash(
        "mia", "general", "ask", prompt="what is it", image=("square.png", png((32, 32)))
    )
    await house.discord.shows("A red square.")
    parts = house.models.requests[-1].body["messages"][-1]["content"]
    assert [part["type"] for part in parts].count("image_url") == 1


async def test_a_private_ask_is_seen_by_its_asker_alone(house: House) -> None:
    house.models.will_say("Between us.")
    await house.discord.slash("mia", "general", "ask", prompt="secretly", private=True)
    shown = await house.discord.shows("Between us.")
    assert shown.ephemeral
    assert [m.content for m in house.discord.private("mia")] == ["Between us."]


async def test_a_mention_starts_a_chain_and_a_reply_goes_on(house: House) -> None:
    house.models.will_say("I am well.", when="how are you")
    first = await house.discord.post("mia", "random", "@Switchboard how are you")
    answer = await house.discord.answered(first)
    await house.discord.shows("I am well.")
    house.models.will_say("Because.", when="and why")
    await house.discord.post("noah", "random", "and why", reply_to=answer, ping=False)
    await house.discord.shows("Because.")
    assert "I am well." in str(house.models.requests[-1].body["messages"])


async def test_a_steward_sets_the_model_and_a_thread_inherits_it(house: House) -> None:
    await house.discord.slash("mara", "general", "model set", model="gpt-4o-mini", scope="channel")
    await house.at_rest()
    house.models.will_say("Mini here.", model="gpt-4o-mini")
    await house.discord.post("mia", "backroom", "@Switchboard who speaks")
    await house.discord.shows("Mini here.", channel="backroom")
    await house.discord.slash("mara", "general", "model reset")
    await house.at_rest()


async def test_a_member_may_not_set_the_model(house: House) -> None:
    await house.discord.slash("mia", "random", "model set", model="gpt-4o-mini")
    await house.discord.when(lambda: house.discord.private("mia") or None)
    house.models.will_say("Default here.", when="who speaks")
    await house.discord.post("mia", "random", "@Switchboard who speaks")
    await house.discord.shows("Default here.", channel="random")
    assert house.models.requests[-1].body["model"] == "gpt-4o"


async def test_autocomplete_offers_models(house: House) -> None:
    offered = await house.discord.autocomplete("mia", "general", "ask", "model", "mini", prompt="x")
    assert "gpt-4o-mini" in [choice["value"] for choice in offered]


async def test_a_direct_message_is_a_conversation(house: House) -> None:
    house.models.will_say("Hello, Noah.", when="it is Noah")
    await house.discord.post("noah", "dm", "it is Noah")
    await house.discord.shows("Hello, Noah.")
    house.models.will_say("Noah, you said.", when="who am I")
    await house.discord.post("noah", "dm", "who am I")
    await house.discord.shows("Noah, you said.")
    assert "it is Noah" in str(house.models.requests[-1].body["messages"])


async def test_ask_about_this_answers_under_the_message(house: House) -> None:
    about = await house.discord.post("noah", "engineering", "Monads are burritos")
    opened = await house.discord.message_command("mia", "engineering", about, "Ask about this")
    await house.discord.when(lambda: opened.modal)
    house.models.will_say("It is a joke.")
    await house.discord.submit_modal("mia", opened)
    shown = await house.discord.shows("It is a joke.", channel="engineering")
    assert shown.reference is not None
    assert shown.reference.message_id == about.id
    assert "Monads are burritos" in str(house.models.requests[-1].body["messages"])


async def test_the_same_message_again_is_not_answered_again(house: House) -> None:
    house.models.will_say("Once.", when="only once")
    asked = await house.discord.post("mia", "random", "@Switchboard only once")
    await house.discord.shows("Once.")
    await house.discord.redeliver(asked)
    await house.at_rest()
    assert [m.content for m in house.discord.by_bot("random")].count("Once.") == 1


async def test_a_command_cuts_the_models_stream_and_a_press_takes_it_up_again(
    house: House, record_property: Callable[[str, object], None]
) -> None:
    never = asyncio.Event()
    house.models.will_wait_for(never, say=("The beginning", " and the end."))
    await house.discord.slash("mia", "engineering", "ask", prompt="a story to be stopped")
    answer = await house.discord.shows("The beginning", "engineering")
    told = time.monotonic()
    stop = await house.discord.slash("mia", "engineering", "stop")
    await house.until(lambda: house.models.in_flight == 0)
    record_property("seconds until the stream was cut", time.monotonic() - told)
    assert "What was written so far stays" in (await house.discord.answered(stop)).content
    await house.at_rest()
    assert answer.content == "The beginning\n-# Stopped here."
    house.models.will_say("Another beginning.")
    (row,) = answer.components
    await house.discord.press("mia", answer, row["components"][0]["custom_id"])
    await house.discord.when(lambda: answer.content == "Another beginning.")
    await house.at_rest()
    shown = [m.id for m in house.discord.by_bot("engineering") if "beginning" in m.content]
    assert shown == [answer.id]
    assert answer.components == ()
