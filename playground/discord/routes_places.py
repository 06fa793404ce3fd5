"""The routes of the app itself, of people, guilds, channels and threads."""

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from playground.discord import permissions
from playground.discord.core import Core
from playground.discord.errors import ApiError, Form
from playground.discord.http import PARSED, answer, body_of
from playground.discord.intents import APP_FLAG_MESSAGE_CONTENT
from playground.discord.posts import Draft
from playground.discord.world import Channel, Guild

Json = dict[str, Any]
_THREAD_NAME = 100


class PlaceRoutes:
    def __init__(self, core: Core) -> None:
        self._core = core

    def routes(self) -> Iterable[web.RouteDef]:
        commands = "/applications/{application_id}/commands"
        guild_commands = "/applications/{application_id}/guilds/{guild_id}/commands"
        return [
            web.get("/gateway", self.gateway),
            web.get("/gateway/bot", self.gateway),
            web.get("/users/@me", self.me),
            web.get("/users/@me/guilds", self.guilds),
            web.get("/users/{user_id}", self.user),
            web.post("/users/@me/channels", self.open_direct),
            web.get("/oauth2/applications/@me", self.application),
            web.get("/applications/@me", self.application),
            web.get(commands, self.commands),
            web.put(commands, self.replace_commands),
            web.get(guild_commands, self.commands),
            web.put(guild_commands, self.replace_commands),
            web.get("/guilds/{guild_id}", self.guild),
            web.get("/guilds/{guild_id}/channels", self.guild_channels),
            web.get("/guilds/{guild_id}/roles", self.guild_roles),
            web.get("/guilds/{guild_id}/members", self.members),
            web.get("/guilds/{guild_id}/members/{user_id}", self.member),
            web.get("/guilds/{guild_id}/threads/active", self.active_threads),
            web.get("/channels/{channel_id}", self.channel),
            web.patch("/channels/{channel_id}", self.reopen),
            web.post("/channels/{channel_id}/threads", self.open_thread),
            web.post("/channels/{channel_id}/messages/{message_id}/threads", self.thread_under),
            web.put("/channels/{channel_id}/thread-members/@me", self.join_thread),
        ]

    async def gateway(self, request: web.Request) -> web.Response:
        gateway = self._core.gateway
        left = self._core.rules.identifies_per_day - gateway.identifies
        limit = {"total": self._core.rules.identifies_per_day, "remaining": left}
        limit |= {"reset_after": 86_400_000, "max_concurrency": 1}
        url = gateway.resume_url.removesuffix("/resume")
        return answer({"url": url, "shards": 1, "session_start_limit": limit})

    async def me(self, request: web.Request) -> web.Response:
        user = self._core.payloads.user(self._core.world.bot)
        return answer(user | {"verified": True, "mfa_enabled": True, "flags": 0, "email": None})

    async def guilds(self, request: web.Request) -> web.Response:
        world = self._core.world
        mine = [g for g in world.guilds.values() if world.bot.id in g.members]
        return answer([{"id": g.id, "name": g.name, "owner": False} for g in mine])

    async def user(self, request: web.Request) -> web.Response:
        person = self._core.world.people.get(request.match_info["user_id"])
        if person is None:
            raise ApiError(10013)
        return answer(self._core.payloads.user(person))

    async def open_direct(self, request: web.Request) -> web.Response:
        world = self._core.world
        user_id = str(body_of(request).get("recipient_id"))
        if user_id not in world.people or user_id == world.bot.id:
            raise ApiError(50033 if user_id == world.bot.id else 10013)
        channel = self._core.direct_messages(user_id, world.bot.id)
        return answer(self._core.payloads.channel(channel))

    async def application(self, request: web.Request) -> web.Response:
        world = self._core.world
        return answer(
            {
                "id": world.bot.id,
                "name": world.bot.display,
                "icon": None,
                "description": "",
                "summary": "",
                "verify_key": "0" * 64,
                "bot_public": False,
                "bot_require_code_grant": False,
                "flags": APP_FLAG_MESSAGE_CONTENT if self._core.message_content_allowed else 0,
                "interactions_endpoint_url": None,
                "owner": self._core.payloads.user(world.app_owner),
                "team": None,
                "tags": [],
            }
        )

    async def commands(self, request: web.Request) -> web.Response:
        return answer(self._core.registry.all(self._command_scope(request)))

    async def replace_commands(self, request: web.Request) -> web.Response:
        wanted = request[PARSED].body
        if not isinstance(wanted, list):
            raise ApiError(50035, errors={"_errors": [{"code": "LIST_TYPE_CONVERT"}]})
        full = self._core.registry.replace(self._command_scope(request), wanted)
        self._core.feed.tell({"kind": "commands", "for": None})
        return answer(full)

    def _command_scope(self, request: web.Request) -> str | None:
        if request.match_info["application_id"] != self._core.world.bot.id:
            raise ApiError(50001)
        if "guild_id" not in request.match_info:
            return None
        return self._guild(request).id

    async def guild(self, request: web.Request) -> web.Response:
        guild = self._guild(request)
        counts = {"approximate_member_count": len(guild.members)}
        return answer(self._core.payloads.guild(guild) | counts)

    async def guild_channels(self, request: web.Request) -> web.Response:
        guild = self._guild(request)
        mine = [c for c in self._visible(guild) if not c.is_thread]
        return answer([self._core.payloads.channel(c) for c in mine])

    async def guild_roles(self, request: web.Request) -> web.Response:
        guild = self._guild(request)
        return answer([self._core.payloads.role(r) for r in guild.roles.values()])

    async def members(self, request: web.Request) -> web.Response:
        """The list needs the privileged members intent, which this app does not have."""
        self._guild(request)
        raise ApiError(50001)

    async def member(self, request: web.Request) -> web.Response:
        guild = self._guild(request)
        user_id = request.match_info["user_id"]
        if user_id not in guild.members:
            raise ApiError(10007)
        return answer(self._core.payloads.member(guild, user_id))

    async def active_threads(self, request: web.Request) -> web.Response:
        open_ones = [c for c in self._visible(self._guild(request)) if c.is_thread]
        shown = [self._core.payloads.channel(c) for c in open_ones if not c.archived]
        return answer({"threads": shown, "members": []})

    async def channel(self, request: web.Request) -> web.Response:
        return answer(self._core.payloads.channel(self._channel(request)))

    async def reopen(self, request: web.Request) -> web.Response:
        """Whoever may write in an archived thread may open it again, unless it is locked. Nothing else can be changed
        here: it would take more rights than the project's invite asks for."""
        thread, core = self._channel(request), self._core
        may = permissions.in_channel(core.world, thread, core.world.bot.id)
        needed = (
            permissions.MANAGE_THREADS if thread.locked else permissions.SEND_MESSAGES_IN_THREADS
        )
        if not thread.is_thread or body_of(request) != {"archived": False} or not may & needed:
            raise ApiError(50013)
        thread.archived = False
        core.events.channel("UPDATE", thread)
        return answer(core.payloads.channel(thread))

    async def open_thread(self, request: web.Request) -> web.Response:
        """Without a message, or a post in a forum."""
        parent, body = self._channel(request), body_of(request)
        self._may_open(parent, body)
        bot_id = self._core.world.bot.id
        opening = Draft(str((body.get("message") or {}).get("content") or ""))
        thread = self._core.threads.open(parent, bot_id, str(body["name"]), opening=opening)
        shown = self._core.payloads.channel(thread)
        first = self._core.world.message(thread.id, thread.id)
        if first is not None:
            shown["message"] = self._core.payloads.message(first)
        return answer(shown, 201)

    async def thread_under(self, request: web.Request) -> web.Response:
        """The thread's id is the message's id, so there can be one only."""
        parent, body = self._channel(request), body_of(request)
        root = self._core.world.message(parent.id, request.match_info["message_id"])
        if root is None:
            raise ApiError(10008)
        self._may_open(parent, body)
        if self._core.world.thread_under(root) is not None:
            raise ApiError(160004)
        bot_id = self._core.world.bot.id
        thread = self._core.threads.open(parent, bot_id, str(body["name"]), root=root)
        return answer(self._core.payloads.channel(thread), 201)

    async def join_thread(self, request: web.Request) -> web.Response:
        self._channel(request)
        return answer(None)

    def _may_open(self, parent: Channel, body: Json) -> None:
        if parent.is_dm or parent.is_thread:
            raise ApiError(50003 if parent.is_dm else 50024)
        world = self._core.world
        bits = permissions.in_channel(world, parent, world.bot.id)
        if not bits & permissions.CREATE_PUBLIC_THREADS:
            raise ApiError(50013)
        if not 1 <= len(str(body.get("name") or "")) <= _THREAD_NAME:
            form = Form()
            form.bad_length("name", 1, _THREAD_NAME)
            form.check()

    def _channel(self, request: web.Request) -> Channel:
        return self._core.place_for_bot(request.match_info["channel_id"])

    def _guild(self, request: web.Request) -> Guild:
        guild = self._core.world.guilds.get(request.match_info["guild_id"])
        if guild is None or self._core.world.bot.id not in guild.members:
            raise ApiError(10004)
        return guild

    def _visible(self, guild: Guild) -> list[Channel]:
        world = self._core.world
        return [
            c
            for c in world.channels.values()
            if c.guild_id == guild.id and permissions.sees(world, c, world.bot.id)
        ]
