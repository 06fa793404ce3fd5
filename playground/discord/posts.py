"""A message is made, changed or taken away; the bot and the people's screens are told."""

import re
from dataclasses import dataclass, replace
from typing import Any

from playground.discord import permissions
from playground.discord.cdn import Cdn
from playground.discord.clock import Clock, Snowflakes
from playground.discord.events import Events
from playground.discord.feed import Feed
from playground.discord.files import content_type, dimensions, tidy_name
from playground.discord.forms import Upload
from playground.discord.views import Views
from playground.discord.world import (
    FLAG_EPHEMERAL,
    FLAG_HAS_THREAD,
    FLAG_LOADING,
    Attachment,
    Cause,
    Channel,
    Message,
    Reference,
    World,
)

_FIXED_FLAGS = FLAG_EPHEMERAL | FLAG_HAS_THREAD  # no edit changes them
_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_EVERYONE = re.compile(r"@(everyone|here)\b")


@dataclass(frozen=True, slots=True)
class Draft:
    """All that a new message may bring along."""

    content: str = ""
    uploads: tuple[Upload, ...] = ()
    embeds: tuple[dict[str, Any], ...] = ()
    components: tuple[dict[str, Any], ...] = ()
    flags: int = 0
    type: int = 0
    reference: Reference | None = None
    ping_replied: bool = False
    allowed: dict[str, Any] | None = None  # None: everything may ping
    nonce: str | int | None = None
    cause: Cause | None = None
    seen_by: str | None = None
    forwarded: Message | None = None
    stickers: tuple[tuple[str, str], ...] = ()
    webhook_name: str | None = None


