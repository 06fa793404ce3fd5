"""The values that travel between the processes: places, people, messages, turns, what a model says.

All are frozen. Those that are stored go to JSON and back through `encode` and `decode`; nothing here does I/O.
"""

import re
import secrets
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, Self, TypeVar

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")

# What this version can read of stored turns. Older records must stay readable, and what is not known in one is passed
# over. Where a process of the version before would misread a turn for that, raise it, and have `Turn.of` give the new
# number to such turns: older processes leave them to newer ones, and still read all others. A number that every turn
# has is not written down (`encode`), so that the field's default may never change.
RECORD_VERSION = 2
_FIRST = 1
_ID = re.compile(
    r"[A-Za-z0-9._@-]{1,64}"
)  # every platform's ids; the separator ':' is not among them


class Scope(StrEnum):
    """Where a setting holds, from the narrowest to the widest."""

    THREAD = "thread"
    CHANNEL = "channel"
    CATEGORY = "category"
    WORKSPACE = "workspace"


class Phase(StrEnum):
    """The life of a reply, as people see it."""

    OPEN = "open"  # growing
    ANSWERED = "answered"  # the whole text is there
    FAILED = "failed"  # a sentence says why; what was received is kept
    STOPPED = "stopped"  # by its author: the question was deleted or the answer stopped


def checked_id(value: str) -> str:
    """The id itself; raises ValueError for text that is no platform id, so that keys never run together."""
    if not _ID.fullmatch(value):
        raise ValueError("not a platform id")
    return value


@dataclass(frozen=True, slots=True)
class Channel:
    """A place with settings: a Slack channel, a Discord channel (for a thread, its parent), a direct message.

    `workspace` is the Slack team or the Discord guild; a direct message on Discord has the workspace "@me".
    """

    platform: str
    workspace: str
    id: str
    category: str | None = None  # Discord only
    direct: bool = False  # a direct message with one person

    @property
    def key(self) -> str:
        return ":".join(checked_id(part) for part in (self.platform, self.workspace, self.id))


@dataclass(frozen=True, slots=True)
class Thread:
    """Where one conversation happens; `key` names it everywhere.

    `id` is the root's id (a Slack thread's ts, a Discord thread's id or a chain's first message); in a direct message
    it begins with the person's id.
    """

    channel: Channel
    id: str

    @property
    def key(self) -> str:
        return f"{self.channel.key}:{checked_id(self.id)}"

    def scope_key(self, scope: Scope) -> str | None:
        """The key under which a setting of this scope is kept; None where the place has no such scope."""
        channel = self.channel
        base = f"{checked_id(channel.platform)}:{checked_id(channel.workspace)}"
        match scope:
            case Scope.THREAD:
                return f"thread:{self.key}"
            case Scope.CHANNEL:
                return f"channel:{channel.key}"
            case Scope.CATEGORY:
                return channel.category and f"category:{base}:{checked_id(channel.category)}"
            case Scope.WORKSPACE:
                return None if channel.direct else f"workspace:{base}"


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote: an id from the verified event, and the name to show to the model as data."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who wants to change something: ids from the verified event, and what the platform says they may do.

    `powers` are the scopes that the platform's own rules let this person administer here; `groups` are the ids of
    roles (Discord) or user groups (Slack) that `SWITCHBOARD_ADMINS` may name. `external` marks people of other
    organisations, `guest` those who may be in some channels only: neither is ever an admin.
    """

    platform: str
    workspace: str
    id: str
    name: str = ""
    powers: frozenset[Scope] = frozenset()
    groups: frozenset[str] = frozenset()
    external: bool = False
    guest: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message. Before READY `source` says where the adapter finds it; afterwards `blob` names the bytes
    (sha256, hexadecimal) or `problem` is the sentence that says why it cannot be read."""

    name: str
    source: str = ""  # the platform's address or file reference
    mime: str = ""
    size: int = 0
    width: int = 0
    height: int = 0
    blob: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """A message that the question refers to and that the conversation's log does not hold.

    `by` is the id of its author, where the platform tells no more than that.
    """

    author: str
    text: str
    attachments: tuple[Attachment, ...] = ()
    by: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an answer goes.

    `channel` is the platform's own id of the place to send to (a Discord thread's, not its parent's). `interaction`
    is the id of a Discord interaction whose deferred response is the answer's first message, or of the one that had a
    private answer given again; its token waits in Redis for its 15 minutes and is never part of a stored record.
    `only` is the one person who may see the answer.
    """

    channel: str
    thread: str | None = None  # Slack: the ts of the thread's root
    reply_to: str | None = None  # Discord: the message that is answered
    interaction: str | None = None
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What a person wrote to the bot, whichever door it came through.

    `marks` are all the names under which the platform may deliver this message again (event ids, message ids), without
    the platform's prefix. `history` asks for up to 15 earlier messages of an older thread. `others` are the ids of who
    else is in the thread, where not everybody's name is known yet.
    """

    id: str
    thread: Thread
    author: Author
    text: str
    target: Target
    marks: tuple[str, ...]
    attachments: tuple[Attachment, ...] = ()
    quotes: tuple[Quote, ...] = ()
    model: str | None = None  # an alias for this question only
    history: bool = False
    first: bool = False  # the bot was never asked in this thread before
    threadless: bool = False  # said where the platform tells no thread: a slash command outside one
    about: str = ""  # the turn whose answer a pressed button stood below
    others: tuple[str, ...] = ()

    @property
    def fetches(self) -> bool:
        """Whether the adapter must bring something after the ack: files, an older thread's messages, names."""
        return bool(self.history or self.others) or any(a.source and not a.blob for a in self.files)

    @property
    def place(self) -> str:
        """The platform channel in which it was said and is answered."""
        channel = self.thread.channel
        return f"{channel.platform}:{channel.workspace}:{checked_id(self.target.channel)}"

    @property
    def files(self) -> tuple[Attachment, ...]:
        return self.attachments + tuple(a for q in self.quotes for a in q.attachments)


