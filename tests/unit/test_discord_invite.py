"""The invite asks for exactly what the code does, and no more."""

from __future__ import annotations

import base64
import inspect
from typing import Any
from urllib.parse import parse_qs, urlsplit

import discord
import pytest

from adapters.discord.invite import invite, permissions
from adapters.discord.rest import Rest
from bot.errors import SettingsError
from bot.settings import DiscordSettings

APPLICATION = "1100000000004194304"
VIEW = "read_messages"  # how discord.py calls "View Channel"
NEEDS: dict[str, set[str]] = {
    "post": {VIEW, "send_messages", "send_messages_in_threads", "read_message_history"},
    "history": {VIEW, "read_message_history"},
    "message": {VIEW, "read_message_history"},
    "channel": {VIEW},
    "typing": {"send_messages"},
    "reopen": {"send_messages"},  # of a thread that is not locked
}
# Its own messages, direct messages and interactions need no permission of a channel.
FREE = {"edit", "delete", "direct_channel", "original", "edit_original", "edit_answer"} | {
    "delete_answer",
    "follow_up",
    "open",
    "close",
    "call",
}
FOR_LATER = {"attach_files", "add_reactions"}  # a long answer as a file, the sign of a waiting one


def settings(token: str) -> DiscordSettings:
    given: dict[str, Any] = {"DISCORD_TOKEN": token}
    return DiscordSettings(_env_file=None, **given)


def test_the_permissions_are_those_that_the_calls_need() -> None:
    calls = {n for n, f in inspect.getmembers(Rest, inspect.iscoroutinefunction) if n[0] != "_"}
    assert calls == NEEDS.keys() | FREE
    asked = {name for name, given in permissions() if given}
    assert asked == set().union(*NEEDS.values()) | FOR_LATER
    assert permissions().value == 274878008384
    assert not asked & {name for name, given in discord.Permissions.elevated() if given}


def test_the_address_names_the_application_of_the_token() -> None:
    first = base64.b64encode(APPLICATION.encode()).decode().rstrip("=")
    asked = parse_qs(urlsplit(invite(settings(f"{first}.x.y"))).query)
    assert asked["client_id"] == [APPLICATION]
    assert asked["permissions"] == ["274878008384"]
    assert asked["scope"][0].split() == ["bot", "applications.commands"]


@pytest.mark.parametrize("token", ["hidden", "aGlkZGVu.x.y", "%%%.x.y"])
def test_what_is_no_token_is_said_without_showing_it(token: str) -> None:
    with pytest.raises(SettingsError) as fault:
        invite(settings(token))
    assert "DISCORD_TOKEN" in str(fault.value)
    assert token not in str(fault.value)
