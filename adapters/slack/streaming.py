"""Slack's own streams: a message that grows by what is appended to it, as long as Slack and its text allow that.

A stream is begun without a word against previews, takes no mark of ours, can neither be changed nor deleted while it is
open, and is over after five minutes. So nothing is remembered of it that matters: an answer whose stream is over,
unknown (another adapter began it) or in doubt goes on by `chat.update`, which shows the whole text again.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.platform import Body
from adapters.slack import words
from adapters.slack.faults import code_of
from adapters.slack.waits import Waits
from bot.errors import MissingScope, PlaceGone, PlatformBusy, PlatformError, TooLong, Unsure
from bot.slots import Slots
from bot.types import Turn

log = logging.getLogger(__name__)

# Starts and stops are tier 2 (20 a minute and workspace). A slot is held from a stream's start until a minute after its
# stop, so that no minute has more of either than there are slots.
SLOTS = 15
LIFE_SECONDS = 300.0  # a stream is over then, whatever is appended (python-slack-sdk 1859)
ROTATE_SECONDS = 240.0  # so that it is ours to end it
MINUTE = 60.0  # s
OFF_SECONDS = 600.0  # how long what Slack refuses is not tried again
MOST_KNOWN = 10_000  # messages and answers that are remembered
SESSION_SECONDS = 5.0  # a stop button that takes longer is not worth waiting for
OPEN = "streaming_state_conflict"  # what an update of an open stream is answered

_ADDRESS = re.compile(r"\b(?:https?://|mailto:|www\.)", re.IGNORECASE)


@dataclass(slots=True)
class Stream:
    """What an open stream shows."""

    text: str
    thread: str
    holder: str  # of its slot
    stoppable: bool = False  # its thread was given Slack's stop button


class Streams:
    """The streams that this adapter began, and what it knows of other messages."""

    def __init__(
        self,
        client: AsyncWebClient,
        waits: Waits,
        slots: Callable[[], Slots],
        stranger: Callable[[Turn], Awaitable[bool]],
        *,
        on: bool,
    ) -> None:
        """`stranger` says whether a turn's author is of another organisation: Slack does not tell us which to name."""
        self._client = client
        self._waits = waits
        self._slots = slots
        self._stranger = stranger
        self.on = on
        self._open: dict[str, Stream] = {}  # by ts
        self._begun: dict[str, bool] = {}  # ts → whether the message began as a stream
        self._left: dict[str, bool] = {}  # turn → whether it goes on by `chat.update`
        self._off: dict[str, float] = {}  # channel, or "" for all → monotonic
        self._sessions = on  # whether Slack keeps a session for a thread, which has the stop button

    def wanted(self, turn: Turn, known: bool) -> bool:
        """Whether the answer's last message is to grow as a stream. `known`: a part of it has been posted before."""
        return self.on and not self._left.get(turn.id, known)

    def is_open(self, message: str) -> bool:
        return message in self._open

    def posted(self, message: str) -> None:
        """The message took our word against previews."""
        _remember(self._begun, message, False)

    # ---- showing ------------------------------------------------------------------------------------

    async def start(self, turn: Turn, part: int, thread: str, body: Body) -> str | None:
        """Begin a stream and return its ts; None where the part is to be posted instead."""
        channel, person = turn.message.target.channel, turn.message.author.id
        holder = f"{turn.id}:{part}"
        self._leave(turn)  # unless all goes well
        if self._is_off(channel) or addressed(body.text) or await self._stranger(turn):
            return None
        if not await self._slots().hold(holder, LIFE_SECONDS + MINUTE):
            return None
        try:
            async with self._waits.asking("chat.startStream"):
                started = await self._client.chat_startStream(
                    channel=channel,
                    thread_ts=thread,
                    recipient_user_id=person,
                    recipient_team_id=turn.message.thread.channel.workspace,
                    markdown_text=body.text,
                )
        except PlatformBusy:
            return None
        except MissingScope as error:
            self._turn_off("", error.sentence)
            return None
        except (TooLong, SlackApiError) as error:
            self._turn_off(channel, _why(error))
            return None
        message = str(started["ts"])
        _remember(self._open, message, Stream(body.text, thread, holder))
        _remember(self._begun, message, True)
        _remember(self._left, turn.id, False)
        return message

    async def show(self, turn: Turn, message: str, body: Body) -> None:
        """Bring an open stream to the body. Raises PlatformBusy where that is over: what comes next is an update, which
        is another request, made only by who may still send."""
        stream = self._open[message]
        begun_anew = body.growing and body.footer  # which only an update can say
        goes_on = body.text.startswith(stream.text) and not (addressed(body.text) or begun_anew)
        if body.growing and stream.text.startswith(body.text) and not begun_anew:
            return  # its end is not certain any more: it will be, or a text that differs comes
        if not goes_on:
            self._leave(turn)
            await self.end(turn.message.target.channel, message)
            raise over()
        if body.growing and not stream.stoppable:
            stream.stoppable = True
            await self._session(turn, stream, "processing")
        ends = not body.growing or time.time() - float(message) > ROTATE_SECONDS
        try:
            await (self._stop if ends else self._append)(turn, message, stream, body)
        except PlatformBusy:
            if ends:
                raise
            return  # with the next one: what is appended later is no less
        except Unsure:
            self._leave(turn)  # perhaps it was appended: only an update is sure
            del self._open[message]
            raise
        except (MissingScope, TooLong, SlackApiError) as error:
            log.info("stream.over turn=%s why=%s", turn.id, _why(error))
            self._leave(turn)
            del self._open[message]
            await self._session(turn, stream, "active")
            raise over() from error
        if ends:
            del self._open[message]
            await self._slots().hold(stream.holder, MINUTE)
        if ends and body.growing:
            self._leave(turn)

    async def _append(self, turn: Turn, message: str, stream: Stream, body: Body) -> None:
        async with self._waits.asking("chat.appendStream"):
            await self._client.chat_appendStream(
                channel=turn.message.target.channel,
                ts=message,
                markdown_text=body.text[len(stream.text) :],
            )
        stream.text = body.text

    async def _stop(self, turn: Turn, message: str, stream: Stream, body: Body) -> None:
        below = words.below(body, turn.id) or None
        async with self._waits.asking("chat.stopStream"):
            await self._client.chat_stopStream(
                channel=turn.message.target.channel,
                ts=message,
                markdown_text=body.text[len(stream.text) :] or None,
                blocks=below,
            )

    def _leave(self, turn: Turn) -> None:
        """What comes is shown by updates; the first of them ends the stream if it is still open."""
        _remember(self._left, turn.id, True)

    async def _session(self, turn: Turn, stream: Stream, status: str) -> None:
        """Slack's stop button is there while a thread's session is "processing"; a stop of ours makes it "active". Best
        effort: without it an answer is stopped by word."""
        if not self._sessions:
            return
        try:
            asking = self._waits.asking("agents.sessions.setStatus")
            async with asking, asyncio.timeout(SESSION_SECONDS):
                await self._client.agents_sessions_setStatus(
                    channel_id=turn.message.target.channel,
                    thread_ts=stream.thread,
                    status=status,
                )
        except (PlatformBusy, Unsure, TimeoutError) as error:
            log.debug("session.failed turn=%s why=%s", turn.id, type(error).__name__)
        except (PlatformError, SlackApiError) as error:
            self._sessions = False
            log.info("session.unavailable why=%s", _why(error))

    # ---- what is left over --------------------------------------------------------------------------

    def outgrown(self, message: str, body: Body) -> bool:
        """Whether an update would show an address in a message that never said no to previews, or may not have."""
        return addressed(body.text) and self._begun.get(message, self.on)

    async def end(self, channel: str, message: str) -> None:
        """The stream is over, whoever began it."""
        stream = self._open.pop(message, None)
        _remember(self._begun, message, True)
        try:
            async with self._waits.asking("chat.stopStream"):
                await self._client.chat_stopStream(channel=channel, ts=message)
        except (MissingScope, SlackApiError) as error:
            log.info("stream.ended_before why=%s", _why(error))
        if stream is not None:
            await self._slots().hold(stream.holder, MINUTE)

    async def remove(self, channel: str, message: str) -> None:
        """A message of ours goes, also one that still streams; that it is gone already is success."""
        if message in self._open:
            await self.end(channel, message)
        for last in (False, True):
            try:
                async with self._waits.asking("chat.delete"):
                    await self._client.chat_delete(channel=channel, ts=message)
                return
            except PlaceGone as gone:
                if last or _code(gone) != "cant_delete_message":
                    log.debug("message.gone why=%s", gone.sentence)
                    return
            await self.end(channel, message)

    def _is_off(self, channel: str) -> bool:
        now = time.monotonic()
        return any(self._off.get(key, now) > now for key in ("", channel))

    def _turn_off(self, channel: str, why: str) -> None:
        """Not everywhere, or not in this channel: it is asked again later."""
        log.warning("stream.refused channel=%s why=%s", channel or "any", why)
        _remember(self._off, channel, time.monotonic() + OFF_SECONDS)


def over() -> PlatformBusy:
    """The message goes on by updates, at once."""
    return PlatformBusy("The stream is over.", 0.0)


def addressed(text: str) -> bool:
    """Whether Slack may make a link of something in this Markdown, and fetch what it leads to."""
    return _ADDRESS.search(text) is not None


def is_open(error: SlackApiError) -> bool:
    """Whether an update was refused because the message still streams."""
    return code_of(error) == OPEN


def _remember(known: dict[str, Any], name: str, value: Any) -> None:
    if len(known) >= MOST_KNOWN:
        del known[next(iter(known))]
    known[name] = value


def _code(error: Exception) -> str:
    return code_of(error.__cause__) if isinstance(error.__cause__, SlackApiError) else ""


def _why(error: Exception) -> str:
    return code_of(error) if isinstance(error, SlackApiError) else _code(error) or str(error)
