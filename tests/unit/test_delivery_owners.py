"""Two adapters and one channel: each reply is shown once, whoever loses the lease in mid-send."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from bot.errors import Outgrown, PlaceGone, Unsure
from bot.types import Turn, new_id
from tests.asleep import asleep, lose_lease, oversleep
from tests.chat import Chat, Request, Shop, delivering, until


@pytest.fixture
def shop(redis: Redis) -> Shop:
    return Shop(redis)


def retry(turn: Turn, mark: str) -> Turn:
    """The turn that is to answer the same question again."""
    return replace(turn, id=new_id(), retries=turn.id).with_message(marks=(mark,))


async def delivered_by_b(shop: Shop) -> None:
    async with delivering(shop.delivery(Chat(shop.server), "b")):
        await shop.at_rest()


async def test_two_adapters_show_every_reply_once(shop: Shop) -> None:
    other = Chat(shop.server)
    async with AsyncExitStack() as stack:
        for chat, owner in ((shop.chat, "a"), (other, "b")):
            await stack.enter_async_context(delivering(shop.delivery(chat, owner)))
        turns = [await shop.ask(thread=f"{n}.1", channel=f"C{n % 3}") for n in range(12)]
        for turn in turns:
            await shop.pen.answer(turn, f"Answer to {turn.id}.")
        commands = [await shop.tell("command", only="U1", channel="C1") for _ in range(6)]
        await shop.at_rest()
    assert sorted(posted.text for posted in shop.server.messages.values()) == sorted(
        f"Answer to {turn.id}." for turn in turns
    )
    assert sorted(turn for _, turn, _ in shop.server.private) == sorted(t.id for t in commands)
    assert shop.server.deleted == []


async def test_who_loses_the_channel_in_mid_send_takes_its_own_message_away(shop: Shop) -> None:
    other = Chat(shop.server)
    held = shop.chat.will_hold("post")
    first = shop.delivery()
    turn = await shop.ask()
    await shop.pen.answer(turn, "Once.")
    first.look(turn.id)
    await until(held.reached.is_set)
    await lose_lease(shop, turn, "b")
    async with delivering(shop.delivery(other, "b")):
        await shop.at_rest()
        assert shop.server.texts() == ["Once."]
        held.gate.set()
        await until(lambda: shop.server.deleted)
    await first.close(1)
    assert shop.server.texts() == ["Once."]
    assert [posted.id for posted in shop.server.deleted] == ["M2"]


async def test_an_edit_that_leaves_too_late_is_mended_by_who_made_it(shop: Shop) -> None:
    """Its older text comes after the final one of the channel's new owner."""
    async with asleep(shop) as sleeper:
        await delivered_by_b(shop)
        assert shop.server.texts() == ["Once upon a time."]
        sleeper.wakes_up()
        shown = shop.server.messages["M1"].shown
        await until(lambda: shown[-2:] == ["Once upon", "Once upon a time."])
    assert len(shop.server.messages) == 1


async def test_a_post_that_leaves_too_late_is_mended_by_who_made_it(shop: Shop) -> None:
    """What is found where a part is to be posted is made to show the text: that comes too late as an edit does."""
    turn = await shop.ask()
    assert await shop.replies.intend(turn.id, 0)
    message = shop.chat._post(turn, 0, "On")
    grant = await shop.pen.claim(turn)
    async with delivering(shop.delivery()) as sleeper:
        held = await oversleep(shop, sleeper, turn, grant, "post", "Once")
        await delivered_by_b(shop)
        held.gate.set()
        shown = shop.server.messages[message].shown
        await until(lambda: shown[-2:] == ["Once", "Once upon a time."])
    assert len(shop.server.messages) == 1


async def test_what_an_adapter_that_died_had_sent_is_mended_by_its_successor(shop: Shop) -> None:
    """Its last edit was on a line that stood still, and is carried out when the answer has been whole for long."""
    turn = await shop.ask()
    assert await shop.replies.own(turn.place, "the dead", 0.3)
    grant = await shop.pen.claim(turn)
    await shop.pen.write(grant, "Once")
    message = shop.chat._post(turn, 0, "Once")
    assert await shop.replies.bind(turn, "the dead", 0, message)
    await shop.pen.finish(grant, "Once upon a time.")
    async with delivering(shop.delivery(stray=0.5)):
        await shop.at_rest()
        shown = shop.server.messages[message].shown
        assert shown == ["Once", "Once upon a time."]
        shown.append("Once upon")
        await until(lambda: shown[2:] == ["Once upon", "Once upon a time."])


