"""A command, button or form of a person waits for the app's answer, three seconds and no longer."""

import asyncio
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from playground.discord import permissions
from playground.discord.clock import Clock, Snowflakes
from playground.discord.errors import ApiError
from playground.discord.events import Events
from playground.discord.feed import Feed
from playground.discord.payloads import Payloads
from playground.discord.rules import Rules
from playground.discord.world import (
    CHAT_INPUT_COMMAND,
    CONTEXT_MENU_COMMAND,
    DEFAULT,
    Cause,
    Channel,
    Message,
    World,
)

Json = dict[str, Any]
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
_GUILD, _BOT_DM = 0, 1


class State(StrEnum):
    WAITING = "waiting"
    DEFERRED = "deferred"  # the app is thinking, for all to see
    ANSWERED = "answered"
    MODAL = "modal"  # answered with a form
    CHOICES = "choices"  # answered with autocomplete choices
    DID_NOT_RESPOND = "did_not_respond"


@dataclass(slots=True)
class Interaction:
    """One thing that a person asked of the app, and what became of it."""

    id: str
    type: int
    token: str
    user_id: str
    channel_id: str
    guild_id: str | None
    name: str
    created_at: float
    data: Json
    state: State = State.WAITING
    ephemeral: bool | None = None  # fixed by the first response
    original_id: str | None = None
    message_ids: list[str] = field(default_factory=list)  # follow-ups too
    source_id: str | None = None  # the message whose component was used
    choices: list[Json] = field(default_factory=list)
    modal: Json | None = None

    @property
    def deferred(self) -> bool:
        return self.state is State.DEFERRED

    @property
    def answered(self) -> bool:
        return self.state is State.ANSWERED

    @property
    def did_not_respond(self) -> bool:
        return self.state is State.DID_NOT_RESPOND

    @property
    def cause(self) -> Cause:
        return Cause(self.id, self.type, self.name, self.user_id)

    @property
    def message_type(self) -> int:
        """How the answer's message is typed: it says which kind of command was used."""
        if self.type != COMMAND:
            return DEFAULT
        by_menu = self.data.get("type") in (2, 3)
        return CONTEXT_MENU_COMMAND if by_menu else CHAT_INPUT_COMMAND


class Interactions:
    """All of them, by id and by token."""

    def __init__(
        self,
        world: World,
        rules: Rules,
        clock: Clock,
        ids: Snowflakes,
        payloads: Payloads,
        events: Events,
        feed: Feed,
    ) -> None:
        self._world = world
        self._rules = rules
        self._clock = clock
        self._ids = ids
        self._payloads = payloads
        self._events = events
        self._feed = feed
        self._by_token: dict[str, Interaction] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self.by_id: dict[str, Interaction] = {}

    def begin(
        self,
        kind: int,
        user_id: str,
        channel: Channel,
        name: str,
        data: Json,
        source: Message | None = None,
    ) -> Interaction:
        """The app hears of it now, and the three seconds run."""
        interaction = Interaction(
            id=self._ids.next(),
            type=kind,
            token=secrets.token_urlsafe(48),
            user_id=user_id,
            channel_id=channel.id,
            guild_id=channel.guild_id,
            name=name,
            created_at=self._clock.now(),
            data=data,
            source_id=source.id if source else None,
        )
        self.by_id[interaction.id] = interaction
        self._by_token[interaction.token] = interaction
        loop = asyncio.get_running_loop()
        self._timers[interaction.id] = loop.call_later(
            self._rules.ack_seconds, self._late, interaction
        )
        self._events.interaction(self._payload(interaction, channel, source))
        self.tell(interaction)
        return interaction

    def awaiting(self, interaction_id: str, token: str) -> Interaction:
        """For the callback: the one that this response may still be for."""
        interaction = self.by_id.get(interaction_id)
        if interaction is None or interaction.token != token:
            raise ApiError(10062)
        late = self._clock.now() > interaction.created_at + self._rules.ack_seconds
        if interaction.did_not_respond or (late and interaction.state is State.WAITING):
            raise ApiError(10062)
        if interaction.state is not State.WAITING:
            raise ApiError(40060)
        self._check_place(interaction)
        return interaction

    def live(self, application_id: str, token: str) -> Interaction:
        """For the webhook routes: acknowledged, and the token not yet too old."""
        interaction = self._by_token.get(token)
        if interaction is None or application_id != self._world.bot.id:
            raise ApiError(10015)
        if self._clock.now() > interaction.created_at + self._rules.token_seconds:
            raise ApiError(50027)
        if interaction.state in (State.WAITING, State.DID_NOT_RESPOND, State.CHOICES):
            raise ApiError(10015)
        self._check_place(interaction)
        return interaction

    def _check_place(self, interaction: Interaction) -> None:
        """A channel may be deleted while the app works."""
        if interaction.channel_id not in self._world.channels:
            raise ApiError(10003)

    def settle(self, interaction: Interaction, state: State) -> None:
        timer = self._timers.pop(interaction.id, None)
        if timer is not None:
            timer.cancel()
        interaction.state = state
        self.tell(interaction)

    def tell(self, interaction: Interaction) -> None:
        self._feed.tell(
            {
                "kind": "interaction",
                "id": interaction.id,
                "channel": interaction.channel_id,
                "command": interaction.name,
                "state": interaction.state.value,
                "modal": interaction.modal,
                "for": interaction.user_id,
            }
        )

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def _late(self, interaction: Interaction) -> None:
        """The person sees "The application did not respond"."""
        if interaction.state is State.WAITING:
            self.settle(interaction, State.DID_NOT_RESPOND)

    def _payload(self, interaction: Interaction, channel: Channel, source: Message | None) -> Json:
        world, payloads = self._world, self._payloads
        user = world.people[interaction.user_id]
        bits = permissions.in_channel(world, channel, user.id)
        body: Json = {
            "id": interaction.id,
            "application_id": world.bot.id,
            "type": interaction.type,
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "channel_id": channel.id,
            "channel": payloads.channel(channel) | {"permissions": str(bits)},
            "app_permissions": str(permissions.in_channel(world, channel, world.bot.id)),
            "locale": user.locale,
            "entitlements": [],
            "entitlement_sku_ids": [],
            "attachment_size_limit": self._rules.attachment_bytes,
            "authorizing_integration_owners": {"0": channel.guild_id or "0"},
            "context": _GUILD if channel.guild_id else _BOT_DM,
        }
        guild = world.guild_of(channel)
        if guild is None:
            body["user"] = payloads.user(user)
        else:
            member = payloads.member(guild, user.id) | {"permissions": str(bits)}
            body["member"] = member
            body["guild_id"] = guild.id
            body["guild_locale"] = "en-US"
            body["guild"] = {"id": guild.id, "locale": "en-US", "features": []}
        if source is not None:
            body["message"] = payloads.message(source)
        return body
