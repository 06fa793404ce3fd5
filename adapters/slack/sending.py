"""Replies become Slack messages: posted once, with the turn's id in their metadata, then updated."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any, Literal

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.files.download import download
from adapters.files.origins import Origins
from adapters.files.sentences import rejected
from adapters.platform import Body, Limits, Rate
from adapters.slack import render
from adapters.slack.faults import translated
from adapters.slack.parse import Bot, files, plain
from bot.errors import MissingScope, PlaceGone, PlatformError
from bot.reply import Shown
from bot.types import Actor, Attachment, Quote, Scope, Turn

log = logging.getLogger(__name__)

EVENT_TYPE = "switchboard_answer"  # of the metadata: an opaque id, readable by the whole workspace
POSTS = Rate(1.0, 4)  # chat.postMessage: 1/s and channel, short bursts
UPDATES = Rate(
    0.6, 14
)  # chat.update: Tier 3, 50 a minute and workspace: 14 at once and 36 a minute
HISTORY = 15  # messages of an older thread, read once
ACTOR_SECONDS = 60.0  # how long users.info is believed for a change (5 minutes at most)
USELESS = {
    "unknown_method",
    "missing_scope",
    "not_allowed",
    "method_deprecated",
    "invalid_arguments",
}


class Slack:
    """The platform as the shared parts see it."""

    name = "slack"
    limits = Limits(interval=1.2, per_live=0.4, working=90.0)

    def __init__(
        self,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        origins: Origins,
        us: Bot,
        groups: frozenset[str] = frozenset(),
    ) -> None:
        self._client = client
        self._session = session
        self._origins = origins
        self._us = us
        self._groups = groups  # user groups that SWITCHBOARD_ADMINS names
        self._actors: dict[str, tuple[float, Actor]] = {}
        self._status_works = True

    # ---- showing ------------------------------------------------------------------------------------

    def render(self, turn: Turn, shown: Shown, *, shrink: int = 0) -> list[Body]:
        """The answer's messages; for a slash command's question first the one that repeats it with its asker's name."""
        pieces = render.render(shown.text, final=shown.final, limit=render.LIMIT >> shrink)
        bodies = [Body(piece) for piece in pieces]
        if shown.final and shown.notes:
            last = bodies.pop() if bodies else Body("")
            bodies.append(Body(last.text, shown.notes))
        return [self._root(turn), *bodies] if bodies and asked_by_slash(turn) else bodies

    def _root(self, turn: Turn) -> Body:
        words = turn.message.text
        first = render.render(words, final=True, limit=render.LIMIT // 2)[:1]
        return Body(first[0] if first else "", (f"Asked by {turn.message.author.name}",))

    def bucket(self, turn: Turn, action: Literal["post", "edit"]) -> tuple[str, Rate]:
        if action == "post":
            return f"post {turn.place}", POSTS
        return f"update {turn.message.thread.channel.workspace}", UPDATES

    async def post(
        self, turn: Turn, part: int, body: Body, parts: Mapping[int, str], *, look: bool
    ) -> str:
        thread = _thread(turn, part, parts)
        async with translated():
            if look and (earlier := await self._posted(turn, part, thread)):
                return earlier
            response = await self._client.chat_postMessage(
                channel=turn.message.target.channel,
                thread_ts=thread,
                metadata={
                    "event_type": EVENT_TYPE,
                    "event_payload": {"turn": turn.id, "part": part},
                },
                unfurl_links=False,
                unfurl_media=False,
                link_names=False,
                **_form(body),
            )
        return str(response["ts"])

    async def edit(self, turn: Turn, part: int, message: str, body: Body) -> None:
        async with translated():
            await self._client.chat_update(
                channel=turn.message.target.channel,
                ts=message,
                link_names=False,
                **_form(body),
            )

    async def delete(self, turn: Turn, message: str) -> None:
        try:
            async with translated():
                await self._client.chat_delete(channel=turn.message.target.channel, ts=message)
        except PlaceGone:
            log.debug("message.gone turn=%s", turn.id)

    async def notice(self, turn: Turn, words: str) -> None:
        """An ephemeral message to the author."""
        target = turn.message.target
        async with translated():
            await self._client.chat_postEphemeral(
                channel=target.channel,
                user=turn.message.author.id,
                thread_ts=None if target.thread == turn.message.id else target.thread,
                text=render.fallback(words),
                blocks=[_context(line) for line in _own(words)],
                link_names=False,
            )

    async def working(self, turn: Turn, on: bool) -> None:
        """The status line under the thread, where the workspace has it; a workspace without is asked once."""
        target = turn.message.target
        if not self._status_works or target.thread is None:
            return
        try:
            await self._client.assistant_threads_setStatus(
                channel_id=target.channel,
                thread_ts=target.thread,
                status="is thinking…" if on else "",
            )
        except SlackApiError as error:
            if error.response.get("error") in USELESS:
                self._status_works = False
                log.info("status.unavailable error=%s", error.response.get("error"))

    async def _posted(self, turn: Turn, part: int, thread: str | None) -> str | None:
        """The message that a poster before us left behind, by the turn's id in its metadata."""
        channel = turn.message.target.channel
        if thread is None:
            found = await self._client.conversations_history(
                channel=channel, limit=100, include_all_metadata=True
            )
        else:
            found = await self._client.conversations_replies(
                channel=channel,
                ts=thread,
                oldest=turn.message.id if _is_ts(turn.message.id) else None,
                limit=100,
                include_all_metadata=True,
            )
        for message in found.get("messages") or ():
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            if payload.get("turn") == turn.id and int(payload.get("part", -1)) == part:
                return str(message["ts"])
        return None

    # ---- asking -------------------------------------------------------------------------------------

    async def actor(self, turn: Turn) -> Actor:
        return await self.actor_of(turn.message.author.id)

    async def actor_of(self, user: str) -> Actor:
        """What the workspace says of a person, asked at most a minute ago; nothing known means no powers."""
        at, known = self._actors.get(user, (0.0, None))
        if known is not None and time.monotonic() - at < ACTOR_SECONDS:
            return known
        async with translated():
            found = (await self._client.users_info(user=user))["user"]
        foreign = bool(
            found.get("is_stranger")
            or found.get("is_restricted")
            or found.get("is_ultra_restricted")
            or found.get("is_bot")
            or found.get("deleted")
            or (found.get("team_id") or self._us.team) != self._us.team
        )
        chief = bool(found.get("is_admin") or found.get("is_owner")) and not foreign
        profile = found.get("profile") or {}
        actor = Actor(
            platform="slack",
            workspace=self._us.team,
            id=user,
            name=str(
                profile.get("display_name") or found.get("real_name") or found.get("name") or user
            ),
            powers=frozenset(Scope) if chief else frozenset(),
            groups=await self._groups_of(user),
            external=foreign,
        )
        if len(self._actors) > 5000:
            self._actors.clear()
        self._actors[user] = (time.monotonic(), actor)
        return actor

    async def _groups_of(self, user: str) -> frozenset[str]:
        """Which of the user groups that the operator named the person is in."""
        found = set()
        for group in self._groups:
            try:
                async with translated():
                    members = await self._client.usergroups_users_list(usergroup=group)
            except (PlatformError, SlackApiError) as error:
                log.warning("usergroup.unreadable group=%s error=%s", group, type(error).__name__)
                continue
            if user in (members.get("users") or ()):
                found.add(group)
        return frozenset(found)

    async def fetch(self, turn: Turn, attachment: Attachment) -> bytes:
        source = attachment.source
        if source.startswith("file:"):  # Slack Connect names the file only
            source = await self._address(source.removeprefix("file:"), attachment.name)
        return await download(self._session, source, origins=self._origins, name=attachment.name)

    async def _address(self, file: str, name: str) -> str:
        try:
            async with translated():
                found = (await self._client.files_info(file=file))["file"]
        except (PlatformError, SlackApiError) as error:
            raise rejected(name, "Slack does not let the bot read it") from error
        known = next(files({"files": [found]}))
        if not known.source or known.source.startswith("file:"):
            raise rejected(name, "Slack gives no address for it")
        return known.source

    async def history(self, turn: Turn) -> tuple[Quote, ...]:
        target = turn.message.target
        if target.thread is None:
            return ()
        async with translated():
            try:
                found = await self._client.conversations_replies(
                    channel=target.channel, ts=target.thread, limit=100
                )
            except SlackApiError as error:
                if error.response.get("error") in USELESS:
                    raise MissingScope("Slack does not let the bot read this thread.") from error
                raise
        earlier = [m for m in found.get("messages") or () if m.get("ts", "") < turn.message.id]
        return tuple(
            Quote(
                author="the bot"
                if m.get("user") == self._us.user
                else str(m.get("user") or "a bot"),
                text=plain(m.get("text") or "", self._us),
                attachments=tuple(files(m)),
            )
            for m in earlier[-HISTORY:]
        )


def asked_by_slash(turn: Turn) -> bool:
    """A question from `/ai ask`: the bot repeats it in the channel, so that the thread has a root."""
    return turn.kind == "ask" and turn.message.id.startswith("slash-")


def _is_ts(message: str) -> bool:
    return message.replace(".", "", 1).isdigit()


def _thread(turn: Turn, part: int, parts: Mapping[int, str]) -> str | None:
    """The thread that a part goes to: below the repeated question, or where the turn says."""
    direct = turn.message.thread.channel.direct
    if asked_by_slash(turn) and not direct:
        return parts.get(0) if part else None
    return turn.message.target.thread


def _form(body: Body) -> dict[str, Any]:
    """The blocks of a message, and its plain summary for notifications."""
    blocks: list[dict[str, Any]] = []
    if body.text:
        blocks.append({"type": "markdown", "text": body.text})
    for note in body.footer:
        blocks.extend(_context(line) for line in _own(note))
    summary = body.text or "\n".join(body.footer)
    return {"blocks": blocks, "text": render.fallback(summary) or "…"}


def _own(words: str) -> list[str]:
    """Our own words for context blocks: at most 3,000 characters each, foreign markup inert."""
    escaped = render.escape(words)
    return [escaped[i : i + 2_900] for i in range(0, len(escaped), 2_900)] or ["…"]


def _context(words: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": words, "verbatim": True}]}
