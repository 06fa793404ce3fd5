"""What Slack keeps is read in two cases only: an older thread at the first question in it, and after a crash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.files.sentences import rejected
from adapters.slack.parse import BY_ID, Bot, files, quoted
from adapters.slack.waits import Waits
from bot.errors import MissingScope, PlatformBusy, PlatformError, Unsure
from bot.types import Attachment, Quote, Turn

log = logging.getLogger(__name__)

EVENT_TYPE = "switchboard_answer"  # of the metadata: an opaque id, readable by the whole workspace
QUOTES = 15  # messages of an older thread
PAGE = 200  # messages of one request; Slack may give some apps 15
PAGES = 5
CLOCKS_SECONDS = 300.0  # that Slack's clock and ours may differ
PATIENCE = (0.5, 2.0, 5.0)  # s before a reading request is tried again

Found = Mapping[str, Any]


class Reading:
    """Threads, histories and files, as far as Slack lets the bot read them."""

    def __init__(self, client: AsyncWebClient, waits: Waits, us: Bot) -> None:
        self._client = client
        self._waits = waits
        self._us = us

    async def left(
        self, turn: Turn, part: int, thread: str | None, *, streamed: bool
    ) -> tuple[str | None, list[str]]:
        """What a poster before us left behind: the part's message, by the turn's id in its metadata, and what began as
        a stream. Slack does not promise to tell that: where answers are `streamed`, it is a reply that carries nothing
        of ours."""
        message, streams = None, []
        since = turn.message.id if _is_ts(turn.message.id) else None
        oldest = since or f"{turn.asked_at - CLOCKS_SECONDS:.6f}"
        try:
            async for found in self._messages(turn.message.target.channel, thread, oldest):
                payload = (found.get("metadata") or {}).get("event_payload") or {}
                if not self._us.wrote(found) or float(found["ts"]) < float(oldest):
                    continue  # a thread's root is always there
                if payload.get("turn") == turn.id and str(payload.get("part")) == str(part):
                    message = message or str(found["ts"])
                elif found.get("streaming_state") or (streamed and thread and not payload):
                    streams.append(str(found["ts"]))
        except MissingScope as error:  # seen twice is better than never
            log.warning("look.impossible turn=%s why=%s", turn.id, error.sentence)
        return message, streams

    async def history(self, turn: Turn) -> tuple[Quote, ...]:
        """The root of the thread and what was said last before the question, oldest first."""
        target, earlier = turn.message.target, []
        if target.thread is None:
            return ()
        try:
            async for message in self._messages(target.channel, target.thread, None):
                if float(message["ts"]) < float(turn.message.id):
                    earlier.append(message)  # noqa: PERF401  # what came before a refusal is kept
        except PlatformBusy:
            if not earlier:
                raise
        kept = earlier if len(earlier) <= QUOTES else [earlier[0], *earlier[1 - QUOTES :]]
        return tuple(quoted(message, self._us) for message in kept)

    async def address(self, attachment: Attachment) -> str:
        """Where the bytes of a file are; Slack Connect names the file only."""
        name, source = attachment.name, attachment.source
        if not source.startswith(BY_ID):
            return source
        try:
            found = await _patiently(lambda: self._info(source.removeprefix(BY_ID)))
        except PlatformError as error:
            raise rejected(name, "Slack does not let me read it") from error
        known = next(files({"files": [found["file"]]}))
        if known.problem or known.source.startswith(BY_ID):
            raise rejected(name, "Slack gives no address for it")
        return known.source

    async def _messages(
        self, channel: str, thread: str | None, oldest: str | None
    ) -> AsyncIterator[Found]:
        """The messages of a thread, or of a channel's top level, each once; page after page."""
        cursor, seen = None, set[str]()
        for _ in range(PAGES):
            found = await _patiently(partial(self._page, channel, thread, oldest, cursor))
            for message in found.get("messages") or ():
                if message.get("ts") not in seen:
                    seen.add(str(message["ts"]))
                    yield message
            cursor = (found.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    async def _page(
        self, channel: str, thread: str | None, oldest: str | None, cursor: str | None
    ) -> Any:
        how: dict[str, Any] = {"limit": PAGE, "include_all_metadata": True}
        how |= {"oldest": oldest} if oldest else {}
        how |= {"cursor": cursor} if cursor else {}
        if thread is None:
            async with self._waits.asking("conversations.history"):
                return await self._client.conversations_history(channel=channel, **how)
        async with self._waits.asking("conversations.replies"):
            return await self._client.conversations_replies(channel=channel, ts=thread, **how)

    async def _info(self, file: str) -> Any:
        async with self._waits.asking("files.info"):
            return await self._client.files_info(file=file)


async def _patiently(request: Callable[[], Awaitable[Any]]) -> Any:
    """Once more while Slack asks to wait or does not answer, as long as a person would."""
    for pause in (*PATIENCE, None):
        try:
            return await request()
        except (PlatformBusy, Unsure) as error:
            wait = max(pause or 0.0, getattr(error, "retry_after", 0.0))
            if pause is None or wait > max(PATIENCE):
                raise
        await asyncio.sleep(wait)
    return None


def _is_ts(message: str) -> bool:
    return message.replace(".", "", 1).isdigit()
