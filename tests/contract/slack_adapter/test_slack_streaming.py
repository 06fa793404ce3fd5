"""Replies as Slack's own streams: the same answer in the end, whatever becomes of the stream."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from slack_sdk.web.async_client import AsyncWebClient

from adapters.delivery import AGAIN
from adapters.slack.streaming import SLOTS
from bot.slots import Slots
from bot.types import Phase, Turn
from playground.slack import Message, SlackServer
from tests.contract.slack_adapter.office import MARKDOWN, Office, mention, said, shown

START, APPEND, STOP = "chat.startStream", "chat.appendStream", "chat.stopStream"


@pytest_asyncio.fixture
async def office(closed_office: Office) -> AsyncIterator[Office]:
    async with closed_office.open(slack_stream="native") as open_office:
        yield open_office


def called(office: Office, *methods: str) -> list[int]:
    return [len(office.slack.calls_of(method)) for method in methods]


async def finished(office: Office, turn: Turn, text: str, **more: object) -> list[Message]:
    """What was begun ends with this text."""
    await office.finish(turn, text, **more)  # type: ignore[arg-type]
    await office.at_rest()
    return office.slack.answers(turn.message.id)


# ---- as Slack means it ------------------------------------------------------------------------------------


async def test_an_answer_is_started_appended_to_and_stopped_with_its_lines_below(
    office: Office,
) -> None:
    turn = await mention(office)
    add = await office.grow(turn, "One, ")
    growing = await office.slack.shows("One,", thread_ts=turn.message.id)
    assert growing.is_streaming
    await add("two, ")
    await office.slack.shows("One, two,", thread_ts=turn.message.id)
    (answer,) = await finished(office, turn, "One, two, three.", notes=("A note.",))
    assert office.slack.text_of(answer) == "One, two, three."
    assert "A note." in said(answer)
    assert [block["type"] for block in answer.blocks] == ["markdown", "context"]
    assert not answer.is_streaming
    assert called(office, START, STOP, "chat.postMessage", "chat.update") == [1, 1, 0, 0]
    assert called(office, "conversations.replies") == [0]
    (start,) = office.slack.calls_of(START)
    assert start.args["recipient_user_id"] == office.slack.world.person("mia").id


async def test_an_answer_that_is_whole_at_once_is_posted(office: Office) -> None:
    turn = await mention(office)
    await office.answer(turn, "All of it.")
    await office.at_rest()
    assert shown(office, turn) == "All of it."
    assert called(office, START, "chat.postMessage") == [0, 1]


async def test_what_is_appended_is_never_taken_back(office: Office) -> None:
    turn = await mention(office)
    add = await office.grow(turn, MARKDOWN[:14])
    for at in range(14, len(MARKDOWN), 31):
        *_, word = re.findall("[a-z]{4,}", MARKDOWN[: at - 5])
        await office.slack.shows(word, thread_ts=turn.message.id)
        await add(MARKDOWN[at : at + 31])
    (answer,) = await finished(office, turn, MARKDOWN)
    assert office.slack.text_of(answer).split() == MARKDOWN.split()
    assert called(office, START, STOP, "chat.update") == [1, 1, 0]


async def test_a_long_answer_is_several_streams_that_join_to_its_text(office: Office) -> None:
    text = "\n\n".join(f"Paragraph {n} says 1 < 2 & 3 > 2." for n in range(700))
    turn = await mention(office)
    add = await office.grow(turn, text[:4_000])
    await office.slack.shows("Paragraph 50", thread_ts=turn.message.id)
    await add(text[4_000:16_000])
    await office.slack.shows("Paragraph 300", thread_ts=turn.message.id)
    answers = await finished(office, turn, text)
    assert len(answers) > 2
    assert shown(office, turn) == text
    assert called(office, START, STOP) == [2, 2]


async def test_a_command_s_question_is_posted_and_its_answer_streams_below(
    office: Office,
) -> None:
    await office.slack.command("mia", "random", "/ai ask why")
    root = await office.slack.shows("why", channel="random")
    (turn,) = await office.turns()
    await office.grow(turn, "Beca")
    await office.slack.shows("Beca", thread_ts=root.ts)
    await finished(office, turn, "Because.")
    assert office.slack.text_of(office.slack.answers(root.ts)) == "Because."
    assert called(office, START, STOP, "chat.update") == [1, 1, 0]


async def test_in_direct_messages_only_a_thread_streams(office: Office) -> None:
    top = await office.asked(await office.slack.post("mia", "dm", "hello"))
    await office.grow(top, "At the ")
    await office.slack.shows("At the")
    await finished(office, top, "At the top.")
    assert called(office, START, "chat.postMessage") == [0, 1]
    post = await office.slack.post("mia", "dm", "and here?", thread_ts=top.message.id)
    below = await office.asked(post)
    await office.grow(below, "Be")
    await office.slack.shows("Be", thread_ts=top.message.id)
    await finished(office, below, "Below.")
    assert called(office, START, "chat.postMessage") == [1, 1]


# ---- a stream that ends before its answer -----------------------------------------------------------------


async def one_message(office: Office, turn: Turn, text: str) -> Message:
    """The answer is this text, in one message that streams no more."""
    (answer,) = office.slack.answers(turn.message.id)
    assert office.slack.text_of(answer) == text
    assert not answer.is_streaming
    return answer


async def test_a_stream_that_slack_ended_goes_on_as_an_updated_message(office: Office) -> None:
    turn = await mention(office)
    add = await office.grow(turn, "One, ")
    await office.slack.shows("One,", thread_ts=turn.message.id)
    office.slack.end_streams()
    await add("two, ")
    await office.slack.shows("One, two,", thread_ts=turn.message.id)
    await finished(office, turn, "One, two, three.")
    await one_message(office, turn, "One, two, three.")
    assert called(office, START) == [1]


async def test_a_stream_that_expires_before_its_last_words_loses_none(office: Office) -> None:
    turn = await mention(office)
    await office.grow(turn, "One, ")
    await office.slack.shows("One,", thread_ts=turn.message.id)
    office.slack.end_streams()
    await finished(office, turn, "One, two.", notes=("A note.",))
    assert "A note." in said(await one_message(office, turn, "One, two."))


async def test_a_stream_is_ended_before_slack_ends_it_and_its_answer_goes_on(
    redis: Redis, redis_url: str
) -> None:
    async with (
        SlackServer(limits=False, clock=lambda: time.time() - 250) as slack,
        Office(slack, redis, redis_url).open(slack_stream="native") as office,
    ):
        turn = await mention(office)
        add = await office.grow(turn, "One, ")
        await slack.shows("One,", thread_ts=turn.message.id)
        await add("two, ")
        stopped = await slack.shows("One, two,", thread_ts=turn.message.id)
        assert stopped.streaming_state == "completed"
        await add("three, ")
        await slack.shows("One, two, three,", thread_ts=turn.message.id)
        await finished(office, turn, "One, two, three, four.")
        await one_message(office, turn, "One, two, three, four.")
        assert called(office, START, APPEND, STOP) == [1, 0, 1]


# ---- Slack's own stop button ------------------------------------------------------------------------------


async def stoppable(office: Office, turn: Turn) -> None:
    """An answer that grows, and whose thread has the button."""
    add = await office.grow(turn, "One, ")
    await office.slack.shows("One,", thread_ts=turn.message.id)
    await add("two, ")
    await office.slack.shows("One, two,", thread_ts=turn.message.id)
    assert "processing" in office.slack.workspace.sessions.values()


async def test_slacks_own_stop_button_is_a_stop_and_what_was_written_stays(
    office: Office,
) -> None:
    turn = await mention(office)
    await stoppable(office, turn)
    await office.slack.press_stop("mia", "general", turn.message.id)
    await office.told("mia", "Stopped.")
    assert await office.inbox.renew(office.grant(turn)) == "stop"
    note = "Stopped here."
    await finished(office, turn, "One, two,", phase=Phase.STOPPED, notes=(note,))
    assert note in said(await one_message(office, turn, "One, two,"))
    assert set(office.slack.workspace.sessions.values()) == {"active"}


async def test_slacks_own_stop_button_stops_nobody_else_s_answer(office: Office) -> None:
    turn = await mention(office)
    await stoppable(office, turn)
    await office.slack.press_stop("max", "general", turn.message.id)
    await office.told("max", "Somebody else asked this.")
    assert await office.inbox.renew(office.grant(turn)) == "held"
    await finished(office, turn, "One, two, three.")
    await one_message(office, turn, "One, two, three.")
    assert set(office.slack.workspace.sessions.values()) == {"active"}


async def test_slacks_own_stop_button_means_the_conversation_of_its_thread(
    office: Office,
) -> None:
    """A slash command's question, and a thread in direct messages, have conversations of their own names."""
    await office.slack.command("mia", "random", "/ai ask why")
    root = await office.slack.shows("why", channel="random")
    first = await office.slack.post("mia", "dm", "hello")
    below = await office.slack.post("mia", "dm", "and here?", thread_ts=first.ts)
    by_command = next(turn for turn in await office.turns() if turn.message.text == "why")
    in_direct = await office.asked(below)
    for place, ts, turn in (("random", root.ts, by_command), ("dm", first.ts, in_direct)):
        office.slack.workspace.sessions[turn.message.target.channel, ts] = "processing"
        before = len(office.slack.private("mia"))
        await office.slack.press_stop("mia", place, ts)
        await office.told("mia", "Stopped: that question waits no more.", after=before)
        assert (await office.replies.read(turn.id)).phase is Phase.STOPPED


