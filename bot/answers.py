"""An answer that is being made ends where it is, for whoever asked and for admins: once for each request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.access import Action, Admins, authorize
from bot.conversation import Conversations
from bot.errors import Unavailable
from bot.inbox import Inbox, Stored
from bot.reply import Replies
from bot.types import Actor, Notice, Phase, Scope, Turn

NONE_YET = "You have no conversation here yet: your next question begins one."
NOTHING = "Nothing is being answered here, so there is nothing to stop."
FINISHED = "That answer is finished already, so there is nothing to stop."
TWICE = "That is stopped already."
STOPPED = "Stopped. What was written so far stays."
CANCELLED = "Stopped: that question waits no more."

Ask = Callable[[], Awaitable[Actor]]
"""What the platform says of who gave the command: for one's own answer it is not asked, so that a stop is quick."""


class Answers:
    """What may be done to an answer. Raises UserError with the sentence for whoever wants it."""

    def __init__(
        self,
        inbox: Inbox,
        replies: Replies,
        conversations: Conversations,
        admins: Admins,
        *,
        external_allowed: bool = False,
    ) -> None:
        self._inbox = inbox
        self._replies = replies
        self._conversations = conversations
        self._admins = admins
        self._external_allowed = external_allowed

    async def stop(self, command: Turn, ask: Ask) -> Notice:
        """Stop the answer that a command means, or take the question back that waits for it."""
        conversation = await self._meant(command)
        wanted = await self._to_stop(conversation, command.message.author.id)
        chosen = await self._inbox.remembered(command.id, wanted.id if wanted else "-")
        if wanted is None or chosen != wanted.id:  # a repeat: what was meant then is meant now
            wanted = await self._inbox.load(chosen)
        turn = wanted.addressee if wanted else None
        if turn is None:
            return Notice(TWICE if await self._was_stopped(conversation) else NOTHING)
        actor = await self._judged(command, turn, ask, Action.STOP, Action.STOP_OTHERS)
        by = "" if actor.id == turn.message.author.id else actor.name or actor.id
        state = await self._inbox.stop(turn, by)
        if state != "later":
            return Notice(STOPPED if state == "stopping" else CANCELLED)
        shown = await self._replies.read(turn.id)
        return Notice(TWICE if shown.phase is Phase.STOPPED else FINISHED)

    async def _meant(self, command: Turn) -> str:
        """The conversation that a command is about; where it stands in none, the latest of whoever gives it there."""
        message, channel = command.message, command.message.thread.channel
        begins = message.threadless or message.id == message.thread.id
        if channel.direct or not begins:
            return command.conversation
        latest = await self._conversations.latest(channel.key, message.author.id)
        if latest is None:
            raise Unavailable(NONE_YET)
        return latest

    async def _to_stop(self, conversation: str, person: str) -> Stored | None:
        """The person's first question there; where they have none, the one that is being answered."""
        first: Stored | None = None
        for turn_id in await self._inbox.waiting(conversation):
            found = await self._inbox.load(turn_id)
            if found is None or found.addressee is None:
                continue
            if found.addressee.message.author.id == person:
                return found
            first = first or found
        return first

    async def _was_stopped(self, conversation: str) -> bool:
        last = await self._inbox.last(conversation)
        return bool(last) and (await self._replies.read(last)).phase is Phase.STOPPED

    async def _judged(
        self, command: Turn, turn: Turn, ask: Ask, own: Action, of_others: Action
    ) -> Actor:
        """Who gives the command, if they may."""
        author = command.message.author
        channel = turn.message.thread.channel
        theirs = turn.message.author.id == author.id
        actor = (
            Actor(channel.platform, channel.workspace, author.id, author.name)
            if theirs
            else await ask()
        )
        authorize(
            actor,
            own if theirs else of_others,
            None if theirs else Scope.CHANNEL,
            admins=self._admins,
            direct=channel.direct,
            external_allowed=self._external_allowed,
        )
        return actor
