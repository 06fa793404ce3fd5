"""What is given up becomes a dead letter for the operator: what it was, its reference and why, never its words."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Iterable

from bot.store import RedisError, Store

log = logging.getLogger(__name__)

KEPT = 1000  # the newest dead letters


def letter(why: str, **facts: str | int) -> str:
    """One dead letter."""
    return json.dumps({"why": why, **facts, "at": int(time.time())})


def digest(data: bytes) -> str:
    """How a log or a dead letter names what must not be shown."""
    return hashlib.sha256(data).hexdigest()[:12]


async def bury(store: Store, dead: str) -> None:
    """Keep a dead letter for the operator."""
    name = store.key("dead")
    async with store.redis.pipeline(transaction=False) as pipe:
        pipe.rpush(name, dead)
        pipe.ltrim(name, -KEPT, -1)
        await pipe.execute()


async def malformed(store: Store, event: str) -> bool:
    """Keep a dead letter of a platform's event that nobody can read, by its id; False: Redis did not take it."""
    try:
        await bury(store, letter("malformed", event=event))
    except (RedisError, OSError) as error:
        log.warning("event.unburied id=%s error=%s", event, type(error).__name__)
        return False
    return True


async def sound(
    store: Store, name: str, found: Iterable[bytes], form: re.Pattern[bytes]
) -> list[str]:
    """The members of a sorted set that have the form of such a member; others are taken out of it and buried."""
    good = []
    for member in found:
        if form.fullmatch(member):
            good.append(member.decode())
            continue
        log.error("store.garbage key=%s member=%s", name, digest(member))
        await store.redis.zrem(name, member)
        await bury(store, letter("garbage", key=name, member=digest(member)))
    return good
