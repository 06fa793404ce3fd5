"""What a conversation remembers: a list of messages in Redis, one element each, under the epoch of its life."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import msgpack

from bot import store as keys
from bot.dead import digest
from bot.store import Store, text
from bot.types import ChatMessage, ImagePart, Part, TextPart

log = logging.getLogger(__name__)

DELETED = "(deleted by its author)"
UNREADABLE = ChatMessage("user", (TextPart("(unreadable)"),))
_MARKS = str.maketrans({"⟦": "[[", "⟧": "]]"})  # between these stand notes of ours, in a prompt

_RAW, _DEFLATED = b"\0", b"\2"
_BARE = -15  # zlib's word for deflate without a header
# What each entry may refer to instead of saying it: such short texts have little in themselves to refer to. Never to be
# changed, since every entry is read with it; a better one needs a mark of its own.
_KNOWN = (
    "```python\n```json\n```bash\n```\n\n| --- | --- |\n> **Note:** \n## \n### \n1. **\n2. **\n- **\n- `https://www. "
    "sorry, thanks, please, however, therefore, for example, in order to, instead of, such as, as well as, at least, "
    "because, between, without, through, another, different, following, important, available, possible, question, "
    "answer, function, return, value, default, number, message, example, information, something, system, version, "
    "people, would be, could be, should be, has been, have been, does not, is not, are not, cannot, you can, you want, "
    "we need, there is, there are, this is, that is, it is, what is, how to, when the, if the, if you, with the, "
    "from the, into the, by the, on the, to the, for the, and the, of the, in the, of a, in a, to be, will be, "
    "more than, which, their, other, only, also, each, then, than, them, they, your, have, that, this, with, "
    "from, are, not, and, the ⟦In reply to ⟦Files: ⟦The image is not kept any more.⟧ writes:⟧"
).encode() + b"\xa0\x95\xa4user\x92\xb3\x95\xa9assistant\x91\xda\x03\xa0\xa0\xa6gpt-4o"


def inert(text: str) -> str:
    """People's words, none of which can pass for a note of ours."""
    return text.translate(_MARKS)


def pack(message: ChatMessage) -> bytes:
    """A message as one element of the log: a header byte, then msgpack, deflated where that is shorter."""
    parts = [
        part.text
        if isinstance(part, TextPart)
        else [part.blob, part.mime, part.width, part.height, part.name]
        for part in message.parts
    ]
    fields = [message.role, parts, message.author, message.source, message.alias]
    if message.name:
        fields.append(message.name)
    body: bytes = msgpack.packb(fields)
    press = zlib.compressobj(9, zlib.DEFLATED, _BARE, zdict=_KNOWN)
    deflated = press.compress(body) + press.flush()
    return _DEFLATED + deflated if len(deflated) < len(body) else _RAW + body


def unpack(entry: bytes, tokens: int = 0) -> ChatMessage:
    """The message again; raises ValueError for a malformed element."""
    try:
        body = _inflated(entry[1:]) if entry[:1] == _DEFLATED else entry[1:]
        role, raw, author, source, alias, *more = msgpack.unpackb(body)  # a newer version says more
        parts: list[Part] = [TextPart(p) if isinstance(p, str) else ImagePart(*p[:5]) for p in raw]
        if role not in ("user", "assistant"):
            raise ValueError
    except (ValueError, TypeError, zlib.error, msgpack.UnpackException):
        raise ValueError("a malformed entry of a conversation") from None
    return ChatMessage(role, tuple(parts), author, source, alias, tokens, *more[:1])


def _inflated(data: bytes) -> bytes:
    """Raises zlib.error or ValueError for what is no whole entry."""
    pull = zlib.decompressobj(_BARE, zdict=_KNOWN)
    body = pull.decompress(data)
    if not pull.eof:
        raise ValueError("an entry that breaks off")
    return body


def remembered(entries: Sequence[bytes], costs: Sequence[bytes]) -> list[ChatMessage]:
    """A whole log with each entry's tokens."""
    return [_read(entry, cost) for entry, cost in zip_longest(entries, costs[: len(entries)])]


class Conversations:
    """The logs of all conversations. Only the holder of a lease writes to one, through COMMIT."""

    def __init__(self, store: Store, *, ttl: int = keys.DAY) -> None:
        self.store = store
        self.ttl = ttl

    async def amend(self, conversation: str, epoch: str, source: str, words: str | None) -> None:
        """A question in the log was edited, or deleted with its answer (None). Again where a COMMIT has moved what was
        read, until all of it is so."""
        name = self.store.key("log", conversation, epoch)
        while True:
            entries = await self.store.redis.lrange(name, 0, -1)
            edited = _edited([_read(entry, b"0") for entry in entries], source, words)
            changes = {
                at: new for at, message in edited.items() if (new := pack(message)) != entries[at]
            }
            if not changes:
                return
            for at, new in changes.items():
                await self.store.run("mend_log", [name], at, entries[at], new)

    async def latest(self, channel: str, person: str) -> str | None:
        """A person's latest conversation in a channel."""
        value = await self.store.redis.get(self.store.key("latest", channel, person))
        return text(value) or None


def _read(entry: bytes, cost: bytes | None) -> ChatMessage:
    """An entry with its tokens. A malformed one keeps its place, so that positions and costs still agree."""
    try:
        tokens = int(cost or 0)
        return unpack(entry, tokens)
    except ValueError:
        log.error("log.garbage entry=%s", digest(entry))
        return UNREADABLE


def _edited(messages: list[ChatMessage], source: str, words: str | None) -> dict[int, ChatMessage]:
    """What becomes of the messages that hold a question, by their places: new words, or none (None)."""
    edited: dict[int, ChatMessage] = {}
    for index, message in enumerate(messages):
        if message.source != source or message.role != "user":
            continue
        if words is not None:
            edited[index] = _reworded(message, words)
            continue
        edited[index] = _emptied(message)
        if messages[index + 1 : index + 2] and messages[index + 1].role == "assistant":
            edited[index + 1] = _emptied(messages[index + 1])  # which may repeat it
    return edited


def _reworded(message: ChatMessage, words: str) -> ChatMessage:
    """The question with other words, which are its last text; notes and pictures stay."""
    at = max(i for i, part in enumerate(message.parts) if isinstance(part, TextPart))
    parts = (*message.parts[:at], TextPart(inert(words)), *message.parts[at + 1 :])
    return replace(message, parts=parts)


def _emptied(message: ChatMessage) -> ChatMessage:
    return replace(message, parts=(TextPart(DELETED),))
