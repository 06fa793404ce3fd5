"""What people regretted, and what is right then: a question in its new words or none at all, an answer that says it was
stopped, one that is given again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from tests.chaos.history import (
    Admitted,
    Amended,
    Asked,
    Called,
    Claimed,
    Committed,
    History,
    Regretted,
    Retried,
)


def times(events: Iterable[Claimed | Committed | Retried]) -> defaultdict[int, list[float]]:
    """When each question had one of these."""
    found: defaultdict[int, list[float]] = defaultdict(list)
    for event in events:
        found[event.question].append(event.at)
    return found


@dataclass
class Regrets:
    """The same history, as far as people changed their minds in it."""

    history: History

    @cached_property
    def deleted(self) -> set[int]:
        """The questions that may be told to no model any more."""
        return {a.question for a in self.history.of(Amended) if a.how == "delete"}

    @cached_property
    def ended(self) -> set[int]:
        """The questions whose answer may be a beginning of it, or nothing: somebody of their conversation stopped or
        deleted one, the store was told that it is this one, and nobody has it answered again; or it was deleted
        before it was admitted."""
        regretted = {(r.talk, r.how) for r in self.history.of(Regretted)}
        admitted = {a.question for a in self.history.of(Admitted)}
        unheard = {r.question for r in self.history.of(Regretted) if r.how == "delete"} - admitted
        return unheard | {
            a.question
            for a in self.history.of(Amended)
            if a.how in ("stop", "delete")
            and (self._talks.get(a.question), a.how) in regretted
            and not any(at > a.at for at in self._retried[a.question])
        }

    def pays_twice(self, call: Called) -> float | None:
        """How long after an accepted COMMIT the model was asked again (s) where nobody wanted another answer. The
        request of an answer that was stopped may stand on a dead line, and arrive after its COMMIT."""
        done = [at for at in self._commits[call.question] if at < call.at]
        wanted = [at for at in self._retried[call.question] if at < call.at]
        if len(done) <= len(wanted):
            return None
        claimed = any(done[-1] < at < call.at for at in self._claims[call.question])
        return None if call.question in self.ended and not claimed else call.at - done[-1]

    def unheeded(
        self, whole: Collection[int], marked: Collection[int]
    ) -> Iterator[tuple[int | None, str]]:
        """Where what came in time did not count: the conversation, and what is wrong. `whole` and `marked` are the
        questions whose answer is all there, and has a word of the bot's own below it. A holder that has slept may
        still ask: only who claims it later must know."""
        calls = list(self.history.of(Called))
        for amended in self.history.of(Amended):
            question, talk = amended.question, self._talks.get(amended.question)
            again = self._retried[question]
            known = [at for at in self._claims[question] if at > amended.at]
            later = [c for c in calls if c.question == question and any(at < c.at for at in known)]
            match amended.state:
                case "replaced" if not all(call.edited for call in later):
                    yield talk, f"q{question} was asked in its former words"
                case "cancelled" if known and not any(at > amended.at for at in again):
                    yield talk, f"q{question} was taken up after its {amended.how}"
                case "stopping" if question in whole and question not in marked and not again:
                    yield talk, f"q{question} has no mark of its {amended.how}"
        wanted = Counter(r.talk for r in self.history.of(Regretted) if r.how == "stop")
        stopped = {a.question for a in self.history.of(Amended) if a.how == "stop"}
        for talk, count in Counter(self._talks.get(question) for question in stopped).items():
            if count > wanted[talk or 0]:
                yield talk, f"{count} were stopped where {wanted[talk or 0]} were to be"

    # ---- steps ----------------------------------------------------------------------------------------------

    @cached_property
    def _talks(self) -> dict[int, int]:
        return {event.question: event.talk for event in self.history.of(Asked)}

    @cached_property
    def _retried(self) -> defaultdict[int, list[float]]:
        return times(self.history.of(Retried))

    @cached_property
    def _claims(self) -> defaultdict[int, list[float]]:
        return times(self.history.of(Claimed))

    @cached_property
    def _commits(self) -> defaultdict[int, list[float]]:
        return times(self.history.of(Committed))
