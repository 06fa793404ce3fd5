"""A small chat platform for tests: it keeps what it is told, holds to its limits, and fails when it is asked to.

`Server` is what people see; each `Chat` is one adapter's way to it and implements the Protocol of a platform.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from redis.asyncio import Redis

from adapters.delivery import Delivery
from adapters.pace import Bucket, Paces, Rate
from adapters.platform import Action, Body, Limits
from bot.errors import AttachmentRejected, MessageGone, TooLong
from bot.reply import Replies, Shown
from bot.store import RedisError, Store
from bot.tasks import end
from bot.types import (
    Actor,
    Attachment,
    Author,
    Channel,
    Message,
    Phase,
    Quote,
    Scope,
    Target,
    Thread,
    Turn,
)
from bot.work import Grant, Outcome
from tests.inbox import BothSides

PATIENCE = 60.0  # s until a condition counts as never coming true
SWEEP = 0.05  # s between two sweeps of an adapter


@dataclass
class Posted:
    """A message as people see it; `shown` is all that it ever showed."""

    id: str
    channel: str
    turn: str
    part: int
    shown: list[str]

    @property
    def text(self) -> str:
        return self.shown[-1]


@dataclass
class Request:
    """What an adapter asked for."""

    action: str
    turn: str
    part: int
    text: str


@dataclass
class Server:
    """The channels of a workspace, and who said what to whom."""

    most: int = 10_000  # characters of a message, beyond which it is refused
    messages: dict[str, Posted] = field(default_factory=dict)
    deleted: list[Posted] = field(default_factory=list)
    private: list[tuple[str, str, str]] = field(default_factory=list)  # person, turn, words
    count: int = 0

    def texts(self, channel: str = "C1") -> list[str]:
        return [posted.text for posted in self.messages.values() if posted.channel == channel]

    def whole(self, turn: Turn) -> str:
        """The text of an answer, its messages joined."""
        return "".join(posted.text for posted in self.messages.values() if posted.turn == turn.id)


@dataclass
class Fault:
    action: str
    error: Exception | None
    applied: bool
    turn: str
    gate: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)


class Chat:
    """One adapter's way to the server."""

    name = "chat"

    def __init__(self, server: Server, *, size: int = 1000, interval: float = 0.02) -> None:
        self.server = server
        self.size = size  # characters of a message as it is rendered
        self.limits = Limits(interval=interval, working=0.02)
        self.rates: dict[str, Rate] = {}
        self._paces = Paces()
        self.requests: list[Request] = []
        self.looked: list[tuple[str, int]] = []
        self.in_flight: Counter[str] = Counter()
        self.most_in_flight: Counter[str] = Counter()
        self.signs: Counter[str] = Counter()
        self.signed_off: list[str] = []
        self.remembered: set[str] = set()  # turns that may have left something behind here
        self.people: dict[str, Actor] = {}
        self.files: dict[str, bytes | Exception] = {}
        self.quotes: tuple[Quote, ...] = ()
        self.met: set[str] = set()  # people whose names are wanted
        self._faults: list[Fault] = []

    # ---- what a test asks for ------------------------------------------------------------------------------

    def will(
        self,
        action: str,
        error: Exception,
        times: int = 1,
        *,
        applied: bool = False,
        turn: Turn | None = None,
    ) -> None:
        """The next requests of this kind fail; `applied`: they are done, and only the answer is lost."""
        who = turn.id if turn else ""
        self._faults += [Fault(action, error, applied, who) for _ in range(times)]

    def will_hold(self, action: str, turn: Turn | None = None) -> Fault:
        """The next request of this kind waits for `gate.set()`; `reached` says that it is there."""
        held = Fault(action, None, False, turn.id if turn else "", asyncio.Event())
        self._faults.append(held)
        return held

    def asked(self, action: str) -> list[Request]:
        return [request for request in self.requests if request.action == action]

    # ---- the Protocol --------------------------------------------------------------------------------------

    def render(self, turn: Turn, shown: Shown, *, shrink: int = 0) -> list[Body]:
        size = self.size >> shrink
        pieces = [shown.text[at : at + size] for at in range(0, len(shown.text), size)]
        bodies = [Body(piece) for piece in pieces]
        if shown.final and shown.notes:
            last = bodies.pop() if bodies else Body("")
            bodies.append(Body(last.text, shown.notes))
        return bodies

    def bucket(self, turn: Turn, action: Action, message: str | None = None) -> Bucket:
        rate = self.rates.get(action, Rate(10_000, 1.0, 10_000))
        return self._paces.bucket(f"{action} {turn.place}", rate)

    async def post(
        self, turn: Turn, part: int, body: Body, parts: Mapping[int, str], *, look: bool
    ) -> str:
        text = _text(body)
        async with self._asked("post", turn, part, text) as apply:
            if look:
                self.looked.append((turn.id, part))
                for known in self.server.messages.values():
                    if (known.turn, known.part) == (turn.id, part):
                        known.shown.append(text)
                        return known.id
            return apply(lambda: self._post(turn, part, text))

    def _post(self, turn: Turn, part: int, text: str) -> str:
        self.server.count += 1
        posted = Posted(f"M{self.server.count}", turn.message.target.channel, turn.id, part, [text])
        self.server.messages[posted.id] = posted
        return posted.id

    async def edit(self, turn: Turn, part: int, message: str, body: Body) -> None:
        text = _text(body)
        async with self._asked("edit", turn, part, text) as apply:
            posted = self.server.messages.get(message)
            if posted is None:
                raise MessageGone("The message is gone.")
            apply(lambda: posted.shown.append(text))

    async def delete(self, turn: Turn, message: str) -> None:
        async with self._asked("delete", turn, -1, "") as apply:
            apply(lambda: self._delete(message))

    def _delete(self, message: str) -> None:
        if posted := self.server.messages.pop(message, None):
            self.server.deleted.append(posted)

    async def notice(self, turn: Turn, words: str) -> None:
        async with self._asked("notice", turn, 0, words) as apply:
            apply(lambda: self.server.private.append((turn.message.author.id, turn.id, words)))

    async def working(self, turn: Turn, on: bool) -> None:
        async with self._asked("working", turn, 0, str(on)):
            if on:
                self.signs[turn.id] += 1
            else:
                self.signed_off.append(turn.id)

    def forget(self, turn_id: str) -> None:
        self.remembered.discard(turn_id)

    async def actor(self, turn: Turn) -> Actor:
        async with self._asked("actor", turn, 0, ""):
            author = turn.message.author
            return self.people.get(author.id) or Actor("chat", "T1", author.id, author.name)

    async def fetch(self, turn: Turn, attachment: Attachment) -> bytes:
        async with self._asked("fetch", turn, 0, attachment.source):
            found = self.files.get(attachment.source)
            if isinstance(found, Exception):
                raise found
            if found is None:
                raise AttachmentRejected(f"“{attachment.name}” is not there.")
            return found

    async def history(self, turn: Turn) -> tuple[Quote, ...]:
        async with self._asked("history", turn, 0, ""):
            return self.quotes

    async def meet(self, people: Collection[str]) -> None:
        self.met.update(people)

    @asynccontextmanager
    async def _asked(
        self, action: str, turn: Turn, part: int, text: str
    ) -> AsyncIterator[Callable[[Callable[[], object]], str]]:
        """A request: written down, held, failed or done."""
        self.requests.append(Request(action, turn.id, part, text))
        self.remembered.add(turn.id)
        fault = next(
            (f for f in self._faults if f.action == action and f.turn in ("", turn.id)), None
        )
        if fault is not None:
            self._faults.remove(fault)

        def apply(work: Callable[[], object]) -> str:
            if len(text) > self.server.most:
                raise TooLong("That is too long.")
            if fault is not None and fault.error is not None and not fault.applied:
                raise fault.error
            done = work()
            if fault is not None and fault.error is not None:
                raise fault.error
            return str(done)

        shows = action in ("post", "edit", "delete")
        if shows:
            self.in_flight[turn.id] += 1
            self.most_in_flight[turn.id] = max(
                self.in_flight[turn.id], self.most_in_flight[turn.id]
            )
        try:
            await asyncio.sleep(0)  # a request is never instantaneous
            if fault is not None and fault.gate is not None:
                fault.reached.set()
                await fault.gate.wait()
            if not shows and action != "notice" and fault is not None and fault.error is not None:
                raise fault.error
            yield apply
        finally:
            if shows:
                self.in_flight[turn.id] -= 1