async def test_what_an_adapter_had_posted_and_died_before_noting_is_mended_by_its_successor(
    shop: Shop,
) -> None:
    """A slash command's answer takes the place of what stands there: its first text may come late as well."""
    turn = await shop.ask()
    assert await shop.replies.intend(turn.id, 0)
    message = shop.chat._post(turn, 0, "Once")
    await shop.pen.answer(turn, "Once upon a time.")
    async with delivering(shop.delivery(stray=0.5)):
        await shop.at_rest()
        shown = shop.server.messages[message].shown
        shown.append("Once")
        await until(lambda: shown[-2:] == ["Once", "Once upon a time."])


async def test_an_answer_that_one_adapter_showed_alone_is_not_shown_once_more(shop: Shop) -> None:
    async with delivering(shop.delivery(stray=0.01)) as delivery:
        _, grant = await shop.grows("Once")
        await shop.pen.finish(grant, "Once upon a time.")
        await shop.at_rest()
        await until(lambda: not delivery._tracked)
        assert not delivery._strays._expected


async def test_a_platform_remembers_nothing_of_what_is_looked_after_no_more(shop: Shop) -> None:
    """Neither of what was delivered, nor of what was given up or is another adapter's now."""
    async with shop.open():
        handed, gone, plain = [await shop.ask(thread=f"{n}.1", channel=f"C{n}") for n in range(3)]
        await until(lambda: {turn.id for turn in (handed, gone, plain)} <= shop.chat.signs.keys())
        assert shop.chat.remembered == {handed.id, gone.id, plain.id}
        await lose_lease(shop, handed, "b")
        await shop.replies.delivered(handed.id, handed.conversation)
        shop.chat.will("post", PlaceGone("It is gone."), turn=gone)
        for turn in (gone, plain):
            await shop.pen.answer(turn, "Once.")
        await shop.at_rest()
        await until(lambda: not shop.chat.remembered)


async def test_where_a_retry_ended_before_its_first_word_the_former_answer_is_mended(
    shop: Shop,
) -> None:
    """What took its place has nothing to show: the text that came too late would stay for good."""
    async with asleep(shop) as sleeper:
        async with delivering(shop.delivery(Chat(shop.server), "b")):
            await shop.at_rest()
            former = sleeper.turn
            for mark in ("first", "second"):
                again = retry(former, mark)
                assert (await shop.inbox.admit(again)).outcome == "new"
                assert await shop.inbox.stop(again) == "cancelled"
                await shop.at_rest()
                former = again
        sleeper.wakes_up()
        shown = shop.server.messages["M1"].shown
        await until(lambda: shown[-2:] == ["Once upon", "Once upon a time."])
    assert len(shop.server.messages) == 1


async def test_who_would_split_a_delivered_answer_otherwise_lets_it_be(shop: Shop) -> None:
    """Adapters of two versions: what the older one posts beside the newer one's message is refused, and comes again."""
    shop.chat.size = len("Once upon")
    async with asleep(shop) as sleeper:
        await delivered_by_b(shop)
        shop.chat.requests.clear()
        sleeper.wakes_up()
        await until(lambda: not sleeper.delivery._tracked)
    assert shop.chat.asked("post") == []
    assert len(shop.server.messages) == 1


async def test_who_mends_and_finds_its_message_deleted_lets_it_be(shop: Shop) -> None:
    async with asleep(shop) as sleeper:
        await shop.replies.delivered(sleeper.turn.id, sleeper.turn.conversation)
        shop.chat.will("edit", PlaceGone("It is gone."))
        sleeper.wakes_up()
        await until(lambda: not sleeper.delivery._tracked)
    assert shop.server.texts() == ["Once upon"]
    assert await shop.letters() == []


