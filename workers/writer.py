"""Deltas of a model become the growing text of a reply: the first at once, later ones merged."""

from __future__ import annotations

import asyncio
import logging

from bot.reply import Replies
from bot.store import RedisError
from bot.tasks import end
from bot.work import Grant
from workers.leases import End, Held

log = logging.getLogger(__name__)

# Later deltas are written together for so long. A message is edited once in 1.2 s at most, so that nobody sees the
# difference; at 40 ms writing, telling and reading them cost more than all else that is done for an answer.
MERGE_SECONDS = 0.4


class Writer:
    """Writes behind the stream and never holds it up. Text stays here until Redis has it. Who goes on with somebody
    else's answer says so before its model's first word."""

    def __init__(self, replies: Replies, held: Held, alias: str) -> None:
        self._replies = replies
        self._held = held
        self._alias = alias
        self._parts: list[str] = []
        self._pending = bytearray()
        self._written = 0  # bytes that Redis has
        self._more = asyncio.Event()
        if held.grant.resumed:
            self._more.set()

    @property
    def text(self) -> str:
        """All that was said so far."""
        return "".join(self._parts)

    def add(self, words: str) -> None:
        self._parts.append(words)
        self._pending += words.encode("utf-8", "replace")
        self._more.set()

    async def __aenter__(self) -> Writer:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """What is not written yet need not be: the whole text comes with COMMIT."""
        await end(self._task)

    async def _run(self) -> None:
        grant: Grant = self._held.grant
        while True:
            await self._more.wait()
            self._more.clear()
            chunk = bytes(self._pending)
            try:
                held = await self._replies.append(grant, self._written, chunk, self._alias)
            except (RedisError, OSError) as error:
                log.warning("reply.unwritten turn=%s error=%s", grant.turn, type(error).__name__)
                self._more.set()
                await asyncio.sleep(0.5)
                continue
            if not held:
                self._held.end(End.LOST)
                return
            del self._pending[: len(chunk)]
            self._written += len(chunk)
            await asyncio.sleep(MERGE_SECONDS)
