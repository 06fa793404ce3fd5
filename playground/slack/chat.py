"""The chat methods: a call of the bot becomes a message, a change or a refusal."""

import json
import re
from dataclasses import replace
from typing import Any

from playground.slack import events, inert
from playground.slack.arguments import Arguments
from playground.slack.blocks import check_message_blocks
from playground.slack.messages import Message
from playground.slack.wire import Json, SlackError
from playground.slack.workspace import Workspace
from playground.slack.world import Channel

TEXT_OF_POST = 40_000  # characters; Slack's documentation
TEXT_OF_UPDATE = 4_000  # characters; chat.update's own msg_too_long in Slack's documentation
METADATA_BYTES = 8_000  # B; Slack's documentation of message metadata
MOST_ATTACHMENTS = 100  # Slack's documentation
TS = re.compile(r"\d{1,12}\.\d{6}")


def post_message(slack: Workspace, args: Arguments) -> Json:
    """chat.postMessage"""
    channel = _writable(slack, args)
    slack.limits.check_post(channel.id)
    parts = _content(args, text_limit=TEXT_OF_POST)
    thread_ts = thread_ts_of(args)
    metadata = metadata_of(args)
    faults = inert.faults_of(_seen(args)) + inert.unfurl_faults(args.values)
    faults += thread_faults(slack, channel, thread_ts)
    slack.accuse("chat.postMessage", args.values, faults)
    broadcast = args.flag("reply_broadcast") and thread_ts is not None
    message = slack.bot_message(
        channel,
        **parts,
        thread_ts=thread_ts,
        parent_user=parent_user(slack, channel, thread_ts),
        metadata=metadata,
        subtype="thread_broadcast" if broadcast else None,
    )
    publish(slack, channel, message)
    return {
        "ok": True,
        "channel": channel.id,
        "ts": message.ts,
        "message": message.as_json(metadata=True),
    }


def publish(slack: Workspace, channel: Channel, message: Message) -> None:
    """A message of the bot stands there, ends its status, and is echoed to the bot."""
    slack.keep(message)
    slack.clear_status(channel.id, message.root_ts)
    slack.tell(events.posted(message, channel), channel)


def update(slack: Workspace, args: Arguments) -> Json:
    """chat.update"""
    channel = slack.world.visible_to_bot(args.need("channel"))
    before = _own_message(slack, channel, args.need("ts"), "cant_update_message")
    if channel.is_archived:
        raise SlackError("is_archived")
    if before.is_streaming:
        raise SlackError("streaming_state_conflict")
    parts = _changes(args, before)
    faults = inert.faults_of(_seen(args))
    if before.streaming_state is not None:  # begun without a word against previews
        faults += inert.live_addresses(parts["blocks"])
    slack.accuse("chat.update", args.values, faults)
    now = slack.archive.next_ts()
    if "blocks" not in args:  # Slack marks as edited only what was updated by its text
        parts["edited"] = {"user": slack.world.app.bot_user, "ts": now}
    after = replace(before, **parts)
    slack.keep(after)
    slack.tell(events.changed(after, before, channel, now), channel)
    return {
        "ok": True,
        "channel": channel.id,
        "ts": after.ts,
        "text": after.text,
        "message": after.as_json(metadata=True),
    }


def delete(slack: Workspace, args: Arguments) -> Json:
    """chat.delete"""
    channel = slack.world.visible_to_bot(args.need("channel"))
    message = _own_message(slack, channel, args.need("ts"), "cant_delete_message")
    if message.is_streaming:
        raise SlackError("cant_delete_message")
    remove(slack, channel, message)
    return {"ok": True, "channel": channel.id, "ts": message.ts}


def remove(slack: Workspace, channel: Channel, message: Message) -> None:
    """A message goes; Slack reports the gravestone of a thread's root as a change."""
    slack.erase(message)
    now = slack.archive.next_ts()
    stone = slack.archive.find(channel.id, message.ts)
    if stone is None:
        slack.tell(events.deleted(message, channel, now), channel)
    else:
        slack.tell(events.changed(stone, message, channel, now), channel)