@pytest.mark.parametrize("error", [PlaceGone("It is gone."), Outgrown("Not in this message.")])
async def test_nothing_of_a_retry_that_was_delivered_is_posted_anew_by_who_mends_it(
    shop: Shop, error: Exception
) -> None:
    """A private one cannot be edited any more when its token is spent: it came again as a direct message."""
    async with delivering(shop.delivery()) as delivery:
        turn = await shop.ask()
        await shop.pen.answer(turn, "Once.")
        await shop.at_rest()
        again = retry(turn, "again")
        assert (await shop.inbox.admit(again)).outcome == "new"
        await shop.pen.answer(again, "Once more.")
        await shop.at_rest()
        await until(lambda: not delivery._tracked)
        shop.chat.requests.clear()
        shop.chat.will("edit", error)
        delivery.look(again.id).late = True
        await until(lambda: not delivery._tracked)
    assert shop.chat.requests == [Request("edit", again.id, 0, "Once more.")]
    assert shop.server.texts() == ["Once more."]


async def test_who_wakes_up_after_the_delivery_and_is_refused_takes_no_question_back(
    shop: Shop,
) -> None:
    """Where nothing can be shown a question is given up, but that is not for who slept: it can be asked again."""
    async with asleep(shop) as sleeper:
        await delivered_by_b(shop)
        sleeper.request.error = PlaceGone("It is gone.")
        sleeper.wakes_up()
        await until(lambda: not sleeper.delivery._tracked)
    stored = await shop.inbox.load(sleeper.turn.id)
    assert stored is not None
    assert not stored.gone
    assert stored.phase == "delivered"
    assert shop.server.texts() == ["Once upon a time."]


async def test_a_successor_adopts_what_its_predecessor_had_posted_and_not_noted(
    shop: Shop,
) -> None:
    turn = await shop.ask()
    await shop.pen.answer(turn, "Once.")
    assert await shop.replies.intend(turn.id, 0)
    shop.chat._post(turn, 0, "On")
    async with shop.open():
        await shop.at_rest()
    assert shop.server.texts() == ["Once."]
    assert shop.chat.looked == [(turn.id, 0)]


async def test_who_wakes_up_too_late_unbinds_nothing_that_another_has_bound(shop: Shop) -> None:
    turn = await shop.ask()
    assert await shop.replies.own(turn.place, "a", 60)
    assert await shop.replies.bind(turn, "a", 0, "M1")
    await shop.replies.unbind(turn, 0, "M1")
    assert not await shop.replies.leads(turn, "M1")
    assert await shop.replies.bind(turn, "a", 0, "M2")
    await shop.replies.unbind(turn, 0, "M1")
    assert (await shop.replies.read(turn.id)).parts == {0: "M2"}
    assert await shop.replies.leads(turn, "M2")


async def test_nobody_adopts_a_message_whose_poster_is_about_to_take_it_away(shop: Shop) -> None:
    """The poster's BIND was refused, its deletion is on its way: the successor posts one of its own."""
    turn = await shop.ask()
    await shop.pen.answer(turn, "Once.")
    assert await shop.replies.intend(turn.id, 0)
    early = shop.chat._post(turn, 0, "Once.")
    assert await shop.replies.own(turn.place, "b", 60)
    assert not await shop.replies.bind(turn, "a", 0, early)
    async with delivering(shop.delivery(owner="b")):
        await shop.at_rest()
    await shop.chat.delete(turn, early)
    assert shop.server.texts() == ["Once."]
    assert (await shop.replies.read(turn.id)).parts == {0: "M2"}


async def test_a_channel_is_taken_over_when_its_owner_has_died(shop: Shop) -> None:
    turn = await shop.ask()
    assert await shop.replies.own(turn.place, "the dead", 0.3)
    await shop.pen.answer(turn, "Here I am.")
    async with shop.open():
        await shop.at_rest()
    assert shop.server.texts() == ["Here I am."]


async def test_what_another_adapter_delivered_is_not_told_again(shop: Shop) -> None:
    """A private word waits here for the channel, which its owner gives up right after saying it."""
    turn = await shop.tell("command", only="U1")
    assert await shop.replies.own(turn.place, "b", 60)
    waiting = shop.delivery()
    tracked = waiting.look(turn.id)
    await tracked.ran.wait()
    await shop.replies.delivered(turn.id, turn.conversation)
    await shop.replies.disown(turn.place, "b")
    await waiting.sweep()
    await until(lambda: tracked.task is not None and tracked.task.done())
    assert shop.server.private == []


