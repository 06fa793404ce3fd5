"""What was missed: one channel that nobody can read keeps nothing from being heard."""

from __future__ import annotations

import asyncio
import time

import discord
import pytest
from redis.asyncio import Redis

from adapters.discord.missed import REMEMBERED, Missed
from bot.store import Store


async def test_a_channel_that_the_library_cannot_read_holds_nothing_up(redis: Redis) -> None:
    """Else what is heard from then on would never be noted as heard, and each message would wait for what was missed.
    A client that never logged in meets a fault here that discord.py does not translate."""
    store = Store(redis)
    there, places = store.key("discord", "there"), store.key("discord", "places")
    before = time.time() - 60
    await redis.set(there, before)
    await redis.zadd(places, {"@me:1": before})
    missed, heard = Missed(store), list[discord.Message]()

    async def hear(message: discord.Message) -> None:
        heard.append(message)

    await missed.catch_up(discord.Client(intents=discord.Intents.none()), hear)
    noting = asyncio.create_task(missed.note())
    async with asyncio.timeout(30):
        while float(await redis.get(there) or 0) == before:
            await asyncio.sleep(0.01)
    noting.cancel()
    assert heard == []


async def test_of_the_places_where_it_was_asked_the_latest_are_kept(redis: Redis) -> None:
    store = Store(redis)
    missed, places = Missed(store), store.key("discord", "places")
    for channel in range(REMEMBERED + 1):
        await missed.remember(None if channel % 2 else "7", str(channel))
    noting = asyncio.create_task(missed.note())
    async with asyncio.timeout(10):
        while await redis.zcard(places) > REMEMBERED or await redis.ttl(places) < 0:
            await asyncio.sleep(0.01)
    noting.cancel()
    assert await redis.zrevrange(places, 0, 1) == [b"7:200", b"@me:199"]


async def test_a_redis_that_does_not_answer_is_asked_again_what_was_missed(
    redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """It was given up once, and what had been written in a gap of ten seconds stayed without an answer."""
    store = Store(redis)
    there, places = store.key("discord", "there"), store.key("discord", "places")
    await redis.hset(there, "not", "to be read")  # an error of Redis's, as good as any
    await redis.zadd(places, {"@me:1": time.time()})
    client = discord.Client(intents=discord.Intents.none())
    looked: list[str] = []

    async def looks(event: str, *_: object) -> None:
        looked.append(event)

    client.on_error = looks  # type: ignore[method-assign]  # it never logged in: whatever it reads is a fault
    catching_up = asyncio.create_task(Missed(store).catch_up(client, client.on_error))
    async with asyncio.timeout(30):
        while "missed.waits" not in caplog.text:
            await asyncio.sleep(0.01)
    await redis.delete(there)
    await redis.set(there, time.time() - 60)
    await catching_up
    assert looked == ["history"]
