"""A running process becomes the CPU time it has used and the memory it holds, as Linux counts them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
MB = 2**20


def cpu(pids: Iterable[int]) -> float:
    """Seconds of CPU, user and system, that these processes and their children that ended have used."""
    return sum(_cpu(pid) for pid in pids)


def _cpu(pid: int) -> float:
    """Of all threads, in ticks of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICK


def rss(pid: int) -> float:
    """MB of memory that is present."""
    return _kilobytes(f"/proc/{pid}/status", "VmRSS") / 1024


def pss(pid: int) -> float:
    """MB of memory, what is shared divided by those who share it."""
    return _kilobytes(f"/proc/{pid}/smaps_rollup", "Pss") / 1024


def _kilobytes(path: str, field: str) -> int:
    found = re.search(rf"^{field}:\s*(\d+) kB", Path(path).read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{path} does not tell {field}")
    return int(found[1])


def pin(pid: int, *cores: int) -> None:
    """Keep a process with all its threads on these cores; what it starts from now on stays there too."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), cores)
