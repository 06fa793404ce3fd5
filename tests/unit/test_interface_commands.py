"""docs/interface.md lists exactly the commands of the table, written as the table writes them."""

import re
from itertools import product
from pathlib import Path
from typing import Any

import discord
import pytest

from adapters.discord.slash import command_tree
from bot.commands import TABLE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "interface.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


def rows(page: str = PAGE) -> list[list[str]]:
    table = re.search(
        r"^\| what \| Slack \|.*?\n\|[-|]+\n(.*?)\n\n", page, re.DOTALL | re.MULTILINE
    )
    assert table
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in table[1].splitlines()]


def forms(cell: str) -> list[str]:
    """The commands of a cell, `lock|unlock` as two; an example's alias reads ALIAS."""
    found: list[str] = []
    for span in re.findall(r"`([^`]+)`", cell.replace("\\|", "|")):
        words = [
            word.split("|") if "[" not in word and "]" not in word else [word]
            for word in span.replace("--model claude", "--model ALIAS").split(" ")
        ]
        found += [" ".join(choice) for choice in product(*words)]
    return found


def column(number: int, *, later: bool) -> list[str]:
    return [
        form for row in rows() if ("*(later)*" in row[0]) is later for form in forms(row[number])
    ]


@pytest.mark.parametrize("later", [False, True])
def test_slack_has_the_commands_of_the_page(later: bool) -> None:
    ours = [entry.written("slack", "/ai") for entry in TABLE if entry.later is later]
    assert sorted(ours) == sorted(column(1, later=later))


@pytest.mark.parametrize("later", [False, True])
def test_discord_has_the_commands_of_the_page(later: bool) -> None:
    ours = [paged(entry.written("discord", "/ai")) for entry in TABLE if entry.later is later]
    assert sorted(ours) == sorted(column(2, later=later))


def paged(form: str) -> str:
    """The option of `/retry` is the ALIAS of its other forms, and the page names it there alone."""
    return form.replace("/retry [model:]", "/retry")


def registered() -> list[str]:
    """Discord's commands as it is told of them, written as the page writes them."""
    nobody: Any = None  # asked by whoever runs a command, and none is run here
    tree = command_tree(discord.Client(intents=discord.Intents.none()), nobody, nobody)
    forms = []
    for command in tree.shape():
        if command["type"] != discord.AppCommandType.chat_input.value:
            continue
        below = [o for o in command["options"] if o["type"] == 1]  # subcommands
        for one in below or [command]:
            name = f"/{command['name']} {one['name']}" if below else f"/{command['name']}"
            options = [
                f"{option['name']}:" if option.get("required") else f"[{option['name']}:]"
                for option in one["options"]
            ]
            forms.append(" ".join([name, *options]))
    return forms


def test_discord_is_told_of_exactly_the_commands_of_the_page() -> None:
    promised = set(column(2, later=False)) - {"/ask model:"}  # one option of `/ask`
    assert set(map(paged, registered())) == promised


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_readme_has_the_same_commands_in_force(number: int) -> None:
    shown = [form for row in rows(README) for form in forms(row[number])]
    assert sorted(shown) == sorted(column(number, later=False))


@pytest.mark.parametrize("form", column(3, later=False) + column(3, later=True))
def test_a_mention_is_written_as_the_page_says(form: str) -> None:
    ours = [re.sub(r" ?\[[^]]*\]", "", entry.in_mention()) for entry in TABLE]
    if form.endswith(" …"):
        assert any(known.startswith(form.removesuffix(" …")) for known in ours)
    else:
        assert form in ours
