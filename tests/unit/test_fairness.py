"""Seats: what one person, or one workspace, may have at once; who waits comes back in order; nothing waits for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from bot.caps import Caps
from bot.inbox import Admitted
from bot.reply import Replies
from bot.store import Store
from bot.types import Channel, Phase, Thread, Turn
from bot.work import SWEEP_COUNT, Grant, Outcome
from tests.inbox import BothSides
from tests.unit.test_inbox_machine import lapse, turn_for

pytestmark = pytest.mark.usefixtures("untraced")  # the same lines thousands of times

DONE = Outcome(Phase.ANSWERED, "done")


class Team:
    """A workspace that asks, and a worker that claims."""

    def __init__(self, redis: Redis, *, alone: bool = False, **caps: int) -> None:
        self.redis = redis
        self.rung: list[str] = []
        self.inbox = self.another(**caps)
        self.count = 0
        self.alone = alone

    def another(self, **caps: int) -> BothSides:
        """The inbox of another process."""
        return BothSides(
            Store(self.redis), lease_ms=60_000, caps=Caps(**caps), ring=self.rung.append
        )

    async def ask(self, root: str, author: str = "U1", team: str = "T1", **changes: bool) -> Turn:
        """A question in a conversation; `root` names it."""
        if not self.alone:
            await self.redis.zadd("switchboard:people:slack:T1", {"slack:T1:U9": 9e15})
        self.count += 1
        turn = turn_for(f"slack:{team}:C1:{root}", self.count, author).with_message(**changes)
        assert (await self.inbox.admit(turn)).outcome is Admitted.NEW
        return turn

    async def claim(self, turn: Turn) -> Grant:
        grant = await self.inbox.claim(turn.conversation)
        assert grant is not None
        assert grant.turn == turn.id
        return grant

    async def waits(self, turn: Turn) -> bool:
        """Its conversation is not due, and a bell for it comes to nothing."""
        assert await self.inbox.claim(turn.conversation) is None
        return await self.redis.zscore("switchboard:due", turn.conversation) is None

    async def answer(self, grant: Grant) -> list[str]:
        """The grant's answer is over; the roots of the conversations that are rung by that."""
        self.rung.clear()
        assert await self.inbox.commit(grant, "0", DONE) == "done"
        return [conversation.rsplit(":", 1)[1] for conversation in self.rung]

    async def sweep(self) -> list[str]:
        """What a sweep rings when it is time to look at every line."""
        for name in await self.redis.zrange("switchboard:lines", 0, -1):
            await self.redis.zadd("switchboard:lines", {name: 1})
        return [conversation.rsplit(":", 1)[1] for conversation in await self.inbox.sweep()]

    async def at_rest(self) -> bool:
        kinds = ("due", "lines", "line:*", "seats:*", "inbox:*")
        return not [n for kind in kinds for n in await self.redis.keys(f"switchboard:{kind}")]


async def test_what_is_beyond_a_persons_answers_waits_and_comes_back_in_order(redis: Redis) -> None:
    team = Team(redis, user_answers=2)
    first, second, third, fourth = [await team.ask(root) for root in ("1", "2", "3", "4")]
    grants = [await team.claim(second), await team.claim(first)]
    assert await team.waits(fourth)
    assert await team.waits(third)
    other = await team.claim(await team.ask("5", "U2"))
    assert await team.answer(other) == [], "another person's end changes nothing for them"
    assert await team.answer(grants[0]) == ["3"]
    assert await team.waits(fourth)
    grants.append(await team.claim(third))
    assert await team.answer(grants[1]) == ["4"]
    for grant in (grants[2], await team.claim(fourth)):
        assert await team.answer(grant) == []
    assert await team.at_rest()


async def test_who_is_alone_has_any_number_until_somebody_else_asks(redis: Redis) -> None:
    team = Team(redis, alone=True, user_answers=1)
    grants = [await team.claim(await team.ask(root)) for root in ("1", "2", "3")]
    await team.claim(await team.ask("4", "U2"))
    waiting = await team.ask("5")
    assert await team.waits(waiting)
    assert await team.answer(grants[0]) == []
    assert await team.answer(grants[1]) == []
    assert await team.answer(grants[2]) == ["5"], "who came before the other keeps what it has"
    more = await team.ask("6")
    assert await team.waits(more)
    await redis.zrem("switchboard:people:slack:T1", "slack:T1:U2")  # a minute later
    assert "6" in await team.sweep()


