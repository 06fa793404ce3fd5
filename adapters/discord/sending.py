"""Replies become Discord messages: a slash command's answer takes the place of its "thinking", others are replies."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping

from adapters.discord import notes, render
from adapters.discord.content import Content
from adapters.discord.deferred import Deferred
from adapters.discord.faults import InteractionOver
from adapters.discord.messages import Messages
from adapters.discord.people import People
from adapters.discord.reading import Reading
from adapters.discord.rest import Rest
from adapters.pace import Bucket, Paces, Rate
from adapters.platform import Action, Body, Limits
from adapters.text.clean import units
from bot.errors import MissingScope, PlaceGone
from bot.reply import Shown
from bot.types import Actor, Attachment, Phase, Quote, Turn

log = logging.getLogger(__name__)

# Windows as Discord counts them, and a little for the way:
MESSAGES = Rate(5, 5.2, 5)  # create and edit together: about 5 in 5 s and channel (observed)
INTERACTIONS = Rate(5, 2.1, 5)  # a webhook's own bucket: about 5 in 2 s (observed)
TYPING_SECONDS = 3.0  # in which a channel is not told twice that we type; Discord shows it for ten, or until a message
FOOTER = 90  # UTF-16 units beyond a message's limit that its last lines may fill: 1,990 of 2,000
BLIND = "In this server I only read messages that mention me, so please mention me to go on."
MUTE = "I could not answer where you asked: I may not write there. An admin can allow it."


class Discord:
    """The platform as the shared parts see it."""

    name = "discord"
    limits = Limits(interval=1.2, working=8.0)

    def __init__(
        self,
        rest: Rest,
        deferred: Deferred,
        messages: Messages,
        people: People,
        reading: Reading,
        *,
        reads_all: bool,
        refused: Callable[[Turn], bool],
    ) -> None:
        self._refused = refused
        self._rest = rest
        self._deferred = deferred
        self._messages = messages
        self._people = people
        self._reading = reading
        self._paces = Paces()
        self._typed: dict[str, float] = {}  # channel → when it last showed that we type
        self._reads_all = reads_all  # the Message Content intent is on
        # Turn → the words last said to its author, and how many of their messages are out.
        self._said: dict[str, tuple[str, int]] = {}

    # ---- showing ------------------------------------------------------------------------------------

    def render(self, turn: Turn, shown: Shown, *, shrink: int = 0) -> list[Body]:
        if shown.phase is Phase.STOPPED and not (shown.text or shown.notes):
            return []  # nobody waits for it any more
        limit = render.LIMIT >> shrink
        bodies = [
            Body(piece) for piece in render.render(shown.text, final=shown.final, limit=limit)
        ]
        for note in self._notes(turn, shown):
            last = bodies[-1] if bodies else None
            longer = Body(last.text, (*last.footer, note)) if last else None
            if longer is not None and units(Content.of(turn, longer).text) <= limit + FOOTER:
                bodies[-1] = longer
            else:
                bodies.append(Body("", (note,)))
        return bodies

    def _notes(self, turn: Turn, shown: Shown) -> tuple[str, ...]:
        """What the worker noted, and once in a thread what the bot cannot read there."""
        if not shown.final:
            return ()
        blind = turn.message.first and not self._reads_all
        return (*shown.notes, BLIND) if blind else shown.notes

    def bucket(self, turn: Turn, action: Action, message: str | None = None) -> Bucket:
        if turn.message.target.interaction:
            return self._paces.bucket(f"interaction {turn.id}", INTERACTIONS)
        return self._paces.bucket(f"channel {turn.place}", MESSAGES)

    async def post(
        self, turn: Turn, part: int, body: Body, parts: Mapping[int, str], *, look: bool
    ) -> str:
        self._heed(turn)
        target, content = turn.message.target, Content.of(turn, body)
        if target.interaction is None:
            reply_to = target.reply_to if part == 0 else None
            return await self._in_channel(turn, part, content, reply_to, look=look)
        try:
            if part == 0:
                return await self._deferred.fill(turn, content)
            if target.only:
                return await self._deferred.add(turn, content, private=True)
        except InteractionOver:
            if target.only:
                direct = await self._messages.direct(target.only)
                return await self._messages.post(turn, part, content, direct, look=look)
        try:
            return await self._in_channel(turn, part, content, parts.get(part - 1), look=look)
        except MissingScope:
            # Where the bot may not write, its interactions may still be answered.
            if part == 0:
                raise
            return await self._deferred.add(turn, content, private=False)

    async def _in_channel(
        self, turn: Turn, part: int, content: Content, reply_to: str | None, *, look: bool
    ) -> str:
        channel = turn.message.target.channel
        try:
            return await self._messages.post(
                turn, part, content, channel, reply_to=reply_to, look=look
            )
        except MissingScope as error:
            raise MissingScope(MUTE) from error

    async def edit(self, turn: Turn, part: int, message: str, body: Body) -> None:
        target, content = turn.message.target, Content.of(turn, body)
        if target.interaction and (part == 0 or target.only):
            try:
                return await self._deferred.edit(turn, message, content)
            except InteractionOver:
                log.debug("interaction.over turn=%s", turn.id)
        if target.only:
            return await self._messages.edit_direct(target.only, message, content)
        try:
            return await self._messages.edit(target.channel, message, content)
        except MissingScope as error:
            raise MissingScope(MUTE) from error

    async def delete(self, turn: Turn, message: str) -> None:
        target = turn.message.target
        try:
            if target.interaction:
                try:
                    return await self._deferred.delete(turn, message)
                except PlaceGone:
                    log.debug("interaction.over turn=%s", turn.id)
            channel = await self._messages.direct(target.only) if target.only else target.channel
            await self._messages.delete(channel, message)
        except PlaceGone:
            log.debug("message.gone turn=%s", turn.id)

    async def notice(self, turn: Turn, words: str) -> None:
        """In the place of a command's "thinking"; to a mention, where nothing is private, as a plain reply."""
        self._heed(turn)
        said, out = self._said.get(turn.id, (words, 0))
        for index, page in enumerate(notes.pages(words)):
            if said != words or index >= out:
                await self._say(turn, index, Content(page))
                self._said[turn.id] = (words, index + 1)

    async def _say(self, turn: Turn, index: int, content: Content) -> None:
        try:
            if index == 0:
                await self._deferred.fill(turn, content)
            else:
                await self._deferred.add(turn, content, private=True)
            return
        except InteractionOver:
            log.debug("notice.message turn=%s", turn.id)
        target = turn.message.target
        if target.reply_to == turn.message.id:
            try:
                reply_to = target.reply_to if index == 0 else None
                await self._messages.post(turn, index, content, target.channel, reply_to=reply_to)
                return
            except MissingScope:
                log.info("notice.direct turn=%s", turn.id)
        direct = await self._messages.direct(turn.message.author.id)
        await self._messages.post(turn, index, content, direct)

    async def working(self, turn: Turn, on: bool) -> None:
        """Typing, of which a channel shows one however many answers are made in it; a deferred interaction shows
        "thinking" by itself."""
        channel, now = turn.message.target.channel, time.monotonic()
        if not on or turn.message.target.interaction:
            return
        self._typed = {c: at for c, at in self._typed.items() if now - at < TYPING_SECONDS}
        if channel not in self._typed:
            self._typed[channel] = now
            await self._rest.typing(channel)

    def forget(self, turn_id: str) -> None:
        self._said.pop(turn_id, None)

    # ---- asking -------------------------------------------------------------------------------------

    def _heed(self, turn: Turn) -> None:
        if self._refused(turn):
            raise PlaceGone("Its author was told that nothing comes of it.")

    async def actor(self, turn: Turn) -> Actor:
        self._heed(turn)
        return await self._people.actor(turn)

    async def fetch(self, turn: Turn, attachment: Attachment) -> bytes:
        return await self._reading.fetch(turn, attachment)

    async def history(self, turn: Turn) -> tuple[Quote, ...]:
        return await self._reading.history(turn)

    async def meet(self, people: Collection[str]) -> None:
        """Discord's events tell names."""
