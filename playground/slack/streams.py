"""The streaming methods: a message of the bot grows by what is appended, until it is stopped or too old.

Slack's pages of the methods name the arguments and most errors. Not written there, but seen by many: a stream lives
about five minutes, whatever is appended; an open one can be neither updated nor deleted; `streaming_state` in a
message tells how it stands.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from playground.slack import chat, events, inert
from playground.slack.arguments import Arguments
from playground.slack.blocks import check_message_blocks
from playground.slack.messages import Message
from playground.slack.streamed import Stream
from playground.slack.wire import Json, SlackError, invalid_arguments
from playground.slack.workspace import Workspace
from playground.slack.world import Channel

LIFE_SECONDS = 300.0  # s from the start, with or without traffic (python-slack-sdk 1859)
DISPLAY_MODES = ("timeline", "plan", "dense")
SESSION_STATUSES = ("active", "processing", "suspended", "closed")
CUSTOM = ("icon_emoji", "icon_url", "username")  # wanted by a scope of their own
SESSION_TITLE = 200  # characters; Slack's page of agents.sessions.setStatus
NO_STOP = "missing_agent_session_stopped_event_subscription"


def start(slack: Workspace, args: Arguments) -> Json:
    """chat.startStream"""
    channel = _writable(slack, args)
    args.need("thread_ts")
    thread_ts = chat.thread_ts_of(args)
    if any(name in args for name in CUSTOM):
        slack.require_scope("chat:write.customize")
    if args.word("task_display_mode") not in (None, *DISPLAY_MODES):
        raise invalid_arguments(
            "must be one of timeline, plan, dense [json-pointer:/task_display_mode]"
        )
    faults = _recipient_faults(slack, args) + chat.thread_faults(slack, channel, thread_ts)
    stream = Stream(slack.clock())
    stream.add(args)
    message = slack.bot_message(
        channel,
        text="",
        thread_ts=thread_ts,
        parent_user=chat.parent_user(slack, channel, thread_ts),
        blocks=stream.blocks,
        streaming_state="in_progress",
    )
    slack.accuse("chat.startStream", args.values, faults + _faults(stream))
    slack.streams[message.ts] = stream
    chat.publish(slack, channel, message)
    return {"ok": True, "channel": channel.id, "ts": message.ts}


def append(slack: Workspace, args: Arguments) -> Json:
    """chat.appendStream"""
    channel = _writable(slack, args)
    message, stream = _open(slack, channel, args)
    if not (args.word("markdown_text") or "chunks" in args):
        raise SlackError("markdown_text_or_chunks_required")
    stream.add(args)
    slack.accuse("chat.appendStream", args.values, _faults(stream))
    slack.keep(replace(message, blocks=stream.blocks))
    return {"ok": True, "channel": channel.id, "ts": message.ts}


def stop(slack: Workspace, args: Arguments) -> Json:
    """chat.stopStream"""
    channel = _writable(slack, args)
    message, stream = _open(slack, channel, args)
    below: tuple[Json, ...] = ()
    if "blocks" in args:
        below = check_message_blocks(args.structure("blocks", "invalid_blocks_format"))
    metadata = chat.metadata_of(args)
    status = args.word("session_status") or "active"
    if status not in SESSION_STATUSES:
        raise invalid_arguments("unknown status [json-pointer:/session_status]")
    stream.add(args)
    blocks = (*stream.blocks, *below)
    if not blocks:
        raise SlackError("no_text")
    slack.accuse(
        "chat.stopStream", args.values, _faults(stream) + inert.faults_of({"blocks": below})
    )
    if (channel.id, message.root_ts) in slack.sessions:
        slack.sessions[channel.id, message.root_ts] = status
    after = _over(slack, message, stream, blocks=blocks, metadata=metadata)
    return {"ok": True, "channel": channel.id, "ts": after.ts, "message": after.as_json()}


def set_session_status(slack: Workspace, args: Arguments) -> Json:
    """agents.sessions.setStatus: while it says "processing", people see a stop button in the thread."""
    channel = slack.world.joined_by_bot(args.need("channel_id"))
    thread_ts = args.need("thread_ts")
    if not slack.archive.thread(channel.id, thread_ts):
        raise SlackError("invalid_thread_ts")
    status = args.need("status")
    if status not in SESSION_STATUSES:
        raise invalid_arguments("unknown status [json-pointer:/status]")
    if len(args.word("title") or "") > SESSION_TITLE:
        raise invalid_arguments("must be less than 201 characters [json-pointer:/title]")
    slack.sessions[channel.id, thread_ts] = status
    answer: Json = {"ok": True, "status": status, "agent_status": status}
    if "agent_session_stopped" not in slack.subscriptions:
        answer["response_metadata"] = {"warnings": [NO_STOP]}
    return answer


def expire(slack: Workspace, *, at_once: bool = False) -> None:
    """Whatever is older than a stream may be is over, with the text that it has."""
    for message, stream in _all_open(slack):
        if at_once or slack.clock() - stream.started_at >= LIFE_SECONDS:
            _over(slack, message, stream)


def stop_by_user(slack: Workspace, channel: Channel, thread_ts: str) -> list[str]:
    """A person pressed the stop button of a thread: its streams are over before the app hears of it."""
    stopped = []
    for message, stream in _all_open(slack):
        if (message.channel, message.root_ts) == (channel.id, thread_ts):
            stream.stopped_by_user = True
            stopped.append(_over(slack, message, stream).ts)
    return stopped


def _all_open(slack: Workspace) -> Iterator[tuple[Message, Stream]]:
    for ts, stream in list(slack.streams.items()):
        message = slack.archive.by_ts(ts)
        if stream.is_open and message is not None:
            yield message, stream


def _over(slack: Workspace, message: Message, stream: Stream, **changes: Any) -> Message:
    """The stream is over and the message one like any other; only now its text is told of."""
    stream.is_open = False
    after = replace(message, streaming_state="completed", text=stream.text, **changes)
    slack.keep(after)
    channel = slack.world.channels[message.channel]
    slack.tell(events.changed(after, message, channel, slack.archive.next_ts()), channel)
    return after


def _writable(slack: Workspace, args: Arguments) -> Channel:
    """The streaming methods take an id alone."""
    channel = slack.world.joined_by_bot(args.need("channel"))
    if channel.is_archived:
        raise SlackError("is_archived")
    if channel.is_read_only:
        raise SlackError("restricted_action_read_only_channel")
    return channel


def _open(slack: Workspace, channel: Channel, args: Arguments) -> tuple[Message, Stream]:
    message = slack.archive.find(channel.id, args.need("ts"))
    if message is None or message.is_deleted:
        raise SlackError("message_not_found")
    if message.user != slack.world.app.bot_user:
        raise SlackError("message_not_owned_by_app")
    stream = slack.streams.get(message.ts)
    if stream is not None and stream.stopped_by_user:
        raise SlackError("stopped_by_user")
    if stream is None or not stream.is_open:
        raise SlackError("message_not_in_streaming_state")
    return message, stream


def _recipient_faults(slack: Workspace, args: Arguments) -> list[str]:
    """Slack's page asks for both ids in channels; others met the refusal in direct messages too."""
    for name in ("recipient_user_id", "recipient_team_id"):
        if not args.word(name):
            raise SlackError(f"missing_{name}")
    person = slack.world.people.get(args.need("recipient_user_id"))
    if person is None:
        raise SlackError("user_not_found")
    faults = []
    if person.bot_id is not None:
        faults.append("the recipient of the stream is a bot: nobody sees it grow")
    if person.team != args.word("recipient_team_id"):
        faults.append("recipient_team_id is not the team of the recipient")
    return faults


def _faults(stream: Stream) -> list[str]:
    """Judged by all that was streamed: nothing says no to the preview of an address in it."""
    return inert.faults_of({"blocks": stream.blocks}) + inert.live_addresses(stream.blocks)
