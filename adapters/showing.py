"""One reply becomes the messages of its platform: always the latest text, one request at a time, until it is whole."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

from adapters.pace import Bucket, Promise, Rank
from adapters.platform import Action, Body, Platform
from bot.errors import BotError, Outgrown, PlaceGone, PlatformBusy, TooLong
from bot.reply import Replies, Shown
from bot.types import Phase, Turn

log = logging.getLogger(__name__)

SHRINKS = 4  # halvings of a message that the platform finds too long
DELAY, MOST_DELAY = (
    0.5,
    15.0,
)  # s before a request that came to nothing is made again, doubled each time
LEAST_DELAY = 0.05  # s, whatever a platform says
BLANK = "The answer has come, but there is nothing in it that can be shown."

T = TypeVar("T")
Render = Callable[[Shown, int], Sequence[Body]]  # what there is to show, and how often halved


@dataclass(slots=True)
class Place:
    """A platform channel that this adapter may own, under its own name."""

    owner: str
    fence: int = 0
    until: float = 0.0  # monotonic; requests may start before it
    users: int = 0  # turns of ours there

    @property
    def owned(self) -> bool:
        return self.fence > 0 and time.monotonic() < self.until

    def owned_since(self, fence: int) -> bool:
        """Whether nobody else sent here since this adapter did under that fence."""
        return self.owned and self.fence == fence


@dataclass(slots=True)
class Tracked:
    """A turn that this adapter looks after."""

    moved: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(
        default_factory=asyncio.Event
    )  # its final text is there, or we end
    ran: asyncio.Event = field(default_factory=asyncio.Event)  # there is no command left to run
    over: bool = False  # it is owed no more
    leaving: bool = False  # only what is whole is still shown
    late: bool = False  # a request of ours may have left when another adapter sent here already
    task: asyncio.Task[None] | None = None


class Superseded(OSError):
    """Another adapter sends to this channel now: it leaves the turn where it is."""


@dataclass(frozen=True, slots=True)
class _Change:
    """The next request that brings the messages nearer to the reply."""

    part: int
    body: Body | None  # None: the part's message goes
    message: str | None  # None: the part has no message yet

    @property
    def action(self) -> Action:
        return "post" if self.message is None else "edit"


class Showing:
    """The messages of one turn, as far as this adapter knows them."""

    def __init__(
        self,
        platform: Platform,
        replies: Replies,
        turn: Turn,
        place: Place,
        tracked: Tracked,
        begun: set[str],
        render: Render,
    ) -> None:
        """`begun` are the turns whose first part this process may have posted without a note of its own in Redis."""
        self._platform = platform
        self._replies = replies
        self._turn = turn
        self._place = place
        self._tracked = tracked
        self._begun = begun
        self._render = render
        self._screen: dict[int, Body] = {}  # what each part was last made to show
        self._sent: dict[int, float] = {}  # part → monotonic time of its last request
        self._look: dict[int, bool] = {}  # part → whether somebody may have posted it before
        self._held: Bucket | None = None  # a right to send that was waited for
        self._promise = Promise()
        self._shrink = 0
        self._drawn: tuple[tuple[Shown, int], list[Body]] | None = None  # what was rendered last
        self._delay = DELAY
        self.inherited = False  # it had been begun to be shown before
        self.visible = asyncio.Event()

    @property
    def parts(self) -> int:
        return len(self._screen)

    async def until_whole(self) -> Shown | None:
        """Show the reply until all of it is there; None where it is to be left as it is."""
        try:
            return await self._until_whole()
        finally:
            self._promise.kept()

    async def _until_whole(self) -> Shown | None:
        while True:
            self._tracked.moved.clear()
            shown = await self._replies.read(self._turn.id)
            self.inherited |= not shown.parts.keys() <= self._screen.keys()
            if not shown.final and not self._stays:
                return None
            change = self._change(shown)
            if change is not None:
                if await self._in_time(shown, change):
                    await self._make(change, shown)
                    if shown.final and self._change(shown) is None:
                        return shown  # nothing of what is final moves any more
                    if not shown.final and change.part >= len(self._bodies(shown)) - 1:
                        await self._rest(change.part)
            elif shown.final:
                return shown
            else:
                await self._tracked.moved.wait()

    @property
    def _stays(self) -> bool:
        tracked = self._tracked
        return not (tracked.over or tracked.leaving) and self._place.owned

    def _change(self, shown: Shown) -> _Change | None:
        """What differs first between the messages and the reply, from its beginning; what is too much goes last."""
        if shown.parts and not (shown.final or shown.text):
            return None  # before the first text a platform may repeat the question
        if self._turn.retries and shown.unbegun and shown.parts:
            return None
        bodies = self._bodies(shown)
        if not bodies and shown.phase in (Phase.ANSWERED, Phase.FAILED):
            bodies = [Body("", (BLANK,))]
        if self._tracked.over and len(bodies) > len(shown.parts):
            return None  # another version split it; of what is delivered nothing is posted any more
        for part, body in enumerate(bodies):
            if part not in shown.parts or self._screen.get(part) != body:
                return _Change(part, body, shown.parts.get(part))
        surplus = max(shown.parts, default=-1)
        return _Change(surplus, None, shown.parts[surplus]) if surplus >= len(bodies) else None

    def _bodies(self, shown: Shown) -> list[Body]:
        """What it takes to show it, drawn once for as long as nothing but the messages' ids changes."""
        drawn_of = (replace(shown, parts=dict.fromkeys(shown.parts, "")), self._shrink)
        if self._drawn is None or self._drawn[0] != drawn_of:
            self._drawn = (drawn_of, list(self._render(shown, self._shrink)))
        return list(self._drawn[1])

    async def _in_time(self, shown: Shown, change: _Change) -> bool:
        """Wait for the right to make this change. False where that took time: the reply may have grown, so what is to
        be sent is looked at again; the right is kept."""
        bucket = self._bucket(change.action, change.message)
        last = self._bucket("edit", change.message)
        if self._held is bucket:
            self._held = None
            return True
        rank = Rank.FINAL if shown.final else Rank.FIRST if change.message is None else Rank.GROWING
        if rank is Rank.GROWING and self._pause(change.part) > 0:
            await self._rest(change.part)
            return False
        if shown.text:
            self._promise.make(bucket)
        if await bucket.take_at_once(rank, last, self._promise):
            return True
        hurry = None if shown.final else self._tracked.hurry
        taking = bucket.take(rank, last, self._promise, self._turn.person)
        if await _first(taking, hurry):
            self._held = bucket
        return False

    async def _rest(self, part: int) -> None:
        """Until a growing part may be edited again, or there is no time for that: what moves meanwhile need neither be
        read nor drawn."""
        if (pause := self._pause(part)) > 0:
            await _within(pause, self._tracked.hurry.wait())

    def _pause(self, part: int) -> float:
        """Seconds until a growing part may be edited again."""
        interval = self._platform.limits.interval
        return self._sent.get(part, -interval) + interval - time.monotonic()

    def _bucket(self, action: Action, message: str | None) -> Bucket:
        return self._platform.bucket(self._turn, action, message)

    async def _make(self, change: _Change, shown: Shown) -> None:
        """One request. What comes to nothing is tried again by whoever looks at the reply next."""
        if not self._place.owned:
            raise Superseded
        fence = self._place.fence
        try:
            await self._request(change, shown)
        except TooLong:
            self._shrink += 1
            if self._shrink > SHRINKS:
                raise
        except BotError as error:
            if not error.retryable:
                raise
            log.info("platform.later turn=%s why=%s", self._turn.id, type(error).__name__)
            self._drawn = None  # the platform may show it in another way now
            if isinstance(error, PlatformBusy):
                self._bucket(change.action, change.message).pause(
                    max(error.retry_after, LEAST_DELAY)
                )
            else:
                await asyncio.sleep(self._delay)
                self._delay = min(self._delay * 2, MOST_DELAY)
        else:
            self._delay = DELAY
        finally:
            if not self._place.owned_since(fence):
                self._tracked.late = True

    async def _request(self, change: _Change, shown: Shown) -> None:
        turn, part = self._turn, change.part
        if change.message is None and change.body is not None:
            if not await self._post(part, change.body, shown):
                return
        elif change.body is not None:
            try:
                await self._platform.edit(turn, part, str(change.message), change.body)
            except Outgrown:
                await self._make_way(part, str(change.message))
                return
            except PlaceGone:
                if not turn.retries or part in self._screen:
                    raise
                await self._make_way(part, str(change.message))  # it was the former answer's
                return
        else:
            await self._platform.delete(turn, str(change.message))
            await self._replies.unbind(turn, part, str(change.message))
            self._screen.pop(part, None)
            return
        self._screen[part] = change.body
        self._sent[part] = time.monotonic()
        self.visible.set()

    async def _make_way(self, part: int, message: str) -> None:
        """The part's message goes, and the part is posted anew. Bound no more, it is found by whoever looks. Nothing of
        what is delivered is posted anew: it would be a second answer."""
        if not await self._replies.owes(self._turn):
            raise PlaceGone("It is delivered.")
        await self._replies.unbind(self._turn, part, message)
        self._screen.pop(part, None)
        self._look[part] = True
        await self._platform.delete(self._turn, message)
        self._look[part] = False

    async def _post(self, part: int, body: Body, shown: Shown) -> bool:
        """Post a part once: intent first, the message's id right after. Whose message comes second takes it away."""
        turn = self._turn
        look = self._look.get(part)
        if look is None:
            first = self._is_expected(part, shown) or await self._replies.intend(turn.id, part)
            look = not first
            self.inherited |= look
        self._look[part] = True  # from here on it may be there
        try:
            message = await self._platform.post(turn, part, body, shown.parts, look=look)
        except PlatformBusy:
            self._look[part] = look
            raise
        if await self._replies.bind(turn, self._place.owner, part, message):
            return True
        log.info("post.second turn=%s part=%d", turn.id, part)
        if (await self._replies.read(turn.id)).parts.get(part) != message:
            await patiently(turn, lambda: self._platform.delete(turn, message))
        return False

    def _is_expected(self, part: int, shown: Shown) -> bool:
        """Whether the intent to post this part came with its first words, for us: then nobody else may have posted it,
        and we only if we were here before."""
        expected = shown.intended == self._place.fence and not self._tracked.over
        if part or not expected or self._turn.id in self._begun:
            return False
        self._begun.add(self._turn.id)
        return True


async def patiently(turn: Turn, request: Callable[[], Awaitable[T]]) -> T:
    """Again while the platform says "later" or nothing: what is owed stays owed."""
    delay = DELAY
    while True:
        try:
            return await request()
        except BotError as error:
            if not error.retryable:
                raise
            log.info("platform.later turn=%s why=%s", turn.id, type(error).__name__)
            if isinstance(error, PlatformBusy):
                await asyncio.sleep(max(error.retry_after, LEAST_DELAY))
                continue
            await asyncio.sleep(delay)
            delay = min(delay * 2, MOST_DELAY)


async def _within(seconds: float, event: Awaitable[object]) -> None:
    """Wait so long, or until the event."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event, seconds)


async def _first(work: Awaitable[None], event: asyncio.Event | None) -> bool:
    """Whether the work was done before the event."""
    working = asyncio.ensure_future(work)
    waiting = [working] if event is None else [working, asyncio.ensure_future(event.wait())]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return working.done()
    finally:
        for task in waiting:
            task.cancel()
