"""The machine and the versions become one sentence, in general terms."""

from __future__ import annotations

import os
import platform
import re
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bot.redis_programs import find_server

WRITES = 200
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


def disk() -> float:
    """Milliseconds until a short write is on the disk, in the median: Redis waits so long for each of its own."""
    took = []
    with tempfile.TemporaryFile() as file:
        for _ in range(WRITES):
            file.write(b"x" * 512)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append(1000 * (time.perf_counter() - began))
    return median(took)


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
