"""The model in force in a place, as this process last saw it: what autocomplete offers first."""

from __future__ import annotations

import asyncio

import discord

from adapters.discord.asking import place_of
from adapters.discord.parse import place
from adapters.discord.patience import OUTAGE
from adapters.discord.places import Place, Places
from bot.errors import BotError
from bot.scopes import Scopes
from bot.types import Thread

FIRST_SECONDS = 0.2  # what the first look at a place may hold up
REMEMBERED = 10_000  # places


class Current:
    """Answers from memory, and looks anew in the background each time."""

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
        except (*OUTAGE, BotError):
            return  # what is remembered serves on
        if len(self._aliases) >= REMEMBERED:
            self._aliases.clear()
        self._aliases[where] = choice.alias
