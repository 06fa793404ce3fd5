"""A Redis becomes findings: reachable, new enough, keeping what it is given, closed to others, in step with our clock.

`doctor` shows them all; a process that starts logs what is not well, and does not start on a server that can never do.
"""

import logging
import re
import time
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from bot import forms
from bot.doctor import Finding
from bot.errors import SettingsError
from bot.proxies import is_loopback
from bot.redis_programs import MIN_VERSION, find_server
from bot.settings import Settings

log = logging.getLogger(__name__)

ANSWER_LIMIT = 5.0  # s
START_LIMIT = 2.0  # s; a server that is away at the start may come back, each process waits for it in its own way
CLOCK_SKEW = 5.0  # s; leases follow Redis's clock, dates in messages ours


class Never(Finding):
    """What no waiting mends."""


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
    found = await _answers(settings.redis_url, ANSWER_LIMIT)
    answers = any(finding.level == "ok" for finding in found)
    return [*found, *(_door(settings.redis_url) if answers else [])]


def _door(url: str) -> list[Finding]:
    """Whoever else can reach the server."""
    host = urlsplit(url).hostname
    if host is None or is_loopback(host) or forms.passwords(url):
        return []
    what = "redis: asks for no password; whoever reaches it reads what is kept of conversations"
    return [Finding("warning", what, "set one, unless only these processes reach it")]


async def at_start(settings: Settings) -> None:
    """Logs what is not well; raises SettingsError for a server on which nothing would ever work."""
    found = await _answers(settings.redis_url, START_LIMIT)
    if never := [finding for finding in found if isinstance(finding, Never)]:
        whats = (finding.what.partition(": ")[2] for finding in never)
        raise SettingsError([f"REDIS_URL: {what}" for what in whats])
    for finding in found:
        if finding.level != "ok":
            log.warning("redis.finding what=%s", finding.what)


async def _answers(url: str, limit: float) -> list[Finding]:
    """Of one try."""
    once = Retry(NoBackoff(), 0)
    client = Redis.from_url(url, socket_timeout=limit, socket_connect_timeout=limit, retry=once)
    try:
        return await server_findings(client)
    except NoPermissionError:
        what = "REDIS_URL: its user may not ask how the server is set up"
        return [
            Finding("warning", what, "allow it +info, +time and +config|get, or ask as another")
        ]
    except (RedisError, OSError) as error:
        if isinstance(error.__cause__ or error, AuthenticationError):
            mend = "mend the user and password in it"
            return [Never("broken", "REDIS_URL: the server refuses the password", mend)]
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
        return Never("broken", f"redis: version {text} is older than 7.0", "upgrade it")
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
    return [Never("broken", "redis: a cluster cannot be used", mend)]


def _clock(skew: float) -> Finding:
    if skew > CLOCK_SKEW:
        what = f"redis: its clock and this machine's differ by {skew:.0f} s"
        return Finding("warning", what, "run a time service (NTP) on both")
    return Finding("ok", "redis: clock in step")
