"""Replies become Discord messages: a slash command's answer takes the place of its "thinking", others are replies."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import aiohttp
import discord

from adapters.discord import render
from adapters.discord.parse import files_of, text_of
from adapters.discord.rest import DeadInteractionError, Rest
from adapters.files.download import AttachmentGone, download
from adapters.files.origins import Origins
from adapters.files.sentences import rejected
from adapters.platform import Body, Limits, Rate
from bot.errors import BotError, MissingScope, PlaceGone, PlatformBusy
from bot.reply import Replies, Shown
from bot.types import Actor, Attachment, Quote, Scope, Turn

log = logging.getLogger(__name__)

MESSAGES = Rate(0.9, 4)  # create and edit together: about 5 in 5 s and channel
INTERACTIONS = Rate(2.0, 4)  # a webhook's own bucket: about 5 in 2 s
HISTORY = 15  # messages of an older thread, read once
DEFER_SECONDS = 4.0  # how long a deferral may be on its way, also one by another process
NOTE_LINE = "-# "  # our own words; model text has it escaped

PermissionsOf = Callable[[Turn], Awaitable[tuple[str, discord.Permissions, frozenset[str]]]]
"""The name, the permissions in the turn's channel and the roles of the turn's author, asked of the guild now."""


class Discord:
    """The platform as the shared parts see it."""

    name = "discord"
    limits = Limits(interval=1.2, per_live=1.0, working=8.0)

    def __init__(
        self,
        rest: Rest,
        replies: Callable[[], Replies],
        permissions_of: PermissionsOf,
        application: Callable[[], str],
        session: aiohttp.ClientSession,
        origins: Origins,
        *,
        reads_all: bool,
    ) -> None:
        self._rest = rest
        self._replies = replies
        self._permissions_of = permissions_of
        self._application = application
        self._session = session
        self._origins = origins
        self._reads_all = reads_all  # the Message Content intent is on
        self.deferring: dict[str, asyncio.Future[bool]] = {}  # turn → its deferral, in this process

    # ---- showing ------------------------------------------------------------------------------------

    def render(self, turn: Turn, shown: Shown, *, shrink: int = 0) -> list[Body]:
        limit = render.LIMIT >> shrink
        pieces = render.render(shown.text, final=shown.final, limit=limit)
        notes = self._notes(turn, shown)
        if not notes:
            return [Body(piece) for piece in pieces]
        if pieces and _units(_content(Body(pieces[-1], notes))) <= limit + 90:
            return [*map(Body, pieces[:-1]), Body(pieces[-1], notes)]
        return [*map(Body, pieces), Body("", notes)]

    def _notes(self, turn: Turn, shown: Shown) -> tuple[str, ...]:
        """What the worker noted, and once in a thread what the bot cannot read there."""
        if not shown.final:
            return ()
        hint = (
            "In this server I only read messages that mention me, so please mention me to go on."
            if turn.message.first and not self._reads_all
            else ""
        )
        return (*shown.notes, hint) if hint else shown.notes

    def bucket(self, turn: Turn, action: Literal["post", "edit"]) -> tuple[str, Rate]:
        if turn.message.target.interaction:
            return f"interaction {turn.id}", INTERACTIONS
        return f"channel {turn.place}", MESSAGES

    async def post(
        self, turn: Turn, part: int, body: Body, parts: Mapping[int, str], *, look: bool
    ) -> str:
        if turn.message.target.interaction and (token := await self._token(turn)):
            try:
                return await self._post_interaction(turn, part, body, token)
            except DeadInteractionError:
                self._still_deferring(turn)
                log.info("interaction.over turn=%s", turn.id)
        return await self._post_message(turn, part, body, look=look)

    async def _post_interaction(self, turn: Turn, part: int, body: Body, token: str) -> str:
        """The deferred message first; further parts of a private answer are private too."""
        private = turn.message.target.only is not None
        if part == 0:
            found = await self._rest.edit_original(self._application(), token, _content(body))
        elif private:
            found = await self._rest.follow_up(self._application(), token, _content(body))
        else:
            raise DeadInteractionError("Further parts are ordinary messages.")
        return str(found["id"])

    def _still_deferring(self, turn: Turn) -> None:
        """A dead interaction that is younger than its deferral may take is not dead yet."""
        if time.time() - turn.asked_at < DEFER_SECONDS and turn.id not in self.deferring:
            raise PlatformBusy("The deferral is on its way.", 0.5)

    async def _post_message(self, turn: Turn, part: int, body: Body, *, look: bool) -> str:
        """An ordinary message, once by its nonce; beyond the nonce's minutes we look for our own message."""
        target = turn.message.target
        channel = target.channel
        if target.only is not None:
            channel = await self._rest.direct_channel(target.only)
        if look and (earlier := await self._posted(turn, part, channel)):
            return earlier
        reply_to = target.reply_to if part == 0 and target.only is None else None
        found = await self._rest.post(
            channel, _content(body), nonce=nonce(turn, part), reply_to=reply_to
        )
        return str(found["id"])

    async def _posted(self, turn: Turn, part: int, channel: str) -> str | None:
        """Our own message with this part's nonce, among the channel's latest."""
        mark = nonce(turn, part)
        for message in await self._rest.history(channel, limit=50):
            if str(message.get("nonce") or "") == mark:
                return str(message["id"])
        return None

    async def edit(self, turn: Turn, part: int, message: str, body: Body) -> None:
        target = turn.message.target
        if target.interaction and (part == 0 or target.only) and (token := await self._token(turn)):
            try:
                if part == 0:
                    await self._rest.edit_original(self._application(), token, _content(body))
                else:
                    await self._rest.edit_followup(
                        self._application(), token, message, _content(body)
                    )
            except DeadInteractionError:
                log.info("interaction.over turn=%s", turn.id)
            else:
                return
        if target.only is not None and target.interaction:
            await self._finish_by_dm(turn, part, body)
            return
        await self._rest.edit(target.channel, message, _content(body))

    async def _finish_by_dm(self, turn: Turn, part: int, body: Body) -> None:
        """A private answer that can no longer be edited goes on as a direct message, never in the channel."""
        channel = await self._rest.direct_channel(turn.message.author.id)
        await self._rest.post(channel, _content(body), nonce=f"{turn.id}.d{part}")

    async def delete(self, turn: Turn, message: str) -> None:
        try:
            await self._rest.delete(turn.message.target.channel, message)
        except PlaceGone:
            log.debug("message.gone turn=%s", turn.id)

    async def notice(self, turn: Turn, words: str) -> None:
        """In the place of a command's "thinking"; to a mention, where nothing is private, as a plain reply."""
        content = _own(words)
        if turn.message.target.interaction and (token := await self._token(turn)):
            try:
                await self._rest.edit_original(self._application(), token, content)
            except DeadInteractionError:
                self._still_deferring(turn)
            else:
                return
        if turn.message.target.interaction:
            channel = await self._rest.direct_channel(turn.message.author.id)
            await self._rest.post(channel, content, nonce=nonce(turn, 0))
            return
        target = turn.message.target
        await self._rest.post(
            target.channel, content, nonce=nonce(turn, 0), reply_to=target.reply_to
        )

    async def working(self, turn: Turn, on: bool) -> None:
        """Typing; a deferred interaction shows "thinking" by itself."""
        if on and not turn.message.target.interaction:
            await self._rest.typing(turn.message.target.channel)

    async def _token(self, turn: Turn) -> str:
        """The interaction's token, once its deferral in this process is through."""
        deferral = self.deferring.get(turn.id)
        if deferral is not None:
            await asyncio.wait([deferral], timeout=DEFER_SECONDS)
        return await self._replies().secret(turn.id)

    # ---- asking -------------------------------------------------------------------------------------

    async def actor(self, turn: Turn) -> Actor:
        channel = turn.message.thread.channel
        author = turn.message.author
        if channel.workspace == "@me":
            return Actor("discord", "@me", author.id, author.name)
        name, permissions, roles = await self._permissions_of(turn)
        return Actor(
            platform="discord",
            workspace=channel.workspace,
            id=author.id,
            name=name or author.name,
            powers=powers(permissions),
            groups=roles,
        )

    async def fetch(self, turn: Turn, attachment: Attachment) -> bytes:
        """The file's bytes; an address that has expired is asked for once more."""
        address = attachment.source
        for again in (False, True):
            try:
                return await download(
                    self._session, address, origins=self._origins, name=attachment.name
                )
            except AttachmentGone:
                if again:
                    raise
                address = await self._fresh_address(turn, attachment)
        raise AssertionError("unreachable")

    async def _fresh_address(self, turn: Turn, attachment: Attachment) -> str:
        gone = rejected(attachment.name, "Discord no longer has it")
        try:
            found = await self._rest.message(turn.message.target.channel, turn.message.id)
        except BotError as error:
            raise gone from error
        for file in files_of(found):
            if _same_file(file.source, attachment.source):
                return file.source
        raise gone

    async def history(self, turn: Turn) -> tuple[Quote, ...]:
        try:
            found = await self._rest.history(
                turn.message.target.channel, before=turn.message.id, limit=HISTORY
            )
        except MissingScope:
            return ()
        return tuple(
            Quote(
                author=str(message["author"].get("global_name") or message["author"]["username"]),
                text=text_of(message),
                attachments=files_of(message),
            )
            for message in reversed(found)
            if text_of(message) or message.get("attachments")
        )


def powers(permissions: discord.Permissions) -> frozenset[Scope]:
    """Manage Channels: thread, channel, category. Manage Server: the whole guild too."""
    granted: set[Scope] = set()
    if permissions.manage_channels or permissions.administrator:
        granted |= {Scope.THREAD, Scope.CHANNEL, Scope.CATEGORY}
    if permissions.manage_guild or permissions.administrator:
        granted |= set(Scope)
    return frozenset(granted)


def nonce(turn: Turn, part: int) -> str:
    """At most 25 characters: the turn's 16 and the part."""
    return f"{turn.id}.{part}"


def _own(words: str) -> str:
    """Our own words, each line small and marked as model text cannot be."""
    return "\n".join(
        f"{NOTE_LINE}{render.escape(line)}" for line in words.split("\n") if line.strip()
    )


def _content(body: Body) -> str:
    return "\n".join(part for part in (body.text, *map(_own, body.footer)) if part)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _same_file(one: str, other: str) -> bool:
    return one.partition("?")[0] == other.partition("?")[0]
