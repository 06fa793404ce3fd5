"""Messages, their edits and deletions, as Slack tells of them: each is safe in Redis before it is acknowledged."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse

from adapters.intake import NO_MEMORY, Intake, Receipt
from adapters.lines import Lines
from adapters.slack.parking import Parking, awaited, read
from adapters.slack.parse import (
    Bot,
    Heard,
    Payload,
    by_person,
    foreign,
    heard,
    mark,
    message,
    place,
)
from bot import dead
from bot.errors import BotError, NotAllowed
from bot.inbox import at_key
from bot.names import Names
from bot.store import FullError, RedisError
from bot.types import Actor, Author, Channel, Message, Target, Thread, Turn, checked_id, new_id

log = logging.getLogger(__name__)

TWIN_SECONDS = 0.2  # a mention may lack the files that the message of the same post brings
MOST_NOTED = 1_000  # posts, channels
_ASK = "ask-"  # how the ids of threads below slash commands' questions begin
TOO_LATE = (
    "Slack told me of the files of your message only when I was answering it already. "
    "Please send them once more."
)


class Listening:
    """Admits what people say. Before the ack only the event and Redis are asked."""

    def __init__(
        self,
        intake: Intake,
        us: Bot,
        notice: Callable[[Turn, str], Awaitable[None]],
        *,
        external_allowed: bool = False,
    ) -> None:
        """`notice` says something to a turn's author at once."""
        self.intake = intake
        self.us = us
        self._notice = notice
        self._told: dict[str, None] = {}  # posts whose author knows that Redis is full
        self.store = intake.inbox.store
        self._external_allowed = external_allowed
        self._parking = Parking(self.store, us.team)
        self._names = Names(self.store)
        self.lines = Lines()  # a channel's events are looked at in the order of arrival
        self._twins: dict[str, asyncio.Event] = {}  # posts of which a mention waits for its twin
        self._lone: dict[str, None] = {}  # channels in which mentions come without twins

    def register(self, app: AsyncApp) -> None:
        """The handlers of all events. `register_rest` comes last."""
        app.event("app_mention")(self.on_mention)
        app.event("message")(self.on_message)
        app.event("agent_session_stopped")(self.on_stop)

    def register_rest(self, app: AsyncApp) -> None:
        """Every other kind of event is acknowledged too, and a fault decides whether its event comes again."""
        app.event(re.compile(r".*"))(self.on_anything)
        app.error(self.on_fault)

    async def on_anything(self) -> None:
        """An event that is none of ours: acknowledged, or Slack would count a failure and send it again."""

    async def on_fault(self, error: Exception, body: dict[str, Any]) -> BoltResponse | None:
        """Redis away: no ack, Slack delivers again. Anything else would fail again in the same way: it becomes a dead
        letter, and is acknowledged once that is kept."""
        event = str(body.get("event_id") or body.get("trigger_id") or "unknown")
        if isinstance(error, RedisError | OSError | TimeoutError):
            log.warning("event.refused id=%s error=%s", event, type(error).__name__)
            return None
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else "unknown"
        log.error("event.malformed id=%s error=%s where=%s", event, type(error).__name__, where)
        return BoltResponse(status=200) if await dead.malformed(self.store, event) else None

    # ---- messages -----------------------------------------------------------------------------------

    async def on_mention(self, body: dict[str, Any]) -> None:
        """A mention arrives as a message too, which may tell more: where that comes at once, it goes first."""
        said = heard(body, self.us)
        if said is not None:
            waits = not said.attachments and said.channel.id not in self._lone
            await self._hear(said, waits=waits)

    async def on_message(self, body: dict[str, Any]) -> None:
        """A message becomes a turn, changes one, or is not for us."""
        self._lone.pop(body["event"].get("channel"), None)
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
        if waits and await self._heard_by_twin(said):
            return  # the twin told no less
        async with self.lines.of(said.channel.id):
            await self._take(said)

    async def _take(self, said: Heard) -> None:
        """Admit it, or let it wait for its root. What waits already goes first; what waits for this very root, after
        it."""
        asked = await self.addressed(said)
        if asked is None and self._waits_for_root(said) and not await self._parking.park(said):
            asked = await self.addressed(said)  # the root became known meanwhile
        if asked is None:
            return
        if awaited(said):
            await self._resume(said.channel, said.root)
        await self._admit(said, asked)
        if not (said.in_thread or said.channel.direct):
            await self._resume(said.channel, said.root)

    async def _admit(self, said: Heard, asked: Message) -> None:
        try:
            receipt = await self.intake.receive(
                asked, actor=self.actor(said.author.id, said.external), also_at=met(said)
            )
        except FullError as full:
            if await self._seen(said) is None:
                await self._no_memory(said, asked, full)
            return
        if said.attachments and not receipt.new:
            await self._late_files(asked, receipt)

    async def _no_memory(self, said: Heard, asked: Message, full: FullError) -> None:
        """Redis is full, and would be when Slack delivers again: the author is told, once. Where that cannot be, it is
        not acknowledged."""
        if said.mark in self._told:
            return
        log.warning("event.no_memory id=%s", said.event)
        _note(self._told, said.mark)
        try:
            await self._notice(Turn.of(asked, "notice", at=time.time()), NO_MEMORY)
        except BotError:
            self._told.pop(said.mark, None)
            raise full from None

    async def resume(self, channel: str, root: str) -> None:
        """A message of ours is known as a root now: what was said below it is admitted."""
        async with self.lines.of(channel):
            await self._resume(place(self.us, channel), root)

    async def _resume(self, channel: Channel, root: str) -> None:
        """Admit what waits below a root that is known, in the order in which it was said. What is edited or deleted
        meanwhile is found once more, and amended."""
        looked_at: set[str] = set()
        while waiting := await self._parking.below(channel.id, root):
            for ts, kept in waiting:
                said = read(kept)
                if ts in looked_at:
                    words = said.text if said else None
                    await self.intake.amend(channel, mark(channel.id, ts), words)
                elif said is not None and (asked := await self.addressed(said)) is not None:
                    await self._admit(said, asked)
                looked_at.add(ts)
                await self._parking.leave(channel.id, root, ts, kept)

    async def _seen(self, said: Heard) -> str | None:
        return await self.intake.inbox.seen("slack", self.us.team, said.mark)

    async def _heard_by_twin(self, said: Heard) -> bool:
        """Whether a mention that is new was admitted by its twin while it waited for it. The twin's own event is told
        of again where what follows its admission fails. In a channel whose messages Slack does not tell of, one mention
        waits in vain, and the later ones not at all."""
        if await self._seen(said) is not None:
            return False
        await self._wait_for_twin(said)
        return await self._seen(said) is not None

    async def _wait_for_twin(self, said: Heard) -> None:
        came = self._twins.setdefault(said.mark, asyncio.Event())
        try:
            await asyncio.wait_for(came.wait(), TWIN_SECONDS)
        except TimeoutError:
            log.debug("twin.missing id=%s", said.event)
            _note(self._lone, said.channel.id)
        finally:
            self._twins.pop(said.mark, None)

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
        asked = self._message(said, thread, history=root is None and not met_before)
        return asked if root is None else replace(asked, others=await self._others(said, thread))

    async def _others(self, said: Heard, thread: Thread) -> tuple[str, ...]:
        """Who began a conversation of ours, if that is another person than asks now, and somebody's name is not known
        yet. In a thread of one person, or of strangers that the bot was called into, nobody's is asked for."""
        began = _asker(thread) or said.parent
        if began in (None, said.author.id, self.us.user):
            return ()
        both = (said.author.id, began)
        known = await self._names.of("slack", self.us.team, both)
        return () if len(known) == len(both) else (began,)

    def _waits_for_root(self, said: Heard) -> bool:
        """Whether it is for the bot if the thread's root is, of which Slack may tell later: nobody is addressed."""
        refused = said.external and not self._external_allowed
        return awaited(said) and not (said.mentioned or said.others or refused)

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

    async def on_stop(self, body: dict[str, Any]) -> None:
        """Slack's own stop button was pressed: the same as if whoever pressed it had said so in the thread."""
        event = body["event"]
        channel, root = place(self.us, checked_id(event["channel"])), checked_id(event["thread_ts"])
        person = checked_id(event["user"])
        name = at_key(self.store, "slack", self.us.team, channel.id, root)
        known = None if channel.direct else await self.store.redis.get(name)
        own = f"{person}.{root}" if channel.direct else root
        asked = Message(
            id=checked_id(event["event_ts"]),
            thread=Thread(channel, known.decode().rsplit(":", 1)[1] if known else own),
            author=Author(person),
            text="/stop",
            target=Target(channel.id, thread=root),
            marks=(checked_id(body["event_id"]),),
        )
        async with self.lines.of(channel.id):
            await self.intake.receive(
                asked, actor=self.actor(person, foreign(body, event, self.us))
            )

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
        try:
            self.intake.authorize(self.actor(said.author.id, said.external), said.channel)
        except NotAllowed:
            return None
        return await self._amend(said.channel, said.ts, said.root, said.text)

    async def _deleted(self, event: Payload) -> None:
        before = event.get("previous_message") or {}
        ts = event.get("deleted_ts") or before["ts"]
        await self._gone(event["channel"], ts, before.get("thread_ts"))

    async def _gone(self, channel: str, ts: str, root: str | None = None) -> None:
        await self._amend(place(self.us, channel), ts, checked_id(root or ts), None)

    async def _amend(self, channel: Channel, ts: str, root: str, words: str | None) -> None:
        """What waits for its root is looked at first: whoever admits it in between sees that it has changed."""
        async with self.lines.of(channel.id):
            if root != ts:
                await self._parking.amend(channel.id, root, ts, words)
            await self.intake.amend(channel, mark(channel.id, ts), words)


def _note(notes: dict[str, None], name: str) -> None:
    """Remember a name, and forget the oldest where there are too many."""
    notes[name] = None
    if len(notes) > MOST_NOTED:
        del notes[next(iter(notes))]


def met(said: Heard) -> list[str]:
    """The name under which a thread is known in which the bot was asked once."""
    return [f"met-{said.root}"] if said.in_thread else []


def asked_by(user: str) -> str:
    """The id of the thread below a slash command's question: it tells who asked, which the root, our own, does not."""
    return f"{_ASK}{user}-{new_id()}"


def _asker(thread: Thread) -> str | None:
    """Who asked the question that is the thread's root, if that was by a slash command."""
    name = thread.id.removeprefix(_ASK)
    return name.rpartition("-")[0] if name != thread.id else None
