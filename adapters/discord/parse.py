"""What Discord sends becomes facts: who said what, where, and whether the bot is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import discord

from bot.types import Attachment, Author, Channel, Quote

DIRECT = "@me"  # the workspace of direct messages
WRITTEN = {
    discord.MessageType.default,
    discord.MessageType.reply,
}  # by people; the rest is Discord's
VOICE = 1 << 13  # message flag IS_VOICE_MESSAGE
VOICE_PROBLEM = "Voice messages cannot be heard yet; please write the question instead."
FORWARDED = "somebody, forwarded"  # the author of a forwarded message is not told
_PLACED = re.compile(r"<(@!?|@&|#)(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_CUSTOM = re.compile(r"<(?:a?(?P<emoji>:\w+:)|(?P<command>/[^:<>]+):)\d+>")

Names = Mapping[str, str]
"""What control syntax is read as, by its sign and id: `@1`, `@&2`, `#3`."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as Discord tells it, before anything else is asked."""

    id: str
    channel: str  # where it was written: a channel, a thread, a direct message
    guild: str | None
    author: Author
    text: str
    attachments: tuple[Attachment, ...]
    mentioned: bool  # the bot, its role, or a reply to it with ping
    others: bool  # somebody else is mentioned
    reply_to: str | None  # the message that is replied to
    replied: Quote | None  # its words, where they came along
    replied_is_ours: bool
    replied_answers: tuple[
        str, ...
    ]  # what that message of ours answers: a message or an interaction
    forwarded: tuple[Quote, ...]
    blank: bool  # nothing to read: empty, or blanked for want of the intent

    @property
    def direct(self) -> bool:
        return self.guild is None

    @property
    def quotes(self) -> tuple[Quote, ...]:
        return (self.replied, *self.forwarded) if self.replied else self.forwarded


def heard(message: discord.Message, us: int, our_role: int | None) -> Heard | None:
    """A person's new message; None for our own, other bots', webhooks' and Discord's own messages."""
    if message.author.bot or message.webhook_id or message.type not in WRITTEN:
        return None
    people = {user.id for user in message.mentions}
    roles = {int(role) for role in _ROLE.findall(message.content)}
    forwarded = tuple(_forwarded(snapshot) for snapshot in message.message_snapshots)
    reference = message.reference
    is_reply = reference is not None and reference.type is discord.MessageReferenceType.reply
    replied = reference.resolved if reference is not None and is_reply else None
    replied = replied if isinstance(replied, discord.Message) else None
    is_ours = replied is not None and replied.author.id == us
    has_content = message.content or message.attachments or message.stickers or message.poll
    return Heard(
        id=str(message.id),
        channel=str(message.channel.id),
        guild=guild_of(message),
        author=Author(str(message.author.id), message.author.display_name),
        text=spoken(message, us, our_role),
        attachments=tuple(attachment(file) for file in message.attachments),
        mentioned=us in people or our_role in roles,
        others=bool(people - {us} or roles - {our_role} or message.mention_everyone),
        reply_to=str(reference.message_id) if reference is not None and is_reply else None,
        replied=quoted(replied) if replied is not None else None,
        replied_is_ours=is_ours,
        replied_answers=_answered(replied) if replied is not None and is_ours else (),
        forwarded=forwarded,
        blank=not (has_content or any(quote.text or quote.attachments for quote in forwarded)),
    )


def guild_of(message: discord.Message) -> str | None:
    """The server's id, also of a server that discord.py knows nothing of; None for a direct message."""
    found = message.guild.id if message.guild else getattr(message.channel, "guild_id", None)
    return str(found) if found else None


def spoken(message: discord.Message, us: int, our_role: int | None) -> str:
    """The words for the model: mentions by name, the one of the bot in front taken away, stickers said."""
    names = {f"@{user.id}": user.display_name for user in message.mentions}
    names |= {f"@&{role.id}": role.name for role in message.role_mentions}
    names |= {f"#{channel.id}": channel.name for channel in message.channel_mentions}
    lines = [words(message.content, names, us, our_role)]
    lines += [f"(sticker: {sticker.name})" for sticker in message.stickers]
    if message.poll is not None:
        answers = " / ".join(answer.text for answer in message.poll.answers)
        lines.append(f"(poll: {message.poll.question} {answers})")
    return "\n".join(line for line in lines if line)


