"""redis-py's client for many who ask at the same time: their commands travel together on one connection.

A command of its own costs redis-py a place in its pool, two waits and two system calls; fifty in one packet cost a
tenth of that each, and Redis one write to its disk.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import Connection
from redis.connection import HiredisRespSerializer
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import TimeoutError as Unanswered

from bot.tasks import end

CLOSED = "This process is about to end."
MOST = 64  # commands that travel together: all of them have the time of one


@dataclass(frozen=True, slots=True)
class _Asked:
    name: str
    packed: list[bytes]
    options: dict[str, Any]
    answer: asyncio.Future[Any]


class Client(Redis):
    """What is asked while Redis answers waits for that, and leaves together then, in the order of asking. Whoever is
    cancelled no longer waits; the others do. For short commands: a blocking one would hold up all others.

    Pipelines, transactions and subscriptions have connections of their own, from the pool.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._waiting: list[_Asked] = []
        self._asking: asyncio.Task[None] | None = None
        self._line: Connection | None = None
        self._seconds: float | None = None  # of one exchange
        self._serializer = HiredisRespSerializer()
        self._closed = False

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """For good: who asks later, or still waits, learns that it is closed, and opens no connection again."""
        self._closed = True
        if self._asking is not None:
            await end(self._asking)
        await super().aclose(close_connection_pool)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        if self._closed:
            raise Unreachable(CLOSED)
        answer = asyncio.get_running_loop().create_future()
        packed = self._serializer.pack(*args)  # what cannot be sent is its sender's fault alone
        self._waiting.append(_Asked(args[0], packed, options, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())
        return await answer

    async def _ask(self) -> None:
        asked: list[_Asked] = []
        try:
            while self._waiting:
                asked, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                try:
                    await self._together(asked)
                except Exception as error:  # theirs, who asked: raised where each of them waits
                    for one in asked:
                        if not one.answer.done():
                            one.answer.set_exception(error)
        finally:
            left, self._waiting, self._asking = (*asked, *self._waiting), [], None
            for one in left:
                if not one.answer.done():
                    one.answer.set_exception(Unreachable(CLOSED))

    async def _together(self, asked: list[_Asked]) -> None:
        """Answer each; again, as redis-py would each of them, where the connection is lost or silent."""
        if self._line is None:
            pool: Any = self.connection_pool  # redis-py's types leave its decorator out
            self._line = await pool.get_connection()
            # One timer for all: redis-py would set one for each reply, and start a task for each packet.
            self._seconds, self._line.socket_timeout = self._line.socket_timeout, None
        line = self._line
        await line.retry.call_with_retry(
            lambda: self._exchange(line, asked), lambda _: line.disconnect(nowait=True)
        )

    async def _exchange(self, line: Connection, asked: list[_Asked]) -> None:
        waiting = [one for one in asked if not one.answer.done()]
        if not waiting:
            return
        try:
            async with asyncio.timeout(self._seconds):
                await line.send_packed_command([piece for one in waiting for piece in one.packed])
                for one in waiting:
                    await self._answered(line, one)
        except TimeoutError:
            raise Unanswered("Redis did not answer in time.") from None

    async def _answered(self, line: Connection, one: _Asked) -> None:
        try:
            reply = await self.parse_response(line, one.name, **one.options)
        except (Unreachable, Unanswered, OSError):
            raise
        except Exception as error:  # an answer too, and to this command alone
            if not one.answer.done():
                one.answer.set_exception(error)
        else:
            if not one.answer.done():
                one.answer.set_result(reply)
