"""What the app answers to an interaction becomes a message, a form or a list of choices."""

from typing import Any

from playground.discord.errors import ApiError, Form
from playground.discord.forms import Upload, check_message, leaves_nothing, says_nothing
from playground.discord.interactions import (
    AUTOCOMPLETE,
    COMPONENT,
    MODAL_SUBMIT,
    Interaction,
    Interactions,
    State,
)
from playground.discord.payloads import Payloads
from playground.discord.posts import Draft, Posts
from playground.discord.rules import Rules
from playground.discord.world import (
    FLAG_EPHEMERAL,
    FLAG_LOADING,
    REPLY,
    Message,
    Reference,
    World,
)

Json = dict[str, Any]
MESSAGE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
_MOST_CHOICES, _CHOICE_NAME, _CHOICE_VALUE = 25, 100, 100
_MODAL_TITLE, _MODAL_ID, _MODAL_ROWS = 45, 100, 5


class Responses:
    """The callback and the routes below an interaction's token."""

    def __init__(
        self,
        world: World,
        rules: Rules,
        interactions: Interactions,
        posts: Posts,
        payloads: Payloads,
    ) -> None:
        self._world = world
        self._rules = rules
        self._interactions = interactions
        self._posts = posts
        self._payloads = payloads

    def callback(
        self, interaction_id: str, token: str, body: Json, uploads: tuple[Upload, ...]
    ) -> Json:
        """The first response, whichever kind; returns what `with_response` asks for."""
        interaction = self._interactions.awaiting(interaction_id, token)
        kind, data = body.get("type"), body.get("data") or {}
        self._fits(interaction, kind)
        message: Message | None = None
        if kind == CHOICES:
            self._offer(interaction, data)
        elif kind == MODAL:
            self._open(interaction, data)
        elif kind == MESSAGE:
            self._check(data, uploads)
            message = self._answer(interaction, data, uploads)
            self._interactions.settle(interaction, State.ANSWERED)
        elif kind == DEFER:
            message = self._think(interaction, data)
            self._interactions.settle(interaction, State.DEFERRED)
        else:
            message = self._update(interaction, data if kind == UPDATE else None, uploads)
            self._interactions.settle(interaction, State.ANSWERED)
        return self._report(interaction, kind or 0, message)

    def original(self, interaction: Interaction) -> Message:
        """The message of the first response; there is none before it, nor once deleted."""
        message = self._world.message(interaction.channel_id, interaction.original_id or "")
        if message is None:
            raise ApiError(10008)
        return message

    def message(self, interaction: Interaction, message_id: str) -> Message:
        if message_id == "@original":
            return self.original(interaction)
        message = self._world.message(interaction.channel_id, message_id)
        if message is None or message_id not in interaction.message_ids:
            raise ApiError(10008)
        return message

    def follow_up(
        self, interaction: Interaction, body: Json, uploads: tuple[Upload, ...]
    ) -> Message:
        """Fills the message that is still being thought about, else adds one."""
        self._check(body, uploads)
        original = self._world.message(interaction.channel_id, interaction.original_id or "")
        if original is not None and original.loading:
            return self.edit(interaction, original, body, uploads)
        reference = Reference(original.channel_id, original.id) if original else None
        return self._create(interaction, body, uploads, kind=REPLY, reference=reference)

    def edit(
        self, interaction: Interaction, message: Message, body: Json, uploads: tuple[Upload, ...]
    ) -> Message:
        check_message(body, uploads, self._rules.attachment_bytes)
        kept = [a for a in body.get("attachments") or () if "id" in a]
        if leaves_nothing(message, body, uploads):
            raise ApiError(50006)
        edited = self._posts.edit(
            message,
            content=None if "content" not in body else str(body["content"] or ""),
            uploads=uploads,
            kept_attachments={str(a["id"]) for a in kept} if "attachments" in body else None,
            embeds=_tuple(body, "embeds"),
            components=_tuple(body, "components"),
            flags=body.get("flags"),
            allowed=body.get("allowed_mentions"),
        )
        if interaction.deferred and message.id == interaction.original_id:
            self._interactions.settle(interaction, State.ANSWERED)
        return edited

    def delete(self, interaction: Interaction, message: Message) -> None:
        self._posts.delete(message)
        if interaction.deferred and message.id == interaction.original_id:
            self._interactions.settle(interaction, State.ANSWERED)

    def _fits(self, interaction: Interaction, kind: Any) -> None:
        """Each sort of interaction allows its own sorts of response."""
        allowed = {MESSAGE, DEFER, MODAL}
        if interaction.type == AUTOCOMPLETE:
            allowed = {CHOICES}
        elif interaction.type == COMPONENT:
            allowed |= {DEFER_UPDATE, UPDATE}
        elif interaction.type == MODAL_SUBMIT:
            allowed = {MESSAGE, DEFER} | (
                {DEFER_UPDATE, UPDATE} if interaction.source_id else set()
            )
        if kind not in allowed:
            form = Form()
            form.fault("type", "BASE_TYPE_CHOICES", f"Value must be one of {sorted(allowed)}.")
            form.check()

    def _check(self, data: Json, uploads: tuple[Upload, ...]) -> None:
        check_message(data, uploads, self._rules.attachment_bytes)
        if says_nothing(data, uploads):
            raise ApiError(50006)

    def _answer(self, interaction: Interaction, data: Json, uploads: tuple[Upload, ...]) -> Message:
        message = self._create(interaction, data, uploads, kind=interaction.message_type)
        interaction.ephemeral = message.ephemeral
        interaction.original_id = message.id
        return message

    def _think(self, interaction: Interaction, data: Json) -> Message:
        flags = int(data.get("flags") or 0) & FLAG_EPHEMERAL
        thinking: Json = {"flags": flags | FLAG_LOADING}
        return self._answer(interaction, thinking, ())

    def _update(
        self, interaction: Interaction, data: Json | None, uploads: tuple[Upload, ...]
    ) -> Message:
        """The message whose component was used is the original."""
        source = self._world.message(interaction.channel_id, interaction.source_id or "")
        if source is None:
            raise ApiError(10008)
        interaction.original_id = source.id
        interaction.ephemeral = source.ephemeral
        interaction.message_ids.append(source.id)
        return source if data is None else self.edit(interaction, source, data, uploads)

    def _create(
        self,
        interaction: Interaction,
        body: Json,
        uploads: tuple[Upload, ...],
        *,
        kind: int,
        reference: Reference | None = None,
    ) -> Message:
        flags = int(body.get("flags") or 0)
        draft = Draft(
            content=str(body.get("content") or ""),
            uploads=uploads,
            embeds=tuple(body.get("embeds") or ()),
            components=tuple(body.get("components") or ()),
            flags=flags & ~FLAG_EPHEMERAL,
            type=kind,
            reference=reference,
            allowed=body.get("allowed_mentions"),
            cause=interaction.cause,
            seen_by=interaction.user_id if flags & FLAG_EPHEMERAL else None,
        )
        channel = self._world.channels[interaction.channel_id]
        message = self._posts.create(channel, self._world.bot.id, draft)
        interaction.message_ids.append(message.id)
        return message

    def _offer(self, interaction: Interaction, data: Json) -> None:
        choices = data.get("choices") or []
        form = Form()
        if len(choices) > _MOST_CHOICES:
            form.bad_length("data.choices", 0, _MOST_CHOICES)
        for index, choice in enumerate(choices):
            if not 1 <= len(str(choice.get("name") or "")) <= _CHOICE_NAME:
                form.bad_length(f"data.choices.{index}.name", 1, _CHOICE_NAME)
            if len(str(choice.get("value"))) > _CHOICE_VALUE:
                form.too_long(f"data.choices.{index}.value", _CHOICE_VALUE)
        form.check()
        interaction.choices = choices
        self._interactions.settle(interaction, State.CHOICES)

    def _open(self, interaction: Interaction, data: Json) -> None:
        form = Form()
        if not 1 <= len(str(data.get("title") or "")) <= _MODAL_TITLE:
            form.bad_length("data.title", 1, _MODAL_TITLE)
        if not 1 <= len(str(data.get("custom_id") or "")) <= _MODAL_ID:
            form.bad_length("data.custom_id", 1, _MODAL_ID)
        if not 1 <= len(data.get("components") or ()) <= _MODAL_ROWS:
            form.bad_length("data.components", 1, _MODAL_ROWS)
        form.check()
        interaction.modal = data
        self._interactions.settle(interaction, State.MODAL)

    def _report(self, interaction: Interaction, kind: int, message: Message | None) -> Json:
        about: Json = {"id": interaction.id, "type": interaction.type}
        resource: Json = {"type": kind}
        if message is not None:
            about["response_message_id"] = message.id
            about["response_message_loading"] = message.loading
            about["response_message_ephemeral"] = message.ephemeral
            resource["message"] = self._payloads.message(message)
        return {"interaction": about, "resource": resource}


def _tuple(body: Json, key: str) -> tuple[Json, ...] | None:
    return tuple(body[key] or ()) if key in body else None
