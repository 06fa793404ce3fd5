"""The slash commands and the message command, as Discord is told of them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import discord
from discord import app_commands

from adapters.discord.asking import FORM, UNSAID, Asking, actor_at
from adapters.discord.current import Current
from adapters.discord.listening import FAULT
from bot.access import Action, Admins, authorize
from bot.commands import LATER, Ask, Command, duration, parse_mention
from bot.errors import NotAllowed, UserError
from bot.manual import not_yet
from bot.models import Catalog
from bot.store import AT_TTL, RedisError, Store, text
from bot.types import Scope

log = logging.getLogger(__name__)

Slash = app_commands.Command[Any, ..., None]
Run = Callable[[discord.Interaction, str], Awaitable[None]]

ABOUT = "Ask about this"
CHOICES = 25  # the most that Discord shows
CHOICE_NAME = 100  # characters of one
SYNC_SECONDS = 20.0  # for the command list to be taken
SYNC_AGAIN_SECONDS, SYNC_SELDOM_SECONDS = 60.0, 3600.0
OUTDATED = (
    "Discord still offers you a command that I no longer know. `/help` lists those that I do."
)
STALE = (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)
PROMPT = 6_000  # characters: the most that Discord lets an option have
SCOPES = [
    app_commands.Choice(name=scope.value, value=scope.value)
    for scope in (Scope.CHANNEL, Scope.THREAD, Scope.CATEGORY, Scope.WORKSPACE)
]
# Discord lets no bot into group messages, so they are not offered there.
EVERYWHERE = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False)


def command_tree(client: discord.Client, asking: Asking, offers: Offers) -> Tree:
    """All commands of the bot. Who may do what is decided at `asking`, and again where a command is run."""
    tree = Tree(client, asking)
    tree.add_command(_ask(asking, offers))
    tree.add_command(_model(asking, offers))
    tree.add_command(_simple(asking, "new", "Start a new conversation here"))
    tree.add_command(_simple(asking, "help", "What I can do and how to ask"))
    tree.add_command(app_commands.ContextMenu(name=ABOUT, callback=_about(asking)))
    return tree


@dataclass(frozen=True, slots=True)
class Offers:
    """The models that somebody is offered while typing."""

    catalog: Catalog
    current: Current
    admins: Admins

    async def matching(
        self, interaction: discord.Interaction, typed: str, action: Action
    ) -> list[app_commands.Choice[str]]:
        """From memory: Discord waits three seconds and asks at each key. The model in force comes first."""
        if not self._may(interaction, action):
            return []
        current, today = await self.current.of(interaction), datetime.now(UTC).date()
        found = self.catalog.search(typed, current, today=today)[:CHOICES]
        return [app_commands.Choice(name=name[:CHOICE_NAME], value=alias) for alias, name in found]

    def checked(self, alias: str) -> str:
        """What was chosen, or typed, as it is called; raises UnknownModel, which names the nearest three."""
        return self.catalog.find(_one_word(alias)).alias

    def _may(self, interaction: discord.Interaction, action: Action) -> bool:
        """Whether the person may do this at all, in any scope if it needs one."""
        actor, direct = actor_at(interaction), interaction.guild_id is None
        for scope in Scope:
            try:
                authorize(actor, action, scope, admins=self.admins, direct=direct)
            except NotAllowed:
                continue
            return True
        return False


class Tree(app_commands.CommandTree[discord.Client]):
    """Answers also where a command fails: silence would read "the application did not respond"."""

    def __init__(self, client: discord.Client, asking: Asking) -> None:
        super().__init__(client, allowed_contexts=EVERYWHERE)
        self._asking = asking

    async def on_error(
        self, interaction: discord.Interaction, error: app_commands.AppCommandError
    ) -> None:
        if isinstance(error, STALE):
            data: Mapping[str, Any] = interaction.data or {}
            word = str(data.get("name", ""))
            words = not_yet(word) if word in LATER else OUTDATED
            log.info("command.unknown interaction=%s", interaction.id)
        else:
            words = FAULT.format(interaction.id)
            log.error("command.failed interaction=%s", interaction.id, exc_info=error)
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
                failed = app_commands.AppCommandError(type(error).__name__)
                failed.__cause__ = error
                await self.on_error(interaction, failed)

    def shape(self) -> list[dict[str, Any]]:
        """The commands as Discord is told of them."""
        return [command.to_dict(self) for command in self.get_commands()]

    async def sync_if_changed(self, store: Store) -> bool:
        """Tell Discord of the commands, but only when they differ from what it was told last; False: it would not
        listen, and the bot works on all the same."""
        told = told_key(store, str(self.client.application_id))
        try:
            if text(await store.redis.get(told)) == self.digest():
                return True
            async with asyncio.timeout(SYNC_SECONDS):
                await self.sync()
            await store.redis.set(told, self.digest(), ex=AT_TTL)
        except (discord.DiscordException, RedisError, *UNSAID) as error:
            log.error("commands.unsynced error=%s", type(error).__name__)
            return False
        log.info("commands.synced count=%d", len(self.get_commands()))
        return True

    async def sync_until_told(self, store: Store) -> None:
        """Again, less and less often: 200 creations of commands a day are allowed."""
        pause = SYNC_AGAIN_SECONDS
        while True:
            await asyncio.sleep(pause)
            if await self.sync_if_changed(store):
                return
            pause = min(pause * 2, SYNC_SELDOM_SECONDS)

    def digest(self) -> str:
        """The commands in short: what Discord was told last is kept under it."""
        return hashlib.sha256(json.dumps(self.shape(), sort_keys=True).encode()).hexdigest()


def told_key(store: Store, application: str) -> str:
    """Where it is kept what Discord was told of an app's commands."""
    return store.key("discord", "commands", application)


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
        wanted: Command | UserError
        try:
            alias = offers.checked(model) if model else None
            wanted = Ask(prompt.strip(), alias) if prompt.strip() or image else read("")
        except UserError as error:
            wanted = error
        await asking.on_command(interaction, wanted, prompt, image=image, private=private)

    _autocomplete(ask, offers, Action.ASK)
    return ask


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
