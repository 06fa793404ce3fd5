"""Every door of the Discord adapter asks `authorize`, and what it says holds at each of them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
import pytest_asyncio
from discord import AppCommandType, app_commands

from adapters.discord.asking import FORM
from adapters.discord.client import Client
from adapters.discord.tree import BUTTONS
from bot.access import Action, authorize
from playground.discord import DiscordServer, Interaction, Rules
from tests.contract.discord_adapter.bench import Bench

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("untraced"),  # the same lines by every door
]

Asked = tuple[str, Action]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def modest() -> AsyncIterator[Bench]:
    """With patience: looking on at every call takes its time, and time is no matter here."""
    rules = Rules(ack_seconds=15)
    async with Bench(server=DiscordServer(limits=False, rules=rules)) as bench:
        yield bench
        assert not bench.discord.violations


@contextmanager
def watching() -> Iterator[list[Asked]]:
    """Who was judged for what, seen from outside: the code itself is untouched."""
    seen: list[Asked] = []

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is authorize.__code__:
            seen.append((frame.f_locals["actor"].id, frame.f_locals["action"]))

    sys.setprofile(look)
    try:
        yield seen
    finally:
        sys.setprofile(None)


def slash(words: str, **options: Any) -> Callable[[Bench, str], Awaitable[Interaction]]:
    return lambda bench, channel: bench.discord.slash("mia", channel, words, **options)


def typing(words: str, **others: Any) -> Callable[[Bench, str], Awaitable[Any]]:
    return lambda bench, channel: bench.discord.autocomplete(
        "mia", channel, words, "model", "", **others
    )


async def mention(bench: Bench, channel: str) -> None:
    await bench.discord.post("mia", channel, "@Switchboard may I ask")


async def edit(bench: Bench, channel: str) -> None:
    asked = await bench.discord.post("mia", channel, "@Switchboard may I edit")
    await bench.discord.answered(asked)
    await bench.discord.edit(asked, "@Switchboard I may edit")


async def about(bench: Bench, channel: str) -> Interaction:
    said = await bench.discord.post("noah", channel, "Something to ask about")
    opened = await bench.discord.message_command("mia", channel, said, "Ask about this")
    await bench.discord.when(lambda: bench.discord.interaction(opened).modal)
    return opened


async def form(bench: Bench, channel: str) -> None:
    await bench.discord.submit_modal("mia", await about(bench, channel))


async def button(bench: Bench, channel: str) -> None:
    over = asyncio.Event()
    bench.scribe.will_say("May I be stopped?", when="may be stopped", after=over, first="May I")
    await bench.discord.post("mia", channel, "@Switchboard this may be stopped")
    growing = await bench.discord.shows("May I", channel)
    (row,) = growing.components
    await bench.discord.answered(
        await bench.discord.press("mia", growing, row["components"][0]["custom_id"])
    )
    over.set()


async def button_again(bench: Bench, channel: str) -> None:
    await button(bench, channel)
    stopped = await bench.discord.when(
        lambda: next(
            (m for m in bench.discord.by_bot(channel) if "Stopped here" in m.content), None
        )
    )
    (row,) = stopped.components
    await bench.discord.press("mia", stopped, row["components"][0]["custom_id"])


DOORS: dict[str, tuple[Callable[[Bench, str], Awaitable[Any]], Action]] = {
    "command ask": (slash("ask", prompt="may I"), Action.ASK),
    "command model show": (slash("model show"), Action.SHOW),
    "command model list": (slash("model list"), Action.LIST),
    "command model set": (slash("model set", model="gpt-4o"), Action.SET),
    "command model reset": (slash("model reset"), Action.RESET),
    "command model lock": (slash("model lock"), Action.LOCK),
    "command model unlock": (slash("model unlock"), Action.UNLOCK),
    "command new": (slash("new"), Action.NEW),
    "command stop": (slash("stop"), Action.STOP),
    "command retry": (slash("retry"), Action.RETRY),
    "command help": (slash("help"), Action.HELP),
    "menu Ask about this": (about, Action.ASK),
    "autocomplete ask model": (typing("ask", prompt="x"), Action.ASK),
    "autocomplete retry model": (typing("retry"), Action.RETRY),
    "autocomplete model set model": (typing("model set"), Action.SET),
    f"form {FORM}": (form, Action.ASK),
    "button stop:": (button, Action.STOP),
    "button retry:": (button_again, Action.RETRY),
    "event on_message": (mention, Action.ASK),
    "event on_raw_message_edit": (edit, Action.ASK),
}
NOBODYS = {
    # Discord tells of these without saying who is behind them, or they are about the connection.
    "event on_raw_message_delete": "takes a question back, and can start nothing",
    "event on_raw_bulk_message_delete": "the same for many",
    "event on_interaction": "hands forms and buttons on, which are doors of their own above",
    "event on_ready": "the messages that were missed go through on_message",
    "event on_connect": "",
    "event on_resumed": "",
    "event on_disconnect": "",
    "event on_error": "",
}


def doors(client: Client) -> set[str]:
    """Everything that is registered, as discord.py and the class tell it."""
    tree, found = client.tree, {f"form {FORM}", *(f"button {name}" for name in BUTTONS)}
    for command in tree.walk_commands():
        if isinstance(command, app_commands.Command):
            found.add(f"command {command.qualified_name}")
            found |= {
                f"autocomplete {command.qualified_name} {parameter.name}"
                for parameter in command.parameters
                if parameter.autocomplete
            }
    for kind in (AppCommandType.message, AppCommandType.user):
        found |= {f"menu {menu.name}" for menu in tree.get_commands(type=kind)}
    return found | {f"event {name}" for name in vars(Client) if name.startswith("on_")}


async def test_the_table_of_doors_is_complete(modest: Bench) -> None:
    assert modest.lives.client is not None
    assert doors(modest.lives.client) == DOORS.keys() | NOBODYS.keys()


@pytest.mark.parametrize("door", DOORS)
async def test_each_door_asks_whether_its_user_may(modest: Bench, door: str) -> None:
    use, action = DOORS[door]
    channel = await modest.channel()
    mia = modest.discord.world.person("mia").id
    with watching() as seen:
        await use(modest, channel)
        asked = 2 if door == "event on_raw_message_edit" else 1  # the question, then its edit
        await modest.until(lambda: seen.count((mia, action)) >= asked)
        await modest.at_rest()


CHANGES = (Action.SET, Action.RESET, Action.LOCK, Action.UNLOCK)
MAY: dict[str, set[str]] = {
    "mia": set(),
    "mara": {"channel"},
    "adam": {"channel", "workspace"},
    "olivia": {"channel", "workspace"},
}


@pytest.mark.parametrize("who", MAY)
@pytest.mark.parametrize("by", ["slash", "mention"])
async def test_who_may_change_what(modest: Bench, who: str, by: str) -> None:
    discord = modest.discord
    for scope in ("channel", "workspace"):
        for action in CHANGES:
            channel = await modest.channel()
            model = {"model": "gpt-4o"} if action is Action.SET else {}
            if by == "slash":
                asked: Any = await discord.slash(
                    who, channel, f"model {action}", scope=scope, **model
                )
            else:
                words = " ".join(["/model", action, *model.values(), scope])
                asked = await discord.post(who, channel, f"@Switchboard {words}")
            said = (await discord.answered(asked)).content
            await modest.at_rest()
            assert ("Only people with" not in said) is (scope in MAY[who]), (scope, action, said)


@pytest.mark.parametrize("action", CHANGES)
async def test_in_a_direct_message_its_person_may_set_and_reset(
    modest: Bench, action: Action
) -> None:
    model = {"model": "gpt-4o-mini"} if action is Action.SET else {}
    asked = await modest.discord.slash("mia", "dm", f"model {action}", **model)
    said = (await modest.discord.answered(asked)).content
    assert ("but not lock it" in said) is (action in (Action.LOCK, Action.UNLOCK))
    await modest.at_rest()
