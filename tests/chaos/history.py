"""What happened in a run, as values: all that the checker knows. Times are seconds of one monotonic clock."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

Regret = Literal["edit", "delete", "stop", "retry"]

MARK = re.compile(r"\bc(\d+)-q(\d+)\b")  # a question's canary: its conversation and its number


@dataclass(frozen=True, slots=True)
class Canary:
    """Stands in a question and all through its answer, and says where both belong."""

    talk: int
    question: int

    def __str__(self) -> str:
        return f"c{self.talk}-q{self.question}"

    @classmethod
    def all_in(cls, text: str) -> list[Canary]:
        return [cls(int(talk), int(question)) for talk, question in MARK.findall(text)]

    @classmethod
    def last_in(cls, text: str) -> Canary | None:
        found = cls.all_in(text)
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Asked:
    """A person asked. `answer` is the whole text that the model has for it; without one only some words are due."""

    at: float
    talk: int
    question: int
    platform: str
    answer: str = ""
    words: int = 1  # how many messages of the bot's own words may come


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The platform was told that the question is safe, or need not be told (a gateway has no acks)."""

    at: float
    question: int


@dataclass(frozen=True, slots=True)
class Admitted:
    """The question became durable at some moment between the first request and the first reply to it. `line` is what
    the product takes for its conversation."""

    question: int
    asked_at: float
    at: float
    line: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A worker took the question."""

    at: float
    question: int
    slot: str


@dataclass(frozen=True, slots=True)
class Committed:
    """An answer of it was accepted: its whole one, or what there was of one that was stopped."""

    at: float
    question: int


@dataclass(frozen=True, slots=True)
class Called:
    """The model was asked; `canaries` are those of everything that people said in the request, in its order."""

    at: float
    talk: int
    question: int
    canaries: tuple[Canary, ...] = ()
    edited: bool = False  # the question came in its new words


@dataclass(frozen=True, slots=True)
class Regretted:
    """The author of a question edits or deletes it, stops its answer, or has it answered again."""

    at: float
    talk: int
    question: int
    how: Regret


@dataclass(frozen=True, slots=True)
class Amended:
    """The store was told of an edit, a deletion or a stop; what became of it, once it has said so."""

    at: float
    question: int
    how: Regret
    state: str = ""


@dataclass(frozen=True, slots=True)
class Retried:
    """The question waits for another answer in the place of the one that it has."""

    at: float
    question: int


@dataclass(frozen=True, slots=True)
class Seen:
    """A message of the bot as it is to be seen from now on. Without `text`, `notes` and `thinking` it is gone.

    `question` is what the platform itself ties it to (a reply, metadata, an interaction); `place` and `order` say where
    it stands among the others. `talk` is whose place it is.
    """

    at: float
    place: str
    message: str
    text: str = ""
    notes: str = ""  # the bot's own words below a text, or instead of one
    question: int | None = None
    talk: int | None = None
    thinking: bool = False
    private: bool = False

    @property
    def gone(self) -> bool:
        return not (self.text or self.notes or self.thinking)

    @property
    def about(self) -> int | None:
        """The question that it is about: the platform's own tie, else the first canary in its text."""
        if self.question is not None:
            return self.question
        canaries = Canary.all_in(self.text)
        return canaries[0].question if canaries else None


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault began and ended; `started` is when what it hit served again."""

    at: float
    kind: str
    victim: str
    ended: float = 0.0


@dataclass(frozen=True, slots=True)
class Fell:
    """A process ended that nobody killed."""

    at: float
    slot: str
    code: int


@dataclass(frozen=True, slots=True)
class Left:
    """What the store still held when everything was to be at rest."""

    what: str
    members: tuple[str, ...]


Event = (
    Asked
    | Acknowledged
    | Admitted
    | Claimed
    | Committed
    | Called
    | Regretted
    | Amended
    | Retried
    | Seen
    | Struck
    | Fell
    | Left
)
KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        *(Asked, Acknowledged, Admitted, Claimed, Committed),
        *(Called, Regretted, Amended, Retried),
        *(Seen, Struck, Fell, Left),
    )
}


@dataclass(slots=True)
class History:
    """Events in the order in which they were noted."""

    events: list[Event] = field(default_factory=list)
    redis: str = ""  # its version

    def add(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[Event]) -> Iterator[Event]:
        return (event for event in self.events if isinstance(event, kind))

    def of_talk(self, talk: int) -> list[Event]:
        """All that happened in one conversation, and the faults from its beginning to its end."""
        questions = {asked.question for asked in self.of(Asked) if asked.talk == talk}
        own = [
            event
            for event in self.events
            if getattr(event, "talk", None) == talk or getattr(event, "question", None) in questions
        ]
        ends = [number for number, event in enumerate(self.events) if event in own]
        if not ends:
            return []
        meanwhile = self.events[ends[0] : ends[-1] + 1]
        return [event for event in meanwhile if event in own or isinstance(event, Struck | Fell)]

    def save(self, path: Path) -> None:
        """One line of JSON for each event."""
        lines = (json.dumps([type(e).__name__, asdict(e)]) for e in self.events)
        path.write_text("\n".join(lines) + "\n")

    @classmethod
    def load(cls, path: Path) -> History:
        return cls([_event(*json.loads(line)) for line in path.read_text().splitlines()])


def _event(kind: str, fields: dict[str, object]) -> Event:
    if isinstance(canaries := fields.get("canaries"), list):
        fields["canaries"] = tuple(Canary(**canary) for canary in canaries)
    if isinstance(members := fields.get("members"), list):
        fields["members"] = tuple(members)
    return KINDS[kind](**fields)  # type: ignore[arg-type]


def squeezed(text: str) -> str:
    """Without white space: where a text is split, some of it goes."""
    return "".join(text.split())


def last(events: Iterable[Seen]) -> list[Seen]:
    """The last state of each message, in the order of first appearance."""
    found: dict[tuple[str, str], Seen] = {}
    for seen in events:
        found[seen.place, seen.message] = seen
    return list(found.values())
