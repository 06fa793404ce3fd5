"""Discord's REST API through discord.py's client: its rate limits, our payloads, our errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import discord
from discord.http import HTTPClient, Route

from bot.errors import MissingScope, PlaceGone, PlatformBusy, TooLong, Unsure

SUPPRESS_EMBEDS = 1 << 2  # message flag: no link previews, on posts and on every edit
EPHEMERAL = 1 << 6
SILENT: dict[str, list[str]] = {"parse": []}  # allowed_mentions: nobody; left out, everything pings

GONE = {
    10003,
    10004,
    10008,
    30033,
    50083,
    50024,
    160005,
}  # channel, guild, message; archived, locked
FORBIDDEN = {50001, 50013, 20028, 40333}
DEAD_INTERACTION = {10015, 10062, 50027}  # unknown webhook, unknown interaction, expired token
BODY = 50035  # invalid form body: too long, or a dead reference
OLD_MESSAGE = 30046  # edited too often for its age
BAN_SECONDS = 60.0  # a 429 that is no rate limit of the API's


class DeadInteractionError(PlaceGone):
    """The interaction's token is spent, or was never taken up."""


class Rest:
    """Calls by name. `http` is asked for at each call: a supervisor may have put a new client in place."""

    def __init__(self, http: Callable[[], HTTPClient]) -> None:
        self._http = http

    async def post(
        self, channel: str, content: str, *, nonce: str = "", reply_to: str | None = None
    ) -> Any:
        """Post a message; the same nonce within some minutes answers with the earlier one."""
        body: dict[str, Any] = {
            "content": content,
            "allowed_mentions": SILENT,
            "flags": SUPPRESS_EMBEDS,
        }
        if nonce:
            body |= {"nonce": nonce, "enforce_nonce": True}
        if reply_to:
            body["message_reference"] = {"message_id": reply_to, "fail_if_not_exists": False}
        return await self._call("POST", "/channels/{channel_id}/messages", body, channel_id=channel)

    async def edit(self, channel: str, message: str, content: str) -> None:
        body = {"content": content, "allowed_mentions": SILENT, "flags": SUPPRESS_EMBEDS}
        await self._call(
            "PATCH",
            "/channels/{channel_id}/messages/{message_id}",
            body,
            channel_id=channel,
            message_id=message,
        )

    async def delete(self, channel: str, message: str) -> None:
        await self._call(
            "DELETE",
            "/channels/{channel_id}/messages/{message_id}",
            channel_id=channel,
            message_id=message,
        )

    async def edit_original(self, application: str, token: str, content: str) -> Any:
        """Fill, or change, the deferred message of an interaction."""
        body = {"content": content, "allowed_mentions": SILENT, "flags": SUPPRESS_EMBEDS}
        return await self._webhook(
            "PATCH",
            "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
            application,
            token,
            body,
        )

    async def edit_followup(self, application: str, token: str, message: str, content: str) -> None:
        body = {"content": content, "allowed_mentions": SILENT, "flags": SUPPRESS_EMBEDS}
        await self._webhook(
            "PATCH",
            "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}",
            application,
            token,
            body,
            message_id=message,
        )

    async def follow_up(self, application: str, token: str, content: str) -> Any:
        """A further message of an interaction, for its person alone."""
        body = {
            "content": content,
            "allowed_mentions": SILENT,
            "flags": SUPPRESS_EMBEDS | EPHEMERAL,
        }
        return await self._webhook(
            "POST",
            "/webhooks/{webhook_id}/{webhook_token}",
            application,
            token,
            body,
            query="?wait=true",
        )

    async def delete_original(self, application: str, token: str) -> None:
        await self._webhook(
            "DELETE",
            "/webhooks/{webhook_id}/{webhook_token}/messages/@original",
            application,
            token,
        )

    async def direct_channel(self, person: str) -> str:
        found = await self._call("POST", "/users/@me/channels", {"recipient_id": person})
        return str(found["id"])

    async def typing(self, channel: str) -> None:
        await self._call("POST", "/channels/{channel_id}/typing", channel_id=channel)

    async def channel(self, channel: str) -> Any:
        return await self._call("GET", "/channels/{channel_id}", channel_id=channel)

    async def message(self, channel: str, message: str) -> Any:
        return await self._call(
            "GET",
            "/channels/{channel_id}/messages/{message_id}",
            channel_id=channel,
            message_id=message,
        )

    async def history(
        self, channel: str, *, before: str | None = None, after: str | None = None, limit: int = 50
    ) -> list[dict[str, Any]]:
        """Messages of a channel, newest first."""
        query = f"?limit={limit}" + (f"&before={before}" if before else "")
        query += f"&after={after}" if after else ""
        found = await self._call(
            "GET", "/channels/{channel_id}/messages", channel_id=channel, query=query
        )
        return list(found)

    async def member(self, guild: str, person: str) -> Any:
        return await self._call(
            "GET", "/guilds/{guild_id}/members/{user_id}", guild_id=guild, user_id=person
        )

    async def _webhook(
        self,
        method: str,
        path: str,
        application: str,
        token: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: str = "",
        **names: str,
    ) -> Any:
        return await self._call(
            method, path, body, query=query, webhook_id=application, webhook_token=token, **names
        )

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: str = "",
        **names: str,
    ) -> Any:
        route = Route(method, path + query, **names)
        options: dict[str, Any] = {} if body is None else {"json": body}
        try:
            return await self._http().request(route, **options)
        except discord.RateLimited as error:
            raise PlatformBusy("Discord asks to wait.", error.retry_after) from error
        except discord.HTTPException as error:
            raise _of(error) from error
        except (aiohttp.ClientError, OSError, TimeoutError, AttributeError) as error:
            # AttributeError: discord.py's client between two lives has no session.
            raise Unsure("Discord did not answer.") from error


def _of(error: discord.HTTPException) -> Exception:
    """The error of ours for Discord's code and status."""
    if error.code in DEAD_INTERACTION:
        return DeadInteractionError("The interaction is over.")
    if error.code in GONE:
        return PlaceGone("The channel or message is gone.")
    if error.code in FORBIDDEN or error.code == 50007:
        return MissingScope("The bot may not do this there.")
    if error.code in (BODY, OLD_MESSAGE):
        return TooLong("Discord does not take the message as it is.")
    if error.status == 429:
        return PlatformBusy("Discord asks to wait.", BAN_SECONDS)
    if error.status >= 500:
        return Unsure("Discord has a fault of its own.")
    if error.status in (403, 404):
        return PlaceGone("Discord does not have it, or not for the bot.")
    return error