async def test_without_sessions_everything_else_works_and_they_are_asked_for_once(
    office: Office,
) -> None:
    office.slack.will_refuse("agents.sessions.setStatus", "not_agent_app", 2)
    for _ in range(2):
        turn = await mention(office)
        add = await office.grow(turn, "One, ")
        await office.slack.shows("One,", thread_ts=turn.message.id)
        await add("two, ")
        await office.slack.shows("One, two,", thread_ts=turn.message.id)
        await finished(office, turn, "One, two, three.")
        await one_message(office, turn, "One, two, three.")
    assert called(office, START, "agents.sessions.setStatus") == [2, 1]


# ---- what comes to nothing, or nobody knows to what -------------------------------------------------------


@pytest.mark.parametrize("fault", ["will_drop_reply", "will_drop_request"])
@pytest.mark.parametrize("method", [START, APPEND, STOP])
async def test_a_request_of_which_nothing_came_back_neither_loses_nor_doubles_text(
    office: Office, fault: str, method: str
) -> None:
    turn = await mention(office)
    getattr(office.slack, fault)(method)
    add = await office.grow(turn, "One, ")
    await office.slack.shows("One,", thread_ts=turn.message.id)
    await add("two, ")
    await office.slack.shows("One, two,", thread_ts=turn.message.id)
    await finished(office, turn, "One, two, three.", notes=("A note.",))
    answer = await one_message(office, turn, "One, two, three.")
    assert said(answer) == "A note."


