"""What Slack sends becomes facts: who said what, where, and whom it mentions. A dict from Slack ends here.

What is malformed raises KeyError, TypeError, AttributeError or ValueError: ids are checked, texts are cleaned.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.files.download import remote_file
from adapters.files.sentences import rejected
from adapters.text.clean import JOINER, clean
from bot.types import Attachment, Author, Channel, Quote, checked_id

Payload = Mapping[str, Any]

ASKING_SUBTYPES = frozenset({None, "file_share", "thread_broadcast", "me_message"})
SLACKBOT = "USLACKBOT"  # answers for Slack itself, without a bot's marks
BY_ID = "file:"  # before the id of a file of which Slack Connect tells no address
NESTING = 20  # levels of blocks that are read; Slack's own have five
_PERSON = re.compile(r"[UW][A-Z0-9]{1,40}")
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^>]*)?>")
_GROUP_MENTION = re.compile(r"<!(subteam\^[A-Z0-9]+|channel|here|everyone)(?:\|[^>]*)?>")
_REFERENCE = re.compile(r"<(?P<sign>[#@!]?)(?P<target>[^<>|]*)(?:\|(?P<label>[^<>]*))?>")


@dataclass(frozen=True, slots=True)
class Bot:
    """Who we are in this workspace, as auth.test says."""

    team: str
    user: str
    bot: str
    name: str = "Switchboard"
    enterprise: str = ""

    def at_home(self, team: str, enterprise: str = "") -> bool:
        """Whether a person of this team belongs to our organisation."""
        return team == self.team or (
            bool(self.enterprise) and self.enterprise in (team, enterprise)
        )

    def wrote(self, message: Payload) -> bool:
        """Whether a message is our own."""
        return message.get("user") == self.user or bool(
            self.bot and message.get("bot_id") == self.bot
        )

    def echoed(self, payload: object) -> bool:
        """Whether an event tells of nothing but what we ourselves wrote or edited: there is one of every request that
        shows an answer. A root of ours that was deleted is another matter."""
        event = payload.get("event") if isinstance(payload, dict) else None
        if not isinstance(event, dict) or event.get("type") != "message":
            return False
        if event.get("subtype") == "message_changed":
            event = event.get("message")
        return isinstance(event, dict) and event.get("subtype") != "tombstone" and self.wrote(event)


@dataclass(frozen=True, slots=True)
class Heard:
    """A person's message as Slack tells it, before anything else is asked."""

    channel: Channel
    ts: str
    thread_ts: str | None
    author: Author
    text: str  # for the model: references resolved, the mention of the bot in front taken away
    attachments: tuple[Attachment, ...]
    quotes: tuple[Quote, ...]  # messages of others that were forwarded with it
    mentioned: bool  # the bot is
    others: bool  # somebody else is: a person, a user group, everybody
    parent: str | None  # who wrote the thread's root, or what a form is about, where Slack says so
    external: bool
    event: str  # the event's id

    @property
    def root(self) -> str:
        return self.thread_ts or self.ts

    @property
    def in_thread(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def after_root(self) -> float:
        """Seconds between the thread's root and this."""
        return float(self.ts) - float(self.root)

    @property
    def mark(self) -> str:
        """The post itself, whichever event tells of it."""
        return mark(self.channel.id, self.ts)


def mark(channel: str, ts: str) -> str:
    """A `ts` is unique only within its channel."""
    return f"{channel}:{ts}"


def heard(body: Payload, us: Bot) -> Heard | None:
    """The message of an `app_mention` or `message` event; None for what is no person's new message."""
    event = body["event"]
    if event.get("subtype") not in ASKING_SUBTYPES or event.get("hidden"):
        return None
    if event["type"] == "app_mention" and event.get("edited"):
        return None  # a mention that an edit added: an edit never starts a question
    if not by_person(event, us):
        return None
    return message(body, event, us)


def by_person(event: Payload, us: Bot) -> bool:
    """Whether a person wrote it: not we, no other bot, not Slack."""
    user = event.get("user")
    return bool(user) and not (
        us.wrote(event) or event.get("bot_id") or event.get("bot_profile") or user == SLACKBOT
    )


def message(body: Payload, event: Payload, us: Bot) -> Heard:
    """The facts of one message inside an event."""
    raw = words(event)
    people = set(_MENTION.findall(raw))
    thread, channel = event.get("thread_ts"), checked_id(event["channel"])
    return Heard(
        channel=place(us, channel, direct=event.get("channel_type") == "im"),
        ts=checked_id(event["ts"]),
        thread_ts=checked_id(thread) if thread else None,
        author=Author(checked_id(event["user"])),
        text=plain(raw, us),
        attachments=tuple(files(event)),
        quotes=tuple(forwarded(event, us)),
        mentioned=event.get("type") == "app_mention" or us.user in people,
        others=bool(people - {us.user} or _GROUP_MENTION.search(raw)),
        parent=checked_id(event["parent_user_id"]) if event.get("parent_user_id") else None,
        external=foreign(body, event, us),
        event=checked_id(body["event_id"]) if body.get("event_id") else "",
    )


def place(us: Bot, channel: str, *, direct: bool = False) -> Channel:
    """A Slack channel as a place with settings."""
    return Channel("slack", us.team, channel, direct=direct or channel.startswith("D"))


def foreign(body: Payload, event: Payload, us: Bot) -> bool:
    """Whether the author belongs to another organisation (Slack Connect)."""
    if body.get("is_ext_shared_channel") is False:
        return False
    theirs = event.get("user_team") or event.get("source_team") or event.get("team")
    if not theirs:
        return bool(
            body.get("is_ext_shared_channel")
        )  # whoever cannot be told from a stranger is one
    return not us.at_home(str(theirs))


def words(message: Payload) -> str:
    """The words of a message in Slack's own markup, wherever they are: text, blocks or attachments."""
    if text := message.get("text"):
        return clean(str(text))
    found = [*_block_texts(message.get("blocks") or ())]
    for attached in message.get("attachments") or ():
        if not _is_message(attached):
            found += _attached(attached)
    return clean("\n".join(filter(None, found)))


def quoted(message: Payload, us: Bot) -> Quote:
    """A message that a question is about."""
    ours = us.wrote(message)
    raw = _own_words(message) if ours else words(message)
    user = message.get("user")
    author = us.name if ours else str(user or "a bot")
    by = str(user) if not ours and _PERSON.fullmatch(str(user)) else ""
    return Quote(author, plain(raw, us), tuple(files(message)), by)


def _own_words(message: Payload) -> str:
    """What the bot wrote, from the blocks: the text beside them is a summary. Its own lines and the button below are no
    answer."""
    below = ("context", "actions")
    blocks = [b for b in message.get("blocks") or () if b.get("type") not in below]
    return clean("\n".join(_block_texts(blocks))).replace(JOINER, "") or words(message)


def forwarded(message: Payload, us: Bot) -> Iterator[Quote]:
    """The messages that somebody shared in a message of their own; without these it may make no sense."""
    for attached in message.get("attachments") or ():
        if _is_message(attached):
            ours = attached.get("author_id") == us.user
            yield Quote(
                author=us.name if ours else clean(str(attached.get("author_name") or "somebody")),
                text=plain(clean("\n".join(_attached(attached))), us),
                attachments=tuple(files(attached)),
            )


def _is_message(attached: Payload) -> bool:
    return bool(attached.get("is_share") or attached.get("is_msg_unfurl"))


def _attached(attached: Payload) -> list[str]:
    inner = [*_block_texts(attached.get("blocks") or ())]
    return inner or [str(attached.get("text") or attached.get("fallback") or "")]


def plain(raw: str, us: Bot) -> str:
    """Slack's control syntax as words: the mention of the bot goes where it leads, the rest becomes readable."""
    lead = re.compile(rf"(?:[\s\u2060]*<@{re.escape(us.user)}(?:\|[^>]*)?>[\s,:]*)+")
    found = lead.match(raw)
    text = raw[found.end() :] if found else raw
    return html.unescape(_REFERENCE.sub(lambda one: _readable(one, us), text)).strip()


def unescaped(text: str) -> str:
    """Words in which Slack turned no more than its three characters into entities."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _readable(found: re.Match[str], us: Bot) -> str:
    sign, target, label = found["sign"], found["target"], found["label"]
    if sign == "@" and target == us.user:
        return f"@{us.name}"
    if sign in ("@", "#"):
        return f"{sign}{label or target}"
    if sign == "!" and target.startswith("date^"):
        return label or target
    if sign == "!":
        return f"@{(label or target.split('^')[0]).lstrip('@')}"
    if label and label not in (target, target.removeprefix("mailto:")):
        return f"{label} ({target})"
    return label or target


def files(message: Payload) -> Iterator[Attachment]:
    """The files of a message; what cannot be fetched says so at once."""
    for file in message.get("files") or ():
        name = clean(str(file.get("name") or file.get("title") or "a file"))
        address = file.get("url_private_download") or file.get("url_private")
        if file.get("mode") in ("tombstone", "hidden_by_limit"):
            yield Attachment(name, problem=rejected(name, "Slack no longer has it").sentence)
        elif file.get("mode") == "external" or file.get("is_external"):
            yield Attachment(name, problem=remote_file(name).sentence)
        elif address or file.get("id"):
            source = str(address) if address else f"{BY_ID}{checked_id(file['id'])}"
            yield Attachment(name, clean(source), mime=clean(str(file.get("mimetype") or "")))
        else:
            yield Attachment(name, problem=rejected(name, "Slack gives no address for it").sentence)


def _block_texts(blocks: Iterable[Any], depth: int = NESTING) -> Iterator[str]:
    """The words of blocks, in reading order, with mentions in Slack's own form."""
    for block in blocks if depth else ():
        if not isinstance(block, Mapping):
            continue
        match block.get("type"):
            case "mrkdwn" | "markdown":
                yield str(block.get("text") or "")
            case "text" | "plain_text":
                yield html.escape(str(block.get("text") or ""), quote=False)
            case "user":
                yield f"<@{block.get('user_id', '')}>"
            case "usergroup":
                yield f"<!subteam^{block.get('usergroup_id', '')}>"
            case "broadcast":
                yield f"<!{block.get('range', '')}>"
            case "channel":
                yield f"<#{block.get('channel_id', '')}>"
            case "link":
                yield html.escape(str(block.get("text") or block.get("url") or ""), quote=False)
            case "emoji":
                yield f":{block.get('name', '')}:"
            case "rich_text_section" | "rich_text_preformatted" | "rich_text_quote":
                yield "".join(_block_texts(block.get("elements") or (), depth - 1))
            case _:
                for inner in ("text", "elements", "fields"):
                    value = block.get(inner)
                    if isinstance(value, Mapping):
                        value = [value]
                    if isinstance(value, list | tuple):
                        yield from _block_texts(value, depth - 1)
