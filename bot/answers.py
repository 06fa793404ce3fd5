"""What becomes of an answer that somebody does not want as it is: it ends where it is, or is made again in its place.

For whoever asked, and for admins; once for each request, however often it is run.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.access import Action, Admins, authorize
from bot.conversation import Conversations
from bot.desk import Models
from bot.errors import NotAllowed, Unavailable
from bot.inbox import Admitted, Inbox
from bot.precedence import ONE_SHOT, Choice
from bot.reply import Replies
from bot.scopes import Scopes
from bot.store import REQUEST_TTL
from bot.stored import Stored
from bot.types import Actor, Attachment, Notice, Phase, Scope, Turn
from bot.words import shown

NONE_YET = "You have no conversation here yet: your next question begins one."
NOTHING = "Nothing is being answered here, so there is nothing to stop."
FINISHED = "That answer is finished already, so there is nothing to stop."
TWICE = "That is stopped already."
STOPPED = "Stopped. What was written so far stays."
CANCELLED = "Stopped: that question waits no more."

NO_ANSWER = "There is no answer here yet that I could give again."
WAITS = "A question is still being answered here. When its answer is there, it can be given again."
PASSED = "The conversation has gone on since: only its latest answer can be given again."
RENEWED = "A new conversation has begun since: an answer of the former one cannot be given again."
GONE = "That answer cannot be given again: its question is gone, or too old. Please ask it anew."
AGAIN = "Trying again with `{}`: the answer changes where it stands."
ANEW = "Trying again with `{}`."
FORGOTTEN = "The picture “{}” is no longer kept, so it was not looked at. Please send it once more."
_REFUSALS = {
    Admitted.WAITS: WAITS,
    Admitted.PASSED: PASSED,
    Admitted.RENEWED: RENEWED,
    Admitted.GONE: GONE,
}

Ask = Callable[[], Awaitable[Actor]]
"""What the platform says of who gave the command: for one's own answer it is not asked, so that a stop is quick."""


class Answers:
    """What may be done to an answer. Raises UserError with the sentence for whoever wants it."""

    def __init__(
        self,
        inbox: Inbox,
        replies: Replies,
        conversations: Conversations,
        scopes: Scopes,
        models: Models,
        admins: Admins,
        *,
        external_allowed: bool = False,
    ) -> None:
        self._inbox = inbox
        self._scopes = scopes
        self._models = models
        self._replies = replies
        self._conversations = conversations
        self._admins = admins
        self._external_allowed = external_allowed

    async def stop(self, command: Turn, ask: Ask) -> Notice:
        """Stop the answer that a command means, or take the question back that waits for it."""
        about = command.message.about
        conversation = await self._meant(command)
        wanted = (
            await self._inbox.newest(about)
            if about
            else await self._to_stop(conversation, command.message.author.id)
        )
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
        seen = await self._replies.read(turn.id)
        return Notice(TWICE if seen.phase is Phase.STOPPED else FINISHED)

    async def retry(self, command: Turn, alias: str | None, ask: Ask) -> Notice:
        """Ask the question of the latest answer again, as it reads now: a turn of its own, admitted once, whose answer
        takes the place of the former one. A private answer is given again where the command was, to whom it was given
        the first time. Raises UnknownModel, and NotAllowed where a lock forbids another model."""
        message = command.message
        channel = message.thread.channel
        mark = f"retry-{command.id}"
        if done := await self._inbox.seen(channel.platform, channel.workspace, mark):
            return await self._trying(command, await self._inbox.load(done))
        wanted = await self._to_retry(command)
        turn = wanted.turn if wanted else None
        if turn is None or turn.kind != "ask":
            raise Unavailable(GONE)
        await self._judged(command, turn, ask, Action.RETRY, Action.RETRY_OTHERS)
        chosen = await self._choice(turn, alias)
        target, secret = turn.message.target, ""
        if target.only == message.author.id and message.target.interaction:
            target = replace(target, interaction=message.target.interaction)
            secret = await self._replies.secret(command.id)
        again = Turn.of(
            turn.message,
            "ask",
            at=time.time(),
            model=chosen.alias,
            reason=chosen.reason,
            retries=turn.id,
        ).with_message(
            marks=(mark,),
            target=target,
            model=chosen.alias if chosen.reason == ONE_SHOT else None,
            first=False,
            attachments=await self._kept(turn.message.attachments),
            quotes=tuple(
                [
                    replace(q, attachments=await self._kept(q.attachments))
                    for q in turn.message.quotes
                ]
            ),
        )
        admission = await self._inbox.admit(again, secret=secret, known=REQUEST_TTL)
        if admission.outcome not in (Admitted.NEW, Admitted.AGAIN):
            raise Unavailable(_REFUSALS.get(admission.outcome, self._inbox.caps.refusal))
        return await self._trying(command, await self._inbox.load(admission.turn))

    async def _to_retry(self, command: Turn) -> Stored | None:
        """The answer that a pressed button stood below, or the conversation's latest."""
        if about := command.message.about:
            return await self._inbox.newest(about)
        conversation = await self._meant(command)
        last = await self._inbox.last(conversation)
        if not last:
            raise Unavailable(WAITS if await self._inbox.waiting(conversation) else NO_ANSWER)
        return await self._inbox.newest(last)

    async def _choice(self, turn: Turn, alias: str | None) -> Choice:
        """The model that is named, else the one that was asked for this once, else the one in force now."""
        thread = turn.message.thread
        if alias:
            return await self._scopes.in_force(thread, self._models.find(alias).alias)
        try:
            return await self._scopes.in_force(thread, turn.message.model)
        except NotAllowed:  # locked since: nobody names another model now
            return await self._scopes.in_force(thread)

    async def _kept(self, files: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
        """The files, with a sentence in the place of each picture that is no longer kept."""
        store, kept = self._inbox.store, []
        for file in files:
            if file.blob and not await store.redis.exists(store.key("blob", file.blob)):
                file = replace(
                    file, blob=None, source="", problem=FORGOTTEN.format(shown(file.name))
                )
            kept.append(file)
        return tuple(kept)

    async def _trying(self, command: Turn, again: Stored | None) -> Notice:
        """The answer itself says it, but to whom a command must be answered where they gave it."""
        message = command.message
        apart = message.threadless or message.target.interaction is not None
        turn = again.turn if again else None
        if not apart or turn is None:
            return Notice("")
        return Notice((ANEW if turn.message.target.only else AGAIN).format(turn.model))

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
