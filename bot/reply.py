"""A reply under way: text that grows under a worker's fence, and the platform messages that show it."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from bot import dead
from bot import store as keys
from bot.inbox import TURN, at_key, hint_channel, text_keys
from bot.store import Store, pairs, text
from bot.types import Phase, Turn
from bot.work import Grant

UNSEEN = "private"  # in the place of the id of a message that its author alone saw
LISTEN = 2.0  # s of one wait for a hint
HINT = re.compile(rb"([0-9A-Z]{16})( whole)?")  # a turn whose reply moved, and whether it is whole


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to show of a reply: the whole text so far, how it stands, and which messages show it."""

    phase: Phase | None  # None: nothing has begun
    text: str
    alias: str = ""
    notes: tuple[str, ...] = ()
    parts: dict[int, str] = field(default_factory=dict)  # part of the reply → platform message id
    regained: int | None = (
        None  # percent: the text is a former worker's, the present one has so much
    )
    intended: int = (
        0  # the fence under which a channel's owner may post the first part, and nobody else
    )

    @property
    def final(self) -> bool:
        return self.phase is not None and self.phase is not Phase.OPEN

    @property
    def unbegun(self) -> bool:
        """Stopped before its first word. A retry that ended so takes nothing's place."""
        return self.phase is Phase.STOPPED and not self.text


