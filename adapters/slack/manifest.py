"""The Slack app as its settings page wants it: made from the handlers that the code registers."""

from __future__ import annotations

import json
from typing import Any

from bot.settings import SlackSettings

SHORTCUT = "ask_about_this"
# What each Web API method that the code calls needs (https://docs.slack.dev/reference/methods).
METHOD_SCOPES: dict[str, tuple[str, ...]] = {
    "agents.sessions.setStatus": ("chat:write",),
    "apps.connections.open": (),  # the app token's connections:write
    "assistant.threads.setStatus": ("chat:write",),
    "auth.test": (),
    "chat.appendStream": ("chat:write",),
    "chat.delete": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.startStream": ("chat:write",),
    "chat.stopStream": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.history": ("channels:history", "groups:history", "im:history", "mpim:history"),
    "conversations.replies": ("channels:history", "groups:history", "im:history", "mpim:history"),
    "files.info": ("files:read",),
    "usergroups.users.list": ("usergroups:read",),
    "users.info": ("users:read",),
    "views.open": (),
}
EVENT_SCOPES: dict[str, tuple[str, ...]] = {
    "agent_session_stopped": (),
    "app_mention": ("app_mentions:read",),
    "message.channels": ("channels:history",),
    "message.groups": ("groups:history",),
    "message.im": ("im:history",),
    "message.mpim": ("mpim:history",),
}


FEATURE_SCOPES: dict[str, tuple[str, ...]] = {
    "agent_view": ("assistant:write",),
    "attachments": ("files:read",),
    "slash_commands": ("commands",),
}
OPTIONAL = frozenset({"usergroups:read"})  # only where SWITCHBOARD_ADMINS names a user group


def needs() -> dict[str, list[str]]:
    """Every bot scope that the methods, the events and the features need, and no other; each with what needs it."""
    needed: dict[str, list[str]] = {}
    for table in (METHOD_SCOPES, EVENT_SCOPES, FEATURE_SCOPES):
        for what, wanted in table.items():
            for scope in wanted:
                needed.setdefault(scope, []).append(what)
    return dict(sorted(needed.items()))


def manifest(settings: SlackSettings) -> str:
    """The manifest as JSON, for "create an app from a manifest"."""
    app: dict[str, Any] = {
        "display_information": {
            "name": "Switchboard",
            "description": "Answers with the model that this channel chose",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": False,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "Switchboard", "always_online": True},
            "agent_view": {
                "agent_description": "Mention me, or write to me here. I answer with this channel's model."
            },
            "slash_commands": [
                {
                    "command": settings.slack_command,
                    "description": "Ask, or choose the model of this channel",
                    "usage_hint": "ask PROMPT | model | model set ALIAS | new | stop | retry | help",
                    "should_escape": False,
                }
            ],
            "shortcuts": [
                {
                    "name": "Ask about this",
                    "type": "message",
                    "callback_id": SHORTCUT,
                    "description": "Ask Switchboard about this message",
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": list(needs())}},
        "settings": {
            "event_subscriptions": {"bot_events": sorted(EVENT_SCOPES)},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }
    return json.dumps(app, indent=2)
