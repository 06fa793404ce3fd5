"""What is owed becomes visible: the delivery loop against a small chat platform, on a real Redis."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from redis.asyncio import Redis

from adapters.delivery import AGAIN, FOREIGN, UNSHOWN, Delivery
from adapters.pace import Rate
from adapters.showing import BLANK
from bot.errors import MissingScope, PlaceGone, PlatformBusy, TooLong, Unsure
from bot.store import REPLY_TTL
from bot.types import Phase, Turn
from tests.chat import Pen, Shop, delivering, message, until


@pytest.fixture
def shop(redis: Redis) -> Shop:
    return Shop(redis)


# ---- an answer grows --------------------------------------------------------------------------------------------


async def test_an_answer_grows_in_one_message_and_ends_whole(shop: Shop) -> None:
    async with shop.open():
        _, grant = await shop.grows("Once")
        await shop.pen.write(grant, " upon")
        await until(lambda: shop.server.texts() == ["Once upon"])
        await shop.pen.finish(grant, "Once upon a time.")
        await shop.at_rest()
    (posted,) = shop.server.messages.values()
    assert posted.shown == ["Once", "Once upon", "Once upon a time."]


async def test_what_is_final_and_shown_is_read_no_more(shop: Shop) -> None:
    async with shop.open():
        turn, grant = await shop.grows("Once")
        held = shop.chat.will_hold("edit")
        await shop.pen.finish(grant, "Once upon a time.")
        await until(held.reached.is_set)
        await shop.inbox.store.redis.delete(shop.inbox.store.key("reply", turn.id))
        held.gate.set()
        await shop.at_rest()
    assert shop.server.texts() == ["Once upon a time."]


async def test_a_text_that_is_shown_already_is_never_sent_again(shop: Shop) -> None:
    async with shop.open() as delivery:
        turn, grant = await shop.grows("The same.")
        for _ in range(5):
            delivery.look(turn.id)
            await delivery.sweep()
        assert shop.chat.asked("edit") == []
        await shop.pen.finish(grant, "The same.")
        await shop.at_rest()
    assert len(shop.chat.asked("post")) == 1
    assert len(shop.chat.asked("edit")) == 1, "its button went"


async def test_the_first_text_waits_for_nothing_and_the_next_for_the_pause(shop: Shop) -> None:
    shop.chat.limits = replace(shop.chat.limits, interval=3600.0)
    async with shop.open():
        _, grant = await shop.grows("Once")
        await shop.pen.write(grant, " upon")
        await shop.pen.write(grant, " a time")
        await shop.pen.finish(grant, "Once upon a time, whole.")
        await shop.at_rest()
    (posted,) = shop.server.messages.values()
    assert posted.shown == ["Once", "Once upon a time, whole."], "a whole reply ends the pause"


async def test_what_a_request_waited_for_is_the_text_that_it_sends(shop: Shop) -> None:
    """A growing edit that had to wait for its right to be sent shows what is there by then, not what was."""
    shop.chat.rates["edit"] = Rate(1, 0.5, 1)
    async with shop.open():
        _, grant = await shop.grows("1")
        for number in range(2, 10):
            await shop.pen.write(grant, f" {number}")
            if number == 2:
                await until(lambda: shop.server.texts() == ["1 2"])
        await until(lambda: shop.server.texts() == ["1 2 3 4 5 6 7 8 9"])
        await shop.pen.finish(grant, "1 2 3 4 5 6 7 8 9")
        await shop.at_rest()
    *growing, whole = [request.text for request in shop.chat.asked("edit")]
    assert growing == ["1 2", "1 2 3 4 5 6 7 8 9"]
    assert whole == growing[-1], "only its button went"


async def test_one_request_of_a_reply_is_in_flight_at_a_time(shop: Shop) -> None:
    shop.chat.size = 4
    async with shop.open() as delivery:
        turn = await shop.ask()
        held = shop.chat.will_hold("post")
        grant = await shop.pen.claim(turn)
        await shop.pen.write(grant, "1234")
        await until(held.reached.is_set)
        await shop.pen.write(grant, "5678 and more")
        for _ in range(3):
            delivery.look(turn.id)
            await delivery.sweep()
        assert len(shop.chat.requests) - len(shop.chat.asked("working")) == 1
        held.gate.set()
        await shop.pen.finish(grant, "12345678 and more.")
        await shop.at_rest()
    assert shop.chat.most_in_flight[turn.id] == 1
    assert shop.server.texts() == ["1234", "5678", " and", " mor", "e."]


async def test_a_final_text_goes_before_texts_that_grow(shop: Shop) -> None:
    """One right to edit a second is left: the answer that is whole gets it, though the other asked before."""
    shop.chat.rates["edit"] = Rate(1, 1.0, 2)
    async with shop.open():
        growing, whole = await shop.ask(thread="1.1"), await shop.ask(thread="2.2")
        first, second = await shop.pen.claim(growing), await shop.pen.claim(whole)
        pens = {grant: Pen(shop.inbox, shop.replies) for grant in (first, second)}
        for grant in (first, second):
            await pens[grant].write(grant, "a")
        await until(lambda: shop.server.texts() == ["a", "a"])
        await pens[first].write(first, "b")
        await until(lambda: len(shop.chat.asked("edit")) == 1)
        await pens[first].write(first, "c")  # waits: a growing text leaves the last right alone
        await pens[second].finish(second, "whole")
        await until(lambda: len(shop.chat.asked("edit")) == 2)
        await pens[first].finish(first, "abc")
        await shop.at_rest()
    assert [request.text for request in shop.chat.asked("edit")] == ["ab", "whole", "abc"]


async def test_a_reply_that_became_whole_does_not_wait_behind_its_own_growing_text(
    shop: Shop,
) -> None:
    shop.chat.rates["edit"] = Rate(1, 1000.0, 4)  # none comes back in this test
    async with shop.open():
        _, grant = await shop.grows("1")
        for number in (2, 3):
            await shop.pen.write(grant, f" {number}")
            await until(lambda n=number: len(shop.chat.asked("edit")) == n - 1)
        await shop.pen.write(grant, " 4")  # the reserve is not for a growing text
        await shop.pen.finish(grant, "1 2 3 4 5")
        await shop.at_rest()
    assert shop.server.texts() == ["1 2 3 4 5"]


async def test_the_sign_of_being_at_work_is_renewed_until_there_is_a_text(shop: Shop) -> None:
    async with shop.open():
        turn = await shop.ask()
        await until(lambda: shop.chat.signs[turn.id] >= 3)
        grant = await shop.pen.claim(turn)
        await shop.pen.write(grant, "Now")
        await until(lambda: shop.chat.signed_off == [turn.id])
        assert shop.server.texts() == ["Now"]
        seen = shop.chat.signs[turn.id]
        await shop.pen.finish(grant, "Now.")
        await shop.at_rest()
        assert shop.chat.signs[turn.id] == seen
    assert shop.chat.signed_off == [turn.id]


async def test_a_sign_that_fails_fails_no_answer(shop: Shop) -> None:
    shop.chat.will("working", MissingScope("No signs here."), times=50)
    async with shop.open():
        turn = await shop.ask()
        await shop.pen.answer(turn, "All the same.")
        await shop.at_rest()
    assert shop.server.texts() == ["All the same."]
    assert await shop.letters() == []


async def test_an_answer_that_is_made_anew_says_so_until_it_is_further_than_before(
    shop: Shop,
) -> None:
    """A worker died after a minute's text: for a minute more nothing would have moved."""
    shop.inbox.lease_ms = 1
    async with shop.open():
        turn = await shop.ask()
        await shop.pen.write(await shop.pen.claim(turn), "Once upon a time")
        await until(lambda: shop.server.texts() == ["Once upon a time"])
        await asyncio.sleep(0.01)  # the lease of the first worker ends
        again = await shop.pen.claim(turn)
        for words, percent in (("", 0), ("Once", 25), (" upon", 56)):
            await shop.pen.write(again, words)
            said = AGAIN.format(percent)
            await until(lambda said=said: shop.server.texts() == [f"Once upon a time\n-- {said}"])  # type: ignore[misc]
        await shop.pen.write(again, " a time there")
        await until(lambda: shop.server.texts() == ["Once upon a time there"])
        await shop.pen.finish(again, "Once upon a time there was one.")
        await shop.at_rest()
    assert shop.server.texts() == ["Once upon a time there was one."]


