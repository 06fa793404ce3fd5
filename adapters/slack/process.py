"""The Slack process: Bolt behind two Socket Mode connections, one Web API client, the shared parts."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.files.download import open_session
from adapters.files.origins import Origins
from adapters.process import Adapter
from adapters.refusals import Refusals
from adapters.slack.faults import REJECTED, code_of, translated
from adapters.slack.hooks import Hooks
from adapters.slack.invoking import Invoking
from adapters.slack.listening import Listening
from adapters.slack.parse import Bot
from adapters.slack.people import People
from adapters.slack.pressing import Pressing
from adapters.slack.reading import Reading
from adapters.slack.sending import Slack
from adapters.slack.sharing import Sharing
from adapters.slack.sockets import Sockets
from adapters.slack.streaming import SLOTS, Streams
from adapters.slack.waits import Waits
from bot import dead
from bot.errors import PlatformError, SettingsError
from bot.models import Catalog
from bot.names import Names
from bot.proxies import proxy_for
from bot.settings import CLEARED, SlackSettings
from bot.slots import Slots
from bot.tasks import end
from bot.types import Turn

T = TypeVar("T")

log = logging.getLogger(__name__)

TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)  # s
START_SECONDS = 1.0  # between tries while Slack cannot be reached
UNFIT = REJECTED | {"missing_scope"}  # what no further try mends


async def serve(settings: SlackSettings) -> None:
    """Until SIGTERM. Raises SettingsError where Slack rejects a token."""
    for name in CLEARED:
        os.environ.pop(name, None)
    token = settings.slack_bot_token.get_secret_value()
    origins = Origins.slack(token, settings.attachment_origins)
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session, open_session(origins) as files:
        us = await introduce(client := web_client(settings, session))
        address = await addresses(settings, client)
        sharing = Sharing(lambda: adapter.replies.store, us.team)
        adapter, app = assembled(settings, us, client, files, origins, sharing)
        sockets = Sockets(app, session, address, partial(dead.malformed, adapter.store), us.echoed)

        async def listen() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(sockets.run())
                await sockets.greeted.wait()
                log.info("slack.ready team=%s", us.team)

        counting = asyncio.create_task(sharing.run())
        try:
            await adapter.serve(listen, sockets.close)
        finally:
            await end(counting)


def assembled(
    settings: SlackSettings,
    us: Bot,
    client: AsyncWebClient,
    files: aiohttp.ClientSession,
    origins: Origins,
    sharing: Sharing,
) -> tuple[Adapter, AsyncApp]:
    """Everything behind the sockets: the shared parts with Slack as their platform, and Bolt with all its handlers."""
    allowed = settings.slack_external == "allow"
    session: aiohttp.ClientSession = client.session  # type: ignore[assignment]  # given by `web_client`
    hooks = Hooks(
        session,
        lambda turn: adapter.replies.secret(turn),
        settings.slack_api_url,
        settings.attachment_origins,
    )
    waits = Waits(lambda: adapter.store, us.team)
    people = People(client, waits, us, named_groups(settings), lambda: Names(adapter.store))

    async def stranger(turn: Turn) -> bool:
        try:
            return allowed and (await people.actor(turn.message.author.id)).external
        except (PlatformError, SlackApiError):  # whoever cannot be told from a stranger is one
            return True

    streams = Streams(
        client,
        waits,
        lambda: Slots(adapter.store, f"slack:{us.team}:streams", SLOTS),
        stranger,
        on=settings.slack_stream == "native",
    )
    platform = Slack(
        client,
        waits,
        files,
        origins,
        people,
        Reading(client, waits, us),
        hooks,
        lambda channel, root: listening.resume(channel, root),
        streams,
        sharing,
        lambda turn, message: adapter.replies.leads(turn, message),
        lambda turn: adapter.refusals.refused(turn),
    )
    catalog = Catalog.load(settings.models_file)
    adapter = Adapter(
        settings, platform, catalog, external_allowed=allowed, slash=settings.slack_command
    )
    listening = Listening(adapter.intake, us, platform.notice, external_allowed=allowed)
    app = bolt(settings, client, us)
    register(app, listening, adapter.refusals, client, hooks, settings.slack_command)
    return adapter, app


def web_client(settings: SlackSettings, session: aiohttp.ClientSession) -> AsyncWebClient:
    """The one client: no retries of its own, because a repeated post would be a second message."""
    client = AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        session=session,
        retry_handlers=[],
    )
    client.proxy = proxy_for(settings.slack_api_url)  # slack_sdk would take one for loopback too
    return client


async def introduce(client: AsyncWebClient) -> Bot:
    """Who we are, as soon as Slack can be reached."""
    found = await _started("SLACK_BOT_TOKEN", client.auth_test)
    if not (found.get("team_id") and found.get("user_id")):
        raise SettingsError(["SLACK_API_URL: what answers there does not say who the bot is"])
    return Bot(
        str(found["team_id"]),
        str(found["user_id"]),
        str(found.get("bot_id") or ""),
        str(found.get("user") or "Switchboard"),
        str(found.get("enterprise_id") or ""),
    )


async def addresses(
    settings: SlackSettings, client: AsyncWebClient
) -> Callable[[], Awaitable[str]]:
    """What asks for the address of a socket. The first one is asked for now: it shows that the token is good."""
    token = settings.slack_app_token.get_secret_value()

    async def ask() -> str:
        return str((await client.apps_connections_open(app_token=token))["url"])

    known = [await _started("SLACK_APP_TOKEN", ask)]

    async def address() -> str:
        return known.pop() if known else await ask()

    return address


async def _started(setting: str, request: Callable[[], Awaitable[T]]) -> T:
    """Ask until Slack answers; raises SettingsError where the token is what is wrong."""
    while True:
        wait = START_SECONDS
        try:
            async with translated():
                return await _judged(setting, request)
        except (PlatformError, SlackApiError) as error:
            log.warning("slack.start_waits setting=%s error=%s", setting, type(error).__name__)
            wait = max(wait, getattr(error, "retry_after", 0.0))
        await asyncio.sleep(wait)


async def _judged(setting: str, request: Callable[[], Awaitable[T]]) -> T:
    try:
        return await request()
    except SlackApiError as error:
        if (code := code_of(error)) in UNFIT:
            raise SettingsError([f"{setting}: Slack rejects it ({code})"]) from error
        raise


def named_groups(settings: SlackSettings) -> frozenset[str]:
    """The user groups in SWITCHBOARD_ADMINS."""
    named = (a for a in settings.admins if a.platform == "slack" and a.kind == "group")
    return frozenset(admin.id for admin in named)


def bolt(settings: SlackSettings, client: AsyncWebClient, us: Bot) -> AsyncApp:
    """Bolt, told who we are: nothing is asked of Slack before an ack, and an ack follows its listener."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=us.team,
            bot_token=settings.slack_bot_token.get_secret_value(),
            bot_id=us.bot or None,
            bot_user_id=us.user,
        )

    bare = AsyncWebClient(base_url=client.base_url, session=client.session, retry_handlers=[])
    bare.proxy = client.proxy
    # Without a name Bolt reads its callers' source files for one: more work than all else here together.
    return AsyncApp(
        name="switchboard", client=bare, authorize=authorize, process_before_response=True
    )


def register(
    app: AsyncApp,
    listening: Listening,
    refusals: Refusals,
    client: AsyncWebClient,
    hooks: Hooks,
    command: str,
) -> None:
    """Every handler of the app; `manifest` asks for exactly what they need."""
    listening.register(app)
    Invoking(listening, refusals, client, hooks).register(app, command)
    Pressing(listening, refusals, hooks).register(app)
    listening.register_rest(app)
