"""Settings: what each process reads, and how a fault reads."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from bot.environment import environment, forget_secrets, load
from bot.errors import SettingsError
from bot.forms import Admin, masked
from bot.settings import (
    AdapterSettings,
    DiscordSettings,
    Settings,
    SlackSettings,
    UpSettings,
    WorkerSettings,
)
from tests.forked import untraced

REDIS = {"REDIS_URL": "redis://127.0.0.1:6379/0"}
SLACK = {
    **REDIS,
    "SLACK_BOT_TOKEN": "xoxb-1-invented-for-a-test",
    "SLACK_APP_TOKEN": "xapp-1-invented-for-a-test",
}
DISCORD = {
    **REDIS,
    "DISCORD_TOKEN": "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.invented-for-a-test-0123456789",
}
WORKER = {**REDIS, "OPENAI_API_KEY": "sk-invented-for-a-test"}
ALL = {**SLACK, **DISCORD, **WORKER}

Given = Callable[..., None]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """Sets names of the environment for one test."""

    def set_names(*tables: dict[str, str], **names: str) -> None:
        for table in (*tables, names):
            for name, value in table.items():
                monkeypatch.setenv(name, value)

    return set_names


def faults(kind: type[Settings]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(kind)
    return caught.value.faults


def test_the_defaults_are_those_of_the_interface(given: Given) -> None:
    given(ALL)
    slack, discord, worker = load(SlackSettings), load(DiscordSettings), load(WorkerSettings)
    assert slack.slack_api_url == "https://slack.com/api/"
    assert (slack.slack_command, slack.slack_stream, slack.slack_external) == (
        "/ai",
        "update",
        "refuse",
    )
    assert discord.discord_api_url == "https://discord.com/api/v10"
    assert discord.discord_message_content is False
    assert (worker.default_model, worker.lease_seconds, worker.drain_seconds) == ("gpt-4o", 8, 25)


@pytest.mark.parametrize(
    ("kind", "own"), [(SlackSettings, SLACK), (DiscordSettings, DISCORD), (WorkerSettings, WORKER)]
)
def test_a_process_holds_no_secret_of_another(
    given: Given, kind: type[Settings], own: dict[str, str]
) -> None:
    given(ALL)
    assert load(kind).secrets == {value for name, value in own.items() if name != "REDIS_URL"}


def test_settings_cannot_be_changed_and_show_nothing_of_themselves(given: Given) -> None:
    given(SLACK, REDIS_URL="redis://:hidden-password@127.0.0.1:6379")
    settings = load(SlackSettings)
    with pytest.raises(ValidationError):
        settings.prefix = "other:"  # type: ignore[misc]  # that it is refused is the point
    assert "hidden" not in f"{settings!r} {settings}"
    assert "invented" not in f"{settings!r} {settings}"
    assert "hidden-password" in settings.secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:1/0", "redis://host:1/0"),
        ("redis://:p%40ss@host:1", "redis://:********@host:1"),
        ("rediss://user:p%40ss@host/0?a=b", "rediss://user:********@host/0?a=b"),
        ("unix:///run/r.sock?db=1&password=p%40ss", "unix:///run/r.sock?db=1&password=********"),
        ("redis://word@host:1/0", "redis://********@host:1/0"),
    ],
)
def test_the_password_of_an_address_is_a_secret(given: Given, url: str, shown: str) -> None:
    given(REDIS_URL=url)
    assert masked(url) == shown
    assert load(Settings).secrets == ({"p%40ss", "p@ss"} if "p%40ss" in url else set())


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        (Settings, ["REDIS_URL"]),
        (SlackSettings, ["REDIS_URL", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"]),
        (DiscordSettings, ["REDIS_URL", "DISCORD_TOKEN"]),
        (WorkerSettings, ["REDIS_URL", "OPENAI_API_KEY"]),
        (UpSettings, []),
    ],
)
def test_each_process_names_what_it_lacks(kind: type[Settings], missing: list[str]) -> None:
    if missing:
        assert faults(kind) == [f"{name}: not set" for name in missing]
    else:
        load(kind)


def test_the_password_of_any_address_is_a_secret(given: Given) -> None:
    given(DISCORD, DISCORD_API_URL="https://user:hidden-word@proxy.example/api")
    assert "hidden-word" in load(DiscordSettings).secrets


def test_an_empty_text_is_not_set(given: Given) -> None:
    given(DISCORD, DISCORD_TOKEN="", DISCORD_API_URL="", SWITCHBOARD_LEASE_SECONDS="")
    assert faults(DiscordSettings) == ["DISCORD_TOKEN: not set"]


def test_the_environment_comes_before_the_file(
    given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("REDIS_URL=redis://file\nSWITCHBOARD_PREFIX=file:\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWITCHBOARD_ENV_FILE")
    given(SWITCHBOARD_PREFIX="environment:")
    settings = load(Settings)
    assert (settings.redis_url, settings.prefix) == ("redis://file", "environment:")


def test_an_empty_name_in_the_environment_does_not_hide_the_file(
    given: Given, tmp_path: Path
) -> None:
    (tmp_path / "own.env").write_text("REDIS_URL=redis://file\n")
    given(SWITCHBOARD_ENV_FILE=str(tmp_path / "own.env"), REDIS_URL="")
    assert load(Settings).redis_url == "redis://file"


def test_a_named_file_that_is_missing_is_a_fault(given: Given) -> None:
    given(REDIS, SWITCHBOARD_ENV_FILE="/nowhere/at.all")
    assert faults(Settings) == ["SWITCHBOARD_ENV_FILE: names a file that is not there"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"REDIS_URL=redis://h\n=c4n4ry\n", "line 2 is no NAME=value"),
        (b"REDIS_URL=redis://h\nSLACK_BOT_TOKEN='c4n4ry\n", "line 2 is no NAME=value"),
        (b"REDIS_URL=c4n4ry\xff\n", "is no text in UTF-8"),
        (None, "cannot be read (Is a directory)"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_fault_that_tells_where(
    given: Given, tmp_path: Path, content: bytes | None, fault: str
) -> None:
    path = tmp_path / "own.env"
    path.mkdir() if content is None else path.write_bytes(content)
    given(REDIS, SWITCHBOARD_ENV_FILE=str(path))
    (found,) = faults(Settings)
    assert found == f"{path}: {fault}"


def test_a_file_of_windows_is_read_like_any_other(given: Given, tmp_path: Path) -> None:
    (tmp_path / "own.env").write_bytes(b"\xef\xbb\xbfREDIS_URL=redis://file\r\n")
    given(SWITCHBOARD_ENV_FILE=str(tmp_path / "own.env"))
    assert load(Settings).redis_url == "redis://file"


CANARY = "c4n4ry"
WRONG = [
    (Settings, "REDIS_URL", f"{CANARY}://host"),
    (Settings, "REDIS_URL", f"redis://{CANARY}:99999999"),
    (Settings, "REDIS_URL", f"unix://{CANARY}"),
    (Settings, "SWITCHBOARD_PREFIX", f"{CANARY} {CANARY}"),
    (Settings, "SWITCHBOARD_MODELS_FILE", f"/nowhere/{CANARY}"),
    (Settings, "SWITCHBOARD_DEFAULT_MODEL", CANARY),
    (Settings, "SWITCHBOARD_CONTEXT_TOKENS", CANARY),
    (Settings, "SWITCHBOARD_CONTEXT_TOKENS", "12"),
    (Settings, "SWITCHBOARD_CONTEXT_TTL_HOURS", "0"),
    (Settings, "SWITCHBOARD_LEASE_SECONDS", CANARY),
    (Settings, "SWITCHBOARD_LEASE_SECONDS", "nan"),
    (Settings, "SWITCHBOARD_DRAIN_SECONDS", "-1"),
    (Settings, "SWITCHBOARD_LOG_FORMAT", CANARY),
    (Settings, "SWITCHBOARD_LOG_LEVEL", CANARY),
    (Settings, "SWITCHBOARD_HTTP_PORT", "65536"),
    (AdapterSettings, "SWITCHBOARD_ADMINS", f"slack:T123:{CANARY}"),
    (AdapterSettings, "SWITCHBOARD_ADMINS", "discord:12:group:34"),
    (AdapterSettings, "SWITCHBOARD_ADMINS", "irc:T123:U123"),
    (AdapterSettings, "SWITCHBOARD_ATTACHMENT_ORIGINS", f"https://{CANARY}/path"),
    (AdapterSettings, "SWITCHBOARD_ATTACHMENT_ORIGINS", f"https://{CANARY}@host"),
    (AdapterSettings, "SWITCHBOARD_ATTACHMENT_ORIGINS", f"ftp://{CANARY}"),
    (SlackSettings, "SLACK_BOT_TOKEN", f"xapp-{CANARY}-{CANARY}"),
    (SlackSettings, "SLACK_APP_TOKEN", f"xoxb-{CANARY}-{CANARY}"),
    (SlackSettings, "SLACK_APP_TOKEN", f"xapp-{CANARY} {CANARY}"),
    (SlackSettings, "SLACK_MODE", CANARY),
    (SlackSettings, "SLACK_API_URL", CANARY),
    (SlackSettings, "SLACK_API_URL", f"https://host/api?token={CANARY}"),
    (SlackSettings, "SLACK_COMMAND", CANARY),
    (SlackSettings, "SWITCHBOARD_SLACK_STREAM", CANARY),
    (SlackSettings, "SWITCHBOARD_SLACK_EXTERNAL", CANARY),
    (DiscordSettings, "DISCORD_TOKEN", f"Bot {CANARY}"),
    (DiscordSettings, "DISCORD_API_URL", f"ws://{CANARY}"),
    (DiscordSettings, "DISCORD_GATEWAY_URL", f"https://{CANARY}"),
    (DiscordSettings, "SWITCHBOARD_DISCORD_MESSAGE_CONTENT", CANARY),
    (WorkerSettings, "OPENAI_API_KEY", f"{CANARY}\n{CANARY}"),
    (WorkerSettings, "OPENAI_BASE_URL", CANARY),
    (WorkerSettings, "OPENAI_BASE_URL", f"https://host/v1?api-key={CANARY}"),
]


@pytest.mark.parametrize(("kind", "name", "value"), WRONG)
def test_a_wrong_value_is_one_line_that_names_the_setting_and_not_the_value(
    given: Given, kind: type[Settings], name: str, value: str
) -> None:
    given(ALL, {name: value})
    found = faults(kind)
    assert len(found) == 1
    assert found[0].startswith(f"{name}: ")
    assert "\n" not in found[0]
    assert CANARY not in found[0]


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (SlackSettings, "SLACK_MODE", "http"),
        (Settings, "SWITCHBOARD_BROKER_URL", "amqp://broker"),
        (Settings, "SWITCHBOARD_METRICS_PORT", "9100"),
    ],
)
def test_what_is_for_later_says_so(
    given: Given, kind: type[Settings], name: str, value: str
) -> None:
    given(ALL, {name: value})
    (fault,) = faults(kind)
    assert fault.startswith(f"{name}: ")
    assert "not there yet" in fault


def test_all_faults_come_at_once(given: Given) -> None:
    given(REDIS_URL="http://no", SLACK_BOT_TOKEN="x", SWITCHBOARD_LEASE_SECONDS="soon")
    names = [fault.partition(":")[0] for fault in faults(SlackSettings)]
    assert names == [
        "SLACK_APP_TOKEN",
        "REDIS_URL",
        "SWITCHBOARD_LEASE_SECONDS",
        "SLACK_BOT_TOKEN",
    ]


def test_admins_are_people_roles_and_groups(given: Given) -> None:
    text = "slack:T01AB:U02CD, slack:T01AB:group:S03EF,discord:11:22,discord:11:role:33,"
    given(SLACK, SWITCHBOARD_ADMINS=text)
    admins = load(SlackSettings).admins
    assert admins == (
        Admin("slack", "T01AB", "user", "U02CD"),
        Admin("slack", "T01AB", "group", "S03EF"),
        Admin("discord", "11", "user", "22"),
        Admin("discord", "11", "group", "33"),
    )
    assert ",".join(map(str, admins)) == text.replace(" ", "").rstrip(",")


def test_origins_are_written_in_one_way(given: Given) -> None:
    given(
        SLACK,
        SWITCHBOARD_ATTACHMENT_ORIGINS="https://Files.Example:443/, http://127.0.0.1:8001,http://[::1]:80",
    )
    assert load(SlackSettings).attachment_origins == (
        "https://files.example",
        "http://127.0.0.1:8001",
        "http://[::1]",
    )


def test_addresses_end_as_their_library_wants_them(given: Given) -> None:
    given(ALL, SLACK_API_URL="http://localhost:1/api", DISCORD_API_URL="http://localhost:1/v10/")
    assert load(SlackSettings).slack_api_url == "http://localhost:1/api/"
    assert load(DiscordSettings).discord_api_url == "http://localhost:1/v10"


MODELS = """
[providers.house]
base_url = "http://127.0.0.1:9/v1"
api_key_env = "HOUSE_KEY"
[models.house]
provider = "house"
id = "house-1"
context = 8192
max_output = 1024
"""


def test_a_worker_holds_the_keys_that_the_operators_models_name(
    given: Given, tmp_path: Path
) -> None:
    (tmp_path / "models.toml").write_text(MODELS)
    given(
        WORKER, HOUSE_KEY="key-of-the-house", SWITCHBOARD_MODELS_FILE=str(tmp_path / "models.toml")
    )
    worker = load(WorkerSettings)
    assert worker.model_keys["HOUSE_KEY"] == SecretStr("key-of-the-house")
    assert "key-of-the-house" in worker.secrets


def test_no_table_makes_a_platforms_token_a_models_key(given: Given, tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(MODELS.replace("HOUSE_KEY", "SLACK_BOT_TOKEN"))
    given(ALL, SWITCHBOARD_MODELS_FILE=str(tmp_path / "models.toml"))
    assert SLACK["SLACK_BOT_TOKEN"] not in load(WorkerSettings).secrets
    assert "SLACK_BOT_TOKEN" not in WorkerSettings.names(environment())


def test_a_default_model_needs_its_own_providers_key_and_no_other(
    given: Given, tmp_path: Path
) -> None:
    (tmp_path / "models.toml").write_text(MODELS)
    given(
        REDIS,
        SWITCHBOARD_MODELS_FILE=str(tmp_path / "models.toml"),
        SWITCHBOARD_DEFAULT_MODEL="house",
    )
    assert faults(WorkerSettings) == ["HOUSE_KEY: not set"]
    given(HOUSE_KEY="key-of-the-house")
    assert load(WorkerSettings).default_model == "house"


@pytest.mark.parametrize("text", ["[models", "models = 3", "[models]\nhouse = 3"])
def test_a_models_file_that_cannot_be_used_is_a_fault(
    given: Given, tmp_path: Path, text: str
) -> None:
    (tmp_path / "models.toml").write_text(text)
    given(WORKER, SWITCHBOARD_MODELS_FILE=str(tmp_path / "models.toml"))
    (fault,) = faults(WorkerSettings)
    assert fault.startswith("SWITCHBOARD_MODELS_FILE: names a file")


def test_a_model_that_cannot_be_is_a_fault_before_anything_starts(
    given: Given, tmp_path: Path
) -> None:
    (tmp_path / "models.toml").write_text(MODELS.replace("8192", '"large"'))
    given(WORKER, SWITCHBOARD_MODELS_FILE=str(tmp_path / "models.toml"), SLACK_COMMAND="no")
    (fault,) = faults(WorkerSettings)
    assert fault.startswith("models.house.context: ")
    assert "large" not in fault


def test_a_base_that_a_key_must_not_be_sent_to_is_a_fault_of_its_setting(given: Given) -> None:
    given(WORKER, OPENAI_BASE_URL="http://169.254.169.254/v1")
    (fault,) = faults(WorkerSettings)
    assert fault.startswith("OPENAI_BASE_URL: ")


def test_secrets_leave_the_environment_once_they_are_read(given: Given) -> None:
    given(ALL, SLACK_CLIENT_ID="1.2", SLACK_CLIENT_SECRET="invented")
    forget_secrets()
    left = {name for name in (*ALL, "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET") if name in os.environ}
    assert left == set()


def test_the_state_of_up_is_the_users_own(given: Given) -> None:
    given(XDG_STATE_HOME="/somewhere/state")
    assert load(UpSettings).state_dir == Path("/somewhere/state/switchboard")


SDKS = ("slack_bolt", "slack_sdk", "discord", "openai", "celery", "redis")


@pytest.mark.parametrize("word", ["slack", "discord", "worker", "up"])
def test_a_fault_ends_the_process_before_any_sdk_is_imported(word: str) -> None:
    program = (
        "import sys; from bot.__main__ import main; code = main(sys.argv[1:]);"
        f"print([name for name in {SDKS} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, word],
        capture_output=True,
        text=True,
        env={**untraced(), "SLACK_BOT_TOKEN": "xoxb-invented-for-a-test"},
        check=False,
    )
    assert done.returncode == 78, done.stderr
    assert done.stdout == "[]\n"
    assert all(line.startswith(f"switchboard {word}: ") for line in done.stderr.splitlines())
    assert "invented" not in done.stderr
