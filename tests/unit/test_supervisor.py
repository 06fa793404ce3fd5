"""The supervisor, with real child processes: small programs that say what they see."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bot.environment import environment
from bot.errors import SettingsError
from bot.settings import DiscordSettings, SlackSettings, WorkerSettings
from bot.supervisor import Child, Supervisor, child_environment, children, configured
from tests.forked import untraced

WAITS = "import signal; signal.pause()"
DRAINS = "import signal, sys; signal.signal(15, lambda *_: sys.exit(0)); print(1); signal.pause()"
IGNORES = """
import pathlib, signal, sys
signal.signal(15, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch()
while True: signal.pause()
"""

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-1-invented-for-a-test",
    "SLACK_APP_TOKEN": "xapp-1-invented-for-a-test",
    "DISCORD_TOKEN": "invented.discord.token",
    "OPENAI_API_KEY": "sk-invented-for-a-test",
}


def child(name: str, program: str, *arguments: str) -> Child:
    return Child(name, (sys.executable, "-c", program, *arguments), untraced())


@contextlib.asynccontextmanager
async def supervised(
    *found: Child, drain: float = 5
) -> AsyncIterator["tuple[Supervisor, asyncio.Task[int]]"]:
    supervisor = Supervisor(found, drain=drain)
    running = asyncio.create_task(supervisor.run())
    try:
        yield supervisor, running
    finally:
        supervisor.stop()
        supervisor.stop()
        await running


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_child_that_dies_is_started_again() -> None:
    async with supervised(child("worker", WAITS)) as (supervisor, _):
        await until(lambda: supervisor.pids)
        first = supervisor.pids["worker"]
        os.kill(first, signal.SIGKILL)
        await until(lambda: supervisor.pids.get("worker", first) != first)


async def test_a_child_that_ends_by_itself_is_started_again(tmp_path: Path) -> None:
    counts = "import sys, pathlib; f = pathlib.Path(sys.argv[1]); f.write_text(f.read_text() + 'x')"
    (tmp_path / "runs").write_text("")
    async with supervised(child("worker", counts, str(tmp_path / "runs"))):
        await until(lambda: len((tmp_path / "runs").read_text()) >= 2)


async def test_a_child_with_wrong_settings_ends_everything_with_its_code() -> None:
    async with supervised(child("slack", "raise SystemExit(78)"), child("worker", WAITS)) as (
        _,
        running,
    ):
        assert await asyncio.wait_for(running, 30) == SettingsError.EXIT


async def test_stopping_lets_the_children_end_in_their_own_way() -> None:
    async with supervised(child("slack", DRAINS), child("worker", DRAINS)) as (supervisor, running):
        await until(lambda: len(supervisor.pids) == 2)
        supervisor.stop()
        assert await asyncio.wait_for(running, 30) == 0


TELLS = """
import pathlib, signal, sys
log = open(sys.argv[2], "a", buffering=1)
def told(*_):
    log.write(f"{sys.argv[1]} told\\n")
    if sys.argv[1] == "worker":
        while not pathlib.Path(sys.argv[3]).exists(): pass
        log.write("worker over\\n")
    sys.exit(0)
signal.signal(15, told)
log.write(f"{sys.argv[1]} there\\n")
while True: signal.pause()
"""


async def test_what_shows_answers_ends_after_what_makes_them(tmp_path: Path) -> None:
    log, more = tmp_path / "log", tmp_path / "more"
    log.touch()
    slack = child("slack", TELLS, "slack", str(log), str(more))
    worker = child("worker", TELLS, "worker", str(log), str(more))
    async with supervised(replace(slack, last=True), worker, drain=60) as (supervisor, running):
        await until(lambda: log.read_text().count("there") == 2)
        supervisor.stop()
        await until(lambda: "worker told" in log.read_text())
        more.touch()
        assert await asyncio.wait_for(running, 30) == 0
    assert log.read_text().splitlines()[2:] == ["worker told", "worker over", "slack told"]


async def test_what_makes_answers_cannot_keep_the_others_for_ever(tmp_path: Path) -> None:
    log, never = tmp_path / "log", tmp_path / "never"
    log.touch()
    slack = child("slack", TELLS, "slack", str(log), str(never))
    worker = child("worker", TELLS, "worker", str(log), str(never))
    async with supervised(replace(slack, last=True), worker, drain=0) as (supervisor, running):
        await until(lambda: log.read_text().count("there") == 2)
        supervisor.stop()
        await until(lambda: "slack told" in log.read_text())
        supervisor.stop()
        assert await asyncio.wait_for(running, 30) == 1


async def test_a_second_signal_kills_what_does_not_end(tmp_path: Path) -> None:
    deaf = child("worker", IGNORES, str(tmp_path / "deaf"))
    async with supervised(deaf, drain=60) as (supervisor, running):
        await until((tmp_path / "deaf").exists)
        supervisor.stop()
        supervisor.stop()
        assert await asyncio.wait_for(running, 30) == 1


async def test_children_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    program = f"""
import asyncio, os, sys
from bot.supervisor import Child, Supervisor
command = (sys.executable, "-m", "bot.tether", "tethered", {str(tmp_path)!r})
child = Child("worker", command, dict(os.environ, PYTHONPATH={str(tmp_path)!r}))
asyncio.run(Supervisor([child], drain=5).run())
"""
    (tmp_path / "tethered.py").write_text(
        "import os, pathlib, signal, sys\n"
        "place = pathlib.Path(sys.argv[1])\n"
        "signal.signal(15, lambda *_: (place.joinpath('drained').touch(), sys.exit(0)))\n"
        "place.joinpath('up').touch()\n"
        "while True: signal.pause()\n"
    )
    supervisor = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    await until((tmp_path / "up").exists)
    supervisor.kill()
    await supervisor.wait()
    await until((tmp_path / "drained").exists)


async def test_a_child_that_cannot_be_started_yet_is_nobody_elses_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    away = Child("slack", ("/nowhere/at/all",), {})
    async with supervised(away, child("worker", WAITS)) as (supervisor, running):
        await until(lambda: caplog.text.count("child.not_started process=slack") >= 2)
        assert supervisor.pids.keys() == {"worker"}
        assert not running.done()


async def test_a_signal_that_was_ignored_from_the_start_stays_so() -> None:
    """As `nohup switchboard up &` wants it."""
    supervisor = Supervisor([], drain=0)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        supervisor.obey_signals()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    finally:
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().remove_signal_handler(name)
        signal.signal(signal.SIGHUP, before)
        supervisor.stop()
        await supervisor.run()


@pytest.fixture
def all_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**SECRETS, "REDIS_URL": "redis://:pass@127.0.0.1:1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "invented")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "invented")


@pytest.mark.usefixtures("all_configured")
def test_each_child_sees_its_own_secrets_and_no_other_and_adapters_end_last() -> None:
    found = {c.name: c for c in children(configured()[1], 2, environment())}
    assert sorted(found) == ["discord", "slack", "worker-1", "worker-2"]
    seen = {}
    for name, one in found.items():
        shows = "import json, os; print(json.dumps(dict(os.environ)))"
        done = subprocess.run(
            [sys.executable, "-c", shows],
            env=dict(one.environment),
            capture_output=True,
            check=True,
        )
        seen[name] = json.loads(done.stdout)
    secret = {name: {n for n in SECRETS if n in shown} for name, shown in seen.items()}
    assert secret == {
        "slack": {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"},
        "discord": {"DISCORD_TOKEN"},
        "worker-1": {"OPENAI_API_KEY"},
        "worker-2": {"OPENAI_API_KEY"},
    }
    assert {name for name, one in found.items() if one.last} == {"slack", "discord"}
    for shown in seen.values():
        assert shown["SWITCHBOARD_ENV_FILE"] == os.devnull
        assert not {"SLACK_CLIENT_SECRET", "AWS_SECRET_ACCESS_KEY"} & shown.keys()


def test_a_child_sees_what_the_file_holds_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.env").write_text(
        "DISCORD_TOKEN=from.the.file\nOPENAI_API_KEY=sk-of-the-file\n"
    )
    monkeypatch.setenv("SWITCHBOARD_ENV_FILE", str(tmp_path / "own.env"))
    given = environment()
    assert (
        child_environment(DiscordSettings.names(given), given)["DISCORD_TOKEN"] == "from.the.file"
    )
    assert "OPENAI_API_KEY" not in child_environment(SlackSettings.names(given), given)
    assert "OPENAI_API_KEY" in child_environment(WorkerSettings.names(given), given)


def test_without_any_platform_there_is_nothing_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    with pytest.raises(SettingsError) as caught:
        configured()
    assert any(
        fault.startswith("SLACK_BOT_TOKEN, DISCORD_TOKEN: ") for fault in caught.value.faults
    )


def test_half_a_platform_is_a_fault_and_not_a_platform_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-1-invented-for-a-test")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-invented-for-a-test")
    with pytest.raises(SettingsError) as caught:
        configured()
    assert caught.value.faults == ["SLACK_BOT_TOKEN: not set"]
