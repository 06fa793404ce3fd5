"""What a person sees in the workspace, for tests that wait and for the page that shows it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from playground.slack.messages import Archive, Message, text_of
from playground.slack.wire import Json
from playground.slack.workspace import Call, Status, View, Violation, Workspace
from playground.slack.world import Channel, Person

Seen = TypeVar("Seen")

PATIENCE = 60.0  # s that a test waits for something to appear, on a busy machine too


class Eyes:
    """Looking at the workspace; nothing here changes it."""

    workspace: Workspace

    text_of = staticmethod(text_of)

    def thread(self, channel: Channel | str, ts: str) -> list[Message]:
        """The root and its replies, in the order of posting."""
        return self._archive.thread(self.workspace.world.channel(channel).id, ts)

    def find(self, channel: Channel | str, ts: str) -> Message | None:
        """One message as it is now."""
        return self._archive.find(self.workspace.world.channel(channel).id, ts)

    def channel_messages(self, channel: Channel | str) -> list[Message]:
        return self._archive.of(self.workspace.world.channel(channel).id)

    def private(self, user: Person | str, channel: Channel | str | None = None) -> list[Message]:
        """What only this person sees, in one channel or in all."""
        world = self.workspace.world
        person = world.person(user)
        place = self._place(person, channel)
        return [
            message
            for message in self._archive.private
            if message.private_to == person.id and place in (None, message.channel)
        ]

    def views(self, user: Person | str) -> list[View]:
        """The modals on this person's screen, the uppermost last."""
        return self.workspace.views_of(self.workspace.world.person(user).id)

    def dm(self, user: Person | str) -> Channel:
        """This person's conversation with the bot."""
        return self.workspace.world.dm(self.workspace.world.person(user))

    @property
    def statuses(self) -> dict[tuple[str, str], Status]:
        return self.workspace.statuses

    @property
    def calls(self) -> list[Call]:
        """Every call of the Web API in the order of arrival."""
        return self.workspace.calls

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.workspace.calls if call.method == method]

    @property
    def refusals(self) -> list[tuple[Call, str]]:
        """The calls that were refused, each with its error."""
        return self.workspace.refusals

    @property
    def violations(self) -> list[Violation]:
        """What the bot did that would have harmed real people."""
        return self.workspace.violations

    # Waiting

    async def shows(
        self,
        part: str,
        *,
        channel: Channel | str | None = None,
        thread_ts: str | None = None,
        timeout: float = PATIENCE,
    ) -> Message:
        """The first message of the bot, public or private, whose text contains `part`."""
        place = channel and self.workspace.world.channel(channel).id

        def look() -> Message | None:
            return next(
                (
                    message
                    for message in self._said_by_bot()
                    if part in text_of(message)
                    and place in (None, message.channel)
                    and thread_ts in (None, message.root_ts)
                ),
                None,
            )

        return await self.until(look, timeout=timeout, what=f"no message shows {part!r}")

    async def answered(
        self, ts: str, count: int = 1, *, with_footer: bool = False, timeout: float = PATIENCE
    ) -> list[Message]:
        """The bot's messages that answer `ts` as soon as there are `count` of them.

        `with_footer` waits until the last of them carries a context block too.
        """

        def look() -> list[Message] | None:
            answers = self.answers(ts)
            if len(answers) < count:
                return None
            kinds = [block["type"] for block in answers[-1].blocks]
            return None if with_footer and "context" not in kinds else answers

        return await self.until(
            look, timeout=timeout, what=f"{ts} has {len(self.answers(ts))} answers, not {count}"
        )

    def answers(self, ts: str) -> list[Message]:
        """The bot's public messages under `ts`; at the top of a DM, those that come after it."""
        question = self._archive.by_ts(ts)
        if question is None:
            return []
        world = self.workspace.world
        after = self._archive.thread(question.channel, question.root_ts)
        if world.channels[question.channel].kind == "im" and not question.is_reply:
            after = [
                message
                for message in self._archive.of(question.channel)
                if message.root_ts == ts or message.thread_ts is None
            ]
        bot = world.app.bot_user
        return [message for message in after if message.user == bot and message.ts > ts]

    async def connected(self, count: int = 1, timeout: float = PATIENCE) -> None:
        """Waits until the app holds `count` sockets that take events."""

        def look() -> bool | None:
            usable = [one for one in self.workspace.hub.connections if not one.refreshing]
            return True if len(usable) == count else None

        await self.until(look, timeout=timeout, what=f"the app does not hold {count} sockets")

    async def settled(self, timeout: float = PATIENCE) -> None:
        """Waits until every event is acknowledged or given up."""

        def look() -> bool | None:
            return True if self.workspace.hub.is_idle else None

        await self.until(look, timeout=timeout, what="events are still on their way")

    async def until(
        self, look: Callable[[], Seen | None], *, timeout: float = PATIENCE, what: str
    ) -> Seen:
        """Waits for a condition of one's own: looked at again after every change."""
        return await self.workspace.feed.until(
            look, timeout=timeout, complaint=lambda: f"{what}; {self._summary()}"
        )

    # For the page

    def changes(self) -> AsyncIterator[Json]:
        """Every change from now on; see `Feed.publish` for `audience`."""
        return self.workspace.feed.changes()

    def subscribe(self, queue: asyncio.Queue[Json]) -> None:
        self.workspace.feed.subscribe(queue)

    def unsubscribe(self, queue: asyncio.Queue[Json]) -> None:
        self.workspace.feed.unsubscribe(queue)

    def snapshot(self, viewer: Person | str) -> Json:
        """All that `viewer` sees, ready for JSON."""
        world = self.workspace.world
        person = world.person(viewer)
        places = [
            channel
            for channel in world.channels.values()
            if person.id in channel.members
            or (channel.kind == "public" and person.team == world.team.id)
        ]
        return {
            "team": {"id": world.team.id, "name": world.team.name},
            "viewer": person.id,
            "bot": {"id": world.app.bot_user, "name": world.app.name},
            "people": [self._person(one) for one in world.people.values()],
            "channels": [self._channel(one, person) for one in places],
            "messages": {
                place.id: [message.as_json() for message in self._archive.of(place.id)]
                for place in places
            },
            "private": [
                {"channel": message.channel, **message.as_json()}
                for message in self.private(person)
            ],
            "views": [self.workspace.view_json(view) for view in self.views(person)],
            "view_errors": {view.id: dict(view.errors) for view in self.views(person)},
            "statuses": [
                {"channel": status.channel, "thread_ts": status.thread_ts, "text": status.text}
                for status in self.statuses.values()
                if status.channel in {place.id for place in places}
            ],
        }

    # Steps

    @property
    def _archive(self) -> Archive:
        return self.workspace.archive

    def _place(self, person: Person, channel: Channel | str | None) -> str | None:
        if channel is None:
            return None
        world = self.workspace.world
        return world.dm(person).id if channel == "dm" else world.channel(channel).id

    def _said_by_bot(self) -> list[Message]:
        bot = self.workspace.world.app.bot_user
        everything = [*self._archive, *self._archive.private]
        return [message for message in everything if message.user == bot]

    def _summary(self) -> str:
        said = [text_of(message)[:80] for message in self._said_by_bot()]
        refused = [f"{call.method}: {error}" for call, error in self.refusals]
        return f"the bot has said {said}; refused were {refused}"

    def _person(self, person: Person) -> Json:
        return {
            "id": person.id,
            "name": person.name,
            "real_name": person.real_name,
            "role": person.role,
            "is_bot": person.bot_id is not None,
            "is_external": person.team != self.workspace.world.team.id,
        }

    def _channel(self, channel: Channel, viewer: Person) -> Json:
        return {
            "id": channel.id,
            "name": channel.name,
            "kind": channel.kind,
            "members": sorted(channel.members),
            "is_member": viewer.id in channel.members,
            "has_bot": self.workspace.world.has_bot(channel),
            "is_archived": channel.is_archived,
            "is_shared": channel.is_shared,
        }