# ---- parts ------------------------------------------------------------------------------------------------------


async def test_a_shorter_text_of_a_new_fence_takes_its_surplus_messages_away(shop: Shop) -> None:
    shop.chat.size = 5
    shop.inbox.lease_ms = 1
    async with shop.open():
        turn = await shop.ask()
        grant = await shop.pen.claim(turn)
        await shop.pen.write(grant, "one, two, three")
        await until(lambda: len(shop.server.texts()) == 3)
        await asyncio.sleep(0.01)  # the lease of the first worker ends
        again = await shop.pen.claim(turn)
        await shop.pen.finish(again, "four")
        await shop.at_rest()
    assert shop.server.texts() == ["four"]
    assert [posted.part for posted in shop.server.deleted] == [2, 1]
    assert (await shop.replies.read(turn.id)).parts == {0: "M1"}


async def test_a_message_that_the_platform_finds_too_long_is_halved_until_it_fits(
    shop: Shop,
) -> None:
    shop.chat.size, shop.server.most = 40, 11
    text = "The whole of a long answer, and nothing of it is lost."
    async with shop.open():
        turn = await shop.ask()
        await shop.pen.answer(turn, text)
        await shop.at_rest()
    assert shop.server.whole(turn) == text
    assert max(map(len, shop.server.texts())) == 10


