"""The catalog that ships and the operator's file become one set of tables, not yet judged.

This is what the settings need to know of models before anything else is read: which aliases and keys there are.
"""

import functools
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

Tables = dict[str, dict[str, Any]]


def merged(models_file: Path | None) -> Tables:
    """`providers` and `models`, the operator's values over the shipped ones, table by table.

    Raises ValueError with a reason for a file that cannot be read.
    """
    tables: Tables = {"providers": {}, "models": {}}
    for source in (_shipped(), _read(models_file) if models_file else {}):
        for kind, known in tables.items():
            for name, table in source.get(kind, {}).items():
                known[name] = {**known.get(name, {}), **table}
    return tables


def known_aliases(models_file: str | None) -> set[str]:
    """Every alias, whatever its table holds."""
    return set(_lenient(models_file)["models"])


def key_names(models_file: str | None) -> set[str]:
    """The names under which the providers have their keys."""
    providers = _lenient(models_file)["providers"].values()
    return {provider["api_key_env"] for provider in providers if "api_key_env" in provider}


def key_name(alias: str, models_file: str | None) -> str | None:
    """The name of the key that a model needs; None for one that needs none or does not exist."""
    tables = _lenient(models_file)
    provider = tables["models"].get(alias, {}).get("provider")
    key: str | None = tables["providers"].get(provider, {}).get("api_key_env")
    return key


def _lenient(models_file: str | None) -> Tables:
    """Without the operator's file if it is broken: that fault is reported under SWITCHBOARD_MODELS_FILE."""
    try:
        return merged(Path(models_file) if models_file else None)
    except ValueError:
        return merged(None)


@functools.cache  # a process asks for it several times as it starts
def _shipped() -> dict[str, Any]:
    return tomllib.loads((resources.files("bot") / "models.toml").read_text("utf-8"))


def _read(path: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(path.read_text("utf-8-sig"))  # some editors begin it with a mark
    except OSError:
        raise ValueError("names a file that cannot be read") from None
    except UnicodeDecodeError:
        raise ValueError("names a file that is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"at [^)]*", str(error))  # the rest of its text may quote the file
        raise ValueError(f"names a file that is not TOML, {where[0] if where else ''}") from None
    for kind in ("providers", "models"):
        group = tables.get(kind, {})
        if not isinstance(group, dict) or not all(isinstance(t, dict) for t in group.values()):
            raise ValueError(f"names a file whose [{kind}.…] are not all tables")
    return tables
