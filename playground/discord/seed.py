"""The world that a fresh server starts with: one guild in which every kind of case exists."""

from playground.discord import permissions
from playground.discord.world import (
    CATEGORY,
    DM,
    FORUM,
    PUBLIC_THREAD,
    TEXT,
    Channel,
    Guild,
    Message,
    Overwrite,
    Person,
    Role,
    World,
)

_FIRST_ID = 1_100_000_000_000_000_000  # a snowflake of April 2023; fixed, so that ids are stable
_FOUNDED = 1_681_500_000.0  # the time that those ids carry


class _Ids:
    def __init__(self) -> None:
        self._next = _FIRST_ID

    def next(self) -> str:
        self._next += 1 << 22
        return str(self._next)


def seed() -> World:
    """Harbour, its people, its channels."""
    ids = _Ids()
    bot = Person(ids.next(), "switchboard", "Switchboard", bot=True)
    olivia = Person(ids.next(), "olivia", "Olivia")
    world = World(bot, olivia)
    people = {
        name: Person(ids.next(), name, name.capitalize(), bot=name == "echo") for name in _PEOPLE
    }
    people["dora"].dms_open = False
    world.people |= {p.id: p for p in people.values()}
    guild = found(world, ids.next(), "Harbour", olivia.id)
    roles = _roles(guild, ids, bot)
    guild.members |= {p.id: set() for p in people.values() if p.name != "stranger"}
    guild.members[bot.id] = {roles["Switchboard"].id}
    guild.members[people["adam"].id] = {roles["Admins"].id}
    guild.members[people["mara"].id] = {roles["Stewards"].id}
    _places(world, guild, ids, roles, people)
    return world


_PEOPLE = (
    "adam",  # administrator
    "mara",  # Manage Channels
    "mia",
    "noah",
    "dora",  # takes no direct messages
    "echo",  # another bot
    "stranger",  # not a member
)


def found(world: World, guild_id: str, name: str, owner_id: str) -> Guild:
    """A guild with its everyone role and its owner."""
    guild = Guild(guild_id, name, owner_id)
    guild.roles[guild_id] = Role(guild_id, "@everyone", permissions.EVERYONE, 0)
    guild.members[owner_id] = set()
    world.guilds[guild_id] = guild
    return guild


def _roles(guild: Guild, ids: _Ids, bot: Person) -> dict[str, Role]:
    wanted = {
        "Switchboard": permissions.INVITED,
        "Stewards": permissions.MANAGE_CHANNELS,
        "Admins": permissions.ADMINISTRATOR,
    }
    made: dict[str, Role] = {}
    for position, (name, bits) in enumerate(wanted.items(), start=1):
        managed = bot.id if name == "Switchboard" else None
        made[name] = Role(ids.next(), name, bits, position, managed_by=managed)
    guild.roles |= {r.id: r for r in made.values()}
    return made


def _places(
    world: World, guild: Guild, ids: _Ids, roles: dict[str, Role], people: dict[str, Person]
) -> None:
    def place(kind: int, name: str, parent: Channel | None = None, **more: object) -> Channel:
        channel = Channel(ids.next(), kind, name, guild.id, position=len(world.channels))
        channel.parent_id = parent.id if parent else None
        channel.created_at = _FOUNDED
        for key, value in more.items():
            setattr(channel, key, value)
        world.channels[channel.id] = channel
        return channel

    bot_role, stewards = roles["Switchboard"].id, roles["Stewards"].id
    no_speech = (Overwrite(bot_role, deny=permissions.SEND_MESSAGES),)
    no_threads = (Overwrite(bot_role, deny=permissions.SEND_MESSAGES_IN_THREADS),)
    for_stewards = (
        Overwrite(guild.id, deny=permissions.VIEW_CHANNEL),
        Overwrite(stewards, allow=permissions.VIEW_CHANNEL),
    )
    work = place(CATEGORY, "Work")
    general = place(TEXT, "general", work, topic="What everybody should know")
    place(TEXT, "engineering", work, topic="Builds, bugs and bright ideas")
    place(TEXT, "design", work)
    play = place(CATEGORY, "Play")
    place(TEXT, "random", play)
    ideas = place(FORUM, "ideas", play, topic="One post for each idea")
    place(TEXT, "slow", play, slow_seconds=30)
    place(TEXT, "announcements", None, overwrites=no_speech)  # the bot reads and cannot write
    hushed = place(TEXT, "hushed", None, overwrites=no_threads)
    place(TEXT, "vault", None, overwrites=for_stewards)  # the bot does not see it
    mia, noah = people["mia"].id, people["noah"].id
    place(PUBLIC_THREAD, "launch", general, owner_id=mia)
    place(PUBLIC_THREAD, "backroom", general, owner_id=noah, announced=False)  # never cached
    place(PUBLIC_THREAD, "closed", general, owner_id=noah, archived=True, locked=True)
    place(PUBLIC_THREAD, "whispers", hushed, owner_id=mia)
    post = place(PUBLIC_THREAD, "a better door", ideas, owner_id=noah)
    opening = Message(post.id, post.id, noah, "The door should greet people by name.", _FOUNDED)
    world.keep(opening)


def direct(channel_id: str, first: str, second: str) -> Channel:
    """The direct messages of two people."""
    return Channel(channel_id, DM, "", recipients=(first, second))
