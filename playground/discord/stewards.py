"""What changes around the people: channels, threads, roles, members, guilds."""

from playground.discord import permissions
from playground.discord.asking import Askers
from playground.discord.errors import ClientRefusal
from playground.discord.posts import Draft
from playground.discord.seed import found
from playground.discord.world import (
    CATEGORY,
    TEXT,
    Channel,
    Guild,
    Message,
    Overwrite,
)


class Stewards(Askers):
    """Done by nobody in particular; the bot hears of each as it would from Discord."""

    async def open_thread(
        self,
        user: str,
        channel: str,
        name: str,
        *,
        message: Message | str | None = None,
        text: str = "",
        announced: bool = True,
    ) -> Channel:
        """Under a message, on its own, or as a post in a forum; not announced means that the
        gateway never tells of it, so that the bot's cache lacks it."""
        parent, person = self.world.place(channel), self.world.person(user)
        bits = permissions.in_channel(self.world, parent, person.id)
        if not bits & permissions.CREATE_PUBLIC_THREADS:
            raise ClientRefusal(f"{user} may not open threads there")
        root = None if message is None else self.told(message)
        if root is not None and self.world.thread_under(root) is not None:
            raise ClientRefusal("that message has a thread already")
        return self.threads.open(
            parent,
            person.id,
            name,
            root=root,
            opening=Draft(self._typed(text or name, parent)),
            announced=announced,
        )

    async def archive(self, thread: str, *, locked: bool = False) -> None:
        known = self.world.place(thread)
        known.archived, known.locked = True, locked
        self._settle("UPDATE", known)

    async def add_channel(
        self, name: str, *, category: str | None = None, guild: str | None = None
    ) -> Channel:
        parent = self.world.place(category) if category else None
        home = self._guild(guild)
        channel = Channel(self.ids.next(), TEXT, name, home.id, created_at=self.clock.now())
        channel.parent_id = parent.id if parent else None
        channel.position = len(self.world.channels)
        self._settle("CREATE", channel)
        return channel

    async def add_category(self, name: str, *, guild: str | None = None) -> Channel:
        channel = Channel(self.ids.next(), CATEGORY, name, self._guild(guild).id)
        self._settle("CREATE", channel)
        return channel

    async def move_channel(self, channel: str, category: str | None) -> None:
        known = self.world.place(channel)
        known.parent_id = self.world.place(category).id if category else None
        self._settle("UPDATE", known)

    async def remove_channel(self, channel: str) -> None:
        """Its threads go with it, and only of the channel itself the bot is told."""
        known = self.world.place(channel)
        self.events.channel("DELETE", known)
        below = [c for c in self.world.channels.values() if c.is_thread and c.parent_id == known.id]
        for gone in (known, *below):
            del self.world.channels[gone.id]
            self.world.messages.pop(gone.id, None)
            self.feed.tell({"kind": "channel_deleted", "channel": gone.id, "for": None})

    async def overwrite(self, channel: str, who: str, *, allow: int = 0, deny: int = 0) -> None:
        """`who` is a role's name, "everyone", or a person."""
        known = self.world.place(channel)
        guild = self._guild(known.guild_id)
        roles = {r.name: r.id for r in guild.roles.values()} | {"everyone": guild.id}
        target = roles.get(who) or self.world.person(who).id
        others = tuple(o for o in known.overwrites if o.id != target)
        new = Overwrite(target, member=target not in guild.roles, allow=allow, deny=deny)
        known.overwrites = (*others, new)
        self._settle("UPDATE", known)

    async def set_roles(self, user: str, *names: str, guild: str | None = None) -> None:
        home, person = self._guild(guild), self.world.person(user)
        home.members[person.id] = {r.id for r in home.roles.values() if r.name in names}
        self.events.member("UPDATE", home, person.id)

    async def join(self, user: str, *, guild: str | None = None) -> None:
        home, person = self._guild(guild), self.world.person(user)
        home.members[person.id] = set()
        self.events.member("ADD", home, person.id)

    async def leave(self, user: str, *, guild: str | None = None) -> None:
        """The bot, too: then it was thrown out."""
        home, person = self._guild(guild), self.world.person(user)
        del home.members[person.id]
        if person.id == self.world.bot.id:
            self.events.guild_left(home)
        else:
            self.events.member("REMOVE", home, person.id)

    async def add_guild(self, name: str, owner: str = "olivia") -> Guild:
        """A second guild with the bot, everybody and one channel."""
        guild = found(self.world, self.ids.next(), name, self.world.person(owner).id)
        guild.members |= {p: set() for p in self.world.people}
        lobby = Channel(self.ids.next(), TEXT, f"{name.lower()}-lobby", guild.id)
        self.world.channels[lobby.id] = lobby
        self.events.guild_joined(guild)
        self.feed.tell({"kind": "channel", "channel": lobby.id, "for": None})
        return guild

    def open_dms(self, user: str, *, is_open: bool) -> None:
        """Whether the person takes direct messages from the bot."""
        self.world.person(user).dms_open = is_open

    def open_command(self, name: str) -> None:
        """An admin has overridden the command's default permissions: all members may call it."""
        self.registry.opened.add(name)

    def _settle(self, what: str, channel: Channel) -> None:
        self.world.channels[channel.id] = channel
        self.events.channel(what, channel)
        self.feed.tell({"kind": "channel", "channel": channel.id, "for": None})

    def _guild(self, guild: str | None) -> Guild:
        """By id or name; the first one unless said otherwise."""
        for known in self.world.guilds.values():
            if guild in (None, known.id, known.name):
                return known
        raise LookupError(f"there is no guild {guild!r}")
