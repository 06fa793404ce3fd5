"""A message, or nothing but a name, becomes a thread; the bot and the screens are told."""

from playground.discord.clock import Clock, Snowflakes
from playground.discord.events import Events
from playground.discord.feed import Feed
from playground.discord.posts import Draft, Posts
from playground.discord.world import (
    FLAG_HAS_THREAD,
    FORUM,
    PUBLIC_THREAD,
    THREAD_STARTER,
    Channel,
    Message,
    Reference,
    World,
)


class Threads:
    """Opened by people and by the bot alike."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        ids: Snowflakes,
        events: Events,
        posts: Posts,
        feed: Feed,
    ) -> None:
        self._world = world
        self._clock = clock
        self._ids = ids
        self._events = events
        self._posts = posts
        self._feed = feed

    def open(
        self,
        parent: Channel,
        owner_id: str,
        name: str,
        *,
        root: Message | None = None,
        opening: Draft | None = None,
        announced: bool = True,
    ) -> Channel:
        """Under `root`, whose id it takes; or on its own, in a forum with its first message."""
        thread = Channel(
            root.id if root else self._ids.next(),
            PUBLIC_THREAD,
            name,
            parent.guild_id,
            parent_id=parent.id,
            owner_id=owner_id,
            announced=announced,
            created_at=self._clock.now(),
        )
        self._world.channels[thread.id] = thread
        self._events.channel("CREATE", thread)
        self._feed.tell({"kind": "channel", "channel": thread.id, "for": None})
        if root is not None:
            self._hang_under(root, thread, owner_id)
        if parent.type == FORUM and opening is not None:
            self._posts.create(thread, owner_id, opening, message_id=thread.id)
        return thread

    def _hang_under(self, root: Message, thread: Channel, owner_id: str) -> None:
        """The root is told of again, and the thread begins with a line that points to it."""
        root.flags |= FLAG_HAS_THREAD
        self._posts.refresh(root)
        starter = Draft(type=THREAD_STARTER, reference=Reference(root.channel_id, root.id))
        self._posts.create(thread, owner_id, starter)
