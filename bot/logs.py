"""A log record becomes one line on standard error, without a secret in it.

Our own events read `name key=%s …`: in JSON the keys become fields. Libraries' loggers are held at INFO, since some of
them write whole messages below it.
"""

import json
import logging
import re
import sys
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal

OURS = ("bot", "adapters", "workers")
QUIET = (
    "celery.app.trace",
    "celery.worker.strategy",
    "httpx2",
)  # a line or two for each bell and request
EVENT = re.compile(r"([\w.]+)((?: \w+=%[.\d]*[a-z])*)")  # how our own events are written
FIELD = re.compile(r"(\w+)=(%[.\d]*[a-z])")
HIDDEN = "[redacted]"
SHORTEST = 4  # characters; a shorter value would blot out ordinary words

SHAPES = re.compile(
    r"\bx(?:ox[a-z]|app)[-.][\w.-]{6,}"  # Slack's tokens
    r"|\b(?:sk-|gsk_|xai-|AIza)[\w-]{8,}"  # the keys of most model providers
    r"|\b[\w-]{23,28}\.[\w-]{6,7}\.[\w-]{27,}"  # Discord's bot tokens
    r"|(?<=/webhooks/)\d+/[\w-]{20,}|(?<=/interactions/)\d+/[\w-]{20,}"  # they act for the bot
    r"|(?i:(?<=bearer )|(?<=basic )|(?<=ticket=)|(?<=password=))[\w.~+/=-]{8,}"  # headers, addresses
    r"|(?<=://)[^/\s]+@",  # the user and password of an address
)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def configure(
    process: str, *, form: Literal["console", "json"], level: str, secrets: Iterable[str]
) -> None:
    """All logs of this process from now on, also those of libraries, warnings and unhandled exceptions."""
    least = logging.getLevelNamesMapping()[level]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter((JsonLine if form == "json" else ConsoleLine)(process, secrets))
    handler.addFilter(_held)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(least, logging.INFO))
    for name in OURS:
        logging.getLogger(name).setLevel(least)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    logging.raiseExceptions = (
        False  # its report of a record that cannot be written would print it unredacted
    )
    sys.excepthook = _unhandled
    threading.excepthook = sys.unraisablehook = _unhandled_there


def _held(record: logging.LogRecord) -> bool:
    """Whatever level a library gives its own loggers, below INFO only our events pass."""
    return record.levelno >= logging.INFO or record.name.partition(".")[0] in OURS


def _unhandled(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    if error is not None and not issubclass(kind, KeyboardInterrupt):
        logging.getLogger("bot").critical("process.failed", exc_info=(kind, error, trace))


def _unhandled_there(args: "threading.ExceptHookArgs | sys.UnraisableHookArgs") -> None:
    """In a thread, or where nothing can be raised, as in `__del__`."""
    _unhandled(args.exc_type, args.exc_value, args.exc_traceback)


class Redaction:
    """A text without the loaded secrets, by their exact values, and without what looks like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted({s for s in secrets if len(s) >= SHORTEST}, key=len, reverse=True)
        exact = "|".join(map(re.escape, known))
        self._exact = re.compile(exact) if exact else None

    def __call__(self, text: str) -> str:
        if self._exact:
            text = self._exact.sub(HIDDEN, text)
        return SHAPES.sub(lambda found: HIDDEN + ("@" if found[0].endswith("@") else ""), text)


class _Line(logging.Formatter):
    def __init__(self, process: str, secrets: Iterable[str]) -> None:
        super().__init__()
        self._process = process
        self._clean = Redaction(secrets)

    def _traceback(self, record: logging.LogRecord) -> str:
        """Empty where there is none; the original record is left as it is, other handlers may follow."""
        parts = [self.formatException(record.exc_info)] if record.exc_info else []
        if record.stack_info:
            parts.append(record.stack_info)
        return self._clean("\n".join(parts))

    def _text(self, record: logging.LogRecord) -> str:
        try:
            text = record.getMessage()
        except (
            TypeError,
            ValueError,
        ):  # a library's mistake; logging itself would print it all, unredacted
            text = f"{record.msg} (its arguments do not fit)"
        return self._clean(text)


class ConsoleLine(_Line):
    """For people: time, level, process, event; a traceback follows on lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        at = f"{time.strftime('%H:%M:%S', time.localtime(record.created))}.{record.msecs:03.0f}"
        text = self._text(record).replace("\n", "\\n")
        line = f"{at} {record.levelname:<7} {self._process:<8} {text}"
        trace = self._traceback(record)
        return CONTROL.sub("·", f"{line}\n{trace}" if trace else line)


class JsonLine(_Line):
    """For machines: one ASCII object per record."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            **self._event(record),
        }
        if trace := self._traceback(record):
            line["traceback"] = trace
        return json.dumps(line)

    def _event(self, record: logging.LogRecord) -> dict[str, Any]:
        pattern = EVENT.fullmatch(record.msg) if isinstance(record.msg, str) else None
        if pattern is None or record.name.partition(".")[0] not in OURS:
            return {"event": "log", "text": self._text(record)}
        fields = FIELD.findall(pattern[2])
        values = record.args if isinstance(record.args, tuple) else (record.args,)
        return {
            "event": pattern[1],
            **{n: self._plain(v, form) for (n, form), v in zip(fields, values, strict=False)},
        }

    def _plain(self, value: object, form: str) -> object:
        if isinstance(value, float):
            return (
                float(form % value) if form.endswith("f") else value
            )  # as exact as the line for people
        return value if isinstance(value, int | None) else self._clean(str(value))
