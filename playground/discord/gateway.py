"""Events go out to the sessions that may have them, each in its own numbered order."""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from playground.discord import intents as intent_bits
from playground.discord.clock import Clock
from playground.discord.feed import Feed
from playground.discord.limits import Sliding
from playground.discord.rules import Bucket, Rules
from playground.discord.transport import STREAMS, Socket

Json = dict[str, Any]
DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, RESUME, RECONNECT = 0, 1, 2, 3, 6, 7
REQUEST_MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 8, 9, 10, 11
_LARGEST_PAYLOAD = 4_096  # bytes that a client may send at once
_LATE = 1.5  # heartbeat intervals without a heartbeat


class Session:
    """What one IDENTIFY began; outlives its connections until it is too old."""

    def __init__(self, granted: int, keeps: int) -> None:
        self.id = secrets.token_hex(16)
        self.intents = granted
        self.sequence = 0
        self.socket: Socket | None = None
        self.left_at: float | None = None
        self._keeps = keeps
        self._kept: deque[tuple[int, str]] = deque()
        self._forgotten = 0  # up to here events can no longer be told again

    def push(self, event: str, data: Json, *, keep: bool = True) -> None:
        self.sequence += 1
        text = json.dumps({"op": DISPATCH, "t": event, "s": self.sequence, "d": data})
        if keep:
            self._kept.append((self.sequence, text))
            if len(self._kept) > self._keeps:
                self._forgotten, _ = self._kept.popleft()
        if self.socket is not None:
            self.socket.send(text)

    def remembers(self, sequence: int) -> bool:
        """Whether everything after it can still be told."""
        return sequence >= self._forgotten

    def missed(self, sequence: int) -> list[str]:
        return [text for number, text in self._kept if number > sequence]


class _Closed(Exception):
    """The server ends this connection with a code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Gateway:
    """Sessions and their sockets; also the handle by which a test makes trouble for them."""

    def __init__(
        self,
        rules: Rules,
        clock: Clock,
        feed: Feed,
        *,
        limits: bool,
        message_content_allowed: bool,
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._feed = feed
        self._limits = limits
        self._message_content_allowed = message_content_allowed
        self._sockets: set[Socket] = set()
        self._refusals = 0
        self._hang_ups = 0
        self._identified: list[float] = []
        self.sessions: dict[str, Session] = {}
        self.identifies = 0
        self.resumes = 0
        self.closes: list[int] = []  # codes with which this side ended connections
        self.token = ""
        self.resume_url = ""
        self.greet: Callable[[Session], None] = lambda session: None
        self.find_members: Callable[[Session, Json], None] = lambda session, asked: None
        self.reset_token: Callable[[], None] = lambda: None

    def dispatch(
        self, event: str, build: Callable[[int], Json], *, needs: int = 0, keep: bool = True
    ) -> None:
        """`build` makes the data for a session's intents."""
        for session in list(self.sessions.values()):
            if self._too_old(session):
                del self.sessions[session.id]
            elif not needs or session.intents & needs:
                session.push(event, build(session.intents), keep=keep)

    @property
    def connected(self) -> bool:
        return any(s.socket is not None for s in self.sessions.values())

    # --- trouble to order -------------------------------------------------------------------

    def reconnect(self) -> None:
        """Op 7: come again, and resume."""
        for socket in self._sockets:
            socket.send_op(RECONNECT)

    def invalid_session(self, *, resumable: bool) -> None:
        """Op 9: true asks to resume, false to identify anew."""
        if not resumable:
            self.sessions.clear()
        for socket in self._sockets:
            socket.send_op(INVALID_SESSION, resumable)

    def close(self, code: int) -> None:
        for socket in self._sockets:
            self.closes.append(code)
            socket.close(code)

    def drop(self) -> None:
        for socket in self._sockets:
            socket.drop()

    def refuse_dials(self, times: int) -> None:
        """The next connections get an HTTP error instead of a socket."""
        self._refusals += times

    def hang_up(self, times: int) -> None:
        """The next connections get a socket that is closed before it says anything."""
        self._hang_ups += times

    def send_garbage(self) -> None:
        """A message without an author or a channel; not repeated on a resume."""
        self.dispatch("MESSAGE_CREATE", lambda _: {"id": "not a message"}, keep=False)

    # --- one connection ---------------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self._refusals > 0:
            self._refusals -= 1
            return web.Response(status=503, text="upstream connect error")
        stream = STREAMS.get(request.query.get("compress", ""))
        ws = web.WebSocketResponse(max_msg_size=1 << 20)
        await ws.prepare(request)
        if self._hang_ups > 0:
            self._hang_ups -= 1
            await ws.close(code=1011)
            return ws
        if request.query.get("v") not in ("9", "10"):
            await ws.close(code=4012)
            return ws
        if stream is None or request.query.get("encoding", "json") != "json":
            await ws.close(code=4002)
            return ws
        socket = Socket(ws, request, stream())
        self._sockets.add(socket)
        connection = _Connection(self, socket, self._rules, self._clock, limits=self._limits)
        client_code: int | None = None
        try:
            client_code = await connection.run()
        except _Closed as closed:
            self.closes.append(closed.code)
            await ws.close(code=closed.code)
        finally:
            self._sockets.discard(socket)
            self._leave(socket, client_code)
            await socket.end()
        return ws

    async def stop(self) -> None:
        for socket in list(self._sockets):
            socket.drop()
            await socket.end()

    def identify(self, socket: Socket, asked: Json) -> Session | None:
        """A new session, or None when the client came too early."""
        if asked.get("token") != self.token:
            raise _Closed(4004)
        wanted = asked.get("intents")
        if not isinstance(wanted, int) or wanted & ~intent_bits.KNOWN:
            raise _Closed(4013)
        allowed = self._message_content_allowed
        if intent_bits.disallowed(wanted, message_content_allowed=allowed):
            raise _Closed(4014)
        if not self._room_to_identify():
            return None
        self.identifies += 1
        session = Session(wanted, self._rules.replay_events)
        session.socket = socket
        self.sessions[session.id] = session
        self.greet(session)
        self._tell()
        return session

    def resume(self, socket: Socket, asked: Json) -> Session | None:
        """The session that goes on, or None when it is gone."""
        if asked.get("token") != self.token:
            raise _Closed(4004)
        session = self.sessions.get(str(asked.get("session_id")))
        if session is None or self._too_old(session):
            return None
        sequence = asked.get("seq")
        if not isinstance(sequence, int) or sequence > session.sequence:
            raise _Closed(4007)
        if not session.remembers(sequence):
            return None
        if session.socket is not None:
            session.socket.close(4000)
        session.socket, session.left_at = None, None
        for text in session.missed(sequence):
            socket.send(text)
        session.socket = socket
        session.push("RESUMED", {"_trace": []}, keep=False)
        self.resumes += 1
        self._tell()
        return session

    def _room_to_identify(self) -> bool:
        """One per five seconds, and so many a day: one more costs the token."""
        if not self._limits:
            return True
        now = self._clock.now()
        day = 86_400.0
        self._identified = [t for t in self._identified if t > now - day]
        if len(self._identified) >= self._rules.identifies_per_day:
            self.reset_token()
            raise _Closed(4004)
        spacing = self._rules.identify_spacing_seconds
        if self._identified and now - self._identified[-1] < spacing:
            return False
        self._identified.append(now)
        return True

    def _too_old(self, session: Session) -> bool:
        left = session.left_at
        return left is not None and self._clock.now() > left + self._rules.session_seconds

    def _leave(self, socket: Socket, code: int | None) -> None:
        """A client that closes with 1000 or 1001 gives its session up."""
        for session in list(self.sessions.values()):
            if session.socket is socket:
                session.socket = None
                session.left_at = self._clock.now()
                if code in (1000, 1001):
                    del self.sessions[session.id]
        self._tell()

    def _tell(self) -> None:
        self._feed.tell({"kind": "bot", "online": self.connected, "for": None})


