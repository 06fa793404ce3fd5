"""Discord's REST API through discord.py's HTTP client: its rate limits, our payloads, our errors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from discord.http import HTTPClient, Route

from adapters.discord.content import Content
from adapters.discord.faults import translated

LOADING = 1 << 7  # message flag: "thinking"
EPHEMERAL = 1 << 6
LONGEST_WAIT = 30.0  # s; discord.py sleeps through shorter rate limits, longer ones are raised
_MESSAGES = "/channels/{channel_id}/messages"
_HOOK = "/webhooks/{webhook_id}/{webhook_token}"


class Rest:
    """Calls by name. Its client outlives every connection to the gateway, so that answers go on without one."""

    def __init__(self, token: str, proxy: str | None) -> None:
        self._token = token
        self._proxy = proxy
        self._client: HTTPClient | None = None
        self._opening = asyncio.Lock()
        self.us = ""  # the bot's own user id, once open
        self.application = ""

    async def open(self) -> HTTPClient:
        """The client, logged in: with the first call, and again until it succeeds."""
        async with self._opening:
            if self._client is None:
                client = HTTPClient(
                    asyncio.get_running_loop(),
                    proxy=self._proxy,
                    max_ratelimit_timeout=LONGEST_WAIT,
                )
                try:
                    async with translated():
                        self.us = str((await client.static_login(self._token))["id"])
                        self.application = str((await client.application_info())["id"])
                except BaseException:
                    await client.close()
                    raise
                self._client = client
            return self._client

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    # ---- channels -----------------------------------------------------------------------------------

    async def post(
        self, channel: str, content: Content, *, nonce: str, reply_to: str | None = None
    ) -> dict[str, Any]:
        """Post a message; the same nonce within some minutes answers with the earlier one."""
        body = content.posted | {"nonce": nonce, "enforce_nonce": True}
        if reply_to:
            body["message_reference"] = {"message_id": reply_to, "fail_if_not_exists": False}
        found: dict[str, Any] = await self.call("POST", _MESSAGES, body, channel_id=channel)
        return found

    async def edit(self, channel: str, message: str, content: Content) -> None:
        path = _MESSAGES + "/{message_id}"
        await self.call("PATCH", path, content.edited, channel_id=channel, message_id=message)

    async def delete(self, channel: str, message: str) -> None:
        path = _MESSAGES + "/{message_id}"
        await self.call("DELETE", path, channel_id=channel, message_id=message)

    async def message(self, channel: str, message: str) -> Any:
        path = _MESSAGES + "/{message_id}"
        return await self.call("GET", path, channel_id=channel, message_id=message)

    async def history(
        self, channel: str, *, before: str | None = None, after: str | None = None, limit: int
    ) -> list[dict[str, Any]]:
        """Messages of a channel, newest first: those right before, or right after, another one."""
        asked = {"limit": str(limit), "before": before, "after": after}
        query = {name: value for name, value in asked.items() if value}
        return list(await self.call("GET", _MESSAGES, query=query, channel_id=channel))

    async def typing(self, channel: str) -> None:
        await self.call("POST", "/channels/{channel_id}/typing", channel_id=channel)

    async def channel(self, channel: str) -> Any:
        return await self.call("GET", "/channels/{channel_id}", channel_id=channel)

    async def reopen(self, thread: str) -> None:
        """Bring an archived thread back: it takes the right to write there, and that it is not locked."""
        await self.call("PATCH", "/channels/{channel_id}", {"archived": False}, channel_id=thread)

    async def direct_channel(self, person: str) -> str:
        found = await self.call("POST", "/users/@me/channels", {"recipient_id": person})
        return str(found["id"])

    # ---- interactions -------------------------------------------------------------------------------

    async def original(self, token: str) -> Any:
        """The message of an interaction's first response."""
        return await self._hook("GET", "/messages/@original", token)

    async def edit_original(self, token: str, content: Content) -> Any:
        return await self._hook("PATCH", "/messages/@original", token, content.edited)

    async def edit_answer(self, token: str, message: str, content: Content) -> None:
        """Change any message of an interaction."""
        path = "/messages/{message_id}"
        await self._hook("PATCH", path, token, content.edited, message_id=message)

    async def delete_answer(self, token: str, message: str) -> None:
        await self._hook("DELETE", "/messages/{message_id}", token, message_id=message)

    async def follow_up(self, token: str, content: Content, *, private: bool) -> Any:
        """A further message of an interaction; Discord knows no nonce for it."""
        body = content.posted
        body["flags"] |= EPHEMERAL if private else 0
        return await self._hook("POST", "", token, body, query={"wait": "true"})

    async def _hook(
        self,
        method: str,
        path: str,
        token: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        **names: str,
    ) -> Any:
        await self.open()  # for the application's id
        names |= {"webhook_id": self.application, "webhook_token": token}
        return await self.call(method, _HOOK + path, body, query=query, **names)

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        **names: str,
    ) -> Any:
        """One request. `names` fill the path, which itself stays the same: it names the rate limit."""
        client = await self.open()
        options: dict[str, Any] = {} if body is None else {"json": body}
        if query:
            options["params"] = query
        async with translated():
            return await client.request(Route(method, path, **names), **options)
