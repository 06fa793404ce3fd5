"""The state of the simulated workspace, and the one way in which a happening becomes events."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from playground.faults import Faults
from playground.slack import events
from playground.slack.feed import Feed
from playground.slack.files import Shelf, StoredFile
from playground.slack.limits import RateLimits
from playground.slack.messages import Archive, Message
from playground.slack.sockets import Delivery, Hub
from playground.slack.streamed import Stream
from playground.slack.wire import Impossible, Json, SlackError, fresh_id
from playground.slack.world import SCOPE_WORD, Channel, World

STATUS_SECONDS = 120.0  # s; a status vanishes unless it is set again (Slack's documentation)
TRIGGER_SECONDS = 3.0  # s; life of a trigger_id (Slack's documentation)
RESPONSE_URL_SECONDS = 1800.0  # s; 30 minutes (Slack's documentation)
RESPONSE_URL_USES = 5  # Slack's documentation

# Everything that a bot of this kind asks for; a test takes away what it wants to see missed.
SCOPES = frozenset(
    {
        *("app_mentions:read", "chat:write", "assistant:write", "commands"),
        *("channels:history", "groups:history", "im:history", "mpim:history"),
        *("channels:read", "groups:read", "im:read", "mpim:read", "im:write"),
        *("users:read", "usergroups:read", "files:read", "files:write"),
        *("reactions:read", "reactions:write"),
    }
)
SUBSCRIPTIONS = frozenset(
    {
        *("app_mention", "message.channels", "message.groups", "message.im", "message.mpim"),
        *("app_home_opened", "member_joined_channel", "agent_session_stopped"),
        *("tokens_revoked", "app_uninstalled"),
    }
)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the Web API as it arrived."""

    method: str
    args: Json
    at: float


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that the bot did and that real people would suffer from."""

    method: str
    what: str
    args: Json


@dataclass(frozen=True, slots=True)
class Status:
    """The line under a thread that says what the bot is doing."""

    channel: str
    thread_ts: str
    text: str
    loading_messages: tuple[str, ...]
    set_at: float


@dataclass(frozen=True, slots=True)
class View:
    """A modal that is open on somebody's screen, with what was typed and complained about."""

    id: str
    user: str
    definition: Json
    hash: str
    root: str
    previous: str | None = None
    errors: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class ResponseUrl:
    """Where an answer to a command or an interaction may be posted for a while."""

    user: str
    channel: str
    issued_at: float
    source_ts: str | None = None
    uses: int = 0


