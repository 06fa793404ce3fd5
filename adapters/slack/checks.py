"""Slack's part of `doctor`: both tokens, the granted scopes, the socket, and whom SWITCHBOARD_ADMINS names."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.faults import REJECTED, SCOPE, code_of
from adapters.slack.manifest import OPTIONAL, needs
from adapters.slack.process import named_groups, web_client
from bot.doctor import Finding
from bot.settings import SlackSettings

SECONDS = 8.0  # of one request; the check as a whole has 20
HEADER = "x-oauth-scopes"  # what was granted, with every answer of the Web API
BOT_MEND = "copy the bot token of the page OAuth & Permissions, or install the app again"
APP_MEND = (
    "turn on Socket Mode, and make an app-level token with connections:write on the page "
    "Basic Information"
)
REINSTALL = "make the output of `switchboard manifest slack` the app's manifest, then reinstall it"
NETWORK = "mend SLACK_API_URL, or is the network or a proxy in the way?"

Request = Callable[[], Awaitable[Any]]


async def check(settings: SlackSettings) -> list[Finding]:
    """What `doctor` says of the Slack app that the settings name."""
    app_token = settings.slack_app_token.get_secret_value()
    groups = sorted(named_groups(settings))
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session:
        client = web_client(settings, session)

        async def socket() -> Any:
            return await client.apps_connections_open(app_token=app_token)

        bot, finding = await _asked("SLACK_BOT_TOKEN", client.auth_test, BOT_MEND)
        _, of_socket = await _asked("SLACK_APP_TOKEN", socket, APP_MEND)
        if bot is None:
            return [finding, of_socket]
        unread = [f for group in groups async for f in _unread(client.usergroups_users_list, group)]
        streams = [await _streams(client)] if settings.slack_stream == "native" else []
    granted = _granted(bot.headers, needs_groups=bool(groups))
    return [
        finding,
        of_socket,
        *granted,
        *_elsewhere(settings, str(bot.get("team_id"))),
        *unread,
        *streams,
    ]


async def _asked(setting: str, request: Request, mend: str) -> tuple[Any, Finding]:
    """Slack's answer, and what it says of the token."""
    try:
        answer = await request()
    except SlackApiError as error:
        code = _code(error)
        if code in REJECTED | {"missing_scope"}:
            return None, Finding("broken", f"{setting}: Slack rejects it ({code})", mend)
        return None, Finding("broken", f"{setting}: Slack refuses what it is for ({code})", mend)
    except (aiohttp.ClientError, SlackClientError, OSError, TimeoutError):
        what = f"{setting}: cannot be checked, Slack does not answer"
        return None, Finding("broken", what, NETWORK)
    return answer, Finding("ok", f"slack: {setting} is good")


async def _streams(client: AsyncWebClient) -> Finding:
    """Whether Slack knows the streaming methods: one that is asked about a channel that nobody has."""
    try:
        await client.chat_stopStream(channel="C0000000000", ts="1.000000")
    except SlackApiError as error:
        if (code := _code(error)) in SCOPE:
            what = f"SWITCHBOARD_SLACK_STREAM=native: Slack lets nothing stream here ({code})"
            return Finding("warning", f"{what}; answers are posted and updated", REINSTALL)
    except (aiohttp.ClientError, SlackClientError, OSError, TimeoutError):
        what = "SWITCHBOARD_SLACK_STREAM=native: cannot be checked, Slack does not answer"
        return Finding("warning", what, NETWORK)
    return Finding("ok", "slack: answers can be streams")


def _granted(headers: Any, *, needs_groups: bool) -> Iterator[Finding]:
    """A line for each scope that the manifest asks for and that was not granted."""
    told = next((str(value) for name, value in headers.items() if name.lower() == HEADER), None)
    if told is None:
        yield Finding("warning", "slack: Slack does not tell which scopes were granted", REINSTALL)
        return
    granted = {scope.strip() for scope in told.split(",")}
    lacking = {scope: why for scope, why in needs().items() if scope not in granted}
    for scope, why in lacking.items():
        spare = scope in OPTIONAL and not needs_groups
        what = f"slack: the scope {scope} was not granted, needed for {', '.join(why)}"
        yield Finding("warning" if spare else "broken", what, REINSTALL)
    if not lacking:
        yield Finding("ok", "slack: every scope of the manifest was granted")


def _elsewhere(settings: SlackSettings, team: str) -> Iterator[Finding]:
    """Admins whom nobody here can be."""
    for admin in settings.admins:
        if admin.platform == "slack" and admin.workspace != team:
            what = f"SWITCHBOARD_ADMINS: {admin} is of another workspace than the bot ({team})"
            yield Finding("warning", what, "mend or remove it")


async def _unread(request: Callable[..., Awaitable[Any]], group: str) -> Any:
    try:
        await request(usergroup=group)
    except (SlackApiError, aiohttp.ClientError, SlackClientError, OSError, TimeoutError) as error:
        why = _code(error) if isinstance(error, SlackApiError) else "no answer"
        what = f"SWITCHBOARD_ADMINS: nobody can be told to be in the user group {group} ({why})"
        yield Finding("warning", what, "mend the id, or the scope usergroups:read")


def _code(error: SlackApiError) -> str:
    """Slack's word, which a terminal may show."""
    return code if re.fullmatch(r"[a-z_]{1,60}", code := code_of(error)) else "an unknown error"
