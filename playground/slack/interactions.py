"""Commands, shortcuts, clicks and modals: asked of the app, its acknowledgement shown."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from playground.slack import hooks, surfaces
from playground.slack.events import VERIFICATION_TOKEN
from playground.slack.forms import MENUS, check_complete, find_element, option_of, state_of
from playground.slack.messages import Message
from playground.slack.sockets import Kind, NotAcknowledged
from playground.slack.wire import Impossible, Json, fresh_id
from playground.slack.workspace import ResponseUrl, View, Workspace
from playground.slack.world import Channel, Person


class Interactions:
    """One person's interactions with the app, from the payload to what the person then sees."""

    def __init__(self, slack: Workspace) -> None:
        self._slack = slack

    async def command(self, person: Person, place: Channel, word: str, text: str) -> Json | None:
        if "commands" not in self._slack.scopes:
            raise Impossible("the app has no slash commands without the scope `commands`")
        world = self._slack.world
        names = {"im": "directmessage", "mpim": place.name, "private": "privategroup"}
        payload = {
            "token": VERIFICATION_TOKEN,
            "team_id": person.team,
            "team_domain": world.team.domain,
            "channel_id": place.id,
            "channel_name": names.get(place.kind, place.name),
            "user_id": person.id,
            "user_name": person.name,
            "command": word,
            "text": text,
            "api_app_id": world.app.id,
            "is_enterprise_install": "false",
            "response_url": self._slack.new_response_url(person.id, place.id),
            "trigger_id": self._slack.new_trigger(person.id),
        }
        ack = await self._ask("slash_commands", payload, person, place, word)
        if ack and (ack.get("text") or ack.get("blocks")):
            now = self._slack.clock()
            hooks.answer(self._slack, ResponseUrl(person.id, place.id, now), ack)
        return ack

    async def shortcut(
        self, person: Person, place: Channel, message: Message, callback_id: str
    ) -> Json | None:
        payload = self._interaction("message_action", person, place) | {
            "callback_id": callback_id,
            "message_ts": message.ts,
            "message": message.as_json(),
            "response_url": self._slack.new_response_url(person.id, place.id, message.ts),
        }
        return await self._ask("interactive", payload, person, place, callback_id)

    async def click(
        self,
        person: Person,
        place: Channel,
        message: Message,
        action_id: str,
        choice: str | None,
    ) -> Json | None:
        block, element = find_element(message.blocks, action_id)
        is_private = message.private_to is not None
        container = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": place.id,
            "is_ephemeral": is_private,
        } | ({"thread_ts": message.thread_ts} if message.thread_ts else {})
        payload = self._interaction("block_actions", person, place) | {
            "container": container,
            "actions": [self._action(block, element, choice)],
            "response_url": self._slack.new_response_url(person.id, place.id, message.ts),
        }
        if not is_private:
            payload["message"] = message.as_json()
        return await self._ask("interactive", payload, person, place, action_id)

    async def click_in_view(
        self, person: Person, view: View, action_id: str, choice: str | None
    ) -> Json | None:
        block, element = find_element(view.definition["blocks"], action_id)
        payload = self._interaction("block_actions", person) | {
            "container": {"type": "view", "view_id": view.id},
            "view": self._slack.view_json(view, state_of(view, {})),
            "actions": [self._action(block, element, choice)],
        }
        return await self._ask("interactive", payload, person, None, action_id)

    async def suggestions(
        self, person: Person, view: View, action_id: str, typed: str
    ) -> list[Json]:
        block, element = find_element(view.definition["blocks"], action_id)
        payload = self._interaction("block_suggestion", person) | {
            "container": {"type": "view", "view_id": view.id},
            "view": self._slack.view_json(view),
            "action_id": element["action_id"],
            "block_id": block["block_id"],
            "value": typed,
        }
        ack = await self._ask("interactive", payload, person, None, action_id) or {}
        groups = ack.get("option_groups", [])
        return ack.get("options") or [one for group in groups for one in group["options"]]

    async def submit(self, person: Person, view: View, values: Mapping[str, Any]) -> Json | None:
        if view.user != person.id:
            raise Impossible("a modal belongs to the person on whose screen it is")
        state = state_of(view, values)
        check_complete(view, state)
        payload = self._interaction("view_submission", person) | {
            "view": self._slack.view_json(view, state),
            "response_urls": [],
        }
        try:
            ack = await self._slack.hub.ask("interactive", payload)
        except NotAcknowledged:
            trouble = (("", "We had some trouble connecting. Try again?"),)
            self._slack.show_view(replace(view, errors=trouble))
            return None
        self._react(view, ack or {})
        return ack

    def _react(self, view: View, ack: Json) -> None:
        """The modal closes unless the acknowledgement says otherwise."""
        slack = self._slack
        match ack.get("response_action"):
            case "errors":
                complaints = tuple(ack.get("errors", {}).items())
                slack.show_view(replace(view, errors=complaints))
            case "update":
                definition = surfaces.check_view(ack.get("view"))
                changed = replace(view, definition=definition, hash=fresh_id("hash."), errors=())
                slack.show_view(changed)
            case "push":
                definition = surfaces.check_view(ack.get("view"))
                identity = fresh_id("V")
                pushed = View(
                    identity, view.user, definition, fresh_id("hash."), view.root, view.id
                )
                slack.show_view(pushed)
            case "clear":
                for other in slack.views_of(view.user):
                    slack.close_view(other)
            case _:
                slack.close_view(view)

    async def _ask(
        self, kind: Kind, payload: Json, person: Person, place: Channel | None, what: str
    ) -> Json | None:
        """One envelope; without an ack in time the person is told by Slack itself."""
        try:
            return await self._slack.hub.ask(kind, payload)
        except NotAcknowledged as failure:
            error = "operation_timeout" if str(failure) == "timeout" else "dispatch_failed"
            where = place or self._slack.world.dm(person)
            self._slack.keep_private(
                Message(
                    channel=where.id,
                    ts=self._slack.archive.next_ts(),
                    user="USLACKBOT",
                    team=self._slack.world.team.id,
                    text=f'{what} failed with the error "{error}"',
                    private_to=person.id,
                )
            )
            return None

    def _interaction(self, kind: str, person: Person, place: Channel | None = None) -> Json:
        world = self._slack.world
        payload: Json = {
            "type": kind,
            "token": VERIFICATION_TOKEN,
            "action_ts": self._slack.archive.next_ts(),
            "team": {"id": world.team.id, "domain": world.team.domain},
            "user": {
                "id": person.id,
                "username": person.name,
                "name": person.name,
                "team_id": person.team,
            },
            "api_app_id": world.app.id,
            "is_enterprise_install": False,
            "enterprise": None,
            "trigger_id": self._slack.new_trigger(person.id),
        }
        if place is not None:
            name = "directmessage" if place.kind == "im" else place.name
            payload["channel"] = {"id": place.id, "name": name}
        return payload

    def _action(self, block: Json, element: Json, choice: str | None) -> Json:
        action: Json = {
            "type": element["type"],
            "action_id": element["action_id"],
            "block_id": block["block_id"],
            "action_ts": self._slack.archive.next_ts(),
        }
        if element["type"] in MENUS:
            return action | {"selected_option": option_of(element, choice)}
        if "value" in element:
            action["value"] = element["value"]
        if "text" in element:
            action["text"] = element["text"]
        return action