Kind = Literal["ask", "command", "notice"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One question on its way to one answer.

    `ask` goes through the inbox to a model; a `command` is run by the adapter after the ack; a `notice` is a sentence
    (`sentence`) that takes the place of an answer. The alias was chosen at admission, and `reason` says by what.
    """

    id: str
    kind: Kind
    message: Message
    asked_at: (
        float  # s since the epoch, for people and logs only: Redis keeps the time that decides
    )
    model: str = ""
    reason: str = ""
    epoch: str = "0"
    sentence: str = ""
    retries: str = ""  # the turn whose answer this one's takes the place of
    version: int = _FIRST  # of the first one that reads it as it is meant

    @classmethod
    def of(cls, message: Message, kind: Kind, *, at: float, **more: Any) -> Self:
        # Who knows of neither would answer a retry beside the answer that it is to replace, and a button's command for
        # something else than stands above it.
        needs = 2 if more.get("retries") or message.about else _FIRST
        return cls(
            id=new_id(), kind=kind, message=message, asked_at=at, **{"version": needs, **more}
        )

    @property
    def conversation(self) -> str:
        return self.message.thread.key

    @property
    def platform(self) -> str:
        return self.message.thread.channel.platform

    @property
    def place(self) -> str:
        """The platform channel whose sends one adapter owns at a time."""
        return self.message.place

    @property
    def person(self) -> str:
        """Whose question it is, by the name under which fairness counts."""
        channel = self.message.thread.channel
        parts = (channel.platform, channel.workspace, self.message.author.id)
        return ":".join(checked_id(part) for part in parts)

    @property
    def ref(self) -> str:
        """The short reference that a person may quote and the logs hold."""
        return reference(self.id)

    def with_message(self, **changes: Any) -> Self:
        return replace(self, message=replace(self.message, **changes))


_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: nothing that reads as another


def new_id() -> str:
    """A turn's id: 80 random bits in 16 characters, short enough for a Discord nonce with a part number (25)."""
    bits = secrets.randbits(80)
    return "".join(_ALPHABET[(bits >> shift) & 31] for shift in range(75, -1, -5))


def reference(turn_id: str) -> str:
    """What people quote of a turn's id."""
    return turn_id[:6]


# ---- what models are given and give -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextPart:
    """Words."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture by the name of its bytes (sha256); `name` is the file's, as data."""

    blob: str
    mime: str
    width: int
    height: int
    name: str = ""


Part = TextPart | ImagePart


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the context. `author` is its person's id, `name` what its event called them, if it did; `source`
    (the platform's message id) serves edits and deletions."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[Part, ...]
    author: str = ""
    source: str = ""
    alias: str = ""
    tokens: int = 0
    name: str = ""

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.parts if isinstance(part, TextPart))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer as the provider counted them; `estimated` where it did not say."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """All that a provider needs for one answer. `blobs` holds the bytes of the images by their name; `user` is a
    keyed hash for the provider's safety identifier, never an id of a person; `cache_key` is per conversation."""

    messages: tuple[ChatMessage, ...]
    blobs: dict[str, bytes] = field(default_factory=dict)
    user: str = ""
    cache_key: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer as it streams in. The last one carries `finish` and `usage`."""

    text: str = ""
    finish: Literal["stop", "length"] | None = None
    usage: Usage | None = None


# ---- notices --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Notice:
    """The bot's own words in answer to a command: `text` for the sender alone, `announcement` for the channel.

    Plain words; foreign text in them (names, aliases typed by people) is escaped by the platform's renderer, which
    treats `**bold**` and `` `code` `` as the only markup.
    """

    text: str
    announcement: str = ""


# ---- storage --------------------------------------------------------------------------------------------------------


_adapters: dict[type, TypeAdapter[Any]] = {}  # building one takes a millisecond


def _adapter(kind: type) -> TypeAdapter[Any]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def encode(value: object) -> bytes:
    """A value as JSON, defaults left out."""
    return _adapter(type(value)).dump_json(value, exclude_defaults=True)


def decode(kind: type[T], data: bytes | str) -> T:
    """The value again; raises ValueError for a malformed record."""
    try:
        value: T = _adapter(kind).validate_json(data)
    except ValidationError as error:  # its text holds the rejected value, ours must not
        raise ValueError(f"a malformed {kind.__name__} with {error.error_count()} faults") from None
    return value