async def test_a_text_that_holds_nothing_to_see_is_a_sentence(shop: Shop) -> None:
    async with shop.open():
        await shop.pen.answer(await shop.ask(), "")
        await shop.at_rest()
    assert shop.server.texts() == [f"\n-- {BLANK}"]


async def test_a_stopped_answer_without_a_word_shows_nothing(shop: Shop) -> None:
    async with shop.open():
        turn = await shop.ask()
        await shop.pen.finish(await shop.pen.claim(turn), "", phase=Phase.STOPPED)
        await shop.at_rest()
    assert shop.server.texts() == []


# ---- order ------------------------------------------------------------------------------------------------------


async def test_the_next_answer_is_first_posted_when_the_one_before_is_delivered(
    shop: Shop,
) -> None:
    async with shop.open():
        first, second = await shop.ask("first"), await shop.ask("second")
        held = shop.chat.will_hold("post", first)
        await shop.pen.answer(first, "One.")
        await shop.pen.answer(second, "Two.")
        await until(held.reached.is_set)
        assert not [r for r in shop.chat.asked("post") if r.turn == second.id]
        held.gate.set()
        await shop.at_rest()
    assert shop.server.texts() == ["One.", "Two."]


async def test_a_slow_request_in_one_channel_holds_no_other(shop: Shop) -> None:
    async with shop.open():
        slow, quick = await shop.ask(channel="C1"), await shop.ask(channel="C2")
        held = shop.chat.will_hold("post", slow)
        await shop.pen.answer(slow, "Slow.")
        await until(held.reached.is_set)
        await shop.pen.answer(quick, "Quick.")
        await until(lambda: shop.server.texts("C2") == ["Quick."])
        assert await shop.owed() in ([slow.id], [slow.id, quick.id])
        held.gate.set()
        await shop.at_rest()


# ---- "later", "perhaps", "never" --------------------------------------------------------------------------------


async def test_a_429_pauses_its_bucket_alone_and_loses_nothing(shop: Shop) -> None:
    async with shop.open():
        busy, other = await shop.ask(channel="C1"), await shop.ask(channel="C2")
        shop.chat.will("post", PlatformBusy("Later.", 0.2), times=2, turn=busy)
        await shop.pen.answer(busy, "Patience.")
        await until(lambda: len(shop.chat.asked("post")) >= 1)
        await shop.pen.answer(other, "At once.")
        await until(lambda: shop.server.texts("C2") == ["At once."])
        assert shop.server.texts("C1") == []
        await shop.at_rest()
    assert shop.server.texts("C1") == ["Patience."]
    assert shop.chat.looked == [], "what was refused was not done: nobody need look for it"


async def test_a_429_while_a_text_grows_is_followed_by_the_latest_text(shop: Shop) -> None:
    async with shop.open():
        _, grant = await shop.grows("1")
        shop.chat.will("edit", PlatformBusy("Later.", 0.3))
        await shop.pen.write(grant, " 2")
        await until(lambda: len(shop.chat.asked("edit")) == 1)
        await shop.pen.write(grant, " 3")
        await shop.pen.finish(grant, "1 2 3 4")
        await shop.at_rest()
    assert shop.server.messages["M1"].shown == ["1", "1 2 3 4"]