def _text(body: Body) -> str:
    return body.text + "".join(f"\n-- {line}" for line in body.footer)


# ---- questions and answers ---------------------------------------------------------------------------------


def message(
    words: str = "why?",
    *,
    thread: str = "1.1",
    channel: str = "C1",
    id: str = "",
    only: str | None = None,
    person: str = "U1",
    direct: bool = False,
    **more: object,
) -> Message:
    where = Channel("chat", "T1", channel, direct=direct)
    name = id or f"m{next(_numbers)}"
    return Message(
        id=name,
        thread=Thread(where, thread),
        author=Author(person, "Ada"),
        text=words,
        target=Target(channel, thread, only=only),
        marks=(f"event-{name}", f"{channel}:{name}"),
        **more,  # type: ignore[arg-type]  # the fields of a message
    )


_numbers = iter(range(1, 1_000_000))

ADMIN = frozenset(Scope)


def admin(person: str = "U1") -> Actor:
    return Actor("chat", "T1", person, "Ada", powers=ADMIN)


class Pen:
    """A worker: it claims the head of a conversation, and writes."""

    def __init__(self, inbox: BothSides, replies: Replies) -> None:
        self.inbox = inbox
        self.replies = replies
        self._at: dict[int, int] = {}

    async def claim(self, turn: Turn) -> Grant:
        grant = await self.inbox.claim(turn.conversation)
        assert grant is not None
        assert grant.turn == turn.id
        return grant

    async def write(self, grant: Grant, words: str) -> None:
        data, at = words.encode(), self._at.get(grant.fence, 0)
        assert await self.replies.append(grant, at, data, "gpt-4o")
        self._at[grant.fence] = at + len(data)

    async def finish(
        self,
        grant: Grant,
        words: str,
        *,
        phase: Phase = Phase.ANSWERED,
        notes: tuple[str, ...] = (),
    ) -> None:
        outcome = Outcome(phase, words, alias="gpt-4o", notes=notes)
        assert await self.inbox.commit(grant, "0", outcome) == "done"

    async def answer(self, turn: Turn, words: str) -> None:
        await self.finish(await self.claim(turn), words)


