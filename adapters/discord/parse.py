"""What Discord sends becomes facts: who said what, where, and whether the bot is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import discord

from bot.types import Attachment, Author, Channel, Quote

DIRECT = "@me"  # the workspace of direct messages
_MENTION = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_CUSTOM = re.compile(r"<(?P<sign>a?:[A-Za-z0-9_]+:|/[^:<>]+:)\d+>")
VOICE = 1 << 13  # message flag IS_VOICE_MESSAGE


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as Discord tells it, before anything else is asked."""

    id: str
    channel: str  # where it was written: a channel, a thread, a direct message
    guild: str | None
    author: Author
    text: str
    attachments: tuple[Attachment, ...]
    mentioned: bool  # the bot, its role, or a reply with ping
    others: bool  # somebody else is mentioned
    reply_to: str | None  # the message that is replied to
    reply_channel: str | None
    replied: Quote | None  # its words, where they came along
    replied_is_ours: bool
    blank: bool  # nothing to read: empty, or blanked for want of the intent

    @property
    def direct(self) -> bool:
        return self.guild is None


def heard(message: discord.Message, us: int, our_roles: frozenset[int]) -> Heard | None:
    """A person's new message; None for our own, other bots', webhooks' and Discord's own messages."""
    if message.author.bot or message.webhook_id or message.is_system():
        return None
    roles = {int(role) for role in _ROLE.findall(message.content)}
    people = {user.id for user in message.mentions}
    reference = message.reference
    replied = message.reference.resolved if message.reference else None
    is_reply = reference is not None and reference.type is discord.MessageReferenceType.reply
    forwarded = [attachment for s in message.message_snapshots for attachment in s.attachments]
    attachments = (*message.attachments, *forwarded)
    text = spoken(message, us, our_roles)
    return Heard(
        id=str(message.id),
        channel=str(message.channel.id),
        guild=str(message.guild.id) if message.guild else None,
        author=Author(str(message.author.id), message.author.display_name),
        text=text,
        attachments=tuple(attachment(file) for file in attachments),
        mentioned=us in people or bool(roles & our_roles),
        others=bool(people - {us} or roles - our_roles),
        reply_to=str(reference.message_id)
        if is_reply and reference and reference.message_id
        else None,
        reply_channel=str(reference.channel_id) if is_reply and reference else None,
        replied=quoted(replied) if is_reply and isinstance(replied, discord.Message) else None,
        replied_is_ours=isinstance(replied, discord.Message) and replied.author.id == us,
        blank=not (message.content or attachments or message.stickers),
    )


def spoken(message: discord.Message, us: int, our_roles: frozenset[int]) -> str:
    """The words for the model: mentions by name, the one of the bot in front taken away, forwards and stickers said."""
    names = {str(user.id): user.display_name for user in message.mentions}
    lines = [words(message.content, us, our_roles, names)]
    lines += [words(snapshot.content, us, our_roles, {}) for snapshot in message.message_snapshots]
    lines += [f"(sticker: {sticker.name})" for sticker in message.stickers]
    return "\n".join(line for line in lines if line)


def words(content: str, us: int, our_roles: frozenset[int], names: Mapping[str, str]) -> str:
    """Discord's control syntax as words: people by name, the bot's own mention in front taken away."""
    ours = "|".join([rf"<@!?{us}>", *(rf"<@&{role}>" for role in our_roles)])
    text = re.sub(rf"^\s*(?:{ours})[\s,:]*", "", content, count=1)
    text = _MENTION.sub(lambda m: f"@{names.get(m[1], m[1])}", text)
    return _CUSTOM.sub(lambda m: m["sign"].removeprefix("a"), text).strip()


def quoted(message: discord.Message) -> Quote:
    """Another message as a quotation."""
    return Quote(
        author=message.author.display_name,
        text=message.clean_content or "\n".join(s.content for s in message.message_snapshots),
        attachments=tuple(attachment(file) for file in message.attachments),
    )


def attachment(file: discord.Attachment) -> Attachment:
    """A file; sound is not read yet and says so at once."""
    if file.is_voice_message():
        problem = "Voice messages cannot be heard yet; please write the question instead."
        return Attachment(file.filename, problem=problem)
    return Attachment(file.filename, source=file.url, mime=file.content_type or "", size=file.size)


def files_of(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """The files of a message as the REST API gives it."""
    return tuple(
        Attachment(
            str(file["filename"]),
            source=str(file["url"]),
            mime=str(file.get("content_type") or ""),
            size=int(file.get("size") or 0),
        )
        for file in message.get("attachments") or ()
        if not int(message.get("flags") or 0) & VOICE
    )


def text_of(message: Mapping[str, Any]) -> str:
    """The words of a message as the REST API gives it."""
    names = {
        str(u["id"]): str(u.get("global_name") or u["username"])
        for u in message.get("mentions") or ()
    }
    return words(str(message.get("content") or ""), 0, frozenset(), names)


def place(guild: str | None, channel: str, parent: str | None, category: str | None) -> Channel:
    """The channel with settings: a thread's parent, or the channel itself."""
    if guild is None:
        return Channel("discord", DIRECT, channel, direct=True)
    return Channel("discord", guild, parent or channel, category=category)
