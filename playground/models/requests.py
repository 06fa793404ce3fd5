"""A JSON body becomes a ChatRequest that a strict provider would accept, or a Refusal."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from playground.models import images
from playground.models.catalog import Catalog, Family
from playground.models.images import Picture
from playground.models.refusals import (
    Refusal,
    malformed,
    not_supported,
    out_of_turn,
    sees_nothing,
    too_long,
    unknown_model,
    unsupported_value,
    wrong_type,
    wrong_value,
)

PER_MESSAGE = 4  # tokens that each message costs besides its text
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_NAME = re.compile(r"[^\s<|\\/>]{1,64}")
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_PARTS = {"text", "image_url", "input_audio", "file", "refusal"}
_SAMPLING = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs")
_KNOWN = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens"),
        *("temperature", "top_p", "n", "stop", "presence_penalty", "frequency_penalty"),
        *("logit_bias", "logprobs", "top_logprobs", "user", "seed", "response_format"),
        *("reasoning_effort", "verbosity", "store", "metadata", "safety_identifier"),
        *("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "service_tier"),
        *("tools", "tool_choice", "parallel_tool_calls", "modalities", "audio", "prediction"),
        *("moderation", "web_search_options", "functions", "function_call"),
    }
)


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the context as the model sees it."""

    role: str
    text: str
    pictures: tuple[Picture, ...] = ()
    parts: int = 1


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A request that passed every check."""

    model: str
    family: Family
    said: tuple[Said, ...]
    stream: bool = False
    include_usage: bool = False
    effort: str | None = None
    limit: int | None = None  # tokens of output
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        """The text of the last message that a person wrote."""
        return next((m.text for m in reversed(self.said) if m.role == "user"), "")

    @property
    def pictures(self) -> tuple[Picture, ...]:
        return tuple(picture for message in self.said for picture in message.pictures)

    @property
    def image_tokens(self) -> int:
        return sum(picture.tokens(self.family.tiles) for picture in self.pictures)

    @property
    def tokens(self) -> int:
        text = sum(count(message.text) + PER_MESSAGE for message in self.said)
        return text + self.image_tokens


def count(text: str) -> int:
    """About as many tokens as a tokenizer would make: a quarter of the bytes, at least one for any text."""
    return -(-len(text.encode()) // 4)


def parse(body: Any, catalog: Catalog) -> ChatRequest:
    """The request in `body`; raises a Refusal that says what is wrong, as the real service would."""
    if not isinstance(body, dict):
        raise malformed("We could not parse the JSON body of your request.")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise malformed("you must provide a model parameter", code=None)
    family = catalog.find(model)
    if family is None:
        raise unknown_model(model)
    _check_parameters(body, family)
    said = _messages(body.get("messages"), family)
    if family.turns:
        _check_turns(said)
    options = body.get("stream_options") or {}
    request = ChatRequest(
        model=model,
        family=family,
        said=said,
        stream=bool(body.get("stream")),
        include_usage=bool(options.get("include_usage")),
        effort=body.get("reasoning_effort"),
        limit=body.get("max_completion_tokens") or body.get("max_tokens"),
        body=body,
    )
    if (tokens := request.tokens) > family.context:
        raise too_long(family.context, tokens, family.dialect)
    return request


def _check_parameters(body: dict[str, Any], family: Family) -> None:
    unknown = sorted(set(body) - _KNOWN)
    if unknown and family.dialect == "openai":
        raise malformed(f"Unknown parameter: '{unknown[0]}'.", unknown[0], code="unknown_parameter")
    _check_stream(body)
    _check_output_limit(body, family)
    _check_sampling(body, family)
    for name, most in (("safety_identifier", 128), ("prompt_cache_key", 128), ("user", 512)):
        value = body.get(name)
        if value is not None and not isinstance(value, str):
            raise wrong_type(name, "a string")
        if value is not None and len(value) > most:
            raise wrong_value(name, f"longer than {most} characters.")
    if (n := body.get("n")) not in (None, 1):
        raise unsupported_value("n", n)


def _check_stream(body: dict[str, Any]) -> None:
    if not isinstance(body.get("stream", False), bool | None):
        raise wrong_type("stream", "a boolean")
    options = body.get("stream_options")
    if options is None:
        return
    if not body.get("stream"):
        raise wrong_value("stream_options", "only allowed when 'stream' is enabled.")
    if not isinstance(options, dict):
        raise wrong_type("stream_options", "an object")
    for key in options:
        if key not in ("include_usage", "include_obfuscation"):
            raise malformed(
                f"Unknown parameter: 'stream_options.{key}'.",
                f"stream_options.{key}",
                code="unknown_parameter",
            )


def _check_output_limit(body: dict[str, Any], family: Family) -> None:
    if family.reasons and body.get("max_tokens") is not None:
        raise not_supported("max_tokens", "max_completion_tokens")
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        raise wrong_value("max_tokens", "max_completion_tokens is set as well.")
    for name in ("max_tokens", "max_completion_tokens"):
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type(name, "an integer")
        if not 1 <= value <= family.max_output:
            raise wrong_value(
                name, f"this model supports 1 to {family.max_output} completion tokens."
            )


def _check_sampling(body: dict[str, Any], family: Family) -> None:
    effort = body.get("reasoning_effort")
    if effort is not None and not family.efforts:
        raise malformed(
            "Unrecognized request argument supplied: reasoning_effort", "reasoning_effort"
        )
    if effort is not None and effort not in _EFFORTS:
        raise wrong_value("reasoning_effort", f"supported values are {', '.join(_EFFORTS)}.")
    for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty"):
        value = body.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise wrong_type(name, "a number")
    temperature = body.get("temperature")
    if temperature is not None and not 0 <= temperature <= 2:
        raise wrong_value("temperature", "must be from 0 to 2.")
    if family.reasons and effort != "none":
        for name in _SAMPLING:
            default = 1 if name in ("temperature", "top_p") else 0
            if body.get(name) not in (None, default, False):
                raise unsupported_value(name, body[name])


def _messages(messages: Any, family: Family) -> tuple[Said, ...]:
    if not isinstance(messages, list):
        raise wrong_type("messages", "an array of objects")
    if not messages:
        raise malformed(
            "Invalid 'messages': empty array. Expected an array with minimum length 1.",
            "messages",
            code="empty_array",
        )
    said = tuple(_message(item, f"messages[{i}]", family) for i, item in enumerate(messages))
    if sum(len(message.pictures) for message in said) > images.MAX_IMAGES:
        raise malformed(f"Too many images: at most {images.MAX_IMAGES}.", "messages")
    return said


def _check_turns(said: tuple[Said, ...]) -> None:
    """Many chat templates: the system once and first, then user and assistant in turns, none empty."""
    rest = said[1:] if said[0].role in ("system", "developer") else said
    if not rest or rest[-1].role != "user":
        raise out_of_turn("Expected last role User or Tool for serving.")
    for number, message in enumerate(rest):
        expected = "assistant" if number % 2 else "user"
        if message.role != expected:
            raise out_of_turn(f"Expected role '{expected}' but got '{message.role}'.")
        if not (message.text.strip() or message.pictures):
            raise out_of_turn(f"A message of role '{message.role}' must have content.")


def _message(item: Any, param: str, family: Family) -> Said:
    if not isinstance(item, dict):
        raise wrong_type(param, "an object")
    role = item.get("role")
    if role not in _ROLES:
        raise wrong_value(f"{param}.role", f"supported values are {', '.join(sorted(_ROLES))}.")
    name = item.get("name")
    if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise wrong_value(f"{param}.name", "does not match the allowed pattern.")
    unknown = set(item) - {"role", "content", "name", "refusal", "tool_calls", "tool_call_id"}
    if unknown:
        raise malformed(
            f"Unknown parameter: '{param}.{min(unknown)}'.", param, code="unknown_parameter"
        )
    content = item.get("content")
    if isinstance(content, str):
        return Said(role, _text(content, f"{param}.content"))
    if content is None and role == "assistant" and item.get("tool_calls"):
        return Said(role, "")
    if not isinstance(content, list) or not content:
        raise wrong_type(f"{param}.content", "a string or a non-empty array of objects")
    return _parts(role, content, f"{param}.content", family)


def _parts(role: str, content: list[Any], param: str, family: Family) -> Said:
    texts: list[str] = []
    pictures: list[Picture] = []
    for i, part in enumerate(content):
        here = f"{param}[{i}]"
        if not isinstance(part, dict) or part.get("type") not in _PARTS:
            raise wrong_value(f"{here}.type", f"supported values are {', '.join(sorted(_PARTS))}.")
        kind = part["type"]
        if part.get("prompt_cache_breakpoint") is not None and not family.breakpoints:
            raise not_supported(f"{here}.prompt_cache_breakpoint")
        if kind == "text":
            texts.append(_text(part.get("text"), f"{here}.text"))
        elif role != "user":
            raise wrong_value(f"{here}.type", f"'{kind}' is not allowed in a {role} message.")
        elif kind == "image_url":
            pictures.append(_picture(part, here, family))
        else:
            _check_file(part, kind, here, family)
    return Said(role, "\n".join(texts), tuple(pictures), len(content))


def _text(value: Any, param: str) -> str:
    if not isinstance(value, str):
        raise wrong_type(param, "a string")
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate is no Unicode text
        raise malformed("We could not parse the JSON body of your request.") from None
    return value


def _picture(part: dict[str, Any], param: str, family: Family) -> Picture:
    if not family.sees:
        raise sees_nothing(param, family.dialect)
    image = part.get("image_url")
    if not isinstance(image, dict) or not isinstance(image.get("url"), str):
        raise wrong_type(f"{param}.image_url", "an object with a url")
    detail = image.get("detail", "auto")
    if detail not in ("auto", "low", "high", "original"):
        raise wrong_value(f"{param}.image_url.detail", "supported values are auto, low, high.")
    return images.read(image["url"], detail, f"{param}.image_url.url")


def _check_file(part: dict[str, Any], kind: str, param: str, family: Family) -> None:
    if kind == "input_audio" and not family.hears:
        raise malformed(
            "Invalid content type. input_audio is only supported by certain models.",
            param,
            code="unsupported_content_type",
        )
    if kind == "file" and not family.sees:
        raise Refusal(
            400, "Invalid content type. file is only supported by certain models.", param=param
        )
    inner = part.get(kind)
    if not isinstance(inner, dict):
        raise wrong_type(f"{param}.{kind}", "an object")