@asynccontextmanager
async def delivering(delivery: Delivery) -> AsyncIterator[Delivery]:
    """The adapter as its process runs it, only that it sweeps more often."""

    async def sweep() -> None:
        while True:
            with suppress(RedisError, OSError):
                await delivery.sweep()
            await asyncio.sleep(SWEEP)

    tasks = [asyncio.create_task(delivery.hints()), asyncio.create_task(sweep())]
    try:
        yield delivery
    finally:
        await delivery.close(0.2)
        await end(*tasks)


class Shop:
    """A Redis, a worker's pen, a server, and adapters that show what is written."""

    def __init__(self, redis: Redis) -> None:
        store = Store(redis)
        self.inbox = BothSides(store)
        self.replies = Replies(store)
        self.pen = Pen(self.inbox, self.replies)
        self.server = Server()
        self.chat = Chat(self.server)
        self.ran: list[str] = []

    def delivery(self, chat: Chat | None = None, owner: str = "a", **more: float) -> Delivery:
        async def run(turn: Turn) -> str:
            self.ran.append(turn.id)
            return f"ran {turn.message.text} for the {self.ran.count(turn.id)}. time"

        options = {"pause": 0.02, **more}
        return Delivery(chat or self.chat, self.inbox, self.replies, run, owner, **options)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Delivery]:
        async with delivering(self.delivery()) as delivery:
            yield delivery

    async def ask(self, words: str = "why?", **more: object) -> Turn:
        turn = Turn.of(message(words, **more), "ask", at=0.0, model="gpt-4o")
        await self.inbox.admit(turn)
        return turn

    async def grows(self, words: str) -> tuple[Turn, Grant]:
        """A question, and the first words of its answer to be seen by all."""
        turn = await self.ask()
        grant = await self.pen.claim(turn)
        await self.pen.write(grant, words)
        await until(lambda: self.server.texts() == [words])
        return turn, grant

    async def tell(self, kind: str, sentence: str = "", **more: object) -> Turn:
        turn = Turn.of(message(**more), kind, at=0.0, sentence=sentence)
        await self.inbox.admit(turn)
        return turn

    async def owed(self) -> list[str]:
        return await self.replies.owed("chat")

    async def at_rest(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while await self.owed():
                await asyncio.sleep(0.005)

    async def stopped(self, grant: Grant) -> None:
        """Wait until the worker is told that nobody wants this answer any more."""
        async with asyncio.timeout(PATIENCE):
            while await self.inbox.renew(grant) != "stop":
                await asyncio.sleep(0.005)

    async def letters(self) -> list[dict[str, object]]:
        found = await self.inbox.store.redis.lrange(self.inbox.store.key("dead"), 0, -1)
        return [json.loads(letter) for letter in found]


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition of this process."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.003)
