"""Everything that can be wrong before anybody notices becomes a line with its mend: `switchboard doctor`.

The checks are entry points (`switchboard.checks`): each is an async function from settings to findings. One that is
named like a process gets that process's settings, if it is configured; any other gets those that all share.
"""

import asyncio
import difflib
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from bot import logs
from bot.environment import NAMED, all_kinds, configured_kinds, env_file, environment, load_all
from bot.errors import SettingsError
from bot.settings import AdapterSettings, Settings, UpSettings

Level = Literal["ok", "warning", "broken"]
Check = Callable[[Any], Awaitable[list["Finding"]]]

CHECK_LIMIT = 20.0  # s; a platform that does not answer must not hold up the others
EXIT: dict[Level, int] = {"ok": 0, "warning": 2, "broken": 1}
WORST: tuple[Level, ...] = ("broken", "warning", "ok")
PREFIX = "SWITCHBOARD_"
OTHERS = 0o077  # the bits of a file's mode that let anybody but its user in


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and what to do about it; `mend` is empty where all is well."""

    level: Level
    what: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.level:<8} {self.what}" + (f" → {self.mend}" if self.mend else "")


def run(*, as_json: bool) -> int:
    """Print the findings; 0 when all is well, 1 when something is broken, 2 when there are only warnings."""
    findings = examine()
    if as_json:
        text = json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=2)
    else:
        text = "\n".join(map(str, findings))
    sys.stdout.write(text + "\n")
    return EXIT[worst(findings)]


def worst(findings: list[Finding]) -> Level:
    """The level that decides the exit code."""
    levels = {finding.level for finding in findings}
    return next((level for level in WORST if level in levels), "ok")


def examine() -> list[Finding]:
    """All findings: those of the settings, then those of each check that the settings allow."""
    loaded, findings = _settings()
    secrets = frozenset[str]().union(*(settings.secrets for settings in loaded.values()))
    logs.configure("doctor", form="console", level="WARNING", secrets=secrets)
    clean = logs.Redaction(secrets)
    for found in asyncio.run(_checked(loaded)):
        findings += [Finding(f.level, clean(f.what), clean(f.mend)) for f in found]
    return findings


def _settings() -> tuple[dict[str, Settings], list[Finding]]:
    """The settings of each configured process (under "" those of all), and what is wrong with them."""
    try:
        given = environment()
    except SettingsError as error:
        return {}, [Finding("broken", fault, "mend the file") for fault in error.faults]
    kinds: dict[str, type[Settings]] = {"": UpSettings, **configured_kinds()}
    loaded, faults = load_all(kinds)
    findings = [Finding("broken", fault, "see `switchboard config env`") for fault in faults]
    if not any(issubclass(kind, AdapterSettings) for kind in kinds.values()):
        what = "no platform is configured"
        findings.append(Finding("broken", what, "set SLACK_BOT_TOKEN … or DISCORD_TOKEN"))
    findings += [*_readable_by_others(), *_unknown(given)]
    return loaded, findings or [Finding("ok", "settings")]


def _readable_by_others() -> Iterator[Finding]:
    path = env_file()
    if path.is_file() and path.stat().st_mode & OTHERS:
        what = f"{path}: others on this machine can read it"
        yield Finding("warning", what, f"chmod 600 {path}")


def _unknown(given: Mapping[str, str]) -> Iterator[Finding]:
    """Names that look like settings and are none: mistyped, or of another version."""
    known = set(UpSettings.fields()) | {NAMED}
    known = known.union(*(kind.names(given) for kind in all_kinds().values()))
    for name in sorted(n for n in given if n.startswith(PREFIX) and n not in known):
        near = difflib.get_close_matches(name, known, n=1)
        mend = f"did you mean {near[0]}?" if near else "remove it"
        yield Finding("warning", f"{name}: no such setting", mend)


async def _checked(loaded: dict[str, Settings]) -> list[list[Finding]]:
    """The findings of every check whose settings are there, all at the same time."""
    words = all_kinds()
    due = []
    for entry in sorted(entry_points(group="switchboard.checks"), key=lambda e: e.name):
        settings = loaded.get(entry.name if entry.name in words else "")
        if settings is not None:
            due.append(_one(entry, settings))
    return await asyncio.gather(*due)


async def _one(entry: EntryPoint, settings: Settings) -> list[Finding]:
    """A check that fails or hangs is a finding too."""
    try:
        check: Check = entry.load()
        # Until the others are imported too, which takes seconds on a slow machine, no answer could be taken: none is
        # asked for before.
        await asyncio.sleep(0)
        async with asyncio.timeout(CHECK_LIMIT):
            return await check(settings)
    except TimeoutError:
        mend = "is the network or a proxy in the way?"
        return [Finding("broken", f"{entry.name}: no answer within {CHECK_LIMIT:g} s", mend)]
    except Exception as error:  # the edge of a check, which may be somebody else's
        what = f"{entry.name}: the check itself failed ({type(error).__name__})"
        return [Finding("broken", what, "please report this")]
