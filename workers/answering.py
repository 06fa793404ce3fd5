"""A conversation with work becomes answers: claim its head, ask a model, commit, claim again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot import dead
from bot.bell import Bell
from bot.reply import Replies
from bot.stopped import TAKEN_BACK, stopped_notes
from bot.store import AWAY, RedisError
from bot.stored import Stored
from bot.types import Phase, reference
from bot.work import MAX_ATTEMPTS, NEWER_AGAIN_MS, Grant, Outcome, Work
from workers.leases import End, Held, Leases

log = logging.getLogger(__name__)

CLAIMS_PER_BELL = 5  # then it is rung again, so that one busy conversation does not keep a slot
COMMIT_SECONDS = 120.0  # how long a finished answer waits for Redis to come back
COMMIT_AGAIN = 0.5  # s between its tries

Draft = Callable[[Held, Stored], Awaitable[Outcome]]
"""Makes the outcome of a turn; what it leaves behind when it is cancelled is `Held`'s business."""


class Answering:
    """What a bell starts. Any number may run for one conversation: CLAIM lets one of them through."""

    def __init__(
        self, work: Work, replies: Replies, leases: Leases, bell: Bell, draft: Draft
    ) -> None:
        self._work = work
        self._replies = replies
        self._leases = leases
        self._bell = bell
        self._draft = draft
        self.draining = False
        self.running = 0  # conversations that somebody works at

    async def converse(self, conversation: str) -> None:
        """Answer what waits in the conversation, in order. While Redis cannot be reached it is left to the sweep."""
        self.running += 1
        try:
            await self._converse(conversation)
        except AWAY as error:
            log.warning("conversation.waits error=%s", type(error).__name__)
        finally:
            self.running -= 1

    async def _converse(self, conversation: str) -> None:
        for _ in range(CLAIMS_PER_BELL):
            if self.draining:
                break
            grant = await self._work.claim(conversation)
            if grant is None:
                return
            async with self._leases.hold(grant) as held:
                if not await self._answer(held):
                    return
        self._bell.ring(conversation)

    async def _answer(self, held: Held) -> bool:
        """Answer what is held; False: it is left to a newer worker."""
        grant, stored = held.grant, held.grant.stored
        try:
            if stored is not None and stored.left and not grant.stopped:
                log.info("turn.left turn=%s", grant.turn)
                await self._work.release(grant, later_ms=NEWER_AGAIN_MS)
                return False
            outcome = await held.guard(self._outcome(held, stored))
        except AWAY:  # not the turn's fault: no attempt of it is spent
            await self._work.release(grant)
            raise
        if outcome is None and held.why is End.DRAIN:
            await self._work.release(grant)
        elif outcome is None and held.why is End.STOP:
            outcome = await self._stopped(held)
        if outcome is not None:
            await self._commit(held, stored.epoch if stored else "0", outcome)
        return True

    async def _outcome(self, held: Held, stored: Stored | None) -> Outcome:
        """What becomes of the turn."""
        grant = held.grant
        if grant.stopped:
            return await self._stopped(held)
        if stored is None or stored.turn is None:
            return buried(grant, "a record that this version cannot read")
        if grant.attempt > MAX_ATTEMPTS:
            return buried(grant, f"{MAX_ATTEMPTS} attempts failed")
        try:
            return await self._draft(held, stored)
        except AWAY:
            raise
        except Exception:  # ours: logged once with the turn, and the person gets an apology with it
            log.exception("turn.failed turn=%s", stored.id)
            return buried(grant, "an unexpected fault")

    async def _stopped(self, held: Held) -> Outcome:
        """The answer ends where it is: with its question in the log, unless that was taken back."""
        outcome, stored = held.so_far(), await Stored.load(self._work.store, held.grant.turn)
        seen = await self._replies.read(held.grant.turn)
        if len(seen.text) > len(outcome.text):  # a former holder's, and no part of this prompt
            outcome = replace(outcome, text=seen.text, alias=seen.alias, entries=(), drop=0, tail=0)
        if stored is None or stored.addressee is None:
            return replace(outcome, phase=Phase.STOPPED)
        if stored.gone:
            outcome = replace(outcome, notes=(), entries=(), drop=0, tail=0)
            notes: tuple[str, ...] = (TAKEN_BACK,) if outcome.text else ()
        else:
            notes = stopped_notes(stored.addressee, stored.stopped_by, text=bool(outcome.text))
        return replace(outcome, phase=Phase.STOPPED, notes=(*outcome.notes, *notes))

    async def _commit(self, held: Held, epoch: str, outcome: Outcome) -> None:
        """Make it final, however long Redis is away; the fence sees to it that it counts once."""
        give_up = time.monotonic() + COMMIT_SECONDS
        state = ""
        while True:
            try:
                if state == "stop":
                    outcome = await self._stopped(held)
                state = await self._work.commit(held.grant, epoch, outcome)
            except (RedisError, OSError) as error:
                if time.monotonic() > give_up:
                    raise
                log.warning("commit.waits turn=%s error=%s", held.grant.turn, type(error).__name__)
                await asyncio.sleep(COMMIT_AGAIN)
                continue
            if state != "stop":
                break
        log.info(
            "turn.%s turn=%s alias=%s attempt=%d state=%s tokens=%d/%d",
            outcome.phase,
            held.grant.turn,
            outcome.alias or "-",
            held.grant.attempt,
            state,
            outcome.usage.input,
            outcome.usage.output,
        )


def buried(grant: Grant, why: str) -> Outcome:
    """A turn that is given up: a sentence for its author, a dead letter for the operator."""
    ref = reference(grant.turn)
    return Outcome(
        Phase.FAILED,
        "",
        notes=(
            "Sorry, something went wrong on our side and this question could not be answered. "
            f"Please ask it again; if it happens again, tell your admin the reference {ref}.",
        ),
        dead=dead.letter(
            why, turn=grant.turn, conversation=grant.conversation, attempt=grant.attempt
        ),
    )