def post_ephemeral(slack: Workspace, args: Arguments) -> Json:
    """chat.postEphemeral"""
    channel = _writable(slack, args)
    user = args.need("user")
    if user not in slack.world.people:
        raise SlackError("user_not_found")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    parts = _content(args, text_limit=TEXT_OF_POST)
    slack.accuse("chat.postEphemeral", args.values, inert.faults_of(_seen(args)))
    message = slack.bot_message(channel, **parts, thread_ts=thread_ts_of(args), private_to=user)
    slack.keep_private(message)
    return {"ok": True, "message_ts": message.ts}


def _writable(slack: Workspace, args: Arguments) -> Channel:
    """The channel of a post; a person's id stands for the DM with that person."""
    where = args.need("channel")
    person = slack.world.people.get(where)
    if person is not None:
        if person.bot_id is not None or person.team != slack.world.team.id:
            raise SlackError("channel_not_found")
        return slack.world.dm(person)
    known = slack.world.find_channel(where)
    channel = slack.world.joined_by_bot(known.id if known else where)
    if channel.is_archived:
        raise SlackError("is_archived")
    if channel.is_read_only:
        raise SlackError("restricted_action_read_only_channel")
    return channel


def _content(args: Arguments, *, text_limit: int) -> dict[str, Any]:
    """Text, blocks and attachments, within their limits; one of them must be there."""
    text = args.word("text") or ""
    blocks: tuple[Json, ...] = ()
    if "blocks" in args:
        blocks = check_message_blocks(args.structure("blocks", "invalid_blocks_format"))
    if "markdown_text" in args:
        if text or blocks:
            raise SlackError("markdown_text_conflict")
        blocks = check_message_blocks([{"type": "markdown", "text": args.word("markdown_text")}])
    attachments = _attachments(args)
    if len(text) > text_limit:
        raise SlackError("msg_too_long")
    if not (text or blocks or attachments):
        raise SlackError("no_text")
    return {"text": text, "blocks": blocks, "attachments": attachments}


def _changes(args: Arguments, before: Message) -> dict[str, Any]:
    """What an update replaces: text alone removes blocks, and what is not named stays."""
    parts = _content(args, text_limit=TEXT_OF_UPDATE)
    if "text" not in args and "markdown_text" not in args:
        parts["text"] = before.text
    if "attachments" not in args:
        parts["attachments"] = before.attachments
    if "metadata" in args:
        parts["metadata"] = metadata_of(args)
    return parts


def _attachments(args: Arguments) -> tuple[Json, ...]:
    if "attachments" not in args:
        return ()
    attachments = args.structure("attachments", "invalid_attachments")
    if not isinstance(attachments, list) or not all(isinstance(one, dict) for one in attachments):
        raise SlackError("invalid_attachments")
    if len(attachments) > MOST_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    return tuple(attachments)


def metadata_of(args: Arguments) -> Json | None:
    """Metadata is an event type and an object; an empty object takes it away."""
    if "metadata" not in args:
        return None
    metadata = args.structure("metadata", "invalid_metadata_format")
    if metadata == {}:
        return None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    if not isinstance(metadata.get("event_type"), str) or not metadata["event_type"]:
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(metadata["event_payload"]).encode()) > METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return metadata


def thread_ts_of(args: Arguments) -> str | None:
    thread_ts = args.word("thread_ts")
    if thread_ts is not None and not TS.fullmatch(thread_ts):
        raise SlackError("invalid_thread_ts")
    return thread_ts


def thread_faults(slack: Workspace, channel: Channel, thread_ts: str | None) -> list[str]:
    """Slack takes the `ts` of a reply as a thread, and then nobody finds the message."""
    root = slack.archive.find(channel.id, thread_ts) if thread_ts else None
    return ["thread_ts is that of a reply"] if root is not None and root.is_reply else []


def parent_user(slack: Workspace, channel: Channel, thread_ts: str | None) -> str | None:
    root = slack.archive.find(channel.id, thread_ts) if thread_ts else None
    return root.user if root else None


def _own_message(slack: Workspace, channel: Channel, ts: str, error: str) -> Message:
    message = slack.archive.find(channel.id, ts)
    if message is None or message.is_deleted:
        raise SlackError("message_not_found")
    if message.user != slack.world.app.bot_user:
        raise SlackError(error)
    return message


def _seen(args: Arguments) -> Json:
    """The call with its structures unpacked, for those who look at what it would do."""
    unpacked = {
        name: args.structure(name, "invalid_arguments")
        for name in ("blocks", "attachments")
        if name in args
    }
    return args.values | unpacked
