"""Replies become Slack messages: posted once, with the turn's id in their metadata, then updated; or streamed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.files.download import download
from adapters.files.origins import Origins
from adapters.pace import Bucket, Paces, Rate
from adapters.platform import Action, Body, Button, Limits
from adapters.showing import BLANK
from adapters.slack import render, streaming, words
from adapters.slack.hooks import Hooks
from adapters.slack.invoking import SLASH
from adapters.slack.people import People
from adapters.slack.reading import EVENT_TYPE, Reading
from adapters.slack.sharing import Sharing
from adapters.slack.streaming import Streams
from adapters.slack.waits import Waits
from bot.errors import MissingScope, Outgrown, PlaceGone, PlatformError
from bot.reply import UNSEEN, Shown
from bot.types import Actor, Attachment, Phase, Quote, Turn
from bot.words import blank

log = logging.getLogger(__name__)

POSTS = Rate(1, 1.0, 4)  # chat.postMessage: 1/s and channel, short bursts
STATUS_SECONDS = 5.0  # a status that takes longer is not worth waiting for
INERT: dict[str, Any] = {"link_names": False, "parse": "none"}  # chat.update's default is not none
ELSEWHERE = "You asked me something in a place where I cannot write to you."
Resume = Callable[[str, str], Awaitable[None]]  # admits what waits below a channel's root
Bound = Callable[[Turn, str], Awaitable[bool]]  # whether a message shows a part of some turn
REPEATED = render.LIMIT // 2  # characters of a slash command's question that its root repeats


class Slack:
    """The platform as the shared parts see it."""

    name = "slack"
    limits = Limits(interval=1.2, working=90.0)  # a status ends after two minutes

    def __init__(
        self,
        client: AsyncWebClient,
        waits: Waits,
        files: aiohttp.ClientSession,
        origins: Origins,
        people: People,
        reading: Reading,
        hooks: Hooks,
        resume: Resume,
        streams: Streams,
        sharing: Sharing,
        bound: Bound,
        refused: Callable[[Turn], bool],
    ) -> None:
        self._client = client
        self._waits = waits
        self._files = files
        self._origins = origins
        self._people = people
        self._reading = reading
        self._hooks = hooks
        self._resume = resume
        self._streams = streams
        self._sharing = sharing
        self._bound = bound
        self._refused = refused
        self._paces = Paces()
        self._status_works = True
        # Turns with a status that is to be taken away → the thread where Slack has shown it, or nothing as yet.
        self._signed: dict[str, str] = {}

    # ---- showing ------------------------------------------------------------------------------------

    def render(self, turn: Turn, shown: Shown, *, shrink: int = 0) -> list[Body]:
        """The answer's messages; for a slash command's question first the one that repeats it with its asker's name.
        What is no answer but a sentence of ours alone has no text, and is for its author alone."""
        streams = not shown.final and self._streamed(turn, shown)
        limit = render.LIMIT >> shrink
        pieces = render.render(shown.text, final=shown.final, limit=limit, closed=not streams)
        end = len(pieces) - 1
        bodies = [Body(piece, growing=streams and at == end) for at, piece in enumerate(pieces)]
        if shown.final and (notes := _notes(turn, shown)):
            last = bodies.pop() if bodies else Body("")
            bodies.append(Body(last.text, notes))
        unasked = shown.phase is Phase.STOPPED and not bodies and not shown.parts
        return [_root(turn), *bodies] if asked_by_slash(turn) and not unasked else bodies

    def _streamed(self, turn: Turn, shown: Shown) -> bool:
        """Whether what grows is to be a stream, which is always a reply."""
        in_thread = turn.message.target.thread is not None or _has_root(turn)
        known = len(shown.parts) > _has_root(turn)
        return in_thread and self._streams.wanted(turn, known)

    def bucket(self, turn: Turn, action: Action, message: str | None = None) -> Bucket:
        if action == "post":
            return self._paces.bucket(f"post {turn.place}", POSTS)
        if message and self._streams.is_open(message):
            return self._sharing.appends
        return self._sharing.updates

    async def post(
        self, turn: Turn, part: int, body: Body, parts: Mapping[int, str], *, look: bool
    ) -> str:
        self._heed(turn)
        thread = _thread(turn, part, parts)
        if turn.kind == "ask" and not body.text and not turn.message.thread.channel.direct:
            await self.notice(turn, "\n".join(body.footer), body.button)
            return UNSEEN
        if part and thread and thread == parts.get(0):  # a root of ours, which is bound by now
            await self._resume(turn.message.target.channel, parts[0])
        if look and (earlier := await self._left(turn, part, thread)):
            await self.edit(turn, part, earlier, body)  # it may show what there was then
            return earlier
        grows = body.growing and thread
        if grows and (begun := await self._streams.start(turn, part, str(thread), body)):
            return begun
        channel = turn.message.target.channel
        payload = {"turn": turn.id, "part": part}
        async with self._waits.asking("chat.postMessage", channel):
            response = await self._client.chat_postMessage(
                channel=channel,
                thread_ts=thread,
                metadata={"event_type": EVENT_TYPE, "event_payload": payload},
                unfurl_links=False,
                unfurl_media=False,
                **INERT,
                **_content(turn, body),
            )
        self._streams.posted(str(response["ts"]))
        if thread and self._signed.get(turn.id) == thread:
            del self._signed[turn.id]  # Slack takes a status away where a message of ours comes
        return str(response["ts"])

    async def _left(self, turn: Turn, part: int, thread: str | None) -> str | None:
        """The message that a poster before us left behind. A stream that nobody bound is nobody's: it goes."""
        streamed = self._streams.on
        message, streams = await self._reading.left(turn, part, thread, streamed=streamed)
        for stream in streams:
            if not await self._bound(turn, stream):
                log.info("stream.orphan turn=%s", turn.id)
                await self._streams.remove(turn.message.target.channel, stream)
        if message is not None:
            self._streams.posted(message)
        return message

    async def edit(self, turn: Turn, part: int, message: str, body: Body) -> None:
        """By what Slack lets us do with the message: a stream is appended to or stopped, all else is updated."""
        if message == UNSEEN:
            return
        if self._streams.is_open(message):
            await self._streams.show(turn, message, body)
            return
        if self._streams.outgrown(message, body):
            raise Outgrown("An address is shown only where previews were declined.")
        channel = turn.message.target.channel
        try:
            async with self._waits.asking("chat.update"):
                await self._client.chat_update(
                    channel=channel, ts=message, **INERT, **_content(turn, body)
                )
        except SlackApiError as error:
            if not streaming.is_open(error):
                raise
            await self._streams.end(channel, message)
            raise streaming.over() from error

    async def delete(self, turn: Turn, message: str) -> None:
        if message != UNSEEN:
            await self._streams.remove(turn.message.target.channel, message)

    async def notice(self, turn: Turn, text: str, button: Button | None = None) -> None:
        """An ephemeral message to the author. Where the bot may not write, the address that came with a command takes
        it, and where none came, the author's direct messages."""
        self._heed(turn)
        try:
            await self._ephemeral(turn, text, button)
        except (PlaceGone, MissingScope):
            if not await self._hooks.say(turn.id, text):
                await self._direct(turn, text)

    async def _ephemeral(self, turn: Turn, text: str, button: Button | None) -> None:
        async with self._waits.asking("chat.postEphemeral"):
            await self._client.chat_postEphemeral(
                channel=turn.message.target.channel,
                user=turn.message.author.id,
                thread_ts=_existing_thread(turn),
                **INERT,
                **_words(text, *([words.button(button, turn.id)] if button else [])),
            )

    async def _direct(self, turn: Turn, text: str) -> None:
        person = turn.message.author.id  # stands for the direct messages with that person
        async with self._waits.asking("chat.postMessage", person):
            await self._client.chat_postMessage(
                channel=person,
                unfurl_links=False,
                unfurl_media=False,
                **INERT,
                **_words(f"{ELSEWHERE} {text}"),
            )

    async def working(self, turn: Turn, on: bool) -> None:
        """The status line under the thread, where the workspace has it; a workspace without is asked once."""
        target = turn.message.target
        thread = target.thread or (None if asked_by_slash(turn) else turn.message.id)
        if not self._status_works or thread is None or not (on or turn.id in self._signed):
            return
        if on:
            self._signed[turn.id] = ""
        try:
            asking = self._waits.asking("assistant.threads.setStatus")
            async with asking, asyncio.timeout(STATUS_SECONDS):
                await self._client.assistant_threads_setStatus(
                    channel_id=target.channel,
                    thread_ts=thread,
                    status="is thinking…" if on else "",
                )
                if on:
                    self._signed[turn.id] = thread
                else:  # not before: whoever is cancelled leaves it to who comes next
                    self._signed.pop(turn.id, None)
        except MissingScope as error:
            self._status_works = False
            log.info("status.unavailable why=%s", error.sentence)
        except (PlatformError, SlackApiError) as error:  # it expires by itself
            log.debug("status.failed turn=%s why=%s", turn.id, type(error).__name__)

    def forget(self, turn_id: str) -> None:
        self._signed.pop(turn_id, None)

    # ---- asking -------------------------------------------------------------------------------------

    def _heed(self, turn: Turn) -> None:
        if self._refused(turn):
            raise PlaceGone("Its author was told that nothing comes of it.")

    async def actor(self, turn: Turn) -> Actor:
        self._heed(turn)
        return await self._people.actor(turn.message.author.id)

    async def fetch(self, turn: Turn, attachment: Attachment) -> bytes:
        source = await self._reading.address(attachment)
        return await download(self._files, source, origins=self._origins, name=attachment.name)

    async def history(self, turn: Turn) -> tuple[Quote, ...]:
        return await self._reading.history(turn)

    async def meet(self, people: Collection[str]) -> None:
        await self._people.meet(people)


