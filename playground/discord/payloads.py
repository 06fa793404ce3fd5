"""What exists in the world becomes the JSON objects of Discord's API."""

from datetime import UTC, datetime
from typing import Any

from playground.discord import permissions
from playground.discord.cdn import Cdn
from playground.discord.world import (
    CATEGORY,
    FORUM,
    Attachment,
    Channel,
    Guild,
    Message,
    Person,
    Role,
    World,
)

Json = dict[str, Any]
BLANKED: Json = {"content": "", "embeds": [], "attachments": [], "components": []}


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


class Payloads:
    """One method for each object; signed addresses are made anew at each call."""

    def __init__(self, world: World, cdn: Cdn) -> None:
        self._world = world
        self._cdn = cdn

    def user(self, person: Person) -> Json:
        return {
            "id": person.id,
            "username": person.name,
            "global_name": person.display,
            "discriminator": "0000" if person.bot else "0",
            "avatar": None,
            "bot": person.bot,
            "public_flags": 0,
        }

    def member(self, guild: Guild, user_id: str, *, with_user: bool = True) -> Json:
        member: Json = {
            "roles": sorted(guild.members.get(user_id, ())),
            "joined_at": "2024-01-01T00:00:00+00:00",
            "deaf": False,
            "mute": False,
            "flags": 0,
            "nick": None,
            "avatar": None,
            "pending": False,
        }
        if with_user:
            member["user"] = self.user(self._world.people[user_id])
        return member

    def role(self, role: Role) -> Json:
        body: Json = {
            "id": role.id,
            "name": role.name,
            "permissions": str(role.permissions),
            "position": role.position,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": role.managed_by is not None,
            "mentionable": False,
            "flags": 0,
        }
        if role.managed_by is not None:
            body["tags"] = {"bot_id": role.managed_by}
        return body

    def channel(self, channel: Channel) -> Json:
        if channel.is_dm:
            return self._direct(channel)
        if channel.is_thread:
            return self._thread(channel)
        body: Json = {
            "id": channel.id,
            "type": channel.type,
            "guild_id": channel.guild_id,
            "name": channel.name,
            "position": channel.position,
            "parent_id": channel.parent_id,
            "nsfw": False,
            "flags": 0,
            "permission_overwrites": [
                {"id": o.id, "type": int(o.member), "allow": str(o.allow), "deny": str(o.deny)}
                for o in channel.overwrites
            ],
        }
        if channel.type == CATEGORY:
            return body
        body["topic"] = channel.topic
        body["rate_limit_per_user"] = channel.slow_seconds
        body["last_message_id"] = self._last(channel)
        if channel.type == FORUM:
            body |= {"available_tags": [], "default_reaction_emoji": None}
            body |= {"default_sort_order": None, "default_forum_layout": 0}
        return body

    def _direct(self, channel: Channel) -> Json:
        others = [r for r in channel.recipients if r != self._world.bot.id]
        return {
            "id": channel.id,
            "type": channel.type,
            "last_message_id": self._last(channel),
            "flags": 0,
            "recipients": [self.user(self._world.people[r]) for r in others],
        }

    def _thread(self, thread: Channel) -> Json:
        count = len(self._world.messages.get(thread.id, ()))
        created = iso(thread.created_at)
        return {
            "id": thread.id,
            "type": thread.type,
            "guild_id": thread.guild_id,
            "parent_id": thread.parent_id,
            "owner_id": thread.owner_id,
            "name": thread.name,
            "last_message_id": self._last(thread),
            "rate_limit_per_user": thread.slow_seconds,
            "message_count": count,
            "total_message_sent": count,
            "member_count": 1,
            "flags": 0,
            "applied_tags": [],
            "thread_metadata": {
                "archived": thread.archived,
                "locked": thread.locked,
                "auto_archive_duration": 1440,
                "archive_timestamp": created,
                "create_timestamp": created,
            },
        }

    def _last(self, channel: Channel) -> str | None:
        return next(reversed(self._world.messages.get(channel.id, {})), None)

    def guild(self, guild: Guild) -> Json:
        return {
            "id": guild.id,
            "name": guild.name,
            "owner_id": guild.owner_id,
            "icon": None,
            "splash": None,
            "discovery_splash": None,
            "banner": None,
            "description": None,
            "features": [],
            "emojis": [],
            "stickers": [],
            "roles": [self.role(r) for r in guild.roles.values()],
            "afk_channel_id": None,
            "afk_timeout": 300,
            "application_id": None,
            "verification_level": 1,
            "default_message_notifications": 1,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 0,
            "preferred_locale": "en-US",
            "system_channel_id": None,
            "system_channel_flags": 0,
            "rules_channel_id": None,
            "public_updates_channel_id": None,
            "vanity_url_code": None,
            "max_members": 500_000,
        }

    def guild_create(self, guild: Guild) -> Json:
        """The guild with the channels and threads that the bot may see and was told of."""
        bot_id = self._world.bot.id
        mine = [
            c
            for c in self._world.channels.values()
            if c.guild_id == guild.id and permissions.sees(self._world, c, bot_id)
        ]
        return self.guild(guild) | {
            "channels": [self.channel(c) for c in mine if not c.is_thread],
            "threads": [
                self.channel(c) for c in mine if c.is_thread and c.announced and not c.archived
            ],
            "members": [self.member(guild, bot_id)],
            "member_count": len(guild.members),
            "joined_at": "2024-01-01T00:00:00+00:00",
            "large": False,
            "unavailable": False,
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def attachment(self, attachment: Attachment) -> Json:
        url = self._cdn.address(attachment)
        body: Json = {
            "id": attachment.id,
            "filename": attachment.name,
            "size": len(attachment.data),
            "url": url,
            "proxy_url": url,
        }
        optional = {
            "content_type": attachment.content_type,
            "width": attachment.width,
            "height": attachment.height,
            "description": attachment.description,
            "duration_secs": attachment.seconds,
        }
        body |= {key: value for key, value in optional.items() if value is not None}
        if attachment.seconds is not None:
            body["waveform"] = "AAAA"
        if attachment.ephemeral:
            body["ephemeral"] = True
        return body

    def message(self, message: Message, *, content: bool = True, event: bool = False) -> Json:
        """`content` false blanks as for an app without the intent; `event` adds guild and member."""
        world = self._world
        channel = world.channels[message.channel_id]
        guild = world.guild_of(channel)
        body = self._core(message)
        body |= {
            "id": message.id,
            "channel_id": message.channel_id,
            "author": self._author(message),
            "mention_everyone": message.mention_everyone,
            "mention_roles": list(message.mention_roles),
            "mentions": [self._mentioned(m, guild if event else None) for m in message.mentions],
            "tts": False,
            "pinned": False,
            "components": list(message.components),
        }
        self._add_links(body, message, content_of_others=content)
        if message.reactions:
            body["reactions"] = [self._reaction(e, u) for e, u in message.reactions.items()]
        thread = world.thread_under(message)
        if thread is not None:
            body["thread"] = self.channel(thread)
        if message.nonce is not None:
            body["nonce"] = message.nonce
        if message.webhook_name is not None:
            body["webhook_id"] = message.author_id
        if event and guild is not None and not message.ephemeral:
            body["guild_id"] = guild.id
            if message.author_id in guild.members:
                body["member"] = self.member(guild, message.author_id, with_user=False)
        if not content and not self.readable_without_intent(message):
            body |= BLANKED
            for snapshot in body.get("message_snapshots", ()):
                snapshot["message"] |= BLANKED
        return body

    def readable_without_intent(self, message: Message) -> bool:
        """Own messages, direct messages, and messages that mention the bot itself."""
        channel = self._world.channels[message.channel_id]
        bot_id = self._world.bot.id
        own = message.author_id == bot_id
        return own or channel.is_dm or bot_id in message.mentions

    def _core(self, message: Message) -> Json:
        """The part that a forward carries too."""
        body: Json = {
            "type": message.type,
            "content": message.content,
            "timestamp": iso(message.created_at),
            "edited_timestamp": iso(message.edited_at) if message.edited_at else None,
            "flags": message.flags,
            "embeds": list(message.embeds),
            "attachments": [self.attachment(a) for a in message.attachments],
        }
        if message.stickers:
            body["sticker_items"] = [
                {"id": sticker, "name": name, "format_type": 1}
                for sticker, name in message.stickers
            ]
        return body

    def _author(self, message: Message) -> Json:
        if message.webhook_name is not None:
            ghost = Person(message.author_id, message.webhook_name, message.webhook_name, bot=True)
            return self.user(ghost)
        return self.user(self._world.people[message.author_id])

    def _mentioned(self, user_id: str, guild: Guild | None) -> Json:
        body = self.user(self._world.people[user_id])
        if guild is not None and user_id in guild.members:
            body["member"] = self.member(guild, user_id, with_user=False)
        return body

    def _add_links(self, body: Json, message: Message, *, content_of_others: bool) -> None:
        """The message replied to, the one forwarded, the interaction answered."""
        world = self._world
        if message.reference is not None:
            ref = message.reference
            there = world.channels.get(ref.channel_id)
            body["message_reference"] = {
                "type": int(ref.forward),
                "message_id": ref.message_id,
                "channel_id": ref.channel_id,
            }
            if there is not None and there.guild_id:
                body["message_reference"]["guild_id"] = there.guild_id
            if not ref.forward:
                root = world.message(ref.channel_id, ref.message_id)
                body["referenced_message"] = (
                    None if root is None else self._flat(root, content=content_of_others)
                )
        if message.forwarded is not None:
            carried = self._core(message.forwarded) | {"mentions": [], "mention_roles": []}
            body["message_snapshots"] = [{"message": carried}]
        if message.cause is not None:
            cause = message.cause
            user = self.user(world.people[cause.user_id])
            body["application_id"] = world.bot.id
            body["webhook_id"] = world.bot.id
            body["interaction_metadata"] = {
                "id": cause.id,
                "type": cause.type,
                "user": user,
                "authorizing_integration_owners": {"0": self._owner_of(message)},
            }
            if cause.typed:
                body["interaction"] = {
                    "id": cause.id,
                    "type": 2,
                    "name": cause.name,
                    "user": user,
                }

    def _flat(self, message: Message, *, content: bool) -> Json:
        """A referenced message carries no further reference."""
        body = self.message(message, content=content)
        body.pop("referenced_message", None)
        return body

    def _owner_of(self, message: Message) -> str:
        return self._world.channels[message.channel_id].guild_id or "0"

    def _reaction(self, emoji: str, users: list[str]) -> Json:
        return {
            "emoji": {"id": None, "name": emoji},
            "count": len(users),
            "me": self._world.bot.id in users,
            "me_burst": False,
            "burst_colors": [],
            "count_details": {"normal": len(users), "burst": 0},
        }