REFUSALS = [
    "unknown_method",
    "channel_type_not_supported",
    "msg_blocks_too_long",
    "ratelimited",
]


@pytest.mark.parametrize("error", REFUSALS)
async def test_where_slack_begins_no_stream_the_answer_is_posted_and_updated(
    office: Office, error: str
) -> None:
    office.slack.will_refuse(START, error, retry_after=60)  # s, where it is a limit
    for _ in range(2):  # what was refused is not tried again at once
        turn = await mention(office)
        await office.grow(turn, "One, ")
        await office.slack.shows("One,", thread_ts=turn.message.id)
        await finished(office, turn, "One, two.")
        await one_message(office, turn, "One, two.")
    assert called(office, START, "chat.postMessage", "conversations.replies") == [1, 2, 0]


async def test_an_append_that_came_too_often_is_made_up_for_and_holds_nothing_up(
    office: Office,
) -> None:
    turn = await mention(office)
    add = await office.grow(turn, "One, ")
    await office.slack.shows("One,", thread_ts=turn.message.id)
    office.slack.will_refuse(APPEND, "ratelimited", retry_after=60)
    await add("two, ")
    await office.slack.until(lambda: office.slack.refusals or None, what="nothing was refused")
    await finished(office, turn, "One, two, three.")
    await one_message(office, turn, "One, two, three.")
    assert called(office, START, APPEND, STOP, "chat.update") == [1, 1, 1, 0]


