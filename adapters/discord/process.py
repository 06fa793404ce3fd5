"""The Discord process: a client under a supervisor, because some faults of the gateway end discord.py."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
import discord
import yarl
from bot.models import Catalog
from discord.gateway import DiscordWebSocket
from discord.http import HTTPClient, Route

from adapters.discord.listening import Listening
from adapters.discord.places import Places
from adapters.discord.rest import Rest
from adapters.discord.sending import Discord
from adapters.discord.slash import Tree, command_tree, on_interaction
from adapters.files.download import open_session
from adapters.files.origins import Origins
from adapters.process import Adapter
from bot.errors import PlaceGone, SettingsError
from bot.proxies import proxy_for
from bot.settings import DiscordSettings
from bot.types import Turn

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = (
    1.0,
    60.0,
)  # s between two lives of the client; 1,000 IDENTIFY a day are allowed
HEALTHY_SECONDS = 60.0  # a life that lasted so long starts the pauses anew
BAD_TOKEN, BAD_INTENTS = 4004, 4014  # close codes that no retry mends


def intents(*, reads_all: bool) -> discord.Intents:
    """Guilds, messages and direct messages; the content of others' messages only where the operator wants it."""
    wanted = discord.Intents.none()
    wanted.guilds = True
    wanted.guild_messages = True
    wanted.dm_messages = True
    wanted.message_content = reads_all
    return wanted


async def serve(settings: DiscordSettings) -> None:
    """Until SIGTERM. Raises SettingsError where Discord rejects the token or the intent."""
    Route.BASE = settings.discord_api_url.rstrip("/")
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.discord_gateway_url)
    origins = Origins.discord(settings.attachment_origins)
    async with open_session(origins) as files:
        lives = Lives(settings, files, origins)
        try:
            await lives.adapter.serve(lives.run, lives.silence)
        finally:
            await lives.end()


class Lives:
    """One client after another: whatever ends the gateway's loop, the next one goes on."""

    def __init__(
        self, settings: DiscordSettings, files: aiohttp.ClientSession, origins: Origins
    ) -> None:
        self._settings = settings
        self._client: Life | None = None
        reads_all = settings.discord_message_content
        rest = Rest(self._http)
        platform = Discord(
            rest,
            lambda: self.adapter.replies,
            self._permissions_of,
            self._application,
            files,
            origins,
            reads_all=reads_all,
        )
        self._catalog = Catalog.load(settings.models_file)
        self.adapter = Adapter(settings, platform, self._catalog)
        places = Places(self.adapter.store, rest)
        self._listening = Listening(self.adapter.intake, platform, places, reads_all=reads_all)
        self._rest = rest

    async def run(self) -> None:
        """Until cancelled."""
        pause, loop = FIRST_PAUSE, asyncio.get_running_loop()
        token = self._settings.discord_token.get_secret_value()
        while True:
            born = loop.time()
            self._client = self._born()
            try:
                await self._client.start(token)
                log.warning("gateway.ended")
            except discord.LoginFailure as error:
                raise SettingsError(["DISCORD_TOKEN: Discord rejects it"]) from error
            except discord.PrivilegedIntentsRequired as error:
                raise SettingsError([_NO_INTENT]) from error
            except discord.ConnectionClosed as error:
                _raise_for(error.code)
                log.warning("gateway.closed code=%s", error.code)
            except (
                Exception
            ) as error:  # the edge of a life: a parser's fault, a refused dial, a lost network
                log.warning("gateway.failed error=%s", type(error).__name__)
            await self._client.end()
            pause = FIRST_PAUSE if loop.time() - born > HEALTHY_SECONDS else pause
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def silence(self) -> None:
        """Take no more events; what is under way still needs the REST client."""
        if self._client is not None:
            await self._client.silence()

    async def end(self) -> None:
        if self._client is not None:
            await self._client.end()

    def _born(self) -> Life:
        settings = self._settings
        return Life(
            self._listening,
            self._catalog,
            self.adapter,
            intents=intents(reads_all=settings.discord_message_content),
            proxy=proxy_for(settings.discord_api_url),
        )

    def _http(self) -> HTTPClient:
        if self._client is None:
            raise ConnectionError("no client yet")
        return self._client.http

    def _application(self) -> str:
        return str(self._client.application_id if self._client else "")

    async def _permissions_of(self, turn: Turn) -> tuple[str, discord.Permissions, frozenset[str]]:
        client, channel = self._client, turn.message.thread.channel
        guild = client.get_guild(int(channel.workspace)) if client else None
        if guild is None:
            raise PlaceGone("The bot is no longer in this server.")
        member = guild.get_member(int(turn.message.author.id))
        try:
            member = member or await guild.fetch_member(int(turn.message.author.id))
        except discord.HTTPException as error:
            raise PlaceGone("The author is no longer in this server.") from error
        place = guild.get_channel(int(channel.id))
        permissions = place.permissions_for(member) if place else member.guild_permissions
        return member.display_name, permissions, frozenset(str(r.id) for r in member.roles)


class Life(discord.Client):
    """One connection to Discord, from login to whatever ends it."""

    def __init__(
        self,
        listening: Listening,
        catalog: Catalog,
        adapter: Adapter,
        *,
        intents: discord.Intents,
        proxy: str | None,
    ) -> None:
        super().__init__(
            intents=intents,
            proxy=proxy,
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,  # edits and deletions come as raw events; nothing is kept here
            chunk_guilds_at_startup=False,
        )
        self._listening = listening
        self._adapter = adapter
        self._silent = False
        self.tree: Tree = command_tree(self, listening, catalog)

    async def setup_hook(self) -> None:
        await self.tree.sync_if_changed(self._adapter.store)

    async def on_ready(self) -> None:
        log.info("discord.ready guilds=%d", len(self.guilds))

    async def on_message(self, message: discord.Message) -> None:
        if not self._silent:
            await self._listening.on_message(self, message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        await self._listening.on_edit(self, event)

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        await self._listening.on_delete(event)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        await on_interaction(self._listening, interaction)

    async def silence(self) -> None:
        """Leave the gateway, keep REST."""
        self._silent = True
        if self.ws is not None:
            await self.ws.close(code=1000)

    async def end(self) -> None:
        if not self.is_closed():
            await self.close()


_NO_INTENT = (
    "SWITCHBOARD_DISCORD_MESSAGE_CONTENT: Discord does not grant this app the Message Content intent; "
    "switch it on in the developer portal, or set this to off"
)


def _raise_for(code: int) -> None:
    """A close code that no retry mends is a fault of the settings."""
    if code == BAD_TOKEN:
        raise SettingsError(["DISCORD_TOKEN: Discord rejects it"])
    if code == BAD_INTENTS:
        raise SettingsError([_NO_INTENT])
