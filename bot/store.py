"""The one connection of a process to Redis: named keys, and the scripts that keep what they hold true."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.driver_info import DriverInfo
from redis.exceptions import ConnectionError as Unreachable
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError
from redis.exceptions import OutOfMemoryError as FullError
from redis.exceptions import TimeoutError as Unanswered

from bot.client import Client

__all__ = ["AWAY", "FullError", "RedisError", "Store", "connect"]

AWAY = (Unreachable, Unanswered, ReadOnlyError)  # Redis cannot serve now: it passes

DRIVER = DriverInfo()  # else each connection reads redis-py's version from its metadata
SHARED = re.compile(r"^--@ (\w+)$", re.MULTILINE)
PREFIX = "switchboard:"
DAY = 86_400  # s
SEEN_TTL = DAY  # longer than every platform's redelivery
AT_TTL = 30 * DAY  # how long a thread or a reply chain is recognised as the bot's own
SECRET_TTL = 900  # of an interaction's token, which Discord honours for so long
REPLY_TTL = 7 * DAY  # of a reply that no adapter has shown yet; much less once it is delivered
REQUEST_TTL = REPLY_TTL  # of what a command came to: as long as it may be owed, and run again
DONE_TTL = (
    DAY  # of a turn and its reply after delivery: redeliveries, edits and deletions still find it
)


def epoch_ttl(log_ttl: int) -> int:
    """How long the life of a conversation is known (s): longer than any log that was written under it."""
    return max(AT_TTL, 2 * log_ttl)


def connect(url: str, *, timeout: float = 5.0, retries: int = 3, connections: int = 50) -> Redis:
    """A client for short commands: `timeout` in s for each try, binary replies, waiting for a free connection.

    redis-py repeats a command whose reply was lost, so everything sent through it must bear repetition.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=timeout,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        health_check_interval=25,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.02), retries),
        decode_responses=False,
        driver_info=DRIVER,
    )
    return Client.from_pool(pool)


@functools.cache
def scripts() -> dict[str, str]:
    """Every script by its name; a line `--@ NAME` of it stands for what several scripts share."""
    package = resources.files("bot")
    return {
        file.name.removesuffix(".lua"): SHARED.sub(
            lambda shared: (package / f"{shared[1]}.lua").read_text("utf-8"),
            file.read_text("utf-8"),
        )
        for file in (package / "scripts").iterdir()
        if file.name.endswith(".lua")
    }


@functools.cache
def _digest(source: str) -> str:
    """The name by which Redis knows a script."""
    return hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


class Store:
    """Redis as the packages of this project see it: keys under one prefix, scripts by name."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        # Any: redis-py's types hold str for all, our client answers bytes (decode_responses=False).
        self.redis: Any = redis
        self.prefix = prefix

    def key(self, *parts: str) -> str:
        return self.prefix + ":".join(parts)

    async def run(self, script: str, keys: list[str], *args: Any) -> Any:
        """One script, one round trip; loaded anew where the server does not know it (restart, SCRIPT FLUSH)."""
        source = scripts()[script]
        asked = (_digest(source), len(keys), *keys, *args)
        try:
            return await self.redis.evalsha(*asked)
        except NoScriptError:
            await self.redis.script_load(source)
            return await self.redis.evalsha(*asked)

    async def close(self) -> None:
        await self.redis.aclose()


def pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    """The fields of a hash as a script answers them."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def text(value: bytes | None) -> str:
    """What is stored, as text. Bytes that are none become signs that no id and no word of ours holds."""
    return value.decode("utf-8", "replace") if value is not None else ""
