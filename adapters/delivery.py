"""What is owed becomes visible: each reply's latest text, paced, in one platform message per part."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from adapters.pace import Paces
from adapters.platform import Body, Platform
from bot.dead import letter
from bot.errors import BotError, MissingScope, PlaceGone, PlatformBusy, TooLong, Unsure
from bot.inbox import Inbox, Stored
from bot.reply import Replies, Shown
from bot.store import RedisError
from bot.tasks import end
from bot.types import Phase, Turn

log = logging.getLogger(__name__)

OWN_SECONDS = 6.0  # a platform channel's sends belong to one adapter, renewed with each sweep
OWN_MARGIN = 1.5  # s before its end at which a lease no longer allows a request
SWEEP_SECONDS = 1.0
RETRIES = 5  # unexpected faults of one turn before it is given up with a dead letter
SHRINKS = 4  # halvings of a message that the platform finds too long

UNKNOWN = (
    "This could not be done: it was written down by another version of me. "
    "Please try again; if it happens again, tell your admin the reference {}."
)

Run = Callable[[Turn], Awaitable[str]]  # runs a command turn; its words


@dataclass(slots=True)
class Place:
    """A platform channel that this adapter may own."""

    fence: int = 0
    until: float = 0.0  # monotonic; requests may start before it
    users: int = 0  # turns of ours there
    live: int = 0  # answers among them that grow

    @property
    def owned(self) -> bool:
        return self.fence > 0 and time.monotonic() < self.until


@dataclass(slots=True)
class Tracked:
    """A turn that this adapter looks after."""

    moved: asyncio.Event = field(default_factory=asyncio.Event)
    whole: asyncio.Event = field(default_factory=asyncio.Event)  # its final text is there
    ran: asyncio.Event = field(default_factory=asyncio.Event)  # its command has been run
    task: asyncio.Task[None] | None = None


class Delivery:
    """Looks after all that is owed on one platform. Hints make it quick, the sweep makes it certain."""

    def __init__(
        self, platform: Platform, inbox: Inbox, replies: Replies, run_command: Run, owner: str
    ) -> None:
        self._platform = platform
        self._inbox = inbox
        self._replies = replies
        self._run_command = run_command
        self._owner = owner
        self._paces = Paces()
        self._tracked: dict[str, Tracked] = {}
        self._places: dict[str, Place] = {}
        self._closing = False

    # ---- what is looked after ---------------------------------------------------------------------

    def look(self, turn_id: str, *, whole: bool = False) -> Tracked:
        """Something of this turn moved: take it up, or wake who looks after it. A `whole` reply is shown at once."""
        tracked = self._tracked.get(turn_id)
        if tracked is None:
            tracked = self._tracked[turn_id] = Tracked()
            tracked.task = asyncio.create_task(self._look_after(turn_id, tracked))
        tracked.moved.set()
        if whole:
            tracked.whole.set()
        return tracked

    async def hints(self) -> None:
        """Follow the workers' hints; without Redis the sweep goes on alone."""
        while True:
            try:
                async for turn_id, whole in self._replies.hints(self._platform.name):
                    self.look(turn_id, whole=whole)
            except (RedisError, OSError) as error:
                log.warning("hints.interrupted error=%s", type(error).__name__)
                await asyncio.sleep(SWEEP_SECONDS)

    async def sweep(self) -> None:
        """Keep what is owned, and look at everything that is owed."""
        for name, place in list(self._places.items()):
            if not place.users and not place.owned:
                del self._places[name]
        await asyncio.gather(
            *(self._own(name, place) for name, place in self._places.items() if place.users)
        )
        for turn_id in await self._replies.owed(self._platform.name):
            self.look(turn_id)

    async def close(self, seconds: float) -> None:
        """Finish what is final and under way within `seconds`, then give the channels up."""
        self._closing = True
        tasks = [t.task for t in self._tracked.values() if t.task]
        for tracked in self._tracked.values():
            tracked.moved.set()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            await end(*late)
        for name, place in self._places.items():
            if place.fence:
                await self._replies.disown(name, self._owner)

    # ---- one turn -----------------------------------------------------------------------------------

    async def _look_after(self, turn_id: str, tracked: Tracked) -> None:
        faults = 0
        try:
            while True:
                try:
                    return await self._turn(turn_id, tracked)
                except (RedisError, OSError, TimeoutError) as error:
                    log.warning("delivery.waits turn=%s error=%s", turn_id, type(error).__name__)
                except Exception:  # the edge of a task: ours, logged once for each try
                    faults += 1
                    log.exception("delivery.failed turn=%s", turn_id)
                    if faults >= RETRIES:
                        return await self._give_up(turn_id, "an unexpected fault")
                await asyncio.sleep(SWEEP_SECONDS)
                if self._closing:
                    return None
        finally:
            tracked.ran.set()
            self._tracked.pop(turn_id, None)

    async def _turn(self, turn_id: str, tracked: Tracked) -> None:
        stored = await self._inbox.load(turn_id)
        turn = stored.addressee if stored else None
        if stored is None or turn is None:
            await self._unreadable(turn_id, stored)
            return
        if (
            stored.phase
        ):  # a hint, or what a sweep read, came after the end: a notice would be said again
            return
        place = self._places.setdefault(turn.place, Place())
        place.users += 1
        try:
            if place.owned or await self._own(turn.place, place):
                await self._deliver(turn, tracked, known=stored.turn is not None)
        finally:
            place.users -= 1

    async def _deliver(self, turn: Turn, tracked: Tracked, *, known: bool) -> None:
        """Make it visible. Of a record of another version the author is told that it cannot be done: a question by
        the worker that gives it up."""
        try:
            if turn.kind == "ask":
                await self._answer(turn, tracked)
            else:
                await self._words(turn, tracked, known=known)
        except (PlaceGone, MissingScope) as error:
            log.warning("delivery.impossible turn=%s why=%s", turn.id, type(error).__name__)
            await self._inbox.amend(turn, None)  # nobody will see it: stop making it
            await self._undeliverable(turn, type(error).__name__)

    async def _words(self, turn: Turn, tracked: Tracked, *, known: bool) -> None:
        """A command or a notice: its words are fixed first, then said, to its author or to all."""
        words = turn.sentence
        if not known:
            log.error("turn.unreadable turn=%s version=%d", turn.id, turn.version)
            words = UNKNOWN.format(turn.ref)
        elif turn.kind == "command":
            words = await self._run_command(turn)
        said = await self._replies.say(turn.id, turn.platform, words, Phase.ANSWERED)
        tracked.ran.set()
        if turn.message.target.only:
            await self._patiently(turn, lambda: self._platform.notice(turn, said))
        else:
            shown = await self._replies.read(turn.id)
            if not shown.parts:
                await self._post(turn, 0, Body("", (said,)), {})
        await self._replies.delivered(turn.id, turn.conversation)

    async def _answer(self, turn: Turn, tracked: Tracked) -> None:
        """Show the reply as it grows, in its conversation's order, until it is whole."""
        while await self._replies.next_in(turn.conversation) != turn.id:
            if not await self._moved(tracked, turn):
                return
        place = self._places[turn.place]
        place.live += 1
        sign = asyncio.create_task(self._sign(turn))
        try:
            await self._grow(turn, tracked, place, sign)
        finally:
            place.live -= 1
            await end(sign)

    async def _grow(
        self, turn: Turn, tracked: Tracked, place: Place, sign: asyncio.Task[None]
    ) -> None:
        screen: dict[int, Body] = {}
        shrink, limits = 0, self._platform.limits
        while True:
            tracked.moved.clear()
            shown = await self._replies.read(turn.id)
            if shown.final or shown.text:
                try:
                    await self._draw(turn, shown, screen, shrink)
                except TooLong:
                    shrink += 1
                    if shrink > SHRINKS:
                        raise
                    continue
                if shown.final:
                    break
                if screen:
                    sign.cancel()
                await _within(max(limits.interval, limits.per_live * place.live), tracked.whole)
            if not await self._moved(tracked, turn):
                return
        await self._platform.working(turn, False)
        await self._replies.delivered(turn.id, turn.conversation)
        log.info(
            "turn.delivered turn=%s phase=%s alias=%s parts=%d seconds=%.2f",
            turn.id,
            shown.phase,
            shown.alias or "-",
            len(screen),
            time.time() - turn.asked_at,
        )

    async def _draw(self, turn: Turn, shown: Shown, screen: dict[int, Body], shrink: int) -> None:
        """Make the platform's messages show the reply; the last text wins where a request has to wait."""
        bodies = self._platform.render(turn, shown, shrink=shrink)
        parts = dict(shown.parts)
        for part, body in enumerate(bodies):
            if screen.get(part) == body:
                continue
            if part in parts:
                message = parts[part]
                await self._send(turn, "edit", shown.final, self._edit(turn, part, message, body))
            else:
                parts[part] = await self._post(turn, part, body, parts)
            screen[part] = body
        for part in sorted(set(parts) - set(range(len(bodies))), reverse=True):
            message = parts.pop(part)
            await self._send(turn, "edit", shown.final, self._remove(turn, message))
            await self._replies.unbind(turn.id, part)
            screen.pop(part, None)

    def _edit(
        self, turn: Turn, part: int, message: str, body: Body
    ) -> Callable[[], Awaitable[None]]:
        return lambda: self._platform.edit(turn, part, message, body)

    def _remove(self, turn: Turn, message: str) -> Callable[[], Awaitable[None]]:
        return lambda: self._platform.delete(turn, message)

    async def _post(self, turn: Turn, part: int, body: Body, parts: dict[int, str]) -> str:
        """Post a part once: intent first, the message's id right after; who comes second takes its own away."""
        look = not await self._replies.intend(turn.id, part)
        posted = ""

        async def post() -> None:
            nonlocal look, posted
            try:
                posted = await self._platform.post(turn, part, body, parts, look=look)
            except Unsure:
                look = True
                raise

        await self._send(turn, "post", True, post)
        if await self._replies.bind(turn, self._owner, part, posted):
            return posted
        now = await self._replies.read(turn.id)
        if now.parts.get(part) != posted:
            await self._platform.delete(turn, posted)
        self._places[turn.place].until = 0.0
        raise Superseded

    async def _send(
        self, turn: Turn, action: str, urgent: bool, request: Callable[[], Awaitable[None]]
    ) -> None:
        """One request within the limits, while the channel is ours."""
        name, rate = self._platform.bucket(turn, "post" if action == "post" else "edit")
        bucket = self._paces.bucket(name, rate)

        async def once() -> None:
            await bucket.take(urgent=urgent)
            if not self._places[turn.place].owned:
                raise Superseded
            try:
                await request()
            except PlatformBusy as busy:
                bucket.pause(busy.retry_after)
                raise

        await self._patiently(turn, once)

    async def _patiently(self, turn: Turn, request: Callable[[], Awaitable[None]]) -> None:
        """Again while the platform says "later" or nothing: what is owed stays owed."""
        delay = 0.5
        while True:
            try:
                return await request()
            except BotError as error:
                if not error.retryable:
                    raise
                log.info("platform.later turn=%s why=%s", turn.id, type(error).__name__)
                await asyncio.sleep(min(max(delay, getattr(error, "retry_after", 0.0)), 60.0))
                delay = min(delay * 2, 15.0)
            if self._closing:
                raise Superseded

    async def _sign(self, turn: Turn) -> None:
        """Renew the sign of being at work until there is something better to see."""
        while True:
            try:
                await self._platform.working(turn, True)
            except (BotError, OSError, TimeoutError) as error:
                log.debug("working.failed turn=%s why=%s", turn.id, type(error).__name__)
            await asyncio.sleep(self._platform.limits.working)

    async def _moved(self, tracked: Tracked, turn: Turn) -> bool:
        """Wait until there may be something new; False when this adapter is to leave the turn to another one."""
        await tracked.moved.wait()
        tracked.moved.clear()
        return not self._closing and self._places[turn.place].owned

    # ---- who may send -------------------------------------------------------------------------------

    async def _own(self, name: str, place: Place) -> bool:
        """Whether the channel's sends are ours now; where they are not, the next sweep asks again."""
        before = time.monotonic()
        place.fence = await self._replies.own(name, self._owner, OWN_SECONDS)
        place.until = before + OWN_SECONDS - OWN_MARGIN
        return place.owned

    # ---- ends ---------------------------------------------------------------------------------------

    async def _unreadable(self, turn_id: str, stored: Stored | None) -> None:
        """A record that this version cannot read, or none at all: no adapter can show it."""
        log.error("turn.unreadable turn=%s known=%s", turn_id, stored is not None)
        await self._give_up(turn_id, "an unreadable record")

    async def _give_up(self, turn_id: str, why: str) -> None:
        conversation = await self._inbox.conversation_of(turn_id) or f"{self._platform.name}:"
        await self._replies.delivered(
            turn_id, conversation, how="undeliverable", letter=letter(why, turn=turn_id)
        )

    async def _undeliverable(self, turn: Turn, why: str) -> None:
        await self._replies.delivered(
            turn.id, turn.conversation, how="undeliverable", letter=letter(why, turn=turn.id)
        )


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Wait so long, or until the event."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


class Superseded(OSError):
    """Another adapter sends to this channel now, or this one is closing: it leaves the turn where it is."""
