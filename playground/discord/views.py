"""What exists becomes the small JSON that a page draws."""

from typing import Any

from playground.discord.cdn import Cdn
from playground.discord.world import (
    CATEGORY,
    DM,
    FORUM,
    TEXT,
    Attachment,
    Channel,
    Message,
    Person,
    World,
)

View = dict[str, Any]
_KINDS = {TEXT: "text", DM: "dm", CATEGORY: "category", FORUM: "forum"}
_EXCERPT = 120  # characters of a message that is quoted above its reply


class Views:
    """Names instead of ids where a person would see names; ids are beside them."""

    def __init__(self, world: World, cdn: Cdn) -> None:
        self._world = world
        self._cdn = cdn

    def person(self, person: Person) -> View:
        return {
            "id": person.id,
            "name": person.display,
            "username": person.name,
            "bot": person.bot,
            "roles": [
                guild.roles[role].name
                for guild in self._world.guilds.values()
                for role in sorted(guild.members.get(person.id, ()))
            ],
            "owner": any(g.owner_id == person.id for g in self._world.guilds.values()),
        }

    def channel(self, channel: Channel) -> View:
        return {
            "id": channel.id,
            "kind": "thread" if channel.is_thread else _KINDS.get(channel.type, "text"),
            "name": channel.name,
            "topic": channel.topic,
            "guild": channel.guild_id,
            "parent": channel.parent_id,
            "position": channel.position,
            "archived": channel.archived,
            "locked": channel.locked,
            "people": list(channel.recipients),
        }

    def message(self, message: Message) -> View:
        return {
            "id": message.id,
            "channel": message.channel_id,
            "author": self._author(message),
            "content": message.content,
            "names": self._names(message.content),
            "at": message.created_at,
            "edited": message.edited_at is not None,
            "thinking": message.loading,
            "only_for": message.seen_by,
            "type": message.type,
            "attachments": [self._attachment(a) for a in message.attachments],
            "embeds": list(message.embeds),
            "components": list(message.components),
            "stickers": [name for _, name in message.stickers],
            "reply_to": self._quoted(message),
            "forwarded": self.message(message.forwarded) if message.forwarded else None,
            "cause": self._cause(message),
            "reactions": {emoji: len(users) for emoji, users in message.reactions.items()},
        }

    def _author(self, message: Message) -> View:
        if message.webhook_name is not None:
            return {"id": message.author_id, "name": message.webhook_name, "bot": True}
        person = self._world.people[message.author_id]
        return {"id": person.id, "name": person.display, "bot": person.bot}

    def _names(self, content: str) -> dict[str, str]:
        """How to show the mentions in a text."""
        world = self._world
        people = {f"<@{p.id}>": f"@{p.display}" for p in world.people.values()}
        places = {f"<#{c.id}>": f"#{c.name}" for c in world.channels.values()}
        roles = {
            f"<@&{r.id}>": f"@{r.name}" for g in world.guilds.values() for r in g.roles.values()
        }
        every = people | places | roles
        return {mark: name for mark, name in every.items() if mark in content}

    def _attachment(self, attachment: Attachment) -> View:
        return {
            "name": attachment.name,
            "url": self._cdn.address(attachment),
            "content_type": attachment.content_type,
            "size": len(attachment.data),
            "width": attachment.width,
            "height": attachment.height,
        }

    def _quoted(self, message: Message) -> View | None:
        ref = message.reference
        if ref is None or ref.forward:
            return None
        root = self._world.message(ref.channel_id, ref.message_id)
        if root is None:
            return {"id": ref.message_id, "gone": True}
        return {"id": root.id, "author": self._author(root), "text": root.content[:_EXCERPT]}

    def _cause(self, message: Message) -> View | None:
        """Who used which command. Discord's client shows no such line where a button was pressed."""
        if message.cause is None or not message.cause.typed:
            return None
        person = self._world.people[message.cause.user_id]
        return {"id": message.cause.id, "command": message.cause.name, "by": person.display}