async def test_a_post_whose_answer_was_lost_is_found_again_and_not_doubled(shop: Shop) -> None:
    shop.chat.will("post", Unsure("Nothing was heard."), applied=True)
    async with shop.open():
        turn = await shop.ask()
        await shop.pen.answer(turn, "Once.")
        await shop.at_rest()
    assert shop.server.texts() == ["Once."]
    assert shop.chat.looked == [(turn.id, 0)]


async def test_a_post_that_was_lost_itself_is_posted_again(shop: Shop) -> None:
    shop.chat.will("post", Unsure("Nothing was heard."))
    async with shop.open():
        await shop.pen.answer(await shop.ask(), "Once.")
        await shop.at_rest()
    assert shop.server.texts() == ["Once."]


async def test_an_edit_and_a_deletion_whose_answers_were_lost_are_made_again(shop: Shop) -> None:
    shop.chat.size = 5
    shop.inbox.lease_ms = 1
    shop.chat.will("edit", Unsure("?"), applied=True)
    shop.chat.will("delete", Unsure("?"), applied=True)
    async with shop.open():
        turn = await shop.ask()
        await shop.pen.write(await shop.pen.claim(turn), "one, two")
        await until(lambda: len(shop.server.texts()) == 2)
        await asyncio.sleep(0.01)
        await shop.pen.finish(await shop.pen.claim(turn), "four")
        await shop.at_rest()
    assert shop.server.texts() == ["four"]
    assert (await shop.replies.read(turn.id)).parts == {0: "M1"}


@pytest.mark.parametrize("error", [PlaceGone("The channel is gone."), MissingScope("Not here.")])
async def test_where_an_answer_has_no_place_its_author_is_told_and_nobody_goes_on(
    shop: Shop, error: PlaceGone | MissingScope
) -> None:
    shop.chat.will("post", error)
    async with shop.open():
        turn = await shop.ask()
        grant = await shop.pen.claim(turn)
        await shop.pen.write(grant, "For")
        await shop.at_rest()
        await shop.stopped(grant)
    assert shop.chat.signed_off == [turn.id]
    assert shop.server.private == [("U1", turn.id, error.sentence)]
    assert [letter["why"] for letter in await shop.letters()] == [type(error).__name__]


async def test_an_announcement_without_a_place_is_a_dead_letter_and_no_more(shop: Shop) -> None:
    async with shop.open():
        await shop.pen.claim(first := await shop.ask("first"))
        waiting = await shop.tell("notice", "A word.", channel="C9")
        shop.chat.will("post", PlaceGone("Gone."), turn=waiting)
        await until(lambda: len(shop.chat.asked("post")) == 1)
        async with asyncio.timeout(30):
            while await shop.owed() != [first.id]:
                await asyncio.sleep(0.005)
    assert [letter["turn"] for letter in await shop.letters()] == [waiting.id]
    assert shop.server.private == [], "whose command it announces has been told already"


async def test_who_deletes_the_answer_while_it_grows_ends_it_without_a_word(shop: Shop) -> None:
    async with shop.open():
        _, grant = await shop.grows("1")
        shop.server.messages.clear()
        await shop.pen.write(grant, " 2")
        await shop.at_rest()
        await shop.stopped(grant)
    assert shop.server.private == []
    assert shop.server.texts() == []


# ---- faults of ours ---------------------------------------------------------------------------------------------


