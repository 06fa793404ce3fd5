"""`/ai …`, commands in a mention, and "Ask about this": what each word does, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from bot.access import Action
from playground.slack import Message
from tests.contract.slack_adapter.office import Office, said

pytestmark = pytest.mark.usefixtures("untraced")  # the same lines for each word

LATER = ["compare a b: why", "usage", "usage me", "forget", "forget me"]


async def told(office: Office, line: str, *, who: str = "mia", where: str = "general") -> str:
    """What a person is told in private about a command."""
    before = len(office.slack.private(who))
    if line.startswith("/"):
        await office.slack.command(who, where, line)
    else:
        await office.slack.post(who, where, line)
    return await office.told(who, after=before)


def public(office: Office, where: str = "general") -> list[str]:
    """The bot's own words for all."""
    bot = office.slack.world.app.bot_user
    return [said(m) for m in office.slack.channel_messages(where) if m.user == bot]


async def announcement(office: Office, part: str) -> Message:
    def look() -> Message | None:
        messages = office.slack.channel_messages("general")
        return next((message for message in messages if part in said(message)), None)

    return await office.slack.until(look, what=f"{part} was not announced")


# ---- the slash command ------------------------------------------------------------------------------------


async def test_a_command_is_acknowledged_without_a_word_and_answered_in_private(
    office: Office,
) -> None:
    assert await office.slack.command("mia", "general", "/ai model") is None
    assert "gpt-4o" in await office.told("mia")
    await office.at_rest()
    assert public(office) == []


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("/ai", "Mention me with a question"),
        ("/ai help", "Mention me with a question"),
        ("/ai HELP  model", "SCOPE is"),
        ("/ai model", "The model here is `gpt-4o`"),
        ("/ai model list", "claude"),
        ("/ai Model   “list”", "claude"),
        ("/ai new", "no conversation here yet"),
        ("/ai stop", "no conversation here yet"),
        ("/ai why is the sky blue", "is no command"),
        ("/ai hepl", "Did you mean"),
        ("/ai ask", "no question"),
        ("/ai ask --model", "no model"),
        ("/ai ask --model gpt-4o", "no question"),
        ("/ai model set", "Which model?"),
        ("/ai model frobnicate", "After `model` comes nothing"),
        ("/ai model set gpt-4o everywhere", "is no scope"),
        ("/ai model set gpt-4o for 91d", "too long"),
        ("/ai model set gpt-4o for ever", "is no duration"),
        *[(f"/ai {line}", "is not there yet") for line in LATER],
    ],
)
async def test_every_word_is_answered(office: Office, line: str, part: str) -> None:
    assert part in await told(office, line)
    await office.at_rest()
    assert public(office) == []
    assert [turn for turn in await office.turns() if turn.kind == "ask"] == []


@pytest.mark.parametrize("typed", ["is 1 < 2 & 3", "is 1 &lt; 2 &amp; 3"])
async def test_signs_in_a_command_are_read_as_typed_whether_slack_encoded_them_or_not(
    office: Office, typed: str
) -> None:
    await office.slack.command("mia", "random", f"/ai ask {typed}")
    (turn,) = await office.turns()
    assert turn.message.text == "is 1 < 2 & 3"


async def test_an_unknown_model_is_an_error_with_the_nearest_three(office: Office) -> None:
    for line in ("/ai ask --model gtp-4o why", "@Switchboard --model gtp-4o why"):
        words = await told(office, line)
        assert words.count("`") >= 6
        assert "gpt-4o" in words
    words = await told(office, "/ai model set gtp-4o", who="ada")
    assert "gpt-4o" in words
    await office.at_rest()
    assert public(office) == []


async def test_a_model_for_one_question_is_its_turns_own(office: Office) -> None:
    await office.slack.command("mia", "random", "/ai ask --model gpt-4o-mini why")
    post = await office.slack.post("mia", "general", "@Switchboard --model gpt-4o-mini why")
    turns = [await office.asked(post), *[t for t in await office.turns() if t.kind == "ask"]]
    assert {(turn.model, turn.message.text) for turn in turns} == {("gpt-4o-mini", "why")}


async def test_the_operators_command_is_the_one_in_the_help(closed_office: Office) -> None:
    async with closed_office.open(slack_command="/gpt") as office:
        assert "/gpt ask" in await told(office, "/gpt help")
        assert "/gpt ask" in await told(office, "/gpt nonsense")
        assert "/gpt ask" in await told(office, "@Switchboard /help")


