"""The simulated Discord listens on one port: REST, gateway and attachments."""

import asyncio

from aiohttp import web

from playground.discord.door import API, Door
from playground.discord.errors import ApiError
from playground.discord.looking import Looking
from playground.discord.routes_interactions import InteractionRoutes
from playground.discord.routes_messages import MessageRoutes
from playground.discord.routes_places import PlaceRoutes
from playground.discord.rules import Rules

_HOST = "127.0.0.1"
_LARGEST_REQUEST = 120 * 1024 * 1024  # ten files at the limit, and room for the form


class DiscordServer(Looking):
    """Start it, point a bot at `api_url` and `gateway_url`, act, look, stop it."""

    def __init__(
        self,
        port: int = 0,
        *,
        limits: bool = True,
        message_content_allowed: bool = False,
        rules: Rules | None = None,
        token: str | None = None,
    ) -> None:
        super().__init__(
            limits=limits,
            message_content_allowed=message_content_allowed,
            rules=rules,
            token=token,
        )
        self._port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        door = Door(self)
        app = web.Application(middlewares=[door.handle], client_max_size=_LARGEST_REQUEST)
        for routes in (PlaceRoutes(self), MessageRoutes(self), InteractionRoutes(self)):
            for route in routes.routes():
                app.router.add_route(route.method, API + route.path, route.handler)
        app.router.add_get("/gateway", self.gateway.serve)
        app.router.add_get("/gateway/resume", self.gateway.serve)
        file = "/{channel_id}/{attachment_id}/{name}"
        app.router.add_get("/attachments" + file, self.cdn.serve)
        app.router.add_get("/ephemeral-attachments" + file, self.cdn.serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, _HOST, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.cdn.origin = self.cdn_origin
        self.gateway.resume_url = f"{self.gateway_url}/resume"

    async def stop(self) -> None:
        self.interactions.stop()
        await self.gateway.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> "DiscordServer":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def api_url(self) -> str:
        return f"{self.cdn_origin}{API}"

    @property
    def gateway_url(self) -> str:
        return f"ws://{_HOST}:{self._port}/gateway"

    @property
    def cdn_origin(self) -> str:
        return f"http://{_HOST}:{self._port}"

    @property
    def application_id(self) -> str:
        return self.world.bot.id

    @property
    def guild_id(self) -> str:
        """The guild that a fresh server has."""
        return next(iter(self.world.guilds))

    def will_refuse(
        self,
        route_pattern: str,
        status: int,
        code: int = 0,
        times: int = 1,
        retry_after: float | None = None,
        *,
        via: bool = True,
    ) -> None:
        """The next requests like `POST /channels/*/messages` are refused and do nothing. A 429 asks for a second unless
        told otherwise; `via` false is the edge's ban."""
        if status == 429 and retry_after is None:
            retry_after = 1.0
        refusal = ApiError(code, status=status, retry_after=retry_after, via=via)
        self.faults.will_refuse(route_pattern, refusal, times)

    def will_drop_reply(self, route_pattern: str, times: int = 1) -> None:
        """The next such requests are carried out, but the answer never arrives."""
        self.faults.will_drop_reply(route_pattern, times)

    def will_drop_request(self, route_pattern: str, times: int = 1) -> None:
        """The next such requests are lost before they do anything."""
        self.faults.will_drop_request(route_pattern, times)

    def will_hold(self, route_pattern: str) -> asyncio.Event:
        """The next such request waits until the returned event is set."""
        return self.faults.will_hold(route_pattern)
