"""What autocomplete offers: models from memory, the one in force first, and nothing to those who may not choose."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime

import discord
from discord import app_commands

from adapters.discord.asking import actor_at, place_of
from adapters.discord.parse import place
from adapters.discord.places import Place, Places
from adapters.refusals import OUTAGE
from bot.access import Action, Admins, authorize
from bot.errors import BotError, NotAllowed
from bot.models import Catalog
from bot.scopes import Scopes
from bot.types import Scope, Thread

log = logging.getLogger(__name__)

CHOICE_NAME = 100  # characters of one
FIRST_SECONDS = 0.2  # what the first look at a place may hold up
REMEMBERED = 10_000  # places


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
        found = self.catalog.search(typed, current, today=today)
        return [app_commands.Choice(name=name[:CHOICE_NAME], value=alias) for alias, name in found]

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


class Current:
    """The model in force in a place, as this process last saw it; looks anew in the background each time."""

    def __init__(self, scopes: Scopes, places: Places) -> None:
        self._scopes = scopes
        self._places = places
        self._aliases: dict[str, str] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}

    async def of(self, interaction: discord.Interaction) -> str:
        """The alias; the default one as long as nothing is known of the place."""
        where = place_of(interaction)
        look = self._looking.get(where)
        if look is None:
            look = self._looking[where] = asyncio.create_task(self._look(interaction, where))
            look.add_done_callback(lambda _: self._looking.pop(where, None))
        if where not in self._aliases:
            await asyncio.wait([look], timeout=FIRST_SECONDS)
        return self._aliases.get(where, self._scopes.default)

    async def _look(self, interaction: discord.Interaction, where: str) -> None:
        guild = str(interaction.guild_id) if interaction.guild_id else None
        try:
            found = Place()
            if guild is not None:
                found = await self._places.of(interaction.channel, interaction.guild, where)
            home = place(guild, where, found.parent, found.category)
            root = str(interaction.user.id) if home.direct else where
            choice = await self._scopes.in_force(Thread(home, root))
        except (*OUTAGE, BotError, discord.DiscordException) as error:
            log.info("offer.unknown error=%s", type(error).__name__)
            return  # what is remembered serves on
        if len(self._aliases) >= REMEMBERED:
            self._aliases.clear()
        self._aliases[where] = choice.alias
