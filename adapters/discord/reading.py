"""What is read of Discord after a question was admitted: its files, and an older thread's messages."""

from __future__ import annotations

from typing import Any

import aiohttp

from adapters.discord.parse import files_of, quote_of
from adapters.discord.rest import Rest
from adapters.files.download import AttachmentGone, download
from adapters.files.origins import Origins
from adapters.files.sentences import rejected
from bot.errors import BotError, MissingScope
from bot.types import Attachment, Quote, Turn

HISTORY = 15  # messages of an older thread, read once


class Reading:
    """Files from Discord's own hosts alone; messages through REST."""

    def __init__(self, rest: Rest, session: aiohttp.ClientSession, origins: Origins) -> None:
        self._rest = rest
        self._session = session
        self._origins = origins

    async def fetch(self, turn: Turn, attachment: Attachment) -> bytes:
        """The file's bytes; for an address that has expired a fresh one is asked for once."""
        try:
            return await self._download(attachment.source, attachment.name)
        except AttachmentGone:
            fresh = await self._fresh_address(turn, attachment)
            return await self._download(fresh, attachment.name)

    async def _download(self, address: str, name: str) -> bytes:
        return await download(self._session, address, origins=self._origins, name=name)

    async def _fresh_address(self, turn: Turn, attachment: Attachment) -> str:
        """The address that the file has in a fresh copy of the message it came with."""
        gone = rejected(attachment.name, "is no longer there; please send it again")
        target = turn.message.target
        if target.reply_to is None:
            raise gone
        try:
            found: Any = await self._rest.message(target.channel, target.reply_to)
        except BotError as error:
            raise gone from error
        for file in files_of(found):
            if _path(file.source) == _path(attachment.source):
                return file.source
        raise gone

    async def history(self, turn: Turn) -> tuple[Quote, ...]:
        target, asked = turn.message.target, turn.message.id
        try:
            found = await self._rest.history(target.channel, before=asked, limit=HISTORY)
        except MissingScope:
            return ()
        quotes = [quote_of(message) for message in reversed(found)]
        return tuple(quote for quote in quotes if quote is not None)


def _path(address: str) -> str:
    """The address without its signature, which is another one each time."""
    return address.partition("?")[0]
