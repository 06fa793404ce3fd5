"""Every REST request passes here: faults, token, limits; and every one is recorded."""

import math

from aiohttp import web
from aiohttp.typedefs import Handler

from playground.discord.core import Core
from playground.discord.errors import ApiError
from playground.discord.http import PARSED, Parsed, answer, parse
from playground.discord.limits import Sliding, Verdict
from playground.discord.record import Call
from playground.faults import DropReply, DropRequest, Refuse

API = "/api/v10"
_TOKENLESS = ("/webhooks/{application_id}/{token}", "/interactions/")  # their token is in the path
_EDGE = "1.1 google"  # Via: without it clients take a 429 for a ban at the edge
_INVALID = (401, 403, 429)


class Door:
    """One middleware around all routes."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._invalid = Sliding(core.rules.invalid_requests, core.clock)

    @web.middleware
    async def handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/gateway"):
            return await handler(request)
        name = f"{request.method} {request.path.removeprefix(API)}"
        fault = await self._core.faults.meet(name)
        if isinstance(fault, DropRequest):
            return _cut(request)
        if not request.path.startswith("/api/"):
            return await self._file(request, handler, fault)
        if self._core.limiter.enabled and self._invalid.wait() > 0:
            return web.Response(status=429, text="error code: 1015")
        response = await self._respond(request, handler, fault)
        if response.status in _INVALID:
            self._invalid.count()
        return _cut(request) if isinstance(fault, DropReply) else response

    async def _file(
        self, request: web.Request, handler: Handler, fault: object
    ) -> web.StreamResponse:
        """A download of an attachment; its faults have no codes."""
        if isinstance(fault, Refuse):
            return web.Response(status=fault.refusal.status)
        response = await handler(request)
        return _cut(request) if isinstance(fault, DropReply) else response

    async def _respond(
        self, request: web.Request, handler: Handler, fault: object
    ) -> web.StreamResponse:
        code: int | None = None
        request[PARSED] = Parsed({})
        verdict = Verdict()
        try:
            request[PARSED] = await parse(request)
            if isinstance(fault, Refuse):
                raise fault.refusal
            self._authenticate(request)
            verdict = self._count(request)
            if verdict.retry_after is not None:
                response: web.StreamResponse = _limited(verdict)
            else:
                response = await handler(request)
        except ApiError as error:
            code = error.code
            response = _refused(error)
        except web.HTTPNotFound:
            response = answer({"message": "404: Not Found", "code": 0}, 404)
        except web.HTTPMethodNotAllowed:
            response = answer({"message": "405: Method Not Allowed", "code": 0}, 405)
        if response.headers.get("Via") != "":
            response.headers["Via"] = _EDGE
        else:
            del response.headers["Via"]
        response.headers.update(verdict.headers)
        self._record(request, response.status, code)
        return response

    def _authenticate(self, request: web.Request) -> None:
        if _route(request).startswith(_TOKENLESS):
            return
        if request.headers.get("Authorization") != f"Bot {self._core.token}":
            raise ApiError(0)

    def _count(self, request: web.Request) -> Verdict:
        found = request.match_info
        major = "+".join(
            found[key]
            for key in ("channel_id", "guild_id", "application_id", "token")
            if key in found
        )
        return self._core.limiter.admit(request.method, _route(request), major)

    def _record(self, request: web.Request, status: int, code: int | None) -> None:
        parsed = request[PARSED]
        call = Call(
            method=request.method,
            path=request.path.removeprefix(API),
            route=_route(request),
            query=dict(request.query),
            body=parsed.body,
            files=tuple(u.name for u in parsed.uploads),
            status=status,
            code=code,
            at=self._core.clock.now(),
        )
        self._core.calls.append(call)
        self._core.feed.stir()


def _cut(request: web.Request) -> web.Response:
    """Breaks the connection; what is returned never leaves."""
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return "" if resource is None else resource.canonical.removeprefix(API)


def _limited(verdict: Verdict) -> web.Response:
    wait = verdict.retry_after or 0.0
    body = {
        "message": "You are being rate limited.",
        "retry_after": wait,
        "global": verdict.whole_bot,
    }
    response = answer(body, 429)
    response.headers["Retry-After"] = str(math.ceil(wait))
    response.headers["X-RateLimit-Scope"] = "global" if verdict.whole_bot else "user"
    return response


def _refused(error: ApiError) -> web.Response:
    """An empty Via is this module's mark for: leave the header out."""
    body = error.body()
    if error.status == 429 and error.code == 0:
        body = {"message": "You are being rate limited.", "global": False}
        body["retry_after"] = error.retry_after
    response = answer(body, error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(math.ceil(error.retry_after))
    if not error.via:
        response.headers["Via"] = ""
    return response
