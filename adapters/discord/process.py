"""The Discord process: one client after another under a supervisor, because some faults end discord.py."""

from __future__ import annotations

import asyncio
import logging

import aiohttp
import discord
import yarl
from discord.backoff import ExponentialBackoff
from discord.gateway import DiscordWebSocket
from discord.http import Route

from adapters.discord.asking import Asking
from adapters.discord.client import Client
from adapters.discord.deferred import Deferred
from adapters.discord.granted import Granted
from adapters.discord.listening import Listening
from adapters.discord.messages import Messages
from adapters.discord.missed import Missed
from adapters.discord.offers import Current, Offers
from adapters.discord.patience import PATIENCE_SECONDS, Patience
from adapters.discord.people import People
from adapters.discord.places import Places
from adapters.discord.reading import Reading
from adapters.discord.rest import Rest
from adapters.discord.sending import Discord
from adapters.files.download import open_session
from adapters.files.origins import Origins
from adapters.process import Adapter
from bot.access import Admins
from bot.errors import SettingsError
from bot.models import Catalog
from bot.proxies import proxy_for
from bot.settings import DiscordSettings
from bot.tasks import end

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # s between two clients; 1,000 IDENTIFY a day are allowed
HEALTHY_SECONDS = 60.0  # a client that lasted so long starts the pauses anew
GATHERING_SECONDS = 2.0  # between two servers that Discord tells of at the start: discord.py's own
HANDLERS_SECONDS = 3.0  # for events under way when the process is told to end

BAD_TOKEN = (
    "DISCORD_TOKEN: Discord rejects it; take a new one from the Bot page of the developer portal"  # noqa: S105  # a sentence
)
NO_INTENT = (
    "SWITCHBOARD_DISCORD_MESSAGE_CONTENT: Discord does not grant this app the Message Content intent; "
    "switch it on in the developer portal, or set this to off"
)
TOO_LARGE = "DISCORD_TOKEN: this bot is in more servers than one connection may serve"
# A refused dial (AttributeError is what discord.py makes of the first one), REST that is away.
EXPECTED = (OSError, TimeoutError, AttributeError, aiohttp.ClientError, discord.DiscordException)
HOPELESS = {4004: BAD_TOKEN, 4010: TOO_LARGE, 4011: TOO_LARGE, 4013: NO_INTENT}
"""Close codes that no retry mends; of 4014 discord.py makes PrivilegedIntentsRequired."""


async def serve(settings: DiscordSettings) -> None:
    """Until SIGTERM. Raises SettingsError where Discord rejects the token or the intent."""
    at(settings)
    origins = Origins.discord(settings.attachment_origins)
    async with open_session(origins) as files:
        lives = Lives(settings, files, origins)
        try:
            await lives.adapter.serve(lives.run, lives.silence)
        finally:
            await lives.end()


def at(settings: DiscordSettings) -> None:
    """Where Discord is: class attributes of discord.py, set before its first client is made."""
    Route.BASE = settings.discord_api_url.rstrip("/")
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.discord_gateway_url)
    discord.client.ExponentialBackoff = Backoff  # type: ignore[attr-defined, assignment]  # only imported there; a class for the same use


class Backoff(ExponentialBackoff[bool]):
    """discord.py's pauses between two dials, which would grow to 17 minutes."""

    def __init__(self) -> None:
        super().__init__()
        self._max = 6  # 2 ** 6 s


class Lives:
    """Whatever ends a client, the next one goes on; what is owed is sent without any."""

    def __init__(
        self,
        settings: DiscordSettings,
        files: aiohttp.ClientSession,
        origins: Origins,
        *,
        patience: float = PATIENCE_SECONDS,
        gathering: float = GATHERING_SECONDS,
    ) -> None:
        self._settings = settings
        self._gathering = gathering
        self._client: Client | None = None
        token = settings.discord_token.get_secret_value()
        rest = self._rest = Rest(token, proxy_for(settings.discord_api_url))
        reads_all = settings.discord_message_content
        self._deferred = Deferred(rest, lambda: self.adapter.replies)
        self._granted = Granted()
        platform = Discord(
            rest,
            self._deferred,
            Messages(rest, lambda: self.adapter.replies),
            People(lambda: self._client, self._granted),
            Reading(rest, files, origins),
            reads_all=reads_all,
            refused=lambda turn: self.adapter.refusals.refused(turn),
        )
        catalog, admins = Catalog.load(settings.models_file), Admins.of(settings.admins)
        self.adapter = Adapter(settings, platform, catalog)
        intake, places = self.adapter.intake, Places(self.adapter.store, rest)
        self._patience, refusals = Patience(seconds=patience), self.adapter.refusals
        self._missed = Missed(self.adapter.store)
        self._listening = Listening(
            intake,
            self._patience,
            refusals,
            places,
            self._missed,
            rest,
            admins,
            reads_all=reads_all,
        )
        self._asking = Asking(
            intake, self._patience, refusals, places, self._missed, self._deferred, admins
        )
        self._offers = Offers(catalog, Current(self.adapter.scopes, places), admins)

    @property
    def client(self) -> Client | None:
        """The connection of the moment, if there is one."""
        return self._client

    async def run(self) -> None:
        """Until cancelled."""
        background = [
            asyncio.create_task(self._deferred.sweep(self.adapter.inbox)),
            asyncio.create_task(self._missed.note()),
        ]
        try:
            await self._live()
        finally:
            await end(*background)

    async def _live(self) -> None:
        pause, loop = FIRST_PAUSE, asyncio.get_running_loop()
        while True:
            born = loop.time()
            self._client = self.born()
            try:
                await self._client.start(self._settings.discord_token.get_secret_value())
                log.warning("gateway.ended")
            except discord.LoginFailure as error:
                raise SettingsError([BAD_TOKEN]) from error
            except discord.PrivilegedIntentsRequired as error:
                raise SettingsError([NO_INTENT]) from error
            except discord.ConnectionClosed as error:
                if error.code in HOPELESS:
                    raise SettingsError([HOPELESS[error.code]]) from error
                log.warning("gateway.closed code=%s", error.code)
            except Exception as error:  # the edge of a client
                surprise = None if isinstance(error, EXPECTED) else error
                log.warning("gateway.failed error=%s", type(error).__name__, exc_info=surprise)
            await self._client.end()
            pause = FIRST_PAUSE if loop.time() - born > HEALTHY_SECONDS else pause
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def silence(self) -> None:
        """Take no more events, and finish those that are under way."""
        if self._client is not None:
            await self._client.silence()
        await self._patience.drained(HANDLERS_SECONDS)

    async def end(self) -> None:
        if self._client is not None:
            await self._client.end()
        await self._rest.close()

    def born(self) -> Client:
        """The next client, not yet connected."""
        settings = self._settings
        return Client(
            self._listening,
            self._asking,
            self._missed,
            self.adapter.store,
            self._offers,
            self._granted,
            reads_all=settings.discord_message_content,
            proxy=proxy_for(settings.discord_api_url),
            gathering=self._gathering,
        )
