"""Who may do what by which door: every handler that Bolt knows is in this table, with every kind of person."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp

from bot.forms import Admin
from bot.types import Turn
from tests.contract.slack_adapter.office import Office, parts_of

pytestmark = pytest.mark.usefixtures("untraced")  # the same lines by every door

TEAM = "T0PLAYGRND"
PEOPLE = {"owner": "olivia", "admin": "ada", "member": "mia", "guest": "gus", "stranger": "eve"}
CHANGES = ("set gpt-4o-mini", "reset", "lock", "unlock")
HARMLESS = ("model", "model list", "new", "stop", "help")

# Each handler: the doors that lead to it, and how the tests go through them.
DOORS = {
    "on_mention": ("mention",),
    "on_message": ("message", "thread", "edit"),
    "on_command": ("slash",),
    "on_shortcut": ("shortcut",),
    "on_form": ("form",),
    "on_stop": (),  # a stop of whoever pressed the button: test_slack_streaming.py
    "on_button": ("button",),
    "on_anything": (),  # knows nobody and does nothing
}


@pytest.fixture
async def office(closed_office: Office) -> Any:
    """Everybody is in the shared channel, so that everybody may try."""
    world = closed_office.slack.world
    place = world.channel("with-acme")
    everybody = {world.person(name).id for name in PEOPLE.values()}
    world.change_channel(place, members=place.members | everybody)
    async with closed_office.open(admins=(Admin("slack", TEAM, "user", "U0GUEST001"),)) as opened:
        yield opened


async def test_every_handler_is_in_the_table(closed_office: Office) -> None:
    async with parts_of(closed_office) as (_, app):
        assert names(app) == set(DOORS)


def names(app: AsyncApp) -> set[str]:
    return {listener.ack_function.__name__ for listener in app._async_listeners}


async def say(office: Office, who: str, door: str, words: str) -> None:
    """Say a command by a door."""
    place = "with-acme"
    match door:
        case "slash":
            await office.slack.command(who, place, f"/ai {words}")
        case "mention" | "message":
            mention = f"@Switchboard /{words}"
            await office.slack.post(who, place, mention, twins=door)  # type: ignore[arg-type]
        case "thread":
            root = await office.slack.post("mia", place, "@Switchboard hello")
            await office.asked(root)
            await office.slack.post(who, place, f"/{words}", thread_ts=root.ts)
        case "edit":
            post = await office.slack.post(who, place, "@Switchboard hello")
            await office.slack.settled()
            await office.slack.edit(who, place, post.ts, f"@Switchboard /{words}")
    await office.slack.settled()


async def settings(office: Office) -> list[bytes]:
    return sorted(
        [name async for name in office.redis.scan_iter(match=office.store.key("scope", "*"))]
    )


@pytest.mark.parametrize("door", ["slash", "mention", "message", "thread"])
@pytest.mark.parametrize("person", PEOPLE)
async def test_models_are_changed_by_admins_and_owners_alone(
    office: Office, person: str, door: str
) -> None:
    may = person in ("owner", "admin")
    for change in CHANGES:
        before = await office.redis.xlen(office.store.key("audit"))
        await say(office, PEOPLE[person], door, f"model {change}")
        await office.quiet()
        after = await office.redis.xlen(office.store.key("audit"))
        assert (after > before) is may, f"{person} by {door}: {change}"


@pytest.mark.parametrize("person", PEOPLE)
async def test_an_edit_changes_no_model_whoever_makes_it(office: Office, person: str) -> None:
    await say(office, PEOPLE[person], "edit", "model set gpt-4o-mini")
    assert await settings(office) == []


@pytest.mark.parametrize("door", ["slash", "mention", "message"])
async def test_a_stranger_is_refused_everything_in_private(office: Office, door: str) -> None:
    for words in (*HARMLESS, "ask why", "frobnicate"):
        before = len(office.slack.private("eve"))
        await say(office, "eve", door, words)
        assert "other organisations" in await office.told("eve", after=before)
    await office.quiet()
    assert {turn.kind for turn in await office.turns()} == {"notice"}


async def test_a_stranger_in_a_thread_of_the_bots_is_not_heard_without_a_mention(
    office: Office,
) -> None:
    root = await office.slack.post("mia", "with-acme", "@Switchboard hello")
    await office.asked(root)
    aside = await office.slack.post("eve", "with-acme", "me too", thread_ts=root.ts)
    assert await office.turn("with-acme", aside.ts) is None
    assert office.slack.private("eve") == []


async def test_what_a_stranger_says_below_an_unknown_root_is_not_kept(office: Office) -> None:
    root = await office.slack.post("mia", "with-acme", "quiet")
    await office.slack.post("eve", "with-acme", "me too", thread_ts=root.ts)
    await office.slack.settled()
    assert await office.redis.keys("*parked:*") == []
    await office.slack.post("mia", "with-acme", "me too", thread_ts=root.ts)
    await office.slack.settled()
    assert len(await office.redis.keys("*parked:*")) == 1


async def test_a_stranger_gets_no_form(office: Office) -> None:
    post = await office.slack.post("mia", "with-acme", "Monads are burritos")
    await office.slack.shortcut("eve", "with-acme", post.ts, "ask_about_this")
    assert "other organisations" in await office.told("eve")
    assert office.slack.views("eve") == []


async def test_a_stranger_who_has_a_form_gets_no_answer(office: Office) -> None:
    """A form is the person's own; what it says is checked again."""
    post = await office.slack.post("mia", "with-acme", "Monads are burritos")
    await office.slack.shortcut("mia", "with-acme", post.ts, "ask_about_this")
    view = await office.slack.until(
        lambda: next(iter(office.slack.views("mia")), None), what="no form opened"
    )
    office.slack.world.change_person(office.slack.world.person("mia"), team="T0ACME0001")
    await office.slack.submit_view(view.id, "mia", {})
    assert "other organisations" in await office.told("mia")