async def test_an_admins_change_is_told_to_all_with_who_what_and_from_what(office: Office) -> None:
    words = await told(office, "/ai model set gpt-4o-mini for 2h", who="ada")
    assert words.startswith("Done")
    await office.at_rest()
    (announced,) = public(office)
    for part in ("ada", "gpt-4o-mini", "before: `gpt-4o`", "until"):
        assert part in announced
    turn = await office.asked(await office.slack.post("mia", "general", "@Switchboard hi"))
    assert turn.model == "gpt-4o-mini"


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("model lock", "locked"),
        ("model unlock", "unlocked"),
        ("model reset", "reset"),
        ("model set gpt-4o-mini workspace", "workspace"),
    ],
)
async def test_every_change_is_announced(office: Office, line: str, part: str) -> None:
    await told(office, "/ai model set gpt-4o-mini", who="ada")
    if line == "model unlock":
        await told(office, "/ai model lock", who="ada")
    await told(office, f"/ai {line}", who="olivia")
    await office.at_rest()
    assert [line for line in public(office) if "olivia" in line and part in line]


async def test_a_lock_refuses_another_model_for_one_question_by_its_name(office: Office) -> None:
    await told(office, "/ai model lock", who="ada")
    for line in ("/ai ask --model gpt-4o-mini why", "@Switchboard --model gpt-4o-mini why"):
        assert "lock" in await told(office, line)


# ---- what has no thread ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ["model set gpt-4o-mini thread", "model reset thread", "model lock thread"]
)
async def test_a_slash_command_knows_no_thread_and_names_the_form_that_does(
    office: Office, line: str
) -> None:
    words = await told(office, f"/ai {line}", who="ada")
    assert f"@bot /{line}" in words
    await office.at_rest()
    assert public(office) == []


async def test_the_same_in_a_mention_is_about_its_thread(office: Office) -> None:
    root = await office.slack.post("ada", "general", "@Switchboard /model set gpt-4o-mini thread")
    await office.told("ada", "Done")
    below = await office.slack.post("mia", "general", "@Switchboard hi", thread_ts=root.ts)
    beside = await office.slack.post("mia", "general", "@Switchboard hi")
    assert (await office.asked(below)).model == "gpt-4o-mini"
    assert (await office.asked(beside)).model == "gpt-4o"
    assert "this thread" in said(await announcement(office, "to `gpt-4o-mini`"))


async def test_new_by_command_means_the_senders_latest_conversation_here(office: Office) -> None:
    root = await office.slack.post("mia", "general", "@Switchboard hi")
    first = await office.asked(root)
    await office.answer(first, "Hello.")
    assert "new conversation" in await told(office, "/ai new")
    again = await office.slack.post("mia", "general", "and now", thread_ts=root.ts)
    await office.slack.settled()
    stored = await office.inbox.load((await office.asked(again)).id)
    assert stored is not None
    assert stored.epoch != "0"


async def test_new_in_a_direct_message_is_about_its_top_level(office: Office) -> None:
    await office.asked(await office.slack.post("mia", "dm", "hi"))
    await told(office, "/ai new", where="dm")
    turn = await office.asked(await office.slack.post("mia", "dm", "and now"))
    stored = await office.inbox.load(turn.id)
    assert stored is not None
    assert stored.epoch != "0"


async def test_below_a_command_in_a_mention_no_mention_is_needed(office: Office) -> None:
    root = await office.slack.post("mia", "general", "@Switchboard /model")
    await office.told("mia")
    below = await office.slack.post("mia", "general", "thank you, why?", thread_ts=root.ts)
    assert (await office.asked(below)).kind == "ask"


async def test_below_each_announcement_a_conversation_of_its_own_begins(office: Office) -> None:
    found = set()
    for alias in ("gpt-4o-mini", "gpt-4o"):
        await office.slack.command("ada", "general", f"/ai model set {alias}")
        root = await announcement(office, f"to `{alias}`")
        below = await office.slack.post("mia", "general", "why?", thread_ts=root.ts)
        found.add((await office.asked(below)).conversation)
    assert len(found) == 2
    assert not any(office.slack.world.person("ada").id in conversation for conversation in found)


async def test_a_mention_without_words_in_an_older_thread_asks_about_it(office: Office) -> None:
    root = await office.slack.post("max", "general", "why is the sky blue?")
    post = await office.slack.post("mia", "general", "@Switchboard", thread_ts=root.ts)
    turn = await office.asked(post)
    assert turn.kind == "ask"
    await office.answer(turn, "Rayleigh.")
    turn = (await office.stored(turn.id)) or turn
    assert [quote.text for quote in turn.message.quotes] == ["why is the sky blue?"]


