"""Replies as people see them on Slack: posted once, updated, split, ended clearly, and harmless."""

from __future__ import annotations

import asyncio

import pytest

from adapters.showing import BLANK
from bot.types import Phase, Turn
from playground.slack import Message
from playground.slack.workspace import Call
from tests.contract.slack_adapter.office import MARKDOWN, Office, mention, parts_of, said, shown

pytestmark = pytest.mark.usefixtures("untraced")  # others show answers too

OFF = (False, "0")  # in JSON, in a form
ALARM = "<!channel> <!here> <@U0MEMBER01> <#C0GENERAL1> <!subteam^S1> &lt;!channel&gt; @everyone"


def posts(office: Office) -> list[Call]:
    return office.slack.calls_of("chat.postMessage")


EITHER = pytest.mark.parametrize("office", ["update", "native"], indirect=True)


async def answered(office: Office, turn: Turn, text: str) -> list[Message]:
    await office.answer(turn, text)
    await office.at_rest()
    return office.slack.answers(turn.message.id)


# ---- once -----------------------------------------------------------------------------------------------


async def test_an_answer_is_posted_once_and_then_updated(office: Office) -> None:
    turn = await mention(office)
    add = await office.grow(turn, "One, ")
    await office.slack.shows("One,", thread_ts=turn.message.id)
    await add("two, ")
    await office.slack.shows("One, two,", thread_ts=turn.message.id)
    await office.finish(turn, "One, two, three.")
    await office.slack.shows("One, two, three.", thread_ts=turn.message.id)
    await office.at_rest()
    assert len(posts(office)) == 1
    assert len(office.slack.calls_of("chat.update")) >= 2
    assert office.slack.calls_of("conversations.replies") == []
    (answer,) = office.slack.answers(turn.message.id)
    assert answer.metadata is not None
    assert answer.metadata["event_payload"] == {"turn": turn.id, "part": 0}


async def test_every_request_says_no_to_previews_and_to_linked_names(office: Office) -> None:
    turn = await mention(office)
    await office.grow(turn, "Look: ")
    await office.slack.shows("Look", thread_ts=turn.message.id)
    await office.finish(
        turn, "Look: https://a.example/ [b](https://b.example/) ![c](https://c.example/)"
    )
    await office.slack.command("mia", "general", "/ai help")
    await office.at_rest()
    for method in ("chat.postMessage", "chat.update", "chat.postEphemeral"):
        calls = office.slack.calls_of(method)
        assert calls
        for call in calls:
            assert call.args["parse"] == "none"
            assert call.args["link_names"] in OFF
            assert "attachments" not in call.args
            assert "image_url" not in str(call.args)
    for call in posts(office):
        assert call.args["unfurl_links"] in OFF
        assert call.args["unfurl_media"] in OFF


@pytest.mark.parametrize("fault", ["will_drop_reply", "will_drop_request"])
async def test_a_post_of_which_nothing_came_back_is_looked_for_before_it_is_made_again(
    office: Office, fault: str
) -> None:
    turn = await mention(office)
    getattr(office.slack, fault)("chat.postMessage")
    (answer,) = await answered(office, turn, "Once.")
    assert office.slack.text_of(answer) == "Once."
    assert len(office.slack.calls_of("conversations.replies")) == 1


async def test_a_post_that_is_found_again_is_brought_up_to_date(office: Office) -> None:
    turn = await mention(office)
    office.slack.will_drop_reply("chat.postMessage")
    await office.grow(turn, "One, ")
    await office.slack.shows("One,", thread_ts=turn.message.id)
    await office.finish(turn, "One, two.")
    await office.at_rest()
    assert shown(office, turn) == "One, two."


async def test_the_question_that_a_command_repeats_is_looked_for_in_the_channel(
    office: Office,
) -> None:
    office.slack.will_drop_reply("chat.postMessage")
    await office.slack.command("mia", "random", "/ai ask why")
    (turn,) = await office.turns()
    await office.answer(turn, "Because.")
    await office.at_rest()
    roots = [m for m in office.slack.channel_messages("random") if m.thread_ts in (None, m.ts)]
    assert len(roots) == 1
    assert len(office.slack.calls_of("conversations.history")) == 1


