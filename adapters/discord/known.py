"""What Redis knows of the places that an event touches: which conversation is theirs, and whether the bot was there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.inbox import at_key, conversation_at
from bot.store import Store
from bot.types import Channel, Message


@dataclass(frozen=True, slots=True)
class Known:
    """Conversations by their keys."""

    replied: str | None = None  # of the message that is replied to
    opened: str | None = None  # of the message that the thread was opened with
    met: bool = False  # the bot was asked in this thread before

    def first_in_thread(self, asked: Message) -> Message:
        """Asked in a thread for the first time, the bot reads what came before, once."""
        begins = asked.id == asked.thread.id or self.opened == asked.thread.key
        return replace(asked, history=not self.met and not begins, first=not self.met)


async def known(store: Store, home: Channel, channel: str, replies: Sequence[str] = ()) -> Known:
    """One round trip. `home` is where settings are kept, `channel` where it was said; `replies` are messages that may
    lead to the conversation, the likeliest first."""
    in_thread = channel != home.id
    opened = ((home.id, channel), (channel, channel)) if in_thread else ()
    pairs = (*((channel, reply) for reply in replies), *opened, (channel, _met(channel)))
    names = [at_key(store, home.platform, home.workspace, *pair) for pair in pairs]
    found = await conversation_at(store, names)
    end = len(replies)
    return Known(
        next((c for c in found[:end] if c), None),
        next((c for c in found[end:-1] if c), None),
        found[-1] is not None,
    )


def met_in(asked: Message) -> list[str]:
    """The name under which a thread is remembered once the bot was asked in it."""
    in_thread = asked.thread.id == asked.target.channel
    return [_met(asked.target.channel)] if in_thread else []


def _met(thread: str) -> str:
    return f"met-{thread}"
