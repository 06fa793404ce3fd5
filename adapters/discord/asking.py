"""Slash commands, and the form of the message command, become turns within Discord's three seconds."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import discord

from adapters.discord.deferred import Deferred
from adapters.discord.known import known, met_in
from adapters.discord.missed import Missed
from adapters.discord.parse import attachment, place, quoted
from adapters.discord.patience import Patience
from adapters.discord.people import actor_of
from adapters.discord.places import Place, Places
from adapters.intake import Intake, Receipt
from adapters.refusals import Refusals
from bot.access import Admins
from bot.commands import Ask, Command
from bot.desk import judge
from bot.errors import NotAllowed, UserError
from bot.inbox import at_key, conversation_at
from bot.types import Actor, Author, Message, Quote, Target, Thread, decode, encode, new_id

log = logging.getLogger(__name__)

FORM = "ask-about:"  # custom id of the form, then the token under which what it is about is kept
FORM_TTL = 3600  # s
EXPLAIN = "Explain this"
ASKED = "Asked. The answer comes under that message."
TOO_OLD = "This form is too old. Please choose “Ask about this” again."
MUTE = "I may not write here, so I cannot answer under that message. An admin can allow it."

UNSAID = (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError, KeyError, TypeError)
"""What a first response may meet: refused, lost, or taken without the reply that discord.py reads."""
ACKNOWLEDGED = 40060  # Discord's code where an interaction has had its first response


class Asking:
    """Admits what is asked by command: first safe in Redis, then acknowledged; refused at once where Redis is away."""

    def __init__(
        self,
        intake: Intake,
        patience: Patience,
        refusals: Refusals,
        places: Places,
        missed: Missed,
        deferred: Deferred,
        admins: Admins,
    ) -> None:
        self._intake = intake
        self._patience = patience
        self._refusals = refusals
        self._places = places
        self._missed = missed
        self._deferred = deferred
        self._admins = admins
        self._store = intake.inbox.store

    async def on_command(
        self,
        interaction: discord.Interaction,
        command: Command | UserError,
        text: str,
        *,
        image: discord.Attachment | None = None,
        private: bool = False,
    ) -> None:
        """A slash command becomes a turn, then its "thinking" appears."""
        receipts: list[Receipt] = []
        command = self._judged(interaction, command)

        async def admit() -> None:
            hidden = private or not isinstance(command, Ask)
            asked = await self._asked(interaction, text, private=private, hidden=hidden)
            if image is not None:
                asked = replace(asked, attachments=(attachment(image),))
            receipts.append(await self._receive(interaction, asked, command))

        async with self._patience.counted():
            if refusal := await self._patience.at_once(place_of(interaction), admit):
                await self._refuse(interaction, refusal)
                return
            (receipt,) = receipts
            await self._defer(interaction, receipt, hidden=private or receipt.kind != "ask")

    async def on_message_command(
        self, interaction: discord.Interaction, about: discord.Message
    ) -> None:
        """Keep what the form will be about, then show it: it must be the first response."""
        refused = self._judged(interaction, Ask(EXPLAIN))
        if isinstance(refused, UserError):
            await _say(interaction, refused.sentence)
            return
        if not _may_write(interaction):
            await _say(interaction, MUTE)
            return
        token = new_id()

        async def keep() -> None:
            kept = {"quote": encode(quoted(about)).decode(), "message": str(about.id)}
            await self._store.redis.set(self._form(token), json.dumps(kept), ex=FORM_TTL)

        if refusal := await self._patience.at_once(f"form-{token}", keep):
            await _say(interaction, refusal)
            return
        try:
            await interaction.response.send_modal(form(token))
        except UNSAID as error:
            log.warning("form.unshown error=%s", type(error).__name__)

    async def on_form(self, interaction: discord.Interaction) -> None:
        """The form's question is answered under the message that it is about. Works after a restart: what the form
        is about waits in Redis."""
        data: Mapping[str, Any] = interaction.data or {}
        token = str(data.get("custom_id", "")).removeprefix(FORM)
        receipts: list[Receipt] = []

        async def admit() -> None:
            kept = await self._store.redis.get(self._form(token))
            if kept is not None:
                command = Ask(_typed(data) or EXPLAIN)
                asked = await self._about(interaction, command, json.loads(kept))
                receipts.append(await self._receive(interaction, asked, command))

        async with self._patience.counted():
            if refusal := await self._patience.at_once(place_of(interaction), admit):
                await self._refuse(interaction, refusal)
            elif not receipts:
                await _say(interaction, TOO_OLD)
            elif receipts[0].kind == "ask":
                await _say(interaction, ASKED)
            else:
                await self._defer(interaction, receipts[0], hidden=True)

    async def on_button(self, interaction: discord.Interaction) -> None:
        """A button below an answer becomes a command of whoever pressed it. Works after a restart: the button says
        which turn it is about, which is believed no more than anything that people send."""
        data: Mapping[str, Any] = interaction.data or {}
        word, _, turn_id = str(data.get("custom_id", "")).partition(":")
        receipts: list[Receipt] = []

        async def admit() -> None:
            pressed = await self._asked(interaction, f"/{word}", private=False, hidden=True)
            receipts.append(
                await self._intake.press(
                    pressed, turn_id, actor=actor_at(interaction), secret=interaction.token
                )
            )

        async with self._patience.counted():
            if refusal := await self._patience.at_once(place_of(interaction), admit):
                await self._refuse(interaction, refusal)
            else:
                await self._defer(interaction, receipts[0], hidden=True)

    # ---- admission ----------------------------------------------------------------------------------

    def _judged(
        self, interaction: discord.Interaction, command: Command | UserError
    ) -> Command | UserError:
        """The command, or why the person may not give it. A Discord that does not say what the person may do leaves
        the judgement to where the command is run."""
        if isinstance(command, UserError) or (
            interaction.guild_id and not interaction.permissions.value
        ):
            return command
        actor, direct = actor_at(interaction), interaction.guild_id is None
        try:
            judge(command, actor, admins=self._admins, direct=direct)
        except NotAllowed as refused:
            return refused
        return command

    async def _receive(
        self, interaction: discord.Interaction, asked: Message, command: Command | UserError
    ) -> Receipt:
        return await self._intake.receive(
            asked,
            actor=actor_at(interaction),
            command=command,
            also_at=met_in(asked),
            secret=interaction.token,
        )

    async def _asked(
        self, interaction: discord.Interaction, text: str, *, private: bool, hidden: bool
    ) -> Message:
        """The message that a command stands for. A private question is a conversation of its own."""
        channel, where = place_of(interaction), Place()
        if interaction.guild_id is not None:
            where = await self._places.of(interaction.channel, interaction.guild, channel)
        home = place(_id(interaction.guild_id), channel, where.parent, where.category)
        user, asked_id = interaction.user, str(interaction.id)
        root = str(user.id) if home.direct else channel if where.parent else asked_id
        asked = Message(
            id=asked_id,
            thread=Thread(home, asked_id if private else root),
            author=Author(str(user.id), user.display_name),
            text=text,
            target=Target(channel, interaction=asked_id, only=str(user.id) if hidden else None),
            marks=(_mark(interaction),),
            threadless=where.parent is None,
        )
        if where.parent is None or hidden:
            return asked
        return (await known(self._store, home, channel)).first_in_thread(asked)

    async def _about(
        self, interaction: discord.Interaction, command: Ask, kept: Mapping[str, str]
    ) -> Message:
        """The form's question, in the conversation of the message that it is about."""
        asked = await self._asked(interaction, command.prompt, private=False, hidden=False)
        channel, target = asked.thread.channel, asked.target.channel
        name = at_key(self._store, channel.platform, channel.workspace, target, kept["message"])
        (found,) = await conversation_at(self._store, [name])
        return replace(
            asked,
            thread=Thread(channel, found.rsplit(":", 1)[1]) if found else asked.thread,
            target=Target(target, reply_to=kept["message"]),
            quotes=(decode(Quote, kept["quote"]),),
        )

    # ---- first responses ----------------------------------------------------------------------------

    async def _defer(
        self, interaction: discord.Interaction, receipt: Receipt, *, hidden: bool
    ) -> None:
        """By the adapter whose admission was new. One that comes too late, or whose reply is lost, changes nothing:
        the answer finds out, and is an ordinary message where it has to be."""
        if not receipt.new:
            return
        async with self._deferred.deferring(str(interaction.id)):
            try:
                await interaction.response.defer(thinking=True, ephemeral=hidden)
            except UNSAID as error:
                log.warning("interaction.late turn=%s error=%s", receipt.turn, type(error).__name__)
        await self._missed.remember(_id(interaction.guild_id), place_of(interaction))

    async def _refuse(self, interaction: discord.Interaction, words: str) -> None:
        """Redis is away or full: say so at once, and see to it that nothing comes of it later; unless another adapter
        on this token has reached it and responded: then it is for that one. Where the first response was these very
        words and only its reply was lost, an admission that landed is answered after all, which is better than not."""
        if not await _say(interaction, words):
            log.info("interaction.taken id=%s", interaction.id)
            return
        channel = place(_id(interaction.guild_id), place_of(interaction), None, None)
        self._refusals.withdraw(channel, _mark(interaction))

    def _form(self, token: str) -> str:
        return self._store.key("form", token)