async def test_where_nothing_can_be_looked_up_a_post_is_made_again(office: Office) -> None:
    turn = await mention(office)
    office.slack.will_drop_request("chat.postMessage")
    office.slack.will_refuse("conversations.replies", "missing_scope")
    assert len(await answered(office, turn, "Once.")) == 1


# ---- later ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
async def test_a_request_that_came_too_often_is_made_later_and_once(
    office: Office, method: str
) -> None:
    turn = await mention(office)
    await office.grow(turn, "One, ")
    if method == "chat.update":
        await office.slack.shows("One,", thread_ts=turn.message.id)
    office.slack.will_refuse(method, "ratelimited", retry_after=0.4)
    await office.finish(turn, "One, two.")
    await office.at_rest()
    assert shown(office, turn) == "One, two."
    refused = next(call for call, error in office.slack.refusals if call.method == method)
    later = [c for c in office.slack.calls_of(method) if c.at > refused.at]
    assert later
    assert later[0].at - refused.at >= 0.4


async def test_what_slack_asks_of_one_is_heard_by_all(office: Office) -> None:
    office.slack.will_refuse("chat.postEphemeral", "ratelimited", retry_after=0.5)
    for who in ("mia", "max", "ada"):
        await office.slack.command(who, "general", "/ai help")
    for who in ("mia", "max", "ada"):
        await office.told(who, "/ai ask")
    await office.at_rest()
    assert len(office.slack.refusals) == 1


async def test_a_command_waits_for_a_slack_that_asks_to_wait(office: Office) -> None:
    office.slack.will_refuse("users.info", "ratelimited", retry_after=0.5)
    office.slack.will_refuse("users.info", "internal_error", status=500)
    await office.slack.command("ada", "general", "/ai model set gpt-4o-mini")
    await office.told("ada", "Done")


# ---- length ---------------------------------------------------------------------------------------------


async def test_a_long_answer_is_several_messages_that_join_to_its_text(office: Office) -> None:
    turn = await mention(office)
    text = "\n\n".join(f"Paragraph {n} says 1 < 2 & 3 > 2." for n in range(1_000))
    answers = await answered(office, turn, text)
    assert len(answers) > 2
    assert all(len(answer.blocks[0]["text"]) <= 11_000 for answer in answers)
    assert shown(office, turn) == text


