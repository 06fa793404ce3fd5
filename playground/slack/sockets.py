"""Socket Mode: an envelope goes to one of the open connections and comes back acknowledged."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import WSCloseCode, WSMsgType, web

from playground.slack.feed import Feed
from playground.slack.wire import Json, fresh_id

MOST_CONNECTIONS = 10  # per app; Slack's documentation
ACK_SECONDS = 3.0  # s; Slack's documentation
RETRY_DELAYS = (0.0, 60.0, 300.0)  # s before each redelivery; Slack's documentation
CONNECTION_SECONDS = 18_060  # s; what Slack's hello announces
TICKET_SECONDS = 30.0  # s; the address of a socket is for now, not for later
REFRESH_GRACE = 10.0  # s between a `disconnect` and the end of that connection
CLOSE_SECONDS = 1.0  # s that a dead client may delay the end of its socket

Reason = Literal["warning", "refresh_requested", "link_disabled", "too_many_websockets"]
Kind = Literal["events_api", "slash_commands", "interactive"]


class NotAcknowledged(Exception):
    """An envelope found no connection, or no ack came in time; the word is Slack's retry_reason."""


@dataclass(eq=False, slots=True)
class Connection:
    """One websocket of the app; `refreshing` ones get nothing new."""

    socket: web.WebSocketResponse
    request: web.Request
    refreshing: bool = False
    frozen: bool = False


@dataclass(slots=True)
class Delivery:
    """One event on its way: how often it was sent, and whether it was acknowledged."""

    payload: Json
    attempts: int = 0
    acks: int = 0
    is_over: bool = False
    came_on: "Connection | None" = None  # where it was sent last

    @property
    def event_id(self) -> str:
        return str(self.payload["event_id"])

    @property
    def type(self) -> str:
        return str(self.payload["event"]["type"])


@dataclass(slots=True)
class Repeat:
    """How many acknowledged events will all the same be delivered again."""

    times: int
    type: str | None = None


