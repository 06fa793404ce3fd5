"""A Redis becomes findings: reachable, new enough, keeping what it is given, and in step with our clock."""

import re
import time
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError

from bot.doctor import Finding
from bot.errors import SettingsError
from bot.redis_programs import MIN_VERSION, find_server
from bot.settings import Settings

ANSWER_LIMIT = 5.0  # s
CLOCK_SKEW = 5.0  # s; leases follow Redis's clock, dates in messages ours


async def check(settings: Settings) -> list[Finding]:
    """What `doctor` says of the configured server, or of the one that `up` would run."""
    if not settings.redis_url:
        try:
            binary, version = find_server()
        except SettingsError as error:
            return [Finding("broken", fault) for fault in error.faults]
        return [
            Finding("ok", f"redis: REDIS_URL is not set, `up` runs its own ({binary} {version})")
        ]
    client = Redis.from_url(
        settings.redis_url, socket_timeout=ANSWER_LIMIT, socket_connect_timeout=ANSWER_LIMIT
    )
    try:
        return await server_findings(client)
    except (RedisError, OSError) as error:
        if isinstance(error.__cause__ or error, AuthenticationError):
            mend = "mend the user and password in it"
            return [Finding("broken", "REDIS_URL: the server refuses the password", mend)]
        what = f"REDIS_URL: the server does not answer ({type(error).__name__})"
        return [Finding("broken", what, "start it, or mend the address")]
    finally:
        await client.aclose()


async def server_findings(client: Redis) -> list[Finding]:
    """What is to be said of a server that answers; raises RedisError if it does not."""
    info: dict[str, Any] = await client.info()
    before = time.time()
    seconds, microseconds = await client.time()
    skew = abs(seconds + microseconds / 1e6 - (before + time.time()) / 2)
    return [
        _version(str(info.get("redis_version", ""))),
        _policy(str(info.get("maxmemory_policy", ""))),
        await _durability(client, int(info.get("aof_enabled", 0))),
        *_topology(int(info.get("cluster_enabled", 0))),
        _clock(skew),
    ]


def _version(text: str) -> Finding:
    numbers = tuple(int(n) for n in re.findall(r"\d+", text)[:2])
    if numbers < MIN_VERSION:
        return Finding("broken", f"redis: version {text} is older than 7.0", "upgrade it")
    return Finding("ok", f"redis: version {text}")


def _policy(policy: str) -> Finding:
    if policy == "noeviction":
        return Finding("ok", "redis: maxmemory-policy noeviction")
    return Finding(
        "broken",
        f"redis: maxmemory-policy {policy} may throw away questions when memory is full",
        "set maxmemory-policy noeviction",
    )


async def _durability(client: Redis, aof: int) -> Finding:
    if not aof:
        return Finding(
            "warning",
            "redis: no append-only file, a restart loses what waits",
            "set appendonly yes and appendfsync everysec or always",
        )
    try:
        fsync = (await client.config_get("appendfsync")).get("appendfsync", "unknown")
    except RedisError:  # a hosted server that hides its configuration
        return Finding("ok", "redis: append-only file on")
    if fsync == "no":
        return Finding(
            "warning",
            "redis: appendfsync no, a power cut may lose half a minute",
            "set appendfsync everysec or always",
        )
    return Finding("ok", f"redis: append-only file on, appendfsync {fsync}")


def _topology(cluster: int) -> list[Finding]:
    if not cluster:
        return []
    mend = "use one server or a fail-over pair: the scripts touch several keys at once"
    return [Finding("broken", "redis: a cluster cannot be used", mend)]


def _clock(skew: float) -> Finding:
    if skew > CLOCK_SKEW:
        what = f"redis: its clock and this machine's differ by {skew:.0f} s"
        return Finding("warning", what, "run a time service (NTP) on both")
    return Finding("ok", "redis: clock in step")
