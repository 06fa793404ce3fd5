"""Buttons below answers on Discord: where they stand, what a press does, and what is believed of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from playground.discord import Message
from tests.contract.discord_adapter.bench import Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bench() -> AsyncIterator[Bench]:
    async with Bench() as opened:
        yield opened
        assert not opened.discord.violations


def buttons(message: Message) -> list[str]:
    """The custom ids of what may be pressed."""
    return [button["custom_id"] for row in message.components for button in row["components"]]


async def growing(
    bench: Bench, channel: str, words: str, first: str = "Once upon"
) -> tuple[Message, asyncio.Event]:
    """An answer that has begun, and what lets it go on."""
    gate = asyncio.Event()
    bench.scribe.will_say(f"{first} a time.", when=words, after=gate, first=first)
    await bench.discord.post("mia", channel, f"@Switchboard {words}")
    return await bench.discord.shows(first[:20], channel), gate


async def is_stopped(bench: Bench, words: str) -> bool:
    lease = bench.store.key("lease", (await bench.asked(words)).conversation)
    return bool(await bench.store.redis.hget(lease, "stop"))


async def test_a_growing_answer_has_a_button_and_a_whole_one_has_none(bench: Bench) -> None:
    channel = await bench.channel()
    answer, gate = await growing(bench, channel, "a short story")
    turn = await bench.asked("a short story")
    assert buttons(answer) == [f"stop:{turn.id}"]
    gate.set()
    await bench.at_rest()
    (answer,) = bench.discord.by_bot(channel)
    assert (answer.content, buttons(answer)) == ("Once upon a time.", [])


async def test_only_the_last_message_of_a_growing_answer_has_the_button(bench: Bench) -> None:
    channel = await bench.channel()
    _, gate = await growing(bench, channel, "a long story", "A line of the story. " * 120)
    turn = await bench.asked("a long story")
    shown = [[], [f"stop:{turn.id}"]]
    await bench.discord.when(lambda: [buttons(m) for m in bench.discord.by_bot(channel)] == shown)
    gate.set()
    await bench.at_rest()
    assert [buttons(message) for message in bench.discord.by_bot(channel)] == [[], []]


async def test_a_press_stops_the_answer_and_its_text_stays_marked(bench: Bench) -> None:
    channel = await bench.channel()
    answer, gate = await growing(bench, channel, "stop me soon")
    pressed = await bench.discord.press("mia", answer, *buttons(answer))
    told = await bench.discord.answered(pressed)
    assert "What was written so far stays" in told.content
    assert told.seen_by is not None
    assert await is_stopped(bench, "stop me soon")
    gate.set()
    await bench.at_rest()
    (answer,) = [m for m in bench.discord.by_bot(channel) if m.seen_by is None]
    assert answer.content == "Once upon\n-# Stopped here."


async def by_command(bench: Bench, who: str, channel: str) -> str:
    return (await bench.discord.answered(await bench.discord.slash(who, channel, "stop"))).content


async def by_mention(bench: Bench, who: str, channel: str) -> str:
    said = await bench.discord.post(who, channel, "@Switchboard /stop")
    return (await bench.discord.answered(said)).content


@pytest.mark.parametrize("way", [by_command, by_mention])
async def test_a_word_stops_ones_latest_answer_in_the_channel(
    bench: Bench, way: Callable[[Bench, str, str], Awaitable[str]]
) -> None:
    channel = await bench.channel()
    _, gate = await growing(bench, channel, f"stop me {way.__name__}")
    assert "no conversation here yet" in await way(bench, "noah", channel)
    assert "What was written so far stays" in await way(bench, "mia", channel)
    assert await is_stopped(bench, f"stop me {way.__name__}")
    gate.set()
    await bench.at_rest()
    assert "stopped already" in await way(bench, "mia", channel)
    await bench.at_rest()


@pytest.mark.parametrize(("who", "may"), [("noah", False), ("mara", True), ("olivia", True)])
async def test_somebody_elses_answer_is_stopped_by_who_manages_the_channel(
    bench: Bench, who: str, may: bool
) -> None:
    channel = await bench.channel()
    answer, gate = await growing(bench, channel, f"hers and not {who}'s")
    told = await bench.discord.answered(await bench.discord.press(who, answer, *buttons(answer)))
    assert ("Somebody else asked this" in told.content) is not may
    assert await is_stopped(bench, f"hers and not {who}'s") is may
    gate.set()
    await bench.at_rest()


async def test_a_button_works_after_a_restart_of_the_adapter(bench: Bench) -> None:
    channel = await bench.channel()
    answer, gate = await growing(bench, channel, "outlive the adapter")
    await bench.leave()
    await bench.enter()
    await bench.discord.answered(await bench.discord.press("mia", answer, *buttons(answer)))
    assert await is_stopped(bench, "outlive the adapter")
    gate.set()
    await bench.at_rest()


@pytest.mark.parametrize("value", ["nonsense", "0000000000000000", "", "elsewhere"])
async def test_what_a_press_says_of_its_answer_is_looked_up_in_this_very_place(
    bench: Bench, value: str
) -> None:
    elsewhere, later = await growing(bench, await bench.channel(), f"not here {value}.")
    channel = await bench.channel()
    answer, gate = await growing(bench, channel, f"just here {value}.")
    forged = buttons(elsewhere)[0] if value == "elsewhere" else f"stop:{value}"
    (row,) = answer.components
    (button,) = row["components"]
    answer.components = (row | {"components": [button | {"custom_id": forged}]},)
    told = await bench.discord.answered(await bench.discord.press("mia", answer, forged))
    assert "too old" in told.content
    assert not await is_stopped(bench, f"not here {value}.")
    later.set()
    gate.set()
    await bench.at_rest()


# ---- again ----------------------------------------------------------------------------------------------


async def test_an_answer_that_is_given_again_stands_where_the_former_stood(bench: Bench) -> None:
    channel = await bench.channel()
    bench.scribe.will_say("Former. " * 400, when="say it twice")
    asked = await bench.discord.post("mia", channel, "@Switchboard say it twice")
    await bench.discord.answered(asked)
    await bench.at_rest()
    before = [message.id for message in bench.discord.by_bot(channel)]
    assert len(before) == 2
    bench.scribe.will_say("Again.", when="say it twice")
    told = await bench.discord.answered(
        await bench.discord.slash("mia", channel, "retry", model="claude")
    )
    assert "Trying again with" in told.content
    await bench.discord.shows("Again.", channel)
    await bench.at_rest()
    (answer,) = [m for m in bench.discord.by_bot(channel) if m.seen_by is None]
    assert answer.id == before[0]
    assert answer.content.startswith("Again.")
    again = await bench.asked("say it twice")
    assert again.model.startswith("claude")


async def test_the_answer_of_a_slash_command_is_given_again_in_its_place(bench: Bench) -> None:
    channel = await bench.channel()
    bench.scribe.will_say("Former.", when="once more please")
    asked = await bench.discord.slash("mia", channel, "ask", prompt="once more please")
    former = await bench.discord.answered(asked)
    await bench.at_rest()
    bench.scribe.will_say("Again.", when="once more please")
    said = await bench.discord.post("mia", channel, "@Switchboard /retry", reply_to=former)
    await bench.discord.shows("Again.", channel)
    await bench.at_rest()
    answers = [m for m in bench.discord.by_bot(channel) if m.seen_by is None]
    assert [(m.id, m.content) for m in answers] == [(former.id, "Again.")], said.content


async def test_an_answer_that_was_stopped_has_a_button_that_tries_again(bench: Bench) -> None:
    channel = await bench.channel()
    answer, gate = await growing(bench, channel, "stopped and taken up")
    await bench.discord.answered(await bench.discord.press("mia", answer, *buttons(answer)))
    gate.set()
    await bench.at_rest()
    turn = await bench.asked("stopped and taken up")
    assert buttons(answer) == [f"retry:{turn.id}"]
    bench.scribe.will_say("The whole of it.", when="stopped and taken up")
    told = await bench.discord.answered(await bench.discord.press("mia", answer, *buttons(answer)))
    assert "Trying again" in told.content
    await bench.discord.shows("The whole of it.", channel)
    await bench.at_rest()
    assert (answer.content, buttons(answer)) == ("The whole of it.", [])


async def test_a_private_answer_is_given_again_to_its_asker_alone(bench: Bench) -> None:
    channel = await bench.channel()
    answer, gate = await private(bench, channel, "between you and me")
    await bench.discord.answered(await bench.discord.press("mia", answer, *buttons(answer)))
    gate.set()
    await bench.at_rest()
    bench.scribe.will_say("For you alone. " * 200, when="between you and me")
    before = len(bench.discord.direct("mia"))
    pressed = await bench.discord.press("mia", answer, *buttons(answer))
    told = await bench.discord.answered(pressed)
    await bench.at_rest()
    assert told.content == "-# Trying again with `gpt-4o`."
    again = [m for m in bench.discord.by_bot(channel) if "alone" in m.content]
    assert "".join(m.content for m in again).split() == ["For", "you", "alone."] * 200
    assert len(again) == 2
    assert {m.seen_by for m in again} == {told.seen_by} != {None}
    assert len(bench.discord.direct("mia")) == before


async def test_a_private_answer_that_is_given_again_by_mention_is_a_direct_message(
    bench: Bench,
) -> None:
    channel = await bench.channel()
    _, gate = await private(bench, channel, "just between us")
    gate.set()
    await bench.at_rest()
    bench.scribe.will_say("For you alone.", when="just between us")
    await bench.discord.post("mia", channel, "@Switchboard /retry")
    await bench.discord.when(
        lambda: [m.content for m in bench.discord.direct("mia") if "alone" in m.content]
    )
    await bench.at_rest()
    assert not [m for m in bench.discord.by_bot(channel) if "alone" in m.content]


async def private(bench: Bench, channel: str, words: str) -> tuple[Message, asyncio.Event]:
    gate = asyncio.Event()
    bench.scribe.will_say("Never said", when=words, after=gate, first="Psst")
    await bench.discord.slash("mia", channel, "ask", prompt=words, private=True)
    found = await bench.until(
        lambda: [m for m in bench.discord.private("mia") if m.content == "Psst"]
    )
    return found[0], gate
