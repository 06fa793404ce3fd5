"""What the gateway told is admitted in order, and again while Redis is away; what an event may wait for has an end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from adapters.intake import NO_MEMORY
from adapters.lines import Lines
from bot.errors import BotError
from bot.inbox import Inbox
from bot.reply import Replies
from bot.store import FullError, RedisError
from bot.types import Channel, Turn

log = logging.getLogger(__name__)

AWAY = "I cannot reach my memory right now, so I did not take this. Please try again in a moment."
# For an interaction: Discord gives up after 3 s, and a refusal needs time too.
AT_ONCE_SECONDS = 2.0
AGAIN_SECONDS = 1.0
HURRY_SECONDS = 0.05  # for what must be done before Redis's other users are back
PATIENCE_SECONDS = 120.0  # the gateway knows no refusal, so a message is tried again for so long

REMEMBERED = 1_000  # refused events

OUTAGE = (RedisError, OSError, TimeoutError)


class Patience:
    """One line for each place; what is under way must end before the process does."""

    def __init__(
        self, inbox: Inbox, replies: Replies, *, seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._seconds = seconds
        self._inbox = inbox
        self._replies = replies
        self._lines = Lines()
        self._refused: dict[str, None] = {}  # marks of events, the latest last
        self._to_withdraw: dict[str, Channel] = {}  # by the mark of the event
        self._withdrawing: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Future[None]] = set()

    async def at_once(self, place: str, work: Callable[[], Awaitable[None]]) -> str | None:
        """In line, within two seconds; else what whoever asked must be told: Redis is away, or has no room."""
        try:
            async with asyncio.timeout(AT_ONCE_SECONDS), self._lines.of(place):
                await work()
        except (*OUTAGE, BotError) as error:
            log.warning("intake.refused error=%s", type(error).__name__)
            return NO_MEMORY if isinstance(error, FullError) else AWAY
        return None

    async def in_time(self, place: str, work: Callable[[], Awaitable[None]]) -> str | None:
        """In line, again while Redis is away; else what whoever asked is told: it was away for too long, or has no
        room, which waiting does not make."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._seconds
        async with self._lines.of(place):
            while True:
                try:
                    await work()
                    return None
                except FullError:
                    return NO_MEMORY
                except (*OUTAGE, BotError) as error:
                    log.warning("intake.waits error=%s", type(error).__name__)
                    if isinstance(error, BotError) and not error.retryable:
                        return AWAY
                if loop.time() > until:
                    return AWAY
                await asyncio.sleep(AGAIN_SECONDS)

    def withdraw(self, channel: Channel, mark: str) -> None:
        """An event was refused: an admission of it that landed all the same, or still will, is taken back."""
        self._refused[mark] = None
        if len(self._refused) > REMEMBERED:
            del self._refused[next(iter(self._refused))]

        self._to_withdraw[mark] = channel
        if self._withdrawing is None:
            task = self._withdrawing = asyncio.create_task(self._insist())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    def refused(self, turn: Turn) -> bool:
        """Whether its author was told that nothing comes of it: then nothing may, whoever finds it first in Redis."""
        return any(mark in self._refused for mark in turn.message.marks)

    async def _insist(self) -> None:
        """However long Redis is away, and as soon as it is there: their authors were told that nothing comes of it.
        Stands in no line, since it must come before a worker. One asks for all whether Redis is there: hundreds would
        leave the loop no time to refuse the next."""
        try:
            while self._to_withdraw:
                (mark, channel), *others = self._to_withdraw.items()
                try:
                    await self._withdraw(mark, channel)
                    await asyncio.gather(*(self._withdraw(*other) for other in others))
                except OUTAGE as error:
                    log.debug("withdrawal.waits error=%s", type(error).__name__)
                    await asyncio.sleep(HURRY_SECONDS)
        finally:
            self._withdrawing = None

    async def _withdraw(self, mark: str, channel: Channel) -> None:
        turn_id = await self._inbox.bar(channel.platform, channel.workspace, mark)
        stored = await self._inbox.load(turn_id) if turn_id else None
        if stored is not None and stored.turn is not None:
            if stored.turn.kind == "ask":
                await self._inbox.amend(stored.turn, None)
            await self._replies.delivered(stored.id, stored.turn.conversation, how="withdrawn")
            log.info("turn.withdrawn turn=%s", stored.id)
        self._to_withdraw.pop(mark, None)

    async def drained(self, seconds: float) -> None:
        """Wait for what is under way."""
        if self._under_way:
            await asyncio.wait(set(self._under_way), timeout=seconds)

    @asynccontextmanager
    async def counted(self) -> AsyncIterator[None]:
        """An event is under way."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way.add(over)
        try:
            yield
        finally:
            over.set_result(None)
            self._under_way.discard(over)
