"""Who and what exists: people, places and messages, by id, with nothing of the wire in it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

TEXT, DM, CATEGORY, FORUM = 0, 1, 4, 15
PUBLIC_THREAD = 11
DEFAULT, REPLY, CHAT_INPUT_COMMAND, CONTEXT_MENU_COMMAND = 0, 19, 20, 23
THREAD_STARTER = 21
WRITTEN = (DEFAULT, REPLY, CHAT_INPUT_COMMAND, CONTEXT_MENU_COMMAND)  # not Discord's own lines

FLAG_SUPPRESS_EMBEDS = 1 << 2
FLAG_HAS_THREAD = 1 << 5
FLAG_EPHEMERAL = 1 << 6
FLAG_LOADING = 1 << 7
FLAG_VOICE = 1 << 13
FLAG_SNAPSHOT = 1 << 14
FLAG_COMPONENTS_V2 = 1 << 15


@dataclass(slots=True)
class Person:
    """A user, human or bot."""

    id: str
    name: str
    display: str
    bot: bool = False
    dms_open: bool = True
    locale: str = "en-US"


@dataclass(slots=True)
class Role:
    id: str
    name: str
    permissions: int
    position: int
    managed_by: str | None = None  # the bot whose own role this is


@dataclass(frozen=True, slots=True)
class Overwrite:
    """What a channel allows and denies to one role or one member."""

    id: str
    member: bool = False
    allow: int = 0
    deny: int = 0


@dataclass(slots=True)
class Channel:
    """A place: channel, category, forum, thread or direct messages, told apart by `type`."""

    id: str
    type: int
    name: str
    guild_id: str | None = None
    parent_id: str | None = None
    position: int = 0
    topic: str | None = None
    overwrites: tuple[Overwrite, ...] = ()
    slow_seconds: int = 0
    recipients: tuple[str, ...] = ()  # of direct messages: both people
    owner_id: str | None = None  # of a thread
    archived: bool = False
    locked: bool = False
    announced: bool = True  # False: a thread that the gateway never mentions
    created_at: float = 0.0

    @property
    def is_thread(self) -> bool:
        return self.type in (10, 11, 12)

    @property
    def is_dm(self) -> bool:
        return self.type == DM


@dataclass(slots=True)
class Guild:
    id: str
    name: str
    owner_id: str
    roles: dict[str, Role] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)  # user id to role ids


@dataclass(frozen=True, slots=True)
class Attachment:
    id: str
    channel_id: str
    name: str
    content_type: str | None
    data: bytes = field(repr=False)
    width: int | None = None
    height: int | None = None
    description: str | None = None
    ephemeral: bool = False
    seconds: float | None = None  # of a voice message


@dataclass(frozen=True, slots=True)
class Reference:
    """What a message answers (reply) or carries on (forward)."""

    channel_id: str
    message_id: str
    forward: bool = False


@dataclass(frozen=True, slots=True)
class Cause:
    """The interaction that a message answers."""

    id: str
    type: int
    name: str
    user_id: str

    @property
    def typed(self) -> bool:
        """Whether a command was given; no button pressed, no form filled in."""
        return self.type == 2


@dataclass(slots=True)
class Message:
    id: str
    channel_id: str
    author_id: str
    content: str
    created_at: float
    type: int = DEFAULT
    edited_at: float | None = None
    flags: int = 0
    mentions: tuple[str, ...] = ()
    mention_roles: tuple[str, ...] = ()
    mention_everyone: bool = False
    attachments: tuple[Attachment, ...] = ()
    embeds: tuple[dict[str, object], ...] = ()
    components: tuple[dict[str, object], ...] = ()
    reference: Reference | None = None
    forwarded: "Message | None" = None
    stickers: tuple[tuple[str, str], ...] = ()  # id and name
    nonce: str | int | None = None
    webhook_name: str | None = None
    cause: Cause | None = None
    seen_by: str | None = None  # the one person who sees it, if it is ephemeral
    reactions: dict[str, list[str]] = field(default_factory=dict)  # emoji to user ids

    @property
    def loading(self) -> bool:
        """It stands for an answer that is still being thought about."""
        return bool(self.flags & FLAG_LOADING)

    @property
    def ephemeral(self) -> bool:
        return self.seen_by is not None


class World:
    """All of it, with the look-ups that everybody needs."""

    def __init__(self, bot: Person, owner: Person) -> None:
        self.bot = bot
        self.app_owner = owner
        self.people: dict[str, Person] = {bot.id: bot, owner.id: owner}
        self.guilds: dict[str, Guild] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: dict[str, dict[str, Message]] = {}  # by channel, in order of creation
        self.typing: dict[tuple[str, str], float] = {}  # channel and user, until when

    def guild_of(self, channel: Channel) -> Guild | None:
        return self.guilds[channel.guild_id] if channel.guild_id else None

    def channel_messages(self, channel_id: str) -> Iterator[Message]:
        return iter(self.messages.get(channel_id, {}).values())

    def message(self, channel_id: str, message_id: str) -> Message | None:
        return self.messages.get(channel_id, {}).get(message_id)

    def find_message(self, message_id: str) -> Message | None:
        return next((m[message_id] for m in self.messages.values() if message_id in m), None)

    def keep(self, message: Message) -> Message:
        self.messages.setdefault(message.channel_id, {})[message.id] = message
        return message

    def direct_messages(self, first: str, second: str) -> Channel | None:
        both = {first, second}
        every = (c for c in self.channels.values() if c.is_dm)
        return next((c for c in every if set(c.recipients) == both), None)

    def thread_under(self, message: Message) -> Channel | None:
        """The thread that hangs under a message; both have one id."""
        thread = self.channels.get(message.id)
        return thread if thread and thread.parent_id == message.channel_id else None

    def person(self, who: str) -> Person:
        """By id, account name or displayed name."""
        if who in self.people:
            return self.people[who]
        lowered = who.lower()
        for person in self.people.values():
            if lowered in (person.name.lower(), person.display.lower()):
                return person
        raise LookupError(f"nobody here is called {who!r}")

    def place(self, where: str) -> Channel:
        """By id or name."""
        if where in self.channels:
            return self.channels[where]
        for channel in self.channels.values():
            if channel.name == where.removeprefix("#") and not channel.is_dm:
                return channel
        raise LookupError(f"no channel here is called {where!r}")
