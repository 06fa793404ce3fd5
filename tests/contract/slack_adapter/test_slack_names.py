"""Slack's events carry ids. Where several people speak, the adapter asks for their names, once in days."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.names import NAME_TTL, NAMELESS_TTL, Names
from bot.types import Turn
from tests.contract.slack_adapter.office import Office, mention

MIA, MAX, ADA = "U0MEMBER01", "U0MEMBER02", "U0ADMIN001"


def asked_for(office: Office) -> list[str]:
    """Of whom Slack was asked."""
    return [str(call.args["user"]) for call in office.slack.calls_of("users.info")]


async def names(office: Office, *people: str) -> dict[str, str]:
    return await Names(office.store).of("slack", office.team, people)


async def reply(
    office: Office, who: str, root: str, words: str = "and?", where: str = "general"
) -> Turn:
    """A question that goes on in a thread, and is answered: by then all that it waits for is there."""
    turn = await office.asked(await office.slack.post(who, where, words, thread_ts=root))
    await office.answer(turn, f"To {words}")
    await office.at_rest()
    return (await office.stored(turn.id)) or turn


async def begun(office: Office, who: str = "mia") -> str:
    turn = await mention(office, who=who)
    await office.answer(turn, "Hello.")
    await office.at_rest()
    return turn.message.id


async def test_of_one_person_in_a_thread_nothing_is_read(office: Office) -> None:
    root = await begun(office)
    for words in ("and?", "@Switchboard and then?", "@max said so"):
        await reply(office, "mia", root, f"@Switchboard {words}")
    assert not asked_for(office)
    assert office.slack.calls_of("conversations.replies") == []


async def test_when_another_one_speaks_both_names_are_there_before_the_answer(
    office: Office,
) -> None:
    root = await begun(office)
    turn = await reply(office, "max", root)
    assert await names(office, MIA, MAX) == {MIA: "mia", MAX: "max"}
    assert turn.message.others == ()
    assert sorted(asked_for(office)) == [MIA, MAX]


async def test_nobodys_name_is_asked_for_twice_in_days(office: Office) -> None:
    first, second = await begun(office), await begun(office, "max")
    for who in ("max", "mia", "max"):
        await reply(office, who, first)
        await reply(office, who, second)
    await reply(office, "ada", first)
    assert sorted(asked_for(office)) == [ADA, MIA, MAX]
    ttl = await office.redis.ttl(office.store.key("name", "slack", office.team, MIA))
    assert NAME_TTL - 60 < ttl <= NAME_TTL


async def test_below_a_slash_commands_question_its_asker_is_known(office: Office) -> None:
    """The thread's root is ours there, and tells nobody else."""
    await office.slack.command("mia", "random", "/ai ask why")
    (asked,) = await office.turns()
    await office.answer(asked, "Because.")
    root = str((await office.slack.shows("Because.")).root_ts)
    await reply(office, "mia", root, where="random")
    assert not asked_for(office)
    await reply(office, "max", root, where="random")
    assert sorted(asked_for(office)) == [MIA, MAX]


async def test_below_an_announcement_of_the_bots_nobody_is_asked_for(office: Office) -> None:
    await office.slack.command("ada", "random", "/ai model set gpt-4o-mini")
    announced = await office.slack.until(
        lambda: next(iter(office.slack.channel_messages("random")), None), what="not announced"
    )
    before = asked_for(office)  # what the admin may do
    await reply(office, "mia", announced.ts, where="random")
    assert asked_for(office) == before


async def test_in_somebody_elses_thread_the_one_read_is_that_of_the_thread(office: Office) -> None:
    root = await office.slack.post("max", "general", "We ship on Friday.")
    await office.slack.post("ada", "general", "Good.", thread_ts=root.ts)
    turn = await reply(office, "mia", root.ts, "@Switchboard who said that?")
    assert [quote.by for quote in turn.message.quotes] == [MAX, ADA]
    await reply(office, "mia", root.ts, "@Switchboard and when?")
    assert not asked_for(office)
    assert len(office.slack.calls_of("conversations.replies")) == 1


async def test_whose_message_a_form_is_about_is_not_asked_for(office: Office) -> None:
    post = await office.slack.post("max", "general", "Monads are burritos")
    await office.slack.shortcut("mia", "general", post.ts, "ask_about_this")
    view = await office.slack.until(
        lambda: next(iter(office.slack.views("mia")), None), what="no form opened"
    )
    await office.slack.submit_view(view.id, "mia", {"words": "why"})
    (turn,) = await office.turns()
    await office.answer(turn, "Because.")
    await office.at_rest()
    assert not asked_for(office)


@pytest.mark.parametrize(
    ("error", "how"),
    [
        ("unknown_method", {}),
        ("user_not_found", {}),
        ("internal_error", {"status": 500}),
        ("fatal_error", {}),
    ],
)
async def test_a_name_that_slack_does_not_tell_costs_no_more_than_the_name(
    office: Office, error: str, how: dict[str, Any]
) -> None:
    root = await begun(office)
    for _ in range(2):
        office.slack.will_refuse("users.info", error, **how)
    await reply(office, "max", root)
    assert await names(office, MIA, MAX) == {MIA: "", MAX: ""}
    before = asked_for(office)
    await reply(office, "max", root, "once more")
    assert asked_for(office) == before, "not at each question"
    ttl = await office.redis.ttl(office.store.key("name", "slack", office.team, MIA))
    assert 0 < ttl <= NAMELESS_TTL


async def test_where_slack_says_later_nobody_is_nameless(office: Office) -> None:
    """Whoever was met in those seconds was taken for nameless for ten minutes, and Slack had not been asked."""
    root = await begun(office)
    for _ in range(2):
        office.slack.will_refuse("users.info", "ratelimited", retry_after=30)
    await reply(office, "max", root)
    assert await names(office, MIA, MAX) == {}
    before = asked_for(office)
    await reply(office, "max", root, "once more")
    assert asked_for(office) == before, "not before that"


async def test_a_slack_that_does_not_answer_holds_no_question_up(office: Office) -> None:
    root = await begun(office)
    held = [office.slack.will_hold("users.info") for _ in range(2)]
    await reply(office, "max", root)
    assert await names(office, MIA, MAX) == {MIA: "", MAX: ""}
    for each in held:
        each.set()


@pytest.mark.parametrize(
    ("name", "kept"), [("Mi\ud800a\x00\x07", "Mia"), (" \u2060\u200b", ""), ("⟦Mia\n⟧", "⟦Mia\n⟧")]
)
async def test_any_name_can_be_kept(office: Office, name: str, kept: str) -> None:
    """What a note makes of it is the prompt's business."""
    people = office.slack.world.people
    people[MIA] = replace(people[MIA], name=name, real_name=name)
    root = await begun(office, MIA)
    await reply(office, "max", root)
    assert await names(office, MIA) == {MIA: kept}
