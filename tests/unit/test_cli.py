"""The command line, as somebody meets it."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from bot import settings_pages
from bot.__main__ import main
from tests.forked import untraced

ROOT = Path(__file__).parents[2]
SECRETS = {
    "REDIS_URL": "redis://user:hidden-word@127.0.0.1:1/0",
    "SLACK_BOT_TOKEN": "xoxb-1-hidden-word",
    "SLACK_APP_TOKEN": "xapp-1-hidden-word",
    "DISCORD_TOKEN": "hidden-word.of.discord",
    "OPENAI_API_KEY": "sk-hidden-word",
}


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "command", [["-m", "bot"], [str(Path(sys.executable).parent / "switchboard")]]
)
def test_both_commands_are_the_same(command: list[str]) -> None:
    start = [sys.executable, *command] if command[0] == "-m" else command
    done = subprocess.run([*start, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: switchboard ")


@pytest.mark.usefixtures("configured")
def test_config_shows_every_setting_and_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config"]) == 0
    shown = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    assert shown["SLACK_BOT_TOKEN"] == shown["OPENAI_API_KEY"] == "********"
    assert shown["REDIS_URL"] == "redis://user:********@127.0.0.1:1/0"
    assert shown["SWITCHBOARD_DEFAULT_MODEL"] == "gpt-4o  # default"
    assert shown["SWITCHBOARD_MODELS_FILE"] == "  # not set"
    assert "hidden-word" not in str(shown)


@pytest.mark.usefixtures("configured")
def test_config_with_a_fault_names_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_LEASE_SECONDS", "hidden-word")
    assert main(["config"]) == 78
    assert capsys.readouterr().err == (
        "switchboard config: SWITCHBOARD_LEASE_SECONDS: must be a number\n"
    )


def test_the_committed_example_is_the_one_that_the_settings_make() -> None:
    made = settings_pages.env_example().strip()
    assert (ROOT / ".env.example").read_text("utf-8").strip() == made, (
        "run `switchboard config env`"
    )


def test_the_readmes_table_is_the_one_that_the_settings_make() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    if "<!-- settings -->" in text:
        shown = text.partition("<!-- settings -->")[2].partition("<!-- /settings -->")[0]
        assert shown.strip() == settings_pages.readme_table().strip()


def test_a_page_that_nobody_reads_to_its_end_is_no_fault() -> None:
    command = f"{shlex.quote(sys.executable)} -m bot config env | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("token", "fault"),
    [
        ("", "not set"),
        ("hidden-word.of.discord", "is not a bot token, which names its application"),
    ],
)
def test_an_invite_needs_the_token_that_names_the_application(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, token: str, fault: str
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", token)
    assert main(["invite", "discord"]) == 78
    assert capsys.readouterr().err == f"switchboard invite: DISCORD_TOKEN: {fault}\n"


def test_the_invite_asks_for_six_permissions_and_the_slash_commands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "DISCORD_TOKEN", "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.invented-for-a-test-0123456789"
    )
    assert main(["invite", "discord"]) == 0
    shown = parse_qs(urlsplit(capsys.readouterr().out.strip()).query)
    assert shown["client_id"] == ["123456789012345678"]
    assert set(shown["scope"][0].split()) == {"bot", "applications.commands"}
    assert int(shown["permissions"][0]).bit_count() == 6


@pytest.mark.usefixtures("logging_as_it_was")
def test_doctor_says_what_is_broken_and_ends_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {"broken"} < {finding["level"] for finding in findings}
    assert "OPENAI_API_KEY: not set" in [finding["what"] for finding in findings]


@pytest.mark.usefixtures("logging_as_it_was")
def test_doctor_finds_the_fault_where_the_settings_cannot_even_be_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_ENV_FILE", "/nowhere/at.all")
    assert main(["doctor", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"] == [
        {
            "level": "broken",
            "what": "SWITCHBOARD_ENV_FILE: names a file that is not there",
            "mend": "mend the file",
        }
    ]


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "bot", "demo", "--port", port, "--no-browser"],
            capture_output=True,
            text=True,
            env=dict(os.environ),
            check=False,
        )
    assert done.returncode == 78
    assert f"switchboard demo: --port {port}: in use" in done.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads Linux's /proc")
def test_ctrl_c_while_the_demo_starts_leaves_no_traceback_and_no_folder(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "demo", "--port", "0", "--no-browser"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        text=True,
    )
    started = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not started.read_text():  # the workspaces' process
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word", ["slack", "discord", "worker"])
def test_a_process_that_is_told_to_end_while_it_starts_exits_0(word: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # a Redis that says nothing
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", word], env={**untraced(), **SECRETS, "REDIS_URL": url}
        )
        with silent.accept()[0]:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=30) == 0


@pytest.mark.usefixtures("logging_as_it_was")
def test_up_tells_every_fault_of_every_process_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCHBOARD_LEASE_SECONDS", "hidden-word")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "hidden-word")
    assert main(["up"]) == 78
    told = capsys.readouterr().err
    assert sorted(line.split(": ")[1] for line in told.splitlines()) == [
        "OPENAI_API_KEY",
        "SLACK_APP_TOKEN",
        "SLACK_BOT_TOKEN",
        "SWITCHBOARD_LEASE_SECONDS",
    ]
    assert "hidden-word" not in told


@pytest.mark.usefixtures("logging_as_it_was")
def test_up_says_why_its_folder_cannot_be_used(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").touch()
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, SECRETS[name])
    monkeypatch.setenv("SWITCHBOARD_STATE_DIR", str(tmp_path / "file" / "state"))
    monkeypatch.setenv("SWITCHBOARD_LOG_LEVEL", "ERROR")
    assert main(["up"]) == 78
    folder = tmp_path / "file" / "state"
    assert capsys.readouterr().err == (
        f"switchboard up: SWITCHBOARD_STATE_DIR: {folder} cannot be used (Not a directory)\n"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["slak"], "invalid choice: 'slak'"),
        ([], "required: WORD"),
        (["up", "--workers", "0"], "must be a whole number from 1"),
        (["worker", "--concurrency", "many"], "must be a whole number from 1"),
        (["demo", "--port", "65536"], "must be a port"),
        (["manifest", "discord"], "invalid choice: 'discord'"),
        (["config", "all"], "invalid choice: 'all'"),
    ],
)
def test_a_line_that_cannot_be_understood_says_why_and_ends_with_two(
    line: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.split() == ["switchboard", version("switchboard-bot")]


def test_sigterm_ends_what_is_still_starting_wherever_it_comes() -> None:
    """In the middle of a clearing away it was dropped, and the worker started all the same: `up` waited for its end
    until its patience was over."""
    clearing = """
import os, signal, time
from bot.__main__ import _ends_in_order

class Cleared:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0)

_ends_in_order()
Cleared()
raise SystemExit(1)
"""
    assert subprocess.run([sys.executable, "-c", clearing], check=False).returncode == 0
