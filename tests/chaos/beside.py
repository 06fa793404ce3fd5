"""Old and new version side by side: processes of another commit beside ours, on one Redis and the same platforms, and
each in turn gives way to one of the other version while people ask."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.chaos.faults import Fault
from tests.chaos.house import Slot, WiredHouse
from tests.chaos.run import Run, Size
from tests.house import Child, Word

NAMES = tuple(f"{word}-{n}" for n in (1, 2) for word in ("worker", "slack", "discord"))
SIZE = Size(questions=500, faults=4 * len(NAMES), talks=60, seconds=200)


@contextmanager
def tree(commit: str) -> Iterator[Path]:
    """The files of a commit."""
    made = subprocess.run(["git", "archive", commit], capture_output=True, check=True)
    with TemporaryDirectory(prefix="beside-") as folder:
        with tarfile.open(fileobj=io.BytesIO(made.stdout)) as files:
            files.extractall(folder, filter="data")
        yield Path(folder)


def beside(other: Path, seed: int, folder: Path | None = None, size: Size = SIZE) -> Run:
    """Every process twice, one of each version. Each ends in order and comes as the other version, one after the other,
    and back again; then the same by kill -9, so that whoever comes takes up what the other version left half done."""
    pace = size.questions / (size.faults + 1)
    faults = [
        Fault(
            int(pace * (number + 0.7)),
            "end" if number < size.faults // 2 else "kill",
            NAMES[number % len(NAMES)],
            0,
        )
        for number in range(size.faults)
    ]
    opened = partial(TwoVersions, other=other)
    return Run(seed, size, faults, folder=folder, names=NAMES, opened=opened)


class TwoVersions(WiredHouse):
    """Whoever comes in a place is of the other version than who was there before."""

    def __init__(self, *given: Any, other: Path, **settings: Any) -> None:
        super().__init__(*given, **settings)
        self._other = str(other)

    async def _launch(self, slot: Slot) -> None:
        if slot.name.endswith("-1") == (slot.starts % 2 == 0):
            slot.environment["PYTHONPATH"] = self._other
        else:
            slot.environment.pop("PYTHONPATH", None)
        await super()._launch(slot)

    async def _spawn(
        self, word: Word, arguments: Sequence[str], environment: dict[str, str], log: Path
    ) -> Child:
        if (other := environment.get("PYTHONPATH")) is None:
            return await super()._spawn(word, arguments, environment, log)
        command = [sys.executable, "-m", self.program, word, *arguments]
        with log.open("ab") as sink:
            return await asyncio.create_subprocess_exec(
                *command, env=environment, stderr=sink, stdout=sink, cwd=other
            )
