"""A turn that waits for its files and quoted messages gets them, or a sentence in the place of each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from weakref import WeakValueDictionary

from adapters.files.images import prepare
from adapters.files.sentences import rejected
from adapters.platform import Platform
from bot.bell import Bell
from bot.blobs import Blobs
from bot.errors import AttachmentRejected, BotError
from bot.inbox import Inbox
from bot.store import FullError, RedisError
from bot.tasks import end
from bot.types import Attachment, Quote, Turn

log = logging.getLogger(__name__)

MAX_IMAGES = 10  # a message
LEFT_OUT = f"is left out: I read {MAX_IMAGES} pictures of a message"
LATE = "could not be fetched in time"
UNFETCHED = "could not be fetched: its platform does not give it to me now"
NO_ROOM = "could not be kept: my memory is full; please try again later"
OURS = "could not be read because of a fault of mine"
FETCH_SECONDS = 11.0  # for all that belongs to a turn
TAKE_SECONDS = 12.0  # one adapter fetches for a turn; its successor may after this
AT_ONCE = 16  # turns that are fetched for at the same time
OF_A_CHANNEL = 2  # of them: who sends many slow files holds up nobody elsewhere


class Fetching:
    """Brings what the ack did not wait for; the sweep takes up what a predecessor left."""

    def __init__(
        self,
        platform: Platform,
        inbox: Inbox,
        blobs: Blobs,
        bell: Bell,
        *,
        seconds: float = FETCH_SECONDS,
    ) -> None:
        """`seconds` is what all that belongs to a turn may take."""
        self._platform = platform
        self._inbox = inbox
        self._blobs = blobs
        self._bell = bell
        self._seconds = seconds
        self._running: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(AT_ONCE)
        self._rooms: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

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
            stored = await self._inbox.load(turn_id)
            if stored is None:
                await self._inbox.stop_fetching(self._platform.name, turn_id)
            elif stored.turn is not None:
                async with self._room_for(stored.turn):
                    await self._bring_all(stored.turn)
        except (
            RedisError,
            OSError,
        ) as error:  # the sweep tries again, until the turn goes on without
            log.warning("fetch.waits turn=%s error=%s", turn_id, type(error).__name__)
        except Exception:  # the edge of a task: likewise
            log.exception("fetch.failed turn=%s", turn_id)

    @asynccontextmanager
    async def _room_for(self, turn: Turn) -> AsyncIterator[None]:
        """Names alone weigh nothing, and do not stand behind somebody's slow files."""
        if not turn.message.history and not turn.message.files:
            yield
            return
        async with self._room_of(turn.place), self._room:
            yield

    def _room_of(self, channel: str) -> asyncio.Semaphore:
        room = self._rooms.get(channel)
        if room is None:
            room = self._rooms[channel] = asyncio.Semaphore(OF_A_CHANNEL)
        return room

    async def _bring_all(self, turn: Turn) -> None:
        if not await self._inbox.take_fetch(turn.id, TAKE_SECONDS):
            return
        until = asyncio.get_running_loop().time() + self._seconds
        turn = await self._complete(turn, until)
        if await self._inbox.ready(turn):
            self._bell.ring(turn.conversation)

    async def _complete(self, turn: Turn, until: float) -> Turn:
        """The turn with its older messages and every file either in Redis or with its sentence."""
        quotes = turn.message.quotes
        if turn.message.history:
            quotes = (*await self._history(turn, until), *quotes)
        if others := turn.message.others:  # the model is to know who is who
            await self._platform.meet({turn.message.author.id, *others})
        left = [MAX_IMAGES]
        files = [turn.message.attachments, *(quote.attachments for quote in quotes)]
        chosen = [_chosen(some, left) for some in files]
        brought = await asyncio.gather(*(self._some(turn, some, until) for some in chosen))
        return turn.with_message(
            attachments=brought[0],
            quotes=tuple(map(_with_files, quotes, brought[1:])),
            history=False,
            others=(),
        )

    async def _history(self, turn: Turn, until: float) -> tuple[Quote, ...]:
        try:
            async with asyncio.timeout_at(until):
                return await self._platform.history(turn)
        except (BotError, TimeoutError) as error:
            log.warning("history.unavailable turn=%s error=%s", turn.id, type(error).__name__)
            return ()

    async def _some(
        self, turn: Turn, files: tuple[Attachment, ...], until: float
    ) -> tuple[Attachment, ...]:
        return tuple(await asyncio.gather(*(self._one(turn, file, until) for file in files)))

    async def _one(self, turn: Turn, file: Attachment, until: float) -> Attachment:
        """The file with its picture in Redis, or with the sentence that says why not."""
        if file.blob or file.problem:
            return file
        try:
            async with asyncio.timeout_at(until):
                return await self._bring(turn, file)
        except AttachmentRejected as error:
            problem = error.sentence
        except TimeoutError:
            problem = rejected(file.name, LATE).sentence
        except BotError:
            problem = rejected(file.name, UNFETCHED).sentence
        except FullError:
            problem = rejected(file.name, NO_ROOM).sentence
        except RedisError:
            raise
        except Exception:  # one file: the others and the question go on
            log.exception("attachment.failed turn=%s", turn.id)
            problem = rejected(file.name, OURS).sentence
        log.info("attachment.rejected turn=%s", turn.id)
        return replace(file, problem=problem)

    async def _bring(self, turn: Turn, file: Attachment) -> Attachment:
        picture = await prepare(await self._platform.fetch(turn, file), file.name)
        return replace(
            file,
            blob=await self._blobs.put(picture.data),
            mime=picture.mime,
            size=len(picture.data),
            width=picture.width,
            height=picture.height,
        )


def _chosen(files: tuple[Attachment, ...], left: list[int]) -> tuple[Attachment, ...]:
    """The files with a sentence for those that are too many; what has one already takes no place."""
    chosen = []
    for file in files:
        if file.problem is None and left[0] == 0:
            file = replace(file, problem=rejected(file.name, LEFT_OUT).sentence)
        left[0] -= file.problem is None
        chosen.append(file)
    return tuple(chosen)


def _with_files(quote: Quote, files: tuple[Attachment, ...]) -> Quote:
    return replace(quote, attachments=files)
