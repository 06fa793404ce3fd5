"""A turn becomes an outcome: its context and its question go to a model, what streams back grows the reply."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from bot.models import Catalog

from bot.blobs import Blobs
from bot.conversation import Conversations
from bot.inbox import Outcome, Stored
from bot.reply import Replies
from bot.types import ChatMessage, Phase, Turn, Usage
from workers import prompt as prompts
from workers.leases import Held
from workers.providers import Providers
from workers.writer import Writer

log = logging.getLogger(__name__)

WAIT_IN_PLACE = (
    10.0  # s: a provider's "later" up to this is waited for, a longer one goes to the fallback
)
TRIES = 2  # of one model before anything is visible


class Drafting:
    """Makes answers. One instance serves all conversations of the process; nothing of one stays in it."""

    def __init__(
        self,
        replies: Replies,
        conversations: Conversations,
        blobs: Blobs,
        catalog: Catalog,
        providers: Providers,
        *,
        budget: int,
        default_alias: str,
    ) -> None:
        self._replies = replies
        self._conversations = conversations
        self._blobs = blobs
        self._catalog = catalog
        self._providers = providers
        self._budget = budget
        self._default = default_alias

    async def draft(self, held: Held, stored: Stored) -> Outcome:
        """The outcome of a turn; what a model or its provider did wrong is an outcome too."""
        turn = stored.turn
        if turn is None:
            raise ValueError("a turn without a record has no draft")
        problems = tuple(file.problem for file in turn.message.files if file.problem)
        question = prompts.question(turn.message)
        if not question.parts:
            return Outcome(Phase.ANSWERED, "", notes=problems or (prompts.NOTHING_ASKED,))
        history = await self._conversations.load(turn.conversation, stored.epoch)
        draft = Draft(self, held, turn, history, question, problems)
        return await draft.make()


class Draft:
    """One answer in the making."""

    def __init__(
        self,
        shared: Drafting,
        held: Held,
        turn: Turn,
        history: Sequence[ChatMessage],
        question: ChatMessage,
        problems: tuple[str, ...],
    ) -> None:
        self._shared = shared
        self._held = held
        self._turn = turn
        self._history = history
        self._question = question
        self._notes = list(problems)
        self._usage = Usage()
        self._writer = Writer(shared._replies, held, turn.model)

    async def make(self) -> Outcome:
        """Ask the turn's model, then its fallbacks as long as nothing is visible."""
