"""Happenings in the workspace as the event objects that Slack sends about them."""

from playground.slack.messages import Message
from playground.slack.wire import Json, fresh_id
from playground.slack.world import CHANNEL_TYPE, Channel, Person, World

VERIFICATION_TOKEN = "playground-verification"


def posted(message: Message, channel: Channel) -> Json:
    """The `message` event; a file adds the subtype file_share unless another one is there."""
    event = message.as_json()
    if message.files:
        event = {"subtype": "file_share", "upload": False, **event}
    return event | _place(message.ts, channel) | _teams(message, channel)


def mentioned(message: Message, channel: Channel, *, with_files: bool) -> Json:
    """The `app_mention` twin: no subtype, no channel type."""
    event = message.as_json() | {"type": "app_mention"}
    event.pop("subtype", None)
    if not with_files:
        event.pop("files", None)
    place = {"channel": channel.id, "event_ts": message.ts}
    return event | place | _teams(message, channel)


def changed(after: Message, before: Message, channel: Channel, now: str) -> Json:
    return {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "message": after.as_json() | _teams(after, channel),
        "previous_message": before.as_json() | _teams(before, channel),
        "ts": now,
        **_place(now, channel),
    }


def deleted(before: Message, channel: Channel, now: str) -> Json:
    return {
        "type": "message",
        "subtype": "message_deleted",
        "hidden": True,
        "deleted_ts": before.ts,
        "previous_message": before.as_json() | _teams(before, channel),
        "ts": now,
        **_place(now, channel),
    }


def joined(person: Person, channel: Channel, now: str) -> Json:
    letter = "G" if channel.kind in ("private", "mpim") else "C"
    return {
        "type": "member_joined_channel",
        "user": person.id,
        "channel": channel.id,
        "channel_type": letter,
        "team": person.team,
        "event_ts": now,
    }


def session_stopped(
    person: Person, channel: Channel, thread_ts: str, streams: list[str], now: str
) -> Json:
    return {
        "type": "agent_session_stopped",
        "user": person.id,
        "channel": channel.id,
        "thread_ts": thread_ts,
        "streaming_message_ts": streams,
        "event_ts": now,
    }


def home_opened(person: Person, channel: Channel, tab: str, now: str) -> Json:
    return {
        "type": "app_home_opened",
        "user": person.id,
        "channel": channel.id,
        "tab": tab,
        "event_ts": now,
    }


def reacted(kind: str, person: str, name: str, message: Message, now: str) -> Json:
    return {
        "type": kind,
        "user": person,
        "reaction": name,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "item_user": message.user,
        "event_ts": now,
    }


def callback(event: Json, world: World, channel: Channel | None, now: float) -> Json:
    """The outer payload of an event, with an `event_id` of its own."""
    authorization = {
        "enterprise_id": None,
        "team_id": world.team.id,
        "user_id": world.app.bot_user,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": world.team.id,
        "context_team_id": world.team.id,
        "context_enterprise_id": None,
        "api_app_id": world.app.id,
        "event": event,
        "type": "event_callback",
        "event_id": fresh_id("Ev"),
        "event_time": int(now),
        "authorizations": [authorization],
        "is_ext_shared_channel": channel is not None and channel.is_shared,
        "event_context": fresh_id("4-"),
    }


def _place(ts: str, channel: Channel) -> Json:
    return {
        "channel": channel.id,
        "channel_type": CHANNEL_TYPE[channel.kind],
        "event_ts": ts,
    }


def _teams(message: Message, channel: Channel) -> Json:
    """In a shared channel Slack says from which organisation the author comes."""
    if not channel.is_shared:
        return {}
    return {"user_team": message.team, "source_team": message.team}
