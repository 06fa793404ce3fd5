"""Connections end in every way that Discord knows; the adapter goes on, or says in one line why it cannot."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from discord.utils import snowflake_time

from adapters.discord.gathering import AT_ONCE
from adapters.discord.missed import WINDOW_SECONDS
from playground.discord import DiscordServer
from tests.contract.discord_adapter.bench import GATHERING, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def bench(reading: Bench) -> AsyncIterator[Bench]:
    """With an adapter that is up, whatever the test before did to it."""
    yield reading
    await reading.ready()


async def answers(bench: Bench, words: str) -> None:
    """A question that is asked now comes to its answer once."""
    channel = (await bench.discord.add_channel(words.replace(" ", "-"))).id
    await bench.discord.post("mia", channel, f"@Switchboard {words}")
    await bench.discord.shows(f"Answer to: {words}", channel, timeout=30)
    await bench.at_rest()
    assert len(bench.discord.by_bot(channel)) == 1


@pytest.mark.parametrize(
    ("name", "trouble", "resumes"),
    [
        ("op 7", lambda g: g.reconnect(), True),
        ("op 9 true", lambda g: g.invalid_session(resumable=True), True),
        ("close 4000", lambda g: g.close(4000), True),
        ("close 1006", lambda g: g.drop(), True),
        ("op 9 false", lambda g: g.invalid_session(resumable=False), False),
    ],
)
async def test_the_connection_is_taken_up_again(
    bench: Bench, name: str, trouble: Callable[[object], None], resumes: bool
) -> None:
    gateway = bench.discord.gateway
    before = (gateway.resumes, gateway.identifies)
    trouble(gateway)
    await bench.until(lambda: (gateway.resumes, gateway.identifies) != before, 30)
    await bench.discord.connected(timeout=30)
    assert (gateway.resumes > before[0]) is resumes
    await answers(bench, f"after {name}")


async def test_what_the_library_cannot_read_is_left_out(bench: Bench) -> None:
    gateway = bench.discord.gateway
    identified = gateway.identifies
    gateway.send_garbage()
    gateway.dispatch("MESSAGE_CREATE", lambda _: {"id": "4711", "content": "words"}, keep=False)
    odd = {"id": "4712", "channel_id": "1", "edited_timestamp": "words", "content": "words"}
    gateway.dispatch("MESSAGE_UPDATE", lambda _: odd, keep=False)
    robots = {"id": "4713", "author": {"bot": True}, "content": "words"}
    for name in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):  # not read, so not unreadable
        gateway.dispatch(name, lambda _: robots, keep=False)
    await answers(bench, "after garbage")
    assert gateway.identifies == identified

    async def letters() -> list[bytes] | None:
        found = await bench.store.redis.lrange(bench.store.key("dead"), 0, -1)
        return found if len(found) >= 3 else None

    found = await bench.eventually(letters)
    buried = sorted(json.loads(letter)["event"] for letter in found)
    assert buried == ["MESSAGE_CREATE -", "MESSAGE_CREATE 4711", "MESSAGE_UPDATE 4712"]
    assert b"words" not in b"".join(found)


async def test_a_beginning_that_cannot_be_read_begins_another_connection(bench: Bench) -> None:
    """`READY` without a user: whatever came after it would be lost on a connection that knows not who it is."""
    identified = bench.discord.gateway.identifies
    bench.discord.gateway.dispatch("READY", lambda _: {"v": 10, "guilds": []})
    await bench.until(lambda: bench.discord.gateway.identifies > identified)
    await bench.discord.connected()
    await answers(bench, "after an unreadable beginning")


async def test_a_server_that_cannot_be_read_is_a_server_all_the_same(bench: Bench) -> None:
    bench.discord.gateway.dispatch(
        "GUILD_CREATE", lambda _: {"id": "777", "name": "Odd", "channels": "none of them a list"}
    )
    client = bench.lives.client
    assert client is not None
    odd = await bench.until(lambda: client.get_guild(777))
    assert odd.name == "Odd"


async def test_garbage_about_what_was_missed_is_left_and_noted_anew(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    there, places = (bench.store.key("discord", name) for name in ("there", "places"))
    await bench.leave()
    await bench.store.redis.set(there, "garbage")
    await bench.store.redis.zadd(places, {"garbage": time.time(), "@me:": time.time()})
    await bench.enter()

    async def noted() -> bool:
        return await bench.store.redis.get(there) != b"garbage"

    await bench.eventually(noted)
    await bench.leave()
    await bench.enter()  # now with a moment from which on it looks into the places
    await answers(bench, "after garbage in the store")
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


async def test_what_was_written_while_nobody_listened_is_answered_once_oldest_first(
    bench: Bench,
) -> None:
    channel = await bench.channel()
    await bench.discord.post("mia", channel, "@Switchboard before the gap")
    await bench.discord.post("noah", "dm", "a direct one before")
    await bench.asked("before the gap")
    await bench.asked("a direct one before")
    await bench.at_rest()
    stamp = bench.store.key("discord", "there")
    await bench.eventually(lambda: bench.store.redis.exists(stamp))
    await bench.leave()
    for n in range(3):
        await bench.discord.post("mia", channel, f"@Switchboard in the gap {n}")
    await bench.discord.post("mia", channel, "not for the bot")
    await bench.discord.post("noah", "dm", "a direct one in the gap")
    await bench.enter()
    await bench.asked("in the gap 2")
    await bench.asked("a direct one in the gap")
    await bench.at_rest()
    texts = [turn.message.text for turn in bench.scribe.asked]
    assert [t for t in texts if "the gap" in t and "direct" not in t] == [
        "before the gap",
        "in the gap 0",
        "in the gap 1",
        "in the gap 2",
    ]
    assert texts.count("a direct one in the gap") == 1
    assert "not for the bot" not in texts


async def test_what_was_written_after_a_first_start_of_a_moment_is_answered(bench: Bench) -> None:
    """It ended before it was ever noted as present."""
    channel, stamp = await bench.channel(), bench.store.key("discord", "there")
    await bench.leave()
    await bench.store.redis.delete(stamp)
    await bench.enter(ready=False)
    await bench.eventually(lambda: bench.store.redis.exists(stamp))
    await bench.leave()
    await bench.discord.post("mia", channel, "@Switchboard after a start of a moment")
    await bench.enter()
    await bench.asked("after a start of a moment")
    await bench.at_rest()


async def test_what_is_written_while_the_missed_is_read_comes_after_it(bench: Bench) -> None:
    channel = await bench.channel()
    first = await bench.discord.post("mia", channel, "@Switchboard before the second gap")
    await bench.asked("before the second gap")
    await bench.at_rest()
    stamp = bench.store.key("discord", "there")
    await bench.eventually(lambda: bench.store.redis.exists(stamp))
    await bench.leave()
    await bench.discord.post("mia", channel, "@Switchboard second gap: missed", reply_to=first)
    held = bench.discord.will_hold("GET /channels/*/messages")
    await bench.enter()
    await bench.discord.post("mia", channel, "@Switchboard second gap: live", reply_to=first)
    await bench.discord.answered(await bench.discord.slash("mia", channel, "help"))
    assert bench.scribe.question("second gap: live") is None
    held.set()
    await bench.asked("second gap: live")
    await bench.at_rest()
    asked = [turn.message.text for turn in bench.scribe.asked if "second gap:" in turn.message.text]
    assert asked == ["second gap: missed", "second gap: live"]


async def test_a_mention_behind_much_that_is_not_for_the_bot_is_not_missed(bench: Bench) -> None:
    """Only the oldest hundred messages were read, and those since long before the absence."""
    channel, stamp = await bench.channel(), bench.store.key("discord", "there")
    await bench.eventually(lambda: bench.store.redis.exists(stamp))
    await bench.leave()
    for number in range(110):
        await bench.discord.post("noah", channel, f"chatter {number}")
    await bench.discord.post("mia", channel, "@Switchboard behind much chatter")
    await bench.enter()
    await bench.asked("behind much chatter")
    await bench.at_rest()


async def test_a_channel_of_which_no_last_message_is_told_is_read_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that has just begun is told without; so may be any channel by a proxy that keeps little."""
    channel, stamp = await bench.channel(), bench.store.key("discord", "there")
    await bench.eventually(lambda: bench.store.redis.exists(stamp))
    await bench.leave()
    monkeypatch.setattr(bench.discord.payloads, "_last", lambda _: None)
    await bench.discord.post("mia", channel, "@Switchboard where nothing was known")
    await bench.enter()
    await bench.asked("where nothing was known")
    await bench.at_rest()


