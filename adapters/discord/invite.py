"""The address that invites the bot, asking for the least that it needs."""

from __future__ import annotations

import base64
import binascii

import discord

from bot.errors import SettingsError
from bot.settings import DiscordSettings


def permissions() -> discord.Permissions:
    """View, send (also in threads), attach, read history, react. Without Embed Links Discord makes no previews."""
    return discord.Permissions(
        view_channel=True,
        send_messages=True,
        send_messages_in_threads=True,
        attach_files=True,
        read_message_history=True,
        add_reactions=True,
    )


def invite(settings: DiscordSettings) -> str:
    """The invite URL; the application's id is the first part of the token."""
    if not settings.discord_token.get_secret_value():
        raise SettingsError(["DISCORD_TOKEN: not set"])
    first = settings.discord_token.get_secret_value().split(".")[0]
    try:
        application = base64.b64decode(first + "=" * (-len(first) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError):
        application = ""
    if not application.isdecimal():
        raise SettingsError(["DISCORD_TOKEN: is not a bot token, which names its application"])
    return discord.utils.oauth_url(
        int(application), permissions=permissions(), scopes=("bot", "applications.commands")
    )
