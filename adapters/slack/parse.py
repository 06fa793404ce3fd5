"""What Slack sends becomes facts: who said what, where, and whether the bot is meant. A dict from Slack ends here."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.files.download import remote_file
from adapters.files.sentences import rejected
from bot.types import Attachment, Author, Channel, checked_id

Payload = Mapping[str, Any]

ASKING_SUBTYPES = frozenset({None, "file_share", "thread_broadcast", "me_message"})
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>")
_REFERENCE = re.compile(r"<(?P<sign>[#@!]?)(?P<target>[^<>|]*)(?:\|(?P<label>[^<>]*))?>")


@dataclass(frozen=True, slots=True)
class Bot:
    """Who we are in this workspace, as auth.test says."""

    team: str
    user: str
    bot: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as Slack tells it, before anything else is asked."""

    channel: Channel
    ts: str
    thread_ts: str | None
    author: Author
    text: str  # for the model: references resolved, the mention of the bot in front taken away
    attachments: tuple[Attachment, ...]
    mentions: frozenset[str]  # ids of the people mentioned
    parent: str | None  # who wrote the thread's root, where Slack says so
    external: bool
    group: bool  # a direct message of several people
    event: str  # the event's id
    bot: str = ""  # the id of the bot that wrote it

    @property
    def root(self) -> str:
        return self.thread_ts or self.ts

    @property
    def in_thread(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts


def heard(body: Payload, us: Bot) -> Heard | None:
    """The message of an `app_mention` or `message` event; None for what is no person's new message."""
    event = body["event"]
    if event.get("subtype") not in ASKING_SUBTYPES or event.get("hidden"):
        return None
    user = event.get("user")
    if not user or user == us.user or event.get("bot_id") or event.get("bot_profile"):
        return None
    return message(body, event, us)


def message(body: Payload, event: Payload, us: Bot) -> Heard:
    """The facts of one message inside an event."""
    raw = event.get("text") or "\n".join(_block_texts(event.get("blocks") or ()))
    kind = event.get("channel_type") or ""
    channel = checked_id(event.get("channel") or body["event"]["channel"])
    return Heard(
        channel=place(us.team, channel, direct=kind == "im" or channel.startswith("D")),
        ts=checked_id(event["ts"]),
        thread_ts=event.get("thread_ts"),
        author=Author(checked_id(event["user"])),
        text=plain(raw, us),
        attachments=tuple(files(event)),
        mentions=frozenset(_MENTION.findall(raw)),
        parent=event.get("parent_user_id"),
        external=foreign(body, event, us),
        group=kind == "mpim",
        event=body.get("event_id") or "",
    )


def place(team: str, channel: str, *, direct: bool = False) -> Channel:
    """A Slack channel as a place with settings."""
    return Channel("slack", team, channel, direct=direct)


def foreign(body: Payload, event: Payload, us: Bot) -> bool:
    """Whether the author belongs to another organisation (Slack Connect)."""
    theirs = event.get("user_team") or event.get("source_team") or event.get("team")
    enterprise = body.get("enterprise_id")
    return bool(theirs) and theirs not in (us.team, enterprise)


def plain(raw: str, us: Bot) -> str:
    """Slack's control syntax as words: `<@U1>` of the bot goes when it leads, links and names become readable."""
    lead = re.compile(rf"^[\s\u2060]*<@{re.escape(us.user)}(?:\|[^>]*)?>[\s,:]*")
    text = lead.sub("", raw, count=1)
    return html.unescape(_REFERENCE.sub(_readable, text)).strip()


def _readable(match: re.Match[str]) -> str:
    sign, target, label = match["sign"], match["target"], match["label"]
    if sign in ("@", "#"):
        return f"{sign}{label or target}"
    if sign == "!":
        return f"@{(label or target.split('^')[0]).lstrip('@')}"
    if label and label != target:
        return f"{label} ({target})"
    return target


def files(event: Payload) -> Iterator[Attachment]:
    """The files of a message; what cannot be fetched says so at once."""
    for file in event.get("files") or ():
        name = str(file.get("name") or file.get("title") or "a file")
        if file.get("mode") in ("tombstone", "hidden_by_limit"):
            yield Attachment(name, problem=rejected(name, "Slack no longer has it").sentence)
        elif file.get("mode") == "external" or file.get("is_external"):
            yield Attachment(name, problem=remote_file(name).sentence)
        else:
            address = file.get("url_private_download") or file.get("url_private") or ""
            source = address or f"file:{file.get('id', '')}"
            yield Attachment(
                name, source, mime=str(file.get("mimetype") or ""), size=int(file.get("size") or 0)
            )


def _block_texts(blocks: Any) -> Iterator[str]:
    """The words of blocks, in reading order, with mentions in Slack's own form."""
    for block in blocks:
        if not isinstance(block, Mapping):
            continue
        match block.get("type"):
            case "text" | "plain_text" | "mrkdwn" | "markdown":
                if isinstance(block.get("text"), str):
                    yield block["text"]
            case "user":
                yield f"<@{block.get('user_id', '')}>"
            case "link":
                yield str(block.get("text") or block.get("url") or "")
            case "emoji":
                yield f":{block.get('name', '')}:"
            case "rich_text_section" | "rich_text_preformatted" | "rich_text_quote":
                yield "".join(_block_texts(block.get("elements") or ()))
            case _:
                for inner in ("text", "elements", "fields"):
                    value = block.get(inner)
                    yield from _block_texts([value] if isinstance(value, Mapping) else value or ())
