"""The doctor: each fault of settings, of Redis and of a check becomes a line with its mend."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from datetime import date
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from bot import doctor, redis_checks
from bot.doctor import Finding
from bot.embedded import EmbeddedRedis
from bot.errors import SettingsError
from bot.models import Catalog
from bot.models_check import default_model
from bot.queue_check import check as celery_check
from bot.settings import Settings, UpSettings

DISCORD = "hidden.word.of-discord"


pytestmark = pytest.mark.usefixtures("logging_as_it_was")


def levels(findings: list[Finding]) -> dict[str, str]:
    return {finding.what: finding.level for finding in findings}


def test_the_worst_finding_decides_the_exit_code() -> None:
    ok, warning, broken = Finding("ok", "a"), Finding("warning", "b"), Finding("broken", "c")
    assert [doctor.EXIT[doctor.worst(f)] for f in ([ok], [ok, warning], [broken, warning])] == [
        0,
        2,
        1,
    ]


def test_a_mistyped_setting_is_a_warning_that_names_the_nearest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SWITCHBOARD_LEASE_SECOND", "9")
    found = [f for f in doctor.examine() if f.what.startswith("SWITCHBOARD_LEASE_SECOND")]
    assert [(f.level, f.mend) for f in found] == [
        ("warning", "did you mean SWITCHBOARD_LEASE_SECONDS?")
    ]


@pytest.mark.parametrize(("mode", "told"), [(0o600, False), (0o644, True)])
def test_a_file_of_secrets_that_others_can_read_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, told: bool
) -> None:
    file = tmp_path / "own.env"
    file.touch(mode)
    monkeypatch.setenv("SWITCHBOARD_ENV_FILE", str(file))
    mends = [finding.mend for finding in doctor.examine()]
    assert (f"chmod 600 {file}" in mends) is told


def test_without_a_redis_named_the_one_that_up_would_run_is_said() -> None:
    assert any(
        f.what.startswith("redis: REDIS_URL is not set, `up` runs") for f in doctor.examine()
    )


def test_no_finding_holds_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:hidden-word@127.0.0.1:1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hidden-word")
    monkeypatch.setenv("SWITCHBOARD_DRAIN_SECONDS", "hidden-word")
    assert "hidden-word" not in "\n".join(map(str, doctor.examine()))


async def test_a_redis_as_up_runs_it_is_fine(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    found = await redis_checks.check(Settings(redis_url=await server.start()))
    await server.stop()
    assert {finding.level for finding in found} == {"ok"}
    assert any("appendfsync always" in finding.what for finding in found)


async def test_a_redis_that_forgets_is_named(redis: Redis) -> None:
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        found = levels(await redis_checks.server_findings(redis))
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")
    assert found["redis: no append-only file, a restart loses what waits"] == "warning"
    policy = "redis: maxmemory-policy allkeys-lru may throw away questions when memory is full"
    assert found[policy] == "broken"


async def test_a_redis_that_is_not_there_is_broken() -> None:
    (finding,) = await redis_checks.check(UpSettings(redis_url="redis://127.0.0.1:1"))
    assert finding.level == "broken"
    assert finding.what.startswith("REDIS_URL: the server does not answer")


async def test_a_wrong_password_is_told_apart(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path, appendfsync=None)
    async with Redis.from_url(await server.start()) as client:
        await client.config_set("requirepass", "right")
        url = f"{server.url}?password=wrong"
        (finding,) = await redis_checks.check(UpSettings(redis_url=url))
    await server.stop()
    assert finding.what == "REDIS_URL: the server refuses the password"


async def test_a_user_who_may_not_ask_is_told_what_to_be_allowed(
    redis: Redis, redis_url: str
) -> None:
    await redis.acl_setuser("guest", enabled=True, passwords=["+hidden-word"], commands=["+ping"])
    parts = urlsplit(redis_url)
    url = parts._replace(netloc=f"guest:hidden-word@{parts.netloc.rpartition('@')[2]}").geturl()
    try:
        (finding,) = await redis_checks.check(UpSettings(redis_url=url))
        await redis_checks.at_start(Settings(redis_url=url))
    finally:
        await redis.acl_deluser("guest")
    assert (finding.level, "+info" in finding.mend) == ("warning", True)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://redis:6379/0", True),
        ("redis://user@redis:6379", True),
        ("rediss://:hidden-word@redis:6379", False),
        ("redis://127.0.0.1:6379", False),
        ("unix:///run/redis.sock", False),
    ],
)
def test_a_server_that_anybody_can_reach_is_a_warning(url: str, told: bool) -> None:
    assert [finding.level for finding in redis_checks._door(url)] == ["warning"] * told


@contextlib.asynccontextmanager
async def old_server() -> AsyncIterator[str]:
    """Speaks as much of the protocol as is needed to say that it is Redis 6.2."""
    info = b"redis_version:6.2.14\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n"
    answers = {
        b"INFO": b"$%d\r\n%s\r\n" % (len(info), info),
        b"TIME": b"*2\r\n$1\r\n1\r\n$1\r\n0\r\n",
    }

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            words = []
            for _ in range(int(line[1:])):
                await reader.readline()
                words.append((await reader.readline()).strip().upper())
            writer.write(answers.get(words[0], b"-ERR unknown command\r\n"))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"redis://127.0.0.1:{port}?protocol=2"


async def test_a_process_does_not_start_on_a_server_that_is_too_old() -> None:
    async with old_server() as url:
        with pytest.raises(SettingsError) as caught:
            await redis_checks.at_start(Settings(redis_url=url))
    assert caught.value.faults == ["REDIS_URL: version 6.2.14 is older than 7.0"]


async def test_a_process_starts_where_the_server_is_away_and_logs_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await redis_checks.at_start(Settings(redis_url="redis://127.0.0.1:1"))
    assert (
        "redis.finding what=REDIS_URL: the server does not answer (ConnectionError)" in caplog.text
    )


async def test_a_process_that_starts_logs_what_is_not_well(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    await redis_checks.at_start(Settings(redis_url=redis_url))
    assert "redis.finding what=redis: no append-only file" in caplog.text


@pytest.mark.parametrize(
    ("version", "level"), [("6.2.14", "broken"), ("7.0.0", "ok"), ("8.2.3", "ok"), ("", "broken")]
)
def test_the_servers_version_decides(version: str, level: str) -> None:
    assert redis_checks._version(version).level == level


def test_a_clock_out_of_step_is_a_warning() -> None:
    assert redis_checks._clock(0.2).level == "ok"
    assert redis_checks._clock(600).level == "warning"


async def test_celery_speaks_json_only() -> None:
    assert await celery_check(UpSettings()) == [Finding("ok", "celery: JSON only")]


@pytest.mark.parametrize(
    ("day", "level"), [("2026-03-01", "ok"), ("2027-01-01", "warning"), ("2027-02-01", "warning")]
)
def test_the_default_models_end_is_told_in_time(day: str, level: str) -> None:
    finding = default_model(Catalog.load(None), "gpt-4o", date.fromisoformat(day))
    assert finding.level == level
    assert "gpt-4o" in finding.what


async def failing(settings: Any) -> list[Finding]:
    raise RuntimeError("xoxb-with-a-secret-in-it")


async def hanging(settings: Any) -> list[Finding]:
    await asyncio.Event().wait()
    return []


async def test_a_check_that_fails_is_a_finding_without_the_exceptions_text() -> None:
    entry = EntryPoint("mine", f"{__name__}:failing", "switchboard.checks")
    (finding,) = await doctor._one(entry, UpSettings())
    assert finding.level == "broken"
    assert finding.what == "mine: the check itself failed (RuntimeError)"


async def test_nothing_is_asked_before_every_check_is_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What an import takes on a slow machine counted against the servers that others had asked: they seemed away."""
    (tmp_path / "imported_late.py").write_text("async def check(settings):\n    return []\n")
    monkeypatch.syspath_prepend(tmp_path)
    entries = [
        EntryPoint("a", f"{__name__}:tells_what_is_imported", "switchboard.checks"),
        EntryPoint("b", "imported_late:check", "switchboard.checks"),
    ]
    monkeypatch.setattr(doctor, "entry_points", lambda group: entries)
    found, _ = await doctor._checked({"": UpSettings()})
    assert found == [Finding("ok", "imported")]


async def tells_what_is_imported(settings: Any) -> list[Finding]:
    return [Finding("ok", "imported" if "imported_late" in sys.modules else "not yet")]


async def test_a_check_that_hangs_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECK_LIMIT", 0.05)
    entry = EntryPoint("mine", f"{__name__}:hanging", "switchboard.checks")
    (finding,) = await doctor._one(entry, UpSettings())
    assert finding.what == "mine: no answer within 0.05 s"