async def test_what_was_delivered_elsewhere_is_not_taken_back(shop: Shop) -> None:
    """A turn that is owed no more is let go of; only one that its author cancelled takes its messages along."""
    async with shop.open() as delivery:
        turn, _grant = await shop.grows("So")
        await shop.replies.delivered(turn.id, turn.conversation)
        await until(lambda: not delivery._tracked)
    assert shop.server.texts() == ["So"]


async def test_what_is_no_hint_is_passed_over_and_the_next_one_heard(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = shop.delivery()
    listening = asyncio.create_task(delivery.hints())
    turn = await shop.ask()
    await shop.pen.answer(turn, "Heard.")
    store = shop.inbox.store
    for said in (b"\xff\xfe", b"", b"a word of somebody's", turn.id.encode()):
        while not await store.redis.publish(store.key("hint", "chat"), said):
            await asyncio.sleep(0.005)
    await shop.at_rest()
    assert shop.server.texts() == ["Heard."]
    assert "somebody" not in caplog.text
    listening.cancel()
    await delivery.close(1)


async def test_the_hints_go_on_when_their_connection_was_lost(shop: Shop) -> None:
    delivery = shop.delivery()
    listening = asyncio.create_task(delivery.hints())
    turn = await shop.ask()
    store = shop.inbox.store
    async with asyncio.timeout(30):
        while not shop.server.messages:
            await store.redis.client_kill_filter(_type="pubsub")
            await asyncio.sleep(0.05)
            if await shop.owed() and (grant := await shop.inbox.claim(turn.conversation)):
                await shop.pen.finish(grant, "Heard.")
            await store.redis.publish(store.key("hint", "chat"), turn.id)
            await asyncio.sleep(0.05)
    listening.cancel()
    await delivery.close(1)
    assert shop.server.texts() == ["Heard."]


async def test_the_first_words_bring_the_intent_to_post_them(shop: Shop) -> None:
    """Who sends to the channel posts them at once; whoever comes after it knows that it may have, and looks."""
    async with delivering(shop.delivery()):
        turn, _ = await shop.grows("Once")
        assert await shop.inbox.store.redis.hget(shop.inbox.store.key("reply", turn.id), "intent:0")
        assert shop.chat.looked == []
    assert not await shop.replies.intend(turn.id, 0)


@pytest.mark.parametrize("how", ["nobody sends there", "its owner is of an older version"])
async def test_who_does_not_know_of_such_an_intent_is_brought_none(shop: Shop, how: str) -> None:
    store = shop.inbox.store
    turn = await shop.ask()
    if how != "nobody sends there":
        assert await shop.replies.own(turn.place, "a newer one", 60)
        await lose_lease(shop, turn, "old")
    grant = await shop.pen.claim(turn)
    await shop.pen.write(grant, "Once")
    assert not await store.redis.hexists(store.key("reply", turn.id), "intent:0")


async def test_a_first_post_without_an_answer_is_looked_for_before_it_is_made_again(
    shop: Shop,
) -> None:
    """By the same adapter, which forgot the turn meanwhile: the intent came once, and is good for one post."""
    shop.chat.will("post", Unsure("No answer came."), applied=True)
    held = shop.chat.will_hold("post")
    delivery = shop.delivery()
    async with delivering(delivery):
        turn = await shop.ask()
        delivery.look(turn.id)
        await until(lambda: delivery._places.get(turn.place))
        await until(lambda: delivery._places[turn.place].owned)
        grant = await shop.pen.claim(turn)
        await shop.pen.write(grant, "Once")
        await until(held.reached.is_set)
        task = delivery._tracked[turn.id].task
        assert task is not None
        task.cancel()
        held.gate.set()
        await shop.pen.finish(grant, "Once upon a time.")
        await shop.at_rest()
    assert shop.server.texts() == ["Once upon a time."]
    assert shop.chat.looked == [(turn.id, 0)]


async def test_an_intent_of_a_channels_former_owner_is_looked_into(shop: Shop) -> None:
    """It may have posted the words before it died."""
    turn = await shop.ask()
    assert await shop.replies.own(turn.place, "the dead", 60)
    grant = await shop.pen.claim(turn)
    await shop.pen.write(grant, "Once")
    message = shop.chat._post(turn, 0, "Once")
    await lose_lease(shop, turn, "b")
    await shop.pen.finish(grant, "Once upon a time.")
    await delivered_by_b(shop)
    assert [posted.id for posted in shop.server.messages.values()] == [message]
    assert shop.server.texts() == ["Once upon a time."]
