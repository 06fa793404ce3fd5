"""A conversation with work becomes answers: claim its head, ask a model, commit, claim again."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bot.inbox import MAX_ATTEMPTS, Grant, Inbox, Outcome, Stored
from bot.queue import Bell
from bot.store import RedisError
from bot.types import Phase, reference
from workers.leases import End, Held, Leases

log = logging.getLogger(__name__)

CLAIMS_PER_BELL = (
    5  # then the bell is rung again, so that one busy conversation does not keep a slot
)
COMMIT_SECONDS = 120.0  # how long a finished answer waits for Redis to come back

Draft = Callable[[Held, Stored], Awaitable[Outcome]]
"""Makes the outcome of a turn; what it leaves behind when it is cancelled is `Held`'s business."""


class Answering:
    """What a bell starts. Any number may run for one conversation: CLAIM lets one of them through."""

    def __init__(self, inbox: Inbox, leases: Leases, bell: Bell, draft: Draft) -> None:
        self._inbox = inbox
        self._leases = leases
        self._bell = bell
        self._draft = draft
        self.draining = False

    async def converse(self, conversation: str) -> None:
        """Answer what waits in the conversation, in order."""
        for _ in range(CLAIMS_PER_BELL):
            if self.draining:
                return
            grant = await self._inbox.claim(conversation)
            if grant is None:
                return
            async with self._leases.hold(grant) as held:
                await self._answer(held)
        self._bell.ring(conversation)

    async def _answer(self, held: Held) -> None:
        grant = held.grant
        stored = await self._inbox.load(grant.turn)
        if stored is None or stored.turn is None:
            outcome = buried(grant, "a record that this version cannot read")
        elif grant.attempt > MAX_ATTEMPTS:
            outcome = buried(grant, f"{MAX_ATTEMPTS} attempts failed")
        else:
            found = await self._outcome(held, stored)
            if found is None:
                return
            outcome = found
        await self._commit(held, stored, outcome)

    async def _outcome(self, held: Held, stored: Stored) -> Outcome | None:
        """What becomes of the turn; None when it is left to another holder."""
        work: asyncio.Task[Any] = asyncio.create_task(self._made(held, stored))
        if await held.guard(work):
            outcome: Outcome = work.result()
            return outcome
        if held.why is End.STOP:
            return stopped(held)
        if held.why is End.DRAIN:
            await self._inbox.release(held.grant)
            self._bell.ring(held.grant.conversation)
        return None

    async def _made(self, held: Held, stored: Stored) -> Outcome:
        try:
            return await self._draft(held, stored)
        except (RedisError, OSError):
            raise
        except Exception:  # ours: logged once with the turn, and the person gets an apology with it
            log.exception("turn.failed turn=%s", stored.id)
            return buried(held.grant, "an unexpected fault")

    async def _commit(self, held: Held, stored: Stored | None, outcome: Outcome) -> None:
        """Make it final, however long Redis is away; the fence sees to it that it counts once."""
        give_up = time.monotonic() + COMMIT_SECONDS
        epoch = stored.epoch if stored else "0"
        while True:
            try:
                state = await self._inbox.commit(held.grant, epoch, outcome)
                break
            except (RedisError, OSError) as error:
                if time.monotonic() > give_up:
                    raise
                log.warning("commit.waits turn=%s error=%s", held.grant.turn, type(error).__name__)
                await asyncio.sleep(0.5)
        if state == "stop":
            outcome = stopped(held)
            state = await self._inbox.commit(held.grant, epoch, outcome)
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


def stopped(held: Held) -> Outcome:
    """The answer ends where it is, because its question was taken back."""
    note = "Stopped here: the question was taken back."
    return Outcome(Phase.STOPPED, held.text_so_far(), notes=(note,))


def buried(grant: Grant, why: str) -> Outcome:
    """A turn that is given up: a sentence for its author, a dead letter for the operator."""
    ref = reference(grant.turn)
    letter = {"turn": grant.turn, "conversation": grant.conversation, "why": why}
    return Outcome(
        Phase.FAILED,
        "",
        notes=(
            "Sorry, something went wrong on our side and this question could not be answered. "
            f"Please ask it again; if it happens again, tell your admin the reference {ref}.",
        ),
        dead=json.dumps({**letter, "attempt": grant.attempt, "at": int(time.time())}),
    )
