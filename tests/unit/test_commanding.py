"""A command turn is run once: its words for its author, what changed for the channel, and nothing twice."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from adapters.commanding import Commanding
from adapters.delivery import Delivery
from bot.access import Admins
from bot.answers import Answers
from bot.conversation import Conversations
from bot.desk import RENEWED, Desk
from bot.inbox import hint_channel
from bot.models import Catalog
from bot.scopes import Scopes
from bot.store import REPLY_TTL
from bot.types import Actor
from tests.audit import read_audit
from tests.chat import Shop, admin, delivering, until

CATALOG = Catalog.load(None)


class Counter(Shop):
    """A shop whose commands are run at a real desk."""

    def __init__(self, redis: Redis, **policy: object) -> None:
        super().__init__(redis)
        self.scopes = Scopes(self.inbox.store, "gpt-4o", Admins())
        desk = Desk(self.scopes, CATALOG, Admins(), **policy)  # type: ignore[arg-type]
        answers = Answers(
            self.inbox,
            self.replies,
            Conversations(self.inbox.store),
            self.scopes,
            CATALOG,
            Admins(),
        )
        self.commanding = Commanding(self.chat, self.inbox, desk, answers)

    def delivery(self, chat: object = None, owner: str = "a") -> Delivery:
        return Delivery(self.chat, self.inbox, self.replies, self.commanding.run, owner, pause=0.02)

    async def order(self, words: str, **more: object) -> str:
        """What the author of a command is told."""
        turn = await self.tell("command", words=words, only="U1", **more)
        await until(lambda: any(told == turn.id for _, told, _ in self.server.private))
        return next(words for _, told, words in self.server.private if told == turn.id)


@pytest.fixture
def counter(redis: Redis) -> Counter:
    return Counter(redis)


async def test_a_change_is_told_to_its_author_and_announced_to_all(counter: Counter) -> None:
    counter.chat.people["U1"] = admin()
    async with delivering(counter.delivery()):
        told = await counter.order("/model set gpt-4o-mini")
        await counter.at_rest()
    assert told.startswith("Done: you set the model of this channel to `gpt-4o-mini`")
    (announced,) = counter.server.texts()
    assert announced.strip("\n- ").startswith("**Ada** set the model of this channel")
    assert "before: `gpt-4o`" in announced


async def test_a_command_that_is_run_again_changes_and_announces_once(counter: Counter) -> None:
    counter.chat.people["U1"] = admin()
    turn = await counter.tell("command", words="/model set gpt-4o-mini", only="U1")
    first = await counter.commanding.run(turn)
    assert await counter.commanding.run(turn) == first
    assert await counter.commanding.run(turn) == first
    store = counter.inbox.store
    mark = store.key("seen", "chat", "T1", f"announcement-{turn.id}")
    assert await store.redis.ttl(mark) > REPLY_TTL - 60, "maybe for days"
    async with delivering(counter.delivery()):
        await counter.at_rest()
    assert len(counter.server.texts()) == 1
    assert len(await read_audit(counter.inbox.store)) == 1
    assert [words for _, _, words in counter.server.private] == [first]


async def test_an_announcement_waits_for_no_sweep(counter: Counter) -> None:
    counter.chat.people["U1"] = admin()
    turn = await counter.tell("command", words="/model set gpt-4o-mini", only="U1")
    store = counter.inbox.store
    async with store.redis.pubsub() as pubsub:
        await pubsub.subscribe(hint_channel(store, turn.conversation))
        await counter.commanding.run(turn)
        (owed,) = set(await counter.owed()) - {turn.id}
        async with asyncio.timeout(30):
            while (heard := await pubsub.get_message(True, 1.0)) is None:
                continue
    assert heard["data"] == owed.encode()


async def test_a_member_is_refused_in_words_and_nothing_changes(counter: Counter) -> None:
    async with delivering(counter.delivery()):
        told = await counter.order("/model lock workspace")
        await counter.at_rest()
    assert told.startswith("Only people with the permission")
    assert counter.server.texts() == []
    assert await read_audit(counter.inbox.store) == []


async def test_who_was_an_admin_when_it_was_typed_must_still_be_one_when_it_is_run(
    counter: Counter,
) -> None:
    turn = await counter.tell("command", words="/model set gpt-4o-mini", only="U1")
    counter.chat.people["U1"] = Actor("chat", "T1", "U1", "Ada")
    async with delivering(counter.delivery()):
        await counter.at_rest()
    ((_, told, words),) = counter.server.private
    assert told == turn.id
    assert words.startswith("Only people")


async def test_what_somebody_typed_wrongly_is_a_sentence_and_no_fault(counter: Counter) -> None:
    counter.chat.people["U1"] = admin()
    async with delivering(counter.delivery()):
        assert "`gpt-4o`" in await counter.order("/model set gpt-4p")
        assert "is no scope" in await counter.order("/model set gpt-4o planet")
        await counter.at_rest()
    assert counter.server.texts() == []
    assert await counter.letters() == []


async def test_where_no_thread_is_told_the_scope_thread_names_the_form_that_tells_it(
    counter: Counter,
) -> None:
    counter.chat.people["U1"] = admin()
    async with delivering(counter.delivery()):
        told = await counter.order("/model set claude thread for 2h", threadless=True)
        assert "`@bot /model set claude thread for 2h`" in told
        assert (await counter.order("/model set gpt-4o-mini thread")).startswith("Done:")
        await counter.at_rest()


async def test_help_names_the_slash_command_that_the_operator_chose(redis: Redis) -> None:
    counter = Counter(redis, slash="/robot")
    counter.chat.people["U1"] = Actor("slack", "T1", "U1")
    async with delivering(counter.delivery()):
        told = await counter.order("/help")
    assert "`/robot ask PROMPT`" in told
    assert "/ai" not in told


async def test_people_of_other_organisations_get_help_where_they_may_ask(redis: Redis) -> None:
    for allowed in (True, False):
        counter = Counter(redis, external_allowed=allowed)
        counter.chat.people["U1"] = Actor("chat", "T1", "U1", external=True)
        async with delivering(counter.delivery()):
            told = await counter.order("/help")
            changed = await counter.order("/model reset")
        assert ("These are the commands" in told) is allowed
        assert "People of other organisations" in changed


async def test_a_new_conversation_is_said_to_its_author_alone(counter: Counter) -> None:
    async with delivering(counter.delivery()):
        assert await counter.order("/new") == RENEWED
        await counter.at_rest()
    assert counter.server.texts() == []


async def test_a_direct_message_has_no_announcements(counter: Counter) -> None:
    async with delivering(counter.delivery()):
        told = await counter.order("/model set gpt-4o-mini", channel="D1", direct=True)
        assert "not lock it" in await counter.order("/model lock", channel="D1", direct=True)
        await counter.at_rest()
    assert told.startswith("Done:")
    assert counter.server.messages == {}


async def test_an_announcement_survives_the_adapter_that_was_to_make_it(counter: Counter) -> None:
    counter.chat.people["U1"] = admin()
    turn = await counter.tell("command", words="/model set gpt-4o-mini", only="U1")
    await counter.commanding.run(turn)  # and its adapter dies
    async with delivering(counter.delivery(owner="b")):
        await counter.at_rest()
    assert len(counter.server.texts()) == 1
