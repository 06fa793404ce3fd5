"""Every door of Slack: events, the slash command, the shortcut and its form. Each admits before it is acknowledged."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from dataclasses import replace
from typing import Any

from bot.commands import Ask, Command, parse_slash
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.intake import Intake, Receipt
from adapters.slack.manifest import SHORTCUT
from adapters.slack.parse import Bot, Heard, Payload, files, foreign, heard, message, place, plain
from bot.conversation import Conversations
from bot.errors import UserError
from bot.inbox import at_key
from bot.types import (
    Actor,
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

FORM_TTL = 3600  # s that an opened form may wait for its answer


class Listening:
    """Admits what people say in Slack. Before the ack only the event and Redis are asked."""

    def __init__(
        self, intake: Intake, conversations: Conversations, us: Bot, client: AsyncWebClient
    ) -> None:
        self._intake = intake
        self._conversations = conversations
        self._us = us
        self._client = client
        self._store = intake.inbox.store
        self._tasks: set[asyncio.Task[None]] = set()

    def register(self, app: AsyncApp, command: str) -> None:
        """All handlers of the app; the last one acknowledges every other kind of event."""
        app.event("app_mention")(self.on_message)
        app.event("message")(self.on_message)
        app.command(command)(self.on_command)
        app.shortcut(SHORTCUT)(self.on_shortcut)
        app.view(SHORTCUT)(self.on_form)
        app.event(re.compile(r".*"))(self.on_anything)

    async def on_anything(self) -> None:
        """An event that is none of ours: acknowledged, or Slack would count a failure and send it again."""

    # ---- messages -----------------------------------------------------------------------------------

    async def on_message(self, body: dict[str, Any]) -> None:
        """A mention or a message becomes a turn, changes one, or is not for us."""
        event = body["event"]
        if event.get("subtype") == "message_changed":
            await self._changed(body)
        elif event.get("subtype") == "message_deleted":
            await self._deleted(event)
        elif (said := heard(body, self._us)) is not None:
            asked = await self._addressed(said)
            if asked is not None:
                await self._receive(asked, said)

    async def _addressed(self, said: Heard) -> Message | None:
        """The message if it is meant for the bot, in its conversation; else None."""
        mentioned = self._us.user in said.mentions
        if said.channel.direct:
            return self._message(said, self._direct(said), history=False)
        if said.in_thread:
            root, met = await self._known(said)
            ours = root is not None or said.parent == self._us.user
            for_others = bool(said.mentions) and not mentioned
            if not mentioned and (not ours or for_others):
                return None
            thread = Thread(said.channel, root.rsplit(":", 1)[1] if root else said.root)
            return self._message(said, thread, history=not ours and not met)
        if not mentioned:
            return None
        return self._message(said, Thread(said.channel, said.root), history=False)

    async def _known(self, said: Heard) -> tuple[str | None, bool]:
        """The conversation whose root the thread's root is, and whether the bot was asked in this thread before."""
        names = (said.root, _met(said.root))
        found = await self._store.redis.mget([self._at(said, name) for name in names])
        return found[0].decode() if found[0] else None, found[1] is not None

    def _at(self, said: Heard, name: str) -> str:
        channel = said.channel
        return at_key(self._store, channel.platform, channel.workspace, channel.id, name)

    def _direct(self, said: Heard) -> Thread:
        person = said.author.id
        return Thread(said.channel, f"{person}.{said.thread_ts}" if said.in_thread else person)

    def _message(self, said: Heard, thread: Thread, *, history: bool) -> Message:
        channel = said.channel
        top = channel.direct and not said.in_thread
        return Message(
            id=said.ts,
            thread=thread,
            author=said.author,
            text=said.text,
            target=Target(channel.id, thread=None if top else said.root),
            marks=(f"{channel.id}:{said.ts}", *([said.event] if said.event else [])),
            attachments=said.attachments,
            history=history,
        )

    async def _receive(self, asked: Message, said: Heard) -> Receipt:
        also = [_met(said.root)] if said.in_thread else []
        return await self._intake.receive(
            asked, actor=self._actor(said.author.id, said.external), also_at=also
        )

    def _actor(self, user: str, external: bool) -> Actor:
        return Actor("slack", self._us.team, user, external=external)

    async def _changed(self, body: Payload) -> None:
        """A person's edit; a preview that Slack added changes no words and is ignored."""
        event = body["event"]
        now, before = event.get("message") or {}, event.get("previous_message") or {}
        if now.get("subtype") == "tombstone":  # a deleted root whose replies stay
            return await self._deleted({**event, "deleted_ts": now.get("ts")})
        if now.get("user") == self._us.user or not now.get("user"):
            return None
        if now.get("text") == before.get("text"):
            return None
        said = message(body, {**now, "channel": event["channel"]}, self._us)
        return await self._intake.amend(said.channel, f"{said.channel.id}:{said.ts}", said.text)

    async def _deleted(self, event: Payload) -> None:
        ts = event.get("deleted_ts") or (event.get("previous_message") or {}).get("ts")
        if ts:
            channel = place(self._us.team, event["channel"])
            await self._intake.amend(channel, f"{event['channel']}:{ts}", None)

    # ---- the slash command --------------------------------------------------------------------------

    async def on_command(self, ack: AsyncAck, command: dict[str, Any]) -> None:
        """`/ai …`: stored as a turn, then acknowledged without words; what it says comes as a private message."""
        words = str(command.get("text") or "")
        wanted: Command | UserError
        try:
            wanted = parse_slash(words, command=command.get("command") or "/ai")
        except UserError as error:
            wanted = error
        asked = self._slash_message(command, words, wanted)
        external = foreign(command, {"team": command.get("user_team_id")}, self._us)
        actor = self._actor(asked.author.id, external)
        await self._intake.receive(
            asked, actor=actor, command=wanted, secret=command.get("response_url", "")
        )
        await ack()

    def _slash_message(self, command: Payload, words: str, wanted: Command | UserError) -> Message:
        user, where = command["user_id"], command["channel_id"]
        direct = where.startswith("D")
        channel = place(self._us.team, where, direct=direct)
        asks = isinstance(wanted, Ask)
        mark = command.get("trigger_id") or new_id()
        return Message(
            id=f"slash-{re.sub(r'[^A-Za-z0-9._-]', '-', mark)[:56]}",
            thread=Thread(channel, user if direct else f"ask-{new_id()}" if asks else user),
            author=Author(user, str(command.get("user_name") or "")),
            text=wanted.prompt if isinstance(wanted, Ask) else f"/{words.strip() or 'help'}",
            target=Target(where),
            marks=(f"slash-{mark}",),
        )

    # ---- "Ask about this" ---------------------------------------------------------------------------

    async def on_shortcut(self, ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        """Keep what the form will be about, and open it beside the ack: its trigger lives three seconds."""
        about = shortcut.get("message") or {}
        token = new_id()
        quote = Quote(
            author=str(about.get("user") or "a bot"),
            text=plain(about.get("text") or "", self._us),
            attachments=tuple(files(about)),
        )
        root = str(about.get("thread_ts") or about.get("ts"))
        kept = {
            "quote": encode(quote).decode(),
            "channel": shortcut["channel"]["id"],
            "root": root,
            "ours": about.get("user") == self._us.user,
        }
        await self._store.redis.set(self._store.key("form", token), json.dumps(kept), ex=FORM_TTL)
        self._later(self._open_form(shortcut["trigger_id"], token))
        await ack()

    async def _open_form(self, trigger: str, token: str) -> None:
        try:
            await self._client.views_open(trigger_id=trigger, view=form(token))
        except (SlackApiError, SlackClientError, OSError, TimeoutError) as error:
            log.warning("form.unopened error=%s", type(error).__name__)

    async def on_form(self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        """The form's question goes under the message that it is about."""
        kept = await self._store.redis.get(self._store.key("form", view["private_metadata"]))
        values = view["state"]["values"]
        words = str(values["question"]["words"].get("value") or "").strip()
        if kept is None:
            await ack(
                response_action="errors",
                errors={"question": "This form is too old. Please choose “Ask about this” again."},
            )
            return
        about = json.loads(kept)
        user = body["user"]["id"]
        channel = place(self._us.team, about["channel"], direct=about["channel"].startswith("D"))
        quote = decode(Quote, about["quote"])
        external = foreign(body, {"team": body["user"].get("team_id")}, self._us)
        said = Heard(
            channel=channel,
            ts=f"form-{view['id']}",
            thread_ts=about["root"],
            author=Author(user, str(body["user"].get("username") or "")),
            text=words,
            attachments=(),
            mentions=frozenset({self._us.user}),
            parent=self._us.user if about["ours"] else None,
            external=external,
            group=False,
            event="",
        )
        asked = await self._addressed(said)
        if asked is not None:
            asked = replace(asked, quotes=(quote,), history=False)
            await self._intake.receive(
                asked,
                actor=self._actor(user, external),
                command=Ask(words or "Explain this"),
                also_at=[_met(said.root)],
            )
        await ack()

    def _later(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _met(root: str) -> str:
    """The name under which a thread is known in which the bot was asked once."""
    return f"met-{root}"


def form(token: str) -> dict[str, Any]:
    """The modal of "Ask about this", prefilled."""
    return {
        "type": "modal",
        "callback_id": SHORTCUT,
        "private_metadata": token,
        "title": {"type": "plain_text", "text": "Ask about this"},
        "submit": {"type": "plain_text", "text": "Ask"},
        "close": {"type": "plain_text", "text": "Cancel"},
        "blocks": [
            {
                "type": "input",
                "block_id": "question",
                "label": {"type": "plain_text", "text": "Your question"},
                "element": {
                    "type": "plain_text_input",
                    "action_id": "words",
                    "multiline": True,
                    "initial_value": "Explain this",
                },
            }
        ],
    }
