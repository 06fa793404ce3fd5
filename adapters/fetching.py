"""A turn that waits for its files and quoted messages gets them, or a sentence in the place of each."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from adapters.files.images import prepare
from adapters.files.sentences import rejected
from adapters.platform import Platform
from bot.blobs import Blobs
from bot.errors import AttachmentRejected, BotError
from bot.inbox import Inbox
from bot.queue import Bell
from bot.tasks import end
from bot.types import Attachment, Quote, Turn

log = logging.getLogger(__name__)

MAX_IMAGES = 10  # a message
LEFT_OUT = f"only {MAX_IMAGES} pictures of a message are read"
TAKE_SECONDS = 12.0  # one adapter fetches for a turn; its successor may after this
AT_ONCE = 8  # turns that are fetched for at the same time


class Fetching:
    """Brings what the ack did not wait for; the sweep takes up what a predecessor left."""

    def __init__(self, platform: Platform, inbox: Inbox, blobs: Blobs, bell: Bell) -> None:
        self._platform = platform
        self._inbox = inbox
        self._blobs = blobs
        self._bell = bell
        self._running: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(AT_ONCE)

    def start(self, turn_id: str) -> None:
        """Fetch for this turn, unless somebody does already."""
        if turn_id not in self._running:
            task = asyncio.create_task(self._fetch(turn_id), name=f"fetch {turn_id}")
            self._running[turn_id] = task
            task.add_done_callback(lambda _: self._running.pop(turn_id, None))

    async def sweep(self) -> None:
        """Start what waits and nobody fetches for."""
        for turn_id in await self._inbox.fetching(self._platform.name):
            self.start(turn_id)

    async def close(self) -> None:
        await end(*self._running.values())

    async def _fetch(self, turn_id: str) -> None:
        try:
            async with self._room:
                if not await self._inbox.take_fetch(turn_id, TAKE_SECONDS):
                    return
                stored = await self._inbox.load(turn_id)
                if stored is None or stored.turn is None:
                    return
                turn = await self._complete(stored.turn)
                if await self._inbox.ready(turn):
                    self._bell.ring(turn.conversation)
        except (
            Exception
        ):  # the edge of a task: the sweep tries again until the turn goes on without
            log.exception("fetch.failed turn=%s", turn_id)

    async def _complete(self, turn: Turn) -> Turn:
        """The turn with its older messages and every file either in Redis or with its sentence."""
        quotes = turn.message.quotes
        if turn.message.history:
            quotes = (*await self._history(turn), *quotes)
        left = [MAX_IMAGES]
        attachments = await self._bring_all(turn, turn.message.attachments, left)
        brought = tuple(
            [
                replace(quote, attachments=await self._bring_all(turn, quote.attachments, left))
                for quote in quotes
            ]
        )
        return turn.with_message(attachments=attachments, quotes=brought, history=False)

    async def _history(self, turn: Turn) -> tuple[Quote, ...]:
        try:
            return await self._platform.history(turn)
        except BotError as error:
            log.warning("history.unavailable turn=%s error=%s", turn.id, type(error).__name__)
            return ()

    async def _bring_all(
        self, turn: Turn, files: tuple[Attachment, ...], left: list[int]
    ) -> tuple[Attachment, ...]:
        wanted = files[: left[0]]
        left[0] -= len(wanted)
        brought = await asyncio.gather(*(self._bring(turn, file) for file in wanted))
        spare = [
            replace(file, problem=rejected(file.name, LEFT_OUT).sentence)
            for file in files[len(wanted) :]
        ]
        return (*brought, *spare)

    async def _bring(self, turn: Turn, file: Attachment) -> Attachment:
        if file.blob or file.problem:
            return file
        try:
            picture = await prepare(await self._platform.fetch(turn, file), file.name)
        except AttachmentRejected as rejected:
            log.info("attachment.rejected turn=%s", turn.id)
            return replace(file, problem=rejected.sentence)
        return replace(
            file,
            blob=await self._blobs.put(picture.data),
            mime=picture.mime,
            size=len(picture.data),
            width=picture.width,
            height=picture.height,
        )
