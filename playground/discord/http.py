"""A request becomes a body with its files; data becomes an answer in Discord's form."""

import json
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from playground.discord.errors import ApiError
from playground.discord.forms import Upload

_FILE_FIELD = re.compile(r"^files\[(\d+)\]$")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What came with a request."""

    body: Any
    uploads: tuple[Upload, ...] = ()


PARSED = web.RequestKey("parsed", Parsed)


async def parse(request: web.Request) -> Parsed:
    """JSON, or a form with `payload_json` and `files[n]`, or nothing."""
    if request.content_type == "multipart/form-data":
        return await _parse_form(request)
    raw = await request.read()
    if not raw:
        return Parsed({})
    if request.content_type != "application/json":
        raise ApiError(50109)
    return Parsed(_loads(raw))


def body_of(request: web.Request) -> dict[str, Any]:
    """The body where an object is expected."""
    body = request[PARSED].body
    if not isinstance(body, dict):
        raise ApiError(50035, errors={"_errors": [{"code": "DICT_TYPE_CONVERT"}]})
    return body


def answer(data: Any, status: int = 200) -> web.Response:
    """The content type is exact: clients take any parameter for plain text."""
    if data is None:
        return web.Response(status=204)
    raw = json.dumps(data).encode()
    return web.Response(body=raw, status=status, headers={"Content-Type": "application/json"})


def _loads(raw: bytes | str) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        raise ApiError(50109) from None


async def _parse_form(request: web.Request) -> Parsed:
    body: Any = {}
    found: list[tuple[int, str, bytes]] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise ApiError(50109)
        field = _FILE_FIELD.match(part.name or "")
        if field is not None:
            data = bytes(await part.read(decode=False))
            found.append((int(field.group(1)), part.filename or "unknown", data))
        elif part.name == "payload_json":
            body = _loads(await part.text())
    return Parsed(body, _described(body, found))


def _described(body: Any, found: list[tuple[int, str, bytes]]) -> tuple[Upload, ...]:
    """`attachments` names and describes the files by their numbers."""
    inner = body.get("data", body) if isinstance(body, dict) else {}
    notes = {str(a.get("id")): a for a in inner.get("attachments") or ()}
    uploads = []
    for number, name, data in sorted(found):
        note = notes.get(str(number), {})
        uploads.append(Upload(note.get("filename") or name, data, note.get("description")))
    return tuple(uploads)
