"""A request of the Web API becomes its token and its arguments, or a refusal in Slack's words."""

import json
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from playground.slack.wire import Json, SlackError, invalid_arguments

FORM = "application/x-www-form-urlencoded"
TRUE_WORDS = ("1", "true", "True", True, 1)


class Arguments:
    """The arguments of one call, from query, form or JSON alike, read by what they must be."""

    def __init__(self, values: Json) -> None:
        self.values = values

    def need(self, name: str) -> str:
        value = self.word(name)
        if value is None or value == "":
            raise invalid_arguments(f"missing required field: {name}")
        return value

    def word(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise invalid_arguments(f"must provide a string [json-pointer:/{name}]")
        return str(value)

    def flag(self, name: str) -> bool:
        return self.values.get(name) in TRUE_WORDS

    def number(self, name: str, default: int, *, highest: int) -> int:
        value = self.values.get(name, default)
        try:
            number = int(value)
        except (TypeError, ValueError):
            raise SlackError("invalid_limit") from None
        if not 0 <= number <= highest:
            raise SlackError("invalid_limit")
        return number or default

    def structure(self, name: str, error: str) -> Any:
        """A list or an object; in a form it arrives as JSON inside a string."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise SlackError(error) from None

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None


async def read(request: web.Request, *, accepts_json: bool) -> Arguments:
    """Query and body merged; a body that is not what its content type says is refused."""
    values: Json = dict(request.query)
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return Arguments(values | await _parse_multipart(request))
    body = await request.read()
    if not body:
        return Arguments(values)
    if not kind:
        raise SlackError("missing_post_type")
    if kind == "application/json":
        parsed = _parse_json(body)
        # Slack's reading methods take forms only and do not look into a JSON body at all.
        return Arguments(values | parsed if accepts_json else values)
    if kind == FORM:
        return Arguments(values | _parse_form(body))
    raise SlackError("invalid_post_type")


def _parse_json(body: bytes) -> Json:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        raise SlackError("invalid_json") from None
    if not isinstance(parsed, dict):
        raise SlackError("json_not_object")
    return parsed


def _parse_form(body: bytes) -> Json:
    try:
        return dict(
            parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict")
        )
    except ValueError:
        raise SlackError("invalid_form_data") from None


async def _parse_multipart(request: web.Request) -> Json:
    try:
        form = await request.post()
    except ValueError:
        raise SlackError("invalid_form_data") from None
    return {name: value for name, value in form.items() if isinstance(value, str)}


def token_of(request: web.Request, arguments: Arguments) -> str | None:
    """The bearer token of the header, else the argument `token`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    value = arguments.values.get("token")
    return value if isinstance(value, str) else None