def words(content: str, names: Names, us: int = 0, our_role: int | None = None) -> str:
    """Discord's control syntax as words; the bot's own mention in front is no part of what is said."""
    text = re.sub(rf"^\s*<@(?:!?{us}|&{our_role})>[\s,:]*", "", content, count=1)
    text = _PLACED.sub(lambda found: _name(found[1].removesuffix("!"), found[2], names), text)
    return _CUSTOM.sub(lambda found: found["emoji"] or found["command"], text).strip()


def _name(sign: str, number: str, names: Names) -> str:
    return sign[0] + names.get(sign + number, number)


def edited_words(data: Mapping[str, Any], us: int, our_role: int | None) -> str:
    """The new words of a message of which the gateway told that it was edited."""
    return words(str(data["content"]), _people(data), us, our_role)


def quoted(message: discord.Message) -> Quote:
    """Another message as a quotation."""
    forwarded = [_forwarded(snapshot) for snapshot in message.message_snapshots]
    texts = [spoken(message, 0, None), *(quote.text for quote in forwarded)]
    files = tuple(attachment(file) for file in message.attachments)
    return Quote(
        author=message.author.display_name,
        text="\n".join(text for text in texts if text),
        attachments=files + tuple(file for quote in forwarded for file in quote.attachments),
    )


def _forwarded(snapshot: discord.MessageSnapshot) -> Quote:
    """Somebody else's words: never a command, and never the words of who forwards them."""
    files = tuple(attachment(file) for file in snapshot.attachments)
    return Quote(FORWARDED, words(snapshot.content, {}), files)


def _answered(message: discord.Message) -> tuple[str, ...]:
    """What a message of ours answers, as it says itself."""
    asked = []
    if message.reference is not None and message.reference.message_id:
        asked.append(str(message.reference.message_id))
    if message.interaction_metadata is not None:
        asked.append(str(message.interaction_metadata.id))
    return tuple(asked)


def attachment(file: discord.Attachment) -> Attachment:
    """A file; sound is not read yet and says so at once."""
    if file.is_voice_message():
        return Attachment(file.filename, problem=VOICE_PROBLEM)
    return Attachment(file.filename, source=file.url, mime=file.content_type or "", size=file.size)


# ---- the same of what the REST API tells ------------------------------------------------------------


def files_of(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """The files of a message, of what it forwards and of what it replies to."""
    if int(message.get("flags") or 0) & VOICE:
        return ()
    snapshots = [snapshot["message"] for snapshot in message.get("message_snapshots") or ()]
    further = [
        *snapshots,
        *([message["referenced_message"]] if message.get("referenced_message") else []),
    ]
    own = tuple(
        Attachment(
            str(file["filename"]),
            source=str(file["url"]),
            mime=str(file.get("content_type") or ""),
            size=int(file.get("size") or 0),
        )
        for file in message.get("attachments") or ()
    )
    return own + tuple(file for other in further for file in files_of(other))


def quote_of(message: Mapping[str, Any]) -> Quote | None:
    """An earlier message as a quotation; None without words and files. A thread's first line stands for the message
    that the thread was opened under."""
    starter = message.get("type") == discord.MessageType.thread_starter_message.value
    if starter and message.get("referenced_message"):
        message = message["referenced_message"]
    snapshots = [snapshot["message"] for snapshot in message.get("message_snapshots") or ()]
    texts = [words(str(told.get("content") or ""), _people(told)) for told in (message, *snapshots)]
    text = "\n".join(line for line in texts if line)
    files = files_of({**message, "referenced_message": None})
    author = message["author"]
    name = str(author.get("global_name") or author["username"])
    return Quote(name, text, files) if text or files else None


def _people(message: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"@{user['id']}": str(user.get("global_name") or user["username"])
        for user in message.get("mentions") or ()
    }


def place(guild: str | None, channel: str, parent: str | None, category: str | None) -> Channel:
    """The channel with settings: a thread's parent, or the channel itself."""
    if guild is None:
        return Channel("discord", DIRECT, channel, direct=True)
    return Channel("discord", guild, parent or channel, category=category)
