"""A model's answers as a benchmark wants them: so many chunks in so much time, of words that end in a known way."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from playground.models.requests import ChatRequest
from playground.models.scripts import Answer, Pause, Say, Step

END = "That is all."  # the last words of every answer
CHUNKS, SECONDS = 41, 1.05  # one answer of a common model, as the targets mean it
NAME = re.compile(r"question (\w+)")


@dataclass(frozen=True, slots=True)
class Steady:
    """`chunks` pieces of prose in `seconds`, to everybody alike; `characters` are those of each piece."""

    chunks: int = CHUNKS
    seconds: float = SECONDS
    characters: int = 20

    async def answer(self, request: ChatRequest) -> Answer:
        asked = NAME.search(request.prompt)
        at = hash(asked[1]) if asked else 0
        words = prose(at, (self.chunks - 1) * self.characters)
        pieces = [
            words[start : start + self.characters]
            for start in range(0, len(words), self.characters)
        ]
        return Answer([*map(Say, pieces), Say(" " + END)], pace=self.seconds / self.chunks)


@dataclass(slots=True)
class Stamped:
    """A short answer after a short thought; notes when the first words were said, by the question's name."""

    thought: float = 0.05  # s
    spoke: dict[str, float] = field(default_factory=dict)  # on `time.monotonic`

    async def answer(self, request: ChatRequest) -> Answer:
        asked = NAME.search(request.prompt)
        return Answer(_Steps(self, asked[1] if asked else ""))


class _Steps(Sequence[Step]):
    """The steps, made while they are played, so that the moment of each can be noted."""

    def __init__(self, speaker: Stamped, name: str) -> None:
        self._speaker = speaker
        self._name = name

    def __iter__(self) -> Iterator[Step]:
        yield Pause(self._speaker.thought)
        self._speaker.spoke[self._name] = time.monotonic()
        yield Say("It depends. ")
        yield Pause(self._speaker.thought)
        yield Say(END)

    def __len__(self) -> int:
        return 4

    def __getitem__(self, at: object) -> Step:
        raise NotImplementedError


def prose(at: int, characters: int) -> str:
    """English prose with Markdown, of this project's own pages: another piece for each `at`."""
    pages = _pages()
    start = at * 997 % (len(pages) - characters)
    return pages[start : start + characters]


@cache
def _pages() -> str:
    folder = Path(__file__).parents[2]
    files = (
        folder / "README.md",
        folder / "CONTRIBUTING.md",
        *sorted((folder / "docs").glob("*.md")),
    )
    text = " ".join(file.read_text("utf-8") for file in files if file.name != "benchmarks.md")
    return re.sub(r"[|`<>\[\]#]+|\s+", " ", text)