@pytest.mark.parametrize("error", ["msg_too_long", "msg_blocks_too_long", "invalid_blocks"])
async def test_a_message_that_slack_finds_too_long_is_halved(office: Office, error: str) -> None:
    turn = await mention(office)
    office.slack.will_refuse("chat.postMessage", error, 2)
    text = "\n\n".join(f"Paragraph {n}." for n in range(600))
    answers = await answered(office, turn, text)
    assert all(len(answer.blocks[0]["text"]) <= 11_000 // 4 for answer in answers)
    assert "".join(map(office.slack.text_of, answers)) == text


async def test_an_update_that_slack_finds_too_long_is_split(office: Office) -> None:
    turn = await mention(office)
    text = "\n\n".join(f"Paragraph {n}." for n in range(300))
    await office.grow(turn, text[:20])
    await office.slack.shows("Paragraph 0.", thread_ts=turn.message.id)
    office.slack.will_refuse("chat.update", "msg_too_long")
    await office.finish(turn, text)
    await office.at_rest()
    assert shown(office, turn) == text


# ---- what is said of faults -----------------------------------------------------------------------------


async def test_a_question_that_failed_is_told_in_private_with_a_reference(office: Office) -> None:
    turn = await mention(office)
    await office.answer(turn, "", phase=Phase.FAILED, notes=(f"The model {ALARM} refused.",))
    told = await office.told("mia", "refused")
    assert turn.ref in told
    await office.at_rest()
    assert office.slack.answers(turn.message.id) == []
    assert office.slack.statuses == {}


async def test_a_reference_that_is_there_is_not_repeated(office: Office) -> None:
    turn = await mention(office)
    note = f"Sorry. The reference is {turn.ref}."
    await office.answer(turn, "", phase=Phase.FAILED, notes=(note,))
    assert (await office.told("mia", "Sorry")).count(turn.ref) == 1


@EITHER
async def test_what_came_before_a_fault_stays_and_the_fault_is_said_below(office: Office) -> None:
    turn = await mention(office)
    await office.grow(turn, "Half of it")
    await office.slack.shows("Half of it", thread_ts=turn.message.id)
    await office.finish(turn, "Half of it", phase=Phase.FAILED, notes=("It broke off.",))
    await office.at_rest()
    (answer,) = office.slack.answers(turn.message.id)
    assert office.slack.text_of(answer) == "Half of it"
    assert not answer.is_streaming
    assert [block["type"] for block in answer.blocks] == ["markdown", "context", "actions"]
    assert "It broke off." in said(answer)
    assert turn.ref in said(answer)


async def test_in_a_direct_message_a_fault_is_said_where_it_can_be_found_again(
    office: Office,
) -> None:
    turn = await office.asked(await office.slack.post("mia", "dm", "hello"))
    await office.answer(turn, "", phase=Phase.FAILED, notes=("It broke off.",))
    await office.at_rest()
    (answer,) = office.slack.answers(turn.message.id)
    assert "It broke off." in said(answer)
    assert office.slack.private("mia") == []


async def test_a_question_that_was_taken_back_in_time_gets_no_word(office: Office) -> None:
    turn = await mention(office)
    await office.answer(turn, "", phase=Phase.STOPPED)
    await office.at_rest()
    assert office.slack.answers(turn.message.id) == []
    assert office.slack.private("mia") == []


# ---- places that are gone ---------------------------------------------------------------------------------


async def test_a_channel_that_is_archived_is_one_clear_end(office: Office) -> None:
    turn = await mention(office)
    await office.slack.archive("general")
    await office.answer(turn, "Nobody will read this.")
    await office.at_rest()
    (told,) = office.slack.channel_messages(office.slack.dm("mia"))
    assert "archived" in said(told)
    assert len(posts(office)) == 2  # the answer, and the author's direct message


async def test_a_bot_that_was_removed_tells_the_author(office: Office) -> None:
    turn = await mention(office)
    await office.slack.leave("switchboard", "general")
    await office.answer(turn, "Nobody will read this.")
    await office.at_rest()
    (told,) = office.slack.channel_messages(office.slack.dm("mia"))
    assert "invite me" in said(told)


async def test_whoever_has_read_a_beginning_is_told_why_there_is_no_more(office: Office) -> None:
    """The beginning stayed as it was, with its stop button, and nobody said why."""
    turn = await mention(office)
    await office.grow(turn, "One, ")
    await office.slack.shows("One,", thread_ts=turn.message.id)
    await office.slack.archive("general")
    await office.finish(turn, "One, two.")
    await office.at_rest()
    (told,) = office.slack.channel_messages(office.slack.dm("mia"))
    assert "archived" in said(told)


async def test_a_question_by_command_where_the_bot_is_not_is_told_by_the_commands_address(
    office: Office,
) -> None:
    await office.slack.command("mia", "quiet", "/ai ask why")
    assert "invite me" in await office.told("mia")
    await office.at_rest()
    assert office.slack.channel_messages(office.slack.dm("mia")) == []


async def test_a_command_where_the_bot_is_not_is_answered_all_the_same(office: Office) -> None:
    await office.slack.command("mia", "quiet", "/ai model")
    assert "gpt-4o" in await office.told("mia")
    await office.at_rest()


@EITHER
async def test_an_answer_that_is_deleted_while_it_grows_is_not_posted_again(
    office: Office,
) -> None:
    turn = await mention(office)
    add = await office.grow(turn, "One, ")
    answer = await office.slack.shows("One,", thread_ts=turn.message.id)
    office.slack.workspace.erase(answer)
    await add("two.")
    await office.finish(turn, "One, two.")
    await office.at_rest()
    assert len(posts(office)) + len(office.slack.calls_of("chat.startStream")) == 1


# ---- the sign of being at work ------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["general", "dm"])
async def test_a_status_shows_while_there_is_nothing_to_read_and_is_gone_in_the_end(
    office: Office, place: str
) -> None:
    post = await office.slack.post("mia", place, "@Switchboard hello")
    await office.slack.until(lambda: office.slack.statuses or None, what="no status is shown")
    ((_, thread),) = office.slack.statuses
    assert thread == post.ts
    await office.answer(await office.asked(post), "Here.")
    await office.at_rest()
    assert office.slack.statuses == {}


async def test_an_answer_in_the_thread_of_its_status_takes_it_away_without_a_call(
    office: Office,
) -> None:
    post = await office.slack.post("mia", "general", "@Switchboard hello")
    await office.slack.until(lambda: office.slack.statuses or None, what="no status is shown")
    await office.answer(await office.asked(post), "Here.")
    await office.at_rest()
    assert len(office.slack.calls_of("assistant.threads.setStatus")) == 1


async def test_a_status_does_not_hang_below_a_question_whose_answer_grows_elsewhere(
    office: Office,
) -> None:
    turn = await office.asked(await office.slack.post("mia", "dm", "hello"))
    await office.slack.until(lambda: office.slack.statuses or None, what="no status is shown")
    await office.grow(turn, "Here")
    await office.slack.shows("Here", channel=turn.message.target.channel)
    await office.slack.until(
        lambda: None if office.slack.statuses else True, what="the status hangs"
    )
    await office.finish(turn, "Here I am.")
    await office.at_rest()
    calls = office.slack.calls_of("assistant.threads.setStatus")
    assert [bool(call.args["status"]) for call in calls] == [True, False]


async def test_of_a_turn_that_another_adapter_goes_on_with_the_status_is_left_to_that_one(
    office: Office,
) -> None:
    async with parts_of(office) as (adapter, _):
        slack, turn = adapter.platform, await mention(office)
        await slack.working(turn, True)
        asked = len(office.slack.calls_of("assistant.threads.setStatus"))
        slack.forget(turn.id)
        await slack.working(turn, False)
        assert len(office.slack.calls_of("assistant.threads.setStatus")) == asked


async def test_without_a_status_everything_else_works_and_it_is_asked_for_once(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.delivery.SIGN_AFTER", 0.0)
    office.slack.only()
    for n in range(3):
        assert await answered(office, await mention(office), f"Answer {n}")
    assert len(office.slack.calls_of("assistant.threads.setStatus")) == 1


# ---- the question that a command asked --------------------------------------------------------------------------


async def test_a_commands_question_is_repeated_at_once_with_its_askers_name(office: Office) -> None:
    await office.slack.command("mia", "random", f"/ai ask why {ALARM}")
    root = await office.slack.shows("why", channel="random")
    assert root.thread_ts is None
    assert said(root) == "Asked by mia"
    (turn,) = await office.turns()
    await office.answer(turn, "Because.")
    answer = await office.slack.shows("Because.", channel="random")
    assert answer.thread_ts == root.ts


async def test_an_askers_name_is_inert_too(office: Office) -> None:
    office.slack.world.change_person(office.slack.world.person("mia"), name="<!channel> *mia*")
    await office.slack.command("U0MEMBER01", "random", "/ai ask why")
    root = await office.slack.shows("why", channel="random")
    assert "channel" in said(root)


async def test_a_commands_question_in_a_direct_message_is_answered_there(office: Office) -> None:
    await office.slack.command("mia", "dm", "/ai ask why")
    (turn,) = await office.turns()
    await office.answer(turn, "Because.")
    answer = await office.slack.shows("Because.")
    assert answer.thread_ts is None
    assert answer.channel == office.slack.dm("mia").id


async def test_a_question_of_which_nothing_can_be_seen_is_repeated_as_a_sign(
    office: Office,
) -> None:
    await office.slack.command("mia", "random", "/ai ask [a]: https://a.example/")
    (turn,) = await office.turns()
    await office.answer(turn, "Because.")
    answer = await office.slack.shows("Because.", channel="random")
    assert answer.thread_ts


# ---- nothing is alive ---------------------------------------------------------------------------------------------


@EITHER
async def test_nothing_that_is_sent_is_alive(office: Office) -> None:
    code = "`<!channel>` | <!here> |\n```\n<!channel>\n```"
    text = f"{ALARM} {code} [<!here>](https://a.example)"
    turn = await mention(office, ALARM)
    add = await office.grow(turn, text[:9])
    for at in range(9, len(text), 17):
        await add(text[at : at + 17])
    await office.finish(turn, text, notes=(f"{ALARM}.png could not be read: {ALARM}",))
    await office.slack.command("mia", "general", f"/ai {ALARM}")
    await office.slack.command("ada", "general", f"/ai model set {ALARM}")
    await office.at_rest()
    assert "everyone" in shown(office, turn)  # the fixture finds what would have notified somebody


async def test_an_answers_text_is_the_models(office: Office) -> None:
    turn = await mention(office)
    (answer,) = await answered(office, turn, MARKDOWN)
    assert office.slack.text_of(answer).split() == MARKDOWN.split()
    (markdown,) = answer.blocks
    assert markdown["type"] == "markdown"


@pytest.mark.parametrize("text", ["", "\n \n", "\u2060"])
async def test_an_answer_in_which_there_is_nothing_to_see_is_said_to_be_one(
    office: Office, text: str
) -> None:
    turn = await mention(office)
    await office.answer(turn, text, notes=("The model said nothing.",))
    assert "The model said nothing." in await office.told("mia")
    await office.at_rest()


async def test_below_a_commands_question_too_such_an_answer_is_said_to_be_one(
    office: Office,
) -> None:
    """The question itself is repeated there, so that something was shown and nothing answered."""
    await office.slack.command("mia", "random", "/ai ask why")
    (turn,) = await office.turns()
    await office.answer(turn, "\u2060\n")
    assert BLANK in await office.told("mia")
    await office.at_rest()


# ---- side by side -----------------------------------------------------------------------------------------------


async def test_threads_of_a_channel_do_not_wait_for_each_other(office: Office) -> None:
    slow, quick = await mention(office, "slow"), await mention(office, "quick")
    await office.grow(slow, "It takes ")
    await office.answer(quick, "Done.")
    await office.slack.shows("Done.", thread_ts=quick.message.id)
    await office.finish(slow, "It takes time.")
    await office.slack.shows("It takes time.", thread_ts=slow.message.id)


async def test_a_token_that_was_revoked_makes_no_storm_and_what_is_owed_stays_owed(
    office: Office,
) -> None:
    turns = [await mention(office, str(n)) for n in range(3)]
    office.slack.revoke()
    for turn in turns:
        await office.answer(turn, "Later.")
    await office.slack.until(lambda: posts(office) or None, what="no answer was tried")
    await office.slack.command("mia", "general", "/ai help")
    tried = [post.args["thread_ts"] for post in posts(office)]
    assert len(tried) == len(set(tried))
    owed = await office.redis.zrange(office.store.key("owed", "slack"), 0, -1)
    assert {turn.id.encode() for turn in turns} <= set(owed)


# ---- the address that came with a command -----------------------------------------------------------------------


async def test_an_address_that_is_not_slacks_is_never_asked_and_its_author_told_elsewhere(
    office: Office,
) -> None:
    """Whoever could forge one would learn what is said."""
    asked: list[None] = []
    async with await asyncio.start_server(
        lambda _, writer: asked.append(writer.close()), "127.0.0.1", 0
    ) as thief:
        port = thief.sockets[0].getsockname()[1]
        command = {
            "command": "/ai",
            "text": "model",
            "user_id": office.slack.world.person("mia").id,
            "channel_id": office.slack.world.channel("quiet").id,
            "response_url": f"http://127.0.0.1:{port}/stolen",
        }
        await office.slack.workspace.hub.ask("slash_commands", command)  # type: ignore[arg-type]
        told = await office.slack.shows("The model here is", channel=office.slack.dm("mia"))
        assert "where I cannot write to you" in said(told)
        await office.at_rest()
    assert asked == []


async def test_an_address_that_is_used_up_is_not_the_last_way(office: Office) -> None:
    held = office.slack.will_hold("chat.postEphemeral")
    await office.slack.command("mia", "quiet", "/ai model")
    for known in office.slack.workspace.response_urls.values():
        known.uses = 5
    held.set()
    await office.slack.shows("The model here is", channel=office.slack.dm("mia"))
    await office.at_rest()
