"""How long people saw nothing new of an answer that a fault hit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from tests.chaos.history import Claimed, Committed, History, Seen, Struck

SETTLES = 5.0  # s after the end of a fault until its consequences are over


@dataclass(frozen=True, slots=True)
class Pauses:
    """After one kind of fault: how many answers it hit, and the longest pause in each (s)."""

    kind: str
    seconds: tuple[float, ...]

    @property
    def middle(self) -> float:
        return median(self.seconds)

    @property
    def longest(self) -> float:
        return max(self.seconds, default=0.0)


def pauses(history: History) -> list[Pauses]:
    """After kill -9 and after SIGTERM of a worker from the signal on, after kill -9 of Redis from its return on. Hit is
    an answer that was being made there: claimed, and not accepted as whole. Its pause is the longest time from then to
    its end in which nothing new of it was seen. What another fault hit in that time too is left out."""
    life = _lives(history)
    found: defaultdict[str, list[float]] = defaultdict(list)
    faults = list(history.of(Struck))
    for fault in faults:
        begins = fault.ended if fault.victim == "redis" else fault.at
        if fault.kind not in ("kill", "end") or not fault.victim.startswith(("worker", "redis")):
            continue
        for question in _hit(history, fault):
            following = [begins, *(at for at in life[question] if at > begins)]
            if len(following) > 1 and not _others(faults, fault, following[-1]):
                silence = max(after - before for before, after in pairwise(following))
                found[f"{fault.kind} {fault.victim.partition('-')[0]}"].append(silence)
    return [Pauses(kind, tuple(seconds)) for kind, seconds in sorted(found.items())]


def _others(faults: Iterable[Struck], fault: Struck, until: float) -> bool:
    """Whether something else went wrong meanwhile, or shortly before."""
    begins = fault.at - SETTLES
    return any(o is not fault and o.at < until and max(o.at, o.ended) > begins for o in faults)


def _hit(history: History, fault: Struck) -> Iterable[int]:
    """The questions that were being answered there at that moment."""
    holders: dict[int, str] = {}
    for event in history.events:
        if isinstance(event, Claimed) and event.at <= fault.at:
            holders[event.question] = event.slot
        elif isinstance(event, Committed) and event.at <= fault.at:
            holders.pop(event.question, None)
    return [q for q, slot in holders.items() if fault.victim in (slot, "redis")]


def _lives(history: History) -> defaultdict[int, list[float]]:
    """When something new of each answer was seen."""
    found: defaultdict[int, list[float]] = defaultdict(list)
    texts: dict[tuple[str, str], str] = {}
    for seen in history.of(Seen):
        key, words = (seen.place, seen.message), seen.text + seen.notes
        if seen.about is not None and texts.get(key) != words:
            texts[key] = words
            found[seen.about].append(seen.at)
    return found
