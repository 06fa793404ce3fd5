"""Turns what the simulated platforms, the model server and the wire tell into a history."""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from playground.discord.interactions import State
from tests.chaos.history import (
    Acknowledged,
    Admitted,
    Amended,
    Called,
    Canary,
    Claimed,
    Committed,
    History,
    Left,
    Retried,
    Seen,
)
from tests.chaos.house import WiredHouse
from tests.chaos.steps import Step
from tests.chaos.talks import EDITED

TURN = re.compile(rb"[0-9A-Z]{16}")
FOOTER = re.compile(r"^-# .*$", re.MULTILINE)  # Discord's small print
ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"), ("\u2060", ""))


class Recorder:
    """Watches a house for a history; `talks` and `questions` say which places and messages are whose."""

    def __init__(self, house: WiredHouse, history: History) -> None:
        self._house = house
        self._history = history
        self.rooms: dict[str, int] = {}  # a channel's id → its talk
        self.questions: dict[str, int] = {}  # a person's message or interaction → its question
        self.open: dict[int, float] = {}  # who waits for an answer → since when
        self._texts: defaultdict[int, dict[str, str]] = defaultdict(dict)  # of each message
        self._claimed: set[int] = set()
        self._committed: set[int] = set()
        self._spent: set[bytes] = set()  # the product's names of what was committed
        self._turns: dict[bytes, int] = {}  # the product's name of a question → its number
        self._retries: set[bytes] = set()  # those of them that were asked again
        self._asked_at: dict[int, float] = {}
        self._admitted: set[int] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Recorder:
        self._slack: asyncio.Queue[Any] = asyncio.Queue()
        self._house.slack.subscribe(self._slack)
        self._discord = self._house.discord.feed.subscribe()
        self._house.wire.told.append(self._step)
        self._tasks = [
            asyncio.create_task(self._follow(self._slack, self._on_slack)),
            asyncio.create_task(self._follow(self._discord, self._on_discord)),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        self._house.wire.told.remove(self._step)
        self._house.slack.unsubscribe(self._slack)
        self._house.discord.feed.unsubscribe(self._discord)

    def told(self, question: int) -> str:
        """What is to be seen of its answer now."""
        return "".join(self._texts[question].values()).strip()

    def admitted(self, question: int) -> bool:
        return question in self._admitted

    def claimed(self, question: int) -> bool:
        return question in self._claimed

    def committed(self, question: int) -> bool:
        return question in self._committed

    def finish(self, left: dict[str, list[str]]) -> None:
        """What is known only at the end: acks, the model's requests, what still thinks, what is left over."""
        for event in self._house.slack.events:
            canary = Canary.last_in(str(event.payload))
            if event.acks and canary is not None:
                self._history.add(Acknowledged(time.monotonic(), canary.question))
        for interaction in self._house.discord.interactions.by_id.values():
            question = self.questions.get(interaction.id)
            if question is not None and interaction.state in (State.DEFERRED, State.ANSWERED):
                self._history.add(Acknowledged(time.monotonic(), question))
        for request in self._house.models.requests:
            if request.request is None:
                continue
            people = [m.text for m in request.request.said if m.role == "user"]
            said = [canary for words in people for canary in _once(words)]
            if said:
                own, edited = said[-1], EDITED in people[-1]
                self._history.add(
                    Called(request.started, own.talk, own.question, tuple(said), edited)
                )
        for (channel, thread), status in self._house.slack.statuses.items():
            if status.text:
                place = f"{channel}/{thread}"
                talk = self.rooms.get(channel)
                self._history.add(Seen(time.monotonic(), place, "status", talk=talk, thinking=True))
        for what, members in left.items():
            self._history.add(Left(what, tuple(members)))

    # ---- the wire -----------------------------------------------------------------------------------------

    def _step(self, step: Step) -> None:
        handle = getattr(self, f"_on_{step.name.lower()}", None)
        if handle is not None:
            handle(step)

    def _on_admit(self, step: Step) -> None:
        record = b" ".join(step.words)
        canary = next(iter(Canary.all_in(record.decode("utf-8", "replace"))), None)
        if canary is None:
            return
        question = canary.question
        self._asked_at.setdefault(question, step.at)
        if _outcome(step) not in (b"new", b"again"):
            return
        # Whatever an earlier try was named, Redis says which one counts.
        self._turns[turn := bytes(step.reply[1])] = question
        if b'"retries":"' in record and turn not in self._retries:
            self._retries.add(turn)
            self._history.add(Retried(step.at, question))
        line = _line(step.words)
        at = step.replied_at or step.at
        event = Admitted(question, self._asked_at[question], at, line)
        if question not in self._admitted:
            self._admitted.add(question)
            self._history.add(event)

    def _on_claim(self, step: Step) -> None:
        if _outcome(step) == b"granted":
            named = [word for word in step.reply if isinstance(word, bytes) and word in self._turns]
            question = self._turns[named[0]] if named else None
            if question is not None:
                self._claimed.add(question)
                self._history.add(Claimed(step.replied_at or step.at, question, step.slot))

    def _on_commit(self, step: Step) -> None:
        if _outcome(step) in (b"done", b"again"):
            for word in step.words:
                if TURN.fullmatch(word) and word in self._turns:
                    at = step.replied_at or step.at
                    self._committed.add(self._turns[word])
                    if word not in self._spent:
                        self._spent.add(word)
                        self._history.add(Committed(at, self._turns[word]))
                    return

    def _on_amend(self, step: Step) -> None:
        turn, _, how, *_ = step.words[3 + int(step.words[2]) :]  # after the keys
        question = self._turns.get(turn)
        if question is None:
            return
        kind: Any = how.decode()
        state = (_outcome(step) or b"").decode()
        self._history.add(Amended(step.replied_at or step.at, question, kind, state))
        if kind != "edit":
            self.open.pop(question, None)

    # ---- what is seen -----------------------------------------------------------------------------------------

    async def _follow(self, queue: asyncio.Queue[Any], handle: Any) -> None:
        while True:
            handle(await queue.get())

    def _on_slack(self, change: dict[str, Any]) -> None:
        kind = str(change["kind"])
        if not kind.startswith(("message_", "private_")):
            return
        place, message = change["channel"], str(change["ts"])
        talk = self.rooms.get(place)
        if kind.endswith("_deleted"):
            self._history.add(Seen(time.monotonic(), place, message, talk=talk))
            return
        body = change["message"]
        if body.get("user") != self._house.slack.world.app.bot_user:
            return
        kept = self._house.slack.find(place, message) if kind.startswith("message_") else None
        payload = (kept.metadata or {}).get("event_payload", {}) if kept is not None else {}
        question = self._turns.get(str(payload.get("turn", "")).encode())
        blocks = body.get("blocks", [])
        text = "".join(b["text"] for b in blocks if b["type"] == "markdown")
        notes = " ".join(
            part["text"] for b in blocks if b["type"] == "context" for part in b["elements"]
        )
        private = kind.startswith("private_")
        if not Canary.all_in(text):  # words of the bot's own, in any form
            text, notes = "", notes or text or str(body.get("text", ""))
        self._see(
            Seen(
                time.monotonic(),
                place,
                message,
                _plain(text),
                notes,
                question,
                talk,
                private=private,
            )
        )

    def _see(self, seen: Seen) -> None:
        self._history.add(seen)
        canary = Canary.last_in(seen.text)
        if canary is None:
            return
        self._texts[canary.question][seen.message] = seen.text
        if seen.text.rstrip().endswith("ends."):
            self.open.pop(canary.question, None)

    def _on_discord(self, change: dict[str, Any]) -> None:
        kind, place = change["kind"], str(change.get("channel", ""))
        talk = self.rooms.get(place)
        if kind == "message_deleted":
            self._history.add(Seen(time.monotonic(), place, str(change["id"]), talk=talk))
            return
        if kind != "message":
            return
        body = change["message"]
        if body["author"]["id"] != self._house.discord.world.bot.id:
            return
        cause, quoted = body.get("cause") or {}, body.get("reply_to") or {}
        question = self.questions.get(str(cause.get("id") or quoted.get("id") or ""))
        content = str(body["content"])
        text, notes = FOOTER.sub("", content).strip(), " ".join(FOOTER.findall(content))
        if not Canary.all_in(text):  # words of the bot's own, in any form
            text, notes = "", content
        self._see(
            Seen(
                time.monotonic(),
                place,
                str(body["id"]),
                text,
                notes,
                question,
                talk,
                thinking=bool(body["thinking"]),
                private=body["only_for"] is not None
                or self._house.discord.world.channels[place].is_dm,
            )
        )


def _outcome(step: Step) -> bytes | None:
    """The word that a script answers with, alone or before others; None as long as it has not answered."""
    reply = step.reply
    return reply[0] if isinstance(reply, list) and reply else reply


def _line(words: list[bytes]) -> str:
    """What the product takes for the question's conversation: what the key of its inbox ends in."""
    for word in words:
        head, found, tail = word.partition(b":inbox:")
        if found and head:
            return tail.decode()
    return ""


def _plain(text: str) -> str:
    for entity, character in ENTITIES:
        text = text.replace(entity, character)
    return text


def _once(text: str) -> Iterator[Canary]:
    """The canary of a person's message: what it quotes comes before its own words."""
    canary = Canary.last_in(text)
    if canary is not None:
        yield canary