class Replies:
    """All that may be done to replies. Each method is one round trip and safe to repeat."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def append(self, grant: Grant, offset: int, chunk: bytes, alias: str) -> bool:
        """Write text at a byte offset of this fence's text; False says that the fence is no longer the newest."""
        key = self.store.key
        state = await self.store.run(
            "append",
            [
                key("lease", grant.conversation),
                key("reply", grant.turn),
                *text_keys(self.store, grant.turn),
                key("turn", grant.turn),
            ],
            grant.fence,
            offset,
            chunk,
            alias,
            keys.REPLY_TTL,
            hint_channel(self.store, grant.conversation),
            grant.turn,
            key("delivery", ""),
        )
        return bool(state == b"held")

    async def read(self, turn_id: str) -> Shown:
        """The reply as it is to be shown: an older fence's text until the newest one's is longer or final."""
        names = [self.store.key("reply", turn_id), *text_keys(self.store, turn_id)]
        found, *texts = await self.store.run("look", names)
        fields = pairs(found)
        if b"phase" not in fields:
            return Shown(None, "", parts=_parts(fields))
        phase, regained = _phase(fields), None
        if phase is Phase.OPEN:
            words, regained = _growing(texts, fields.get(b"slot"))
        else:
            words = text(fields[b"text"])
        return Shown(
            phase,
            words,
            text(fields.get(b"alias")),
            tuple(json.loads(fields.get(b"notes", b"[]"))),
            _parts(fields),
            regained,
            _fence(fields.get(b"intent:0", b"")),
        )

    async def say(self, turn_id: str, platform: str, words: str, phase: Phase) -> str:
        """The final words of a turn outside the inbox; the first ones said stay, and are returned."""
        key = self.store.key
        said = await self.store.run(
            "say",
            [key("reply", turn_id)],
            phase,
            words,
            keys.REPLY_TTL,
            hint_channel(self.store, platform),
            turn_id,
        )
        return text(said)

    async def owed(self, platform: str) -> list[str]:
        """The turns that are not yet delivered, oldest first."""
        name = self.store.key("owed", platform)
        found = await self.store.redis.zrange(name, 0, -1)
        return await dead.sound(self.store, name, found, TURN)

    async def owes(self, turn: Turn) -> bool:
        """Whether it is not yet delivered."""
        name = self.store.key("owed", turn.platform)
        return await self.store.redis.zscore(name, turn.id) is not None

    async def next_in(self, conversation: str) -> str | None:
        """The turn whose answer is to be shown next in this conversation."""
        key, platform = self.store.key, conversation.split(":", 1)[0]
        head = await self.store.run("next", [key("outbox", conversation), key("owed", platform)])
        return text(head) or None

    async def own(self, place: str, owner: str, seconds: float) -> int:
        """The fence under which this adapter sends to a platform channel; 0 while another one does."""
        milliseconds = int(seconds * 1000)
        fence = await self.store.run(
            "own", [self.store.key("delivery", place)], owner, milliseconds
        )
        return int(fence)

    async def disown(self, place: str, owner: str) -> None:
        await self.store.run("own", [self.store.key("delivery", place)], owner, 0)

    async def bind(self, turn: Turn, owner: str, part: int, message: str) -> bool:
        """The part is shown by this platform message; False: another message does, delete yours."""
        key = self.store.key
        bound = await self.store.run(
            "bind",
            [key("delivery", turn.place), key("reply", turn.id), self._at(turn, message)],
            owner,
            part,
            message,
            turn.conversation,
            keys.AT_TTL,
            keys.REPLY_TTL,
        )
        return bool(bound)

    async def intend(self, turn_id: str, part: int) -> bool:
        """Note that this part is about to be posted; False: somebody was about to before, so look first."""
        name = self.store.key("reply", turn_id)
        return bool(await self.store.run("intend", [name], part, keys.REPLY_TTL))

    async def adopt(self, turn: Turn) -> None:
        """The messages of the answer that this one takes the place of, which is delivered, show this one."""
        key = self.store.key
        replies = [key("reply", turn.id), key("reply", turn.retries)]
        await self.store.run("adopt", replies, keys.REPLY_TTL, UNSEEN)

    async def unbind(self, turn: Turn, part: int, message: str) -> None:
        """The part's message was deleted, or is about to be: nothing leads to it any more."""
        names = [self.store.key("reply", turn.id), self._at(turn, message)]
        await self.store.run("unbind", names, part, message)

    async def leads(self, turn: Turn, message: str) -> bool:
        """Whether a message where the turn is answered is bound, to this turn or to another."""
        return bool(await self.store.redis.exists(self._at(turn, message)))

    def _at(self, turn: Turn, message: str) -> str:
        channel = turn.message.thread.channel
        place = (channel.platform, channel.workspace, turn.message.target.channel)
        return at_key(self.store, *place, message)

    async def delivered(
        self, turn_id: str, conversation: str, *, how: str = "delivered", letter: str = ""
    ) -> str | None:
        """The turn is owed no more; the id of the next one in its conversation."""
        key = self.store.key
        platform = conversation.split(":", 1)[0]
        following = await self.store.run(
            "delivered",
            [
                key("turn", turn_id),
                key("reply", turn_id),
                key("owed", platform),
                key("outbox", conversation),
                key("secret", turn_id),
                key("dead"),
            ],
            turn_id,
            how,
            keys.DONE_TTL,
            letter,
            hint_channel(self.store, conversation),
            dead.KEPT,
        )
        return text(following) or None

    async def secret(self, turn_id: str) -> str:
        """A Discord interaction's token, while it lives; else empty."""
        return text(await self.store.redis.get(self.store.key("secret", turn_id)))

    async def spend(self, turn_id: str) -> None:
        """The token serves no more: what is still to be said goes another way."""
        await self.store.redis.delete(self.store.key("secret", turn_id))

    async def owed_since(self, platform: str, moment: float) -> list[str]:
        """The turns that were admitted before this moment (s since the epoch) and are not delivered."""
        name = self.store.key("owed", platform)
        found = await self.store.redis.zrangebyscore(name, "-inf", moment * 1000)
        return [text(turn) for turn in found]

    async def hints(self, platform: str) -> AsyncIterator[tuple[str, bool]]:
        """Ids of turns whose reply moved, and whether it is whole. Only hints: what is missed here, the sweep finds."""
        async with self.store.redis.pubsub() as pubsub:
            await pubsub.subscribe(hint_channel(self.store, platform))
            while True:
                message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=LISTEN)
                if message is not None and (hint := HINT.fullmatch(message["data"])):
                    yield hint[1].decode(), hint[2] is not None


def _growing(found: Sequence[bytes], slot: bytes | None) -> tuple[str, int | None]:
    """The longer of the two texts, and where that is not the one that grows, how much that one has of it."""
    texts = dict(zip((b"3", b"4"), found, strict=True))
    longest = max(texts.values(), key=len)
    regained = None
    if slot in texts and len(texts[slot]) < len(longest):
        regained = 100 * len(texts[slot]) // len(longest)
    return longest.decode("utf-8", "ignore"), regained  # an append may end inside a character


def _phase(fields: dict[bytes, bytes]) -> Phase:
    """The phase. One of a newer version counts as whole where a final text is there, else as growing."""
    try:
        return Phase(text(fields[b"phase"]))
    except ValueError:
        return Phase.ANSWERED if b"text" in fields else Phase.OPEN


def _fence(intent: bytes) -> int:
    return int(intent) if intent.isdigit() else 0


def _parts(fields: dict[bytes, bytes]) -> dict[int, str]:
    return {
        int(name[5:]): text(value) for name, value in fields.items() if name.startswith(b"part:")
    }