@dataclass(slots=True)
class Hub:
    """Tickets, connections, and the deliveries under way."""

    app_id: str
    app_token: str
    clock: Callable[[], float]
    feed: Feed
    ack_seconds: float = ACK_SECONDS
    retry_delays: tuple[float, ...] = RETRY_DELAYS
    connections: list[Connection] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    repeats: deque[Repeat] = field(default_factory=deque)
    _tickets: dict[str, float] = field(default_factory=dict)
    _waiting: dict[str, asyncio.Future[Json | None]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _turn: int = 0
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._flowing.set()

    # Connecting

    def issue_ticket(self) -> str:
        ticket = fresh_id("ticket-")
        self._tickets[ticket] = self.clock()
        return ticket

    async def accept(self, request: web.Request) -> web.WebSocketResponse:
        """One websocket from its ticket to its end."""
        issued = self._tickets.pop(request.query.get("ticket", ""), None)
        if issued is None or self.clock() - issued > TICKET_SECONDS:
            raise web.HTTPUnauthorized(text="invalid or used ticket")
        socket = web.WebSocketResponse(autoping=False, timeout=CLOSE_SECONDS)
        await socket.prepare(request)
        if len(self.connections) >= MOST_CONNECTIONS:
            await socket.send_json(self._goodbye("too_many_websockets"))
            await socket.close()
            return socket
        connection = Connection(socket, request)
        self.connections.append(connection)
        self.feed.wake()
        try:
            await socket.send_json(self._hello())
            await self._listen(connection)
        except ConnectionError:
            pass  # the app went away in the middle of a write; the end is the same
        finally:
            self.connections.remove(connection)
            self.feed.wake()
        return socket

    async def _listen(self, connection: Connection) -> None:
        async for frame in connection.socket:
            if connection.frozen:
                continue
            if frame.type is WSMsgType.PING:
                await connection.socket.pong(frame.data)
            elif frame.type is WSMsgType.TEXT:
                self._acknowledge(frame.data)

    def _acknowledge(self, frame: str) -> None:
        """An ack counts on whichever connection it comes, while its envelope is waited for."""
        try:
            ack = json.loads(frame)
        except ValueError:
            return
        if not isinstance(ack, dict):
            return
        waiting = self._waiting.get(str(ack.get("envelope_id")))
        if waiting is not None and not waiting.done():
            payload = ack.get("payload")
            waiting.set_result(payload if isinstance(payload, dict) else None)

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": {
                "host": "applink-playground",
                "build_number": 1,
                "approximate_connection_time": CONNECTION_SECONDS,
            },
            "connection_info": {"app_id": self.app_id},
        }

    def _goodbye(self, reason: Reason) -> Json:
        return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink"}}

    # Sending

    def deliver(self, payload: Json) -> Delivery:
        """Sends an event until it is acknowledged or Slack's patience ends."""
        delivery = Delivery(payload)
        self.deliveries.append(delivery)
        self._start(delivery)
        return delivery

    def redeliver(self, event_id: str) -> Delivery:
        """Sends a known event once more, under its own `event_id`."""
        known = next(known for known in self.deliveries if known.event_id == event_id)
        known.is_over = False
        self._start(known)
        return known

    def _start(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._see_through(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _see_through(self, delivery: Delivery) -> None:
        reason = "timeout" if delivery.attempts else ""
        delays = iter(self.retry_delays)
        while True:
            try:
                await self._send_event(delivery, reason)
            except NotAcknowledged as failure:
                reason = str(failure)
                delay = next(delays, None)
                if delay is None:
                    break
                await asyncio.sleep(delay)
                continue
            delivery.acks += 1
            if not self._is_repeated(delivery):
                break
            reason = "timeout"
        delivery.is_over = True
        self.feed.wake()

    async def _send_event(self, delivery: Delivery, reason: str) -> None:
        number = delivery.attempts
        delivery.attempts += 1
        self.feed.wake()
        retry = {"retry_attempt": number, "retry_reason": reason}
        await self._send("events_api", delivery.payload, delivery, **retry)

    def _is_repeated(self, delivery: Delivery) -> bool:
        for repeat in self.repeats:
            if repeat.type in (None, delivery.type):
                repeat.times -= 1
                if repeat.times == 0:
                    self.repeats.remove(repeat)
                return True
        return False

    async def ask(self, kind: Kind, payload: Json) -> Json | None:
        """Sends a command or an interaction, which Slack never repeats, and returns its ack."""
        return await self._send(kind, payload)

    async def _send(
        self, kind: Kind, payload: Json, delivery: Delivery | None = None, **retry: object
    ) -> Json | None:
        await self._flowing.wait()
        # A person's command fails at once without a connection; an event waits a moment for one.
        connection = self._choose() if delivery is None else await self._choose_for(delivery)
        if connection is None:
            raise NotAcknowledged("no_connection")
        envelope_id = fresh_id("")
        ack: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        self._waiting[envelope_id] = ack
        envelope = {
            "envelope_id": envelope_id,
            "payload": payload,
            "type": kind,
            "accepts_response_payload": delivery is None,
            **retry,
        }
        try:
            await connection.socket.send_json(envelope)
            return await asyncio.wait_for(ack, self.ack_seconds)
        except TimeoutError:
            raise NotAcknowledged("timeout") from None
        except ConnectionError:
            raise NotAcknowledged("connection_failed") from None
        finally:
            del self._waiting[envelope_id]

    def _choose(self, other_than: Connection | None = None) -> Connection | None:
        """The open connections take turns. One that shall be replaced, or that did not acknowledge the event before,
        gets it only if there is no other."""
        live = [one for one in self.connections if not one.socket.closed]
        fit = [one for one in live if not one.refreshing] or live
        fit = [one for one in fit if one is not other_than] or fit
        if not fit:
            return None
        self._turn += 1
        return fit[self._turn % len(fit)]

    async def _choose_for(self, delivery: Delivery) -> Connection | None:
        def choose() -> Connection | None:
            return self._choose(other_than=delivery.came_on)

        try:
            found = await self.feed.until(choose, timeout=self.ack_seconds, complaint=str)
        except TimeoutError:
            return None
        delivery.came_on = found
        return found

    # Trouble and the end

    async def disconnect(self, reason: Reason, grace: float, *, oldest_only: bool) -> None:
        """Asks connections to be replaced, and ends those that are still there later."""
        for connection in self.connections[:1] if oldest_only else list(self.connections):
            connection.refreshing = True
            await connection.socket.send_json(self._goodbye(reason))
            asyncio.get_running_loop().call_later(grace, _abort, connection)

    def drop(self) -> None:
        """Cuts every connection without a close frame."""
        for connection in list(self.connections):
            _abort(connection)

    def freeze(self) -> None:
        """Leaves the present connections open and dead: no pong, no ack is heard, as behind a
        router that forgot them."""
        for connection in self.connections:
            connection.frozen = True

    def pause(self) -> None:
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    @property
    def is_idle(self) -> bool:
        return all(delivery.is_over for delivery in self.deliveries)

    def resume_deliveries(self) -> None:
        """Goes on with what a stop of the server interrupted."""
        for delivery in self.deliveries:
            if not delivery.is_over:
                self._start(delivery)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self.connections):
            await connection.socket.close(code=WSCloseCode.GOING_AWAY)


def _abort(connection: Connection) -> None:
    transport = connection.request.transport
    if transport is not None:
        transport.abort()
