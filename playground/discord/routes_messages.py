"""The routes of messages: a request of the bot is checked against its rights and carried out."""

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from playground.discord import permissions
from playground.discord.core import Core
from playground.discord.errors import ApiError, Form
from playground.discord.forms import Upload, check_message, leaves_nothing, says_nothing
from playground.discord.http import PARSED, answer, body_of
from playground.discord.limits import Sliding
from playground.discord.posts import Draft
from playground.discord.record import inspect
from playground.discord.world import (
    CATEGORY,
    FLAG_COMPONENTS_V2,
    FLAG_SUPPRESS_EMBEDS,
    FORUM,
    REPLY,
    WRITTEN,
    Channel,
    Message,
    Reference,
)

Json = dict[str, Any]
_MESSAGES = "/channels/{channel_id}/messages"
_ONE = _MESSAGES + "/{message_id}"
_MOST_LISTED = 100
_TYPING_SECONDS = 10.0
_BOT_FLAGS = FLAG_SUPPRESS_EMBEDS | FLAG_COMPONENTS_V2 | 1 << 12  # and silent


class MessageRoutes:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._old_edits: dict[str, Sliding] = {}
        self._nonces: dict[tuple[str, str], tuple[float, str]] = {}

    def routes(self) -> Iterable[web.RouteDef]:
        reaction = _ONE + "/reactions/{emoji}/@me"
        return [
            web.get(_MESSAGES, self.list),
            web.post(_MESSAGES, self.create),
            web.get(_ONE, self.read),
            web.patch(_ONE, self.edit),
            web.delete(_ONE, self.delete),
            web.put(reaction, self.react),
            web.delete(reaction, self.unreact),
            web.post("/channels/{channel_id}/typing", self.typing),
        ]

    async def list(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        found = [m for m in self._core.world.channel_messages(channel.id) if not m.ephemeral]
        if not self._can(channel, permissions.READ_MESSAGE_HISTORY):
            found = []
        query, limit = request.query, _listed(request.query.get("limit", "50"))
        if "before" in query:
            found = [m for m in found if int(m.id) < int(query["before"])]
        if "after" in query:
            found = [m for m in found if int(m.id) > int(query["after"])][:limit]
        newest_first = list(reversed(found[-limit:]))
        return answer([self._shown(m) for m in newest_first])

    async def read(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        if not self._can(channel, permissions.READ_MESSAGE_HISTORY):
            raise ApiError(50001)
        return answer(self._shown(self._message(request, channel)))

    async def create(self, request: web.Request) -> web.Response:
        core, body, uploads = self._core, body_of(request), request[PARSED].uploads
        channel = self._channel(request)
        self._may_speak(channel, uploads)
        check_message(body, uploads, core.rules.attachment_bytes)
        core.violations += inspect(f"POST {request.path}", body)
        if says_nothing(body, uploads):
            raise ApiError(50006)
        reference = self._reference(channel, body.get("message_reference"))
        earlier = self._earlier(channel, body)
        if earlier is not None:
            return answer(self._shown(earlier))
        self._slow_mode(channel)
        allowed = body.get("allowed_mentions")
        draft = Draft(
            content=str(body.get("content") or ""),
            uploads=uploads,
            embeds=tuple(body.get("embeds") or ()),
            components=tuple(body.get("components") or ()),
            flags=int(body.get("flags") or 0) & _BOT_FLAGS,
            type=REPLY if reference else 0,
            reference=reference,
            ping_replied=True if allowed is None else bool(allowed.get("replied_user")),
            allowed=allowed,
            nonce=body.get("nonce"),
        )
        message = core.posts.create(channel, core.world.bot.id, draft)
        if body.get("enforce_nonce") and body.get("nonce") is not None:
            key = (channel.id, str(body["nonce"]))
            self._nonces[key] = (core.clock.now(), message.id)
        return answer(self._shown(message))

    async def edit(self, request: web.Request) -> web.Response:
        core, body, uploads = self._core, body_of(request), request[PARSED].uploads
        channel = self._channel(request)
        message = self._message(request, channel)
        if message.author_id != core.world.bot.id:
            raise ApiError(50005)
        if channel.is_thread and channel.archived:
            raise ApiError(50083)
        check_message(body, uploads, core.rules.attachment_bytes)
        core.violations += inspect(f"PATCH {request.path}", body)
        if leaves_nothing(message, body, uploads):
            raise ApiError(50006)
        self._old_message(message)
        flags = body.get("flags")
        lasting = message.flags & FLAG_COMPONENTS_V2
        kept = {str(a.get("id")) for a in body.get("attachments") or ()}
        core.posts.edit(
            message,
            content=str(body["content"] or "") if "content" in body else None,
            uploads=uploads,
            kept_attachments=kept if "attachments" in body else None,
            embeds=tuple(body["embeds"] or ()) if "embeds" in body else None,
            components=tuple(body["components"] or ()) if "components" in body else None,
            flags=None if flags is None else int(flags) & _BOT_FLAGS | lasting,
            allowed=body.get("allowed_mentions"),
        )
        return answer(self._shown(message))

    async def delete(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        message = self._message(request, channel)
        own = message.author_id == self._core.world.bot.id
        if not own and not self._can(channel, permissions.MANAGE_MESSAGES):
            raise ApiError(50003 if channel.is_dm else 50013)
        self._core.posts.delete(message)
        return answer(None)

    async def react(self, request: web.Request) -> web.Response:
        channel = self._channel(request)
        message = self._message(request, channel)
        emoji = request.match_info["emoji"]
        if emoji.isascii() and ":" not in emoji:
            raise ApiError(10014)
        if not self._can(channel, permissions.READ_MESSAGE_HISTORY):
            raise ApiError(50001)
        if emoji not in message.reactions and not self._can(channel, permissions.ADD_REACTIONS):
            raise ApiError(50013)
        self._core.posts.react(message, self._core.world.bot.id, emoji, add=True)
        return answer(None)

    async def unreact(self, request: web.Request) -> web.Response:
        message = self._message(request, self._channel(request))
        emoji = request.match_info["emoji"]
        if emoji in message.reactions:
            self._core.posts.react(message, self._core.world.bot.id, emoji, add=False)
        return answer(None)

    async def typing(self, request: web.Request) -> web.Response:
        core, channel = self._core, self._channel(request)
        self._may_speak(channel, ())
        until = core.clock.now() + _TYPING_SECONDS
        core.world.typing[channel.id, core.world.bot.id] = until
        core.feed.tell(
            {
                "kind": "typing",
                "channel": channel.id,
                "user": core.world.bot.id,
                "until": until,
                "for": None,
            }
        )
        return answer(None)

    def _channel(self, request: web.Request) -> Channel:
        return self._core.place_for_bot(request.match_info["channel_id"])

    def _message(self, request: web.Request, channel: Channel) -> Message:
        message = self._core.world.message(channel.id, request.match_info["message_id"])
        if message is None or message.ephemeral:
            raise ApiError(10008)
        return message

    def _can(self, channel: Channel, bit: int) -> bool:
        world = self._core.world
        return bool(permissions.in_channel(world, channel, world.bot.id) & bit)

    def _may_speak(self, channel: Channel, uploads: tuple[Upload, ...]) -> None:
        if channel.type in (CATEGORY, FORUM):
            raise ApiError(50008)
        world = self._core.world
        people = [world.people[r] for r in channel.recipients if r != world.bot.id]
        if any(not p.dms_open for p in people):
            raise ApiError(50007)
        if not self._can(channel, permissions.sending_bit(channel)):
            raise ApiError(50013)
        if uploads and not self._can(channel, permissions.ATTACH_FILES):
            raise ApiError(50013)
        locked = channel.is_thread and channel.locked
        if locked and not self._can(channel, permissions.MANAGE_THREADS):
            raise ApiError(50083)

    def _reference(self, channel: Channel, wanted: Any) -> Reference | None:
        """The message replied to; one that is gone is an error unless said otherwise."""
        if not isinstance(wanted, dict):
            return None
        if not self._can(channel, permissions.READ_MESSAGE_HISTORY):
            raise ApiError(160002)
        message_id = str(wanted.get("message_id"))
        root = self._core.world.message(channel.id, message_id)
        form = Form()
        if root is not None and not root.ephemeral:
            if root.type in WRITTEN:
                return Reference(channel.id, message_id)
            why = "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE"
            form.fault("message_reference", why, "Cannot reply to a system message")
            raise form.error()
        if wanted.get("fail_if_not_exists") is False:
            return None
        form.fault("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        raise form.error()

    def _earlier(self, channel: Channel, body: Json) -> Message | None:
        """With `enforce_nonce` the same nonce gives the message that it made before."""
        if not body.get("enforce_nonce") or body.get("nonce") is None:
            return None
        at, message_id = self._nonces.get((channel.id, str(body["nonce"])), (0.0, ""))
        if self._core.clock.now() > at + self._core.rules.nonce_seconds:
            return None
        return self._core.world.message(channel.id, message_id)

    def _slow_mode(self, channel: Channel) -> None:
        exempt = permissions.MANAGE_MESSAGES | permissions.MANAGE_CHANNELS
        if not channel.slow_seconds or self._can(channel, exempt):
            return
        mine = [
            m.created_at
            for m in self._core.world.channel_messages(channel.id)
            if m.author_id == self._core.world.bot.id
        ]
        left = max(mine, default=0.0) + channel.slow_seconds - self._core.clock.now()
        if left > 0:
            raise ApiError(20016, retry_after=round(left, 3))

    def _old_message(self, message: Message) -> None:
        """Hour-old messages have an edit limit of their own, told without a Via header."""
        rules, clock = self._core.rules, self._core.clock
        if clock.now() < message.created_at + rules.old_message_seconds:
            return
        edits = self._old_edits.setdefault(
            message.channel_id, Sliding(rules.old_message_edits, clock)
        )
        wait = edits.wait()
        if wait > 0:
            raise ApiError(30046, retry_after=round(wait, 3), via=False)
        edits.count()

    def _shown(self, message: Message) -> Json:
        readable = self._core.message_content_allowed
        return self._core.payloads.message(message, content=readable)


def _listed(limit: str) -> int:
    """How many messages are wanted, within what may be wanted."""
    if limit.isdigit() and 1 <= int(limit) <= _MOST_LISTED:
        return int(limit)
    form = Form()
    form.fault("limit", "NUMBER_TYPE_COERCE", f"Value must be between 1 and {_MOST_LISTED}.")
    raise form.error()
