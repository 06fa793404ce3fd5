"""Every door of Discord: messages, slash commands, the message command and its form. Each admits first."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import discord
from bot.commands import Ask, Command

from adapters.discord.parse import DIRECT, Heard, heard, place, quoted, words
from adapters.discord.places import Place, Places
from adapters.discord.sending import Discord, powers
from adapters.intake import Intake, Receipt
from bot.errors import BotError, UserError
from bot.inbox import at_key
from bot.store import RedisError
from bot.types import (
    Actor,
    Attachment,
    Author,
    Message,
    Quote,
    Target,
    Thread,
    decode,
    encode,
    new_id,
)

log = logging.getLogger(__name__)

FORM = "ask-about:"  # custom id of the form, then the token under which what it is about is kept
FORM_TTL = 3600  # s
AWAY = "I cannot reach my memory right now, so I did not take this. Please try again in a moment."
RETRY_SECONDS = 1.0  # a message cannot be refused: it is tried again for a while
PATIENCE_SECONDS = 120.0


class Listening:
    """Admits what people say in Discord."""

    def __init__(
        self, intake: Intake, platform: Discord, places: Places, *, reads_all: bool
    ) -> None:
        self._intake = intake
        self._platform = platform
        self._places = places
        self._reads_all = reads_all
        self._store = intake.inbox.store
        self._line = asyncio.Lock()

    # ---- messages -----------------------------------------------------------------------------------

    async def on_message(self, client: discord.Client, message: discord.Message) -> None:
        """A message becomes a turn, or is not for us. The gateway knows no refusal, so it is tried again while Redis
        is away."""
        us = client.user.id if client.user else 0
        said = heard(message, us, _our_roles(message.guild, us))
        if said is None or (said.blank and not said.mentioned):
            return

        async def admit() -> None:
            asked = await self._addressed(said, message.channel)
            if asked is not None:
                also = [_met(said.channel)] if asked.thread.id == said.channel else []
                await self._intake.receive(asked, actor=_actor_of(message), also_at=also)

        await self._patiently(admit, said.id)

    async def _addressed(self, said: Heard, channel: object) -> Message | None:
        """The message if it is meant for the bot, in its conversation; else None."""
        if said.guild is not None and not said.mentioned and not self._reads_all:
            return None
        where = await self._places.of(channel, said.guild, said.channel)
        home = place(said.guild, said.channel, where.parent, where.category)
        reply_at, root_at, own_at, met = await self._known(said, where)
        if said.direct:
            return self._message(said, Thread(home, said.author.id), quote=reply_at is None)
        if where.parent is not None:
            ours = root_at is not None or own_at is not None
            if not said.mentioned and (not ours or said.others) and not said.replied_is_ours:
                return None
            asked = self._message(said, Thread(home, said.channel), quote=reply_at is None)
            return replace(asked, history=not ours and not met, first=not met)
        if reply_at is not None and (said.mentioned or not said.others):
            return self._message(said, Thread(home, reply_at.rsplit(":", 1)[1]), quote=False)
        if said.mentioned or said.replied_is_ours:
            return self._message(said, Thread(home, said.id), quote=True)
        return None

    async def _known(
        self, said: Heard, where: Place
    ) -> tuple[str | None, str | None, str | None, bool]:
        """The conversations of the message replied to and of the thread's first message, and whether the bot was asked
        in this thread before: one round trip."""
        guild = said.guild or DIRECT
        names = [
            at_key(self._store, "discord", guild, said.channel, said.reply_to or "none"),
            at_key(self._store, "discord", guild, where.parent or "none", said.channel),
            at_key(self._store, "discord", guild, said.channel, said.channel),
            at_key(self._store, "discord", guild, said.channel, _met(said.channel)),
        ]
        found = [v.decode() if v else None for v in await self._store.redis.mget(names)]
        return found[0], found[1], found[2], found[3] is not None

    def _message(self, said: Heard, thread: Thread, *, quote: bool) -> Message:
        """`quote`: the message replied to is not part of the conversation, so it comes along."""
        return Message(
            id=said.id,
            thread=thread,
            author=said.author,
            text=said.text,
            target=Target(said.channel, reply_to=said.id),
            marks=(f"{said.channel}:{said.id}",),
            attachments=said.attachments,
            quotes=(said.replied,) if quote and said.replied else (),
        )

    async def on_edit(self, client: discord.Client, event: discord.RawMessageUpdateEvent) -> None:
        """A person's edit; a preview that Discord added brings no time of editing and is ignored."""
        data = event.data
        if not data.get("edited_timestamp") or "content" not in data:
            return
        author = data.get("author") or {}
        us = client.user.id if client.user else 0
        if author.get("bot") or str(author.get("id")) == str(us):
            return
        roles = _our_roles(client.get_guild(event.guild_id) if event.guild_id else None, us)
        text = words(str(data["content"]), us, roles, {})
        await self._amend(event.guild_id, event.channel_id, event.message_id, text or None)

    async def on_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        await self._amend(event.guild_id, event.channel_id, event.message_id, None)

    async def _amend(self, guild: int | None, channel: int, message: int, text: str | None) -> None:
        where = place(str(guild) if guild else None, str(channel), None, None)

        async def amend() -> None:
            await self._intake.amend(where, f"{channel}:{message}", text)

        await self._patiently(amend, str(message))

    async def _patiently(self, work: Callable[[], Awaitable[None]], message: str) -> None:
        """In the order of arrival, and again while Redis is away."""
        async with self._line:
            loop = asyncio.get_running_loop()
            until = loop.time() + PATIENCE_SECONDS
            while True:
                try:
                    return await work()
                except (RedisError, OSError, TimeoutError, BotError) as error:
                    log.warning("intake.waits message=%s error=%s", message, type(error).__name__)
                    if loop.time() > until:
                        log.error("intake.gave_up message=%s", message)
                        return None
                    await asyncio.sleep(RETRY_SECONDS)

    # ---- interactions -------------------------------------------------------------------------------

    async def on_command(
        self,
        interaction: discord.Interaction,
        command: Command | UserError,
        text: str,
        *,
        image: discord.Attachment | None = None,
        private: bool = False,
    ) -> None:
        """A slash command becomes a turn, then its "thinking" appears: within three seconds, whatever Redis does."""
        try:
            async with asyncio.timeout(2.2):
                asked = await self._asked(interaction, text, image, private, command)
                receipt = await self._intake.receive(
                    asked,
                    actor=_actor_at(interaction),
                    command=command,
                    secret=interaction.token,
                )
        except (RedisError, OSError, TimeoutError, BotError) as error:
            log.warning("interaction.refused error=%s", type(error).__name__)
            await interaction.response.send_message(AWAY, ephemeral=True, suppress_embeds=True)
            self._withdraw(interaction)
            return
        await self._defer(interaction, receipt, ephemeral=private or receipt.kind != "ask")

    async def _defer(
        self, interaction: discord.Interaction, receipt: Receipt, *, ephemeral: bool
    ) -> None:
        """By the adapter whose admission was new. One that comes too late changes nothing: the answer is then an
        ordinary message."""
        if not receipt.new:
            return
        done = asyncio.get_running_loop().create_future()
        self._platform.deferring[receipt.turn] = done
        try:
            await interaction.response.defer(thinking=True, ephemeral=ephemeral)
        except (discord.HTTPException, OSError, TimeoutError) as error:
            log.warning("interaction.late turn=%s error=%s", receipt.turn, type(error).__name__)
        finally:
            done.set_result(True)
            asyncio.get_running_loop().call_later(
                60, self._platform.deferring.pop, receipt.turn, None
            )

    def _withdraw(self, interaction: discord.Interaction) -> None:
        """An admission that may have landed all the same is taken back as soon as Redis answers."""
        channel = place(
            str(interaction.guild_id) if interaction.guild_id else None,
            str(interaction.channel_id),
            None,
            None,
        )

        async def withdraw() -> None:
            await self._patiently(
                lambda: self._intake.amend(channel, f"interaction-{interaction.id}", None),
                str(interaction.id),
            )

        task = asyncio.create_task(withdraw())
        _TASKS.add(task)
        task.add_done_callback(_TASKS.discard)

    async def _asked(
        self,
        interaction: discord.Interaction,
        text: str,
        image: discord.Attachment | None,
        private: bool,
        command: Command | UserError,
    ) -> Message:
        channel_id = str(interaction.channel_id)
        guild = str(interaction.guild_id) if interaction.guild_id else None
        where = await self._places.of(interaction.channel, guild, channel_id)
        home = place(guild, channel_id, where.parent, where.category)
        user = interaction.user
        files = (
            (Attachment(image.filename, image.url, image.content_type or "", image.size),)
            if image
            else ()
        )
        if private:
            root = str(interaction.id)
        elif home.direct:
            root = str(user.id)
        else:
            root = channel_id if where.parent else str(interaction.id)
        hidden = private or not isinstance(command, Ask)
        return Message(
            id=str(interaction.id),
            thread=Thread(home, root),
            author=Author(str(user.id), user.display_name),
            text=text,
            target=Target(
                channel_id, interaction=str(interaction.id), only=str(user.id) if hidden else None
            ),
            marks=(f"interaction-{interaction.id}",),
            attachments=files,
            locale=str(interaction.locale),
        )

    # ---- "Ask about this" ---------------------------------------------------------------------------

    async def on_message_command(
        self, interaction: discord.Interaction, about: discord.Message
    ) -> None:
        """Keep what the form will be about, then show it: it must be the first response."""
        token = new_id()
        kept = {"quote": encode(quoted(about)).decode(), "message": str(about.id)}
        try:
            async with asyncio.timeout(2.0):
                name = self._store.key("form", token)
                await self._store.redis.set(name, json.dumps(kept), ex=FORM_TTL)
        except (RedisError, OSError, TimeoutError):
            await interaction.response.send_message(AWAY, ephemeral=True, suppress_embeds=True)
            return
        await interaction.response.send_modal(form(token))

    async def on_form(self, interaction: discord.Interaction) -> None:
        """The form's question is answered under the message that it is about. Works after a restart: what the form
        is about waits in Redis."""
        data: Mapping[str, Any] = interaction.data or {}
        token = str(data.get("custom_id", "")).removeprefix(FORM)
        try:
            async with asyncio.timeout(2.2):
                receipt = await self._form_answered(interaction, token, _typed(data))
        except (RedisError, OSError, TimeoutError, BotError) as error:
            log.warning("interaction.refused error=%s", type(error).__name__)
            await interaction.response.send_message(AWAY, ephemeral=True, suppress_embeds=True)
            return
        words_ = (
            "Asked. The answer comes under that message."
            if receipt
            else "This form is too old. Please choose “Ask about this” again."
        )
        await interaction.response.send_message(words_, ephemeral=True, suppress_embeds=True)

    async def _form_answered(
        self, interaction: discord.Interaction, token: str, question: str
    ) -> Receipt | None:
        kept = await self._store.redis.get(self._store.key("form", token))
        if kept is None:
            return None
        about = json.loads(kept)
        command = Ask(question or "Explain this")
        asked = await self._asked(interaction, command.prompt, None, False, command)
        channel = asked.thread.channel
        at = at_key(
            self._store, "discord", channel.workspace, asked.target.channel, about["message"]
        )
        known = await self._store.redis.get(at)
        thread = asked.thread
        if known is not None:
            thread = Thread(channel, known.decode().rsplit(":", 1)[1])
        asked = replace(
            asked,
            thread=thread,
            target=Target(asked.target.channel, reply_to=about["message"]),
            quotes=(decode(Quote, about["quote"]),),
        )
        return await self._intake.receive(asked, actor=_actor_at(interaction), command=command)


