"""What a conversation of twenty messages takes in Redis, by kind of key, beside the same messages as plain JSON."""

from __future__ import annotations

import json
from collections import defaultdict
from statistics import median
from typing import Any

from bot.conversation import unpack
from tests.benchmarks.lab import Lab
from tests.benchmarks.row import Row
from tests.benchmarks.speakers import Steady

CONVERSATIONS, QUESTIONS = 5, 10
CHARACTERS = 800  # of an answer
KB = 1000


async def rows() -> list[Row]:
    """Ten questions and ten answers in each of some threads, through the whole path."""
    async with Lab(Steady(chunks=8, seconds=0.1, characters=CHARACTERS // 8)) as lab:
        await lab.start("slack", "worker")
        roots = await lab.crowd(CONVERSATIONS, prompt(0))
        for n in range(1, QUESTIONS):
            further = [await lab.ask(one.place, prompt(n), root=one.ts) for one in roots]
            await lab.all(further)
        await lab.at_rest(60)
        sizes, kinds = await measured(lab.redis)
    logs, plain = sizes["log"], sizes["plain"]
    rest = ", ".join(f"{kind} {size / KB:.1f} kB" for kind, size in sorted(kinds.items()))
    return [
        Row(
            f"Redis memory of the log of {2 * QUESTIONS} messages",
            [size / KB for size in logs],
            "kB",
            most=6,
            beside=f"the same messages as a list of JSON texts: {median(plain) / KB:.1f} kB; answers of about"
            f" {CHARACTERS} characters of prose with Markdown",
        ),
        Row(
            "Redis memory of the whole conversation, on the day of its questions",
            [sum(kinds.values()) / KB],
            "kB",
            key="stored",
            beside=rest,
        ),
    ]


def prompt(n: int) -> str:
    return f"@Switchboard And what about point {n} of the plan that we made on Tuesday, is it still right?"


async def measured(redis: Any) -> tuple[dict[str, list[int]], dict[str, float]]:
    """Bytes of each log and of its plain form; bytes of all other keys by kind, for one conversation."""
    sizes: dict[str, list[int]] = {"log": [], "plain": []}
    kinds: dict[str, float] = defaultdict(float)
    keys = [key async for key in redis.scan_iter("switchboard:*")]
    for key in keys:
        kind = key.decode().split(":")[1]
        size = await redis.memory_usage(key, samples=0)
        if kind == "log":
            entries = await redis.lrange(key, 0, -1)
            assert len(entries) == 2 * QUESTIONS
            sizes["log"].append(size)
            sizes["plain"].append(await plain(redis, entries))
        if kind in ("log", "cost", "turn", "reply", "at", "seen", "lease", "epoch", "latest"):
            kinds[kind] += size / CONVERSATIONS
    return sizes, kinds


async def plain(redis: Any, entries: list[bytes]) -> int:
    """Bytes of a list of the same messages in JSON, as a bot keeps them that gives no thought to it."""
    for entry in entries:
        m = unpack(entry)
        fields = {
            "role": m.role,
            "content": m.text,
            "author": m.author,
            "id": m.source,
            "model": m.alias,
        }
        await redis.rpush("plain", json.dumps(fields))
    size = int(await redis.memory_usage("plain", samples=0))
    await redis.delete("plain")
    return size
