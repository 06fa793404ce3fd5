"""What is owed is looked after: each turn by the one adapter that sends to its channel, until it is delivered."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from adapters.platform import Body, Platform, with_button
from adapters.showing import Place, Showing, Superseded, Tracked, patiently
from adapters.strays import STRAY_SECONDS, Strays
from bot.dead import letter
from bot.errors import BotError, MessageGone, MissingScope, PlaceGone
from bot.inbox import Inbox
from bot.reply import Replies, Shown
from bot.store import REPLY_TTL, RedisError
from bot.stored import Stored
from bot.tasks import end
from bot.types import Phase, Turn

log = logging.getLogger(__name__)

OWN_SECONDS = 6.0  # a platform channel's sends belong to one adapter, renewed with each sweep
OWN_MARGIN = 1.5  # s before its end at which a lease no longer allows a request
SWEEP_SECONDS = 1.0
SIGN_AFTER = 0.1  # s without anything to see: what comes sooner is felt as at once, and a sign before it as a flicker
RETRIES = 5  # unexpected faults of one turn before it is given up with a dead letter
APOLOGY_SECONDS = 10.0  # what telling somebody that it was given up may take

AGAIN = "This was interrupted: I am writing it once more ({} % so far)."
UNSHOWN = (
    "Sorry, something went wrong on our side and I could not show you what belongs here. "
    "If it happens again, tell your admin the reference {}."
)
FOREIGN = (
    "This could not be done: it was written down by another version of me. "
    "Please try again; if it happens again, tell your admin the reference {}."
)

Run = Callable[[Turn], Awaitable[str]]  # runs a command turn; its words


class Delivery:
    """Looks after all that is owed on one platform. Hints make it quick, the sweep makes it certain."""

    def __init__(
        self,
        platform: Platform,
        inbox: Inbox,
        replies: Replies,
        run_command: Run,
        owner: str,
        *,
        pause: float = SWEEP_SECONDS,
        stray: float = STRAY_SECONDS,
    ) -> None:
        """`pause` (s) is what lies between two tries of a turn that something of ours is wrong with; `stray` (s) is
        how long something of an adapter that died may still come."""
        self._platform = platform
        self._inbox = inbox
        self._replies = replies
        self._run_command = run_command
        self._owner = owner
        self._pause = pause
        self._tracked: dict[str, Tracked] = {}
        self._places: dict[str, Place] = {}
        self._begun: set[str] = set()  # for as long as they are owed
        self._strays = Strays(lambda turn_id: self._mend(turn_id, Tracked()), stray)
        self._closing = False

    # ---- what is looked after ---------------------------------------------------------------------

    def look(self, turn_id: str, *, whole: bool = False) -> Tracked:
        """Something of this turn moved: take it up, or wake who looks after it. A `whole` reply is shown at once."""
        tracked = self._tracked.get(turn_id)
        if tracked is None:
            tracked = Tracked(leaving=self._closing)
            if self._closing:
                return tracked
            self._tracked[turn_id] = tracked
            tracked.task = asyncio.create_task(self._look_after(turn_id, tracked))
        tracked.moved.set()
        if whole:
            tracked.hurry.set()
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
        """Keep what is owned, look at everything that is owed, and let go of what is owed no more."""
        for name, place in list(self._places.items()):
            if not place.users and not place.owned:
                del self._places[name]
        await asyncio.gather(
            *(self._own(name, place) for name, place in self._places.items() if place.users)
        )
        before, begun = dict(self._tracked), set(self._begun)
        owed = await self._replies.owed(self._platform.name)
        for turn_id in owed:
            self.look(turn_id)
        for turn_id in before.keys() - set(owed):
            before[turn_id].over = True
            before[turn_id].moved.set()
            before[turn_id].hurry.set()
        self._begun -= begun.difference(owed)

    async def recover(self, seconds: float) -> None:
        """Run the commands that a predecessor left, before anything new is admitted: what was said first counts first.

        What cannot be run within `seconds` is left to the sweep.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                left = [self.look(turn) for turn in await self._replies.owed(self._platform.name)]
                await asyncio.gather(*(tracked.ran.wait() for tracked in left))

    async def close(self, seconds: float) -> None:
        """Show what is whole, within `seconds`; leave the rest, and give the channels up."""
        self._closing = True
        await self._strays.close()
        tasks = [t.task for t in self._tracked.values() if t.task]
        for tracked in self._tracked.values():
            tracked.leaving = True
            tracked.moved.set()
            tracked.hurry.set()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            await end(*late)
        with suppress(RedisError, OSError):  # the leases end by themselves
            for name, place in list(self._places.items()):
                if place.fence:
                    await self._replies.disown(name, self._owner)

    # ---- one turn -----------------------------------------------------------------------------------

    async def _look_after(self, turn_id: str, tracked: Tracked) -> None:
        faults = 0
        try:
            while True:
                try:
                    if faults >= RETRIES:
                        return await self._give_up(turn_id)
                    await self._turn(turn_id, tracked)
                    if not tracked.late:
                        return None
                except (RedisError, OSError, TimeoutError) as error:
                    log.warning("delivery.waits turn=%s error=%s", turn_id, type(error).__name__)
                except Exception:  # the edge of a task: ours, logged once for each try
                    faults += 1
                    log.exception("delivery.failed turn=%s", turn_id)
                if tracked.leaving:
                    return None
                await asyncio.sleep(self._pause)
        finally:
            tracked.ran.set()
            self._tracked.pop(turn_id, None)
            self._platform.forget(turn_id)

    async def _turn(self, turn_id: str, tracked: Tracked) -> None:
        stored = await self._inbox.load(turn_id)
        turn = stored.addressee if stored else None
        if stored is not None and stored.phase:  # owed no more
            return await self._mend(turn_id, tracked) if tracked.late else None
        if stored is not None and stored.left and await self._unsaid(turn):
            return None
        if stored is None or turn is None:
            log.error("turn.unreadable turn=%s known=%s", turn_id, stored is not None)
            await self._bury(turn_id, "an unreadable record")
            return None
        if turn.kind != "ask":
            await self._say(stored, turn)
        elif await self._lost(stored):
            return await self._give_up(turn_id, "its answer is no longer kept")
        tracked.ran.set()
        place = self._places.setdefault(turn.place, Place(self._owner))
        place.users += 1
        try:
            if await self._mine(turn.place, place, tracked):
                tracked.late = False  # all of it is shown anew
                await self._deliver(turn, place, tracked)
        finally:
            place.users -= 1

    async def _mend(self, turn_id: str, tracked: Tracked) -> None:
        """An edit with an older text, of ours or of a dead adapter, may have come after the last one of whoever
        delivered the turn: what is final is shown once more. Nobody else edits its messages any more, but who delivers
        an answer that took its place: then that one is shown once more, as soon as it is delivered too."""
        newest = await self._inbox.newest(turn_id)
        if newest is not None and not newest.phase:
            return
        if (turn := await self._seen(newest)) is not None:
            log.info("delivery.mends turn=%s by=%s", turn_id, turn.id)
            place, tracked.over = Place(self._owner, fence=1, until=math.inf), True
            with suppress(PlaceGone, MissingScope):
                await self._showing(turn, place, tracked).until_whole()
        tracked.late = False

    async def _seen(self, newest: Stored | None) -> Turn | None:
        """The turn whose answer the messages show: a retry that has not begun took the place of none."""
        turn = newest.addressee if newest else None
        while turn is not None and turn.retries and (await self._replies.read(turn.id)).unbegun:
            former = await self._inbox.load(turn.retries)
            turn = former.addressee if former else None
        return turn

    async def _unsaid(self, turn: Turn | None) -> bool:
        """Whether there is nothing to be shown of it before a newer adapter looks after it."""
        if turn is None:
            return True
        return turn.kind != "ask" and not (await self._replies.read(turn.id)).final

    async def _lost(self, stored: Stored) -> bool:
        """Nothing is known of an answer after all the time that answers are kept: none will come."""
        old = 0 < stored.admitted < time.time() - REPLY_TTL
        return old and (await self._replies.read(stored.id)).phase is None

    async def _mine(self, name: str, place: Place, tracked: Tracked) -> bool:
        """Wait until the channel is ours; False where the turn is to be left before that."""
        if not place.owned:
            await self._own(name, place)
        while not place.owned:
            if not await self._moved(tracked):
                return False
        return True

    async def _deliver(self, turn: Turn, place: Place, tracked: Tracked) -> None:
        try:
            if turn.kind == "ask":
                await self._answer(turn, place, tracked)
            else:
                await self._words(turn, place, tracked)
        except (PlaceGone, MissingScope) as error:
            if not (place.owned and await self._replies.owes(turn)):
                return  # its owner sees to it, or has: this adapter slept meanwhile
            log.warning("delivery.impossible turn=%s why=%s", turn.id, type(error).__name__)
            parts = (await self._replies.read(turn.id)).parts
            if turn.kind == "ask" and not (parts and isinstance(error, MessageGone)):
                await self._apologise(turn, error.sentence)
            await self._end(turn, type(error).__name__)

    # ---- commands and notices -----------------------------------------------------------------------

    async def _say(self, stored: Stored, turn: Turn) -> None:
        """A command is run and its words are kept, a notice's are kept: once, whoever sends to the channel."""
        if (await self._replies.read(turn.id)).final:
            return
        words = turn.sentence
        if stored.turn is None:
            log.error("turn.foreign turn=%s version=%d", turn.id, turn.version)
            words = FOREIGN.format(turn.ref)
        elif turn.kind == "command":
            try:
                words = await patiently(turn, lambda: self._run_command(turn))
            except (PlaceGone, MissingScope) as error:
                words = error.sentence
        await self._replies.say(turn.id, turn.platform, words, Phase.ANSWERED)

    async def _words(self, turn: Turn, place: Place, tracked: Tracked) -> None:
        """Show what is kept, to the turn's author or to all, unless another adapter did while we waited."""
        stored = await self._inbox.load(turn.id)
        if stored is None or stored.phase:
            return
        if turn.message.target.only:
            said = (await self._replies.read(turn.id)).text

            async def notice() -> None:
                if not place.owned:
                    raise Superseded
                await self._platform.notice(turn, said)

            if said:  # else an answer says it
                await patiently(turn, notice)
        elif not await self._showing(turn, place, tracked).until_whole():
            return
        await self._replies.delivered(turn.id, turn.conversation)

    # ---- answers --------------------------------------------------------------------------------------

    async def _answer(self, turn: Turn, place: Place, tracked: Tracked) -> None:
        """Show the reply as it grows, in its conversation's order, until it is whole."""
        while await self._replies.next_in(turn.conversation) != turn.id:
            if not (await self._moved(tracked) and place.owned):
                return
        if turn.retries:
            await self._replies.adopt(turn)
        showing = self._showing(turn, place, tracked)
        sign = asyncio.create_task(self._sign(turn, showing))
        try:
            whole = await showing.until_whole()
        finally:
            signed_off = sign.done()
            await end(sign)
        if whole is None:
            return
        if not signed_off:
            await self._working(turn, False)
        await self._replies.delivered(turn.id, turn.conversation)
        if showing.inherited and not turn.retries:
            self._strays.expect(turn.id)
        log.info(
            "turn.delivered turn=%s phase=%s alias=%s parts=%d seconds=%.2f",
            turn.id,
            whole.phase,
            whole.alias or "-",
            showing.parts,
            time.time() - turn.asked_at,
        )

    def _showing(self, turn: Turn, place: Place, tracked: Tracked) -> Showing:
        def render(shown: Shown, shrink: int) -> list[Body]:
            if turn.kind != "ask":
                return [Body("", (shown.text,))]
            bodies = with_button(self._platform.render(turn, shown, shrink=shrink), shown)
            if shown.regained is not None and bodies:
                last = bodies.pop()
                bodies.append(replace(last, footer=(*last.footer, AGAIN.format(shown.regained))))
            return bodies

        known = (turn, place, tracked, self._begun)
        return Showing(self._platform, self._replies, *known, render)

    async def _sign(self, turn: Turn, showing: Showing) -> None:
        """Show the sign of being at work, and renew it, until there is something better to see, maybe elsewhere: then
        it goes."""
        pause = SIGN_AFTER
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(showing.visible.wait(), pause)
                break
            await self._working(turn, True)
            pause = self._platform.limits.working
        await self._working(turn, False)

    async def _working(self, turn: Turn, on: bool) -> None:
        """Best effort: a sign that fails never fails an answer."""
        try:
            await self._platform.working(turn, on)
        except (BotError, OSError, TimeoutError) as error:
            log.debug("working.failed turn=%s why=%s", turn.id, type(error).__name__)

    async def _moved(self, tracked: Tracked) -> bool:
        """Wait until there may be something new; False when this adapter is to leave the turn."""
        await tracked.moved.wait()
        tracked.moved.clear()
        return not (tracked.leaving or tracked.over)

    # ---- who may send -------------------------------------------------------------------------------

    async def _own(self, name: str, place: Place) -> bool:
        """Whether the channel's sends are ours now; where they are not, the next sweep asks again."""
        before = time.monotonic()
        place.fence = await self._replies.own(name, self._owner, OWN_SECONDS)
        place.until = before + OWN_SECONDS - OWN_MARGIN
        return place.owned

    # ---- ends ---------------------------------------------------------------------------------------

    async def _give_up(self, turn_id: str, why: str = "an unexpected fault") -> None:
        """No more is tried: a dead letter, and a sentence for the author if that can be."""
        stored = await self._inbox.load(turn_id)
        if stored is not None and stored.phase:
            return
        turn = stored.addressee if stored else None
        if turn is None:
            await self._bury(turn_id, why)
            return
        await self._apologise(turn, UNSHOWN.format(turn.ref))
        await self._end(turn, why)

    async def _apologise(self, turn: Turn, sentence: str) -> None:
        """Tell the author, if the platform lets us; that it does not changes nothing."""
        await self._working(turn, False)
        try:
            async with asyncio.timeout(APOLOGY_SECONDS):
                await patiently(turn, lambda: self._platform.notice(turn, sentence))
        except Exception as error:  # whatever was wrong with the answer may be wrong with this
            log.warning("apology.unheard turn=%s why=%s", turn.id, type(error).__name__)

    async def _end(self, turn: Turn, why: str) -> None:
        """Nobody will see it: it is owed no more, and no worker need go on with it."""
        await self._undeliverable(turn.id, turn.conversation, why)
        if turn.kind == "ask":
            await self._inbox.amend(turn, None)

    async def _bury(self, turn_id: str, why: str) -> None:
        """A record that nobody can read, or none at all."""
        conversation = await self._inbox.conversation_of(turn_id) or f"{self._platform.name}:"
        await self._undeliverable(turn_id, conversation, why)

    async def _undeliverable(self, turn_id: str, conversation: str, why: str) -> None:
        await self._replies.delivered(
            turn_id, conversation, how="undeliverable", letter=letter(why, turn=turn_id)
        )
