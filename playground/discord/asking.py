"""What a person asks of the app by commands, menus, buttons and forms."""

from typing import Any

from playground.discord import permissions
from playground.discord.errors import ClientRefusal, DidNotRespond
from playground.discord.forms import Upload
from playground.discord.interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    MODAL_SUBMIT,
    Interaction,
    State,
)
from playground.discord.invocation import Filling, choose, may_use
from playground.discord.people import People
from playground.discord.registry import MESSAGE
from playground.discord.world import Attachment, Channel, Message

Json = dict[str, Any]
_TEXT_INPUT, _LABEL, _BUTTON = 4, 18, 2
_MARGIN = 1.0  # seconds beyond the app's own, for the machine


class Askers(People):
    """Each returns the interaction at once; `looking` waits for what becomes of it."""

    async def slash(self, user: str, channel: str, command: str, /, **options: Any) -> Interaction:
        """`command` may be a path, as in "model set"; an attachment is (name, bytes)."""
        place, data = self._command(user, channel, command, options, focus=None)
        return self._begin(COMMAND, user, place, command, data)

    async def autocomplete(
        self, user: str, channel: str, command: str, option: str, typed: str, /, **others: Any
    ) -> list[Json]:
        """The choices offered; DidNotRespond when the app was late."""
        options = others | {option: typed}
        place, data = self._command(user, channel, command, options, focus=option)
        interaction = self._begin(AUTOCOMPLETE, user, place, command, data)
        settled = await self.feed.when(
            lambda: interaction.state is not State.WAITING, self.rules.ack_seconds + _MARGIN
        )
        if not settled or interaction.did_not_respond:
            raise DidNotRespond(command)
        return interaction.choices

    async def message_command(
        self, user: str, channel: str, message: Message | str, name: str
    ) -> Interaction:
        """From the menu of a message, which comes along in full."""
        place, target = self.where(user, channel), self.told(message)
        command = self.registry.find(name, MESSAGE, place.guild_id)
        if command is None:
            raise ClientRefusal(f"there is no message command {name!r}")
        may_use(self.world, self.registry, command, place, self.world.person(user).id)
        data = {
            "id": command["id"],
            "name": name,
            "type": MESSAGE,
            "target_id": target.id,
            "resolved": {"messages": {target.id: self.payloads.message(target)}},
        }
        return self._begin(COMMAND, user, place, name, _scoped(data, command))

    async def submit_modal(
        self, user: str, interaction: Interaction | str, /, **values: str
    ) -> Interaction:
        """Fills the form that the app has shown; fields left out keep their prefilled text."""
        opened = self.interaction(interaction)
        if opened.modal is None or opened.user_id != self.world.person(user).id:
            raise ClientRefusal("no form is open")
        form = opened.modal
        known: set[str] = set()
        components = [_filled(row, values, known) for row in form["components"]]
        unknown = values.keys() - known
        if unknown:
            raise ClientRefusal(f"the form has no {', '.join(sorted(unknown))}")
        data = {"custom_id": form["custom_id"], "components": components}
        place = self.world.channels[opened.channel_id]
        source = self.world.message(place.id, opened.source_id or "")
        opened.modal = None
        return self._begin(MODAL_SUBMIT, user, place, opened.name, data, source)

    async def press(self, user: str, message: Message | str, custom_id: str) -> Interaction:
        """A button."""
        return self._use(user, message, custom_id, None)

    async def choose(
        self, user: str, message: Message | str, custom_id: str, values: list[str]
    ) -> Interaction:
        """Entries of a select menu."""
        return self._use(user, message, custom_id, values)

    def interaction(self, interaction: Interaction | str) -> Interaction:
        if isinstance(interaction, Interaction):
            return interaction
        return self.interactions.by_id[interaction]

    def _use(
        self, user: str, message: Message | str, custom_id: str, values: list[str] | None
    ) -> Interaction:
        source, person = self.told(message), self.world.person(user)
        if source.seen_by not in (None, person.id):
            raise ClientRefusal("this person does not see that message")
        component = _component(list(source.components), custom_id)
        if component is None or component.get("disabled"):
            raise ClientRefusal(f"nothing called {custom_id!r} can be used there")
        data: Json = {"custom_id": custom_id, "component_type": component["type"]}
        if values is not None:
            data["values"] = values
        place = self.world.channels[source.channel_id]
        return self._begin(COMPONENT, user, place, custom_id, data, source)

    def _command(
        self, user: str, channel: str, path: str, options: Json, *, focus: str | None
    ) -> tuple[Channel, Json]:
        place = self.where(user, channel)
        command, chain = choose(self.registry, path, place.guild_id)
        may_use(self.world, self.registry, command, place, self.world.person(user).id)

        def store(upload: Upload) -> Attachment:
            if len(upload.data) > self.rules.attachment_bytes:
                raise ClientRefusal(f"{upload.name} is too large")
            return self.posts.store(place.id, (upload,), ephemeral=True)[0]

        filling = Filling(self.world, self.payloads, place.guild_id, store)
        filled = filling.fill(chain, command, options, focus)
        data: Json = {"id": command["id"], "name": command["name"], "type": command["type"]}
        data["options"] = filled
        if filling.resolved:
            data["resolved"] = filling.resolved
        return place, _scoped(data, command)

    def _begin(
        self,
        kind: int,
        user: str,
        place: Channel,
        name: str,
        data: Json,
        source: Message | None = None,
    ) -> Interaction:
        person = self.world.person(user)
        if not permissions.sees(self.world, place, person.id):
            raise ClientRefusal(f"{user} does not see {place.name}")
        return self.interactions.begin(kind, person.id, place, name, data, source)


def _scoped(data: Json, command: Json) -> Json:
    """A guild's own command carries the guild in its data."""
    return data | ({"guild_id": command["guild_id"]} if "guild_id" in command else {})


def _component(components: list[Any], custom_id: str) -> Json | None:
    todo = components
    while todo:
        component = todo.pop()
        if component.get("custom_id") == custom_id:
            found: Json = component
            return found
        todo += component.get("components") or []
        todo += [component["accessory"]] if component.get("accessory") else []
    return None


def _filled(row: Json, values: dict[str, str], known: set[str]) -> Json:
    """A row or label of a form, with what was typed into it."""
    if row["type"] == _LABEL:
        return {"type": _LABEL, "component": _field(row["component"], values, known)}
    if "components" in row:
        fields = [_field(f, values, known) for f in row["components"]]
        return {"type": row["type"], "components": fields}
    return {"type": row["type"], "content": row.get("content", "")}


def _field(field: Json, values: dict[str, str], known: set[str]) -> Json:
    custom_id = field["custom_id"]
    known.add(custom_id)
    if field["type"] != _TEXT_INPUT:
        chosen = values.get(custom_id)
        return {
            "type": field["type"],
            "custom_id": custom_id,
            "values": [] if chosen is None else [chosen],
        }
    value = values.get(custom_id, field.get("value") or "")
    least, most = field.get("min_length") or 0, field.get("max_length") or 4_000
    if field.get("required", True) and not value:
        raise ClientRefusal(f"the field {custom_id} is required")
    if value and not least <= len(value) <= most:
        raise ClientRefusal(f"the field {custom_id} takes {least} to {most} characters")
    return {"type": _TEXT_INPUT, "custom_id": custom_id, "value": value}
