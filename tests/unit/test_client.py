"""Commands that are asked at the same time travel together, and each has an answer of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import DataError, ResponseError
from redis.exceptions import TimeoutError as Unanswered

from bot.client import Client
from bot.store import connect
from tests.lossy import LossyLine


@pytest.fixture
async def line(redis_url: str, redis: Redis) -> AsyncIterator[LossyLine]:
    async with LossyLine(redis_url) as line:
        yield line


@pytest.fixture
async def client(line: LossyLine) -> AsyncIterator[Client]:
    client = connect(line.url)
    await client.ping()
    yield client
    await client.aclose()


async def connections(redis: Redis) -> int:
    return int((await redis.info("clients"))["connected_clients"])


async def test_hundred_at_the_same_time_need_one_connection_and_each_gets_its_own_answer(
    client: Client, redis: Redis
) -> None:
    before = await connections(redis)
    found = await asyncio.gather(*(client.hincrby("counts", str(n % 10)) for n in range(100)))
    assert found == [n // 10 + 1 for n in range(100)]
    assert await client.hgetall("counts") == {str(n).encode(): b"10" for n in range(10)}
    assert await connections(redis) == before


async def test_thousand_at_the_same_time_are_answered_in_their_order(client: Client) -> None:
    found = await asyncio.gather(*(client.rpush("list", n) for n in range(1000)))
    assert found == list(range(1, 1001))
    assert await client.lrange("list", 0, -1) == [str(n).encode() for n in range(1000)]


async def test_what_is_wrong_with_one_is_not_wrong_with_the_others(client: Client) -> None:
    await client.set("text", "words")
    found = await asyncio.gather(
        client.get("text"),
        client.incr("text"),
        client.set("text", None),  # type: ignore[arg-type]
        client.get("text"),
        return_exceptions=True,
    )
    assert [type(one) for one in found] == [bytes, ResponseError, DataError, bytes]


async def test_a_lost_reply_is_asked_for_again_and_what_was_answered_is_not(
    client: Client, line: LossyLine
) -> None:
    line.lose()
    found = await asyncio.gather(*(client.set("mark", n) for n in range(3)), client.get("mark"))
    assert found == [True, True, True, b"2"]
    assert line.lost == 1


async def test_whoever_is_cancelled_waits_no_more_and_the_others_do(
    client: Client, line: LossyLine
) -> None:
    one, other = (asyncio.create_task(client.set(name, 1)) for name in ("one", "other"))
    await asyncio.sleep(0)
    one.cancel()
    assert await other
    with pytest.raises(asyncio.CancelledError):
        await one
    assert b"SET\r\n$3\r\none" not in line.sent, "nobody waited for it when its turn came"


async def test_everybody_is_told_that_redis_is_away_and_served_when_it_is_back(
    line: LossyLine,
) -> None:
    client = connect(line.url, retries=0)
    await client.ping()
    line.lose()
    found = await asyncio.gather(*(client.ping() for _ in range(3)), return_exceptions=True)
    assert all(isinstance(one, Unreachable) for one in found)
    assert await client.ping()
    await client.aclose()


async def test_a_silent_redis_is_waited_for_no_longer_than_the_time_of_one_command(
    line: LossyLine,
) -> None:
    """Also where it is silent to a new connection from its first word on."""
    client = connect(line.url, timeout=0.5, retries=0)
    await served(client)
    async with line.stalled():
        for _ in range(2):
            asked = (client.set(f"name {n}", n) for n in range(10))
            found = await asyncio.gather(*asked, return_exceptions=True)
            assert {type(one) for one in found} == {Unanswered}
    await served(client)
    await client.aclose()


async def served(client: Client) -> None:
    """Until an answer comes in time, however busy the machine is."""
    async with asyncio.timeout(20):
        while True:
            with suppress(Unanswered, Unreachable):
                await client.ping()
                return


async def test_who_asks_of_a_closed_client_opens_no_connection_again(
    redis_url: str, redis: Redis
) -> None:
    """Whatever a process still does in its last moments left connections behind, open for ever where nothing ends."""
    before, client = await connections(redis), connect(redis_url)
    await client.ping()
    late = asyncio.create_task(client.blpop(["nothing"], 0))  # waits for its answer
    async with asyncio.timeout(30):
        while not (await redis.info("clients"))["blocked_clients"]:
            await asyncio.sleep(0.01)
    await client.aclose()
    for asked in (late, client.ping()):
        with pytest.raises(Unreachable):
            await asked
    async with asyncio.timeout(30):
        while await connections(redis) > before:
            await asyncio.sleep(0.01)
