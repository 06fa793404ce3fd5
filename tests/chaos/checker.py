"""Judges a history by what docs/reliability.md promises. Knows nothing of the product."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from tests.chaos.history import (
    Acknowledged,
    Admitted,
    Asked,
    Called,
    Canary,
    Committed,
    Fell,
    History,
    Left,
    Seen,
    last,
    squeezed,
)
from tests.chaos.regrets import Regrets

LATEST = (
    10  # questions of a conversation that fit into what a model is told, with all their answers
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise that was broken; docs/reliability.md says what each kind means."""

    kind: str
    talk: int | None
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: c{self.talk}: {self.detail}"


def check(history: History) -> list[Verdict]:
    """Everything that is wrong; nothing is what it should be."""
    return list(_Case(history).verdicts())


@dataclass
class _Case:
    history: History
    by_message: dict[tuple[str, str], Seen] = field(default_factory=dict)

    def verdicts(self) -> Iterator[Verdict]:
        yield from self._ends()
        yield from self._orders()
        yield from self._orphans()
        yield from self._mixtures()
        yield from self._requests()
        yield from self._blindness()
        marked = {q for q, seen in self.answers.items() if any(one.notes for one in seen)}
        for talk, detail in self.regrets.unheeded(self.whole, marked):
            yield Verdict("unheeded", talk, detail)
        for left in self.history.of(Left):
            yield Verdict("left over", None, f"{left.what}: {', '.join(left.members)}")
        for fell in self.history.of(Fell):
            yield Verdict("fell", None, f"{fell.slot} ended with {fell.code}")

    # ---- what there is ----------------------------------------------------------------------------------

    @cached_property
    def asked(self) -> dict[int, Asked]:
        return {event.question: event for event in self.history.of(Asked)}

    @cached_property
    def seen(self) -> list[Seen]:
        return list(self.history.of(Seen))

    @cached_property
    def at_last(self) -> list[Seen]:
        return [seen for seen in last(self.seen) if not seen.gone]

    @cached_property
    def answers(self) -> dict[int, list[Seen]]:
        """The messages that show each question's answer, in their order. For one person alone a part may come twice:
        neither platform lets anybody look for it."""
        found: defaultdict[int, list[Seen]] = defaultdict(list)
        for seen in self.at_last:
            if (question := seen.about) is None:
                continue
            before = found[question]
            if before and seen.private and seen.text.startswith(before[-1].text.rstrip()):
                before.pop()
            before.append(seen)
        return found

    @cached_property
    def whole(self) -> set[int]:
        """The questions whose answer is there, all of it and nothing besides."""
        return {
            question
            for question, messages in self.answers.items()
            if question in self.asked
            and squeezed("".join(seen.text for seen in messages))
            == squeezed(self.asked[question].answer)
        }

    @cached_property
    def committed(self) -> dict[int, float]:
        found: dict[int, float] = {}
        for event in self.history.of(Committed):
            found.setdefault(event.question, event.at)
        return found

    @cached_property
    def regrets(self) -> Regrets:
        return Regrets(self.history)

    def _blindness(self) -> Iterator[Verdict]:
        """What is to be judged must have been seen. Of single steps the reply may be lost with the one who gave it."""
        admitted = {event.question for event in self.history.of(Admitted)}
        called = {event.question for event in self.history.of(Called)}
        for what, known in (
            ("admission", admitted),
            ("request", called),
            ("commit", set(self.committed)),
        ):
            unseen = len(self.whole - known)
            if unseen > max(len(self.whole) // 10, 2):
                yield Verdict("unseen", None, f"of {unseen} whole answers the {what}")

    # ---- lost, silent, doubled ----------------------------------------------------------------------------

    def _ends(self) -> Iterator[Verdict]:
        safe = {event.question for event in self.history.of(Acknowledged)}
        sentences = Counter(seen.talk for seen in self.at_last if seen.about is None)
        for question, asked in self.asked.items():
            messages = self.answers.get(question, [])
            told = squeezed("".join(seen.text for seen in messages))
            due = squeezed(asked.answer)
            said = any(seen.notes for seen in messages)
            name = f"q{question}"
            if told.count(due) > 1 if due else len(messages) > 1:
                yield Verdict("doubled", asked.talk, f"{name} was answered {told.count(due)} times")
            elif question in self.whole:
                continue
            elif question in self.regrets.ended:
                if not due.startswith(told) or (told and not said):
                    yield Verdict("lost", asked.talk, f"{name} was stopped, ends in {told[-60:]!r}")
            elif due and told.startswith(due):
                yield Verdict(
                    "doubled",
                    asked.talk,
                    f"{name} has more than its answer: {told[len(due) :][:80]}",
                )
            elif said or (messages and not due):
                continue
            elif sentences[asked.talk] > 0:
                sentences[asked.talk] -= 1
            elif question not in safe:
                continue
            elif told:
                yield Verdict(
                    "lost", asked.talk, f"{name} ends in {told[-60:]!r}, {len(told)} of {len(due)}"
                )
            else:
                yield Verdict("silent", asked.talk, f"{name} has nothing")

    # ---- order --------------------------------------------------------------------------------------------

    def _orders(self) -> Iterator[Verdict]:
        """Within a conversation answers begin in the order of admission, and one is whole before the next begins. Two
        admissions that overlapped have no order."""
        lines: defaultdict[str, list[Admitted]] = defaultdict(list)
        for event in self.history.of(Admitted):
            lines[event.line].append(event)
        began, grew = self._lives()
        for admissions in lines.values():
            shown = [a for a in admissions if a.question in began]
            for one in shown:
                for other in shown:
                    if one.at >= other.asked_at or one.question == other.question:
                        continue
                    talk = self.asked[one.question].talk if one.question in self.asked else None
                    if began[other.question] < began[one.question]:
                        detail = f"q{other.question} was shown before q{one.question}"
                        yield Verdict("out of order", talk, detail)
                    elif began[other.question] < grew[one.question]:
                        detail = f"q{other.question} began before q{one.question} was whole"
                        yield Verdict("out of order", talk, detail)

    def _lives(self) -> tuple[dict[int, float], dict[int, float]]:
        """When the text of each answer began to be seen, and when it last became another one."""
        began: dict[int, float] = {}
        grew: dict[int, float] = {}
        texts: dict[tuple[str, str], str] = {}
        for seen in self.seen:
            question, key = seen.about, (seen.place, seen.message)
            if question is None or not seen.text or texts.get(key) == seen.text:
                continue
            texts[key] = seen.text
            began.setdefault(question, seen.at)
            grew[question] = seen.at
        return began, grew

    # ---- orphans, mixtures ----------------------------------------------------------------------------------

    def _orphans(self) -> Iterator[Verdict]:
        """Words of the bot's own that nothing ties to a question may be as many as the conversation's questions call
        for. A notice for one person alone may come twice: nobody can look for it."""
        due = Counter[int | None]()
        for question, asked in self.asked.items():
            due[asked.talk] += 0 if question in self.whole else asked.words
        for seen in self.at_last:
            if seen.thinking:
                yield Verdict("orphaned", seen.talk, f"{seen.message} thinks for ever")
            elif seen.about is None and not seen.private and due[seen.talk] > 0:
                due[seen.talk] -= 1
            elif seen.about is None and not seen.private:
                words = (seen.text or seen.notes)[:80]
                yield Verdict("orphaned", seen.talk, f"{seen.message} in {seen.place}: {words!r}")
            elif (question := seen.about) is not None and question not in self.asked:
                yield Verdict("orphaned", seen.talk, f"nobody asked q{question}")

    def _mixtures(self) -> Iterator[Verdict]:
        for seen in self.seen:
            told: set[tuple[int, int]] = set()
            for canary in Canary.all_in(seen.text + seen.notes):
                wrong = seen.talk is not None and canary.talk != seen.talk
                if wrong or (seen.question is not None and canary.question != seen.question):
                    if (canary.talk, canary.question) not in told:
                        yield Verdict(
                            "mixed up", seen.talk, f"{canary} in {seen.place}, {seen.message}"
                        )
                    told.add((canary.talk, canary.question))

    # ---- what the model was asked -----------------------------------------------------------------------------

    def _requests(self) -> Iterator[Verdict]:
        before: defaultdict[int, list[int]] = defaultdict(list)  # committed questions of each talk
        for question, _ in sorted(self.committed.items(), key=lambda item: item[1]):
            if question in self.asked:
                before[self.asked[question].talk].append(question)
        lines = {event.question: event.line for event in self.history.of(Admitted)}
        for call in self.history.of(Called):
            after = self.regrets.pays_twice(call)
            if after is not None:
                yield Verdict(
                    "paid twice", call.talk, f"q{call.question}, {after:.3f} s after COMMIT"
                )
            yield from self._context(call, before[call.talk], lines)

    def _context(self, call: Called, before: list[int], lines: dict[int, str]) -> Iterator[Verdict]:
        told = [canary.question for canary in call.canaries]
        for canary in call.canaries:
            if canary.talk != call.talk:
                yield Verdict(
                    "mixed up", call.talk, f"{canary} was sent to the model with q{call.question}"
                )
        for question, times in Counter(told).items():
            if times > 1:
                yield Verdict(
                    "forgotten",
                    call.talk,
                    f"q{question} was told {times} times with q{call.question}",
                )
        line, shown = lines.get(call.question), self.whole - self.regrets.deleted
        due = [
            question
            for question in before
            if self.committed[question] < call.at and question in shown
            if line is not None and lines.get(question) == line and question != call.question
        ]
        kept = [question in told for question in due]
        if sum(kept) >= LATEST:
            due = due[kept.index(True) :]  # the oldest are beyond what a model is told
        for question in due:
            if question not in told:
                yield Verdict(
                    "forgotten", call.talk, f"q{question} was not told with q{call.question}"
                )
