"""Logs: one line per event, and no secret in any of them."""

import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from bot import logs
from bot.logs import HIDDEN, ConsoleLine, JsonLine, Redaction

SECRET = "a-secret-of-no-known-shape"


pytestmark = pytest.mark.usefixtures("logging_as_it_was")


def record(message: str, *values: object, name: str = "bot.test") -> logging.LogRecord:
    return logging.LogRecord(name, logging.INFO, "f.py", 1, message, values, None)


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


def test_an_event_becomes_one_json_object_with_its_fields() -> None:
    line = json.loads(
        JsonLine("slack", []).format(record("turn.admitted turn=%s parts=%d", "01ABC", 3))
    )
    del line["at"]
    assert line == {
        "level": "info",
        "process": "slack",
        "logger": "bot.test",
        "event": "turn.admitted",
        "turn": "01ABC",
        "parts": 3,
    }


def test_a_number_is_as_exact_as_in_the_line_for_people() -> None:
    """An event with such a number was one text, in which no machine found the turn."""
    shown = record("turn.delivered turn=%s seconds=%.2f", "01ABC", 1.23456)
    line = json.loads(JsonLine("slack", []).format(shown))
    assert (line["event"], line["turn"], line["seconds"]) == ("turn.delivered", "01ABC", 1.23)


def test_no_event_of_ours_covers_what_every_line_has() -> None:
    """`at` and `event` of an event took the place of the line's own: its time was lost, or its name. (The `process` of
    a child's line is the child.)"""
    line = json.loads(JsonLine("slack", []).format(record("x")))
    taken = (line.keys() | {"traceback", "text"}) - {"process"}
    root = Path(logs.__file__).parent.parent
    written = [
        (file.name, event)
        for package in logs.OURS
        for file in (root / package).rglob("*.py")
        for event in re.findall(r'"([\w.]+(?: \w+=%[.\d]*[a-z])+)"', file.read_text())
    ]
    assert len(written) > 50
    assert [one for one in written if taken & set(re.findall(r"(\w+)=%", one[1]))] == []


def test_a_librarys_words_are_a_text_of_their_own() -> None:
    line = json.loads(JsonLine("slack", []).format(record("Starting %s", "up", name="slack_bolt")))
    assert (line["event"], line["text"]) == ("log", "Starting up")


def test_a_line_for_people_has_time_level_process_and_event() -> None:
    line = ConsoleLine("worker", []).format(record("turn.answered turn=%s", "01ABC"))
    assert line[12:] == " INFO    worker   turn.answered turn=01ABC"


@pytest.mark.parametrize("form", [JsonLine, ConsoleLine])
def test_a_record_is_one_line_whatever_is_in_it(form: type[JsonLine | ConsoleLine]) -> None:
    line = form("slack", []).format(record("x name=%s", "a\nb\r\x1b[31m\u2028\u202ec"))
    assert len(line.splitlines()) == 1
    assert not set("\x1b\u202e") & set(line)


SHAPED = [
    "xoxb-1234567890-abcdefghij",
    "xapp-1-A0123456789-abcdef",
    "xoxe.xoxp-1-Mi0yLTEyMw",
    "sk-proj-abcdefghijklmnop",
    "MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.abcdefghijklmnopqrstuvwxyz01",
    "gsk_abcdefghijklmnop",
    "AIzaSyabcdefghijklmnop",
    "Bearer abcdefghijklmnop",
    "Authorization: Basic dXNlcjpabcdef",
    "wss://wss-primary.slack.com/link/?ticket=abcd-efgh-ijkl",
    "https://discord.com/api/v10/webhooks/123/abcdefghijklmnopqrstuvwxyz",
]


@pytest.mark.parametrize("text", SHAPED)
def test_what_looks_like_a_secret_is_hidden_though_nobody_loaded_it(text: str) -> None:
    cleaned = Redaction([])(f"before {text} after")
    assert HIDDEN in cleaned
    assert "abcdef" not in cleaned.replace("before", "").replace("after", "")
    assert cleaned.startswith("before ")
    assert cleaned.endswith(" after")


def test_an_address_keeps_its_host_and_loses_its_password() -> None:
    assert Redaction([])("redis://user:pass@host:1/0") == f"redis://{HIDDEN}@host:1/0"


def test_a_token_in_the_place_of_the_user_is_hidden_too() -> None:
    assert Redaction([])("https://a-token@host/v1") == f"https://{HIDDEN}@host/v1"


def test_ordinary_words_stay() -> None:
    text = "turn.admitted turn=01ABCDEFGHJKMNPQ place=slack:T1:C1 at 12:30 https://slack.com/api/@x basic facts"
    assert Redaction(["abc"])(text) == text


def test_a_loaded_secret_is_hidden_in_arguments_and_tracebacks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    forms: tuple[Literal["json", "console"], ...] = ("json", "console")
    for form in forms:
        logs.configure("slack", form=form, level="DEBUG", secrets=[SECRET])
        logging.getLogger("adapters.x").debug("a.b value=%s", f"with {SECRET} inside")
        try:
            raise ValueError(f"refused {SECRET}")
        except ValueError:
            logging.getLogger("slack_sdk").exception("failed with %s", SECRET)
    text = "\n".join(written(capsys))
    assert SECRET not in text
    assert text.count("refused [redacted]") == 2


def test_a_broken_call_of_a_library_cannot_print_its_arguments(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("slack", form="console", level="INFO", secrets=[SECRET])
    logging.getLogger("some.library").warning("one %s", SECRET, SECRET)
    (line,) = written(capsys)
    assert "its arguments do not fit" in line


def test_libraries_are_held_at_info_whatever_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("slack", form="console", level="DEBUG", secrets=[])
    for name in ("slack_sdk", "slack_bolt.AsyncApp", "discord.gateway", "discord.http", "openai"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)  # as Bolt does with the level of its own logger
        logger.debug("a whole message")
    logging.getLogger("adapters.slack").debug("ours.passes")
    (line,) = written(capsys)
    assert line.endswith("ours.passes")


def test_an_exception_that_nobody_caught_is_redacted_too() -> None:
    program = (
        "from bot import logs\n"
        f"logs.configure('slack', form='json', level='INFO', secrets=[{SECRET!r}])\n"
        f"raise RuntimeError({SECRET!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["event"] == "process.failed"
    assert "RuntimeError: [redacted]" in json.loads(line)["traceback"]
    assert SECRET not in line


def test_what_fails_where_nothing_can_be_raised_is_redacted_too() -> None:
    program = (
        "from bot import logs\n"
        f"logs.configure('slack', form='json', level='INFO', secrets=[{SECRET!r}])\n"
        "class Ends:\n"
        f"    def __del__(self): raise RuntimeError({SECRET!r})\n"
        "Ends()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    (line,) = done.stderr.splitlines()
    assert json.loads(line)["event"] == "process.failed"
    assert SECRET not in line
