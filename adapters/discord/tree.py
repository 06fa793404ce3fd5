"""The tree of commands: told to Discord when it changed, and answering also where a command fails."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

import discord
from discord import app_commands

from adapters.discord.asking import FORM, UNSAID, Asking
from adapters.discord.listening import FAULT
from adapters.platform import Button
from bot.commands import LATER
from bot.manual import not_yet
from bot.store import AT_TTL, RedisError, Store, text

log = logging.getLogger(__name__)

SYNC_SECONDS = 20.0  # for the command list to be taken
SYNC_AGAIN_SECONDS, SYNC_SELDOM_SECONDS = 60.0, 3600.0
OUTDATED = (
    "Discord still offers you a command that I no longer know. `/help` lists those that I do."
)
BUTTONS = tuple(f"{button}:" for button in Button)  # how their custom ids begin
STALE = (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)
# Discord lets no bot into group messages, so they are not offered there.
EVERYWHERE = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False)


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

    async def on_others(self, interaction: discord.Interaction) -> None:
        """A submitted form or a pressed button, whichever process showed it; discord.py itself knows only those of its
        own process."""
        data: Mapping[str, Any] = interaction.data or {}
        name, kind = str(data.get("custom_id", "")), interaction.type
        try:
            if kind is discord.InteractionType.modal_submit and name.startswith(FORM):
                await self._asking.on_form(interaction)
            elif kind is discord.InteractionType.component and name.startswith(BUTTONS):
                await self._asking.on_button(interaction)
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

    async def sync_until_told(self, store: Store, pause: float = SYNC_AGAIN_SECONDS) -> None:
        """Again, less and less often: 200 creations of commands a day are allowed."""
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