async def test_a_stop_that_came_too_often_is_made_later_and_once(office: Office) -> None:
    turn = await mention(office)
    await office.grow(turn, "One, ")
    await office.slack.shows("One,", thread_ts=turn.message.id)
    office.slack.will_refuse(STOP, "ratelimited", retry_after=0.3)
    await finished(office, turn, "One, two.")
    await one_message(office, turn, "One, two.")
    assert called(office, STOP, "chat.update") == [2, 0]


# ---- another adapter goes on ------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["native", "update"])
async def test_a_stream_that_another_adapter_began_is_ended_and_its_answer_goes_on(
    closed_office: Office, mode: str
) -> None:
    office = closed_office
    async with office.open(slack_stream="native"):
        turn = await mention(office)
        add = await office.grow(turn, "One, ")
        await office.slack.shows("One,", thread_ts=turn.message.id)
    async with office.open(slack_stream=mode):
        await add("two, ")
        await office.slack.shows("One, two,", thread_ts=turn.message.id)
        await finished(office, turn, "One, two, three.")
        await one_message(office, turn, "One, two, three.")


async def test_a_streamed_answer_that_is_made_anew_says_so_below_the_former_text(
    office: Office,
) -> None:
    """Nothing can be said below a stream that is open: it ends, and the answer goes on by updates."""
    turn = await mention(office)
    await office.grow(turn, "One, two, ")
    await office.slack.shows("One, two,", thread_ts=turn.message.id)
    await office.inbox.release(office.grant(turn))
    await office.grow(turn, "One")
    answer = await office.slack.until(
        lambda: next((m for m in office.slack.answers(turn.message.id) if said(m)), None),
        what="nothing is said below it",
    )
    assert said(answer) == AGAIN.format(30)
    assert office.slack.text_of(answer) == "One, two,"
    assert not answer.is_streaming
    await finished(office, turn, "One, two, three.")
    await one_message(office, turn, "One, two, three.")


@pytest.mark.parametrize(
    ("mode", "goes_on", "told"),
    [("native", True, True), ("native", True, False), ("update", False, True)],
    ids=["native", "native-untold", "update"],
)
async def test_a_stream_whose_beginner_died_before_it_was_noted_is_taken_away(
    closed_office: Office, mode: str, goes_on: bool, told: bool
) -> None:
    office = closed_office
    office.slack.workspace.tells_streams = told
    async with office.open():
        turn = await mention(office)
    assert await office.replies.intend(turn.id, 0)
    orphan = await begun_by_the_dead(office, turn, "One, ")
    await office.grow(turn, "One, ")
    if not goes_on:
        await office.finish(turn, "One, two.")
    async with office.open(slack_stream=mode):
        if goes_on:
            await office.slack.until(
                lambda: None if office.slack.find("general", orphan) else True,
                what="the orphan stays",
            )
            await office.slack.shows("One,", thread_ts=turn.message.id)
            await office.finish(turn, "One, two.")
        await office.at_rest()
    await one_message(office, turn, "One, two.")


@pytest.mark.parametrize("told", [True, False], ids=["told", "untold"])
async def test_a_stream_of_another_answer_in_the_thread_is_left_alone(
    closed_office: Office, told: bool
) -> None:
    office = closed_office
    office.slack.workspace.tells_streams = told
    async with office.open(slack_stream="native"):
        first = await mention(office)
        await office.grow(first, "First ")
        await office.slack.shows("First", thread_ts=first.message.id)
        await finished(office, first, "First answer.")
        post = await office.slack.post("mia", "general", "and then?", thread_ts=first.message.id)
        second = await office.asked(post)
        office.slack.will_drop_reply(START)
        await office.grow(second, "Second ")
        await office.slack.shows("Second", thread_ts=first.message.id)
        await finished(office, second, "Second answer.")
    assert shown(office, first) == "First answer.Second answer."


