"""Rights to send: a burst, then a rate; room for what is promised; and a platform's "later" is obeyed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.pace import MOST_KEPT, Bucket, Paces, Promise, Rank, Rate

NEVER = 3600.0  # s until tokens come back: not within a test
FINAL, FIRST, GROWING = Rank


async def at_once(bucket: Bucket, rank: Rank) -> bool:
    return await bucket.take_at_once(rank, bucket, Promise())


@asynccontextmanager
async def closed(seconds: float) -> AsyncIterator[Bucket]:
    """Whose time stands still within the block, so that everybody who asks there stands in line at its end."""
    opened = False
    bucket = Bucket(Rate(1, seconds, 1), lambda: time.monotonic() if opened else 0.0)
    bucket.pause(seconds)
    yield bucket
    await asyncio.sleep(0)
    opened = True


@pytest.mark.parametrize("rank", [FIRST, GROWING])
async def test_what_is_not_final_leaves_rights_to_what_is_promised(rank: Rank) -> None:
    bucket = Bucket(Rate(5, NEVER, 4))
    bucket.promised = 1
    assert [await at_once(bucket, rank) for _ in range(4)] == [True, True, True, False]
    assert [await at_once(bucket, FINAL) for _ in range(2)] == [True, False]


async def test_of_a_single_right_a_growing_text_gets_its_turn_too() -> None:
    bucket = Bucket(Rate(1, NEVER, 1))
    bucket.promised = 1
    assert await at_once(bucket, GROWING)


async def test_the_whole_count_comes_back_at_its_time_and_never_more_than_the_burst() -> None:
    now = 0.0
    bucket = Bucket(Rate(5, 0.0625, 5), lambda: now)
    for _ in range(3):
        assert [await at_once(bucket, FINAL) for _ in range(6)] == [True] * 5 + [False]
        waiting = asyncio.create_task(bucket.take(FINAL, bucket, Promise()))
        await asyncio.sleep(0)
        assert not waiting.done()
        now += 0.0625
        await waiting
        assert [await at_once(bucket, FINAL) for _ in range(5)] == [True] * 4 + [False]
        now += 0.125  # twice the time: still no more than five


async def test_who_grows_leaves_room_for_what_is_promised() -> None:
    bucket = Bucket(Rate(1, NEVER, 10))
    bucket.promised = 8
    assert [await at_once(bucket, GROWING) for _ in range(4)] == [True, True, True, False]
    assert [await at_once(bucket, FINAL) for _ in range(8)] == [True] * 7 + [False]


async def test_what_comes_back_with_the_next_refill_need_not_be_left() -> None:
    bucket = Bucket(Rate(5, NEVER, 5))
    bucket.promised = 8
    assert [await at_once(bucket, GROWING) for _ in range(3)] == [True, True, False]


async def test_a_first_post_needs_room_for_the_edit_that_will_end_it_and_one_to_grow() -> None:
    posts, edits = Bucket(Rate(1, NEVER, 10)), Bucket(Rate(1, NEVER, 3))
    edits.promised = 2
    first, second = Promise(), Promise()
    first.make(posts)
    second.make(posts)
    assert await posts.take_at_once(FIRST, edits, first)
    assert (posts.promised, edits.promised) == (1, 3)
    assert not await posts.take_at_once(FIRST, edits, second)
    assert (posts.promised, edits.promised) == (1, 3)
    assert await edits.take_at_once(GROWING, edits, first)
    assert not await edits.take_at_once(GROWING, edits, first)
    assert await posts.take_at_once(FINAL, edits, second)
    for promise in (first, second):
        promise.kept()
    assert (posts.promised, edits.promised) == (0, 2)


async def test_who_waits_for_room_goes_on_when_there_is_some() -> None:
    bucket = Bucket(Rate(1, NEVER, 4))
    bucket.promised = 5
    waiting = asyncio.create_task(bucket.take(GROWING, bucket, Promise()))
    await asyncio.sleep(0)
    assert not waiting.done()
    bucket.promised = 4
    await waiting


async def test_the_lower_rank_goes_first_and_nobody_overtakes_in_its_own() -> None:
    order: list[tuple[Rank, int]] = []

    async def send(rank: Rank, number: int) -> None:
        await bucket.take(rank, bucket, Promise())
        order.append((rank, number))

    asked = [(rank, number) for rank in reversed(Rank) for number in range(3)]
    async with closed(0.03) as bucket:
        sending = [asyncio.create_task(send(*each)) for each in asked]
    await asyncio.gather(*sending)
    assert order == sorted(order)


async def test_many_requests_of_one_person_do_not_stand_before_another_s() -> None:
    order: list[str] = []

    async def send(person: str) -> None:
        await bucket.take(FINAL, bucket, Promise(), person)
        order.append(person)

    people = ["flood"] * 5 + ["ada", "mia"]
    async with closed(0.02) as bucket:
        sending = [asyncio.create_task(send(person)) for person in people]
    await asyncio.gather(*sending)
    assert order == ["flood", "ada", "mia"] + ["flood"] * 4


async def test_who_is_cancelled_while_waiting_takes_no_right_along() -> None:
    bucket = Bucket(Rate(1, 0.02, 1))
    assert await at_once(bucket, FINAL)
    waiting = asyncio.create_task(bucket.take(FINAL, bucket, Promise()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await bucket.take(FINAL, bucket, Promise())


async def test_after_a_later_nothing_leaves_until_then() -> None:
    bucket = Bucket(Rate(1000, 1.0, 10))
    bucket.pause(3600.0)
    bucket.pause(1.0)
    assert not await at_once(bucket, FINAL)


async def test_buckets_that_nobody_uses_are_forgotten_and_the_others_kept() -> None:
    paces, rate = Paces(), Rate(1, NEVER, 2)
    used, promised = paces.bucket("used", rate), paces.bucket("promised", rate)
    assert await at_once(used, FINAL)
    promised.promised = 1
    for number in range(2 * MOST_KEPT):
        paces.bucket(f"channel {number}", rate)
    assert paces.bucket("used", rate) is used
    assert paces.bucket("promised", rate) is promised
    assert len(paces._buckets) <= MOST_KEPT + 3
