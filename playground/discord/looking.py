"""What a person sees: messages, private ones, forms, who is typing; and waiting for it."""

from collections.abc import AsyncGenerator, Callable
from typing import Any, TypeVar

from playground.discord import permissions
from playground.discord.errors import ClientRefusal
from playground.discord.feed import Change
from playground.discord.interactions import Interaction, State
from playground.discord.invocation import may_use
from playground.discord.stewards import Stewards
from playground.discord.world import WRITTEN, Channel, Message

T = TypeVar("T")
View = dict[str, Any]
_RECENT = 200  # messages of a channel in a snapshot
PATIENCE = 60.0  # s that a test waits for something to appear, on a busy machine too


class Looking(Stewards):
    """Nothing here changes anything."""

    def messages(self, channel: str) -> list[Message]:
        """All that everybody in the channel sees, oldest first."""
        place = self.world.place(channel)
        return [m for m in self.world.channel_messages(place.id) if not m.ephemeral]

    def private(self, user: str) -> list[Message]:
        """What only this person sees: ephemeral answers, oldest first."""
        person = self.world.person(user)
        every = [m for c in self.world.messages.values() for m in c.values()]
        mine = [m for m in every if m.seen_by == person.id]
        return sorted(mine, key=lambda m: int(m.id))

    def direct(self, user: str) -> list[Message]:
        """The person's direct messages with the bot, oldest first."""
        channel = self.world.direct_messages(self.world.person(user).id, self.world.bot.id)
        return [] if channel is None else list(self.world.channel_messages(channel.id))

    def by_bot(self, channel: str | None = None) -> list[Message]:
        """The bot's messages, private ones too, oldest first."""
        places = [self.world.place(channel).id] if channel else list(self.world.messages)
        own = [
            m
            for place in places
            for m in self.world.channel_messages(place)
            if m.author_id == self.world.bot.id
        ]
        return sorted(own, key=lambda m: int(m.id))

    async def when(self, condition: Callable[[], T | None], timeout: float = PATIENCE) -> T:
        """Waits on any condition over this server; asked again at each change."""
        return await self.feed.when(condition, timeout)

    async def connected(self, timeout: float = PATIENCE) -> None:
        """The bot has a session."""
        await self.when(lambda: self.gateway.connected, timeout)

    async def shows(
        self, substring: str, channel: str | None = None, timeout: float = PATIENCE
    ) -> Message:
        """A message of the bot that contains the text, wherever it is or in one channel."""

        def shown() -> Message | None:
            return next((m for m in self.by_bot(channel) if substring in m.content), None)

        try:
            return await self.when(shown, timeout)
        except TimeoutError:
            seen = [m.content for m in self.by_bot(channel)]
            raise AssertionError(f"{substring!r} never appeared; the bot wrote {seen}") from None

    async def answered(
        self, question: Message | Interaction | str, timeout: float = PATIENCE
    ) -> Message:
        """The first message that answers, once it is more than "thinking"."""
        found = self._question(question)

        def answer() -> Message | None:
            if isinstance(found, Interaction):
                return self._answer_to_interaction(found)
            return self._answer_to_message(found)

        try:
            return await self.when(answer, timeout)
        except TimeoutError:
            raise AssertionError(f"no answer came to {found!r}") from None

    def changes(self, viewer: str | None = None) -> AsyncGenerator[Change, None]:
        """Everything that happens from this call on, or what one person sees of it."""
        return self.feed.stream(lambda change: viewer is None or self.may_see(viewer, change))

    def may_see(self, viewer: str, change: Change) -> bool:
        person = self.world.person(viewer)
        if change.get("for") not in (None, person.id):
            return False
        channel = self.world.channels.get(change.get("channel", ""))
        return channel is None or permissions.sees(self.world, channel, person.id)

    def snapshot(self, viewer: str) -> View:
        """Everything that this person's screen needs, ready for JSON."""
        person, world = self.world.person(viewer), self.world
        places = [c for c in world.channels.values() if permissions.sees(world, c, person.id)]
        now = self.clock.now()
        return {
            "me": self.views.person(person),
            "bot": self.views.person(world.bot) | {"online": self.gateway.connected},
            "people": [self.views.person(p) for p in world.people.values()],
            "guilds": [
                {"id": g.id, "name": g.name}
                for g in world.guilds.values()
                if person.id in g.members
            ],
            "channels": [self.views.channel(c) for c in places],
            "messages": {c.id: self._visible(c, person.id) for c in places},
            "typing": [
                {"channel": place, "user": user, "until": until}
                for (place, user), until in world.typing.items()
                if until > now and any(c.id == place for c in places)
            ],
            "commands": {c.id: self.commands(viewer, c.id) for c in places if c.type != 4},
            "interactions": [
                {
                    "id": i.id,
                    "channel": i.channel_id,
                    "command": i.name,
                    "state": i.state.value,
                    "modal": i.modal,
                }
                for i in self.interactions.by_id.values()
                if i.user_id == person.id and i.state in (State.WAITING, State.MODAL)
            ],
        }

    def commands(self, viewer: str, channel: str) -> list[View]:
        """The menu that this person gets in this place: names, options, choices."""
        person, place = self.world.person(viewer), self.world.place(channel)
        offered = []
        for command in self.registry.visible(place.guild_id):
            try:
                may_use(self.world, self.registry, command, place, person.id)
            except ClientRefusal:
                continue
            keys = ("id", "type", "name", "description", "options")
            offered.append({key: command[key] for key in keys})
        return offered

    def _visible(self, channel: Channel, viewer_id: str) -> list[View]:
        seen = [
            m for m in self.world.channel_messages(channel.id) if m.seen_by in (None, viewer_id)
        ]
        return [self.views.message(m) for m in seen[-_RECENT:]]

    def _question(self, question: Message | Interaction | str) -> Message | Interaction:
        if isinstance(question, str) and question in self.interactions.by_id:
            return self.interactions.by_id[question]
        return question if isinstance(question, Interaction) else self.told(question)

    def _answer_to_interaction(self, interaction: Interaction) -> Message | None:
        if not interaction.answered:
            return None
        return self.world.message(interaction.channel_id, interaction.original_id or "")

    def _answer_to_message(self, question: Message) -> Message | None:
        """A reply to it; in direct messages whatever the bot says next."""
        direct = self.world.channels[question.channel_id].is_dm
        for message in self.by_bot():
            if (
                message.loading
                or message.type not in WRITTEN
                or int(message.id) <= int(question.id)
            ):
                continue
            replies = message.reference and message.reference.message_id == question.id
            if replies or (direct and message.channel_id == question.channel_id):
                return message
        return None
