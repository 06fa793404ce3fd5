"""The command line, as somebody meets it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot import settings_pages
from bot.__main__ import main

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
    command = f"{sys.executable} -m bot config env | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_doctor_says_what_is_broken_and_ends_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {"broken"} < {finding["level"] for finding in findings}
    assert "OPENAI_API_KEY: not set" in [finding["what"] for finding in findings]


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
