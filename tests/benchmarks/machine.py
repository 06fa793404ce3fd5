"""The machine and the versions become one sentence, in general terms."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

from bot.redis_programs import find_server

PACKAGES = ("openai", "slack-bolt", "discord.py", "celery", "redis", "aiohttp")


def described() -> str:
    """Processor, cores, memory, versions."""
    return (
        f"{_processor()}, {os.cpu_count()} cores, {_memory():.0f} GB; {platform.system()};"
        f" Python {platform.python_version()}; Redis {find_server()[1]}; "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    )


def load() -> float:
    """What else runs: the mean number of busy processes of the last minute."""
    return os.getloadavg()[0]


def _processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", _read("/proc/cpuinfo"))
    return " ".join(found[1].split()) if found else platform.machine()


def _memory() -> float:
    found = re.search(r"MemTotal:\s*(\d+) kB", _read("/proc/meminfo"))
    return int(found[1]) / 2**20 if found else 0.0


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
