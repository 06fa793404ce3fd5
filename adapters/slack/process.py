"""The Slack process: two Socket Mode connections, one Web API client, the shared parts."""

from __future__ import annotations

import asyncio
import logging
import os

import aiohttp
from bot.models import Catalog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.files.download import open_session
from adapters.files.origins import Origins
from adapters.process import Adapter
from adapters.slack.listening import Listening
from adapters.slack.parse import Bot
from adapters.slack.sending import Slack
from bot.errors import SettingsError
from bot.proxies import proxy_for
from bot.settings import CLEARED, SlackSettings

log = logging.getLogger(__name__)

CONNECTIONS = 2  # the client closes its old socket before it opens the new one; the other one listens meanwhile
PING_SECONDS = 5.0  # a half-open socket is noticed after about twice this
START_SECONDS = 5.0  # between tries while Slack cannot be reached
REJECTED = {
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "not_allowed_token_type",
}


async def serve(settings: SlackSettings) -> None:
    """Until SIGTERM. Raises SettingsError where Slack rejects a token."""
    for name in CLEARED:
        os.environ.pop(name, None)
    timeout = aiohttp.ClientTimeout(total=30, connect=5)
    origins = Origins.slack(
        settings.slack_bot_token.get_secret_value(), settings.attachment_origins
    )
    async with aiohttp.ClientSession(timeout=timeout) as session, open_session(origins) as files:
        client = web_client(settings, session)
        us = await introduce(settings, client)
        groups = frozenset(
            a.id for a in settings.admins if a.platform == "slack" and a.kind == "group"
        )
        platform = Slack(client, files, origins, us, groups)
        adapter = Adapter(
            settings,
            platform,
            Catalog.load(settings.models_file),
            external_allowed=settings.slack_external == "allow",
        )
        listening = Listening(adapter.intake, adapter.conversations, us, client)
        handlers = connections(settings, client, listening, us)

        async def listen() -> None:
            await asyncio.gather(*(_connect(handler) for handler in handlers))
            log.info("slack.ready team=%s", us.team)
            await asyncio.Event().wait()

        async def silence() -> None:
            await asyncio.gather(*(_close(handler) for handler in handlers), return_exceptions=True)

        await adapter.serve(listen, silence)


def web_client(settings: SlackSettings, session: aiohttp.ClientSession) -> AsyncWebClient:
    """The one client: no retries of its own, because a repeated post would be a second message."""
    client = AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url,
        session=session,
        retry_handlers=[],
    )
    client.proxy = proxy_for(settings.slack_api_url)
    return client


async def introduce(settings: SlackSettings, client: AsyncWebClient) -> Bot:
    """Who we are; both tokens are checked, because a bad app token never raises later on."""
    while True:
        try:
            found = await client.auth_test()
            await client.apps_connections_open(
                app_token=settings.slack_app_token.get_secret_value()
            )
            return Bot(found["team_id"], found["user_id"], str(found.get("bot_id") or ""))
        except SlackApiError as error:
            code = error.response.get("error")
            if code in REJECTED or code == "missing_scope":
                name = (
                    "SLACK_APP_TOKEN"
                    if "apps.connections.open" in str(error)
                    else "SLACK_BOT_TOKEN or SLACK_APP_TOKEN"
                )
                raise SettingsError([f"{name}: Slack rejects it ({code})"]) from error
            log.warning("slack.start_waits error=%s", code)
        except (aiohttp.ClientError, SlackClientError, OSError, TimeoutError) as error:
            log.warning("slack.start_waits error=%s", type(error).__name__)
        await asyncio.sleep(START_SECONDS)


def connections(
    settings: SlackSettings, client: AsyncWebClient, listening: Listening, us: Bot
) -> list[AsyncSocketModeHandler]:
    """Bolt, told who we are: nothing is asked of Slack before an ack."""

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
    app = AsyncApp(client=bare, authorize=authorize, process_before_response=True)
    listening.register(app, settings.slack_command)
    handlers = []
    for _ in range(CONNECTIONS):
        handler = AsyncSocketModeHandler(
            app,
            settings.slack_app_token.get_secret_value(),
            ping_interval=PING_SECONDS,
            proxy=client.proxy,
        )
        handlers.append(handler)
    return handlers


async def _connect(handler: AsyncSocketModeHandler) -> None:
    await handler.client.connect()  # type: ignore[no-untyped-call]  # slack_sdk leaves it untyped


async def _close(handler: AsyncSocketModeHandler) -> None:
    await handler.client.close()  # type: ignore[no-untyped-call]
