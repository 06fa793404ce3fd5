"""Two sockets to Slack: nothing is lost when one is replaced, cut or dead, and nothing is acknowledged too early."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from adapters.refusals import AWAY
from bot.embedded import EmbeddedRedis
from bot.errors import SettingsError
from bot.inbox import BARRED
from playground.slack import SlackServer
from playground.slack.sockets import Connection
from tests.contract.slack_adapter.office import Office, parts_of

NEVER = "http://127.0.0.1:9/"  # nothing listens there


def sockets(office: Office) -> list[Connection]:
    return list(office.slack.workspace.hub.connections)


async def replaced(office: Office, old: list[Connection]) -> None:
    """Two sockets that take events, neither of them an old one."""

    def look() -> bool | None:
        fit = [one for one in sockets(office) if not one.refreshing and one not in old]
        return True if len(fit) == 2 else None

    await office.slack.until(look, what="the sockets were not replaced")


async def heard(office: Office, words: str = "@Switchboard hello") -> None:
    """A mention is admitted, and acknowledged as often as it was sent."""
    post = await office.slack.post("mia", "general", words)
    await office.asked(post)


async def test_there_are_two_sockets_and_each_brings_events(office: Office) -> None:
    assert len(sockets(office)) == 2
    for n in range(4):  # the simulated Slack takes turns
        await heard(office, f"@Switchboard {n}")
    assert all((event.attempts, event.acks) == (1, 1) for event in office.slack.events)


@pytest.mark.parametrize(
    "reason", ["warning", "refresh_requested", "link_disabled", "too_many_websockets"]
)
async def test_a_socket_is_replaced_when_slack_asks_for_it(office: Office, reason: Any) -> None:
    old = sockets(office)
    await office.slack.disconnect(reason, grace=60.0)
    await replaced(office, old)
    await heard(office)
    assert all(event.attempts == 1 for event in office.slack.events)


async def test_while_one_socket_is_replaced_the_other_one_listens(office: Office) -> None:
    held = office.slack.will_hold("apps.connections.open")
    await office.slack.disconnect(oldest_only=True, grace=0.0)
    await heard(office)
    assert all(event.attempts == 1 for event in office.slack.events)
    held.set()
    await office.slack.connected(2)


async def test_an_ack_leaves_on_another_socket_when_its_own_is_gone(office: Office) -> None:
    old = sockets(office)
    post = await office.slack.post("mia", "general", "@Switchboard hello", twins="mention")
    (event,) = office.slack.events  # its handler waits for the other twin
    await office.slack.until(lambda: event.attempts or None, what="it was not sent")
    await office.slack.disconnect(grace=0.0)
    await replaced(office, old)
    assert await office.asked(post)
    assert event.acks == 1


async def test_sockets_that_break_are_dialled_again_and_what_they_lost_comes_again(
    office: Office,
) -> None:
    for _ in range(3):
        old = sockets(office)
        office.slack.drop_sockets()
        post = await office.slack.post("mia", "general", "@Switchboard hello")
        await replaced(office, old)
        assert (await office.asked(post)).kind == "ask"
    assert len(await office.turns()) == 3


async def test_a_socket_that_is_dead_without_a_word_is_noticed_by_its_silence(
    office: Office,
) -> None:
    async with parts_of(office, ping=0.2):
        await office.slack.connected(4)
        ours = sockets(office)[2:]
        for connection in ours:
            connection.frozen = True
        gone = office.slack.until(
            lambda: None if set(map(id, ours)) & set(map(id, sockets(office))) else True,
            what="the dead sockets are still there",
        )
        await gone
        await office.slack.connected(4)


async def test_a_refused_address_is_asked_for_again(office: Office) -> None:
    office.slack.will_refuse("apps.connections.open", "internal_error", 2, status=500)
    office.slack.will_refuse("apps.connections.open", "ratelimited", 1, retry_after=0)
    old = sockets(office)
    office.slack.drop_sockets()
    await replaced(office, old)
    await heard(office)


async def test_a_socket_beyond_the_tenth_is_tried_again_until_there_is_room(
    closed_office: Office,
) -> None:
    slack = closed_office.slack
    others = [Connection(None, None) for _ in range(10)]  # type: ignore[arg-type]  # only counted
    slack.workspace.hub.connections += others

    async def room() -> None:
        await slack.until(
            lambda: len(slack.calls_of("apps.connections.open")) > 2 or None, what="no further try"
        )
        for other in others:
            slack.workspace.hub.connections.remove(other)

    async with asyncio.TaskGroup() as group:
        group.create_task(room())
        async with closed_office.open():
            await heard(closed_office)


@pytest.mark.parametrize(
    "frame",
    ["", "no JSON", "[]", "17", "{}", "null", '{"type": 1}', '{"type": "events_api"}', "[" * 9000],
)
async def test_a_frame_that_is_no_envelope_is_passed_over(office: Office, frame: str) -> None:
    for connection in sockets(office):
        await connection.socket.send_str(frame)
    await heard(office)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        17,
        [1],
        "text",
        {},
        {"type": "event_callback"},
        {"type": "view_submission", "view": {}},
    ],
)
async def test_a_payload_that_makes_no_sense_is_acknowledged(office: Office, payload: Any) -> None:
    hub = office.slack.workspace.hub
    await asyncio.wait_for(hub.ask("interactive", payload), 30)
    await heard(office)


@pytest.mark.parametrize(
    "payload",
    [
        ["secret words"],
        {
            "type": "view_submission",
            "view": {"callback_id": "ask_about_this", "state": "secret words"},
        },
    ],
)
async def test_what_even_bolt_cannot_read_leaves_a_dead_letter(
    office: Office, payload: Any
) -> None:
    await office.slack.workspace.hub.ask("interactive", payload)
    (letter,) = await office.redis.lrange(office.store.key("dead"), 0, -1)
    assert json.loads(letter)["why"] == "malformed"
    assert b"secret" not in letter


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "block_actions", "actions": [{"action_id": "x"}], "user": {"id": "U1"}},
        {"type": "view_closed", "view": {"type": "modal", "callback_id": "x"}},
        {"command": "/somebody-elses", "user_id": "U1", "channel_id": "C1"},
        {"type": "shortcut", "callback_id": "unknown"},
    ],
    ids=["button", "closed form", "command", "shortcut"],
)
async def test_what_nobody_wants_is_acknowledged(office: Office, payload: Any) -> None:
    assert await office.slack.workspace.hub.ask("interactive", payload) is None
    assert await office.turns() == []


async def test_the_end_waits_for_what_was_taken(closed_office: Office) -> None:
    async with closed_office.open() as office:
        post = await office.slack.post("mia", "general", "@Switchboard hello", twins="mention")
        (event,) = office.slack.events
        await office.slack.until(lambda: event.attempts or None, what="it was not sent")
    assert await closed_office.asked(post)
    assert event.acks == 1
    assert sockets(closed_office) == []


# ---- the ack --------------------------------------------------------------------------------------------


@asynccontextmanager
async def own_redis(
    slack: SlackServer, folder: Path
) -> AsyncIterator[tuple[Office, EmbeddedRedis]]:
    """An office on a Redis that may be stopped."""
    server = EmbeddedRedis(folder, appendfsync="always")
    url = await server.start()
    redis = Redis.from_url(url)
    try:
        yield Office(slack, redis, url), server
    finally:
        await redis.aclose()
        await server.stop()


@asynccontextmanager
async def away(server: EmbeddedRedis, how: str) -> AsyncIterator[None]:
    """Redis is gone, or takes everything and answers nothing."""
    assert server.pid is not None
    if how == "gone":
        await server.stop()
        yield
        await server.start()
        return
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


@pytest.mark.parametrize("how", ["gone", "hanging"])
async def test_without_redis_there_is_no_ack_and_one_answer_when_it_is_back(
    slack: SlackServer, tmp_path: Path, how: str
) -> None:
    hub = slack.workspace.hub
    hub.ack_seconds, hub.retry_delays = 0.3, (0.1,) * 100
    async with own_redis(slack, tmp_path) as (office, server), office.open():
        async with away(server, how):
            post = await slack.post("mia", "general", "@Switchboard hello")
            await slack.until(
                lambda: all(e.attempts > 2 for e in slack.events) or None,
                what="it did not come again",
            )
            assert [event.acks for event in slack.events] == [0, 0]
        turn = await office.asked(post)
        assert [t.id for t in await office.turns() if t.kind == "ask"] == [turn.id]
        await office.answer(turn, "Here I am.")
        await slack.shows("Here I am.", thread_ts=post.ts)
        await office.at_rest()
        assert len(slack.answers(post.ts)) == 1


@pytest.mark.parametrize("how", ["gone", "hanging"])
async def test_a_command_that_redis_does_not_take_is_refused_in_time_and_nothing_comes_of_it(
    slack: SlackServer, tmp_path: Path, how: str
) -> None:
    """Slack tells of a command once, and shows a fault of its own where nobody acknowledges it in three seconds."""
    async with own_redis(slack, tmp_path) as (office, server), office.open():
        async with away(server, how):
            for words in ("ask why", "model set gpt-4o-mini", "help"):
                await slack.command("ada", "general", f"/ai {words}")
            told = [message.text for message in slack.private("ada")]
            assert told == [AWAY] * 3

        async def taken_back() -> bool | None:
            names = [name async for name in office.redis.scan_iter(match="*:seen:slack:*:slash-*")]
            marks = await office.redis.mget(names) if names else []
            turns = [await office.inbox.load(m.decode()) for m in marks if m != BARRED]
            over = all(turn is not None and turn.phase for turn in turns)
            return True if len(marks) == 3 and over else None

        await office.until(taken_back, "something is still to come of it")
        await office.at_rest()
        turn = await office.asked(await slack.post("mia", "general", "@Switchboard and now?"))
        assert turn.model == "gpt-4o"
        assert [message.text for message in slack.private("ada")] == told
        assert [m.user for m in slack.channel_messages("general")] == [turn.message.author.id]


@pytest.mark.parametrize("how", ["gone", "hanging"])
async def test_a_press_and_a_form_that_redis_does_not_take_are_refused_in_time(
    slack: SlackServer, tmp_path: Path, how: str
) -> None:
    """Of these too Slack tells once, with a fault of its own after three seconds."""
    async with own_redis(slack, tmp_path) as (office, server), office.open():
        post = await slack.post("mia", "general", "@Switchboard hello")
        turn = await office.asked(post)
        await office.grow(turn, "One, ")
        answer = await slack.shows("One,", thread_ts=post.ts)
        await slack.shortcut("max", "general", post.ts, "ask_about_this")
        view = await slack.until(lambda: next(iter(slack.views("max")), None), what="no form")
        async with away(server, how):
            await slack.click("mia", "general", answer.ts, "stop")
            await slack.shortcut("ada", "general", post.ts, "ask_about_this")
            ack = await slack.submit_view(view.id, "max", {"words": "why?"})
            assert ack is not None
            assert ack["errors"] == {"question": AWAY}
            for who in ("mia", "ada"):
                await slack.until(
                    lambda who=who: slack.private(who) or None, what="nobody was told"
                )
                assert [message.text for message in slack.private(who)] == [AWAY]

        async def once_more() -> bool | None:
            return await slack.submit_view(view.id, "max", {"words": "why?"}) in (None, {}) or None

        await office.until(once_more, "the form is not taken")
        await office.finish(turn, "One, two.")
        await slack.shows("One, two.", thread_ts=post.ts)
        (asked,) = [t for t in await office.turns() if t.message.text == "why?"]
        assert asked.message.author.id == slack.world.person("max").id
        assert not (await office.replies.read(turn.id)).notes, "nothing came of the press"


async def test_what_is_said_below_a_mention_that_redis_did_not_take_follows_it(
    slack: SlackServer, tmp_path: Path
) -> None:
    hub = slack.workspace.hub
    hub.ack_seconds, hub.retry_delays = 0.3, (0.1,)
    async with own_redis(slack, tmp_path) as (office, server), office.open():
        await server.stop()
        root = await slack.post("mia", "general", "@Switchboard hello", twins="mention")
        (first,) = slack.events
        await slack.settled()
        assert first.acks == 0
        await server.start()
        hub.ack_seconds, hub.retry_delays = 1.0, (0.1,) * 100
        reply = await slack.post("mia", "general", "and more", thread_ts=root.ts)
        assert await office.turns() == []
        slack.redeliver(first.event_id)
        turn = await office.asked(reply)
        assert [t.id for t in await office.turns()] == [(await office.asked(root)).id, turn.id]
        assert turn.conversation == (await office.asked(root)).conversation


async def test_a_malformed_event_waits_for_redis_too(slack: SlackServer, tmp_path: Path) -> None:
    hub = slack.workspace.hub
    hub.ack_seconds, hub.retry_delays = 0.3, (0.1,) * 100
    async with own_redis(slack, tmp_path) as (office, server), office.open():
        await server.stop()
        slack.workspace.tell({"type": "message", "user": "U1"}, slack.world.channel("general"))
        (event,) = slack.events
        await slack.until(lambda: event.attempts > 2 or None, what="it did not come again")
        assert event.acks == 0
        await server.start()
        await slack.settled()
        assert event.acks == 1
        assert await office.redis.llen(office.store.key("dead")) == 1


async def test_a_repeated_delivery_is_heard_though_it_says_that_it_is_one(office: Office) -> None:
    hub = office.slack.workspace.hub
    office.slack.pause_socket()
    post = await office.slack.post("mia", "general", "@Switchboard hello", twins="message")
    (event,) = office.slack.events
    event.attempts = 2  # as if two deliveries had been lost on their way
    office.slack.resume_socket()
    assert await office.asked(post)
    assert hub.is_idle


# ---- the start -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "token"),
    [("SLACK_BOT_TOKEN", "xoxb-somebody-elses"), ("SLACK_APP_TOKEN", "xapp-somebody-elses")],
)
async def test_a_token_that_slack_rejects_ends_the_start_with_its_name(
    closed_office: Office, setting: str, token: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        async with closed_office.open(**{setting.lower(): SecretStr(token)}):
            pass
    assert caught.value.faults == [f"{setting}: Slack rejects it (invalid_auth)"]


async def test_a_server_that_does_not_say_who_the_bot_is_is_no_slack(closed_office: Office) -> None:
    async with stub({"ok": True}) as url:
        with pytest.raises(SettingsError, match="SLACK_API_URL"):
            async with closed_office.open(slack_api_url=url):
                pass


async def test_while_slack_is_unreachable_the_start_waits(closed_office: Office) -> None:
    closed_office.slack.will_refuse("auth.test", "internal_error", status=500)
    closed_office.slack.will_drop_request("apps.connections.open")
    async with closed_office.open():
        await heard(closed_office)


async def test_neither_an_oauth_app_nor_a_proxy_in_the_environment_is_in_the_way(
    closed_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET"):
        monkeypatch.setenv(name, "somebody-elses")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, NEVER)
    async with closed_office.open():
        assert "SLACK_CLIENT_ID" not in os.environ
        await heard(closed_office)


@asynccontextmanager
async def stub(answer: dict[str, Any]) -> AsyncIterator[str]:
    """A server that gives every request the same answer."""
    from aiohttp import web

    async def handle(_: web.Request) -> web.Response:
        return web.json_response(answer)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    finally:
        await runner.cleanup()
