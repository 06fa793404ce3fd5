"""What Slack allows a workspace, drawn by several adapters from one bucket in Redis."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from adapters.pace import Bucket, Promise, Rank, Rate
from adapters.slack import sharing
from adapters.slack.sharing import Shared, Sharing
from bot.store import Store, connect
from tests.contract.slack_adapter.office import Office, mention

NEVER = 3600.0  # s until a token comes back: not within a test
TOKENS = 10
SLOW = Rate(1, NEVER, TOKENS)
FINAL, FIRST, GROWING = Rank
SENDERS = "switchboard:slots:slack:T1:senders"


class Adapters:
    """Several adapters of one workspace, each with its end of the bucket; `away` takes Redis from them."""

    def __init__(self, redis: Redis, count: int, rate: Rate = SLOW) -> None:
        self._store = Store(redis)
        names = [f"adapter-{n}" for n in range(count)]
        self.ends = [Shared(rate, lambda: self._store, "T1", "x", name) for name in names]

    async def meet(self) -> None:
        """Each has heard of all others."""
        for _ in range(2):
            for end in self.ends:
                await end.tell()

    def away(self) -> None:
        self._store = Store(connect("redis://127.0.0.1:1", retries=0))


async def given(bucket: Shared, rank: Rank, times: int = 2 * TOKENS) -> int:
    """How many of so many requests may leave at once."""
    return sum([await bucket.take_at_once(rank, bucket, Promise()) for _ in range(times)])


def promise(bucket: Bucket, count: int) -> list[Promise]:
    made = [Promise() for _ in range(count)]
    for one in made:
        one.make(bucket)
    return made


async def test_where_all_channels_are_with_one_of_two_adapters_it_uses_the_whole_rate(
    redis: Redis,
) -> None:
    """Each had its half, however little the other one had to send."""
    adapters = Adapters(redis, 2)
    await adapters.meet()
    busy, idle = adapters.ends
    assert await given(busy, FINAL) == TOKENS
    assert await given(idle, FINAL) == 0


async def test_no_token_is_given_to_two(redis: Redis) -> None:
    adapters = Adapters(redis, 3)
    await adapters.meet()
    counts = await asyncio.gather(*(given(end, FINAL, TOKENS) for end in adapters.ends))
    assert sum(counts) == TOKENS


async def test_who_is_alone_asks_nobody_and_who_comes_finds_what_is_left(redis: Redis) -> None:
    adapters = Adapters(redis, 2)
    alone, comes = adapters.ends
    await alone.tell()
    asked = await commands(redis)
    assert await given(alone, FINAL, 4) == 4
    posts = Bucket(SLOW)
    assert await posts.take_at_once(FIRST, alone, promise(posts, 1)[0])
    assert await commands(redis) == asked
    await alone.tell()
    assert await given(comes, FINAL) == TOKENS - 4
    await alone.tell()
    assert await given(alone, FINAL) == 0


async def test_an_adapter_is_one_however_many_buckets_it_shares(redis: Redis) -> None:
    one, two = (Sharing(lambda: Store(redis), "T1") for _ in range(2))
    for many, each in enumerate((one, two), 1):
        for _ in range(2):
            await each.updates.tell()
            await each.appends.tell()
        assert each.updates.among == each.appends.among == many


async def test_what_leaves_while_redis_is_told_is_not_forgotten(redis: Redis) -> None:
    (alone,) = Adapters(redis, 1).ends
    await alone.tell()
    telling = asyncio.create_task(alone.tell())
    await asyncio.sleep(0)
    assert await given(alone, FINAL, 4) == 4
    await telling
    assert await given(alone, FINAL) == TOKENS - 4


async def commands(redis: Redis) -> int:
    """Scripts that were run so far."""
    return int((await redis.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0))


async def test_what_grows_leaves_enough_for_what_all_have_promised(redis: Redis) -> None:
    adapters = Adapters(redis, 2)
    one, two = adapters.ends
    promise(one, 5)
    promise(two, 3)
    await adapters.meet()
    assert await given(one, GROWING, 2) == 2
    assert await given(two, GROWING) == 1, "seven are left, and one comes with the next refill"
    assert await given(one, GROWING) == 0
    assert await given(one, FINAL, 5) == 5
    assert await given(two, FINAL) == 2


async def test_all_together_promise_no_more_than_can_be_kept(redis: Redis) -> None:
    """Thirty answers begin to grow at once, in channels of three adapters."""
    adapters = Adapters(redis, 3)
    await adapters.meet()
    posts = [Bucket(Rate(1, NEVER, 50)) for _ in adapters.ends]

    async def begin(own: Bucket, last: Shared) -> None:
        (one,) = promise(own, 1)
        await own.take_at_once(FIRST, last, one)

    for _ in range(3):
        every = list(zip(posts, adapters.ends, strict=True)) * 10
        await asyncio.gather(*(begin(own, last) for own, last in every))
        assert sum(end.promised for end in adapters.ends) <= TOKENS
        await adapters.meet()
    assert sum(end.promised for end in adapters.ends) == TOKENS


async def test_a_new_promise_is_known_to_others_before_the_post_that_makes_it(
    redis: Redis,
) -> None:
    adapters = Adapters(redis, 2)
    await adapters.meet()
    one, two = adapters.ends
    posts = Bucket(SLOW)
    for made in promise(posts, TOKENS - 1):
        assert await posts.take_at_once(FIRST, one, made)
    promise(two, 1)
    assert await given(two, GROWING, 1) == 1
    assert await given(two, GROWING, 1) == 0


async def test_a_promise_that_there_is_no_room_for_counts_nowhere(redis: Redis) -> None:
    adapters = Adapters(redis, 2)
    one, two = adapters.ends
    posts = Bucket(SLOW)
    promise(one, TOKENS - 1)
    (ends,) = promise(two, 1)
    await adapters.meet()
    one._others = 0  # as far as it knows
    begins, refused = promise(posts, 2)
    assert not await posts.take_at_once(FIRST, one, refused)
    ends.kept()
    assert await posts.take_at_once(FIRST, two, begins)
    assert (one.promised, two.promised, posts.promised) == (TOKENS - 1, 1, 1)


async def test_what_a_dead_adapter_promised_comes_back_and_it_had_no_tokens_in_hand(
    redis: Redis,
) -> None:
    adapters = Adapters(redis, 2)
    dead, lives = adapters.ends
    promise(dead, TOKENS)
    await adapters.meet()
    assert await given(dead, FINAL, 1) == 1
    assert await given(lives, GROWING) == 0
    await redis.zadd(SENDERS, {dead._holder: 1})  # it has not told for so long
    await lives.tell()
    assert lives.among == 1
    assert await given(lives, GROWING) == TOKENS - 1
    await lives.tell()
    assert await redis.hkeys("switchboard:bucket:slack:T1:x") == [b"full", lives._holder.encode()]


async def test_where_redis_is_away_what_is_final_still_leaves_at_a_share_for_one_of_many(
    redis: Redis,
) -> None:
    adapters = Adapters(redis, 2)
    await adapters.meet()
    adapters.away()
    one, two = adapters.ends
    await one.tell()
    assert one.among == 2
    assert await given(one, GROWING, 1) == 0
    assert await given(one, FINAL, 5) == await given(two, FINAL, 5) == 2
    (made,) = promise(one, 1)
    assert await one.take_at_once(FINAL, one, made) is False, "its share is used up"


async def test_who_is_alone_without_redis_goes_on_by_itself(redis: Redis) -> None:
    adapters = Adapters(redis, 1)
    await adapters.meet()
    adapters.away()
    assert await given(*adapters.ends, FINAL) == TOKENS


async def test_where_the_bucket_is_lost_what_the_adapters_know_of_it_holds(redis: Redis) -> None:
    adapters = Adapters(redis, 2)
    await adapters.meet()
    one, two = adapters.ends
    assert await given(one, FINAL, TOKENS) == TOKENS
    await redis.flushall()
    await one.tell()
    await two.tell()
    assert await given(two, FINAL) == 0


async def test_a_token_comes_back_to_whoever_waits(redis: Redis) -> None:
    adapters = Adapters(redis, 2, Rate(1, 0.05, 1))
    await adapters.meet()
    waiting = [
        asyncio.create_task(end.take(FINAL, end, Promise(), person))
        for end in adapters.ends
        for person in ("ada", "mia")
    ]
    await asyncio.gather(*waiting)


async def test_appends_of_streams_are_drawn_by_all_as_well(
    closed_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "APPENDS", Rate(1, NEVER, TOKENS))
    other = Sharing(lambda: closed_office.store, closed_office.team).appends
    async with closed_office.open(slack_stream="native") as office:
        turn = await mention(office)
        add = await office.grow(turn, "One, ")
        await office.slack.shows("One,", thread_ts=turn.message.id)
        await add("two, ")
        await office.slack.shows("One, two,", thread_ts=turn.message.id)
        await office.finish(turn, "One, two, three.")
        await office.at_rest()
        used = len(office.slack.calls_of("chat.appendStream")) + 1  # its stop

        async def told() -> bool | None:
            await other.tell()
            return True if other._left(other._clock()) == TOKENS - used else None

        await office.until(told, "what was appended does not count")
    assert used == 2
    assert await given(other, FINAL) == TOKENS - used