async def begun_by_the_dead(office: Office, turn: Turn, text: str) -> str:
    """What an adapter leaves that dies between the start of a stream and noting it."""
    client = AsyncWebClient(office.slack.bot_token, office.slack.api_url)
    target, person = turn.message.target, turn.message.author.id
    begun = await client.chat_startStream(
        channel=target.channel,
        thread_ts=str(target.thread),
        recipient_user_id=person,
        recipient_team_id=office.team,
        markdown_text=text,
    )
    return str(begun["ts"])


# ---- addresses --------------------------------------------------------------------------------------------


LINKED = "See [the page](https://a.example/) and that is all."


async def test_an_address_moves_the_answer_to_a_message_that_declines_previews(
    office: Office,
) -> None:
    turn = await mention(office)
    add = await office.grow(turn, "One, ")
    begun = await office.slack.shows("One,", thread_ts=turn.message.id)
    await add(LINKED)
    await office.slack.shows("a.example", thread_ts=turn.message.id)
    await finished(office, turn, f"One, {LINKED} The end.")
    (answer,) = office.slack.answers(turn.message.id)
    assert answer.ts != begun.ts
    assert "https://a.example/" in office.slack.text_of(answer)
    assert called(office, START, "chat.postMessage", "chat.delete") == [1, 1, 1]
    assert called(office, "conversations.replies") == [0]


async def test_an_answer_that_begins_with_an_address_is_no_stream(office: Office) -> None:
    turn = await mention(office)
    await office.grow(turn, LINKED)
    await office.slack.shows("a.example", thread_ts=turn.message.id)
    await finished(office, turn, LINKED)
    assert called(office, START, "chat.postMessage") == [0, 1]


@pytest.mark.parametrize("fault", ["will_drop_reply", "will_drop_request"])
async def test_a_message_that_should_go_and_of_which_nothing_came_back_goes(
    office: Office, fault: str
) -> None:
    turn = await mention(office)
    add = await office.grow(turn, "One, ")
    await office.slack.shows("One,", thread_ts=turn.message.id)
    getattr(office.slack, fault)("chat.delete")
    await add(LINKED)
    await finished(office, turn, f"One, {LINKED}")
    (answer,) = office.slack.answers(turn.message.id)
    assert "https://a.example/" in office.slack.text_of(answer)


async def test_whoever_goes_on_shows_no_address_in_what_may_have_been_a_stream(
    closed_office: Office,
) -> None:
    office = closed_office
    async with office.open(slack_stream="native"):
        turn = await mention(office)
        await office.grow(turn, "One, ")
        await office.slack.shows("One,", thread_ts=turn.message.id)
    async with office.open(slack_stream="native"):
        await finished(office, turn, f"One, {LINKED}")
    (answer,) = office.slack.answers(turn.message.id)
    assert "https://a.example/" in office.slack.text_of(answer)


# ---- how many -----------------------------------------------------------------------------------------------


async def test_where_all_slots_of_the_workspace_are_held_an_answer_is_posted_and_updated(
    office: Office,
) -> None:
    slots = Slots(office.store, f"slack:{office.team}:streams", SLOTS)
    for n in range(SLOTS - 1):  # by other adapters
        assert await slots.hold(f"other:{n}", 60)
    first, second = await mention(office), await mention(office)
    await office.grow(first, "First ")
    await office.slack.shows("First", thread_ts=first.message.id)
    await office.grow(second, "Second ")
    await office.slack.shows("Second", thread_ts=second.message.id)
    await office.finish(first, "First answer.")
    await finished(office, second, "Second answer.")
    await one_message(office, first, "First answer.")
    await one_message(office, second, "Second answer.")
    assert called(office, START, "chat.postMessage") == [1, 1]
    assert not await slots.hold("another", 60), "a slot is held for a minute after its stop"


async def test_people_of_other_organisations_get_no_stream(closed_office: Office) -> None:
    office = closed_office
    async with office.open(slack_stream="native", slack_external="allow"):
        for who, starts in (("eve", 0), ("mia", 1)):
            post = await office.slack.post(who, "with-acme", "@Switchboard hello")
            turn = await office.asked(post)
            await office.grow(turn, "One, ")
            await office.slack.shows("One,", thread_ts=turn.message.id)
            await finished(office, turn, "One, two.")
            await one_message(office, turn, "One, two.")
            assert called(office, START) == [starts]
