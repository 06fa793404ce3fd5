"""The slash commands and the message command, as Discord is told of them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import discord
from bot.commands import Ask, Command, parse_mention
from bot.models import Catalog
from discord import app_commands

from adapters.discord.listening import FORM, Listening
from bot.errors import UserError
from bot.store import RedisError, Store, text

log = logging.getLogger(__name__)

Slash = app_commands.Command[Any, ..., None]
Run = Callable[[discord.Interaction, str], Awaitable[None]]

ABOUT = "Ask about this"
CHOICES = 25  # the most that Discord shows
SCOPES = [
    app_commands.Choice(name=name, value=name)
    for name in ("channel", "thread", "category", "workspace")
]
EVERYWHERE = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False)


def command_tree(client: discord.Client, listening: Listening, catalog: Catalog) -> Tree:
    """All commands of the bot. Who may do what is decided where a command is run, not here."""
    tree = Tree(client, allowed_contexts=EVERYWHERE)
    tree.listening = listening
    tree.add_command(_ask(listening, catalog))
    tree.add_command(_model(listening, catalog))
    for word, what in (
        ("new", "Start a new conversation here"),
        ("help", "What I can do and how to ask"),
    ):
        tree.add_command(_simple(listening, word, what))
    tree.add_command(app_commands.ContextMenu(name=ABOUT, callback=_about(listening)))
    return tree


class Tree(app_commands.CommandTree[discord.Client]):
    """Answers also where a command fails: silence would read "the application did not respond"."""

    listening: Listening

    async def on_error(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError
    ) -> None:
        log.error("command.failed interaction=%s", interaction.id, exc_info=error)
        words = f"Sorry, something went wrong on our side (reference {interaction.id})."
        try:
            if interaction.response.is_done():
                await interaction.followup.send(words, ephemeral=True, suppress_embeds=True)
            else:
                await interaction.response.send_message(words, ephemeral=True, suppress_embeds=True)
        except (discord.HTTPException, OSError) as late:
            log.warning(
                "command.unanswered interaction=%s error=%s", interaction.id, type(late).__name__
            )

    async def sync_if_changed(self, store: Store) -> None:
        """Tell Discord of the commands, but only when they differ from what it was told last."""
        application = self.client.application_id
        told = store.key("discord", "commands", str(application))
        shape = [command.to_dict(self) for command in self.get_commands()]
        digest = hashlib.sha256(json.dumps(shape, sort_keys=True).encode()).hexdigest()
        try:
            if text(await store.redis.get(told)) == digest:
                return
            await self.sync()
            await store.redis.set(told, digest)
            log.info("commands.synced count=%d", len(shape))
        except (discord.HTTPException, RedisError, OSError, TimeoutError) as error:
            # The bot answers mentions all the same; the next start tries again.
            log.error("commands.unsynced error=%s", type(error).__name__)


async def on_interaction(listening: Listening, interaction: discord.Interaction) -> None:
    """A submitted form, whichever process opened it. discord.py itself handles the rest."""
    data: Mapping[str, Any] = interaction.data or {}
    is_form = interaction.type is discord.InteractionType.modal_submit
    if is_form and str(data.get("custom_id", "")).startswith(FORM):
        await listening.on_form(interaction)


def _ask(listening: Listening, catalog: Catalog) -> Slash:
    @app_commands.command(name="ask", description="Ask the model of this channel, or another one")
    @app_commands.describe(
        prompt="Your question",
        image="A picture to go with it",
        model="Another model, for this question only",
        private="Only you see the answer",
    )
    async def ask(
        interaction: discord.Interaction,
        prompt: app_commands.Range[str, 1, 6000],
        image: discord.Attachment | None = None,
        model: str | None = None,
        private: bool = False,
    ) -> None:
        wanted = Ask(prompt, model)
        await listening.on_command(interaction, wanted, prompt, image=image, private=private)

    _autocomplete(ask, catalog)
    return ask


def _model(listening: Listening, catalog: Catalog) -> app_commands.Group:
    group = app_commands.Group(name="model", description="Which model answers here")

    async def run(interaction: discord.Interaction, words: str) -> None:
        line = f"/model {words}"
        await listening.on_command(interaction, read(line), line)

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
        duration: str | None = None,
    ) -> None:
        until = f" for {duration}" if duration else ""
        await run(interaction, f"set {model} {scope or ''}{until}")

    _autocomplete(set_, catalog)
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


def _simple(listening: Listening, word: str, what: str) -> Slash:
    @app_commands.command(name=word, description=what)
    async def simple(interaction: discord.Interaction) -> None:
        await listening.on_command(interaction, read(f"/{word}"), f"/{word}")

    return simple


def _about(
    listening: Listening,
) -> Callable[[discord.Interaction, discord.Message], Coroutine[Any, Any, None]]:
    async def about(interaction: discord.Interaction, message: discord.Message) -> None:
        await listening.on_message_command(interaction, message)

    return about


def _autocomplete(command: Slash, catalog: Catalog) -> None:
    async def models(
        interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        """From memory alone: Discord waits three seconds and asks at each key."""
        found = catalog.search(typed)[:CHOICES]
        return [app_commands.Choice(name=label[:100], value=alias) for alias, label in found]

    command.autocomplete("model")(models)


def read(line: str) -> Command | UserError:
    """The command of a line, or what is wrong with it."""
    try:
        return parse_mention(line)
    except UserError as error:
        return error
