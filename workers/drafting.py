"""A turn becomes an outcome: its context and its question go to a model, what streams back grows the reply."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.blobs import Blobs
from bot.conversation import pack, remembered
from bot.errors import BotError, ContextTooLong, ModelGone, ProviderBusy, ProviderError
from bot.models import Catalog, ModelSpec
from bot.names import Names
from bot.reply import Replies
from bot.stored import Stored
from bot.types import Attachment, ChatMessage, ImagePart, Phase, Prompt, Turn, Usage
from bot.work import Outcome
from workers import prompt, tokens
from workers.identity import Pseudonyms
from workers.leases import Held
from workers.prompt import named
from workers.providers import Providers
from workers.writer import Writer

log = logging.getLogger(__name__)

TRIES = 2  # of one model, before anything is visible
PAUSE = 0.5  # s between them, where the provider does not say
WAIT_IN_PLACE = (
    10.0  # s: a provider's "later" up to this is waited for; a longer one goes to the fallback
)
LENGTH = "The answer stops here because it reached the model's length limit."


class Drafting:
    """Makes answers. One instance serves all conversations of the process; nothing of one stays in it."""

    def __init__(
        self,
        replies: Replies,
        blobs: Blobs,
        names: Names,
        catalog: Catalog,
        providers: Providers,
        pseudonyms: Pseudonyms,
        *,
        budget: int,
    ) -> None:
        self._replies = replies
        self._blobs = blobs
        self._names = names
        self._catalog = catalog
        self._providers = providers
        self._pseudonyms = pseudonyms
        self._budget = budget
        self._calibrations: dict[str, tokens.Calibration] = {}  # by alias, of numbers alone

    async def draft(self, held: Held, stored: Stored) -> Outcome:
        """The outcome of a turn; what a model or its provider did wrong is an outcome too."""
        turn = stored.turn
        if turn is None:
            raise ValueError("a turn without a record has no draft")
        problems = [file.problem or _missing(file) for file in turn.message.files if not file.blob]
        quoted = {quote.by: "" for quote in turn.message.quotes if quote.by}
        question = prompt.question(turn.message, await self._called(turn, quoted))
        if not question.parts:
            words = problems or [prompt.NOTHING_ASKED]
            return Outcome(Phase.ANSWERED, "", notes=tuple(words))
        history = remembered(*held.grant.log)
        tail = _replaced(turn, history)
        history = history[: len(history) - tail]
        people = await self._called(turn, prompt.unnamed((*history, question)))
        history = [prompt.spoken(message, people) for message in history]
        asked = prompt.spoken(question, people)
        writer = Writer(self._replies, held, turn.model)
        draft = _Draft(
            held, turn, question, asked, history, writer, problems, notes=[*problems], tail=tail
        )
        held.so_far = lambda: self._outcome(draft, Phase.STOPPED)
        async with writer:
            try:
                await self._answer(draft)
            except BotError as error:
                draft.fault = error
        return self._outcome(draft, Phase.ANSWERED if draft.fault is None else Phase.FAILED)

    async def _called(self, turn: Turn, people: Mapping[str, str]) -> Mapping[str, str]:
        """How these people are called in notes: by the names that are kept, or else by those that are given."""
        if not people:
            return people
        channel = turn.message.thread.channel
        kept = await self._names.of(channel.platform, channel.workspace, people)
        return {id: prompt.called(id, kept.get(id) or name) for id, name in people.items()}

    async def _answer(self, draft: _Draft) -> None:
        """The turn's model; while nothing is visible its fallbacks, or its successor where it is gone."""
        today = datetime.now(UTC).date()
        spec, note = self._catalog.resolve(draft.turn.model, today)
        draft.begin(spec, note)
        fault = await self._patiently(draft)
        if fault is None:
            return
        for alias in self._others(spec, fault):
            other = self._catalog.find(alias)
            if draft.writer.text or other.gone(today):
                continue
            draft.begin(other, note, f"{spec.alias} could not answer; {alias} did in its place.")
            if await self._patiently(draft) is None or draft.writer.text:
                return
        if (
            not draft.writer.text
        ):  # nobody could: what matters is why the model that was asked could not
            draft.begin(spec, note)
            draft.fault = fault

    def _others(self, spec: ModelSpec, fault: ProviderError) -> tuple[str, ...]:
        """Who may answer in a model's place. The question's and the operator's faults are told instead."""
        if isinstance(fault, ModelGone):
            heir = (spec.successor,) if spec.successor else ()
            return tuple(dict.fromkeys((*heir, *spec.fallback)))
        return spec.fallback if fault.retryable else ()

    async def _patiently(self, draft: _Draft) -> ProviderError | None:
        """One model; tried again before anything is visible where that may help. Its fault, if it has one."""
        budget = self._budget
        for left in reversed(range(TRIES)):
            try:
                await self._stream(draft, budget)
                draft.fault = None
                break
            except ProviderError as error:
                draft.fault = fault = error
                log.warning(
                    "model.failed turn=%s alias=%s why=%s",
                    draft.turn.id,
                    draft.spec.alias,
                    type(error).__name__,
                )
                if draft.writer.text or not left:
                    return fault
                if isinstance(error, ContextTooLong) and draft.history:
                    budget = min(budget, sum(m.tokens for m in draft.history)) // 2
                elif (wait := _wait(error)) is not None:
                    await asyncio.sleep(wait)
                else:
                    return fault
        return None

    async def _stream(self, draft: _Draft, budget: int) -> None:
        spec = draft.spec
        messages = prompt.build(prompt.SYSTEM, draft.history, draft.asked, spec=spec, budget=budget)
        names = [p.blob for m in messages for p in m.parts if isinstance(p, ImagePart)]
        blobs = await self._blobs.get(names) if spec.sees else {}
        message, channel = draft.turn.message, draft.turn.message.thread.channel
        asked = Prompt(
            messages,
            blobs,
            user=self._pseudonyms.of(channel.platform, channel.workspace, message.author.id),
            cache_key=self._pseudonyms.of(draft.turn.conversation),
        )
        draft.estimated = tokens.of_messages(messages, spec)
        if any(isinstance(p, ImagePart) for p in draft.question.parts) and not spec.sees:
            draft.remark(self._blind(spec))
        await draft.held.secured()
        async for delta in self._providers.stream(spec, asked):
            if delta.text:
                draft.writer.add(delta.text)
            if delta.usage is not None:
                draft.usage = delta.usage
            if delta.finish == "length":
                draft.remark(LENGTH)

    def _blind(self, spec: ModelSpec) -> str:
        seeing = next((s.alias for s in self._catalog.models.values() if s.sees), "")
        hint = f" Ask again with `--model {seeing}` to have it looked at." if seeing else ""
        return f"{spec.alias} cannot see images, so only the text was answered.{hint}"

    def _outcome(self, draft: _Draft, phase: Phase) -> Outcome:
        """The text so far, what the log gains and loses, and the bot's own lines."""
        text, spec, fault = draft.writer.text, draft.chosen, draft.fault
        alias = spec.alias if spec else draft.turn.model
        if phase is Phase.FAILED and fault is not None:
            draft.remark(fault.sentence)
        elif text and (draft.turn.message.model or alias != draft.turn.model):
            draft.remark(f"Answered by {alias}.")
        entries: tuple[tuple[bytes, int], ...] = ()
        drop = 0
        if text and spec is not None:
            said = prompt.answer(text, alias, cut=phase is not Phase.ANSWERED)
            entries = tuple(
                (pack(message), self._cost(message, spec)) for message in (draft.question, said)
            )
            costs = [message.tokens for message in draft.history] + [cost for _, cost in entries]
            drop = min(prompt.compaction(costs, self._budget), len(draft.history))
            self._learn(alias, draft)
        # An answer that is stopped before its first word leaves the one that it was to replace.
        tail = draft.tail if text or phase is not Phase.STOPPED else 0
        return Outcome(phase, text, alias, tuple(draft.notes), draft.usage, entries, drop, tail)

    def _cost(self, message: ChatMessage, spec: ModelSpec) -> int:
        known = self._calibrations.get(spec.alias, tokens.Calibration())
        return known.apply(tokens.of_message(message, spec))

    def _learn(self, alias: str, draft: _Draft) -> None:
        known = self._calibrations.get(alias, tokens.Calibration())
        self._calibrations[alias] = known.after(draft.estimated, draft.usage)