def actor_at(interaction: discord.Interaction) -> Actor:
    """Who used a command, with the permissions that came along with it."""
    return actor_of(
        interaction.user,
        place(_id(interaction.guild_id), "0", None, None).workspace,
        interaction.permissions,
    )


def place_of(interaction: discord.Interaction) -> str:
    """The id of the channel, thread or direct message in which it was used."""
    told: Mapping[str, Any] = interaction.data or {}
    return str(interaction.channel_id or told.get("channel_id"))


def form(token: str) -> discord.ui.Modal:
    """The modal of "Ask about this", prefilled."""
    modal = discord.ui.Modal(title="Ask about this", custom_id=f"{FORM}{token}")
    field = discord.ui.TextInput[discord.ui.Modal](
        style=discord.TextStyle.paragraph,
        custom_id="question",
        default=EXPLAIN,
        max_length=4000,
        required=False,
    )
    modal.add_item(discord.ui.Label(text="Your question", component=field))
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


async def _say(interaction: discord.Interaction, words: str) -> bool:
    """Our own words as the first response, for the person alone. False where there has been a first response."""
    try:
        await interaction.response.send_message(words, ephemeral=True, suppress_embeds=True)
    except UNSAID as error:
        log.warning("interaction.unsaid id=%s error=%s", interaction.id, type(error).__name__)
        return getattr(error, "code", 0) != ACKNOWLEDGED
    return True


def _may_write(interaction: discord.Interaction) -> bool:
    """Whether an answer can be posted where the command was used."""
    may = interaction.app_permissions
    if interaction.guild_id is None or not may.value:  # no server, or one that does not say
        return True
    in_thread = isinstance(interaction.channel, discord.Thread)
    return may.send_messages_in_threads if in_thread else may.send_messages


def _mark(interaction: discord.Interaction) -> str:
    return f"interaction-{interaction.id}"


def _id(number: int | None) -> str | None:
    return str(number) if number else None
