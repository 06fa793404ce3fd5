"""A slash command's answer takes the place of its "thinking", as long as the interaction's token lives."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from adapters.discord import notes
from adapters.discord.content import Content
from adapters.discord.faults import InteractionOver
from adapters.discord.rest import LOADING, Rest
from adapters.lines import Lines
from adapters.showing import Superseded
from bot.errors import BotError, PlaceGone, PlatformBusy
from bot.inbox import Inbox
from bot.reply import Replies
from bot.store import RedisError
from bot.types import Turn

log = logging.getLogger(__name__)

DEFER_SECONDS = 4.0  # how long a deferral may be on its way: 3 s are allowed
LATE_SECONDS = 60.0  # how long the end of a deferral is remembered
AGE_SECONDS = 13.5 * 60  # from then on the token, which lives 15 minutes, is no longer relied on
SWEEP_SECONDS = 1.0
PUBLIC = "This takes long. The answer will come as a message of its own."
PRIVATE = "This takes long. The answer will come as a direct message."


class Deferred:
    """The first responses of interactions. Every call raises InteractionOver where an ordinary message has to do."""

    def __init__(self, rest: Rest, replies: Callable[[], Replies]) -> None:
        self._rest = rest
        self._replies = replies
        self._lines = (
            Lines()
        )  # per turn: an answer is never overwritten by the word that it takes long
        self._deferring: dict[str, asyncio.Future[bool]] = {}

    @asynccontextmanager
    async def deferring(self, interaction: str) -> AsyncIterator[None]:
        """An interaction's "thinking" is on its way, by this process: what is to be shown waits for it."""
        loop = asyncio.get_running_loop()
        done = self._deferring[interaction] = loop.create_future()
        try:
            yield
        finally:
            done.set_result(True)
            loop.call_later(LATE_SECONDS, self._deferring.pop, interaction, None)

    async def fill(self, turn: Turn, content: Content) -> str:
        """Show this in the place of "thinking"; the message's id. Somebody may have taken that message away. Where the
        interaction is that of a command, whose own words stand there, this is a message below them."""
        if turn.message.target.interaction not in (None, turn.message.id):
            return await self.add(turn, content, private=True)
        async with self._lines.of(turn.id):
            token = await self._token_to_say(turn)
            try:
                return str((await self._rest.edit_original(token, content))["id"])
            except PlaceGone as error:
                await self._given_up(turn)
                raise InteractionOver("There is no message to fill any more.") from error

    async def add(self, turn: Turn, content: Content, *, private: bool) -> str:
        """A further message; one whose reply was lost comes twice, since Discord knows no nonce here."""
        token = await self._token_to_say(turn)
        return str((await self._rest.follow_up(token, content, private=private))["id"])

    async def edit(self, turn: Turn, message: str, content: Content) -> None:
        await self._rest.edit_answer(await self.token(turn), message, content)

    async def delete(self, turn: Turn, message: str) -> None:
        await self._rest.delete_answer(await self.token(turn), message)

    async def token(self, turn: Turn) -> str:
        """The interaction's token, once its deferral in this process is through."""
        deferral = self._deferring.get(_interaction(turn))
        if deferral is not None:
            await asyncio.wait([deferral], timeout=DEFER_SECONDS)
        token = await self._replies().secret(turn.id)
        if not token:
            raise InteractionOver("The interaction's token is no longer kept.")
        return token

    async def _token_to_say(self, turn: Turn) -> str:
        """The token, for something new. It is gone too when the turn is delivered: who has slept over that finds all of
        it said, and says it nowhere else."""
        try:
            return await self.token(turn)
        except InteractionOver as error:
            if await self._replies().owes(turn):
                raise
            raise Superseded from error

    async def _given_up(self, turn: Turn) -> None:
        """The token is over, unless another process may still be about to defer."""
        if (
            time.time() - turn.asked_at < DEFER_SECONDS
            and _interaction(turn) not in self._deferring
        ):
            raise PlatformBusy("The deferral is on its way.", 0.5)
        log.info("interaction.over turn=%s", turn.id)
        await self._replies().spend(turn.id)

    # ---- nothing is left thinking -------------------------------------------------------------------

    async def sweep(self, inbox: Inbox) -> None:
        """For ever: interactions come of age while their answers are still awaited."""
        while True:
            try:
                old = time.time() - AGE_SECONDS
                for turn_id in await self._replies().owed_since("discord", old):
                    await self._let_go(turn_id, inbox)
            except (RedisError, OSError, TimeoutError) as error:
                log.warning("thinking.waits error=%s", type(error).__name__)
            except Exception:  # the edge of a loop that must not end
                log.exception("thinking.failed")
            await asyncio.sleep(SWEEP_SECONDS)

    async def _let_go(self, turn_id: str, inbox: Inbox) -> None:
        """Say in the place of "thinking" how the answer will come, and use the token no more."""
        token = await self._replies().secret(turn_id)
        stored = await inbox.load(turn_id) if token else None
        if stored is None or stored.turn is None:
            return
        private = stored.turn.message.target.only is not None
        async with self._lines.of(turn_id):
            try:
                shown = await self._rest.original(token)
                if int(shown.get("flags") or 0) & LOADING:
                    await self._rest.edit_original(
                        token, Content(notes.line(PRIVATE if private else PUBLIC))
                    )
            except PlaceGone as error:
                log.info("interaction.over turn=%s error=%s", turn_id, type(error).__name__)
            except BotError as error:
                log.info("interaction.waits turn=%s error=%s", turn_id, type(error).__name__)
                return
            await self._replies().spend(turn_id)
        log.info("interaction.let_go turn=%s", turn_id)


def _interaction(turn: Turn) -> str:
    """The id of the interaction whose token the turn uses."""
    return turn.message.target.interaction or turn.message.id
