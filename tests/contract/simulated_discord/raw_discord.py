"""Bare requests and frames, as a client that knows no library would send them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from playground.discord import DiscordServer

QUIET: dict[str, Any] = {"allowed_mentions": {"parse": []}, "flags": 4}
DEFAULT_INTENTS = 1 << 0 | 1 << 9 | 1 << 10 | 1 << 12
ASK: dict[str, Any] = {
    "name": "ask",
    "description": "Ask the model",
    "options": [
        {"name": "prompt", "description": "What", "type": 3, "required": True},
        {"name": "image", "description": "A picture", "type": 11},
        {"name": "times", "description": "How often", "type": 4, "min_value": 1, "max_value": 3},
        {
            "name": "tone",
            "description": "How",
            "type": 3,
            "choices": [{"name": "Kind", "value": "kind"}, {"name": "Curt", "value": "curt"}],
        },
        {"name": "model", "description": "Which", "type": 3, "autocomplete": True},
    ],
}
SETTINGS: dict[str, Any] = {
    "name": "model",
    "description": "Models",
    "default_member_permissions": str(1 << 4),
    "contexts": [0],
    "options": [{"name": "show", "description": "Show it", "type": 1}],
}
ABOUT: dict[str, Any] = {"name": "Ask about this", "type": 3}


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> int:
        return int(self.body["code"])


class Raw:
    """Requests with the bot's token, unless told otherwise."""

    def __init__(self, server: DiscordServer, session: aiohttp.ClientSession) -> None:
        self._server = server
        self._session = session

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        files: dict[str, bytes] | None = None,
    ) -> Reply:
        headers = {"Authorization": f"Bot {self._server.token if token is None else token}"}
        data: Any = None
        if files:
            data = aiohttp.FormData(quote_fields=False)
            data.add_field("payload_json", json.dumps(body))
            for index, (name, content) in enumerate(files.items()):
                data.add_field(f"files[{index}]", content, filename=name)
        elif body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body)
        url = self._server.api_url + path
        async with self._session.request(method, url, data=data, headers=headers) as response:
            raw = await response.read()
            kind = response.headers.get("Content-Type")
            parsed = json.loads(raw) if raw and kind == "application/json" else raw.decode()
            return Reply(response.status, parsed, dict(response.headers))

    async def say(self, channel: str, content: str = "hello", **more: Any) -> Reply:
        place = self._server.world.place(channel).id
        return await self.call(
            "POST", f"/channels/{place}/messages", QUIET | {"content": content} | more
        )

    async def change(self, channel: str, message_id: str, content: str, **more: Any) -> Reply:
        place = self._server.world.place(channel).id
        body = QUIET | {"content": content} | more
        return await self.call("PATCH", f"/channels/{place}/messages/{message_id}", body)

    async def register(self, *commands: dict[str, Any]) -> Reply:
        path = f"/applications/{self._server.application_id}/commands"
        return await self.call("PUT", path, list(commands))

    async def respond(self, interaction: Any, kind: int, data: Any = None, **query: str) -> Reply:
        path = f"/interactions/{interaction.id}/{interaction.token}/callback"
        tail = "?" + "&".join(f"{k}={v}" for k, v in query.items()) if query else ""
        body = {"type": kind} | ({"data": data} if data is not None else {})
        return await self.call("POST", path + tail, body, token="none")

    async def hook(self, interaction: Any, method: str, tail: str = "", body: Any = None) -> Reply:
        path = f"/webhooks/{self._server.application_id}/{interaction.token}{tail}"
        return await self.call(method, path, body, token="none")


@asynccontextmanager
async def raw_client(server: DiscordServer) -> AsyncIterator[Raw]:
    async with aiohttp.ClientSession() as session:
        yield Raw(server, session)


class RawGateway:
    """One socket, read frame by frame."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.session_id = ""
        self.sequence = 0

    async def send(self, op: int, data: Any = None) -> None:
        await self.ws.send_json({"op": op, "d": data})

    async def receive(self) -> dict[str, Any]:
        frame = await asyncio.wait_for(self.ws.receive(), 30)
        assert frame.type is aiohttp.WSMsgType.TEXT, f"{frame.type.name} {frame.data}"
        payload: dict[str, Any] = json.loads(frame.data)
        if payload["s"] is not None:
            self.sequence = payload["s"]
        return payload

    async def event(self, name: str) -> Any:
        """The next event of that name; others before it are skipped."""
        while True:
            payload = await self.receive()
            if payload["t"] == name:
                return payload["d"]

    async def close_code(self) -> int | None:
        """Reads to the end."""
        while True:
            frame = await asyncio.wait_for(self.ws.receive(), 30)
            if frame.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                return self.ws.close_code

    async def identify(self, server: DiscordServer, *, intents: int = DEFAULT_INTENTS) -> None:
        await self.send(2, {"token": server.token, "intents": intents, "properties": {}})
        self.session_id = (await self.event("READY"))["session_id"]
        if intents & 1:
            await self.event("GUILD_CREATE")


@asynccontextmanager
async def dialled(
    server: DiscordServer, query: str = "v=10&encoding=json"
) -> AsyncIterator[RawGateway]:
    """Connected and greeted."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{server.gateway_url}?{query}") as ws,
    ):
        gateway = RawGateway(ws)
        assert (await gateway.receive())["op"] == 10
        yield gateway
