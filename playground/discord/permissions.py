"""A person and a place become the bits of what that person may do there."""

from playground.discord.world import Channel, Guild, World

ADMINISTRATOR = 1 << 3
MANAGE_CHANNELS = 1 << 4
MANAGE_GUILD = 1 << 5
ADD_REACTIONS = 1 << 6
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
MANAGE_MESSAGES = 1 << 13
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
MENTION_EVERYONE = 1 << 17
USE_APPLICATION_COMMANDS = 1 << 31
MANAGE_THREADS = 1 << 34
CREATE_PUBLIC_THREADS = 1 << 35
SEND_MESSAGES_IN_THREADS = 1 << 38
EVERYTHING = (1 << 53) - 1

# What the project's invite asks for, and what everybody in a fresh guild has.
INVITED = (
    VIEW_CHANNEL
    | SEND_MESSAGES
    | SEND_MESSAGES_IN_THREADS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | ADD_REACTIONS
)
EVERYONE = INVITED | EMBED_LINKS | USE_APPLICATION_COMMANDS | CREATE_PUBLIC_THREADS
IN_DIRECT_MESSAGES = INVITED | EMBED_LINKS | USE_APPLICATION_COMMANDS


def in_guild(guild: Guild, user_id: str) -> int:
    """What the roles alone give; nothing to people who are not members."""
    if user_id not in guild.members:
        return 0
    if user_id == guild.owner_id:
        return EVERYTHING
    bits = guild.roles[guild.id].permissions
    for role_id in guild.members[user_id]:
        bits |= guild.roles[role_id].permissions
    return EVERYTHING if bits & ADMINISTRATOR else bits


def in_channel(world: World, channel: Channel, user_id: str) -> int:
    """Roles and overwrites together; a thread takes them from its parent."""
    if channel.is_dm:
        return IN_DIRECT_MESSAGES if user_id in channel.recipients else 0
    guild = world.guild_of(channel)
    if guild is None:
        return 0
    bits = in_guild(guild, user_id)
    if bits == EVERYTHING:
        return bits
    place = world.channels.get(channel.parent_id or "", channel) if channel.is_thread else channel
    bits = _overwritten(bits, place, guild, user_id)
    if not bits & VIEW_CHANNEL:
        return 0
    if not bits & SEND_MESSAGES and not channel.is_thread:
        bits &= ~(MENTION_EVERYONE | ATTACH_FILES | EMBED_LINKS)
    return bits


def _overwritten(bits: int, place: Channel, guild: Guild, user_id: str) -> int:
    """Everyone's overwrite, then all roles' together, then the member's own."""
    roles = guild.members.get(user_id, set())
    for overwrite in place.overwrites:
        if overwrite.id == guild.id:
            bits = bits & ~overwrite.deny | overwrite.allow
    mine = [o for o in place.overwrites if not o.member and o.id in roles]
    for overwrite in mine:
        bits &= ~overwrite.deny
    for overwrite in mine:
        bits |= overwrite.allow
    for overwrite in place.overwrites:
        if overwrite.member and overwrite.id == user_id:
            bits = bits & ~overwrite.deny | overwrite.allow
    return bits


def sees(world: World, channel: Channel, user_id: str) -> bool:
    return bool(in_channel(world, channel, user_id) & VIEW_CHANNEL)


def sending_bit(channel: Channel) -> int:
    """The permission to speak is another one in threads."""
    return SEND_MESSAGES_IN_THREADS if channel.is_thread else SEND_MESSAGES
