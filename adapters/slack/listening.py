"""Messages, their edits and deletions, as Slack tells of them: each is safe in Redis before it is acknowledged."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse

from adapters.intake import Intake, Receipt
from adapters.slack.parse import Bot, Heard, Payload, by_person, heard, mark, message, place
from bot import dead
from bot.inbox import at_key
from bot.store import RedisError
from bot.types import Actor, Message, Target, Thread, Turn

log = logging.getLogger(__name__)

TWIN_SECONDS = 0.2  # a mention may lack the files that the message of the same post brings
YOUNG_SECONDS = (
    5.0  # a reply so soon after its thread's root may arrive before it, on the other socket
)
ROOT_SECONDS, ROOT_LOOKS = 0.3, 6  # what such a reply waits for its root, and how often it looks
UNHEARD_SECONDS, MOST_UNHEARD = 600.0, 1_000  # Slack has tried for the last time after six minutes
TOO_LATE = (
    "Slack told me of the files of your message only when I was answering it already. "
    "Please send them once more."
)


class Listening:
    """Admits what people say. Before the ack only the event and Redis are asked."""

    def __init__(self, intake: Intake, us: Bot, *, external_allowed: bool = False) -> None:
        self.intake = intake
        self.us = us
        self.store = intake.inbox.store
        self._external_allowed = external_allowed
        self._lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._twins: dict[str, asyncio.Event] = {}  # posts of which a mention waits for its twin
        self._unheard: dict[str, float] = {}  # mentions that Redis did not take → until when

    def register(self, app: AsyncApp) -> None:
        """The handlers of all events. `register_rest` comes last."""
        app.event("app_mention")(self.on_mention)
        app.event("message")(self.on_message)

    def register_rest(self, app: AsyncApp) -> None:
        """Every other kind of event is acknowledged too, and a fault decides whether its event comes again."""
        app.event(re.compile(r".*"))(self.on_anything)
        app.error(self.on_fault)

    async def on_anything(self) -> None:
        """An event that is none of ours: acknowledged, or Slack would count a failure and send it again."""

    async def on_fault(self, error: Exception, body: dict[str, Any]) -> BoltResponse | None:
        """Redis away: no ack, Slack delivers again. Anything else would fail again in the same way: it becomes a dead
        letter, and is acknowledged."""
        event = str(body.get("event_id") or body.get("trigger_id") or "unknown")
        if isinstance(error, RedisError | OSError | TimeoutError):
            log.warning("event.refused event=%s error=%s", event, type(error).__name__)
            return None
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        at = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "unknown"
        log.error("event.malformed event=%s error=%s at=%s", event, type(error).__name__, at)
        return BoltResponse(status=200) if await self.bury(event) else None

    async def bury(self, event: str) -> bool:
        """Keep a dead letter of a malformed event; where that cannot be, it is not to be acknowledged."""
        try:
            await dead.bury(self.store, dead.letter("malformed", event=event))
        except (RedisError, OSError) as error:
            log.warning("event.unburied event=%s error=%s", event, type(error).__name__)
            return False
        return True

    # ---- messages -----------------------------------------------------------------------------------

    async def on_mention(self, body: dict[str, Any]) -> None:
        """A mention arrives as a message too, which may tell more: where that comes at once, it goes first."""
        said = heard(body, self.us)
        if said is not None:
            await self._hear(said, waits=not said.attachments)

    async def on_message(self, body: dict[str, Any]) -> None:
        """A message becomes a turn, changes one, or is not for us."""
        match body["event"].get("subtype"):
            case "message_changed":
                await self._changed(body)
            case "message_deleted":
                await self._deleted(body["event"])
            case _:
                if (said := heard(body, self.us)) is not None:
                    await self._hear(said)
                    if (mention := self._twins.get(said.mark)) is not None:
                        mention.set()

    async def _hear(self, said: Heard, *, waits: bool = False) -> None:
        """A mention that Redis cannot take now comes again; what is said below it until then must not overtake it."""
        below = said.in_thread and not said.mentioned
        if below and self._unheard.get(mark(said.channel.id, said.root), 0.0) > time.monotonic():
            raise Unheard
        if below and said.after_root < YOUNG_SECONDS:
            await self._wait_for_root(said)
        try:
            if waits and await self._seen(said) is None:
                await self._wait_for_twin(said)
            await self._take(said)
        except (RedisError, OSError, TimeoutError):
            now = time.monotonic()
            self._unheard = {mark: until for mark, until in self._unheard.items() if until > now}
            if said.mentioned and len(self._unheard) < MOST_UNHEARD:
                self._unheard[said.mark] = now + UNHEARD_SECONDS
            raise
        self._unheard.pop(said.mark, None)

    async def _take(self, said: Heard) -> None:
        async with self.line(said.channel.id):
            asked = await self.addressed(said)
            if asked is None:
                return
            receipt = await self.intake.receive(
                asked, actor=self.actor(said.author.id, said.external), also_at=met(said)
            )
        if said.attachments and not receipt.new:
            await self._late_files(asked, receipt)

    def line(self, channel: str) -> asyncio.Lock:
        """A channel's events are looked at one at a time, in the order of arrival."""
        lock = self._lines.get(channel)
        if lock is None:
            lock = self._lines[channel] = asyncio.Lock()
        return lock

    async def _seen(self, said: Heard) -> str | None:
        return await self.intake.inbox.seen("slack", self.us.team, said.mark)

    async def _wait_for_twin(self, said: Heard) -> None:
        came = self._twins.setdefault(said.mark, asyncio.Event())
        try:
            await asyncio.wait_for(came.wait(), TWIN_SECONDS)
        except TimeoutError:
            log.debug("twin.missing event=%s", said.event)
        finally:
            self._twins.pop(said.mark, None)

    async def _wait_for_root(self, said: Heard) -> None:
        for _ in range(ROOT_LOOKS):
            root, _met = await self._known(said)
            if root is not None:
                return
            await asyncio.sleep(ROOT_SECONDS / ROOT_LOOKS)

    async def _late_files(self, asked: Message, receipt: Receipt) -> None:
        """The mention was admitted without the files that this twin of it brings: its author is told, once."""
        stored = await self.intake.inbox.load(receipt.turn)
        if stored is None or stored.turn is None or stored.turn.message.files:
            return
        notice = replace(
            asked,
            target=replace(asked.target, only=asked.author.id),
            marks=(f"late-{receipt.turn}",),
            attachments=(),
            history=False,
        )
        turn = Turn.of(notice, "notice", at=time.time(), sentence=TOO_LATE)
        await self.intake.inbox.admit(turn)  # the sweep finds it

    # ---- whom it is for -----------------------------------------------------------------------------

    async def addressed(self, said: Heard) -> Message | None:
        """The message if it is meant for the bot, in its conversation; else None."""
        if said.channel.direct:
            _, met_before = await self._known(said) if said.in_thread else (None, True)
            return self._message(said, self._direct(said), history=not met_before)
        if said.external and not self._external_allowed and not said.mentioned:
            return None  # refused where they ask, not at each word in a thread
        if not said.in_thread:
            thread = Thread(said.channel, said.root)
            return self._message(said, thread, history=False) if said.mentioned else None
        root, met_before = await self._known(said)
        ours = root is not None or said.parent == self.us.user
        if not said.mentioned and (not ours or said.others):
            return None
        thread = Thread(said.channel, root.rsplit(":", 1)[1] if root else said.root)
        return self._message(said, thread, history=not ours and not met_before)

    async def _known(self, said: Heard) -> tuple[str | None, bool]:
        """The conversation whose root the thread's root is, and whether the bot was asked in this thread before."""
        names = (said.root, *met(said))
        found = await self.store.redis.mget([self._at(said, name) for name in names])
        return found[0].decode() if found[0] else None, found[1] is not None

    def _at(self, said: Heard, name: str) -> str:
        return at_key(self.store, "slack", self.us.team, said.channel.id, name)

    def _direct(self, said: Heard) -> Thread:
        person = said.author.id
        return Thread(said.channel, f"{person}.{said.thread_ts}" if said.in_thread else person)

    def _message(self, said: Heard, thread: Thread, *, history: bool) -> Message:
        top = said.channel.direct and not said.in_thread
        return Message(
            id=said.ts,
            thread=thread,
            author=said.author,
            text=said.text,
            target=Target(said.channel.id, thread=None if top else said.root),
            marks=(said.mark, *([said.event] if said.event else [])),
            attachments=said.attachments,
            quotes=said.quotes,
            history=history,
        )

    def actor(self, user: str, external: bool) -> Actor:
        """Who asks, as far as the event says."""
        return Actor("slack", self.us.team, user, external=external)

    # ---- changes ------------------------------------------------------------------------------------

    async def _changed(self, body: Payload) -> None:
        """A person's edit. A preview that Slack added changes no words; a root that was deleted, but whose replies
        stay, is told of as a change too."""
        event = body["event"]
        now, before = event["message"], event.get("previous_message") or {}
        if now.get("subtype") == "tombstone":
            return await self._gone(event["channel"], now["ts"])
        if not by_person(now, self.us):
            return None
        where = {"channel": event["channel"], "channel_type": event.get("channel_type")}
        said = message(body, {**now, **where}, self.us)
        if before and said.text == message(body, {**now, **before, **where}, self.us).text:
            return None
        async with self.line(said.channel.id):
            return await self.intake.amend(said.channel, said.mark, said.text)

    async def _deleted(self, event: Payload) -> None:
        ts = event.get("deleted_ts") or event["previous_message"]["ts"]
        await self._gone(event["channel"], ts)

    async def _gone(self, channel: str, ts: str) -> None:
        where = place(self.us, channel)
        async with self.line(channel):
            await self.intake.amend(where, mark(channel, ts), None)


class Unheard(OSError):
    """The root of this thread was not admitted yet: Slack brings both again."""


def met(said: Heard) -> list[str]:
    """The name under which a thread is known in which the bot was asked once."""
    return [f"met-{said.root}"] if said.in_thread else []
