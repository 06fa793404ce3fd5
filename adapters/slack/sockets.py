"""Socket Mode: envelopes become Bolt's requests, and each is acknowledged when its listener is done.

slack_sdk's own client dials one address for ever once it has it, though an address is good once and for half a minute,
and closes the old socket before it opens the new one. So the sockets are ours, and Bolt does the rest.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import aiohttp
from aiohttp import ClientWebSocketResponse, WSMsgType
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError

from adapters.slack.faults import translated
from bot.errors import PlatformError
from bot.proxies import proxy_for
from bot.tasks import end

log = logging.getLogger(__name__)

CONNECTIONS = 2  # of up to ten; while one is replaced the other one listens
PING_SECONDS = 5.0  # a socket that is silent for half of it after a ping is given up
HELLO_SECONDS = 10.0  # Slack greets at once
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0  # s between two dials that came to nothing
HEALTHY_SECONDS = 10.0  # a socket that lived so long is replaced at once
ACK_SECONDS = 3.0  # then Slack delivers again
CLOSE_SECONDS = 1.0  # that a dead server may delay the end of a socket


class Sockets:
    """The connections to Slack, each dialled again whenever it is lost or to be replaced."""

    def __init__(
        self,
        app: AsyncApp,
        session: aiohttp.ClientSession,
        address: Callable[[], Awaitable[str]],
        bury: Callable[[str], Awaitable[bool]],
        idle: Callable[[object], bool],
        *,
        ping: float = PING_SECONDS,
    ) -> None:
        """`address` asks Slack for a fresh one; `bury` keeps a dead letter of an event and says whether it could;
        `idle` says that nobody wants a payload, which spares Bolt's way through all its listeners."""
        self._app = app
        self._session = session
        self._address = address
        self._bury = bury
        self._idle = idle
        self._ping = ping
        self._live: list[_Connection] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._handling: set[asyncio.Task[None]] = set()
        self._closing = False
        self.greeted = asyncio.Event()  # Slack has said hello

    async def run(self) -> None:
        """Keep the connections until cancelled."""
        async with asyncio.TaskGroup() as keeping:
            for _ in range(CONNECTIONS):
                keeping.create_task(self._keep())

    async def close(self) -> None:
        """Take no more; what was taken is finished and acknowledged before the sockets are closed."""
        self._closing = True
        if self._handling:
            await asyncio.wait(self._handling, timeout=ACK_SECONDS)
        sockets = [connection.socket for connection in self._live]
        await asyncio.gather(*(socket.close() for socket in sockets), return_exceptions=True)
        await end(*self._tasks)

    # ---- one connection -----------------------------------------------------------------------------

    async def _keep(self) -> None:
        """One life after another; those that come to nothing are tried again after longer and longer pauses."""
        pause, loop = FIRST_PAUSE, asyncio.get_running_loop()
        while True:
            wait, born = pause, loop.time()
            try:
                log.info("socket.over why=%s", await self._life())
            except (
                PlatformError,
                SlackApiError,
                aiohttp.ClientError,
                OSError,
                TimeoutError,
            ) as fault:
                log.warning("socket.failed error=%s", type(fault).__name__)
                wait = max(pause, getattr(fault, "retry_after", 0.0))
            if loop.time() - born > HEALTHY_SECONDS:
                pause = FIRST_PAUSE
                continue
            await asyncio.sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _life(self) -> str:
        """From a dial until the socket is lost or to be replaced; why it was."""
        async with translated():
            address = await self._address()
        socket = await self._session.ws_connect(
            address,
            heartbeat=self._ping,
            proxy=proxy_for(address),
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
        )
        connection = _Connection(socket)
        self._live.append(connection)
        _started(self._tasks, self._read(connection))
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                if await connection.greeted:
                    self.greeted.set()
        except TimeoutError:
            await socket.close()
            raise
        return await connection.over

    async def _read(self, connection: _Connection) -> None:
        """Take every envelope of a socket until its end."""
        try:
            async for frame in connection.socket:
                if frame.type is WSMsgType.TEXT and not self._closing:
                    self._take(frame.data, connection)
        finally:
            self._live.remove(connection)
            connection.end("closed")
            await connection.socket.close()

    def _take(self, frame: str, connection: _Connection) -> None:
        try:
            said = json.loads(frame)
            kind, envelope = said["type"], said.get("envelope_id")
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            log.error("socket.malformed characters=%d", len(frame))
            return
        if kind == "hello":
            connection.greet()
        elif kind == "disconnect":
            # It may still bring what is on its way, while its successor is dialled; Slack closes it.
            connection.end(str(said.get("reason")))
        elif isinstance(envelope, str):
            _started(self._handling, self._handle(envelope, said.get("payload"), connection))

    # ---- one envelope -------------------------------------------------------------------------------

    async def _handle(self, envelope: str, payload: Any, connection: _Connection) -> None:
        """Let Bolt's listener do its work, then acknowledge; what no listener wants is acknowledged too."""
        answer: dict[str, Any] = {"envelope_id": envelope}
        try:
            if not isinstance(payload, dict):
                raise TypeError("a payload is an object")  # Bolt would take it for an empty one
            if not self._idle(payload):
                request = AsyncBoltRequest(mode="socket_mode", body=payload)
                response = await self._app.async_dispatch(request)
                if response.status not in (200, 404):
                    return
                if response.status == 200 and (content := _content(response)):
                    answer["payload"] = content
        except Exception as error:  # the edge of a task: what Bolt itself cannot read
            log.error("event.malformed envelope=%s error=%s", envelope, type(error).__name__)
            if not await self._bury(envelope):
                return
        await self._acknowledge(json.dumps(answer), connection)

    async def _acknowledge(self, answer: str, connection: _Connection) -> None:
        """On the socket that the envelope came on; where that is gone, on another one."""
        others = [other for other in self._live if other is not connection]
        for live in (connection, *others):
            if live.socket.closed:
                continue
            try:
                return await live.socket.send_str(answer)
            except (ConnectionError, aiohttp.ClientError):
                continue
        log.info("ack.lost")
        return None


class _Connection:
    """One socket: whether Slack has greeted on it, and why it is over."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        loop = asyncio.get_running_loop()
        self.greeted: asyncio.Future[bool] = loop.create_future()
        self.over: asyncio.Future[str] = loop.create_future()

    def greet(self) -> None:
        if not self.greeted.done():
            self.greeted.set_result(True)

    def end(self, why: str) -> None:
        if not self.greeted.done():
            self.greeted.set_result(False)
        if not self.over.done():
            self.over.set_result(why)


def _content(response: BoltResponse) -> Any:
    """What the ack carries: the answer to a form."""
    if not response.body:
        return None
    kind = next(iter(response.headers.get("content-type", [""])), "")
    return (
        json.loads(response.body)
        if kind.startswith("application/json")
        else {"text": response.body}
    )


def _started(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
