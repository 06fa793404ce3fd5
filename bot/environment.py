"""The environment, then `.env`, becomes one frozen object, or one line for each fault.

Nothing else in the project looks at the environment for a setting.
"""

import os
from collections.abc import Mapping
from importlib.metadata import entry_points
from io import StringIO
from pathlib import Path
from typing import TypeVar

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.errors import SettingsError
from bot.settings import CLEARED, Settings

S = TypeVar("S", bound=Settings)

NAMED = "SWITCHBOARD_ENV_FILE"
MODELS_FILE, BASE_URL = "SWITCHBOARD_MODELS_FILE", "OPENAI_BASE_URL"
GROUP = "switchboard.settings"  # entry points: a process's word and the class of what it may read


def env_file() -> Path:
    """`.env` of the working directory, or the file that is named (/dev/null: none)."""
    return Path(os.environ.get(NAMED) or ".env")


def environment() -> dict[str, str]:
    """Every name that is set: in the environment, else in the file; an empty text is not set."""
    return {n: v for source in (_from_file(), os.environ) for n, v in source.items() if v}


def _from_file() -> Mapping[str, str | None]:
    path = env_file()
    if not path.exists():
        if NAMED in os.environ:
            raise SettingsError([f"{NAMED}: names a file that is not there"])
        return {}
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read ({error.strerror})"]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{path}: is no text in UTF-8"]) from None
    wrong = [part.original.line for part in parse_stream(StringIO(text)) if part.error]
    if wrong:
        raise SettingsError([f"{path}: line {number} is no NAME=value" for number in wrong])
    return dotenv_values(stream=StringIO(text))


def load(kind: type[S], *, complete: bool = True) -> S:
    """The settings of one process; raises SettingsError with every fault. A page is not `complete`: it needs less."""
    given = environment()
    faults = [f"{name}: not set" for name in kind.missing(given)] if complete else []
    try:
        settings = kind(_env_file=env_file(), **kind.beyond(given))
    except ValidationError as error:
        faults += map(_fault, error.errors(include_url=False, include_input=False))
    if not any(fault.startswith((MODELS_FILE, BASE_URL)) for fault in faults):
        faults += _catalog_faults(given.get(MODELS_FILE), given.get(BASE_URL))
    if faults:
        raise SettingsError(list(dict.fromkeys(faults)))
    return settings


def load_all(kinds: Mapping[str, type[Settings]]) -> tuple[dict[str, Settings], list[str]]:
    """The settings of each process that has no fault, and the faults of them all, where `up` or a test brings Redis."""
    given = environment()
    loaded: dict[str, Settings] = {}
    faults: dict[str, None] = {}
    for word, kind in kinds.items():
        lacking = [f"{name}: not set" for name in kind.missing(given) if name != "REDIS_URL"]
        faults.update(dict.fromkeys(lacking))
        try:
            settings = load(kind, complete=False)
        except SettingsError as error:
            faults.update(dict.fromkeys(error.faults))
        else:
            loaded |= {} if lacking else {word: settings}
    return loaded, list(faults)


def _catalog_faults(models_file: str | None, base_url: str | None) -> list[str]:
    """What is wrong with the operator's part of the catalog; the part that ships is judged by its tests."""
    if not models_file and not base_url:
        return []
    from bot import model_reading  # not needed, and not waited for, where nothing was changed

    try:
        model_reading.read(Path(models_file) if models_file else None, base_url or "")
    except SettingsError as error:
        return [f.replace("providers.openai.base_url", BASE_URL) for f in error.faults]
    return []


def all_kinds() -> dict[str, type[Settings]]:
    """The settings of every process that is installed, by its word; a package adds one as it adds a process."""
    entries = sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    return {entry.name: entry.load() for entry in entries}


def configured_kinds() -> dict[str, type[Settings]]:
    """Those that somebody began to configure; one that needs nothing of its own always is."""
    given = environment().keys()
    own = {word: set(kind.required) - set(Settings.required) for word, kind in all_kinds().items()}
    return {w: kind for w, kind in all_kinds().items() if not own[w] or own[w] & given}


def forget_secrets() -> None:
    """Takes every secret out of this process's environment, so that no child and no library finds one there.

    Slack's client id and secret go too: they would make Bolt discard the bot token.
    """
    given = environment()
    secrets = (kind.secret_names(given) for kind in all_kinds().values())
    for name in {"REDIS_URL", *CLEARED}.union(*secrets):
        os.environ.pop(name, None)


def _fault(detail: ErrorDetails) -> str:
    """One line from the kind of the fault and the names of the rule, never from what was given."""
    rule = detail.get("ctx", {})
    match detail["type"]:
        case "value_error":
            reason = str(rule["error"])
        case "literal_error":
            reason = f"must be {rule['expected']}"
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than" as kind:
            reason = f"must be {kind.replace('_', ' ').replace(' equal', ' or equal to')} {next(iter(rule.values()))}"
        case "int_parsing" | "int_from_float":
            reason = "must be a whole number"
        case "float_parsing" | "finite_number":
            reason = "must be a number"
        case kind:
            reason = f"cannot be read ({kind})"
    return f"{detail['loc'][-1]}: {reason}"