@pytest.mark.parametrize("person", PEOPLE)
async def test_a_button_stops_an_answer_for_its_asker_and_for_admins(
    office: Office, person: str
) -> None:
    post = await office.slack.post("max", "with-acme", "@Switchboard why")
    turn = await office.asked(post)
    await office.grow(turn, "Because")
    answer = await office.slack.shows("Because", thread_ts=post.ts)
    who = PEOPLE[person]
    await office.slack.click(who, "with-acme", answer.ts, "stop")
    may = person in ("owner", "admin")
    refusal = "other organisations" if person == "stranger" else "Somebody else asked this"
    await office.told(who, "Stopped" if may else refusal)
    lease = office.store.key("lease", turn.conversation)
    assert bool(await office.redis.hget(lease, "stop")) is may


@pytest.mark.parametrize("door", ["slash", "mention", "form"])
@pytest.mark.parametrize("person", ["owner", "admin", "member", "guest"])
async def test_everybody_at_home_may_ask(office: Office, person: str, door: str) -> None:
    who = PEOPLE[person]
    if door == "form":
        post = await office.slack.post("mia", "with-acme", "Monads are burritos")
        await office.slack.shortcut(who, "with-acme", post.ts, "ask_about_this")
        view = await office.slack.until(
            lambda: next(iter(office.slack.views(who)), None), what="no form opened"
        )
        await office.slack.submit_view(view.id, who, {})
    elif door == "slash":
        await office.slack.command(who, "with-acme", "/ai ask why")
    else:
        await office.slack.post(who, "with-acme", "@Switchboard why")
    turns: list[Turn] = await office.turns()
    assert [turn.kind for turn in turns] == ["ask"]


async def test_with_strangers_allowed_they_ask_and_look_and_change_nothing(
    closed_office: Office,
) -> None:
    admins = (Admin("slack", TEAM, "user", "U0EXTERN01"),)
    async with closed_office.open(slack_external="allow", admins=admins) as office:
        post = await office.slack.post("eve", "with-acme", "@Switchboard why")
        assert (await office.asked(post)).kind == "ask"
        below = await office.slack.post("eve", "with-acme", "and?", thread_ts=post.ts)
        assert (await office.asked(below)).kind == "ask"
        await say(office, "eve", "slash", "model")
        assert "gpt-4o" in await office.told("eve", "The model here")
        await say(office, "eve", "slash", "model set gpt-4o-mini")
        assert "cannot change models" in await office.told("eve", "organisations")
        assert await settings(office) == []


