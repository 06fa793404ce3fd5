"""The faulty line of the fault runs, and the steps that are told from what passes on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Unreachable

from bot.store import Store, connect, scripts
from tests.chaos.http import Http, Request
from tests.chaos.line import Line
from tests.chaos.resp import Command, Resp
from tests.chaos.steps import (
    TITLE,
    Side,
    Step,
    Trap,
    Wire,
    discord_step,
    model_step,
    slack_step,
)


class Echo:
    """Answers what it hears, and remembers it."""

    def __init__(self) -> None:
        self.heard = b""

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"tcp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(100):
                self.heard += data
                writer.write(data)
        writer.close()

    async def hears(self, data: bytes) -> None:
        while data not in self.heard:
            await asyncio.sleep(0)

    def stop(self) -> None:
        self._server.close()


class Caller:
    def __init__(self, streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self.reader, self.writer = streams

    async def says(self, data: bytes) -> bytes:
        self.writer.write(data)
        return await self.reader.read(100)


Dial = Callable[[], Awaitable[Caller]]


@pytest_asyncio.fixture
async def echo() -> AsyncIterator[Echo]:
    one = Echo()
    one.to = await one.start()  # type: ignore[attr-defined]
    yield one
    one.stop()


@pytest_asyncio.fixture
async def callers() -> AsyncIterator[list[Caller]]:
    found: list[Caller] = []
    yield found
    for caller in found:
        caller.writer.close()
        with suppress(OSError):
            await caller.writer.wait_closed()


@pytest_asyncio.fixture
async def dial(line: Line, callers: list[Caller]) -> Dial:
    async def dial() -> Caller:
        callers.append(Caller(await asyncio.open_connection("127.0.0.1", line.port)))
        return callers[-1]

    return dial


@pytest_asyncio.fixture
async def line(echo: Echo) -> AsyncIterator[Line]:
    async with Line(echo.to) as found:  # type: ignore[attr-defined]
        yield found


async def test_what_is_said_arrives_on_both_sides(dial: Dial) -> None:
    assert await (await dial()).says(b"hello") == b"hello"


async def test_a_cut_ends_what_there_is_and_lets_nothing_new_in(line: Line, dial: Dial) -> None:
    caller = await dial()
    assert await caller.says(b"hello") == b"hello"
    async with line.cut():
        assert await caller.reader.read(1) == b""
        with suppress(OSError):
            assert await (await dial()).says(b"again") == b""
    assert await (await dial()).says(b"again") == b"again"


async def test_a_reset_tells_both_sides_at_once(line: Line, dial: Dial) -> None:
    caller = await dial()
    await caller.says(b"hello")
    line.reset()
    with pytest.raises(ConnectionResetError):
        await caller.reader.read(1)


async def test_what_is_said_into_a_black_hole_arrives_after_it(
    line: Line, echo: Echo, dial: Dial
) -> None:
    caller = await dial()
    await caller.says(b"hello")
    async with line.stalled():
        caller.writer.write(b"late")
        caller.writer.close()  # who said it is long gone
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(echo.hears(b"late"), 0.05)
    await echo.hears(b"late")


async def test_a_half_open_line_carries_requests_and_no_answers(
    line: Line, echo: Echo, dial: Dial
) -> None:
    caller = await dial()
    async with line.half_open():
        caller.writer.write(b"hello")
        await echo.hears(b"hello")
    with pytest.raises(ConnectionResetError):
        await caller.reader.read(1)


@pytest.mark.parametrize("side", ["before", "after"])
async def test_a_trap_kills_before_or_after_redis_did_it(
    redis: Redis, redis_url: str, side: Side
) -> None:
    wire, killed = Wire(), []
    await redis.script_flush()  # a script says its name when it is loaded
    async with Line(redis_url, wire.redis("slack-1")) as line:
        client = connect(f"redis://127.0.0.1:{line.port}", retries=0)
        store = Store(client)
        await store.run("intend", ["other"], 1, 60)  # loads the script
        trap = Trap("INTEND", side, killed.append)
        wire.traps.append(trap)
        with pytest.raises(Unreachable):
            await store.run("intend", ["reply"], 1, 60)
        await client.aclose()
    assert killed == ["slack-1"]
    assert trap.sprung.is_set()
    assert bool(await redis.exists("reply")) == (side == "after")


async def test_a_step_is_told_with_its_reply(redis: Redis, redis_url: str) -> None:
    wire, told = Wire(), list[Step]()
    await redis.script_flush()
    wire.told.append(told.append)
    async with Line(redis_url, wire.redis("slack-1")) as line:
        client = Redis(port=line.port)
        await Store(client).run("intend", ["reply"], 1, 60)
        await client.aclose()
    assert {step.name for step in told} == {"INTEND"}
    assert told[-1].reply == 1


def test_every_script_of_the_product_says_its_name() -> None:
    titles = {name: TITLE.search(text.encode()) for name, text in scripts().items()}
    assert {name for name, title in titles.items() if title is None} == set()


def test_commands_and_replies_are_paired_however_they_are_cut() -> None:
    sent, answered = list[bytes](), list[tuple[bytes, object]]()

    def answer(command: Command, reply: object) -> bool:
        answered.append((command.name, reply))
        return True

    resp = Resp(lambda command: bool(sent.append(command.name)) or True, answer)
    for byte in b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n":
        assert resp.up(bytes([byte]))
    assert resp.down(b"+PONG\r\n$1")
    assert resp.down(b"\r\nx\r\n")
    assert sent == [b"PING", b"GET"]
    assert answered == [(b"PING", b"PONG"), (b"GET", b"x")]


def told(data: bytes, reply: bytes = b"") -> tuple[list[str], list[int], list[bytes]]:
    """What is made of a client's bytes and a server's."""
    sent, statuses, frames = list[str](), list[int](), list[bytes]()

    def send(request: Request) -> bool:
        sent.append(f"{request.method} {request.path} {request.body.decode()}".strip())
        return True

    def answer(request: Request, status: int) -> bool:
        statuses.append(status)
        return True

    http = Http(send, answer, lambda frame: bool(frames.append(frame)) or True)
    for byte in data:
        http.up(bytes([byte]))
    http.down(reply)
    return sent, statuses, frames


def test_requests_are_told_whole() -> None:
    two = b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET /b HTTP/1.1\r\nHost: x\r\n\r\n"
    assert told(two, b"HTTP/1.1 204 No Content\r\n\r\n")[:2] == (["POST /a hi", "GET /b"], [204])


def test_a_body_in_chunks_is_told_when_it_ends() -> None:
    chunks = b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    assert told(chunks)[0] == ["POST /a 2\r\nhi\r\n0"]


def test_the_frames_of_a_socket_are_unmasked() -> None:
    upgrade = b"GET /link HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"
    masked = bytes(byte ^ key for byte, key in zip(b"acks", b"abcd", strict=True))
    assert told(upgrade + b"\x81\x84abcd" + masked)[2] == [b"acks"]


@pytest.mark.parametrize(
    ("name", "method", "path", "step"),
    [
        (slack_step, "POST", "/api/chat.postMessage", "chat.postMessage"),
        (slack_step, "POST", "/api/conversations.replies", None),
        (discord_step, "POST", "/api/v10/channels/1/messages", "message.post"),
        (discord_step, "GET", "/api/v10/channels/1/messages", None),
        (discord_step, "PATCH", "/api/v10/webhooks/1/tok/messages/@original", "interaction.edit"),
        (discord_step, "POST", "/api/v10/webhooks/1/tok?wait=true", "interaction.post"),
        (model_step, "POST", "/v1/chat/completions", "model"),
    ],
)
def test_what_is_sent_has_the_name_of_its_method(name, method, path, step) -> None:
    assert name(Request(method, path)) == step
