"""The slash commands and the message command, as Discord is told of them."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp
import discord
from discord import app_commands

from adapters.discord.asking import FORM, UNSAID, Asking, actor_at
from bot.access import Action, Admins, authorize
from bot.commands import Ask, Command, parse_mention
from bot.errors import NotAllowed, UserError
from bot.models import Catalog
from bot.store import AT_TTL, RedisError, Store, text
from bot.types import Scope

log = logging.getLogger(__name__)

Slash = app_commands.Command[Any, ..., None]
Run = Callable[[discord.Interaction, str], Awaitable[None]]
May = Callable[[discord.Interaction], bool]

ABOUT = "Ask about this"
CHOICES = 25  # the most that Discord shows
CHOICE_NAME = 100  # characters of one
PROMPT = 6_000  # characters: the most that Discord lets an option have
SCOPES = [
    app_commands.Choice(name=scope.value, value=scope.value)
    for scope in (Scope.CHANNEL, Scope.THREAD, Scope.CATEGORY, Scope.WORKSPACE)
]
# Discord lets no bot into group messages, so they are not offered there.
EVERYWHERE = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False)


def command_tree(client: discord.Client, asking: Asking, catalog: Catalog, admins: Admins) -> Tree:
    """All commands of the bot. Who may do what is decided where a command is run, not here."""
    tree = Tree(client, asking)
    tree.add_command(_ask(asking, catalog))
    tree.add_command(_model(asking, catalog, admins))
    tree.add_command(_simple(asking, "new", "Start a new conversation here"))
    tree.add_command(_simple(asking, "help", "What I can do and how to ask"))
    tree.add_command(app_commands.ContextMenu(name=ABOUT, callback=_about(asking)))
    return tree


class Tree(app_commands.CommandTree[discord.Client]):
    """Answers also where a command fails: silence would read "the application did not respond"."""

    def __init__(self, client: discord.Client, asking: Asking) -> None:
        super().__init__(client, allowed_contexts=EVERYWHERE)
        self._asking = asking

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
        except UNSAID as late:
            log.warning("command.unsaid id=%s error=%s", interaction.id, type(late).__name__)

    async def on_form(self, interaction: discord.Interaction) -> None:
        """A submitted form, whichever process opened it; discord.py itself knows only forms of its own process."""
        data: Mapping[str, Any] = interaction.data or {}
        is_form = interaction.type is discord.InteractionType.modal_submit
        if is_form and str(data.get("custom_id", "")).startswith(FORM):
            try:
                await self._asking.on_form(interaction)
            except Exception as error:  # the edge of an event, as for the commands
                await self.on_error(interaction, app_commands.AppCommandError(str(error)))
                raise

    def shape(self) -> list[dict[str, Any]]:
        """The commands as Discord is told of them."""
        return [command.to_dict(self) for command in self.get_commands()]

    async def sync_if_changed(self, store: Store) -> None:
        """Tell Discord of the commands, but only when they differ from what it was told last."""
        told = store.key("discord", "commands", str(self.client.application_id))
        digest = hashlib.sha256(json.dumps(self.shape(), sort_keys=True).encode()).hexdigest()
        try:
            if text(await store.redis.get(told)) == digest:
                return
            await self.sync()
            await store.redis.set(told, digest, ex=AT_TTL)
            log.info("commands.synced count=%d", len(self.get_commands()))
        except (discord.DiscordException, RedisError, aiohttp.ClientError, OSError) as error:
            # The bot answers mentions all the same; the next connection tries again.
            log.error("commands.unsynced error=%s", type(error).__name__)


def _ask(asking: Asking, catalog: Catalog) -> Slash:
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
        wanted = Ask(prompt.strip(), model) if prompt.strip() or image else read("")
        await asking.on_command(interaction, wanted, prompt, image=image, private=private)

    _autocomplete(ask, catalog, lambda interaction: True)
    return ask


def _model(asking: Asking, catalog: Catalog, admins: Admins) -> app_commands.Group:
    group = app_commands.Group(name="model", description="Which model answers here")

    async def run(interaction: discord.Interaction, words: str) -> None:
        line = f"/model {words}".strip()
        await asking.on_command(interaction, read(line), line)

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
        until = f"for {duration}" if duration else ""
        await run(interaction, f"set {'-'.join(model.split())} {scope or ''} {until}")

    _autocomplete(set_, catalog, lambda interaction: may_set(interaction, admins))
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


def _autocomplete(command: Slash, catalog: Catalog, may: May) -> None:
    async def models(
        interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        """From memory alone: Discord waits three seconds and asks at each key."""
        if not may(interaction):
            return []
        found = catalog.search(typed, today=datetime.now(UTC).date())[:CHOICES]
        return [app_commands.Choice(name=name[:CHOICE_NAME], value=alias) for alias, name in found]

    command.autocomplete("model")(models)


def may_set(interaction: discord.Interaction, admins: Admins) -> bool:
    """Whether the person may set the model of any scope here."""
    actor, direct = actor_at(interaction), interaction.guild_id is None
    for scope in Scope:
        try:
            authorize(actor, Action.SET, scope, admins=admins, direct=direct)
        except NotAllowed:
            continue
        return True
    return False


def read(line: str) -> Command | UserError:
    """The command of a line, or what is wrong with it."""
    try:
        return parse_mention(line)
    except UserError as error:
        return error
