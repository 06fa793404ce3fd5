"""The Web API: an HTTP request becomes a call of its method, and the answer or refusal JSON."""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from playground.faults import DropReply, DropRequest, Refuse
from playground.slack import arguments, chat, reading, streams, surfaces
from playground.slack.arguments import Arguments
from playground.slack.wire import Json, SlackError
from playground.slack.workspace import Call, Workspace


@dataclass(frozen=True, slots=True)
class Method:
    """What runs, what it needs, and how often it may be called."""

    run: Callable[[Workspace, Arguments], Json]
    tier: str
    scopes: tuple[str, ...] = ()  # any one of them; those by kind of channel are checked inside
    takes_json: bool = False
    is_app_level: bool = False  # wants the app token


def connections_open(slack: Workspace, args: Arguments) -> Json:
    """apps.connections.open"""
    address = slack.origin.replace("http", "ws", 1)
    return {"ok": True, "url": f"{address}/link/?ticket={slack.hub.issue_ticket()}"}


# Tiers, scopes and content types: Slack's page of each method. Where Slack says "special", it
# allows hundreds of calls a minute.
METHODS: dict[str, Method] = {
    "apps.connections.open": Method(connections_open, "1", is_app_level=True, takes_json=True),
    "auth.test": Method(reading.auth_test, "special", takes_json=True),
    "chat.postMessage": Method(chat.post_message, "special", ("chat:write",), takes_json=True),
    "chat.update": Method(chat.update, "3", ("chat:write",), takes_json=True),
    "chat.delete": Method(chat.delete, "3", ("chat:write",), takes_json=True),
    "chat.postEphemeral": Method(chat.post_ephemeral, "4", ("chat:write",), takes_json=True),
    "chat.startStream": Method(streams.start, "2", ("chat:write",), takes_json=True),
    "chat.appendStream": Method(streams.append, "4", ("chat:write",), takes_json=True),
    "chat.stopStream": Method(streams.stop, "2", ("chat:write",), takes_json=True),
    "agents.sessions.setStatus": Method(
        streams.set_session_status, "3", ("chat:write",), takes_json=True
    ),
    "users.info": Method(reading.users_info, "4", ("users:read",)),
    "usergroups.users.list": Method(reading.usergroups_users_list, "2", ("usergroups:read",)),
    "views.open": Method(surfaces.views_open, "4", takes_json=True),
    "views.update": Method(surfaces.views_update, "4", takes_json=True),
    "conversations.info": Method(reading.conversations_info, "3"),
    "conversations.replies": Method(reading.conversations_replies, "3"),
    "conversations.history": Method(reading.conversations_history, "3"),
    "assistant.threads.setStatus": Method(
        surfaces.set_status, "special", ("chat:write", "assistant:write"), takes_json=True
    ),
    "reactions.add": Method(surfaces.reactions_add, "3", ("reactions:write",), takes_json=True),
    "reactions.remove": Method(
        surfaces.reactions_remove, "2", ("reactions:write",), takes_json=True
    ),
    "files.info": Method(reading.files_info, "4", ("files:read",)),
}

# The methods without which a bot could not do its work; everything else may be missing.
MANDATORY = frozenset(
    METHODS.keys()
    - {
        "chat.startStream",
        "chat.appendStream",
        "chat.stopStream",
        "agents.sessions.setStatus",
        "views.update",
        "assistant.threads.setStatus",
        "reactions.add",
        "reactions.remove",
        "files.info",
    }
)


class WebApi:
    """One handler for every method of a workspace."""

    def __init__(self, slack: Workspace) -> None:
        self._slack = slack

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        fault = await self._slack.faults.meet(name)
        if isinstance(fault, DropRequest):
            return cut(request)
        try:
            answer, status = await self._answer(request, name, fault), 200
            headers = {"x-oauth-scopes": ",".join(sorted(self._slack.scopes))}
        except SlackError as refusal:
            answer, headers, status = refusal.answer, refusal.headers, refusal.status
        if isinstance(fault, DropReply):
            return cut(request)
        return web.json_response(answer, status=status, headers=headers)

    async def _answer(self, request: web.Request, name: str, fault: object) -> Json:
        method = METHODS.get(name)
        allowed = self._slack.methods
        takes_json = method is not None and method.takes_json
        args = await arguments.read(request, accepts_json=takes_json)
        call = Call(name, args.values, self._slack.clock())
        self._slack.calls.append(call)
        try:
            if method is None or (allowed is not None and name not in allowed):
                raise SlackError("unknown_method", req_method=name)
            self._check_token(method, arguments.token_of(request, args))
            self._slack.limits.check_method(name, method.tier)
            if isinstance(fault, Refuse):
                raise fault.refusal
            streams.expire(self._slack)
            if method.scopes:
                self._slack.require_scope(*method.scopes)
            return method.run(self._slack, args)
        except SlackError as refusal:
            self._slack.refusals.append((call, refusal.error))
            raise
        finally:
            self._slack.feed.wake()

    def _check_token(self, method: Method, token: str | None) -> None:
        slack = self._slack
        if token is None:
            raise SlackError("not_authed")
        if token not in (slack.bot_token, slack.hub.app_token):
            raise SlackError("invalid_auth")
        if slack.is_revoked:
            raise SlackError("token_revoked")
        if (token == slack.hub.app_token) is not method.is_app_level:
            raise SlackError("not_allowed_token_type")


def cut(request: web.Request) -> web.Response:
    """Breaks the connection; what is returned never leaves."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
