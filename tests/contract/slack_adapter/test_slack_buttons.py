"""Buttons below answers on Slack: where they stand, what a press does, and what is believed of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.types import Phase, Turn
from playground.slack import Message
from tests.contract.slack_adapter.office import Office

pytestmark = pytest.mark.usefixtures("untraced")  # others press them too


def buttons(message: Message) -> list[str]:
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [element["action_id"] for row in rows for element in row]


async def test_a_growing_answer_can_be_stopped_below_its_last_message_and_a_whole_one_nowhere(
    office: Office,
) -> None:
    post = await office.slack.post("mia", "general", "@Switchboard a long story")
    turn = await office.asked(post)
    long = "A line of the story. " * 700
    await office.grow(turn, long)
    first, second = await office.slack.answered(post.ts, 2)
    await office.slack.until(
        lambda: buttons(office.slack.answers(post.ts)[-1]) == ["stop"] or None, what="no button"
    )
    assert buttons(first) == []
    assert office.slack.text_of([first, second]).startswith(long[:100])
    await office.finish(turn, long)
    await office.at_rest()
    answers = office.slack.answers(post.ts)
    assert [buttons(message) for message in answers] == [[], []]
    assert office.slack.text_of(answers) == long


async def test_a_press_stops_the_answer_and_its_text_stays_marked(office: Office) -> None:
    post = await office.slack.post("mia", "general", "@Switchboard why")
    turn = await office.asked(post)
    await office.grow(turn, "Because")
    answer = await office.slack.shows("Because", thread_ts=post.ts)
    await office.slack.click("mia", "general", answer.ts, "stop")
    assert "What was written so far stays" in await office.told("mia")
    assert office.slack.private("mia")[-1].thread_ts == post.ts
    assert office.slack.calls_of("users.info") == [], "one's own answer is stopped at once"
    await office.finish(turn, "Because", phase=Phase.STOPPED, notes=("Stopped here.",))
    await office.at_rest()
    (answer,) = office.slack.answers(post.ts)
    assert (office.slack.text_of(answer), buttons(answer)) == ("Because", ["retry"])
    assert answer.blocks[-2]["elements"][0]["text"] == "Stopped here."
    await office.slack.command("mia", "general", "/ai stop")
    await office.told("mia", "stopped already")


@pytest.mark.parametrize("value", ["nonsense", "0000000000000000", "é", "elsewhere"])
async def test_what_a_press_says_of_its_answer_is_looked_up_in_this_very_place(
    office: Office, value: str
) -> None:
    other = await office.slack.post("mia", "random", "@Switchboard elsewhere")
    elsewhere = await office.asked(other)
    await office.grow(elsewhere, "Not yours to stop from here")
    post = await office.slack.post("mia", "general", "@Switchboard why")
    await office.grow(await office.asked(post), "Because")
    answer = await office.slack.shows("Because", thread_ts=post.ts)
    value = elsewhere.id if value == "elsewhere" else value
    *above, row = answer.blocks
    forged = row | {"elements": [row["elements"][0] | {"value": value}]}
    office.slack.workspace.keep(replace(answer, blocks=(*above, forged)))
    await office.slack.click("mia", "general", answer.ts, "stop")
    await office.told("mia", "too old")
    assert not await office.redis.hget(office.store.key("lease", elsewhere.conversation), "stop")


async def test_a_button_works_after_a_restart_of_the_adapter(closed_office: Office) -> None:
    async with closed_office.open() as office:
        post = await office.slack.post("mia", "general", "@Switchboard why")
        turn = await office.asked(post)
        await office.grow(turn, "Because")
        answer = await office.slack.shows("Because", thread_ts=post.ts)
    async with closed_office.open() as office:
        await office.slack.click("mia", "general", answer.ts, "stop")
        await office.told("mia", "Stopped")


async def test_the_words_of_a_button_are_no_part_of_a_quoted_answer(office: Office) -> None:
    post = await office.slack.post("mia", "general", "@Switchboard why")
    await office.grow(await office.asked(post), "Because")
    answer = await office.slack.shows("Because", thread_ts=post.ts)
    await office.slack.shortcut("max", "general", answer.ts, "ask_about_this")
    view = await office.slack.until(
        lambda: next(iter(office.slack.views("max")), None), what="no form opened"
    )
    await office.slack.submit_view(view.id, "max", {})
    asked = (await office.turns())[-1]
    assert asked.message.quotes[0].text == "Because"


# ---- again ----------------------------------------------------------------------------------------------


async def answered(office: Office, text: str, words: str = "@Switchboard why") -> Message:
    post = await office.slack.post("mia", "general", words)
    await office.answer(await office.asked(post), text)
    await office.at_rest()
    return post


async def waiting(office: Office) -> Turn:
    """The question that was asked again."""
    await office.quiet()
    return next(turn for turn in reversed(await office.turns()) if turn.retries)


@pytest.mark.parametrize("way", ["slash", "mention"])
async def test_an_answer_that_is_given_again_stands_where_the_former_stood(
    office: Office, way: str
) -> None:
    post = await answered(office, "Former. " * 2_000)
    before = [message.ts for message in office.slack.answers(post.ts)]
    assert len(before) == 2
    if way == "slash":
        await office.slack.command("mia", "general", "/ai retry claude")
        await office.told("mia", "Trying again with")
    else:
        words = "@Switchboard /retry claude"
        await office.slack.post("mia", "general", words, thread_ts=post.ts)
    turn = await waiting(office)
    assert turn.model.startswith("claude")
    await office.answer(turn, "Again.")
    await office.at_rest()
    (answer,) = office.slack.answers(post.ts)
    assert (answer.ts, office.slack.text_of(answer)) == (before[0], "Again.")
    assert len(office.slack.private("mia")) == (1 if way == "slash" else 0)


@pytest.mark.parametrize("shown", [True, False])
async def test_a_failed_answer_has_a_button_that_tries_again(office: Office, shown: bool) -> None:
    """One that has text in the thread; one that has none is told to its asker alone."""
    post = await office.slack.post("mia", "general", "@Switchboard why")
    text = "Because" if shown else ""
    failed = await office.asked(post)
    await office.answer(failed, text, phase=Phase.FAILED, notes=("It broke.",))
    await office.at_rest()
    answer = office.slack.answers(post.ts)[0] if shown else office.slack.private("mia")[0]
    assert buttons(answer) == ["retry"]
    await office.slack.click("mia", "general", answer.ts, "retry")
    turn = await waiting(office)
    assert turn.retries == failed.id
    await office.answer(turn, "Whole.")
    await office.at_rest()
    (whole,) = office.slack.answers(post.ts)
    assert (office.slack.text_of(whole), buttons(whole)) == ("Whole.", [])
    assert (whole.ts == answer.ts) is shown


async def test_the_answer_to_a_command_is_given_again_below_its_question(office: Office) -> None:
    await office.slack.command("mia", "general", "/ai ask why")
    (turn,) = await office.turns()
    await office.answer(turn, "Former.")
    await office.at_rest()
    root = await office.slack.shows("why", channel="general")
    await office.slack.command("mia", "general", "/ai retry")
    await office.answer(await waiting(office), "Again.")
    await office.at_rest()
    texts = [office.slack.text_of(m) for m in office.slack.thread("general", root.ts)]
    assert texts == ["why", "Again."]


async def test_a_question_that_is_deleted_while_it_is_asked_again_is_not_answered(
    office: Office,
) -> None:
    post = await answered(office, "Former.")
    await office.slack.command("mia", "general", "/ai retry")
    turn = await waiting(office)
    await office.slack.delete("mia", "general", post.ts)
    await office.slack.settled()
    await office.at_rest()
    assert (await office.replies.read(turn.id)).phase is Phase.STOPPED
    await office.slack.command("mia", "general", "/ai retry")
    await office.told("mia", "its question is gone")
