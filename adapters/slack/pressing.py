"""The buttons below answers: a press is stored as a command of its presser, then acknowledged."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from adapters.platform import Button
from adapters.refusals import AWAY, Refusals, at_once
from adapters.slack.hooks import Hooks
from adapters.slack.listening import Listening
from adapters.slack.parse import Payload, foreign, place
from adapters.text.clean import clean
from bot.types import Author, Message, Target, Thread, checked_id, new_id

BUTTONS = re.compile("|".join(Button))


class Pressing:
    """Admits what people press. What comes back with a press is believed no more than anything that people send."""

    def __init__(self, listening: Listening, refusals: Refusals, hooks: Hooks) -> None:
        self._listening = listening
        self._refusals = refusals
        self._hooks = hooks
        self._us = listening.us

    def register(self, app: AsyncApp) -> None:
        app.action(BUTTONS)(self.on_button)

    async def on_button(self, ack: AsyncAck, body: dict[str, Any], action: dict[str, Any]) -> None:
        """A button below one of the bot's messages, or in a private one."""
        pressed = self._message(body, action)
        team = {"team": body["user"].get("team_id")}
        address = str(body.get("response_url") or "")

        async def admit() -> None:
            await self._listening.intake.press(
                pressed,
                str(action.get("value") or ""),
                actor=self._listening.actor(pressed.author.id, foreign(body, team, self._us)),
                secret=address,
            )

        refusal = await at_once(admit)  # Slack tells of no press twice
        if refusal == AWAY:
            self._refusals.withdraw(pressed.thread.channel, pressed.id)
        if refusal:
            self._hooks.tell_soon(address, refusal)
        await ack()

    def _message(self, body: Payload, action: Payload) -> Message:
        """The press as a command said in the thread of the answer; who presses is who Slack says."""
        user, where = checked_id(body["user"]["id"]), checked_id(body["channel"]["id"])
        told = {**(body.get("container") or {}), **(body.get("message") or {})}
        thread = told.get("thread_ts")
        channel = place(self._us, where)
        trigger = str(body.get("trigger_id") or new_id())
        press = "\n".join((trigger, user, where, str(action.get("action_ts"))))
        mark = "press-" + hashlib.sha256(press.encode()).hexdigest()[:32]
        return Message(
            id=mark,
            thread=Thread(channel, user),
            author=Author(user, clean(str(body["user"].get("username") or ""))),
            text=f"/{Button(action['action_id'])}",
            target=Target(where, thread=checked_id(thread) if thread else None),
            marks=(mark,),
        )
