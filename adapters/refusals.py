"""What cannot wait is refused where Redis does not take it at once, and then nothing comes of it later either."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from adapters.intake import NO_MEMORY
from bot.errors import BotError
from bot.inbox import Inbox
from bot.reply import Replies
from bot.store import FullError, RedisError
from bot.tasks import end
from bot.types import Channel, Turn

log = logging.getLogger(__name__)

AWAY = "I cannot reach my memory right now, so I did not take this. Please try again in a moment."
# Slack gives up a slash command after 3 s, Discord an interaction, and a refusal needs time too.
AT_ONCE_SECONDS = 2.0
HURRY_SECONDS = 0.05  # for what must be done before Redis's other users are back
REMEMBERED = 1_000  # refused events

OUTAGE = (RedisError, OSError, TimeoutError)


async def at_once(work: Callable[[], Awaitable[object]]) -> str | None:
    """Do it within two seconds; else what whoever asked must be told: Redis is away, or has no room."""
    try:
        async with asyncio.timeout(AT_ONCE_SECONDS):
            await work()
    except (*OUTAGE, BotError) as error:
        log.warning("intake.refused error=%s", type(error).__name__)
        return NO_MEMORY if isinstance(error, FullError) else AWAY
    return None


class Refusals:
    """Takes back what was refused: its admission may land all the same, or may have, and only the reply was lost."""

    def __init__(self, inbox: Inbox, replies: Replies) -> None:
        self._inbox = inbox
        self._replies = replies
        self._refused: dict[str, None] = {}  # marks of events, the latest last
        self._to_withdraw: dict[str, Channel] = {}  # by the mark of the event
        self._withdrawing: asyncio.Task[None] | None = None

    def withdraw(self, channel: Channel, mark: str) -> None:
        """An event was refused: an admission of it that landed all the same, or still will, is taken back."""
        self._refused[mark] = None
        if len(self._refused) > REMEMBERED:
            del self._refused[next(iter(self._refused))]

        self._to_withdraw[mark] = channel
        if self._withdrawing is None:
            self._withdrawing = asyncio.create_task(self._insist())

    def refused(self, turn: Turn) -> bool:
        """Whether its author was told that nothing comes of it: then nothing may, whoever finds it first in Redis."""
        return any(mark in self._refused for mark in turn.message.marks)

    async def drained(self, seconds: float) -> None:
        """Wait until all is taken back, for so long."""
        if (withdrawing := self._withdrawing) is not None:
            await asyncio.wait({withdrawing}, timeout=seconds)
            await end(withdrawing)

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
