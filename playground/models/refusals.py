"""A fault in a request becomes the status and body that the real service answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from playground.models.catalog import Dialect

INVALID = "invalid_request_error"


@dataclass(eq=False)  # not frozen: Python itself writes to exceptions as they travel
class Refusal(Exception):
    """One refused request. Without `dialect` "llama.cpp" the body is OpenAI's."""

    status: int
    message: str
    code: str | None = None
    kind: str = INVALID
    param: str | None = None
    retry_after: str | None = None
    dialect: Dialect = "openai"

    @property
    def body(self) -> dict[str, Any]:
        if self.dialect == "llama.cpp":
            return {"error": {"code": self.status, "message": self.message, "type": self.kind}}
        return {
            "error": {
                "message": self.message,
                "type": self.kind,
                "param": self.param,
                "code": self.code,
            }
        }

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"Retry-After": self.retry_after}


def bad_key(given: str) -> Refusal:
    if not given:
        return Refusal(401, "You didn't provide an API key.", code=None)
    masked = f"{given[:3]}{'*' * 8}{given[-4:]}" if len(given) > 12 else "*" * len(given)
    return Refusal(401, f"Incorrect API key provided: {masked}.", code="invalid_api_key")


def unknown_model(model: str) -> Refusal:
    return Refusal(
        404,
        f"The model `{model}` does not exist or you do not have access to it.",
        code="model_not_found",
        param="model",
    )


def malformed(message: str, param: str | None = None, code: str | None = None) -> Refusal:
    return Refusal(400, message, code=code, param=param)


def wrong_type(param: str, expected: str) -> Refusal:
    return malformed(
        f"Invalid type for '{param}': expected {expected}.", param, code="invalid_type"
    )


def wrong_value(param: str, message: str) -> Refusal:
    return malformed(f"Invalid value for '{param}': {message}", param, code="invalid_value")


def out_of_turn(why: str) -> Refusal:
    return Refusal(400, why, code="3230", kind="invalid_request_message_order")


def not_supported(param: str, instead: str = "") -> Refusal:
    hint = f" Use '{instead}' instead." if instead else ""
    return malformed(
        f"Unsupported parameter: '{param}' is not supported with this model.{hint}",
        param,
        code="unsupported_parameter",
    )


def unsupported_value(param: str, value: object) -> Refusal:
    return malformed(
        f"Unsupported value: '{param}' does not support {value} with this model.",
        param,
        code="unsupported_value",
    )


def too_long(limit: int, tokens: int, dialect: Dialect) -> Refusal:
    if dialect == "llama.cpp":
        return Refusal(
            400,
            f"the request exceeds the available context size ({tokens} of {limit} tokens)",
            kind="exceed_context_size_error",
            dialect=dialect,
        )
    return malformed(
        f"This model's maximum context length is {limit} tokens. However, your messages resulted "
        f"in {tokens} tokens. Please reduce the length of the messages.",
        "messages",
        code="context_length_exceeded",
    )


def sees_nothing(param: str, dialect: Dialect) -> Refusal:
    if dialect == "llama.cpp":  # a server without a projector for images
        return Refusal(
            500, "image input is not supported", kind="server_error", dialect="llama.cpp"
        )
    return malformed(
        "Invalid content type. image_url is only supported by certain models.",
        param,
        code="unsupported_content_type",
    )


def bad_image(param: str, why: str) -> Refusal:
    return malformed(f"Invalid image: {why}", param, code="invalid_image")