class Workspace:
    """All that the simulated Slack knows; the modules around it act on it."""

    def __init__(
        self,
        world: World,
        hub: Hub,
        *,
        feed: Feed,
        clock: Callable[[], float],
        bot_token: str,
        scopes: frozenset[str],
        subscriptions: frozenset[str],
        limits: bool,
        distributed: bool,
    ) -> None:
        self.world = world
        self.hub = hub
        self.feed = feed
        self.clock = clock
        self.bot_token = bot_token
        self.scopes = scopes
        self.subscriptions = subscriptions
        self.limits = RateLimits(clock, enabled=limits, distributed=distributed)
        self.faults: Faults[SlackError] = Faults()
        self.archive = Archive(clock)
        self.shelf = Shelf(world.team.id)
        self.calls: list[Call] = []
        self.refusals: list[tuple[Call, str]] = []
        self.violations: list[Violation] = []
        self.views: dict[str, View] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.streams: dict[str, Stream] = {}  # by the ts of their message
        self.sessions: dict[tuple[str, str], str] = {}  # (channel, thread_ts) → status
        self.tells_streams = (
            True  # whether a history has `streaming_state`, which is not documented
        )
        self.methods: frozenset[str] | None = None  # all, unless a test allows only some
        self.is_revoked = False
        self.origin = ""
        self._statuses: dict[tuple[str, str], Status] = {}
        self._triggers: dict[str, tuple[str, float]] = {}

    # Permission

    def require_scope(self, *accepted: str) -> None:
        """Any one of the scopes will do."""
        if not self.scopes.intersection(accepted):
            raise SlackError(
                "missing_scope", needed=",".join(accepted), provided=",".join(sorted(self.scopes))
            )

    def visible_file(self, file_id: str) -> StoredFile | None:
        """A file of a channel that the bot is in."""
        stored = self.shelf.find(file_id)
        channel = self.world.channels.get(stored.channel) if stored else None
        return stored if channel is not None and self.world.has_bot(channel) else None

    # Messages and the events that they cause

    def tell(self, event: Json, channel: Channel | None = None) -> Delivery | None:
        """Sends an event if the app subscribed to it and may know of it."""
        if not self._is_heard(event, channel):
            return None
        return self.hub.deliver(events.callback(event, self.world, channel, self.clock()))

    def _is_heard(self, event: Json, channel: Channel | None) -> bool:
        if channel is not None and not self.world.has_bot(channel):
            return False
        kind = str(event["type"])
        if kind == "message" and channel is not None:
            word = SCOPE_WORD[channel.kind]
            return f"message.{word}" in self.subscriptions and f"{word}:history" in self.scopes
        needed = {"app_mention": "app_mentions:read", "reaction_added": "reactions:read"}.get(kind)
        return kind in self.subscriptions and (needed is None or needed in self.scopes)

    def keep(self, message: Message) -> None:
        """A message stands in its channel from now on, new or changed."""
        kind = "changed" if self.archive.find(message.channel, message.ts) else "posted"
        self.archive.keep(message)
        self._publish(f"message_{kind}", message)

    def erase(self, message: Message) -> None:
        """A message is gone; a root with replies leaves a gravestone, so that they stay."""
        if self.archive.replies(message.channel, message.ts):
            stone = replace(
                message,
                subtype="tombstone",
                user="USLACKBOT",
                text="This message was deleted.",
                blocks=(),
                files=(),
                attachments=(),
            )
            self.keep(stone)
        else:
            self.archive.drop(message)
            self._publish("message_deleted", message)

    def remove_channel(self, channel: Channel) -> None:
        """A channel goes with all that was said there; the app hears of it if it subscribed."""
        self.tell({"type": "channel_deleted", "channel": channel.id}, channel)
        self.archive.forget(channel.id)
        for place in [place for place in self._statuses if place[0] == channel.id]:
            del self._statuses[place]
        del self.world.channels[channel.id]
        self.feed.publish("channel_deleted", channel=channel.id)

    def keep_private(self, message: Message) -> None:
        """A message that one person sees, and no history ever shows; new or changed."""
        private = self.archive.private
        known = [place for place, one in enumerate(private) if one.ts == message.ts]
        if known:
            private[known[0]] = message
        else:
            private.append(message)
        self.feed.publish(
            "private_changed" if known else "private_posted",
            audience=[str(message.private_to)],
            channel=message.channel,
            ts=message.ts,
            thread_ts=message.thread_ts,
            message=message.as_json(),
        )

    def erase_private(self, message: Message) -> None:
        self.archive.private.remove(message)
        self.feed.publish(
            "private_deleted",
            audience=[str(message.private_to)],
            channel=message.channel,
            ts=message.ts,
        )

    def find_private(self, ts: str) -> Message | None:
        return next((one for one in self.archive.private if one.ts == ts), None)

    def _publish(self, kind: str, message: Message) -> None:
        channel = self.world.channels[message.channel]
        self.feed.publish(
            kind,
            audience=self.audience(channel),
            channel=channel.id,
            ts=message.ts,
            thread_ts=message.thread_ts,
            message=message.as_json(),
        )

    def audience(self, channel: Channel) -> list[str] | None:
        """Who may see what happens in a channel; None is everybody."""
        return None if channel.kind == "public" else sorted(channel.members)

    # The bot as an author

    def bot_message(self, channel: Channel, text: str, **parts: Any) -> Message:
        """A new message of the bot, not kept yet."""
        world = self.world
        profile: Json = {
            "id": world.app.bot_id,
            "app_id": world.app.id,
            "name": world.app.name,
            "deleted": False,
            "updated": 1700000000,
            "team_id": world.team.id,
        }
        return Message(
            channel=channel.id,
            ts=self.archive.next_ts(),
            user=world.app.bot_user,
            team=world.team.id,
            text=text,
            bot_id=world.app.bot_id,
            bot_profile=profile,
            **parts,
        )

    def accuse(self, method: str, args: Json, faults: list[str]) -> None:
        self.violations.extend(Violation(method, fault, args) for fault in faults)

    # Statuses

    @property
    def statuses(self) -> dict[tuple[str, str], Status]:
        """The statuses that are visible now, by channel and thread."""
        now = self.clock()
        return {
            place: status
            for place, status in self._statuses.items()
            if now - status.set_at < STATUS_SECONDS
        }

    def set_status(self, channel: str, thread_ts: str, text: str, messages: list[str]) -> None:
        if text:
            status = Status(channel, thread_ts, text, tuple(messages), self.clock())
            self._statuses[channel, thread_ts] = status
        else:
            self._statuses.pop((channel, thread_ts), None)
        audience = self.audience(self.world.channels[channel])
        self.feed.publish(
            "status", audience=audience, channel=channel, thread_ts=thread_ts, text=text
        )

    def clear_status(self, channel: str, thread_ts: str) -> None:
        """A message of the bot takes the place of its status."""
        if (channel, thread_ts) in self._statuses:
            self.set_status(channel, thread_ts, "", [])

    # Triggers, response addresses and views

    def new_trigger(self, user: str) -> str:
        trigger = fresh_id("trigger.")
        self._triggers[trigger] = (user, self.clock())
        return trigger

    def use_trigger(self, trigger: str) -> str:
        """The person behind a trigger, which is good once and for three seconds."""
        if trigger not in self._triggers:
            raise SlackError("invalid_trigger_id")
        user, issued = self._triggers[trigger]
        if not user:
            raise SlackError("exchanged_trigger_id")
        if self.clock() - issued > TRIGGER_SECONDS:
            raise SlackError("expired_trigger_id")
        self._triggers[trigger] = ("", issued)
        return user

    def new_response_url(self, user: str, channel: str, source_ts: str | None = None) -> str:
        identity = fresh_id("")
        issued = self.clock()
        self.response_urls[identity] = ResponseUrl(user, channel, issued, source_ts)
        return f"{self.origin}/response/{identity}"

    def show_view(self, view: View) -> None:
        self.views[view.id] = view
        self.feed.publish(
            "view_shown",
            audience=[view.user],
            view=self.view_json(view),
            errors=dict(view.errors),
        )

    def close_view(self, view: View) -> None:
        self.views.pop(view.id, None)
        self.feed.publish("view_closed", audience=[view.user], view_id=view.id)

    def views_of(self, user: str) -> list[View]:
        return [view for view in self.views.values() if view.user == user]

    def view(self, view_id: str) -> View:
        if view_id not in self.views:
            raise Impossible(f"no view {view_id} is open")
        return self.views[view_id]

    def view_json(self, view: View, state: Json | None = None) -> Json:
        """The view object of answers and interactions."""
        return {
            "title": None,
            "submit": None,
            "close": None,
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            **view.definition,
            "id": view.id,
            "team_id": self.world.team.id,
            "app_id": self.world.app.id,
            "app_installed_team_id": self.world.team.id,
            "bot_id": self.world.app.bot_id,
            "hash": view.hash,
            "root_view_id": view.root,
            "previous_view_id": view.previous,
            "state": {"values": state or {}},
        }
