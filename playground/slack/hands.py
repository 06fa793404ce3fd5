"""What a person does in the workspace: posts, commands and clicks become events for the bot."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from playground.slack import chat, events, streams, surfaces
from playground.slack.files import Upload
from playground.slack.interactions import Interactions
from playground.slack.messages import Message
from playground.slack.typed import compose
from playground.slack.wire import Impossible, Json, fresh_id
from playground.slack.workspace import Workspace
from playground.slack.world import Channel, Person

Twins = Literal["both", "reversed", "mention", "message"]
Who = Person | str
Where = Channel | str


class Hands:
    """Acting as a person, exactly as far as Slack's client would let that person."""

    workspace: Workspace

    async def post(
        self,
        user: Who,
        channel: Where,
        text: str,
        thread_ts: str | None = None,
        files: Sequence[Upload] = (),
        *,
        twins: Twins = "both",
        files_in_mention: bool = True,
        broadcast: bool = False,
        blocks: Sequence[Json] | None = None,
    ) -> Message:
        """Posts a message. `channel` may be "dm": the person's conversation with the bot.

        A mention of the bot gives two events; `twins` says which of them, and in which order.
        `blocks` replace those made from the text, for messages whose text is elsewhere.
        """
        slack = self.workspace
        person, place = self._at(user, channel)
        typed, composed = compose(text, slack.world)
        if blocks is not None:
            typed, composed = text, tuple(blocks)
        stored = [slack.shelf.put(one, user=person.id, channel=place.id) for one in files]
        root = self._root(place, thread_ts) if thread_ts else None
        message = Message(
            channel=place.id,
            ts=slack.archive.next_ts(),
            user=person.id,
            team=person.team,
            text=typed,
            blocks=composed,
            files=tuple(one.shown for one in stored),
            thread_ts=thread_ts,
            parent_user=root.user if root else None,
            subtype="thread_broadcast" if broadcast and thread_ts else None,
            bot_id=person.bot_id,
            client_msg_id=None if person.bot_id else fresh_id("msg-"),
        )
        slack.keep(message)
        self._tell_twins(message, place, twins, files_in_mention)
        return message

    def _tell_twins(
        self, message: Message, place: Channel, twins: Twins, files_in_mention: bool
    ) -> None:
        slack = self.workspace
        plain = events.posted(message, place)
        mention = events.mentioned(message, place, with_files=files_in_mention)
        if place.kind == "im" or not self._mentions_bot(message):
            slack.tell(plain, place)
            return
        order = {
            "both": (mention, plain),
            "reversed": (plain, mention),
            "mention": (mention,),
            "message": (plain,),
        }
        for event in order[twins]:
            slack.tell(event, place)

    def _mentions_bot(self, message: Message) -> bool:
        bot = self.workspace.world.app.bot_user
        return f"<@{bot}>" in message.text or bot in str(message.blocks)

    async def edit(self, user: Who, channel: Where, ts: str, text: str) -> Message:
        """Changes the words of one's own message."""
        slack = self.workspace
        person, place = self._at(user, channel)
        before = self._own(person, place, ts)
        typed, blocks = compose(text, slack.world)
        now = slack.archive.next_ts()
        edited = {"user": person.id, "ts": now}
        after = replace(before, text=typed, blocks=blocks, edited=edited)
        slack.keep(after)
        slack.tell(events.changed(after, before, place, now), place)
        return after

    async def delete(self, user: Who, channel: Where, ts: str) -> None:
        """Deletes one's own message; a thread's root leaves a gravestone, which Slack reports as
        a change."""
        slack = self.workspace
        person, place = self._at(user, channel)
        chat.remove(slack, place, self._own(person, place, ts))

    async def unfurl(self, channel: Where, ts: str) -> Message:
        """Slack adds a link preview: a change in which the words are the same."""
        slack = self.workspace
        place = slack.world.channel(channel)
        before = self._message(place, ts)
        preview = {"id": 1, "fallback": "A page", "title": "A page", "from_url": "https://a.page"}
        after = replace(before, attachments=(*before.attachments, preview))
        slack.keep(after)
        slack.tell(events.changed(after, before, place, slack.archive.next_ts()), place)
        return after

    async def react(self, user: Who, channel: Where, ts: str, name: str) -> None:
        person, place = self._at(user, channel)
        surfaces.react(self.workspace, self._message(place, ts), (name, person.id), added=True)

    async def press_stop(self, user: Who, channel: Where, thread_ts: str) -> list[str]:
        """Presses Slack's own stop button, which a thread has while its agent session is processing; returns the
        streams that Slack stopped."""
        slack = self.workspace
        person, place = self._at(user, channel)
        if slack.sessions.get((place.id, thread_ts)) != "processing":
            raise Impossible(f"nothing is being processed in {thread_ts}")
        stopped = streams.stop_by_user(slack, place, thread_ts)
        now = slack.archive.next_ts()
        slack.tell(events.session_stopped(person, place, thread_ts, stopped, now), place)
        return stopped

    async def open_home(self, user: Who, tab: Literal["home", "messages"] = "home") -> None:
        """Opens the bot's page; `messages` is the tab of the direct conversation."""
        slack = self.workspace
        person = slack.world.person(user)
        place = slack.world.dm(person)
        slack.tell(events.home_opened(person, place, tab, slack.archive.next_ts()))

    async def join(self, user: Who, channel: Where) -> Channel:
        """Adds somebody, maybe the bot, to a channel."""
        slack = self.workspace
        person, place = slack.world.person(user), slack.world.channel(channel)
        joined = slack.world.change_channel(place, members=place.members | {person.id})
        slack.feed.publish("channel", channel=joined.as_json(bot=slack.world.app.bot_user))
        slack.tell(events.joined(person, joined, slack.archive.next_ts()), joined)
        return joined

    async def leave(self, user: Who, channel: Where) -> Channel:
        """Takes somebody, maybe the bot, out of a channel."""
        slack = self.workspace
        person, place = slack.world.person(user), slack.world.channel(channel)
        left = slack.world.change_channel(place, members=place.members - {person.id})
        slack.feed.publish("channel", channel=left.as_json(bot=slack.world.app.bot_user))
        return left

    async def archive(self, channel: Where) -> Channel:
        return self._change(channel, is_archived=True)

    async def restrict(self, channel: Where) -> Channel:
        """From now on only admins may post there, and no app."""
        return self._change(channel, is_read_only=True)

    async def delete_channel(self, channel: Where) -> None:
        """A channel goes with all that was said there."""
        self.workspace.remove_channel(self.workspace.world.channel(channel))

    def _change(self, channel: Where, **changes: object) -> Channel:
        slack = self.workspace
        changed = slack.world.change_channel(slack.world.channel(channel), **changes)
        slack.feed.publish("channel", channel=changed.as_json(bot=slack.world.app.bot_user))
        return changed

    # Commands, shortcuts, modals and buttons

    async def command(self, user: Who, channel: Where, line: str) -> Json | None:
        """Types a slash command; returns what the app acknowledged it with."""
        person, place = self._at(user, channel)
        word, _, text = line.strip().partition(" ")
        if not word.startswith("/"):
            raise Impossible(f"{line} is no slash command")
        return await self._interactions.command(person, place, word, text.strip())

    async def shortcut(self, user: Who, channel: Where, ts: str, callback_id: str) -> Json | None:
        """Chooses a message shortcut in the menu of a message."""
        person, place = self._at(user, channel)
        message = self._message(place, ts)
        return await self._interactions.shortcut(person, place, message, callback_id)

    async def click(
        self, user: Who, channel: Where, ts: str, action_id: str, *, choice: str | None = None
    ) -> Json | None:
        """Presses a button or chooses in a menu of a message, private ones too."""
        person, place = self._at(user, channel)
        message = self.workspace.find_private(ts) or self._message(place, ts)
        if message.private_to not in (None, person.id):
            raise Impossible(f"{person.name} does not see {ts}")
        return await self._interactions.click(person, place, message, action_id, choice)

    async def click_in_view(
        self, view_id: str, user: Who, action_id: str, *, choice: str | None = None
    ) -> Json | None:
        person = self.workspace.world.person(user)
        view = self.workspace.view(view_id)
        return await self._interactions.click_in_view(person, view, action_id, choice)

    async def suggestions(
        self, view_id: str, user: Who, action_id: str, typed: str = ""
    ) -> list[Json]:
        """Types into a menu whose entries the app delivers."""
        person = self.workspace.world.person(user)
        view = self.workspace.view(view_id)
        return await self._interactions.suggestions(person, view, action_id, typed)

    async def submit_view(self, view_id: str, user: Who, values: Mapping[str, Any]) -> Json | None:
        """Sends a modal off; `values` by action id. Returns the app's `response_action`."""
        person = self.workspace.world.person(user)
        view = self.workspace.view(view_id)
        return await self._interactions.submit(person, view, values)

    async def close_view(self, view_id: str) -> None:
        self.workspace.close_view(self.workspace.view(view_id))

    # Steps

    @property
    def _interactions(self) -> Interactions:
        return Interactions(self.workspace)

    def _at(self, user: Who, channel: Where) -> tuple[Person, Channel]:
        """A person in a channel where that person may write."""
        world = self.workspace.world
        person = world.person(user)
        place = world.dm(person) if channel == "dm" else world.channel(channel)
        if person.id not in place.members:
            raise Impossible(f"{person.name} is not in {place.name or place.id}")
        if place.is_archived:
            raise Impossible(f"{place.name} is archived")
        if place.is_read_only and person.role not in ("owner", "admin"):
            raise Impossible(f"only admins may write in {place.name}")
        return person, place

    def _root(self, place: Channel, thread_ts: str) -> Message:
        """Where a reply can be written: under a root, even one that was deleted."""
        root = self.workspace.archive.find(place.id, thread_ts)
        if root is None or root.is_reply:
            raise Impossible(f"{thread_ts} is not the root of a thread")
        return root

    def _message(self, place: Channel, ts: str) -> Message:
        message = self.workspace.archive.find(place.id, ts)
        if message is None or message.is_deleted:
            raise Impossible(f"there is no message {ts} in {place.name or place.id}")
        return message

    def _own(self, person: Person, place: Channel, ts: str) -> Message:
        message = self._message(place, ts)
        if message.user != person.id:
            raise Impossible(f"{ts} is not a message of {person.name}")
        return message
