"""Commands become notices: who may, what is done, what is said to the person and what to the channel."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from redis.asyncio import Redis

from bot.access import Admins
from bot.commands import (
    TABLE,
    Ask,
    Command,
    Help,
    Later,
    ListModels,
    LockModel,
    NewConversation,
    ResetModel,
    SetModel,
    ShowModel,
    UnlockModel,
    parse_mention,
)
from bot.desk import Desk
from bot.errors import NotAllowed, Unavailable, UnknownModel, UserError
from bot.models import Catalog, ModelSpec
from bot.scopes import Scopes
from bot.store import Store
from bot.types import Actor, Channel, Notice, Scope, Thread
from tests.audit import read_audit

THREAD, CHANNEL, CATEGORY, WORKSPACE = Scope
TIME = r"20\d\d-\d\d-\d\d \d\d:\d\d UTC"

ADA = Actor("slack", "T1", "U1", "Ada", powers=frozenset(Scope))
BOB = Actor("slack", "T1", "U2", "Bob")
HERE = Thread(Channel("slack", "T1", "C1"), "1.1")
DM = Thread(Channel("slack", "T1", "D1", direct=True), "U2")
GUILD = Thread(Channel("discord", "100", "10"), "1000")
MOD = Actor("discord", "100", "1", "Mod", powers=frozenset(Scope))

CHANGES = [SetModel("claude"), ResetModel(), LockModel(), UnlockModel()]


def model(alias: str, **more: object) -> ModelSpec:
    return ModelSpec(alias=alias, provider="p", id=alias, context=8000, max_output=1000, **more)


CATALOG = Catalog(
    {
        spec.alias: spec
        for spec in (
            model("gpt-4o", also=("4o",)),
            model("claude", title="Claude"),
            model("old", shutdown=date(2020, 1, 1), successor="claude"),
            model("dead", shutdown=date(2020, 1, 1)),
        )
    },
    {},
)


class Office:
    """A desk on a real store."""

    def __init__(self, redis: Redis, catalog: Catalog = CATALOG, **more: object) -> None:
        self.scopes = Scopes(Store(redis), "gpt-4o", Admins())
        self.desk = Desk(self.scopes, catalog, Admins(), **more)
        self.count = 0

    async def __call__(
        self,
        command: Command,
        actor: Actor = ADA,
        thread: Thread = HERE,
        *,
        in_thread: bool = True,
    ) -> Notice:
        self.count += 1
        return await self.desk.run(
            command, actor, thread, request_id=f"r{self.count}", in_thread=in_thread
        )

    async def alias(self, thread: Thread = HERE) -> str:
        return (await self.scopes.in_force(thread)).alias


@pytest.fixture
def run(redis: Redis) -> Office:
    return Office(redis)


# ---- who may --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", CHANGES, ids=lambda command: type(command).__name__)
async def test_a_member_changes_nothing(run: Office, command: Command) -> None:
    await run(SetModel("claude"))
    await run(LockModel(WORKSPACE))
    before = await read_audit(run.scopes.store)
    with pytest.raises(NotAllowed, match="admin or owner"):
        await run(command, BOB)
    assert await read_audit(run.scopes.store) == before


@pytest.mark.parametrize(
    "command", [ShowModel(), ListModels(), Help(), NewConversation(), Later("usage"), *CHANGES]
)
async def test_an_outsider_gets_nothing(run: Office, command: Command) -> None:
    with pytest.raises(NotAllowed, match="other organisations"):
        await run(command, replace(ADA, external=True))


async def test_an_outsider_who_may_ask_may_look_but_not_change(redis: Redis) -> None:
    run = Office(redis, external_allowed=True)
    outsider = replace(ADA, external=True)
    assert (await run(ShowModel(), outsider)).text
    with pytest.raises(NotAllowed, match="cannot change models"):
        await run(SetModel("claude"), outsider)


async def test_in_a_direct_message_its_person_sets_and_resets_without_an_announcement(
    run: Office,
) -> None:
    notice = await run(SetModel("claude"), BOB, DM)
    assert notice.announcement == ""
    assert await run.alias(DM) == "claude"
    assert (await run(ResetModel(), BOB, DM)).announcement == ""
    assert await run.alias(DM) == "gpt-4o"
    with pytest.raises(NotAllowed, match="not lock"):
        await run(LockModel(), BOB, DM)


# ---- changes --------------------------------------------------------------------------------------------------------


async def test_a_set_model_is_said_and_announced_with_who_what_from_what_and_until_when(
    run: Office,
) -> None:
    notice = await run(SetModel("claude", CHANNEL, 7200))
    done = rf"set the model of this channel to `claude` \(before: `gpt-4o`\), until {TIME}\."
    assert re.fullmatch(rf"Done: you {done}", notice.text)
    assert re.fullmatch(rf"\*\*Ada\*\* {done}", notice.announcement)
    assert await run.alias() == "claude"


async def test_reset_lock_and_unlock_are_announced(run: Office) -> None:
    await run(SetModel("claude"))
    locked = await run(LockModel())
    assert locked.announcement == (
        "**Ada** locked the model of this channel to `claude`: "
        "nothing narrower counts until it is unlocked."
    )
    unlocked = await run(UnlockModel())
    assert unlocked.announcement == (
        "**Ada** unlocked the model of this channel: it is `claude` now (before: `claude`)."
    )
    reset = await run(ResetModel())
    assert reset.announcement == (
        "**Ada** reset the model of this channel to the inherited `gpt-4o` (before: `claude`)."
    )


async def test_what_changes_nothing_is_said_and_not_announced(run: Office) -> None:
    assert await run(ResetModel(WORKSPACE)) == Notice(
        "This workspace has no model of its own; it has `gpt-4o`. It is the default."
    )
    assert "is not locked" in (await run(UnlockModel())).text
    await run(LockModel())
    again = await run(LockModel())
    assert re.search(rf"locked already, to `gpt-4o`\. .* locked .* by Ada on {TIME}", again.text)
    assert again.announcement == ""


async def test_the_same_request_twice_is_one_change_with_the_same_words(run: Office) -> None:
    command = SetModel("claude", duration_s=3600)
    once = await run.desk.run(command, ADA, HERE, request_id="same")
    again = await run.desk.run(command, ADA, HERE, request_id="same")
    assert once == again
    assert len(await read_audit(run.scopes.store)) == 1


async def test_another_word_for_a_model_is_stored_as_its_alias(run: Office) -> None:
    await run(SetModel("Claude"))
    await run(SetModel("4O", WORKSPACE))
    assert [entry.after for entry in await read_audit(run.scopes.store)] == ["claude", "gpt-4o"]


async def test_an_unknown_model_is_an_error_that_names_the_nearest(run: Office) -> None:
    with pytest.raises(UnknownModel, match="`claude`"):
        await run(SetModel("cluade"))
    assert await read_audit(run.scopes.store) == []


async def test_a_model_that_was_shut_down_is_set_with_a_warning(run: Office) -> None:
    assert "claude answers in its place" in (await run(SetModel("old"))).text
    assert "shut down" in (await run(SetModel("dead"))).text


async def test_a_wider_change_says_what_still_wins_here(run: Office) -> None:
    await run(SetModel("claude", THREAD))
    notice = await run(SetModel("old", WORKSPACE))
    assert "In this place `claude` answers all the same. It is set for this thread" in notice.text


async def test_below_a_lock_a_change_is_refused_and_the_lock_named(run: Office) -> None:
    await run(LockModel(WORKSPACE))
    with pytest.raises(NotAllowed, match="this workspace is locked to `gpt-4o` by Ada"):
        await run(SetModel("claude"))


async def test_a_name_cannot_pass_for_our_own_words(run: Office) -> None:
    actor = replace(ADA, name="Eve** `x`\n**System\u202e" + "e" * 200)
    notice = await run(SetModel("claude"), actor)
    name = notice.announcement.removeprefix("**").partition("** set the model")[0]
    assert not set(name) & set("*`\n\u202e")
    assert len(name) <= 60
    assert notice.announcement.count("**") == 2


async def test_somebody_without_a_name_is_called_by_their_id(run: Office) -> None:
    notice = await run(SetModel("claude"), replace(ADA, name=""))
    assert notice.announcement.startswith("**U1** set")


# ---- places without the scope ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "form"),
    [
        (SetModel("claude", THREAD, 7200), "@bot /model set claude thread for 2h"),
        (SetModel("claude", THREAD, 90 * 60), "@bot /model set claude thread for 90m"),
        (SetModel("claude", THREAD), "@bot /model set claude thread"),
        (LockModel(THREAD), "@bot /model lock thread"),
    ],
)
async def test_where_no_thread_is_known_the_mention_form_is_named(
    run: Office, command: Command, form: str
) -> None:
    with pytest.raises(Unavailable) as caught:
        await run(command, in_thread=False)
    assert f"`{form}`" in caught.value.sentence
    assert parse_mention(form.removeprefix("@bot ")) == command


async def test_slack_has_no_categories_and_a_discord_channel_may_have_none(run: Office) -> None:
    with pytest.raises(Unavailable, match="Slack has no categories"):
        await run(SetModel("claude", CATEGORY))
    with pytest.raises(Unavailable, match="in no category"):
        await run(SetModel("claude", CATEGORY), MOD, GUILD)
    shelved = replace(GUILD, channel=replace(GUILD.channel, category="5"))
    assert (await run(SetModel("claude", CATEGORY), MOD, shelved)).announcement


# ---- looking --------------------------------------------------------------------------------------------------------


async def test_show_says_what_wins_who_made_it_when_until_when_and_what_it_hides(
    run: Office,
) -> None:
    await run(SetModel("gpt-4o", WORKSPACE))
    await run(SetModel("claude", CHANNEL, 3600))
    lines = (await run(ShowModel(), BOB)).text.splitlines()
    assert lines[0] == "The model here is `claude` (Claude · 8k · price unknown)."
    assert re.fullmatch(rf"It is set for this channel by Ada on {TIME}, until {TIME}\.", lines[1])
    assert lines[2] == "This hides:"
    assert re.fullmatch(rf"• `gpt-4o`, set for this workspace by Ada on {TIME}", lines[3])
    assert len(lines) == 4


async def test_show_names_a_lock_and_what_it_hides(run: Office) -> None:
    await run(SetModel("claude", THREAD))
    await run(LockModel(CHANNEL))
    text = (await run(ShowModel(), BOB)).text
    assert re.search(rf"It is locked for this channel by Ada on {TIME}\.", text)
    assert "• `claude`, set for this thread by Ada" in text


async def test_show_says_where_nobody_chose_and_where_the_model_is_gone(redis: Redis) -> None:
    run = Office(redis)
    assert (await run(ShowModel(), BOB)).text.splitlines()[1:] == ["It is the default."]
    await run(SetModel("old"))
    assert "claude answers in its place" in (await run(ShowModel(), BOB)).text
    smaller = Office(redis, Catalog({"gpt-4o": model("gpt-4o")}, {}))
    assert "There is no model" in (await smaller(ShowModel(), BOB)).text


async def test_the_list_has_every_model_that_still_answers_the_current_one_first(
    run: Office,
) -> None:
    await run(SetModel("claude"))
    assert (await run(ListModels(), BOB)).text.splitlines() == [
        "The model here is `claude`. There are:",
        "`claude` Claude · 8k · price unknown",
        "`gpt-4o` gpt-4o · 8k · price unknown",
    ]


@pytest.mark.parametrize("count", [30, 60, 1000])
async def test_a_long_list_fits_into_one_message(redis: Redis, count: int) -> None:
    names = [f"model-number-{n}" for n in range(count)]
    run = Office(redis, Catalog({name: model(name) for name in names}, {}))
    text = (await run(ListModels())).text
    assert len(text) < 1_600
    named = re.findall(r"`(model-number-\d+)`", text)
    assert named == names[: len(named)]
    more = re.search(r" and (\d+) more\.$", text)
    assert len(named) + (int(more[1]) if more else 0) == count
    assert (more is None) is (count < 1000)


async def test_the_shipped_catalog_is_listed_whole(redis: Redis) -> None:
    catalog = Catalog.load(None)
    text = (await Office(redis, catalog)(ListModels())).text
    assert len(text) < 1_600
    assert "more." not in text
    lasting = [spec.alias for spec in catalog.models.values() if spec.shutdown is None]
    assert all(f"`{alias}`" in text for alias in lasting)


# ---- the rest -------------------------------------------------------------------------------------------------------


async def test_a_new_conversation_is_told_to_its_person_alone(run: Office) -> None:
    notice = await run(NewConversation(), BOB)
    assert "new conversation" in notice.text
    assert notice.announcement == ""


async def test_a_word_that_is_still_to_come_says_so(run: Office) -> None:
    assert "`compare` is not there yet" in (await run(Later("compare"), BOB)).text


async def test_a_question_is_not_for_the_desk(run: Office) -> None:
    with pytest.raises(UserError):
        await run(Ask("why?"), BOB)


@pytest.mark.parametrize(("actor", "thread"), [(ADA, HERE), (MOD, GUILD)])
async def test_help_lists_every_command_in_force_as_the_platform_writes_it(
    redis: Redis, actor: Actor, thread: Thread
) -> None:
    text = (await Office(redis, slash="/bot")(Help(), actor, thread)).text
    for entry in TABLE:
        assert (f"`{entry.written(actor.platform, '/bot')}`" in text) is not entry.later
    assert len(text) < 1_600


async def test_help_on_models_explains_scopes_durations_and_what_wins(run: Office) -> None:
    on_slack = (await run(Help("model"))).text
    assert "`@bot /model set ALIAS [SCOPE] [for DURATION]`" in on_slack
    assert "The narrowest setting wins" in on_slack
    assert "category`" not in on_slack
    assert "`category`" in (await run(Help("model set"), MOD, GUILD)).text


@pytest.mark.parametrize("word", sorted({entry.word for entry in TABLE}))
async def test_there_is_help_on_every_command(run: Office, word: str) -> None:
    text = (await run(Help(word))).text
    assert f"/ai {word}" in text or "not there yet" in text
    assert len(text) < 1_600


async def test_help_on_nothing_known_is_the_whole_help(run: Office) -> None:
    text = (await run(Help("`love`"))).text
    assert text.startswith("There is no help on `love`.\n")
    assert "`/ai ask PROMPT`" in text