async def test_an_edit_leaves_the_model_that_the_question_chose(office: Office) -> None:
    post = await office.slack.post("mia", "general", "@Switchboard --model gpt-4o-mini first")
    turn = await office.asked(post)
    await office.slack.edit("mia", "general", post.ts, "@Switchboard --model gpt-4o-mini second")
    await office.slack.settled()
    turn = (await office.stored(turn.id)) or turn
    assert (turn.message.text, turn.model) == ("second", "gpt-4o-mini")


# ---- "Ask about this" ---------------------------------------------------------------------------------------------


async def form(office: Office, post: Message, *, who: str = "max", where: str = "random") -> Any:
    await office.slack.shortcut(who, where, post.ts, "ask_about_this")
    return await office.slack.until(
        lambda: next(iter(office.slack.views(who)), None), what="no form opened"
    )


async def test_the_form_is_prefilled_and_the_answer_goes_under_the_message(office: Office) -> None:
    post = await office.slack.post("mia", "random", "Monads are burritos")
    view = await form(office, post)
    assert view.definition["blocks"][0]["element"]["initial_value"] == "Explain this"
    await office.slack.submit_view(view.id, "max", {})
    (turn,) = await office.turns()
    assert turn.message.text == "Explain this"
    assert turn.message.author.id == office.slack.world.person("max").id
    assert [quote.text for quote in turn.message.quotes] == ["Monads are burritos"]
    await office.answer(turn, "A joke.")
    await office.slack.shows("A joke.", thread_ts=post.ts)
    assert office.slack.views("max") == []
    after = await office.slack.post("max", "random", "@Switchboard why", thread_ts=post.ts)
    assert (await office.asked(after)).conversation == turn.conversation


async def test_a_form_may_ask_anything_about_a_reply_or_an_answer_of_the_bots(
    office: Office,
) -> None:
    root = await office.slack.post("mia", "random", "@Switchboard hi")
    first = await office.asked(root)
    await office.answer(first, "Hello.")
    answer = await office.slack.shows("Hello.", thread_ts=root.ts)
    view = await form(office, answer)
    await office.slack.submit_view(view.id, "max", {"words": "/model is a word here"})
    turn = (await office.turns())[-1]
    assert turn.message.text == "/model is a word here"
    assert turn.conversation == first.conversation
    assert turn.message.quotes[0].author.lower() == "switchboard"


async def test_a_form_that_is_sent_twice_asks_once(office: Office) -> None:
    post = await office.slack.post("mia", "random", "Monads are burritos")
    view = await form(office, post)
    await office.slack.submit_view(view.id, "max", {})
    office.slack.workspace.show_view(view)
    await office.slack.submit_view(view.id, "max", {})
    assert len(await office.turns()) == 1


@pytest.mark.parametrize("kept", [b"", b"garbage", b"[]", b'{"quote": "garbage"}'])
async def test_a_form_that_is_too_old_or_of_which_nothing_can_be_read_says_so(
    office: Office, kept: bytes
) -> None:
    post = await office.slack.post("mia", "random", "Monads are burritos")
    view = await form(office, post)
    key = office.store.key("form", view.definition["private_metadata"])
    await (office.redis.set(key, kept) if kept else office.redis.delete(key))
    ack = await office.slack.submit_view(view.id, "max", {})
    assert ack is not None
    assert "too old" in ack["errors"]["question"]
    assert await office.turns() == []


@pytest.mark.parametrize("error", ["expired_trigger_id", "missing_scope", "internal_error"])
async def test_a_form_that_slack_does_not_open_is_told(office: Office, error: str) -> None:
    post = await office.slack.post("mia", "random", "Monads are burritos")
    office.slack.will_refuse("views.open", error)
    await office.slack.shortcut("max", "random", post.ts, "ask_about_this")
    assert "did not let me open" in await office.told("max")


async def test_a_form_where_the_bot_is_not_is_told_by_its_address(office: Office) -> None:
    post = await office.slack.post("mia", "quiet", "Monads are burritos")
    view = await form(office, post, where="quiet")
    await office.slack.submit_view(view.id, "max", {})
    (turn,) = await office.turns()
    await office.answer(turn, "A joke.")
    assert "invite me" in await office.told("max")


def test_all_actions_are_known_to_these_tests() -> None:
    assert {str(action) for action in Action} == {
        *("ask", "show", "list", "new", "help", "set", "reset", "lock", "unlock"),
        *("stop", "retry", "stop its answer", "have it answered again"),
    }
