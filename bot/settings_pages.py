"""The settings become a page: what is in force, a commented `.env.example`, or the README's table.

No page holds the value of a secret.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bot import forms
from bot.environment import all_kinds, environment, load
from bot.errors import SettingsError
from bot.model_tables import key_names
from bot.settings import (
    AdapterSettings,
    DiscordSettings,
    Settings,
    SlackSettings,
    UpSettings,
    WorkerSettings,
)

SECTIONS: tuple[tuple[str, type[Settings]], ...] = (
    ("Every process", Settings),
    ("Every adapter", AdapterSettings),
    ("Slack", SlackSettings),
    ("Discord", DiscordSettings),
    ("Workers", WorkerSettings),
    ("`switchboard up`", UpSettings),
)
MODEL_KEYS = "Keys of the catalog's other providers, for workers (api_key_env in models.toml)"
TABLE_HEAD = "| name | default | meaning |\n|---|---|---|"


def in_force() -> str:
    """Every setting of every process as a line `NAME=value`, and where it came from."""
    given = environment()
    faults: dict[str, None] = {}
    lines: dict[str, str] = {}
    for _, kind in _kinds():
        try:
            settings = load(kind, complete=False)
        except SettingsError as error:
            faults.update(dict.fromkeys(error.faults))
            continue
        fields, secrets = kind.fields(), kind.secret_names(given)
        for name in [*fields, *sorted(secrets & given.keys())]:
            masked = forms.MASK if name in given else ""
            shown = masked if name in secrets else _shown(settings, fields[name])
            origin = "" if name in given else "  # default" if shown else "  # not set"
            lines.setdefault(name, f"{name}={shown}{origin}")
    if faults:
        raise SettingsError(list(faults))
    return "\n".join(lines.values())


def env_example() -> str:
    """A `.env` with every setting, commented out where there is a default."""
    parts = [
        "# Settings of Switchboard. The environment comes first, then this file, as `.env` in the working directory\n"
        "# (or where SWITCHBOARD_ENV_FILE says). Made by `switchboard config env`."
    ]
    for title, fields in _sections():
        parts.append(f"# ---- {title.replace('`', '')} ----")
        for name, field in fields:
            parts.append(
                f"# {_meaning(field, '(later) ').replace('`', '')}\n#{name}={_default(field)}"
            )
    parts.append(f"# ---- {MODEL_KEYS} ----")
    parts.append("\n".join(f"#{name}=" for name in _model_keys()))
    return "\n\n".join(parts) + "\n"


def readme_table() -> str:
    """The README's tables of settings, in Markdown."""
    parts = []
    for title, fields in _sections():
        rows = (
            f"| `{name}` | {_code(_default(field))} | {_meaning(field, '*(later)* ')} |"
            for name, field in fields
        )
        parts.append(f"**{title}**\n\n{TABLE_HEAD}\n" + "\n".join(rows))
    keys = ", ".join(f"`{name}`" for name in _model_keys())
    parts.append(f"**{MODEL_KEYS}**\n\n{keys}")
    return "\n\n".join(parts) + "\n"


def _sections() -> Iterator[tuple[str, list[tuple[str, FieldInfo]]]]:
    """Each section with the settings that no earlier one has."""
    seen: set[str] = set()
    for title, kind in _kinds():
        fields = [(name, field) for name, field in kind.fields().items() if name not in seen]
        seen.update(name for name, _ in fields)
        yield title, fields


def _kinds() -> Iterator[tuple[str, type[Settings]]]:
    """Our own sections, then those of platforms that other packages add."""
    yield from SECTIONS
    ours = {kind for _, kind in SECTIONS}
    yield from ((word, kind) for word, kind in all_kinds().items() if kind not in ours)


def _shown(settings: Settings, field: FieldInfo) -> str:
    name = next(n for n, f in type(settings).model_fields.items() if f is field)
    value = getattr(settings, name)
    if isinstance(value, str) and "://" in value:
        return forms.masked(value)
    return _text(value)


def _default(field: FieldInfo) -> str:
    if isinstance(field.default, SecretStr) or field.default_factory is not None:
        return ""
    return _text(field.default)


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "on" if value else "off"
        case tuple():
            return ",".join(map(str, value))
        case float():
            return f"{value:g}"
        case Path():
            return str(value)
        case _:
            return str(value)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _model_keys() -> list[str]:
    return sorted(key_names(None) - WorkerSettings.fields().keys())


def _meaning(field: FieldInfo, later: str) -> str:
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    listed = f" (one of {', '.join(choices)})" if choices else ""
    return f"{later if _later(field) else ''}{field.description}{listed}"


def _later(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("later"))
