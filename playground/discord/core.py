"""The parts of the simulated Discord, each made once and handed to those that need it."""

import secrets
from base64 import urlsafe_b64encode

from playground.discord import permissions
from playground.discord.cdn import Cdn
from playground.discord.clock import Clock, Snowflakes
from playground.discord.errors import ApiError
from playground.discord.events import Events
from playground.discord.feed import Feed
from playground.discord.gateway import Gateway
from playground.discord.interactions import Interactions
from playground.discord.limits import Limiter
from playground.discord.payloads import Payloads
from playground.discord.posts import Posts
from playground.discord.record import Call, Violation
from playground.discord.registry import Registry
from playground.discord.responses import Responses
from playground.discord.rules import Rules
from playground.discord.seed import direct, seed
from playground.discord.threads import Threads
from playground.discord.views import Views
from playground.discord.world import Channel, Message
from playground.faults import Faults


class Core:
    """What the REST routes, the gateway and the people share."""

    def __init__(
        self,
        *,
        limits: bool = True,
        message_content_allowed: bool = False,
        rules: Rules | None = None,
        token: str | None = None,
    ) -> None:
        self.rules = rules or Rules()
        self.clock = Clock()
        self.ids = Snowflakes(self.clock)
        self.world = seed()
        self.message_content_allowed = message_content_allowed
        self.feed = Feed()
        self.faults: Faults[ApiError] = Faults()
        self.calls: list[Call] = []
        self.violations: list[Violation] = []
        self.cdn = Cdn(self.rules, self.clock)
        self.payloads = Payloads(self.world, self.cdn)
        self.views = Views(self.world, self.cdn)
        self.limiter = Limiter(self.rules, self.clock, enabled=limits)
        self.gateway = Gateway(
            self.rules,
            self.clock,
            self.feed,
            limits=limits,
            message_content_allowed=message_content_allowed,
        )
        self.events = Events(self.world, self.payloads, self.gateway)
        self.posts = Posts(
            self.world, self.clock, self.ids, self.cdn, self.events, self.feed, self.views
        )
        self.threads = Threads(self.world, self.clock, self.ids, self.events, self.posts, self.feed)
        self.registry = Registry(self.world.bot.id, self.ids, self.rules)
        self.interactions = Interactions(
            self.world, self.rules, self.clock, self.ids, self.payloads, self.events, self.feed
        )
        self.responses = Responses(
            self.world, self.rules, self.interactions, self.posts, self.payloads
        )
        self.gateway.token = token or self._new_token()
        self.gateway.reset_token = self.reset_token

    @property
    def token(self) -> str:
        """The bot's token; it changes when the app identifies too often."""
        return self.gateway.token

    def reset_token(self) -> None:
        self.gateway.token = self._new_token()

    def direct_messages(self, first: str, second: str) -> Channel:
        """Theirs, opened at the first use."""
        known = self.world.direct_messages(first, second)
        if known is not None:
            return known
        channel = direct(self.ids.next(), first, second)
        self.world.channels[channel.id] = channel
        return channel

    def place_for_bot(self, channel_id: str) -> Channel:
        """A channel that exists and that the bot may see."""
        channel = self.world.channels.get(channel_id)
        if channel is None:
            raise ApiError(10003)
        if not permissions.sees(self.world, channel, self.world.bot.id):
            raise ApiError(50001)
        return channel

    def told(self, message: Message | str) -> Message:
        """A message by itself or by its id."""
        if isinstance(message, Message):
            return message
        found = self.world.find_message(message)
        if found is None:
            raise LookupError(f"there is no message {message}")
        return found

    def _new_token(self) -> str:
        """Shaped like Discord's: the app's id, then two secret parts."""
        head = urlsafe_b64encode(self.world.bot.id.encode()).decode().rstrip("=")
        return f"{head}.{secrets.token_urlsafe(4)}.{secrets.token_urlsafe(28)}"
