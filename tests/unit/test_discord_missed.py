"""What was missed: one channel that nobody can read keeps nothing from being heard."""

from __future__ import annotations

import asyncio
import time

import discord
from redis.asyncio import Redis

from adapters.discord.missed import Missed
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
    async with asyncio.timeout(10):
        while float(await redis.get(there) or 0) == before:
            await asyncio.sleep(0.01)
    noting.cancel()
    assert heard == []