async def test_who_has_asked_long_ago_is_not_alone_where_one_other_is_there(redis: Redis) -> None:
    """A flood of two minutes ago must not become due at once because its author is the one who is silent now."""
    team = Team(redis, alone=True, user_answers=1)
    await team.claim(await team.ask("0", "U2"))
    first, second = await team.ask("1"), await team.ask("2")
    grant = await team.claim(first)
    await redis.zrem("switchboard:people:slack:T1", "slack:T1:U1")  # a minute later
    assert await team.waits(second)
    await team.claim(await team.ask("3", "U2"))
    assert "2" not in await team.sweep()
    assert await team.answer(grant) == ["2"]


async def test_a_line_of_any_length_is_let_go_at_once(redis: Redis) -> None:
    """More names than Lua's `unpack` takes: whoever is not rung for by their end is found by the sweep."""
    team = Team(redis, user_answers=1)
    grant = await team.claim(await team.ask("0"))
    names = [f"slack:T1:C1:{number}.0" for number in range(9000)]
    pipe = redis.pipeline(transaction=False)
    pipe.zadd("switchboard:line:slack:T1:U1", {name: at for at, name in enumerate(names)})
    for name in names:
        pipe.rpush(f"switchboard:inbox:{name}", "0123456789ABCDEF")
    pipe.delete("switchboard:people:slack:T1")
    await pipe.execute()
    assert await team.answer(grant)
    assert await redis.zcard("switchboard:due") == len(names)


async def test_a_conversation_with_more_lets_the_persons_others_go_first(redis: Redis) -> None:
    team = Team(redis, user_answers=1)
    busy, other, more = await team.ask("1"), await team.ask("2"), await team.ask("1")
    assert await team.answer(await team.claim(busy)) == ["2"]
    assert await team.waits(more)
    assert await team.answer(await team.claim(other)) == ["1"]
    await team.claim(more)


async def test_thousands_of_one_person_neither_delay_nor_hide_another(redis: Redis) -> None:
    team = Team(redis, user_answers=4)
    for number in range(10 * SWEEP_COUNT):
        await team.ask(f"{number}.0")
    other = await team.ask("other", "U2")
    assert sorted(await team.sweep()) == ["0.0", "1.0", "2.0", "3.0", "other"]
    await team.claim(other)


async def test_a_workspaces_seats_go_round_among_its_people(redis: Redis) -> None:
    team = Team(redis, user_answers=2, workspace_answers=2)
    flood = [await team.ask(f"{number}") for number in range(6)]
    grants = [await team.claim(flood[0]), await team.claim(flood[1])]
    other = await team.ask("other", "U2")
    assert await team.waits(other)
    assert await team.answer(grants[0]) == ["other"], "the flood's next does not stand before it"
    away = await team.ask("away", "U3", "T2")
    await team.claim(away)
    assert await team.answer(grants[1]) == ["2"]
    assert await team.answer(await team.claim(other)) == ["3"]


async def test_who_waits_for_the_workspace_keeps_the_persons_seat(redis: Redis) -> None:
    team = Team(redis, user_answers=1, workspace_answers=1)
    held = await team.claim(await team.ask("1", "U2"))
    first, second = await team.ask("2"), await team.ask("3")
    last = await team.ask("4", "U3")
    assert await team.answer(held) == ["2"]
    assert await team.answer(await team.claim(first)) == ["4"], "one of each in the line"
    assert await team.answer(await team.claim(last)) == ["3"]
    assert await team.answer(await team.claim(second)) == []
    assert await team.at_rest()


async def test_a_holder_that_died_keeps_the_seat_for_whoever_goes_on(redis: Redis) -> None:
    team = Team(redis, user_answers=1)
    first, second = await team.ask("1"), await team.ask("2")
    await team.claim(first)
    await lapse(team.inbox, first.conversation)
    assert await team.waits(second), "the answer that was begun goes on before it"
    again = await team.claim(first)
    assert again.attempt == 2
    assert await team.answer(again) == ["2"]
    assert await team.answer(await team.claim(second)) == []
    assert await team.at_rest()


async def test_what_is_given_back_keeps_its_seat(redis: Redis) -> None:
    team = Team(redis, user_answers=1)
    first, second = await team.ask("1"), await team.ask("2")
    await team.inbox.release(await team.claim(first))
    assert await team.waits(second)
    assert await team.sweep() == ["1"]


async def test_a_seat_that_was_left_behind_is_found_by_the_sweep(redis: Redis) -> None:
    """As by a version that knows of no seats, and finished an answer that had one."""
    team = Team(redis, user_answers=1)
    await redis.sadd("switchboard:seats:slack:T1:U1", "slack:T1:C1:gone")
    turn = await team.ask("1")
    assert await team.waits(turn)
    assert await team.sweep() == ["1"]
    assert await team.answer(await team.claim(turn)) == []
    assert await team.at_rest()


