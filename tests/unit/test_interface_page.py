"""docs/interface.md says what the code does: its words of section 2, its settings of section 3."""

import re
from pathlib import Path

import pytest

from bot.__main__ import parser
from bot.environment import all_kinds
from bot.settings import UpSettings

PAGE = (Path(__file__).parents[2] / "docs" / "interface.md").read_text("utf-8")
PYTHON_NAME = r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"


def section(number: int) -> str:
    found = re.search(rf"^## {number}\..*?(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[0]


def first_cells(text: str) -> list[str]:
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    return [row.split(" | ")[0] for row in rows]


def settings_of(cell: str) -> set[str]:
    return set(re.findall(rf"\b{PYTHON_NAME}\b", cell))


KNOWN = set(UpSettings.fields()).union(*(kind.fields() for kind in all_kinds().values()))
PROMISED = set().union(*(settings_of(cell) for cell in first_cells(section(3))))


def test_the_page_promises_settings() -> None:
    assert len(PROMISED) > 20


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_every_promised_setting_is_read(name: str) -> None:
    assert name in KNOWN


def test_every_setting_of_ours_has_the_promised_prefix() -> None:
    assert [n for n in KNOWN - PROMISED if not n.startswith("SWITCHBOARD_")] == []


def marked_later() -> set[str]:
    """A row that is for later as a whole: its marks come before any other word of its meaning."""
    rows = [line.split(" | ") for line in section(3).splitlines() if line.startswith("| `")]
    return {n for row in rows if row[1].startswith("*(later)*") for n in settings_of(row[0])}


def test_what_the_page_keeps_for_later_is_marked_so_in_the_settings() -> None:
    fields = {n: f for kind in all_kinds().values() for n, f in kind.fields().items()}
    ours = {n for n, f in fields.items() if f.json_schema_extra == {"later": True}}
    # The page writes the mode as `SLACK_MODE=http`: the setting is in force, that value is not. A broker of its own and
    # where an HTTP server listens stand in the rows of other settings.
    elsewhere = {"SWITCHBOARD_BROKER_URL", "SWITCHBOARD_HTTP_HOST", "SWITCHBOARD_HTTP_PORT"}
    assert ours == marked_later() - {"SLACK_MODE"} | elsewhere
    assert all(re.search(rf"\*\(later.*{n}|{n}.*\(later", section(3)) for n in elsewhere)


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("SLACK_API_URL", "https://slack.com/api/"),
        ("SLACK_COMMAND", "/ai"),
        ("SWITCHBOARD_SLACK_STREAM", "update"),
        ("SWITCHBOARD_SLACK_EXTERNAL", "refuse"),
        ("DISCORD_API_URL", "https://discord.com/api/v10"),
        ("SWITCHBOARD_DISCORD_MESSAGE_CONTENT", False),
        ("SWITCHBOARD_DEFAULT_MODEL", "gpt-4o"),
        ("SWITCHBOARD_LEASE_SECONDS", 8),
        ("SWITCHBOARD_DRAIN_SECONDS", 25),
    ],
)
def test_the_defaults_are_the_pages(name: str, default: object) -> None:
    fields = {n: f for kind in all_kinds().values() for n, f in kind.fields().items()}
    assert fields[name].default == default
    shown = "off" if default is False else str(default)
    assert re.search(rf"`{name}`.*`?{re.escape(shown)}`?", PAGE), "the page says otherwise"


def words() -> set[str]:
    return {
        word
        for row in first_cells(section(2))
        for phrase in re.findall(r"`([^`]+)`", row)
        for word in phrase.split()[:1]
    }


@pytest.mark.parametrize("word", sorted(words()))
def test_every_promised_word_is_one(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([word, "--help"])
    assert ended.value.code == 0
    assert f"switchboard {word}" in capsys.readouterr().out


def test_no_word_is_kept_from_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--help"])
    listed = set(re.findall(r"^    (\w+)  ", capsys.readouterr().out, re.MULTILINE))
    assert listed == words()


@pytest.mark.parametrize(
    "line",
    [
        ["up", "--workers", "2"],
        ["worker", "--concurrency", "5"],
        ["demo", "--port", "0", "--no-browser"],
        ["doctor", "--json"],
        ["manifest", "slack"],
        ["invite", "discord"],
        ["config", "env"],
    ],
)
def test_every_promised_option_is_taken(line: list[str]) -> None:
    assert parser().parse_args(line).word == line[0]