async def test_what_a_stranger_makes_of_a_question_is_not_heard(closed_office: Office) -> None:
    """They could ask when it was allowed; an edit is judged like a question, by what is allowed now."""
    async with closed_office.open(slack_external="allow") as office:
        post = await office.slack.post("eve", "with-acme", "@Switchboard why")
        turn = await office.asked(post)
    async with closed_office.open() as office:
        await office.slack.edit("eve", "with-acme", post.ts, "@Switchboard and how")
        await office.slack.settled()
        assert ((await office.stored(turn.id)) or turn).message.text == "why"
    async with closed_office.open(slack_external="allow") as office:
        await office.slack.edit("eve", "with-acme", post.ts, "@Switchboard and when")
        await office.slack.settled()
        assert ((await office.stored(turn.id)) or turn).message.text == "and when"


async def test_whoever_cannot_be_told_from_a_stranger_is_one(office: Office) -> None:
    post = await office.slack.post("mia", "with-acme", "quiet")
    nameless = {"team": None, "user_team": None, "source_team": None}
    await office.deliver(post, ts="1800000000.000100", text="<@U0SWITCHBD> hi", **nameless)
    assert "other organisations" in await office.told("mia")


@pytest.mark.parametrize("role", ["owner", "admin"])
async def test_a_role_counts_as_it_is_when_the_change_is_made(
    closed_office: Office, role: Any
) -> None:
    slack = closed_office.slack
    async with closed_office.open() as office:
        slack.set_role("mia", role)
        await office.slack.command("mia", "general", "/ai model set gpt-4o-mini")
        await office.told("mia", "Done")
    slack.set_role("mia", "member")
    async with closed_office.open() as office:
        await office.slack.command("mia", "general", "/ai model reset")
        await office.told("mia", "Only an admin")


async def test_a_user_group_of_admins_counts_and_one_that_cannot_be_read_does_not(
    closed_office: Office,
) -> None:
    admins = (Admin("slack", TEAM, "group", "S0MODELOPS"),)
    async with closed_office.open(admins=admins) as office:
        await office.slack.command("max", "general", "/ai model set gpt-4o-mini")
        await office.told("max", "Only an admin")
        await office.slack.command("mia", "general", "/ai model set gpt-4o-mini")
        await office.told("mia", "Done")
    closed_office.slack.will_refuse("usergroups.users.list", "missing_scope")
    async with closed_office.open(admins=admins) as office:
        await office.slack.command("mia", "general", "/ai model reset")
        await office.told("mia", "Only an admin")


async def test_a_person_whom_slack_does_not_know_has_no_powers(closed_office: Office) -> None:
    async with closed_office.open() as office:
        office.slack.will_refuse("users.info", "user_not_found")
        await office.slack.command("ada", "general", "/ai model set gpt-4o-mini")
        await office.told("ada", "Only an admin")


async def test_in_a_direct_message_its_person_sets_and_resets_and_does_not_lock(
    closed_office: Office,
) -> None:
    async with closed_office.open() as office:
        await office.slack.command("mia", "dm", "/ai model set gpt-4o-mini")
        await office.told("mia", "Done")
        await office.slack.command("mia", "dm", "/ai model lock")
        await office.told("mia", "not lock")
        await office.slack.command("mia", "dm", "/ai model reset")
        await office.told("mia", "reset")


async def test_two_admins_at_once_both_change_and_are_both_told(closed_office: Office) -> None:
    async with closed_office.open() as office:
        await asyncio.gather(
            office.slack.command("ada", "general", "/ai model set gpt-4o-mini"),
            office.slack.command("olivia", "general", "/ai model set claude"),
        )
        await office.told("ada", "Done")
        await office.told("olivia", "Done")
        assert await office.redis.xlen(office.store.key("audit")) == 2
        assert len(await settings(office)) == 1
