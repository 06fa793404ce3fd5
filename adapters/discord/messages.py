"""Ordinary messages of ours: posted once, found again after a crash, never in the wrong place."""

from __future__ import annotations

from collections.abc import Callable

from adapters.discord.content import Content
from adapters.discord.faults import Archived, BadReference
from adapters.discord.rest import Rest
from bot.errors import MissingScope, Outgrown, PlaceGone
from bot.inbox import at_key
from bot.reply import Replies
from bot.types import Turn

LOOKED_THROUGH = 100  # messages after the question among which an earlier post is looked for
ALIKE = 60  # characters that an answer begins with: enough to know a part of it again
CLOSING = "`*_~|\n "  # what may stand after a text that has not grown further yet


class Messages:
    """Messages in channels and, for one person alone, in direct messages."""

    def __init__(self, rest: Rest, replies: Callable[[], Replies]) -> None:
        self._rest = rest
        self._replies = replies
        self._direct: dict[str, str] = {}  # person → channel of their direct messages

    async def post(
        self,
        turn: Turn,
        part: int,
        content: Content,
        channel: str,
        *,
        reply_to: str | None = None,
        look: bool = False,
    ) -> str:
        """The id of the message that shows the content, an earlier one of the same part if there is any."""
        if look and (earlier := await self._earlier(turn, part, content, channel, reply_to)):
            await self._rest.edit(channel, earlier, content)
            return earlier
        mark = nonce(turn, part)
        try:
            found = await self._rest.post(channel, content, nonce=mark, reply_to=reply_to)
        except BadReference:
            found = await self._rest.post(channel, content, nonce=mark)
        message = str(found["id"])
        if not content.shown_by(found):
            await self._rest.edit(channel, message, content)  # the nonce found an earlier text
        return message

    async def edit(self, channel: str, message: str, content: Content) -> None:
        """Also in a thread that was archived meanwhile, which a post would open again, but no edit does."""
        try:
            await self._rest.edit(channel, message, content)
        except Archived:
            await self._rest.reopen(channel)
            await self._rest.edit(channel, message, content)

    async def delete(self, channel: str, message: str) -> None:
        await self._rest.delete(channel, message)

    async def direct(self, person: str) -> str:
        """The channel of the direct messages with a person."""
        if person not in self._direct:
            if len(self._direct) > 10_000:
                self._direct.clear()
            self._direct[person] = await self._rest.direct_channel(person)
        return self._direct[person]

    async def edit_direct(self, person: str, message: str, content: Content) -> None:
        """A private part goes on as a direct message. Raises Outgrown where it was shown in the channel: no token of it
        is left, so that it is posted anew."""
        try:
            await self._rest.edit(await self.direct(person), message, content)
        except PlaceGone as gone:
            raise Outgrown("It goes on as a direct message.") from gone

    async def _earlier(
        self, turn: Turn, part: int, content: Content, channel: str, reply_to: str | None
    ) -> str | None:
        """Our own message that shows this part: by its nonce as long as Discord tells it, else by what it replies to
        or how it begins, if it is bound to no turn yet."""
        await self._rest.open()  # for our id
        try:
            found = await self._rest.history(channel, after=turn.message.id, limit=LOOKED_THROUGH)
        except (MissingScope, PlaceGone):
            return None  # where it cannot be looked, the post itself tells what is wrong
        ours = [m for m in reversed(found) if str(m["author"]["id"]) == self._rest.us]
        for message in ours:
            if str(message.get("nonce") or "") == nonce(turn, part):
                return str(message["id"])
        for message in ours:
            alike = _alike(str(message.get("content") or ""), content.text)
            if reply_to is not None:
                alike = (message.get("message_reference") or {}).get("message_id") == reply_to
            if alike and not message.get("nonce") and not await self._bound(turn, message["id"]):
                return str(message["id"])
        return None

    async def _bound(self, turn: Turn, message: str) -> bool:
        """Whether a conversation knows the message: then it shows another part, or another turn."""
        store, where = self._replies().store, turn.message.thread.channel
        place = (where.platform, where.workspace, turn.message.target.channel)
        return bool(await store.redis.exists(at_key(store, *place, message)))


def nonce(turn: Turn, part: int) -> str:
    """At most 25 characters: the turn's 16 and the part."""
    return f"{turn.id}.{part}"


def _alike(earlier: str, content: str) -> bool:
    """Whether one begins like the other: the earlier text may have been its first words alone."""
    begun = earlier[:ALIKE].rstrip(CLOSING)
    return earlier.startswith(content[:ALIKE]) or (bool(begun) and content.startswith(begun))