@pytest.mark.parametrize("more", [3, 0])
async def test_a_cap_that_is_raised_or_taken_away_lets_who_waits_in(
    redis: Redis, more: int
) -> None:
    team = Team(redis, user_answers=1)
    turns = [await team.ask(root) for root in ("1", "2", "3")]
    await team.claim(turns[0])
    team.inbox = team.another(user_answers=more)
    assert sorted(await team.sweep()) == ["2", "3"]


@pytest.mark.parametrize("waiting", [False, True])
async def test_a_question_that_is_deleted_gives_up_its_seat_and_its_place_in_line(
    redis: Redis, waiting: bool
) -> None:
    team = Team(redis, user_answers=1)
    turns = [await team.ask(root) for root in ("1", "2", "3")]
    deleted = turns[1 if waiting else 0]
    assert await team.inbox.amend(deleted, None) == "cancelled"
    if waiting:
        assert await team.answer(await team.claim(turns[0])) == ["3"]
    else:
        assert [c.rsplit(":", 1)[1] for c in team.rung] == ["2"]


async def test_a_line_follows_the_head_of_its_conversation(redis: Redis) -> None:
    """The question at the head was the flooder's, the one behind it is somebody else's."""
    team = Team(redis, user_answers=1)
    await team.claim(await team.ask("1"))
    head, behind = await team.ask("2"), await team.ask("2", "U2")
    assert await team.waits(head)
    assert await team.inbox.amend(head, None) == "cancelled"
    await team.claim(behind)


async def test_files_that_are_in_make_nobody_due_who_waits_for_a_seat(redis: Redis) -> None:
    team = Team(redis, user_answers=1)
    held = await team.claim(await team.ask("1"))
    turn = await team.ask("2", history=True)
    assert await team.inbox.ready(turn.with_message(history=False))
    assert await team.waits(turn)
    assert await team.answer(held) == ["2"]
    await team.claim(turn)


async def test_direct_messages_of_discord_share_no_workspace(redis: Redis) -> None:
    team = Team(redis, workspace_answers=1)
    for number, person in enumerate(("5", "6")):
        turn = turn_for(f"slack:T1:C1:{number}", number, person)
        thread = Thread(Channel("discord", "@me", f"7{person}", direct=True), person)
        turn = turn.with_message(thread=thread)
        await team.inbox.admit(turn)
        await team.claim(turn)


async def test_too_many_open_questions_of_a_person_are_refused_and_told_once(
    redis: Redis,
) -> None:
    team = Team(redis, user_questions=2)
    replies = Replies(team.inbox.store)
    first, _ = await team.ask("1"), await team.ask("2")
    refused, later = turn_for("slack:T1:C1:3", 3), turn_for("slack:T1:C1:4", 4)
    for _ in range(2):  # the adapter died before it told, and the platform delivers again
        told = await team.inbox.admit(refused)
        assert (told.outcome, told.told) == (Admitted.MANY, False)
    told = await team.inbox.admit(later)
    assert (told.outcome, told.told) == (Admitted.MANY, True)
    await team.ask("3", "U2")
    await team.answer(await team.claim(first))
    assert (await team.inbox.admit(later)).outcome is Admitted.MANY, "it is not yet shown"
    await replies.delivered(first.id, first.conversation)
    assert (await team.inbox.admit(later)).outcome is Admitted.NEW
    again = await team.inbox.admit(replace(turn_for("slack:T1:C1:5", 5)))
    assert again.told, "it is the same flood"
    await redis.delete("switchboard:refused:slack:T1:U1")  # ten quiet minutes
    again = await team.inbox.admit(turn_for("slack:T1:C1:6", 6))
    assert (again.outcome, again.told) == (Admitted.MANY, False)


async def test_without_a_cap_nothing_is_kept_of_what_a_person_asked(redis: Redis) -> None:
    """It would grow for as long as somebody asks once a day: only where the cap is reached is it looked through."""
    team = Team(redis)
    await team.ask("1")
    assert await redis.keys("switchboard:open:*") == []


async def test_a_full_conversation_is_told_once_to_each_person(redis: Redis) -> None:
    team = Team(redis)
    for _ in range(50):
        await team.ask("1")
    told = []
    for number, person in enumerate(("U1", "U1", "U2", "U2")):
        admission = await team.inbox.admit(turn_for("slack:T1:C1:1", 100 + number, person))
        assert admission.outcome is Admitted.FULL
        told.append(admission.told)
    assert told == [False, True, False, True]
