"""The Discord app becomes findings: token taken, intent granted, commands in step with the code."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import discord
from discord.http import HTTPClient

from adapters.discord.asking import UNSAID
from adapters.discord.process import Lives, at
from adapters.discord.rest import LONGEST_WAIT
from adapters.discord.tree import told_key
from adapters.files.download import open_session
from adapters.files.origins import Origins
from bot.doctor import Finding
from bot.proxies import proxy_for
from bot.settings import DiscordSettings
from bot.store import RedisError, Store, text

INTENT, INTENT_LIMITED = (
    1 << 18,
    1 << 19,
)  # an application's flags: Message Content, verified or small
BOT_PAGE = "on the Bot page of discord.com/developers/applications"
RESTART = "start `switchboard discord`, which tells Discord of them"
NOWHERE = "unix:///dev/null"  # in the place of a Redis that is not set: nothing connects to it
CONTENT = "SWITCHBOARD_DISCORD_MESSAGE_CONTENT"


async def check(settings: DiscordSettings) -> list[Finding]:
    """What `doctor` says of Discord. It asks and changes nothing."""
    at(settings)
    proxy = proxy_for(settings.discord_api_url)
    http = HTTPClient(asyncio.get_running_loop(), proxy=proxy, max_ratelimit_timeout=LONGEST_WAIT)
    try:
        await http.static_login(settings.discord_token.get_secret_value())
        app: Mapping[str, Any] = dict(await http.application_info())
        return [
            Finding("ok", f"DISCORD_TOKEN: accepted, application {app['id']}"),
            _intent(int(app.get("flags") or 0), wanted=settings.discord_message_content),
            await _commands(http, str(app["id"]), settings),
        ]
    except discord.LoginFailure:
        return [Finding("broken", "DISCORD_TOKEN: Discord rejects it", f"reset it {BOT_PAGE}")]
    except UNSAID as error:
        what = f"discord: no answer that can be used ({type(error).__name__})"
        return [Finding("broken", what, "check DISCORD_API_URL, the network and its proxy")]
    finally:
        await http.close()


def _intent(flags: int, *, wanted: bool) -> Finding:
    """Without the privileged intent a connection that asks for it is refused."""
    if not wanted:
        return Finding("ok", f"{CONTENT}: off, only what mentions the bot is read")
    if not flags & (INTENT | INTENT_LIMITED):
        mend = f"switch Message Content Intent on {BOT_PAGE}, or set it to off"
        return Finding("broken", f"{CONTENT}: on, but the app has no such intent", mend)
    return Finding("ok", f"{CONTENT}: on, and the app has the intent")


async def _commands(http: HTTPClient, app: str, settings: DiscordSettings) -> Finding:
    """Compared by name with what Discord has, and by hash with what it was told last."""
    try:
        theirs = {command["name"] for command in await http.get_global_commands(int(app))}
    except UNSAID as error:
        what = f"discord: its list of our commands cannot be read ({type(error).__name__})"
        return Finding("warning", what, "try again later")
    origins = Origins.discord(settings.attachment_origins)
    async with open_session(origins) as files:
        redis = {"redis_url": settings.redis_url or NOWHERE}
        lives = Lives(settings.model_copy(update=redis), files, origins)
        tree, store = lives.born().tree, lives.adapter.store
        told = await _told(store, app) if settings.redis_url else None
        await store.close()
    ours = {command.name for command in tree.get_commands()}
    if ours != theirs:
        names = ", ".join(sorted(ours ^ theirs))
        return Finding("warning", f"discord: its commands are not ours ({names})", RESTART)
    if told not in (tree.digest(), None):
        return Finding("warning", "discord: its commands are of another version", RESTART)
    return Finding("ok", f"discord: {len(ours)} commands in step")


async def _told(store: Store, app: str) -> str | None:
    """The hash of what was told last; None where that is not known."""
    try:
        return text(await store.redis.get(told_key(store, app))) or None
    except (RedisError, OSError):
        return None  # the check of Redis says so
