"""A message as Slack keeps it, and the archive that keeps them: everything visible in channels."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from playground.slack.wire import Json

MICROSECONDS = 1_000_000  # in a second; the resolution of a `ts`


@dataclass(frozen=True, slots=True)
class Message:
    """One message: who wrote what where; `private_to` marks one that only that person sees."""

    channel: str
    ts: str
    user: str
    team: str
    text: str
    blocks: tuple[Json, ...] = ()
    attachments: tuple[Json, ...] = ()
    files: tuple[Json, ...] = ()
    thread_ts: str | None = None
    parent_user: str | None = None
    subtype: str | None = None
    bot_id: str | None = None
    bot_profile: Json | None = None
    metadata: Json | None = None
    edited: Json | None = None
    client_msg_id: str | None = None
    streaming_state: str | None = None  # "in_progress" or "completed"; None: it never was a stream
    reactions: tuple[tuple[str, str], ...] = ()  # (name, user)
    private_to: str | None = None

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts

    @property
    def root_ts(self) -> str:
        return self.thread_ts or self.ts

    @property
    def is_streaming(self) -> bool:
        return self.streaming_state == "in_progress"

    @property
    def is_deleted(self) -> bool:
        return self.subtype == "tombstone"

    def as_json(self, *, metadata: bool = False) -> Json:
        """The message object of Slack's answers and events; absent fields are left out."""
        optional: Json = {
            "subtype": self.subtype,
            "client_msg_id": self.client_msg_id,
            "bot_id": self.bot_id,
            "bot_profile": self.bot_profile,
            "app_id": self.bot_profile and self.bot_profile["app_id"],
            "blocks": list(self.blocks),
            "attachments": list(self.attachments),
            "files": list(self.files),
            "thread_ts": self.thread_ts,
            "parent_user_id": self.parent_user if self.is_reply else None,
            "edited": self.edited,
            "streaming_state": self.streaming_state,
            "reactions": self._counted_reactions(),
            "metadata": self.metadata if metadata else None,
            "hidden": True if self.is_deleted else None,
        }
        present = {name: value for name, value in optional.items() if value}
        return {
            "type": "message",
            "user": self.user,
            "team": self.team,
            "text": self.text,
            "ts": self.ts,
            **present,
        }

    def _counted_reactions(self) -> list[Json]:
        names = dict.fromkeys(name for name, _ in self.reactions)
        users = {name: [user for known, user in self.reactions if known == name] for name in names}
        return [{"name": name, "users": users[name], "count": len(users[name])} for name in users]


def text_of(messages: Message | Iterable[Message]) -> str:
    """What a reader reads: the `markdown` blocks (else `text`), entities decoded, joiners gone."""
    if isinstance(messages, Message):
        messages = (messages,)
    return "".join(_read(message) for message in messages)


def _read(message: Message) -> str:
    written = [block["text"] for block in message.blocks if block["type"] == "markdown"]
    raw = "".join(written) if written else message.text
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        raw = raw.replace(entity, character)
    return raw.replace("\u2060", "")


class Archive:
    """Every message by channel in the order of posting, and apart from it the private ones."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = 0  # µs
        self._by_ts: dict[str, Message] = {}  # a ts is issued once in the whole workspace
        self._channels: dict[str, dict[str, Message]] = {}
        self._threads: dict[tuple[str, str], dict[str, Message]] = {}
        self.private: list[Message] = []

    def next_ts(self) -> str:
        """The present moment as a `ts` that no message in the workspace has yet."""
        self._last = max(int(self._clock() * MICROSECONDS), self._last + 1)
        seconds, rest = divmod(self._last, MICROSECONDS)
        return f"{seconds}.{rest:06d}"

    def keep(self, message: Message) -> None:
        """Adds a message, or puts it in the place of the one with its `ts`."""
        self._by_ts[message.ts] = message
        self._channels.setdefault(message.channel, {})[message.ts] = message
        self._threads.setdefault((message.channel, message.root_ts), {})[message.ts] = message

    def drop(self, message: Message) -> None:
        del self._by_ts[message.ts]
        del self._channels[message.channel][message.ts]
        del self._threads[message.channel, message.root_ts][message.ts]

    def forget(self, channel: str) -> None:
        """A channel is gone with all that was said there."""
        for message in self.of(channel):
            self.drop(message)
        self.private = [message for message in self.private if message.channel != channel]

    def find(self, channel: str, ts: str) -> Message | None:
        return self._channels.get(channel, {}).get(ts)

    def by_ts(self, ts: str) -> Message | None:
        return self._by_ts.get(ts)

    def of(self, channel: str) -> list[Message]:
        return list(self._channels.get(channel, {}).values())

    def thread(self, channel: str, ts: str) -> list[Message]:
        """The root and its replies, in order; a root that was deleted is simply missing."""
        return list(self._threads.get((channel, ts), {}).values())

    def replies(self, channel: str, ts: str) -> list[Message]:
        return [message for message in self.thread(channel, ts) if message.is_reply]

    def __iter__(self) -> Iterator[Message]:
        for channel in self._channels.values():
            yield from channel.values()
