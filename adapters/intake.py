"""A Message becomes a Turn, or nothing: what the ack of a platform waits for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from adapters.lines import Lines
from adapters.text.clean import clean
from bot.access import Action, Admins, authorize
from bot.answers import NONE_YET
from bot.commands import Ask, Command, NewConversation, parse_mention
from bot.conversation import Conversations
from bot.errors import Unavailable, UserError
from bot.inbox import CAP, TURN, Admission, Admitted, Inbox, at_key, latest_key
from bot.models import Catalog
from bot.scopes import Scopes
from bot.types import Actor, Channel, Kind, Message, Quote, Thread, Turn

log = logging.getLogger(__name__)

ADMIT_SECONDS = (
    1.0  # all that intake may take before the ack; Slack and Discord both give up after 3 s
)


FULL = (
    f"{CAP} questions are already waiting in this conversation. "
    "Please ask again when some of them are answered; until then I say so only once."
)

NO_MEMORY = "My memory is full right now, so I did not take this. Please ask again later."


FADED = "This button is too old. Please write the command instead."


@dataclass(frozen=True, slots=True)
class Receipt:
    """A message is safe: the turn that holds it, and whether this delivery of it was the first. Of what was refused
    after its author was told so, nothing is kept."""

    turn: str
    kind: Kind
    new: bool


def read(message: Message) -> Command:
    """What a mention's text asks for; without words it asks about its files, or about what it replies to: the quoted
    message, or the older thread in which it is the first to ask."""
    accompanied = bool(message.attachments or message.quotes or message.history)
    return parse_mention(message.text, accompanied=accompanied)


def _edited(message: Message, words: str) -> str:
    """What a question asks after an edit, which chooses no model and gives no command."""
    edited = _tidy(replace(message, text=words))
    try:
        command = read(edited)
    except UserError:
        return edited.text
    return command.prompt if isinstance(command, Ask) else edited.text


def _tidy(message: Message) -> Message:
    """The message without what no record can hold: lone surrogates and controls, wherever a platform brings them."""
    return replace(
        message,
        text=clean(message.text),
        author=replace(message.author, name=clean(message.author.name)),
        attachments=tuple(replace(a, name=clean(a.name)) for a in message.attachments),
        quotes=tuple(_tidy_quote(quote) for quote in message.quotes),
    )


def _tidy_quote(quote: Quote) -> Quote:
    files = tuple(replace(a, name=clean(a.name)) for a in quote.attachments)
    return replace(quote, author=clean(quote.author), text=clean(quote.text), attachments=files)


def _private(message: Message) -> Message:
    """The bot's own words about it are for its author alone."""
    return replace(message, target=replace(message.target, only=message.author.id))


def _notice(message: Message, sentence: str, at: float) -> Turn:
    return Turn.of(_private(message), "notice", at=at, sentence=sentence)


class Follows(Protocol):
    """What goes on with a turn after its admission."""

    def admitted(self, turn: Turn) -> asyncio.Future[None] | None:
        """Take it up; a future for what must be over before the channel's next event is admitted."""


