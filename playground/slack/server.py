"""The simulated Slack as one server: a Web API, sockets, files, and people who act and look."""

import time
from collections.abc import Callable, Iterable

from aiohttp import web

from playground.faults import DropRequest, Refuse
from playground.slack import api, hooks
from playground.slack.api import WebApi
from playground.slack.eyes import Eyes
from playground.slack.feed import Feed
from playground.slack.files import download, login_page
from playground.slack.hands import Hands
from playground.slack.sockets import (
    ACK_SECONDS,
    RETRY_DELAYS,
    Hub,
)
from playground.slack.trouble import Trouble
from playground.slack.workspace import SCOPES, SUBSCRIPTIONS, Workspace
from playground.slack.world import App, Team, World, seed

BODY_LIMIT = 4 * 1024 * 1024  # bytes of one call; far above every limit of the methods
BOT_TOKEN = "xoxb-playground-bot"
APP_TOKEN = "xapp-playground-app"
FILES = "files-pri"  # the name of file downloads among the faults


class SlackServer(Hands, Eyes, Trouble):
    """A small strict Slack on a port of this machine.

    Clients get `api_url`, `bot_token` and `app_token`; everything else is for tests and the page.
    """

    def __init__(
        self,
        port: int = 0,
        team: Team | None = None,
        *,
        host: str = "127.0.0.1",
        limits: bool = True,
        distributed: bool = False,
        app: App | None = None,
        world: World | None = None,
        bot_token: str = BOT_TOKEN,
        app_token: str = APP_TOKEN,
        scopes: Iterable[str] = SCOPES,
        subscriptions: Iterable[str] = SUBSCRIPTIONS,
        ack_seconds: float = ACK_SECONDS,
        retry_delays: Iterable[float] = RETRY_DELAYS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        world = world or seed(team or Team(), app or App())
        feed = Feed()
        hub = Hub(world.app.id, app_token, clock, feed, ack_seconds, tuple(retry_delays))
        self.workspace = Workspace(
            world,
            hub,
            feed=feed,
            clock=clock,
            bot_token=bot_token,
            scopes=frozenset(scopes),
            subscriptions=frozenset(subscriptions),
            limits=limits,
            distributed=distributed,
        )
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def world(self) -> World:
        return self.workspace.world

    @property
    def bot_token(self) -> str:
        return self.workspace.bot_token

    @property
    def app_token(self) -> str:
        return self.workspace.hub.app_token

    @property
    def api_url(self) -> str:
        return f"{self.workspace.origin}/api/"

    @property
    def file_origin(self) -> str:
        """Where attachments are fetched from, as scheme://host:port."""
        return self.workspace.origin

    async def start(self) -> None:
        """Listens; a server that was stopped comes back on the same port, with its memory."""
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.workspace.origin = f"http://{self._host}:{self._port}"
        self.workspace.shelf.origin = self.workspace.origin
        self.workspace.hub.resume_deliveries()

    async def stop(self) -> None:
        await self.workspace.hub.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> "SlackServer":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=BODY_LIMIT)
        calls = WebApi(self.workspace)
        for verb in ("GET", "POST"):
            application.router.add_route(verb, "/api/{method}", calls.handle)
        application.router.add_get("/link/", self.workspace.hub.accept)
        application.router.add_get(f"/{FILES}/{{place}}/{{rest:.*}}", self._file)
        application.router.add_post("/response/{identity}", self._response)
        application.router.add_get("/", self._login)
        return application

    async def _response(self, request: web.Request) -> web.Response:
        return await hooks.handle(self.workspace, request)

    async def _login(self, request: web.Request) -> web.Response:
        return login_page()

    async def _file(self, request: web.Request) -> web.Response:
        """Bytes for the bot's token; everybody else is sent to the login page, as Slack does."""
        slack = self.workspace
        fault = await slack.faults.meet(FILES)
        if isinstance(fault, DropRequest):
            return api.cut(request)
        if isinstance(fault, Refuse):
            refusal = fault.refusal
            return web.json_response(refusal.answer, status=refusal.status, headers=refusal.headers)
        allowed = "files:read" in slack.scopes and not slack.is_revoked
        if request.headers.get("Authorization") != f"Bearer {slack.bot_token}" or not allowed:
            raise web.HTTPFound(f"/?redir={request.path}")
        return download(slack.visible_file(request.match_info["place"].partition("-")[2]))
