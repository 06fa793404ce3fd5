"""Events come complete: fields that a Discord left out are filled in with what their absence means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]

_LONG_AGO = "1970-01-01T00:00:00+00:00"
_USER: Json = {"username": "", "discriminator": "0", "avatar": None}
_MEMBER: Json = {"roles": [], "flags": 0}
_LISTS = ("mentions", "mention_roles", "attachments", "embeds", "components")
_MESSAGE: Json = {
    "content": "",
    "type": 0,
    "edited_timestamp": None,
    "pinned": False,
    "mention_everyone": False,
    "tts": False,
}
_FILE: Json = {"size": 0, "url": "", "proxy_url": ""}
_CHANNEL: Json = {"type": 0, "name": "", "position": 0, "bitrate": 0, "user_limit": 0}
_THREAD: Json = {"name": "", "owner_id": 0, "message_count": 0, "member_count": 0}
_METADATA: Json = {
    "archived": False,
    "auto_archive_duration": 1440,
    "archive_timestamp": _LONG_AGO,
}
_INTERACTION: Json = {"version": 1, "application_id": 0, "attachment_size_limit": 10_485_760}
THREADS = {10, 11, 12}  # channel types: announcement, public and private threads


def completed(name: str, data: Any) -> Any:
    """The payload of an event, with everything that discord.py insists on."""
    fill = _EVENTS.get(name)
    if fill is not None and isinstance(data, dict):
        fill(data)
    return data


def _ready(data: Json) -> None:
    _fill(data, {"guilds": []})
    _user(data.get("user"))


def _guild(data: Json) -> None:
    for role in data.get("roles") or ():
        _fill(role, {"name": ""})
    for channel in data.get("channels") or ():
        _channel(channel)
    if "threads" in data:
        data["threads"] = [thread for thread in data["threads"] if thread.get("parent_id")]
    for thread in data.get("threads") or ():
        _channel(thread)
    for member in data.get("members") or ():
        _fill(member, _MEMBER)
        _user(member.get("user"))


def _channel(data: Json) -> None:
    """A channel, or a thread, which has other fields."""
    if data.get("type") in THREADS:
        _fill(data, _THREAD)
        _fill(data.setdefault("thread_metadata", {}), _METADATA)
    else:
        _fill(data, _CHANNEL)


def _message(data: Json) -> None:
    _fill(data, {**_MESSAGE, **{name: [] for name in _LISTS}})
    _user(data.get("author"))
    _fill(data.get("member"), _MEMBER)
    for user in data["mentions"]:
        _user(user)
        _fill(user.get("member"), _MEMBER)
    for file in data["attachments"]:
        _fill(file, {**_FILE, "filename": str(file.get("id", "file"))})
    if data.get("poll") and not data["poll"].get("expiry"):
        data["poll"]["expiry"] = _LONG_AGO  # a poll without an end
    if data.get("referenced_message"):
        _message(data["referenced_message"])
    for snapshot in data.get("message_snapshots") or ():
        told = snapshot.setdefault("message", {})
        _fill(told, {**_MESSAGE, **{name: [] for name in _LISTS}, "timestamp": None})


def _interaction(data: Json) -> None:
    _fill(data, _INTERACTION)
    if data.get("member"):
        _fill(data["member"], _MEMBER)
        _user(data["member"].get("user"))
    _user(data.get("user"))
    channel = data.get("channel") or {}
    if channel.get("type") in THREADS and not channel.get("parent_id"):
        del channel["type"]  # the place is looked up
    elif "type" in channel:
        _channel(channel)
    asked = data.get("data")
    if not isinstance(asked, dict):
        return
    # discord.py knows the place by the channel's object alone; its id is told beside it too.
    asked.setdefault("channel_id", data.get("channel_id") or channel.get("id"))
    resolved: Mapping[str, Any] = asked.get("resolved") or {}
    for message in (resolved.get("messages") or {}).values():
        _message(message)
    for file in (resolved.get("attachments") or {}).values():
        _fill(file, {**_FILE, "filename": str(file.get("id", "file"))})


def _user(data: Any) -> None:
    _fill(data, _USER)


def _fill(data: Any, defaults: Json) -> None:
    if isinstance(data, dict):
        for name, value in defaults.items():
            data.setdefault(name, value.copy() if isinstance(value, list) else value)


_EVENTS: dict[str, Callable[[Json], None]] = {
    "READY": _ready,
    "GUILD_CREATE": _guild,
    "MESSAGE_CREATE": _message,
    "INTERACTION_CREATE": _interaction,
}
