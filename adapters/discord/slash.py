"""The slash commands and the message command, as Discord is told of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import discord
from discord import app_commands

from adapters.discord.asking import Asking
from adapters.discord.offers import Offers
from adapters.discord.tree import Tree
from bot.access import Action
from bot.commands import Ask, Command, duration, parse_mention
from bot.errors import UserError
from bot.types import Scope

Slash = app_commands.Command[Any, ..., None]
Run = Callable[[discord.Interaction, str], Awaitable[None]]

ABOUT = "Ask about this"
PROMPT = 6_000  # characters: the most that Discord lets an option have
SCOPES = [
    app_commands.Choice(name=scope.value, value=scope.value)
    for scope in (Scope.CHANNEL, Scope.THREAD, Scope.CATEGORY, Scope.WORKSPACE)
]


def command_tree(client: discord.Client, asking: Asking, offers: Offers) -> Tree:
    """All commands of the bot. Who may do what is decided at `asking`, and again where a command is run."""
    tree = Tree(client, asking)
    tree.add_command(_ask(asking, offers))
    tree.add_command(_model(asking, offers))
    tree.add_command(_simple(asking, "new", "Start a new conversation here"))
    tree.add_command(_simple(asking, "stop", "Stop your answer, or your question that waits"))
    tree.add_command(_retry(asking, offers))
    tree.add_command(_simple(asking, "help", "What I can do and how to ask"))
    tree.add_command(app_commands.ContextMenu(name=ABOUT, callback=_about(asking)))
    return tree


def _ask(asking: Asking, offers: Offers) -> Slash:
    @app_commands.command(name="ask", description="Ask the model of this channel, or another one")
    @app_commands.describe(
        prompt="Your question",
        image="A picture to go with it",
        model="Another model, for this question only",
        private="Only you see the answer",
    )
    async def ask(
        interaction: discord.Interaction,
        prompt: app_commands.Range[str, 1, PROMPT],
        image: discord.Attachment | None = None,
        model: str | None = None,
        private: bool = False,
    ) -> None:
        alias = _one_word(model) if model else None
        wanted = Ask(prompt.strip(), alias) if prompt.strip() or image else read("")
        await asking.on_command(interaction, wanted, prompt, image=image, private=private)

    _autocomplete(ask, offers, Action.ASK)
    return ask


def _retry(asking: Asking, offers: Offers) -> Slash:
    @app_commands.command(name="retry", description="Answer the latest question again")
    @app_commands.describe(model="Another model")
    async def retry(interaction: discord.Interaction, model: str | None = None) -> None:
        line = f"/retry {_one_word(model) if model else ''}".strip()
        await asking.on_command(interaction, read(line), line)

    _autocomplete(retry, offers, Action.RETRY)
    return retry


def _model(asking: Asking, offers: Offers) -> app_commands.Group:
    group = app_commands.Group(name="model", description="Which model answers here")

    async def run(interaction: discord.Interaction, words: str, until: str | None = None) -> None:
        line = " ".join(f"/model {words} {f'for {until}' if until else ''}".split())
        await asking.on_command(interaction, _checked(line, until), line)

    @group.command(name="show", description="Which model answers here, and why")
    async def show(interaction: discord.Interaction) -> None:
        await run(interaction, "")

    @group.command(name="list", description="The models that you can choose from")
    async def list_(interaction: discord.Interaction) -> None:
        await run(interaction, "list")

    @group.command(name="set", description="Choose the model (admins)")
    @app_commands.describe(
        model="The model", scope="Where it holds", duration="For how long: 30m, 2h, 7d"
    )
    @app_commands.choices(scope=SCOPES)
    async def set_(
        interaction: discord.Interaction,
        model: str,
        scope: str | None = None,
        duration: str | None = None,  # the option's name
    ) -> None:
        await run(interaction, f"set {_one_word(model)} {scope or ''}", duration)

    _autocomplete(set_, offers, Action.SET)
    for word, what in (
        ("reset", "Back to the inherited model (admins)"),
        ("lock", "Pin the model for everything below (admins)"),
        ("unlock", "Lift the lock (admins)"),
    ):
        group.add_command(_scoped(run, word, what))
    return group


def _scoped(run: Run, word: str, what: str) -> Slash:
    @app_commands.command(name=word, description=what)
    @app_commands.describe(scope="Where it holds")
    @app_commands.choices(scope=SCOPES)
    async def scoped(interaction: discord.Interaction, scope: str | None = None) -> None:
        await run(interaction, f"{word} {scope or ''}")

    return scoped


def _simple(asking: Asking, word: str, what: str) -> Slash:
    @app_commands.command(name=word, description=what)
    async def simple(interaction: discord.Interaction) -> None:
        await asking.on_command(interaction, read(f"/{word}"), f"/{word}")

    return simple


def _about(
    asking: Asking,
) -> Callable[[discord.Interaction, discord.Message], Coroutine[Any, Any, None]]:
    async def about(interaction: discord.Interaction, message: discord.Message) -> None:
        await asking.on_message_command(interaction, message)

    return about


def _autocomplete(command: Slash, offers: Offers, action: Action) -> None:
    async def models(
        interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        return await offers.matching(interaction, typed, action)

    command.autocomplete("model")(models)


def _one_word(typed: str) -> str:
    """An option that is one word of the line of its command, whatever was typed into it."""
    return "-".join(typed.split())


def _checked(line: str, until: str | None) -> Command | UserError:
    """The command of a line; its duration is a duration alone and names no scope."""
    try:
        if until:
            duration(until)
    except UserError as error:
        return error
    return read(line)


def read(line: str) -> Command | UserError:
    """The command of a line, or what is wrong with it."""
    try:
        return parse_mention(line)
    except UserError as error:
        return error