@dataclass(slots=True)
class _Draft:
    """One answer in the making."""

    held: Held
    turn: Turn
    question: ChatMessage  # as it enters the log
    asked: ChatMessage  # as the model is given it
    history: Sequence[ChatMessage]
    writer: Writer
    problems: Sequence[str]  # what is to be told whichever model answers
    notes: list[str]
    chosen: ModelSpec | None = None  # the model that answers, once there is one
    fault: BotError | None = None
    usage: Usage = field(default_factory=Usage)
    estimated: int = 0  # tokens of the prompt
    tail: int = 0  # entries of the log that the answer replaces

    @property
    def spec(self) -> ModelSpec:
        if self.chosen is None:
            raise ValueError("no model was chosen yet")
        return self.chosen

    def begin(self, spec: ModelSpec, *notes: str) -> None:
        """This model is to answer; what was noted of another one is not true of it."""
        self.chosen, self.notes = spec, []
        for words in (*self.problems, *notes):
            self.remark(words)

    def remark(self, words: str) -> None:
        """One of the bot's own lines below the answer, once."""
        if words and words not in self.notes:
            self.notes.append(words)


def _replaced(turn: Turn, history: Sequence[ChatMessage]) -> int:
    """How many of the newest entries are the question and the answer that a retry replaces: none where that answer
    never entered the log. Nothing was answered since, the admission has seen to that."""
    asked = history[-2] if turn.retries and len(history) > 1 else None
    return 2 if asked and (asked.role, asked.source) == ("user", turn.message.id) else 0


def _missing(file: Attachment) -> str:
    """The adapter could not bring it before the turn had to go on."""
    return f"The file {named(file.name)} did not arrive in time, so it was not looked at."


def _wait(error: ProviderError) -> float | None:
    """Seconds after which the same model may be asked again; None: it is not worth it."""
    if not error.retryable:
        return None
    if isinstance(error, ProviderBusy) and error.retry_after is not None:
        return error.retry_after if error.retry_after <= WAIT_IN_PLACE else None
    return PAUSE