class Intake:
    """Admits what people write, one at a time in each channel, in the order of arrival."""

    def __init__(
        self,
        inbox: Inbox,
        conversations: Conversations,
        scopes: Scopes,
        catalog: Catalog,
        follows: Follows,
        *,
        admins: Admins,
        external_allowed: bool = False,
    ) -> None:
        self.inbox = inbox
        self._conversations = conversations
        self._admins = admins
        self._external_allowed = external_allowed
        self._scopes = scopes
        self._catalog = catalog
        self._follows = follows
        self._lines = Lines()

    async def receive(
        self,
        message: Message,
        *,
        actor: Actor,
        command: Command | UserError | None = None,
        also_at: Sequence[str] = (),
        secret: str = "",
    ) -> Receipt:
        """Admit a message: durable when this returns.

        `command` is what the message asks for where its door says so (a slash command); else its
        text is read as that of a mention. `also_at` are further platform messages (of the same
        channel) that lead to this conversation, `secret` a credential that lives for 15 minutes.
        Raises TimeoutError or RedisError where Redis did not answer in time: then the event must
        not be acknowledged. What a person did wrong becomes a turn that says so.
        """
        async with self._in_line(message.thread.channel.key) as release:
            async with asyncio.timeout(ADMIT_SECONDS):
                turn, renews = await self._turn(_tidy(message), actor, command)
                admission = await self._admit(turn, also_at, secret, renews=renews)
                if (why := self._refusal(admission.outcome)) is not None:
                    if admission.told and not message.target.interaction:
                        log.info("turn.refused why=%s", admission.outcome)
                        return Receipt("", "notice", new=False)
                    turn = _notice(turn.message, why, turn.asked_at)
                    admission = await self._admit(turn, also_at, secret)
            if admission.outcome is not Admitted.NEW:
                return Receipt(admission.turn, turn.kind, new=False)
            if (over := self._follows.admitted(turn)) is not None:
                release.append(over)
        log.info("turn.admitted turn=%s kind=%s alias=%s", turn.id, turn.kind, turn.model or "-")
        return Receipt(turn.id, turn.kind, new=True)

    async def press(
        self, pressed: Message, turn_id: str, *, actor: Actor, secret: str = ""
    ) -> Receipt:
        """A button was pressed: the command of its name, about the answer that it stands below. `turn_id` came from
        outside: it counts where it names a question that was asked in this very place. As `receive`."""
        async with asyncio.timeout(ADMIT_SECONDS):
            known = TURN.fullmatch(turn_id.encode()) is not None
            stored = await self.inbox.load(turn_id) if known else None
        turn = stored.turn if stored else None
        if turn is None or turn.kind != "ask" or turn.place != pressed.place:
            faded = Unavailable(FADED)
            return await self.receive(pressed, actor=actor, command=faded, secret=secret)
        pressed = replace(pressed, thread=turn.message.thread, threadless=False, about=turn.id)
        return await self.receive(pressed, actor=actor, secret=secret)

    async def amend(self, channel: Channel, mark: str, words: str | None) -> None:
        """A message was edited (`words`) or deleted (None): the question, if it was one, follows.

        In line with the channel's other events, so that an edit meets the question that it edits.
        """
        async with self._in_line(channel.key), asyncio.timeout(ADMIT_SECONDS):
            turn_id = await self.inbox.seen(channel.platform, channel.workspace, mark)
            stored = await self.inbox.newest(turn_id) if turn_id else None
            if stored is None or stored.turn is None or stored.turn.kind != "ask":
                return
            turn = stored.turn
            words = None if words is None else _edited(turn.message, words)
            state = await self.inbox.amend(turn, words)
            if state == "later" or turn.retries:
                await self._conversations.amend(
                    turn.conversation, stored.epoch, turn.message.id, words
                )
        log.info("turn.amended turn=%s state=%s", turn.id, state)

    def authorize(self, actor: Actor, channel: Channel) -> None:
        """Raise NotAllowed unless the actor may use the bot here at all. What a command needs beyond that is judged
        where it is run, by what the platform says of its author then."""
        authorize(
            actor,
            Action.ASK,
            None,
            admins=self._admins,
            direct=channel.direct,
            external_allowed=self._external_allowed,
        )

    async def _turn(
        self, message: Message, actor: Actor, command: Command | UserError | None
    ) -> tuple[Turn, bool]:
        """The turn that a message becomes: a question with its model, a command, or a sentence that
        says what is wrong with it; and whether it begins its conversation anew."""
        at = time.time()
        try:
            self.authorize(actor, message.thread.channel)
            if isinstance(command, UserError):
                raise command
            command = command or read(message)
            if isinstance(command, Ask):
                return await self._question(message, command, at), False
            renews = isinstance(command, NewConversation)
            if renews:
                message = await self._in_latest(message)
            return Turn.of(_private(message), "command", at=at), renews
        except UserError as error:
            return _notice(message, error.sentence, at), False

    async def _question(self, message: Message, asked: Ask, at: float) -> Turn:
        one_shot = message.model or asked.model
        if one_shot:
            one_shot = self._catalog.find(one_shot).alias
        choice = await self._scopes.in_force(message.thread, one_shot)
        turn = Turn.of(message, "ask", at=at, model=choice.alias, reason=choice.reason)
        return turn.with_message(text=asked.prompt, model=one_shot)

    def _refusal(self, outcome: Admitted) -> str | None:
        """What the author of a question is told that is refused because too many wait: once for as long as that goes
        on, and where a platform wants an answer of its own to each, each time."""
        sentences = {Admitted.FULL: FULL, Admitted.MANY: self.inbox.caps.refusal}
        return sentences.get(outcome)

    async def _in_latest(self, message: Message) -> Message:
        """Where no thread is told, the sender's latest conversation in the channel is meant."""
        channel = message.thread.channel
        if not message.threadless or channel.direct:
            return message
        latest = await self._conversations.latest(channel.key, message.author.id)
        if latest is None:
            raise Unavailable(NONE_YET)
        return replace(message, thread=Thread(channel, latest.rsplit(":", 1)[1]))

    async def _admit(
        self, turn: Turn, also_at: Sequence[str], secret: str, *, renews: bool = False
    ) -> Admission:
        message, store = turn.message, self.inbox.store
        channel = message.thread.channel
        place = (channel.platform, channel.workspace, message.target.channel)
        at = []
        if (
            turn.kind == "ask" or message.id == message.thread.id
        ):  # a command may be a thread's root too
            at.append(at_key(store, *place, message.id))
        if turn.kind == "ask":
            at += [at_key(store, *place, name) for name in also_at]
        if turn.kind == "ask" and not message.target.only:  # a private one is never gone on with
            at.append(latest_key(store, channel.key, message.author.id))
        return await self.inbox.admit(turn, at=at, secret=secret, renews=renews)

    @asynccontextmanager
    async def _in_line(self, channel: str) -> AsyncIterator[list[asyncio.Future[None]]]:
        """One event of a channel at a time, first come first served; held until what is appended to
        the list is over, which the caller does not wait for."""
        line = self._lines.of(channel)
        await line.acquire()
        until: list[asyncio.Future[None]] = []
        try:
            yield until
        finally:
            if until:
                until[0].add_done_callback(lambda _: line.release())
            else:
                line.release()