def catching_up() -> bool:
    """Whether a client still reads what was missed; discord.py names the tasks of its handlers."""
    return any(task.get_name() == "discord.py: on_ready" for task in asyncio.all_tasks())


async def test_an_end_while_it_reads_what_was_missed_leaves_that_to_the_next(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    channels = [await bench.channel() for _ in range(2)]
    stamp = bench.store.key("discord", "there")
    await bench.eventually(lambda: bench.store.redis.exists(stamp))
    await bench.leave()
    for channel in channels:
        await bench.discord.post("mia", channel, "@Switchboard missed twice")
    gate = bench.discord.will_hold("GET /channels/*/messages")
    await bench.enter()
    await bench.until(catching_up)
    await bench.leave()
    assert not catching_up()
    gate.set()
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    assert bench.scribe.question("missed twice") is None
    await bench.enter()
    await bench.asked("missed twice")
    await bench.at_rest()


async def test_a_connection_that_is_taken_up_again_has_not_read_what_was_missed_before_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It counted as there again; killed then, it left what it had not read to nobody."""
    monkeypatch.setattr("adapters.discord.missed.STAMP_SECONDS", 0.01)
    channel, stamp = await bench.channel(), bench.store.key("discord", "there")
    await bench.eventually(lambda: bench.store.redis.exists(stamp))
    await bench.leave()
    await bench.discord.post("mia", channel, "@Switchboard missed before it was taken up")
    noted = await bench.store.redis.get(stamp)
    gate = bench.discord.will_hold("GET /channels/*/messages")
    await bench.enter()
    await bench.until(catching_up)
    caplog.set_level("INFO")
    bench.discord.gateway.drop()
    await bench.until(lambda: "discord.resumed" in caplog.text)
    for _ in range(2):  # rounds of its noting, at the least
        before = await _stamps(bench)

        async def stamped(before: int = before) -> bool:
            return await _stamps(bench) > before

        await bench.eventually(stamped)
    assert await bench.store.redis.get(stamp) == noted
    await bench.leave()
    gate.set()
    await bench.enter()
    await bench.asked("missed before it was taken up")
    await bench.at_rest()


async def _stamps(bench: Bench) -> int:
    """How often Redis was told to set anything."""
    return int((await bench.store.redis.info("commandstats"))["cmdstat_set"]["calls"])


async def test_what_is_older_than_the_window_is_left(bench: Bench) -> None:
    channel = await bench.channel()
    await bench.leave()
    await bench.discord.post("mia", channel, "@Switchboard long forgotten")
    stamp = bench.store.key("discord", "there")
    await bench.store.redis.set(stamp, time.time() + 3600)  # nothing before that is missing
    await bench.enter()
    await answers(bench, "asked after that")
    assert bench.scribe.question("long forgotten") is None


async def test_of_a_long_absence_no_more_than_the_window_is_read(bench: Bench) -> None:
    channel = await bench.channel()
    await bench.leave()
    await bench.discord.post("mia", channel, "@Switchboard in the window")
    now = time.time()
    await bench.store.redis.set(bench.store.key("discord", "there"), now - 5 * WINDOW_SECONDS)
    await bench.enter()
    await bench.asked("in the window")
    reads = [c.query["after"] for c in bench.discord.calls if f"/{channel}/" in c.path and c.query]
    (since,) = [snowflake_time(int(after)).timestamp() for after in reads]
    assert now - WINDOW_SECONDS - 0.1 <= since <= time.time() - WINDOW_SECONDS
    await bench.at_rest()


async def test_commands_are_told_once_and_again_only_when_they_changed(bench: Bench) -> None:
    registry = bench.discord.registry
    told = registry.syncs
    await bench.leave()
    await bench.enter()
    assert registry.syncs == told
    key = bench.store.key("discord", "commands", bench.discord.application_id)
    await bench.store.redis.set(key, "those of another version")
    await bench.leave()
    await bench.enter()
    assert registry.syncs == told + 1


@pytest.mark.parametrize("status", [400, 403, 429])
async def test_a_failed_telling_of_commands_does_not_stop_the_bot(
    bench: Bench, status: int
) -> None:
    await bench.leave()
    key = bench.store.key("discord", "commands", bench.discord.application_id)
    await bench.store.redis.delete(key)
    bench.discord.will_refuse("PUT /applications/*", status, retry_after=600)
    await bench.enter()
    assert not await bench.store.redis.exists(key)
    await answers(bench, f"without commands {status}")


async def test_commands_are_told_again_until_discord_takes_them(bench: Bench) -> None:
    client, told = bench.lives.client, bench.discord.registry.syncs
    key = bench.store.key("discord", "commands", bench.discord.application_id)
    await bench.store.redis.delete(key)
    bench.discord.will_refuse("PUT /applications/*", 403, times=2)
    assert client is not None
    await client.tree.sync_until_told(bench.store, pause=0.01)
    assert bench.discord.registry.syncs == told + 1
    assert await bench.store.redis.exists(key)


async def test_a_refused_dial_at_the_start_is_tried_again(bench: Bench) -> None:
    await bench.leave()
    bench.discord.gateway.refuse_dials(1)
    await bench.enter()
    await answers(bench, "after a refused dial")


async def test_a_gateway_that_ends_each_connection_at_once_is_not_stormed(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """It was dialled more than a hundred times a second. What resumes and what identifies anew does not wait."""
    gateway = bench.discord.gateway
    resumed = gateway.resumes
    gateway.hang_up(2)
    gateway.drop()
    await bench.until(lambda: gateway.resumes > resumed, 30)
    assert caplog.text.count("gateway.unsteady") == 1  # before the third dial
    await answers(bench, "after two dials for nothing")
    gateway.hang_up(1)
    gateway.drop()
    await bench.until(lambda: gateway.resumes > resumed + 1, 30)
    assert caplog.text.count("gateway.unsteady") == 1  # a session stood meanwhile


async def test_rest_that_is_away_at_the_start_is_tried_again(bench: Bench) -> None:
    await bench.leave()
    bench.discord.will_refuse("GET /users/@me", 403, times=1)
    await bench.enter()
    await answers(bench, "after a closed door")


async def test_answers_go_on_without_a_gateway(bench: Bench) -> None:
    channel, gate = await bench.channel(), asyncio.Event()
    bench.scribe.will_say("All the same.", when="without a gateway", after=gate)
    await bench.discord.post("mia", channel, "@Switchboard without a gateway")
    await bench.asked("without a gateway")
    bench.discord.gateway.refuse_dials(2)
    bench.discord.gateway.drop()
    gate.set()
    await bench.discord.shows("All the same.", channel)
    await bench.discord.connected(timeout=30)
    await bench.at_rest()


async def test_two_adapters_with_one_token_make_one_answer_of_each_question(bench: Bench) -> None:
    channel = await bench.channel()
    syncs = bench.discord.registry.syncs
    async with bench.another():
        assert len(bench.discord.gateway.sessions) >= 2
        for n in range(3):
            await bench.discord.post("mia", channel, f"@Switchboard heard by two {n}")
        used = await bench.discord.slash("mia", channel, "ask", prompt="used before two")
        await bench.discord.answered(used)
        for n in range(3):
            await bench.discord.shows(f"Answer to: heard by two {n}", channel)
        await bench.at_rest()
    assert len(bench.discord.by_bot(channel)) == 4
    assert bench.discord.registry.syncs == syncs


async def test_a_channel_is_told_once_that_several_answers_are_made_in_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them told it, all at once: more often than Discord allows."""
    monkeypatch.setattr("adapters.discord.sending.TYPING_SECONDS", 3600.0)
    monkeypatch.setattr("adapters.delivery.SIGN_AFTER", 0.0)
    busy, quiet = await bench.channel(), await bench.channel()
    for n in range(6):
        await bench.discord.post("mia", busy, f"@Switchboard crowd {n}")
    await bench.discord.post("noah", quiet, "@Switchboard alone")
    for words, place in [*((f"crowd {n}", busy) for n in range(6)), ("alone", quiet)]:
        await bench.discord.shows(f"Answer to: {words}", place)
    await bench.at_rest()
    told = [c.path.split("/")[2] for c in bench.discord.calls if c.path.endswith("/typing")]
    assert (told.count(busy), told.count(quiet)) == (1, 1)


async def test_many_answers_in_one_channel_meet_no_limit_and_hold_up_no_other() -> None:
    """With Discord's limits in force: five messages in five seconds and channel."""
    async with Bench(server=DiscordServer()) as bench:
        busy, quiet = await bench.channel(), await bench.channel()
        for n in range(8):
            pieces = [f"part {n}.{m} " for m in range(20)]
            bench.scribe.will_say("".join(pieces) + "end", when=f"crowd {n}", pieces=pieces)
            await bench.discord.post("mia", busy, f"@Switchboard crowd {n}")
        await bench.discord.post("noah", quiet, "@Switchboard alone")
        await bench.discord.shows("Answer to: alone", quiet)
        shown = [m for m in bench.discord.by_bot(busy) if m.content.endswith("end")]
        assert len(shown) < 8  # the crowd still waits for its turn
        await bench.discord.when(
            lambda: (
                len([m for m in bench.discord.by_bot(busy) if m.content.endswith("end")]) == 8
                or None
            ),
            30,
        )
        await bench.at_rest()
        assert [c for c in bench.discord.calls if c.status == 429] == []
        assert not bench.discord.violations


@pytest.mark.parametrize(
    ("code", "says"), [(4004, "DISCORD_TOKEN: Discord rejects it"), (4014, "Message Content")]
)
async def test_what_no_retry_mends_ends_the_process_with_a_line(
    bench: Bench, code: int, says: str
) -> None:
    bench.discord.gateway.close(code)
    fault = await bench.fault()
    assert [says in line for line in fault.faults] == [True]
    assert fault.EXIT == 78
    await bench.leave()
    await bench.enter()


async def test_an_intent_that_the_app_lacks_ends_the_process_with_a_line() -> None:
    server = DiscordServer(limits=False, message_content_allowed=False)
    async with Bench(reads_all=True, server=server, enters=False) as bench:
        await bench.enter(ready=False)
        (line,) = (await bench.fault()).faults
        assert line.startswith("SWITCHBOARD_DISCORD_MESSAGE_CONTENT: Discord does not grant")


async def test_a_token_that_is_rejected_at_the_start_ends_the_process_with_a_line() -> None:
    async with Bench(enters=False, DISCORD_TOKEN="not.the.token") as bench:
        await bench.enter(ready=False)
        (line,) = (await bench.fault()).faults
        assert line.startswith("DISCORD_TOKEN: Discord rejects it")
        assert "not.the.token" not in line


async def test_a_server_in_an_outage_is_waited_for_and_the_others_are_not(bench: Bench) -> None:
    """READY names all servers as unavailable: what has come since is known, what has not may be in an outage."""
    state = bench.lives.born()._connection
    assert state.guild_ready_timeout == AT_ONCE, "of a bot without servers none can come"
    here, away = (
        state._add_guild_from_data({"id": id_, "unavailable": True})  # type: ignore[typeddict-item]
        for id_ in ("1", "2")
    )
    here.unavailable = False
    assert state.guild_ready_timeout == GATHERING
    away.unavailable = False
    assert state.guild_ready_timeout == AT_ONCE