class _Connection:
    """Reads one socket: hello, identify or resume, then heartbeats."""

    def __init__(
        self, gateway: Gateway, socket: Socket, rules: Rules, clock: Clock, *, limits: bool
    ) -> None:
        self._gateway = gateway
        self._socket = socket
        self._heartbeat = rules.heartbeat_seconds
        sends = rules.gateway_sends if limits else Bucket(1 << 30, 1.0)
        self._sends = Sliding(sends, clock)
        self._session: Session | None = None

    async def run(self) -> int | None:
        """Until the end; returns the code with which the client closed, if it did."""
        self._socket.send_op(HELLO, {"heartbeat_interval": int(self._heartbeat * 1000)})
        loop = asyncio.get_running_loop()
        patience = self._heartbeat * _LATE
        deadline = loop.time() + patience
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    frame = await self._socket.ws.receive()
            except TimeoutError:
                raise _Closed(4009) from None
            if frame.type is not WSMsgType.TEXT:
                return int(frame.data) if frame.type is WSMsgType.CLOSE else None
            if self._handle(self._read(frame.data)) == HEARTBEAT:
                deadline = loop.time() + patience

    def _read(self, text: str) -> Json:
        if self._sends.wait() > 0:
            raise _Closed(4008)
        self._sends.count()
        if len(text.encode()) > _LARGEST_PAYLOAD:
            raise _Closed(4002)
        try:
            payload = json.loads(text)
        except ValueError:
            raise _Closed(4002) from None
        if not isinstance(payload, dict):
            raise _Closed(4002)
        return payload

    def _handle(self, payload: Json) -> int:
        op, data = payload.get("op"), payload.get("d")
        if op == HEARTBEAT:
            self._socket.send_op(HEARTBEAT_ACK)
        elif op in (IDENTIFY, RESUME):
            self._begin(op, data if isinstance(data, dict) else {})
        elif op not in (PRESENCE, 4, REQUEST_MEMBERS):
            raise _Closed(4001)
        elif self._session is None:
            raise _Closed(4003)
        elif op == REQUEST_MEMBERS and isinstance(data, dict):
            self._gateway.find_members(self._session, data)
        return int(op)

    def _begin(self, op: int, data: Json) -> None:
        if self._session is not None and self._session.id in self._gateway.sessions:
            raise _Closed(4005)
        start = self._gateway.identify if op == IDENTIFY else self._gateway.resume
        self._session = start(self._socket, data)
        if self._session is None:
            self._socket.send_op(INVALID_SESSION, False)
