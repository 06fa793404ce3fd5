"""Events of a stream become the text and the end of one answer, or the error that it really was.

Streams end without a word, break, carry errors under status 200, or say nothing at all; none of that may look like an
answer.
"""

from __future__ import annotations

from typing import Any, Literal

from bot.errors import AnswerCut, ProviderDown, ProviderError, Refused
from bot.model_specs import ModelSpec
from bot.types import Delta, Prompt, Usage
from workers import tokens
from workers.providers import faults
from workers.providers.events import Event

MOST_TEXT = 400_000  # characters; an answer that is longer is cut
TAIL = 2.0  # s for usage and the end of the stream, once the answer is complete
DRAIN = 0.1  # s for the end of the body, once the stream said `[DONE]`

FINISH: dict[str, Literal["stop", "length"]] = {
    "stop": "stop",
    "end_turn": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
}


class Answer:
    """What has come in of one answer. Times are those of the loop's clock, in seconds."""

    def __init__(self, spec: ModelSpec, began: float) -> None:
        self._spec = spec
        self._end = began + spec.answer_seconds
        self._due = began + spec.first_token
        self._parts: list[str] = []
        self._length = 0
        self._refusal = False
        self._usage: dict[str, Any] | None = None
        self.finish: str | None = None
        self.began = began
        self.first: float | None = None  # when the first text came

    @property
    def deadline(self) -> float:
        """Until when something has to come."""
        return min(self._due, self._end)

    @property
    def full(self) -> bool:
        return self._length >= MOST_TEXT

    def take(self, event: Event, now: float) -> str:
        """The text in an event; raises what an error in it means."""
        if event.get("error"):
            raise self._failed(event)
        if isinstance(usage := event.get("usage"), dict):
            self._usage = usage
        choice = _first(event.get("choices"))
        text = self._text(choice.get("delta") or choice.get("message"))
        if text:
            self.first = self.first or now
            self._due = now + self._spec.silence
            self._parts.append(text)
            self._length += len(text)
        if reason := choice.get("finish_reason"):
            self.finish = str(reason)
            self._due = now + TAIL
        return text

    def done(self, now: float) -> None:
        """The stream said that it is over, which is an end also where no reason was given for it."""
        self.finish = self.finish or "stop"
        self._due = now + DRAIN

    def _text(self, delta: object) -> str:
        if not isinstance(delta, dict):
            return ""
        self._refusal = self._refusal or bool(delta.get("refusal"))
        content = delta.get("content")
        if isinstance(content, list):  # parts; those that are no text are the model's thoughts
            content = "".join(
                str(part.get("text", "")) for part in content if isinstance(part, dict)
            )
        return content if isinstance(content, str) else ""

    # ---- ends ----------------------------------------------------------------------------------------------------

    def last(self, prompt: Prompt) -> Delta:
        """The delta that ends a complete answer; raises what an incomplete one is."""
        if self.full:
            return Delta(finish="length", usage=self._counted(prompt))
        if self.finish == "content_filter" or (self._refusal and not self._parts):
            raise faults.of_kind(self._spec.alias, Refused)
        if self.finish is None:
            raise self.broke("it ended in the middle", "gave no answer")
        finish = FINISH.get(self.finish)
        if finish is None:
            raise self.broke(
                "it wanted to use a tool, and has none", "wanted to use a tool, and has none"
            )
        if not self._parts and finish == "length":
            raise AnswerCut(
                f"{self._spec.alias} used up the length of its answer with thinking, before it wrote a word."
                " Ask something smaller, or ask another model."
            )
        if not self._parts:
            raise self.broke("", "gave an empty answer")
        return Delta(finish=finish, usage=self._counted(prompt))

    def stalled(self, now: float) -> ProviderError:
        """The deadline has passed."""
        spec = self._spec
        if now >= self._end:
            limit = f"{spec.answer_seconds:g} s"
            return self.broke(
                f"it was not complete after {limit}", f"gave no answer within {limit}"
            )
        return self.broke(
            f"nothing more came for {spec.silence:g} s",
            f"did not begin to answer within {spec.first_token:g} s",
        )

    def broke(self, how: str, instead: str) -> ProviderError:
        """Something was received and then `how`; or nothing was, and the model did something else `instead`."""
        alias = self._spec.alias
        if self._parts:
            return AnswerCut(
                f"The answer of {alias} breaks off here: {how}. Ask it to go on, or ask again."
            )
        return ProviderDown(f"{alias} {instead}. Ask again in a moment, or ask another model.")

    def _failed(self, event: Event) -> ProviderError:
        """An error in the place of a chunk, under status 200."""
        error = faults.fault(self._spec.alias, faults.Refusal.of(None, event))
        if self._parts and not isinstance(error, Refused):
            return self.broke("its provider reported a fault", "")
        return error

    # ---- usage ---------------------------------------------------------------------------------------------------

    def _counted(self, prompt: Prompt) -> Usage:
        """As the provider counted, or estimated where it did not."""
        found = self._usage or {}
        given, made = _count(found, "prompt_tokens"), _count(found, "completion_tokens")
        if not given:
            return Usage(
                input=tokens.of_messages(prompt.messages, self._spec),
                output=tokens.of_text("".join(self._parts)),
                estimated=True,
            )
        return Usage(
            input=given,
            output=made,
            cached=_count(found.get("prompt_tokens_details"), "cached_tokens"),
            reasoning=_count(found.get("completion_tokens_details"), "reasoning_tokens"),
        )


def _first(choices: object) -> dict[str, Any]:
    """The first choice; empty where a chunk has none, as Azure's first and the one with the usage."""
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return choices[0]
    return {}


def _count(table: object, key: str) -> int:
    value = table.get(key) if isinstance(table, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
