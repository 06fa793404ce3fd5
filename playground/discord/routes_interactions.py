"""The routes that need no bot token: an interaction's own token is in the path."""

from collections.abc import Iterable

from aiohttp import web

from playground.discord.core import Core
from playground.discord.http import PARSED, answer, body_of
from playground.discord.interactions import Interaction
from playground.discord.record import inspect
from playground.discord.responses import MESSAGE, UPDATE

_HOOK = "/webhooks/{application_id}/{token}"
_MESSAGE = _HOOK + "/messages/{message_id}"


class InteractionRoutes:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.post("/interactions/{interaction_id}/{token}/callback", self.callback),
            web.post(_HOOK, self.follow_up),
            web.get(_MESSAGE, self.read),
            web.patch(_MESSAGE, self.edit),
            web.delete(_MESSAGE, self.delete),
        ]

    async def callback(self, request: web.Request) -> web.Response:
        found, body = request.match_info, body_of(request)
        if body.get("type") in (MESSAGE, UPDATE):
            data = body.get("data") or {}
            self._core.violations += inspect("POST interaction callback", data)
        uploads = request[PARSED].uploads
        report = self._core.responses.callback(
            found["interaction_id"], found["token"], body, uploads
        )
        wanted = request.query.get("with_response", "").lower() in ("1", "true")
        return answer(report if wanted else None)

    async def follow_up(self, request: web.Request) -> web.Response:
        body = body_of(request)
        interaction = self._live(request)
        self._core.violations += inspect("POST interaction follow-up", body)
        message = self._core.responses.follow_up(interaction, body, request[PARSED].uploads)
        return answer(self._core.payloads.message(message))

    async def read(self, request: web.Request) -> web.Response:
        interaction = self._live(request)
        message = self._core.responses.message(interaction, request.match_info["message_id"])
        return answer(self._core.payloads.message(message))

    async def edit(self, request: web.Request) -> web.Response:
        body = body_of(request)
        interaction = self._live(request)
        message = self._core.responses.message(interaction, request.match_info["message_id"])
        self._core.violations += inspect("PATCH interaction message", body)
        uploads = request[PARSED].uploads
        edited = self._core.responses.edit(interaction, message, body, uploads)
        return answer(self._core.payloads.message(edited))

    async def delete(self, request: web.Request) -> web.Response:
        interaction = self._live(request)
        message = self._core.responses.message(interaction, request.match_info["message_id"])
        self._core.responses.delete(interaction, message)
        return answer(None)

    def _live(self, request: web.Request) -> Interaction:
        found = request.match_info
        return self._core.interactions.live(found["application_id"], found["token"])