class Posts:
    """The one place where messages change."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        ids: Snowflakes,
        cdn: Cdn,
        events: Events,
        feed: Feed,
        views: Views,
    ) -> None:
        self._world = world
        self._clock = clock
        self._ids = ids
        self._cdn = cdn
        self._events = events
        self._feed = feed
        self._views = views

    def create(
        self, channel: Channel, author_id: str, draft: Draft, *, message_id: str | None = None
    ) -> Message:
        """The first message of a forum's post has the post's own id; others get a new one."""
        message = Message(
            id=message_id or self._ids.next(),
            channel_id=channel.id,
            author_id=author_id,
            content=draft.content,
            created_at=self._clock.now(),
            type=draft.type,
            flags=draft.flags | (FLAG_EPHEMERAL if draft.seen_by else 0),
            attachments=self.store(channel.id, draft.uploads, ephemeral=bool(draft.seen_by)),
            embeds=draft.embeds,
            components=draft.components,
            reference=draft.reference,
            forwarded=draft.forwarded,
            stickers=draft.stickers,
            nonce=draft.nonce,
            webhook_name=draft.webhook_name,
            cause=draft.cause,
            seen_by=draft.seen_by,
        )
        self._find_mentions(message, draft.allowed, ping_replied=draft.ping_replied)
        if channel.is_thread and channel.archived and not channel.locked:
            channel.archived = False
            self._events.channel("UPDATE", channel)
        self._world.keep(message)
        self._world.typing.pop((channel.id, author_id), None)
        self._events.message_created(message)
        self._tell(message)
        return message

    def edit(
        self,
        message: Message,
        *,
        content: str | None = None,
        uploads: tuple[Upload, ...] = (),
        kept_attachments: set[str] | None = None,
        embeds: tuple[dict[str, Any], ...] | None = None,
        components: tuple[dict[str, Any], ...] | None = None,
        flags: int | None = None,
        allowed: dict[str, Any] | None = None,
    ) -> Message:
        """What is None stays; an answer that was being thought about is now there."""
        was_loading = message.loading
        if content is not None:
            message.content = content
            self._find_mentions(message, allowed, ping_replied=False)
        if embeds is not None:
            message.embeds = embeds
        if components is not None:
            message.components = components
        if flags is not None:
            message.flags = flags & ~_FIXED_FLAGS | message.flags & _FIXED_FLAGS
        message.flags &= ~FLAG_LOADING
        if kept_attachments is not None:
            message.attachments = tuple(a for a in message.attachments if a.id in kept_attachments)
        message.attachments += self.store(message.channel_id, uploads, ephemeral=message.ephemeral)
        if not was_loading:
            message.edited_at = self._clock.now()
        self._events.message_updated(message)
        self._tell(message)
        return message

    def refresh(self, message: Message) -> None:
        """Discord tells of a message whose text is as it was: a link preview came."""
        self._events.message_updated(message)
        self._tell(message)

    def delete(self, message: Message) -> None:
        del self._world.messages[message.channel_id][message.id]
        self._events.message_deleted(message)
        self._feed.tell(
            {
                "kind": "message_deleted",
                "channel": message.channel_id,
                "id": message.id,
                "for": message.seen_by,
            }
        )

    def react(self, message: Message, user_id: str, emoji: str, *, add: bool) -> None:
        users = message.reactions.setdefault(emoji, [])
        if add == (user_id in users):
            return
        if add:
            users.append(user_id)
        else:
            users.remove(user_id)
            if not users:
                del message.reactions[emoji]
        self._events.reaction(message, user_id, emoji, added=add)
        self._tell(message)

    def store(
        self, channel_id: str, uploads: tuple[Upload, ...], *, ephemeral: bool
    ) -> tuple[Attachment, ...]:
        """Uploads become attachments that the CDN serves."""
        made = []
        for upload in uploads:
            size = dimensions(upload.data)
            attachment = Attachment(
                id=self._ids.next(),
                channel_id=channel_id,
                name=tidy_name(upload.name),
                content_type=content_type(upload.name),
                data=upload.data,
                width=size[0] if size else None,
                height=size[1] if size else None,
                description=upload.description,
                ephemeral=ephemeral,
                seconds=upload.seconds,
            )
            self._cdn.keep(attachment)
            made.append(attachment)
        return tuple(made)

    def _find_mentions(
        self, message: Message, allowed: dict[str, Any] | None, *, ping_replied: bool
    ) -> None:
        """Only what may notify counts as mentioned."""
        world = self._world
        channel = world.channels[message.channel_id]
        live = _Live(allowed)
        users = [u for u in _USER.findall(message.content) if live.user(u) and u in world.people]
        if ping_replied and message.reference is not None:
            ref = message.reference
            root = world.message(ref.channel_id, ref.message_id)
            if root is not None and root.author_id in world.people:
                users.append(root.author_id)
        guild = world.guild_of(channel)
        roles = [] if guild is None else _ROLE.findall(message.content)
        known = guild.roles if guild else {}
        may_call_all = permissions.in_channel(world, channel, message.author_id)
        message.mentions = tuple(dict.fromkeys(users))
        message.mention_roles = tuple(
            r for r in dict.fromkeys(roles) if r in known and live.role(r)
        )
        message.mention_everyone = bool(
            live.everyone
            and may_call_all & permissions.MENTION_EVERYONE
            and _EVERYONE.search(message.content)
        )

    def _tell(self, message: Message) -> None:
        self._feed.tell(
            {
                "kind": "message",
                "channel": message.channel_id,
                "message": self._views.message(message),
                "for": message.seen_by,
            }
        )


class _Live:
    """`allowed_mentions` as three questions; a missing field allows everything."""

    def __init__(self, allowed: dict[str, Any] | None) -> None:
        parse = ("users", "roles", "everyone") if allowed is None else allowed.get("parse") or ()
        given = allowed or {}
        self.everyone = "everyone" in parse
        self._all_users, self._all_roles = "users" in parse, "roles" in parse
        self._users = {str(u) for u in given.get("users") or ()}
        self._roles = {str(r) for r in given.get("roles") or ()}

    def user(self, user_id: str) -> bool:
        return self._all_users or user_id in self._users

    def role(self, role_id: str) -> bool:
        return self._all_roles or role_id in self._roles


def snapshot_of(message: Message) -> Message:
    """A forward keeps the text as it was when it was forwarded."""
    return replace(message, reactions={}, reference=None, forwarded=None)
