"""The reading methods: who somebody is, what a channel is, what was said there."""

import base64
import binascii
from collections.abc import Sequence

from playground.slack.arguments import Arguments
from playground.slack.messages import Message
from playground.slack.wire import Json, SlackError
from playground.slack.workspace import Workspace
from playground.slack.world import SCOPE_WORD, Channel

DEFAULT_PAGE = 100  # messages
LARGEST_PAGE = 999  # messages; Slack's documentation


def auth_test(slack: Workspace, args: Arguments) -> Json:
    """auth.test"""
    world = slack.world
    return {
        "ok": True,
        "url": f"https://{world.team.domain}.slack.com/",
        "team": world.team.name,
        "user": world.bot.name,
        "team_id": world.team.id,
        "user_id": world.app.bot_user,
        "bot_id": world.app.bot_id,
        "is_enterprise_install": False,
    }


def users_info(slack: Workspace, args: Arguments) -> Json:
    """users.info"""
    person = slack.world.people.get(args.need("user"))
    if person is None:
        raise SlackError("user_not_found")
    return {"ok": True, "user": person.as_json(slack.world.team.id)}


def usergroups_users_list(slack: Workspace, args: Arguments) -> Json:
    """usergroups.users.list"""
    group = slack.world.user_groups.get(args.need("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"ok": True, "users": list(group.members)}


def files_info(slack: Workspace, args: Arguments) -> Json:
    """files.info"""
    stored = slack.visible_file(args.need("file"))
    if stored is None:
        raise SlackError("file_not_found")
    if stored.object.get("mode") == "tombstone":
        raise SlackError("file_deleted")
    return {"ok": True, "file": stored.object, "comments": [], "response_metadata": {}}


def conversations_info(slack: Workspace, args: Arguments) -> Json:
    """conversations.info"""
    channel = slack.world.visible_to_bot(args.need("channel"))
    slack.require_scope(f"{SCOPE_WORD[channel.kind]}:read")
    return {"ok": True, "channel": channel.as_json(bot=slack.world.app.bot_user)}


def conversations_history(slack: Workspace, args: Arguments) -> Json:
    """conversations.history: newest first, without the replies of threads."""
    channel = _readable(slack, args)
    messages = [
        message
        for message in slack.archive.of(channel.id)
        if not message.is_reply or message.subtype == "thread_broadcast"
    ]
    return _page(slack, args, list(reversed(_between(messages, args))))


def conversations_replies(slack: Workspace, args: Arguments) -> Json:
    """conversations.replies: the root and then its replies, oldest first."""
    channel = _readable(slack, args)
    ts = args.need("ts")
    named = slack.archive.find(channel.id, ts)
    if named is not None and named.is_reply:
        return _page(slack, args, [named])
    thread = slack.archive.thread(channel.id, ts)
    if not thread:
        raise SlackError("thread_not_found")
    replies = [message for message in thread if message.is_reply]
    return _page(slack, args, _between(replies, args), root=named)


def _readable(slack: Workspace, args: Arguments) -> Channel:
    channel = slack.world.visible_to_bot(args.need("channel"))
    slack.require_scope(f"{SCOPE_WORD[channel.kind]}:history")
    return slack.world.joined_by_bot(channel.id)


def _between(messages: Sequence[Message], args: Arguments) -> list[Message]:
    """Those after `oldest` and before `latest`, the borders themselves only if inclusive."""
    oldest = _moment(args, "oldest", 0.0)
    latest = _moment(args, "latest", float("inf"))
    if args.flag("inclusive"):
        return [one for one in messages if oldest <= float(one.ts) <= latest]
    return [one for one in messages if oldest < float(one.ts) < latest]


def _moment(args: Arguments, name: str, default: float) -> float:
    word = args.word(name)
    if not word:
        return default
    try:
        return float(word)
    except ValueError:
        raise SlackError(f"invalid_ts_{name}") from None


def _page(
    slack: Workspace, args: Arguments, messages: list[Message], *, root: Message | None = None
) -> Json:
    """One page of messages; the root of a thread stands at the top of each."""
    limit = slack.limits.page(args.number("limit", DEFAULT_PAGE, highest=LARGEST_PAGE))
    start = _position(args.word("cursor"))
    shown = messages[start : start + limit]
    more = start + limit < len(messages)
    metadata = args.flag("include_all_metadata")
    listed = ([root] if root else []) + shown
    answer: Json = {
        "ok": True,
        "messages": [_described(slack, message, metadata) for message in listed],
        "has_more": more,
    }
    if more:
        cursor = base64.b64encode(f"next:{start + limit}".encode()).decode()
        answer["response_metadata"] = {"next_cursor": cursor}
    return answer


def _position(cursor: str | None) -> int:
    if not cursor:
        return 0
    try:
        word, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
        if word != "next":
            raise ValueError(cursor)
        return int(number)
    except (ValueError, binascii.Error):
        raise SlackError("invalid_cursor") from None


def _described(slack: Workspace, message: Message, metadata: bool) -> Json:
    """A message in a history; a root also tells of its thread."""
    described = message.as_json(metadata=metadata)
    if not slack.tells_streams:
        described.pop("streaming_state", None)
    replies = [] if message.is_reply else slack.archive.replies(message.channel, message.ts)
    if replies:
        described |= {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users": list(dict.fromkeys(reply.user for reply in replies)),
            "latest_reply": replies[-1].ts,
        }
    return described
