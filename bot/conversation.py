"""What a conversation remembers: a list of messages in Redis, one element each, under the epoch of its life."""

from __future__ import annotations

from dataclasses import replace

import msgpack
import zstandard

from bot import store as keys
from bot.store import Store, text
from bot.types import ChatMessage, ImagePart, Part, TextPart

SQUEEZE = 512  # bytes; below this zstd gains nothing
_RAW, _ZSTD = b"\0", b"\1"


def pack(message: ChatMessage) -> bytes:
    """A message as one element of the log: a header byte, then msgpack, compressed when long."""
    parts = [
        part.text
        if isinstance(part, TextPart)
        else [part.blob, part.mime, part.width, part.height, part.name]
        for part in message.parts
    ]
    fields = [message.role, parts, message.author, message.source, message.alias]
    body: bytes = msgpack.packb(fields)
    if len(body) > SQUEEZE:
        return _ZSTD + zstandard.compress(body)
    return _RAW + body


def unpack(entry: bytes, tokens: int = 0) -> ChatMessage:
    """The message again; raises ValueError for a malformed element."""
    try:
        body = zstandard.decompress(entry[1:]) if entry[:1] == _ZSTD else entry[1:]
        role, raw, author, source, alias = msgpack.unpackb(body)
        parts: list[Part] = [TextPart(p) if isinstance(p, str) else ImagePart(*p) for p in raw]
    except (ValueError, TypeError, zstandard.ZstdError, msgpack.UnpackException) as error:
        raise ValueError("a malformed entry of a conversation") from error
    return ChatMessage(role, tuple(parts), author, source, alias, tokens)


class Conversations:
    """The logs of all conversations. Only the holder of a lease writes to one, through COMMIT."""

    def __init__(self, store: Store, *, ttl: int = keys.DAY) -> None:
        self.store = store
        self.ttl = ttl

    async def load(self, conversation: str, epoch: str) -> list[ChatMessage]:
        """The whole log with each entry's tokens, one round trip; a malformed entry is left out."""
        async with self.store.redis.pipeline(transaction=False) as pipe:
            pipe.lrange(self.store.key("log", conversation, epoch), 0, -1)
            pipe.lrange(self.store.key("cost", conversation, epoch), 0, -1)
            entries, costs = await pipe.execute()
        messages = []
        for index, entry in enumerate(entries):
            tokens = int(costs[index]) if index < len(costs) else 0
            try:
                messages.append(unpack(entry, tokens))
            except ValueError:
                # Its place is kept, so that positions and costs still agree.
                messages.append(ChatMessage("user", (TextPart("(unreadable)"),), tokens=tokens))
        return messages

    async def renew(self, conversation: str, request: str) -> None:
        """Begin anew: what was said is no longer part of it."""
        await self.store.run(
            "renew_conversation",
            [self.store.key("epoch", conversation)],
            request,
            max(keys.AT_TTL, 2 * self.ttl),
        )

    async def amend(self, conversation: str, epoch: str, source: str, words: str | None) -> None:
        """A question in the log was edited, or deleted with its answer (None)."""
        name = self.store.key("log", conversation, epoch)
        entries = await self.store.redis.lrange(name, 0, -1)
        for index, entry in enumerate(entries):
            message = unpack(entry)
            if message.source != source or message.role != "user":
                continue
            kept = tuple(p for p in message.parts if isinstance(p, ImagePart))
            gone = words is None
            part = TextPart("(deleted by its author)" if gone else words or "")
            edited = replace(message, parts=(part,) if gone else (part, *kept))
            await self.store.run("mend_log", [name], index, entry, pack(edited))

    async def latest(self, channel: str, person: str) -> str | None:
        """A person's latest conversation in a channel."""
        value = await self.store.redis.get(self.store.key("latest", channel, person))
        return text(value) or None
