"""The simulated Slack's Socket Mode: tickets, acks within three seconds, one of N connections."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType

from playground.slack import SlackServer
from playground.slack.wire import Json

ACK_SECONDS = 0.2  # s; three in production


class Socket:
    """A bare client: it acknowledges only what it is told to."""

    def __init__(self, raw: ClientWebSocketResponse) -> None:
        self.raw = raw

    async def next(self) -> Json:
        message: Json = await self.raw.receive_json(timeout=30)
        return message

    async def ack(self, envelope: Json, payload: Json | None = None) -> None:
        answer = {"envelope_id": envelope["envelope_id"]}
        await self.raw.send_json(answer if payload is None else answer | {"payload": payload})

    async def event(self) -> Json:
        """The next event, acknowledged."""
        envelope = await self.next()
        await self.ack(envelope)
        event: Json = envelope["payload"]["event"]
        return event

    async def silence(self, seconds: float = 0.05) -> None:
        """Nothing comes; the wait is what is being tested."""
        with pytest.raises(TimeoutError):
            await self.raw.receive(timeout=seconds)


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer(ack_seconds=ACK_SECONDS, retry_delays=(0.0, 0.05)) as server:
        yield server


@pytest.fixture
async def web() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def ticket(slack: SlackServer, web: aiohttp.ClientSession) -> str:
    headers = {"Authorization": f"Bearer {slack.app_token}"}
    async with web.post(f"{slack.api_url}apps.connections.open", headers=headers) as answer:
        return str((await answer.json())["url"])


async def connect(slack: SlackServer, web: aiohttp.ClientSession) -> Socket:
    """A connection that has said hello."""
    socket = Socket(await web.ws_connect(await ticket(slack, web), autoping=False))
    assert (await socket.next())["type"] == "hello"
    return socket


# Connecting


async def test_hello_tells_how_long_the_connection_will_live(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    socket = await web.ws_connect(await ticket(slack, web))
    hello = await socket.receive_json()
    assert hello["num_connections"] == 1
    assert hello["debug_info"]["approximate_connection_time"] > 0
    assert hello["connection_info"]["app_id"] == slack.world.app.id


async def test_a_ticket_is_good_once(slack: SlackServer, web: aiohttp.ClientSession) -> None:
    url = await ticket(slack, web)
    await web.ws_connect(url)
    for again in (url, url.replace("ticket-", "forged-")):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await web.ws_connect(again)
        assert caught.value.status == 401


async def test_an_old_ticket_is_refused(web: aiohttp.ClientSession) -> None:
    now = 1_800_000_000.0
    async with SlackServer(clock=lambda: now) as slack:
        url = await ticket(slack, web)
        now += 31
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await web.ws_connect(url)


async def test_the_eleventh_connection_is_turned_away(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    sockets = [await connect(slack, web) for _ in range(10)]
    headers = {"Authorization": f"Bearer {slack.app_token}"}
    async with web.post(f"{slack.api_url}apps.connections.open", headers=headers) as answer:
        assert answer.status == 429  # tier 1: its burst is spent as well
    extra = Socket(
        await web.ws_connect(f"{_socket_url(slack)}{slack.workspace.hub.issue_ticket()}")
    )
    goodbye = await extra.next()
    assert (goodbye["type"], goodbye["reason"]) == ("disconnect", "too_many_websockets")
    assert (await extra.raw.receive()).type is WSMsgType.CLOSE
    await sockets[0].raw.close()
    await slack.connected(9)
    await connect_with(slack, web)


def _socket_url(slack: SlackServer) -> str:
    return slack.file_origin.replace("http", "ws", 1) + "/link/?ticket="


async def connect_with(slack: SlackServer, web: aiohttp.ClientSession) -> Socket:
    """A connection without a call of the Web API."""
    issued = slack.workspace.hub.issue_ticket()
    socket = Socket(await web.ws_connect(_socket_url(slack) + issued, autoping=False))
    assert (await socket.next())["type"] == "hello"
    return socket


# Delivery and acks


async def test_each_envelope_goes_to_one_connection(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    one, two = await connect(slack, web), await connect(slack, web)
    await slack.post("mia", "general", "first")
    await slack.post("mia", "general", "second")
    texts = {(await one.event())["text"], (await two.event())["text"]}
    assert texts == {"first", "second"}
    await one.silence()
    await two.silence()


async def test_an_event_without_an_ack_comes_again_under_its_event_id(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    socket = await connect(slack, web)
    await slack.post("mia", "general", "hello")
    envelopes = [await socket.next() for _ in range(3)]
    assert [one["retry_attempt"] for one in envelopes] == [0, 1, 2]
    assert [one["retry_reason"] for one in envelopes] == ["", "timeout", "timeout"]
    assert len({one["payload"]["event_id"] for one in envelopes}) == 1
    assert len({one["envelope_id"] for one in envelopes}) == 3
    assert not envelopes[0]["accepts_response_payload"]
    await slack.settled()
    assert [(one.attempts, one.acks) for one in slack.events] == [(3, 0)]  # given up
    await socket.silence()


async def test_an_event_without_an_ack_comes_again_on_another_connection(
    web: aiohttp.ClientSession,
) -> None:
    heard: asyncio.Queue[tuple[int, Json]] = asyncio.Queue()

    async def listen(number: int, socket: Socket) -> None:
        while True:
            heard.put_nowait((number, await socket.next()))

    async with SlackServer(ack_seconds=1.0, retry_delays=(0.0,)) as slack:
        sockets = [await connect(slack, web) for _ in range(2)]
        listening = [asyncio.create_task(listen(n, one)) for n, one in enumerate(sockets)]
        await slack.post("mia", "general", "nobody acknowledges this")
        first, envelope = await heard.get()
        # Another event in between, so that taking turns alone would come back to the same one.
        await slack.post("mia", "general", "this is acknowledged")
        second, other = await heard.get()
        await sockets[second].ack(other)
        again_on, again = await heard.get()
        await sockets[again_on].ack(again)
        await slack.settled()
        assert again["payload"]["event_id"] == envelope["payload"]["event_id"]
        assert again_on == second != first
        for task in listening:
            task.cancel()


async def test_an_ack_after_the_deadline_does_not_count(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    socket = await connect(slack, web)
    await slack.post("mia", "general", "hello")
    late = await socket.next()
    again = await socket.next()
    await socket.ack(late)
    await socket.ack(again)
    await slack.settled()
    assert [(one.attempts, one.acks) for one in slack.events] == [(2, 1)]


async def test_an_ack_counts_on_any_connection(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    first = await connect(slack, web)
    await slack.post("mia", "general", "hello")
    envelope = await first.next()
    second = await connect(slack, web)
    await second.ack(envelope)
    await slack.settled()
    assert [(one.attempts, one.acks) for one in slack.events] == [(1, 1)]


@pytest.mark.parametrize("frame", ["{not json", "[]", '{"envelope_id": "unknown"}', "{}"])
async def test_a_frame_that_acknowledges_nothing_is_ignored(
    slack: SlackServer, web: aiohttp.ClientSession, frame: str
) -> None:
    socket = await connect(slack, web)
    await slack.post("mia", "general", "hello")
    envelope = await socket.next()
    await socket.raw.send_str(frame)
    await socket.ack(envelope)
    await slack.settled()
    assert [one.acks for one in slack.events] == [1]


async def test_an_event_without_any_connection_is_tried_again(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    server = SlackServer(ack_seconds=ACK_SECONDS, retry_delays=(0.0, *[0.02] * 200))
    async with server:
        await server.post("mia", "general", "hello")
        await server.until(lambda: server.events[0].attempts > 1 or None, what="no second attempt")
        socket = await connect(server, web)
        envelope = await socket.next()
        await socket.ack(envelope)
        assert envelope["retry_attempt"] >= 1
        await server.settled()
        assert server.events[0].acks == 1


async def test_a_lost_ack_brings_the_event_again(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    slack.will_redeliver(2, type="app_mention")
    socket = await connect(slack, web)
    await slack.post("mia", "general", "@Switchboard hello", twins="mention")
    await slack.post("mia", "general", "not this one")
    types = [(await socket.event())["type"] for _ in range(4)]
    assert sorted(types) == ["app_mention"] * 3 + ["message"]
    await socket.silence()


async def test_a_past_event_can_be_delivered_again(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    socket = await connect(slack, web)
    await slack.post("mia", "general", "hello")
    first = await socket.next()
    await socket.ack(first)
    await slack.settled()
    slack.redeliver(first["payload"]["event_id"])
    again = await socket.next()
    await socket.ack(again)
    assert again["payload"] == first["payload"]
    assert again["retry_attempt"] == 1


# The socket in trouble


async def test_a_connection_that_shall_be_replaced_gets_nothing_new(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    old = await connect(slack, web)
    await slack.disconnect("refresh_requested", grace=0.1)
    goodbye = await old.next()
    assert (goodbye["type"], goodbye["reason"]) == ("disconnect", "refresh_requested")
    new = await connect(slack, web)
    for text in ("one", "two"):
        await slack.post("mia", "general", text)
        assert (await new.event())["text"] == text
    assert (await old.raw.receive(timeout=30)).type is WSMsgType.CLOSED  # the grace is over


async def test_a_dropped_connection_ends_without_a_close_frame(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    socket = await connect(slack, web)
    slack.drop_sockets()
    message = await socket.raw.receive(timeout=30)
    assert message.type in (WSMsgType.CLOSED, WSMsgType.ERROR)
    assert socket.raw.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE


async def test_a_frozen_connection_answers_no_ping_and_hears_no_ack(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    socket = await connect(slack, web)
    await socket.raw.ping(b"alive?")
    assert (await socket.raw.receive(timeout=30)).type is WSMsgType.PONG
    slack.freeze_sockets()
    await socket.raw.ping(b"alive?")
    await socket.silence()
    await slack.post("mia", "general", "hello")
    for _ in range(3):
        await socket.ack(await socket.next())
    await slack.settled()
    assert slack.events[0].acks == 0


async def test_a_paused_socket_brings_everything_later(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    socket = await connect(slack, web)
    slack.pause_socket()
    await slack.post("mia", "general", "hello")
    await socket.silence()
    slack.resume_socket()
    assert (await socket.event())["text"] == "hello"
    assert slack.events[0].attempts == 1


async def test_a_server_that_comes_back_goes_on_where_it_stopped(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    slack.pause_socket()
    await slack.post("mia", "general", "hello")
    address = slack.api_url
    await slack.stop()
    slack.resume_socket()
    await slack.start()
    assert slack.api_url == address
    socket = await connect(slack, web)
    while True:
        envelope = await socket.next()
        await socket.ack(envelope)
        if envelope["payload"]["event"]["text"] == "hello":
            break
    await slack.settled()


# Commands and interactions


async def test_a_command_is_asked_once_and_its_ack_is_shown(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    socket = await connect(slack, web)
    command = asyncio.create_task(slack.command("mia", "general", "/ai model list"))
    envelope = await socket.next()
    assert envelope["type"] == "slash_commands"
    assert envelope["accepts_response_payload"]
    payload = envelope["payload"]
    assert (payload["command"], payload["text"]) == ("/ai", "model list")
    assert (payload["user_id"], payload["channel_id"]) == ("U0MEMBER01", "C0GENERAL1")
    assert "thread_ts" not in payload
    await socket.ack(envelope, {"text": "one model"})
    assert await command == {"text": "one model"}
    assert [one.text for one in slack.private("mia", "general")] == ["one model"]
    assert slack.channel_messages("general") == []


@pytest.mark.parametrize("connected", [True, False])
async def test_a_command_without_an_ack_fails_before_its_person_s_eyes(
    slack: SlackServer, web: aiohttp.ClientSession, connected: bool
) -> None:
    if connected:
        await connect(slack, web)
    assert await slack.command("mia", "general", "/ai help") is None
    error = "operation_timeout" if connected else "dispatch_failed"
    assert [one.text for one in slack.private("mia")] == [f'/ai failed with the error "{error}"']
