"""What people write, edit and delete in Discord becomes turns and their amendments, in order."""

from __future__ import annotations

import logging

import discord

from adapters.discord import notes
from adapters.discord.content import Content
from adapters.discord.known import Known, known, met_in
from adapters.discord.missed import Missed
from adapters.discord.parse import DIRECT, Heard, edited_words, heard, place
from adapters.discord.patience import Patience
from adapters.discord.people import actor_of
from adapters.discord.places import Place, Places
from adapters.discord.rest import Rest
from adapters.intake import Intake
from adapters.refusals import Refusals
from bot import dead
from bot.access import Action, Admins, authorize
from bot.errors import NotAllowed, PlatformError
from bot.types import Actor, Message, Target, Thread

log = logging.getLogger(__name__)

FAULT = "Sorry, something went wrong on our side (reference {})."


class Listening:
    """Admits what is written. The gateway knows no refusal, so it is tried again while Redis is away."""

    def __init__(
        self,
        intake: Intake,
        patience: Patience,
        refusals: Refusals,
        places: Places,
        missed: Missed,
        rest: Rest,
        admins: Admins,
        *,
        reads_all: bool,
    ) -> None:
        self._intake = intake
        self._patience = patience
        self._refusals = refusals
        self._places = places
        self._missed = missed
        self._rest = rest
        self._admins = admins
        self._reads_all = reads_all
        self._store = intake.inbox.store

    async def on_message(self, client: discord.Client, message: discord.Message) -> None:
        """A message becomes a turn, or is not for us."""
        us = client.user.id if client.user else 0
        said = heard(message, us, _our_role(message.guild))
        if said is None or not self._may_concern(said, message):
            return

        async def admit() -> None:
            asked = await self._addressed(said, message)
            if asked is not None:
                actor = actor_of(message.author, asked.thread.channel.workspace)
                await self._intake.receive(asked, actor=actor, also_at=met_in(asked))
                await self._missed.remember(said.guild, said.channel)

        async with self._patience.counted():
            try:
                if refusal := await self._patience.in_time(said.channel, admit):
                    await self._refuse(said, refusal)
            except Exception:  # the edge of an event: ours, with a sentence for its author
                log.exception("message.failed message=%s", said.id)
                await dead.malformed(self._store, f"message {said.id}")
                await self._say(said, FAULT.format(said.id))

    def _may_concern(self, said: Heard, message: discord.Message) -> bool:
        """Whether it is worth a look: most of what a server says is not."""
        if said.direct or said.mentioned:
            return True
        if said.blank:
            return False
        in_channel = isinstance(message.channel, discord.abc.GuildChannel)
        return self._reads_all and (said.reply_to is not None or not in_channel)

    async def _addressed(self, said: Heard, message: discord.Message) -> Message | None:
        """The message if it is meant for the bot, in its conversation; else None."""
        where = Place()
        if not said.direct:
            where = await self._places.of(message.channel, message.guild, said.channel)
        home = place(said.guild, said.channel, where.parent, where.category)
        found = await known(self._store, home, said.channel, _replies(said))
        if said.direct:
            return _message(said, Thread(home, said.author.id), found)
        ours = said.replied_is_ours and not said.others
        if where.parent is not None:
            own = found.opened is not None and not said.others
            if not (said.mentioned or ours or own):
                return None
            return found.first_in_thread(_message(said, Thread(home, said.channel), found))
        if found.replied is not None and (said.mentioned or not said.others):
            root = found.replied.rsplit(":", 1)[1]
            return _message(said, Thread(home, root), found)
        if said.mentioned or ours:
            return _message(said, Thread(home, said.id), found)
        return None

    async def _refuse(self, said: Heard, words: str) -> None:
        """Redis is full, or away for longer than a message can wait: say so where it was surely meant for the bot."""
        log.error("intake.gave_up message=%s", said.id)
        channel = place(said.guild, said.channel, None, None)
        self._refusals.withdraw(channel, _mark(said.channel, said.id))
        await self._say(said, words)

    async def _say(self, said: Heard, words: str) -> None:
        """Our own words where no turn can carry them, if the message was surely meant for the bot."""
        if not (said.mentioned or said.direct):
            return
        try:
            line, nonce = Content(notes.line(words)), f"own-{said.id}"
            await self._rest.post(said.channel, line, nonce=nonce, reply_to=said.id)
        except PlatformError as error:
            log.warning("words.unsaid message=%s why=%s", said.id, type(error).__name__)

    # ---- edits and deletions ------------------------------------------------------------------------

    async def on_edit(self, client: discord.Client, event: discord.RawMessageUpdateEvent) -> None:
        """A person's edit. A preview that Discord added brings no time of editing; a message that the bot may not read
        any more, because its mention was taken out, brings no words."""
        data, us = event.data, client.user.id if client.user else 0
        author = data.get("author") or {}
        if not data.get("edited_timestamp") or "content" not in data or author.get("bot"):
            return
        named = any(str(user["id"]) == str(us) for user in data.get("mentions") or ())
        if event.guild_id and not named and not self._reads_all:
            return
        workspace, direct = str(event.guild_id or DIRECT), event.guild_id is None
        editor = Actor("discord", workspace, str(author.get("id", "")))
        try:
            authorize(editor, Action.ASK, None, admins=self._admins, direct=direct)
        except NotAllowed:
            return
        guild = client.get_guild(event.guild_id) if event.guild_id else None
        text = edited_words(data, us, _our_role(guild))
        await self._amend(event.guild_id, event.channel_id, event.message_id, text)

    async def on_delete(self, guild: int | None, channel: int, message: int) -> None:
        await self._amend(guild, channel, message, None)

    async def _amend(self, guild: int | None, channel: int, message: int, text: str | None) -> None:
        where = place(str(guild) if guild else None, str(channel), None, None)

        async def amend() -> None:
            await self._intake.amend(where, _mark(str(channel), str(message)), text)

        async with self._patience.counted():
            if await self._patience.in_time(str(channel), amend):
                log.error("amend.gave_up message=%s", message)


def _mark(channel: str, message: str) -> str:
    return f"{channel}:{message}"


def _replies(said: Heard) -> tuple[str, ...]:
    """Messages that may lead to the conversation: the one replied to, and what that one answers."""
    return (said.reply_to, *said.replied_answers) if said.reply_to else ()


def _message(said: Heard, thread: Thread, found: Known) -> Message:
    """A message replied to that is not part of the conversation comes along, and so does what is forwarded; without
    words of one's own the one replied to is what is asked about, wherever it belongs."""
    speaks = bool(said.text or said.attachments or said.forwarded)
    quotes = said.forwarded if speaks and found.replied == thread.key else said.quotes
    return Message(
        id=said.id,
        thread=thread,
        author=said.author,
        text=said.text,
        target=Target(said.channel, reply_to=said.id),
        marks=(_mark(said.channel, said.id),),
        attachments=said.attachments,
        quotes=quotes,
    )


def _our_role(guild: discord.Guild | None) -> int | None:
    """The role that Discord made for the bot: people mention it for the bot itself."""
    role = guild.self_role if guild is not None else None
    return role.id if role is not None else None
