"""A command turn is run once: its words for its author, and the announcement of what it changed."""

from __future__ import annotations

import time
from dataclasses import replace

from adapters.intake import read
from adapters.platform import Platform
from bot.answers import Answers
from bot.commands import Retry, Stop
from bot.desk import Desk
from bot.errors import UserError
from bot.inbox import Inbox
from bot.store import REQUEST_TTL
from bot.types import Notice, Thread, Turn


class Commanding:
    """Runs command turns, those about answers apart from the desk's. Safe to repeat: the turn's id is the request's."""

    def __init__(self, platform: Platform, inbox: Inbox, desk: Desk, answers: Answers) -> None:
        self._platform = platform
        self._inbox = inbox
        self._desk = desk
        self._answers = answers

    async def run(self, turn: Turn) -> str:
        """The words for the turn's author; what changed is announced in the channel as a turn of its own."""
        try:
            notice = await self._run(turn)
        except UserError as error:
            return error.sentence
        await self._announce(turn, notice)
        return notice.text

    async def _run(self, turn: Turn) -> Notice:
        message, command = turn.message, read(turn.message)
        if isinstance(command, Stop):
            return await self._answers.stop(turn, lambda: self._platform.actor(turn))
        if isinstance(command, Retry):
            return await self._answers.retry(
                turn, command.alias, lambda: self._platform.actor(turn)
            )
        return await self._desk.run(
            command,
            await self._platform.actor(turn),
            message.thread,
            request_id=turn.id,
            in_thread=not message.threadless,
        )

    async def _announce(self, turn: Turn, notice: Notice) -> None:
        """Admit the announcement as a turn: owed like an answer, and made once however often this runs."""
        if not notice.announcement:
            return
        message, channel = turn.message, turn.message.thread.channel
        begins = (
            message.threadless and not channel.direct
        )  # what is said below it is of no conversation yet
        message = replace(
            message,
            thread=Thread(channel, f"said-{turn.id}") if begins else message.thread,
            target=replace(turn.message.target, only=None, interaction=None),
            marks=(f"announcement-{turn.id}",),
            attachments=(),
            quotes=(),
        )
        announcement = Turn.of(message, "notice", at=time.time(), sentence=notice.announcement)
        await self._inbox.admit(announcement, known=REQUEST_TTL)