def asked_by_slash(turn: Turn) -> bool:
    """A question from `/ai ask`: the bot repeats it in the channel, so that the thread has a root."""
    return turn.kind == "ask" and turn.message.id.startswith(SLASH)


def _has_root(turn: Turn) -> bool:
    """Whether the answer's first message is the repeated question, with a thread below it."""
    return asked_by_slash(turn) and not turn.message.thread.channel.direct


def _notes(turn: Turn, shown: Shown) -> tuple[str, ...]:
    """What the worker noted; for a fault with the reference that the logs hold, for an answer without anything to see
    that there is nothing: a slash command's question stands above it."""
    if shown.phase is Phase.ANSWERED and not shown.notes and blank(shown.text):
        return (BLANK,)
    known = any(turn.ref in note for note in shown.notes)
    if shown.phase is not Phase.FAILED or known:
        return shown.notes
    return (*shown.notes, f"Reference: {turn.ref}")


def _root(turn: Turn) -> Body:
    """A slash command's question with its asker's name."""
    question = turn.message.text
    first, *rest = render.render(question, final=True, limit=REPEATED) or ["…"]
    author = turn.message.author
    more = " (its beginning)" if rest else ""
    return Body(first, (f"Asked by {author.name or author.id}{more}",))


def _existing_thread(turn: Turn) -> str | None:
    """The thread that the turn was written in; None at the top level, also where an answer would begin a thread."""
    target = turn.message.target
    return None if target.thread == turn.message.id else target.thread


def _thread(turn: Turn, part: int, parts: Mapping[int, str]) -> str | None:
    """The thread that a part goes to: below the repeated question; for an announcement where its command was
    given; else where the turn says."""
    if turn.kind == "notice":
        return _existing_thread(turn)
    if asked_by_slash(turn) and not turn.message.thread.channel.direct:
        return parts.get(0) if part else None
    return turn.message.target.thread


def _words(text: str, *below: words.Block) -> dict[str, Any]:
    """Our own words as a message for one person."""
    return {"blocks": [*words.sections(text), *below], "text": render.fallback(text) or "…"}


def _content(turn: Turn, body: Body) -> dict[str, Any]:
    """The blocks of a message, and its plain summary for notifications."""
    blocks: list[dict[str, Any]] = []
    if body.text:
        blocks.append({"type": "markdown", "text": body.text})
    blocks.extend(words.below(body, turn.id))
    summary = body.text or "\n".join(body.footer)
    return {"blocks": blocks, "text": render.fallback(summary) or "…"}