_TASKS: set[asyncio.Task[None]] = set()


def form(token: str) -> discord.ui.Modal:
    """The modal of "Ask about this", prefilled."""
    modal = discord.ui.Modal(title="Ask about this", custom_id=f"{FORM}{token}")
    modal.add_item(
        discord.ui.Label(
            text="Your question",
            component=discord.ui.TextInput(
                style=discord.TextStyle.paragraph,
                custom_id="question",
                default="Explain this",
                max_length=4000,
                required=False,
            ),
        )
    )
    return modal


def _typed(data: object) -> str:
    """The text of the form's only field, however deep Discord nests it."""
    if isinstance(data, dict):
        if data.get("custom_id") == "question" and "value" in data:
            return str(data["value"]).strip()
        return next((t for v in data.values() if (t := _typed(v))), "")
    if isinstance(data, list):
        return next((t for v in data if (t := _typed(v))), "")
    return ""


def _met(thread: str) -> str:
    """The name under which a thread is known in which the bot was asked once."""
    return f"met-{thread}"


def _our_roles(guild: discord.Guild | None, us: int) -> frozenset[int]:
    """The managed role that Discord made for the bot: people mention it for the bot itself."""
    if guild is None:
        return frozenset()
    return frozenset(r.id for r in guild.roles if r.tags is not None and r.tags.bot_id == us)


def _actor_of(message: discord.Message) -> Actor:
    """Who wrote; their powers are asked of the guild when a command needs them."""
    return Actor(
        "discord",
        str(message.guild.id) if message.guild else DIRECT,
        str(message.author.id),
        message.author.display_name,
    )


def _actor_at(interaction: discord.Interaction) -> Actor:
    """Who used a command, with the permissions that came along."""
    user = interaction.user
    roles = user.roles if isinstance(user, discord.Member) else []
    return Actor(
        "discord",
        str(interaction.guild_id) if interaction.guild_id else DIRECT,
        str(user.id),
        user.display_name,
        powers=powers(interaction.permissions) if interaction.guild_id else frozenset(),
        groups=frozenset(str(role.id) for role in roles),
    )
