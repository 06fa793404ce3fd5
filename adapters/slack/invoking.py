"""The slash command, and "Ask about this" with its form. Each is safe in Redis before it is acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.refusals import AWAY, Refusals, at_once
from adapters.slack.faults import translated
from adapters.slack.hooks import Hooks
from adapters.slack.listening import Listening, asked_by, met
from adapters.slack.manifest import SHORTCUT
from adapters.slack.parse import Heard, Payload, foreign, place, quoted, unescaped
from adapters.text.clean import clean
from bot.commands import Ask, Command, parse_slash
from bot.errors import NotAllowed, PlatformError, UserError
from bot.types import (
    Author,
    Channel,
    Message,
    Quote,
    Target,
    Thread,
    checked_id,
    decode,
    encode,
    new_id,
)

log = logging.getLogger(__name__)

FORM_TTL = 3_600  # s that an opened form may wait for its answer
PREFILLED = "Explain this"
TOO_OLD = "This form is too old. Please choose “Ask about this” again."
UNOPENED = "Slack did not let me open the form. Please choose “Ask about this” again."


class Invoking:
    """Admits what people ask by other ways than a message."""

    def __init__(
        self, listening: Listening, refusals: Refusals, client: AsyncWebClient, hooks: Hooks
    ) -> None:
        self._listening = listening
        self._refusals = refusals
        self._us = listening.us
        self._store = listening.store
        self._client = client
        self._hooks = hooks
        self._tasks: set[asyncio.Task[object]] = set()

    def register(self, app: AsyncApp, command: str) -> None:
        """The handlers of the command, of the message action and of its form."""
        app.command(command)(self.on_command)
        app.shortcut(SHORTCUT)(self.on_shortcut)
        app.view(SHORTCUT)(self.on_form)

    # ---- the slash command --------------------------------------------------------------------------

    async def on_command(self, ack: AsyncAck, command: dict[str, Any]) -> None:
        """`/ai …`: stored as a turn, then acknowledged without words; what it says comes as a private message. Slack
        tells of it once: where it cannot be stored now, the acknowledgement says so, and nothing comes of it."""
        said = unescaped(clean(str(command.get("text") or "")))
        wanted: Command | UserError
        try:
            wanted = parse_slash(said, command=command["command"])
        except UserError as error:
            wanted = error
        asked = self._slash_message(command, said, wanted)
        team = {"team": command.get("team_id")}

        async def admit() -> None:
            await self._listening.intake.receive(
                asked,
                actor=self._listening.actor(asked.author.id, foreign(command, team, self._us)),
                command=wanted,
                secret=str(command.get("response_url") or ""),
            )

        if (refusal := await at_once(admit)) == AWAY:  # and not full, which stores nothing
            self._refusals.withdraw(asked.thread.channel, asked.id)
        await ack(refusal or "")

    def _slash_message(self, command: Payload, said: str, wanted: Command | UserError) -> Message:
        """A question begins a conversation of its own under the bot's post; what else is said is about the channel."""
        user, where = checked_id(command["user_id"]), checked_id(command["channel_id"])
        channel = place(self._us, where)
        asks = isinstance(wanted, Ask) and not channel.direct
        # The trigger names the invocation; what was said goes in too, should a server's triggers not be unique.
        trigger = str(command.get("trigger_id") or new_id())
        invocation = "\n".join((trigger, user, where, said))
        mark = SLASH + hashlib.sha256(invocation.encode()).hexdigest()[:32]
        return Message(
            id=mark,
            thread=Thread(channel, asked_by(user) if asks else user),
            author=Author(user, clean(str(command.get("user_name") or ""))),
            text=wanted.prompt if isinstance(wanted, Ask) else f"/{said.strip() or 'help'}",
            target=Target(where),
            marks=(mark,),
            threadless=True,
        )

    # ---- "Ask about this" ---------------------------------------------------------------------------

    async def on_shortcut(self, ack: AsyncAck, shortcut: dict[str, Any]) -> None:
        """Keep what the form will be about, and open it beside the ack: its trigger lives three seconds."""
        address = str(shortcut.get("response_url") or "")
        where = place(self._us, checked_id(shortcut["channel"]["id"]))
        if (refusal := self._refusal(shortcut, where)) is not None:
            self._hooks.tell_soon(address, refusal)
            await ack()
            return
        about, token = shortcut["message"], new_id()
        kept = {
            "quote": encode(quoted(about, self._us)).decode(),
            "channel": where.id,
            "root": checked_id(about.get("thread_ts") or about["ts"]),
            "ours": self._us.wrote(about),
            "address": address,
        }
        name = self._store.key("form", token)

        async def keep() -> None:
            await self._store.redis.set(name, json.dumps(kept), ex=FORM_TTL)

        if refusal := await at_once(keep):
            self._hooks.tell_soon(address, refusal)
        else:
            self._later(self._open_form(shortcut["trigger_id"], token, address))
        await ack()

    def _refusal(self, payload: Payload, where: Channel) -> str | None:
        """Why this person may not ask here, if so."""
        user = payload["user"]
        external = foreign(payload, {"team": user.get("team_id")}, self._us)
        try:
            actor = self._listening.actor(checked_id(user["id"]), external)
            self._listening.intake.authorize(actor, where)
        except NotAllowed as error:
            return error.sentence
        return None

    async def _open_form(self, trigger: str, token: str, address: str) -> None:
        try:
            async with translated():
                await self._client.views_open(trigger_id=trigger, view=form(token))
        except (PlatformError, SlackApiError) as error:
            log.warning("form.unopened error=%s", type(error).__name__)
            await self._hooks.tell(address, UNOPENED)

    async def on_form(self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        """The form's question goes under the message that it is about. One that is refused stays open: sent off again
        it is the same question, whichever of the two arrives."""
        old = False

        async def admit() -> None:
            nonlocal old
            name = self._store.key("form", view["private_metadata"])
            about = _kept(await self._store.redis.get(name))
            old = about is None
            if about is not None:
                await self._receive(self._form_heard(body, view, about), about)

        if refusal := await at_once(admit) or (TOO_OLD if old else None):
            await ack(response_action="errors", errors={"question": refusal})
        else:
            await ack()

    async def _receive(self, said: Heard, about: Payload) -> None:
        async with self._listening.lines.of(said.channel.id):
            asked = await self._listening.addressed(said)
            if asked is not None:
                await self._listening.intake.receive(
                    replace(asked, quotes=(about["quote"],), history=False),
                    actor=self._listening.actor(said.author.id, said.external),
                    command=Ask(said.text or PREFILLED),
                    also_at=met(said),
                    secret=about["address"],
                )

    def _form_heard(self, body: Payload, view: Payload, about: Payload) -> Heard:
        """The form's words as if they had been said under the message."""
        user = body["user"]
        typed = view["state"]["values"]["question"]["words"].get("value")
        return Heard(
            channel=place(self._us, about["channel"]),
            ts=checked_id(f"form-{view['id']}"),
            thread_ts=about["root"],
            author=Author(checked_id(user["id"]), clean(str(user.get("username") or ""))),
            text=clean(str(typed or "")).strip(),
            attachments=(),
            quotes=(),
            mentioned=True,
            others=False,
            parent=self._us.user if about["ours"] else about["quote"].by or None,
            external=foreign(body, {"team": user.get("team_id")}, self._us),
            event="",
        )

    def _later(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


SLASH = "slash-"  # how the ids of questions and commands begin that no message of Slack's holds


def _kept(record: bytes | None) -> dict[str, Any] | None:
    """What a form is about; None where that is no longer known, or cannot be read."""
    try:
        about = json.loads(record or b"")
        return {**about, "quote": decode(Quote, about["quote"])}
    except (KeyError, TypeError, ValueError) as error:
        log.warning("form.unreadable kept=%s error=%s", record is not None, type(error).__name__)
        return None


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
                    "initial_value": PREFILLED,
                },
            }
        ],
    }
