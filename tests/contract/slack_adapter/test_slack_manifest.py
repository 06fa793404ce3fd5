"""The manifest asks for what the code registers and calls, and for nothing else."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

import adapters.slack
from adapters.platform import Button
from adapters.slack.manifest import EVENT_SCOPES, METHOD_SCOPES, SHORTCUT, manifest, needs
from bot.settings import SlackSettings
from tests.contract.slack_adapter.office import Office, parts_of

SOURCES = sorted(Path(adapters.slack.__file__).parent.glob("*.py"))
CATCH_ALL = "on_anything"


@pytest.fixture
async def app(closed_office: Office) -> AsyncIterator[AsyncApp]:
    async with parts_of(closed_office) as (_, made):
        yield made


def event(kind: str) -> dict[str, Any]:
    return {"type": "event_callback", "event": {"type": kind}}


def listeners(app: AsyncApp) -> list[str]:
    return [listener.ack_function.__name__ for listener in app._async_listeners]


async def heard_by(app: AsyncApp, body: dict[str, Any]) -> str | None:
    """The listener to which Bolt hands a payload."""
    request = AsyncBoltRequest(mode="socket_mode", body=body)
    for listener in app._async_listeners:
        if await listener.async_matches(req=request, resp=BoltResponse(status=404)):
            return listener.ack_function.__name__
    return None


async def test_every_handler_is_in_the_manifest_and_all_of_it_has_a_handler(
    app: AsyncApp, closed_office: Office
) -> None:
    wanted = json.loads(manifest(closed_office.settings()))
    bodies = [
        event(name.split(".")[0])
        for name in wanted["settings"]["event_subscriptions"]["bot_events"]
    ]
    bodies += [{"command": c["command"]} for c in wanted["features"]["slash_commands"]]
    bodies += [
        {"type": "message_action", "callback_id": s["callback_id"]}
        for s in wanted["features"]["shortcuts"]
    ]
    if wanted["settings"]["interactivity"]["is_enabled"]:
        bodies.append(
            {"type": "view_submission", "view": {"type": "modal", "callback_id": SHORTCUT}}
        )
        bodies += [
            {"type": "block_actions", "actions": [{"action_id": str(button)}]} for button in Button
        ]
    heard = {await heard_by(app, body) for body in bodies}
    assert None not in heard
    assert heard == set(listeners(app)) - {CATCH_ALL}


@pytest.mark.parametrize("kind", ["reaction_added", "app_home_opened", "no_such_event"])
async def test_an_event_that_nothing_asked_for_falls_to_the_last_handler(
    app: AsyncApp, kind: str
) -> None:
    assert listeners(app)[-1] == CATCH_ALL
    assert await heard_by(app, event(kind)) == CATCH_ALL


def called() -> set[str]:
    """The Web API methods behind every method of a client that the adapter calls."""
    found = set()
    for path in SOURCES:
        for name in re.findall(r"client\.([a-z]+(?:_[A-Za-z]+)+)\b", path.read_text("utf-8")):
            body = inspect.getsource(getattr(AsyncWebClient, name, AsyncWebClient.__init__))
            found |= set(re.findall(r'api_call\(\s*"([\w.]+)"', body))
    return found


def test_the_manifest_knows_every_method_that_the_code_calls_and_no_other() -> None:
    assert called() == set(METHOD_SCOPES)


def test_every_scope_is_there_for_a_reason_and_none_is_missing() -> None:
    wanted = json.loads(manifest(SlackSettings(_env_file=None)))["oauth_config"]["scopes"]["bot"]
    assert wanted == sorted(needs())
    for table in (METHOD_SCOPES, EVENT_SCOPES):
        assert {scope for scopes in table.values() for scope in scopes} <= set(wanted)
    assert not [scope for scope in wanted if not needs()[scope]]


def test_the_manifest_is_within_slacks_limits_and_names_the_operators_command() -> None:
    app = json.loads(manifest(SlackSettings(_env_file=None, slack_command="/gpt")))
    (command,) = app["features"]["slash_commands"]
    assert command["command"] == "/gpt"
    assert len(app["features"]["agent_view"]["agent_description"]) <= 300
    assert len(app["display_information"]["description"]) <= 140
    assert app["settings"]["socket_mode_enabled"] is True
