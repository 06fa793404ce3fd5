"""A Discord that tells the least: a gateway, a dozen REST routes, payloads with next to no fields, 404 for the rest."""

from __future__ import annotations

import json
import time
from typing import Any

from aiohttp import WSMsgType, web

Json = dict[str, Any]
API = "/api/v10"
BOT, GUILD, CHANNEL, THREAD, PERSON = "900", "100", "200", "300", "400"
DISCORD_EPOCH_MS = 1_420_070_400_000


class SparseDiscord:
    """`posted` and `answered` hold what the bot wrote in channels and to interactions."""

    token = "OTAw.sparse.token"

    def __init__(self, *, tells_guild: bool = True) -> None:
        self.posted: list[Json] = []
        self.edited: list[Json] = []
        self.callbacks: list[Json] = []
        self.answered: list[Json] = []
        self.looked_up: list[str] = []
        self._tells_guild = tells_guild
        self._sockets: set[web.WebSocketResponse] = set()
        self._sequence = 0
        self._ids = 0
        self._port = 0
        self.violations: list[str] = []

    def id(self) -> str:
        """A snowflake of now."""
        self._ids += 1
        return str(((int(time.time() * 1000) - DISCORD_EPOCH_MS) << 22) + self._ids)

    async def start(self) -> None:
        app = web.Application()
        hook, messages = f"/webhooks/{BOT}/{{token}}", "/channels/{channel}/messages"
        for method, path, handler in (
            ("GET", "/users/@me", self._me),
            ("GET", "/oauth2/applications/@me", self._app),
            ("PUT", f"/applications/{BOT}/commands", self._commands),
            ("POST", "/interactions/{id}/{token}/callback", self._callback),
            ("PATCH", hook + "/messages/@original", self._answer),
            ("GET", "/channels/{channel}", self._channel),
            ("POST", messages, self._post),
            ("PATCH", messages + "/{message}", self._edit),
            ("GET", f"/guilds/{GUILD}/members/{{person}}", self._member),
        ):
            app.router.add_route(method, API + path, handler)
        app.router.add_get("/gateway", self._gateway)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        for socket in list(self._sockets):
            await socket.close()
        await self._runner.cleanup()

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self._port}{API}"

    @property
    def gateway_url(self) -> str:
        return f"ws://127.0.0.1:{self._port}/gateway"

    @property
    def cdn_origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    # ---- events -------------------------------------------------------------------------------------

    async def tell(self, event: str, data: Json) -> None:
        self._sequence += 1
        for socket in self._sockets:
            await socket.send_str(json.dumps({"op": 0, "t": event, "s": self._sequence, "d": data}))

    async def says(self, content: str, *, channel: str = CHANNEL, direct: bool = False) -> str:
        """A person writes, mentioning the bot where the text does."""
        message = self.id()
        data: Json = {
            "id": message,
            "channel_id": channel,
            "content": content,
            "author": {"id": PERSON, "username": "ada"},
            "timestamp": "2026-11-22T12:00:00+00:00",
        }
        if f"<@{BOT}>" in content:
            data["mentions"] = [{"id": BOT, "username": "bot"}]
        if not direct:
            data["guild_id"] = GUILD
        await self.tell("MESSAGE_CREATE", data)
        return message

    async def uses(self, name: str, *options: Json, channel: str = CHANNEL, **more: Any) -> str:
        """A person uses a slash command."""
        interaction = self.id()
        await self.tell(
            "INTERACTION_CREATE",
            {
                "id": interaction,
                "type": 2,
                "token": f"token-{interaction}",
                "channel_id": channel,
                "guild_id": GUILD,
                "member": {"user": {"id": PERSON, "username": "ada"}},
                "data": {"id": "1", "name": name, "type": 1, "options": list(options)},
                **more,
            },
        )
        return interaction

    # ---- the gateway --------------------------------------------------------------------------------

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(json.dumps({"op": 10, "d": {"heartbeat_interval": 30_000}}))
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                break
            asked = json.loads(frame.data)
            if asked["op"] == 1:
                await socket.send_str(json.dumps({"op": 11}))
            elif asked["op"] == 2:
                self._sockets.add(socket)
                await self.tell("READY", self._ready())
                if self._tells_guild:
                    channels = [{"id": CHANNEL, "type": 0}]
                    await self.tell("GUILD_CREATE", {"id": GUILD, "channels": channels})
        self._sockets.discard(socket)
        return socket

    def _ready(self) -> Json:
        return {
            "v": 10,
            "user": {"id": BOT, "username": "bot"},
            "session_id": "s",
            "resume_gateway_url": self.gateway_url,
            "application": {"id": BOT, "flags": 0},
        }

    # ---- REST ---------------------------------------------------------------------------------------

    async def _me(self, _: web.Request) -> web.Response:
        user = {"id": BOT, "username": "bot", "discriminator": "0", "avatar": None}
        return _json(user)

    async def _app(self, _: web.Request) -> web.Response:
        owner = {"id": "1", "username": "op", "discriminator": "0", "avatar": None}
        about = {"name": "bot", "description": "", "icon": None, "verify_key": "", "summary": ""}
        rights = {"bot_public": False, "bot_require_code_grant": False, "flags": 0}
        return _json({"id": BOT, "owner": owner, **about, **rights})

    async def _commands(self, request: web.Request) -> web.Response:
        told = [
            {"id": self.id(), "application_id": BOT, "version": "1", "description": "", **command}
            for command in await request.json()
        ]
        return _json(told)

    async def _callback(self, request: web.Request) -> web.Response:
        self.callbacks.append({**await request.json(), "id": request.match_info["id"]})
        return web.Response(status=204)

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        token = request.match_info["token"]
        self.answered.append({**body, "interaction": token.removeprefix("token-")})
        return _json({"id": self.id(), "content": body["content"]})

    async def _channel(self, request: web.Request) -> web.Response:
        channel = request.match_info["channel"]
        self.looked_up.append(channel)
        if channel == THREAD:
            return _json({"id": THREAD, "type": 11, "parent_id": CHANNEL})
        return _json({"id": channel, "type": 0, "guild_id": GUILD})

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.posted.append({**body, "channel": request.match_info["channel"]})
        return _json({"id": self.id(), "content": body["content"]})

    async def _edit(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.edited.append(body)
        return _json({"id": request.match_info["message"], **body})

    async def _member(self, request: web.Request) -> web.Response:
        person = request.match_info["person"]
        user = {"id": person, "username": "ada", "discriminator": "0", "avatar": None}
        return _json({"user": user, "roles": [], "flags": 0})


def _json(data: object) -> web.Response:
    """discord.py takes nothing but exactly this type for JSON."""
    body = json.dumps(data).encode()
    return web.Response(body=body, headers={"Content-Type": "application/json"})
