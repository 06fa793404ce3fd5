"""A provider's refusal becomes one of our errors, with a sentence of ours: what happened and what to do.

Compatible servers say the same in different words, so status, codes and the message are looked at together. What they
said is never shown and never logged: it may quote the question.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from bot.errors import (
    BadImage,
    BadKey,
    ContextTooLong,
    ModelGone,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    Refused,
)

LONGEST_WAIT = 86_400.0  # s; a Retry-After beyond a day says no more than a day
MOST_READ = 4_000  # characters of a message that are looked at

_CODES: tuple[tuple[type[ProviderError], frozenset[str]], ...] = (
    (
        ContextTooLong,
        frozenset({"context_length_exceeded", "exceed_context_size_error", "request_too_large"}),
    ),
    (Refused, frozenset({"content_filter", "content_policy_violation", "moderation_blocked"})),
    (
        BadImage,
        frozenset(
            {"invalid_image", "invalid_image_format", "image_parse_error", "invalid_image_url"}
        )
        | {"unsupported_image", "unsupported_content_type", "image_too_large"},
    ),
    (
        ModelGone,
        frozenset({"model_not_found", "model_not_exist", "model_decommissioned", "invalid_model"}),
    ),
    (
        BadKey,
        frozenset({"insufficient_quota", "billing_hard_limit_reached", "invalid_api_key"})
        | {"billing_not_active", "authentication_error", "permission_error", "account_deactivated"},
    ),
    (
        ProviderBusy,
        frozenset({"rate_limit_exceeded", "rate_limit_error", "too_many_requests"})
        | {"overloaded_error"},  # Anthropic's; its status is 529
    ),
    (ProviderDown, frozenset({"server_error", "internal_error", "api_error"})),
)

# Where the codes say nothing. Each is looked for in refusals that are not about load (429, 5xx) but for the images:
# llama.cpp without a projector answers 500.
_WORDS: tuple[tuple[type[ProviderError], re.Pattern[str]], ...] = (
    (
        ContextTooLong,
        re.compile(
            r"maximum context length|context (size|window|length)|prompt is too long|too many (input )?tokens"
            r"|token count .{0,40}exceeds|too large for model|reduce the length of"
        ),
    ),
    (
        BadKey,
        re.compile(
            r"api key|credit balance|insufficient (balance|credits|funds)|billing|unauthori[sz]ed"
        ),
    ),
    (
        Refused,
        re.compile(r"content (management )?policy|content.?filter|usage guidelines|safety system"),
    ),
    (
        ModelGone,
        re.compile(
            r"model.{0,120}(not found|does not exist|not exist|decommissioned|no longer|not supported)"
            r"|no such model|unknown model|not a valid model"
        ),
    ),
)
_IMAGE_WORDS = re.compile(
    r"(image|picture|vision|multimodal).{0,60}(invalid|not supported|only supported|unsupported|could not|unable|fail)"
    r"|(invalid|unsupported|corrupt|could not process|unable to process).{0,30}image"
)

_BY_STATUS: dict[int, type[ProviderError]] = {
    401: BadKey,
    402: BadKey,
    403: BadKey,
    408: ProviderDown,
    409: ProviderDown,
    410: ModelGone,
    413: ContextTooLong,
    425: ProviderDown,
    429: ProviderBusy,
    529: ProviderBusy,
}

_SENTENCES: dict[type[ProviderError], str] = {
    ContextTooLong: "This conversation is too long for {alias}. Begin a new one, ask something shorter, or let an"
    " admin choose a model with a larger window.",
    Refused: "The provider of {alias} declined to answer this (its content filter). Put it in other words, or ask"
    " another model.",
    BadImage: "{alias} could not use an image of this conversation. Send it again as PNG or JPEG, or ask without it.",
    ModelGone: "{alias} is not offered by its provider any more. An admin can choose another model here.",
    BadKey: "{alias} cannot be used: its provider does not accept our key or its quota is used up. Please tell your"
    " admin, or ask another model.",
    ProviderBusy: "{alias} has too many requests at the moment.{wait}",
    ProviderDown: "The provider of {alias} has a fault or cannot be reached. Ask again in a moment, or ask another"
    " model.",
    ProviderError: "{alias} did not accept the request. Please tell your admin, or ask another model.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a provider said, as far as it is looked at. `status` is None for an error within a stream."""

    status: int | None
    codes: frozenset[str] = frozenset()
    message: str = ""

    @classmethod
    def of(cls, status: int | None, body: object) -> Refusal:
        """From an error body in any of its shapes: OpenAI's, Google's list, a bare text, FastAPI's `detail`."""
        if isinstance(body, list) and body:
            body = body[0]
        codes: set[str] = set()
        said: list[str] = []
        for part in (body, body.get("error") if isinstance(body, dict) else None):
            if isinstance(part, str):
                said.append(part)
            elif isinstance(part, dict):
                codes |= {str(part[key]) for key in ("code", "type", "status") if part.get(key)}
                said += [str(part[key]) for key in ("message", "detail") if part.get(key)]
        return cls(status, frozenset(map(str.lower, codes)), " ".join(said)[:MOST_READ].lower())

    @property
    def loggable(self) -> str:
        """The codes alone, where they look like codes."""
        known = sorted(code for code in self.codes if re.fullmatch(r"[a-z0-9_.-]{1,64}", code))
        return ",".join(known) or "-"


def kind(refusal: Refusal) -> type[ProviderError]:
    """Which of our errors it is."""
    for error, codes in _CODES:
        if codes & refusal.codes and not _is_load(refusal, error):
            return error
    status = refusal.status
    if status != 429 and _IMAGE_WORDS.search(refusal.message):
        return BadImage
    if status is None or (400 <= status < 500 and status != 429):
        for error, words in _WORDS:
            if words.search(refusal.message):
                return error
    if status is None or status >= 500 or status < 400:
        return _BY_STATUS.get(status or 0, ProviderDown)
    return _BY_STATUS.get(status, ProviderError)


def _is_load(refusal: Refusal, error: type[ProviderError]) -> bool:
    """A vague code beside a status that knows better: `api_error` with 401."""
    return error is ProviderDown and refusal.status is not None and refusal.status < 500


def fault(alias: str, refusal: Refusal, retry_after: float | None = None) -> ProviderError:
    """The error to raise for it."""
    return of_kind(alias, kind(refusal), retry_after)


def of_kind(
    alias: str, error: type[ProviderError], retry_after: float | None = None
) -> ProviderError:
    """An error of this kind, with its sentence."""
    wait = f" Ask again in {_duration(retry_after)}, or ask another model."
    sentence = _SENTENCES[error].format(alias=alias, wait=wait)
    if error is ProviderBusy:
        return ProviderBusy(sentence, retry_after)
    return error(sentence)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "a minute"
    if seconds < 90:
        return f"{max(1, math.ceil(seconds))} s"
    minutes = math.ceil(seconds / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{math.ceil(minutes / 60)} hours"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: from milliseconds, seconds or a date; None for nonsense, at most a day."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = _number(headers.get(name, ""))
        if seconds is not None:
            return min(seconds * unit, LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(headers.get("retry-after", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, until - time.time()), LONGEST_WAIT)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number >= 0 and math.isfinite(number) else None
