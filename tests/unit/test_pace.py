"""Rights to send: a burst, then a rate; a reserve for what is urgent; and a platform's "later" is obeyed."""

from __future__ import annotations

import asyncio

from adapters.pace import MOST_KEPT, Bucket, Paces
from adapters.platform import Rate

SLOW = 0.001  # a second: none comes back within a test


async def test_a_growing_text_leaves_a_reserve_that_what_is_urgent_may_use() -> None:
    bucket = Bucket(Rate(SLOW, 5))
    assert [bucket.take_at_once(urgent=False) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take_at_once(urgent=True) for _ in range(3)] == [True, True, False]


async def test_of_a_single_right_a_growing_text_gets_its_turn_too() -> None:
    assert Bucket(Rate(SLOW, 1)).take_at_once(urgent=False)


async def test_nobody_overtakes_who_waits_for_the_same() -> None:
    bucket = Bucket(Rate(50.0, 1))
    order: list[int] = []

    async def send(number: int) -> None:
        await bucket.take(urgent=True)
        order.append(number)

    waiting = [asyncio.create_task(send(number)) for number in range(4)]
    await asyncio.sleep(0)
    assert not bucket.take_at_once(urgent=True)
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2, 3]


async def test_who_is_cancelled_while_waiting_takes_no_right_along() -> None:
    bucket = Bucket(Rate(50.0, 1))
    assert bucket.take_at_once(urgent=True)
    waiting = asyncio.create_task(bucket.take(urgent=True))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await bucket.take(urgent=True)


async def test_after_a_later_nothing_leaves_until_then() -> None:
    bucket = Bucket(Rate(1000.0, 10))
    bucket.pause(3600.0)
    bucket.pause(1.0)
    assert not bucket.take_at_once(urgent=True)


async def test_buckets_that_nobody_uses_are_forgotten_and_the_others_kept() -> None:
    paces, rate = Paces(), Rate(SLOW, 2)
    used = paces.bucket("used", rate)
    assert used.take_at_once(urgent=True)
    for number in range(2 * MOST_KEPT):
        paces.bucket(f"channel {number}", rate)
    assert paces.bucket("used", rate) is used
    assert len(paces._buckets) <= MOST_KEPT + 2