async def test_five_unexpected_faults_end_in_a_dead_letter_and_a_sentence(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    shop.chat.will("post", KeyError("a field that is missing"), times=99)
    async with shop.open():
        turn = await shop.ask("a private matter")
        await shop.pen.answer(turn, "Not to be shown.")
        await shop.at_rest()
    assert len(shop.chat.asked("post")) == 5
    assert shop.server.private == [("U1", turn.id, UNSHOWN.format(turn.ref))]
    assert [(letter["turn"], letter["why"]) for letter in await shop.letters()] == [
        (turn.id, "an unexpected fault")
    ]
    assert "private matter" not in caplog.text
    assert turn.id in caplog.text


async def test_a_fault_that_spoils_the_apology_too_still_ends(shop: Shop) -> None:
    shop.chat.will("post", KeyError("x"), times=99)
    shop.chat.will("notice", KeyError("y"), times=99)
    async with shop.open():
        turn = await shop.ask()
        await shop.pen.answer(turn, "Never.")
        await shop.at_rest()
    assert len(await shop.letters()) == 1
    assert shop.server.private == []


async def test_a_fault_that_passes_costs_nothing(shop: Shop) -> None:
    shop.chat.will("post", KeyError("once"), times=4)
    async with shop.open():
        await shop.pen.answer(await shop.ask(), "There.")
        await shop.at_rest()
    assert shop.server.texts() == ["There."]
    assert await shop.letters() == []


async def test_an_answer_that_no_halving_makes_fit_is_given_up_with_a_sentence(
    shop: Shop,
) -> None:
    shop.chat.will("post", TooLong("Never fits."), times=99)
    async with shop.open():
        turn = await shop.ask()
        await shop.pen.answer(turn, "x" * 100)
        await shop.at_rest()
    assert shop.server.private == [("U1", turn.id, UNSHOWN.format(turn.ref))]


async def test_a_turn_of_a_newer_version_is_left_to_newer_adapters_and_told_where_none_comes(
    shop: Shop,
) -> None:
    """A command or notice of a newer version; of a question the old adapter shows what the new worker says."""
    store = shop.inbox.store
    async with shop.open() as delivery:
        for kind in ("command", "notice"):
            turn = replace(Turn.of(message(only="U1"), kind, at=0.0, sentence="x"), version=99)
            await shop.inbox.admit(turn)
            for _ in range(3):
                await delivery.sweep()
                await until(lambda: not delivery._tracked)
            assert await shop.owed() == [turn.id]
            assert shop.ran == shop.server.private == []
            await store.redis.hset(store.key("turn", turn.id), "admitted", 1)
            await shop.at_rest()
            assert shop.server.private.pop() == ("U1", turn.id, FOREIGN.format(turn.ref))
        said = replace(Turn.of(message(only="U1"), "command", at=0.0), version=99)
        await shop.replies.say(said.id, "chat", "The new one did it.", Phase.ANSWERED)
        await shop.inbox.admit(said)
        asked = replace(Turn.of(message(channel="C7"), "ask", at=0.0), version=99)
        await shop.inbox.admit(asked)
        await shop.pen.answer(asked, "Of tomorrow.")
        await shop.at_rest()
    assert shop.server.private == [("U1", said.id, "The new one did it.")]
    assert shop.server.texts("C7") == ["Of tomorrow."]
    assert shop.ran == []
    assert await shop.letters() == []


async def test_a_phase_of_a_newer_version_is_shown_as_far_as_it_goes(shop: Shop) -> None:
    """It failed five times here, and the answer was given up with an apology."""
    async with shop.open() as delivery:
        turn = await shop.ask()
        name = shop.inbox.store.key("reply", turn.id)
        await shop.pen.write(await shop.pen.claim(turn), "Thinking twice")
        await shop.inbox.store.redis.hset(name, "phase", "reviewing")
        delivery.look(turn.id)
        await until(lambda: shop.server.texts() == ["Thinking twice"])
        assert await shop.owed() == [turn.id]
        await shop.inbox.store.redis.hset(name, mapping={"phase": "reviewed", "text": "Thought."})
        await shop.at_rest()
    assert shop.server.texts() == ["Thought."]


async def test_an_answer_that_is_kept_no_more_is_told_and_the_next_one_comes(shop: Shop) -> None:
    """A platform whose adapter was away for longer than answers are kept: its conversations stood still for ever."""
    turn, behind = await shop.ask(), await shop.ask()
    await shop.pen.answer(turn, "Nobody came.")
    await shop.pen.answer(behind, "Here.")
    store = shop.inbox.store
    long_ago = int((time.time() - REPLY_TTL - 60) * 1000)
    for one in (turn, behind):
        await store.redis.hset(store.key("turn", one.id), "admitted", long_ago)
    await store.redis.delete(store.key("reply", turn.id))
    async with shop.open():
        await shop.at_rest()
    assert shop.server.texts() == ["Here."]
    ((_, told, words),) = shop.server.private
    assert told == turn.id
    assert turn.ref in words
    assert [letter["turn"] for letter in await shop.letters()] == [turn.id]


async def test_a_record_that_nobody_can_read_becomes_a_dead_letter(shop: Shop) -> None:
    turn = await shop.tell("command")
    store = shop.inbox.store
    await store.redis.hset(store.key("turn", turn.id), "record", b'{"id": "X", "kin')
    await store.redis.zadd(store.key("owed", "chat"), {"0" * 16: 1})
    async with shop.open():
        await shop.at_rest()
    assert {letter["turn"] for letter in await shop.letters()} == {turn.id, "0" * 16}


# ---- commands and notices ---------------------------------------------------------------------------------------


async def test_a_command_is_run_once_and_its_words_are_for_its_author(shop: Shop) -> None:
    async with shop.open():
        turn = await shop.tell("command", words="/model", only="U1")
        await shop.at_rest()
    assert shop.server.private == [("U1", turn.id, "ran /model for the 1. time")]
    assert shop.server.texts() == []


async def test_the_words_of_a_command_survive_a_crash_between_run_and_show(shop: Shop) -> None:
    held = shop.chat.will_hold("notice")
    dying = shop.delivery()
    turn = await shop.tell("command", words="/model", only="U1")
    dying.look(turn.id)
    await until(held.reached.is_set)
    await dying.close(0)
    async with shop.open():
        await shop.at_rest()
    assert shop.ran == [turn.id]
    assert shop.server.private == [("U1", turn.id, "ran /model for the 1. time")]


async def test_a_notice_for_all_is_a_message_and_posted_once_though_its_answer_was_lost(
    shop: Shop,
) -> None:
    shop.chat.will("post", Unsure("?"), applied=True)
    async with shop.open():
        await shop.tell("notice", "Ada set the model.")
        await shop.at_rest()
    assert shop.server.texts() == ["\n-- Ada set the model."]


async def test_a_private_word_is_said_when_the_platform_has_time(shop: Shop) -> None:
    shop.chat.will("notice", PlatformBusy("Later.", 0.05), times=2)
    async with shop.open():
        turn = await shop.tell("notice", "A word.", only="U1")
        await shop.at_rest()
    assert shop.server.private == [("U1", turn.id, "A word.")]


async def test_a_command_that_must_wait_for_the_platform_is_not_given_up(redis: Redis) -> None:
    shop = Shop(redis)
    left = [PlatformBusy("Later.", 0.01) for _ in range(7)]

    async def run(turn: Turn) -> str:
        if left:
            raise left.pop()
        return "Done."

    delivery = Delivery(shop.chat, shop.inbox, shop.replies, run, "a", pause=0.0)
    async with delivering(delivery):
        await shop.tell("command", only="U1")
        await shop.at_rest()
    assert [words for _, _, words in shop.server.private] == ["Done."]


@pytest.mark.parametrize("error", [PlaceGone("Who are you?"), MissingScope("I may not ask.")])
async def test_a_command_for_which_the_platform_tells_nothing_is_answered_with_that(
    shop: Shop, error: PlaceGone | MissingScope
) -> None:
    async def run(turn: Turn) -> str:
        raise error

    async with delivering(Delivery(shop.chat, shop.inbox, shop.replies, run, "a")):
        await shop.tell("command", only="U1")
        await shop.at_rest()
    assert [words for _, _, words in shop.server.private] == [error.sentence]


async def test_a_private_word_that_cannot_be_said_is_recorded(shop: Shop) -> None:
    shop.chat.will("notice", PlaceGone("Nobody there."))
    async with shop.open():
        turn = await shop.tell("notice", "A word.", only="U1")
        await shop.at_rest()
    assert [(letter["turn"], letter["why"]) for letter in await shop.letters()] == [
        (turn.id, "PlaceGone")
    ]


async def test_commands_that_a_predecessor_left_are_run_before_anything_new(shop: Shop) -> None:
    """Although the predecessor's lease of the channel still lives: only showing waits for that."""
    turn = await shop.tell("command", words="/model set claude", only="U1")
    asked = await shop.ask()
    assert await shop.replies.own(turn.place, "the dead", 60)
    delivery = shop.delivery()
    await delivery.recover(20)
    assert shop.ran == [turn.id]
    assert shop.server.private == []
    assert set(await shop.owed()) == {turn.id, asked.id}
    await delivery.close(0.1)


async def test_recovery_has_an_end(shop: Shop) -> None:
    release = asyncio.Event()

    async def run(turn: Turn) -> str:
        await release.wait()
        return "late"

    delivery = Delivery(shop.chat, shop.inbox, shop.replies, run, "a")
    await shop.tell("command", only="U1")
    await delivery.recover(0.01)
    release.set()
    await delivery.close(20)
    assert [words for _, _, words in shop.server.private] == ["late"]


# ---- a question that is taken back ------------------------------------------------------------------------------


async def test_a_question_taken_back_while_it_waits_ends_without_a_word(shop: Shop) -> None:
    async with shop.open():
        turn = await shop.ask()
        await until(lambda: shop.chat.signs[turn.id] >= 1)
        assert await shop.inbox.amend(turn, None) == "cancelled"
        await shop.at_rest()
    assert shop.chat.signed_off == [turn.id]
    assert shop.server.texts() == []


async def test_what_a_dead_worker_began_goes_with_the_question(shop: Shop) -> None:
    shop.inbox.lease_ms = 1
    async with shop.open():
        turn = await shop.ask()
        await shop.pen.write(await shop.pen.claim(turn), "Half an ans")
        await until(lambda: shop.server.texts() == ["Half an ans"])
        await asyncio.sleep(0.01)
        assert await shop.inbox.amend(turn, None) == "cancelled"
        await shop.at_rest()
    assert shop.server.texts() == []
    assert (await shop.replies.read(turn.id)).parts == {}


# ---- the end of the process -------------------------------------------------------------------------------------


async def test_closing_shows_what_is_whole_and_leaves_what_grows_to_the_next(shop: Shop) -> None:
    shop.chat.limits = replace(shop.chat.limits, interval=3600.0)
    async with AsyncExitStack() as stack:
        delivery = await stack.enter_async_context(delivering(shop.delivery()))
        whole, growing = await shop.ask(thread="1.1"), await shop.ask(thread="2.2")
        pens = [Pen(shop.inbox, shop.replies) for _ in range(2)]
        grants = [await pens[0].claim(whole), await pens[1].claim(growing)]
        await pens[0].write(grants[0], "So")
        await until(lambda: shop.server.texts() == ["So"])
        await pens[1].write(grants[1], "So")
        await until(lambda: shop.server.texts() == ["So", "So"])
        held = shop.chat.will_hold("edit", whole)
        await pens[0].finish(grants[0], "So it is.")
        await pens[1].write(grants[1], " far")
        await until(held.reached.is_set)
        closing = asyncio.create_task(delivery.close(20))
        held.gate.set()
        await closing
    assert shop.server.texts() == ["So it is.", "So"]
    assert await shop.owed() == [growing.id]
    shop.chat.limits = replace(shop.chat.limits, interval=0.01)
    async with delivering(shop.delivery(owner="b")):
        await pens[1].finish(grants[1], "So far, so good.")
        await shop.at_rest()
    assert shop.server.texts() == ["So it is.", "So far, so good."]
    assert len(shop.chat.asked("post")) == 2


async def test_closing_ends_within_the_drain_and_gives_the_channels_up(shop: Shop) -> None:
    delivery = shop.delivery()
    turn = await shop.ask()
    await shop.pen.answer(turn, "Too late.")
    held = shop.chat.will_hold("post")
    delivery.look(turn.id)
    await until(held.reached.is_set)
    await delivery.close(0.01)
    assert shop.server.texts() == []
    assert await shop.replies.own(turn.place, "b", 5), "the channel is free at once"
    async with delivering(shop.delivery(owner="b")):
        await shop.at_rest()
    assert shop.server.texts() == ["Too late."]


async def test_after_closing_nothing_is_taken_up(shop: Shop) -> None:
    delivery = shop.delivery()
    await delivery.close(0)
    turn = await shop.ask()
    delivery.look(turn.id)
    await delivery.sweep()
    assert shop.chat.requests == []
    assert asyncio.all_tasks() == {asyncio.current_task()}
    del turn


# ---- Redis ------------------------------------------------------------------------------------------------------


async def test_a_hint_that_comes_too_late_changes_nothing(shop: Shop) -> None:
    async with shop.open() as delivery:
        turn = await shop.tell("command", only="U1")
        await shop.at_rest()
        for _ in range(3):
            delivery.look(turn.id, whole=True)
        other = await shop.tell("command", only="U1")
        await shop.at_rest()
    assert shop.ran == [turn.id, other.id]
    assert len(shop.server.private) == 2
