"""Bells: what is one and what is not, who rings, and who waits for room."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from bot.bell import QUEUE, Bell, message
from bot.inbox import CONVERSATION
from bot.queue import assert_json_only, celery_app
from bot.store import Store, connect
from tests.bench import Bench
from workers.consumer import conversation_in
from workers.slots import Slots
from workers.sweeping import SWEEP_SECONDS, Sweeping

HERE = "slack:T1:C1:1.1"
LIST = f"switchboard:celery:{QUEUE}"


@pytest.fixture
async def bench(redis_url: str, redis: Redis) -> AsyncIterator[Bench]:
    async with Bench(redis_url) as bench:
        yield bench


def test_a_bell_says_which_conversation_and_nothing_else() -> None:
    assert conversation_in(message(HERE)) == HERE
    assert CONVERSATION.fullmatch(HERE.encode())


def worded(args: Any, **changes: Any) -> dict[str, Any]:
    body = base64.b64encode(json.dumps(args).encode()).decode()
    return {**message(HERE), "body": body, **changes}


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        "text",
        {},
        {"headers": None},
        worded([[], {}, {}]),
        worded([[HERE, "more"], {}, {}]),
        worded([[HERE], {"option": 1}, {}]),
        worded([["no conversation"], {}, {}]),
        worded([["slack:T1:C1:" + "1" * 100], {}, {}]),
        worded([[f"{HERE}\n"], {}, {}]),
        worded([[{"text": "words"}], {}, {}]),
        worded([["slack:T1:C1:ö"], {}, {}]),
        worded("text"),
        worded({"args": [HERE]}),
        worded([[HERE], {}, {}], headers={"task": "os.system"}),
        worded([[HERE], {}, {}], headers=["task"]),
        {**message(HERE), "content-type": "application/x-python-serialize"},
        {**message(HERE), "body": "!!!"},
        {**message(HERE), "body": 7},
    ],
)
def test_what_is_no_bell_is_none(odd: object) -> None:
    assert conversation_in(odd) is None


async def test_a_ring_is_a_bell_in_celerys_list(bench: Bench) -> None:
    bench.bell.ring(HERE)
    await bench.until(bench.bells)
    raw = await bench.redis.lpop(LIST)
    assert conversation_in(json.loads(raw)) == HERE
    assert len(raw) < 1000


async def test_an_admission_rings_once_where_its_conversation_becomes_due(bench: Bench) -> None:
    turn = bench.turn("anybody?")
    await bench.inbox.admit(turn)
    assert conversation_in(json.loads(await bench.redis.lindex(LIST, 0))) == turn.conversation
    await bench.inbox.admit(turn)
    await bench.ask("and another thing?")
    await bench.inbox.admit(bench.turn("look at this", thread="2.2", history=True))
    assert await bench.bells() == 1, "seen before, due already, waiting for what is fetched"


async def test_a_bell_is_rung_although_redis_is_full(bench: Bench) -> None:
    """LPUSH is refused then, and with every bell what would empty Redis: `OOM command not allowed`."""
    async with full(bench.redis):
        bench.bell.ring(HERE)
        await bench.until(bench.bells)


@asynccontextmanager
async def full(redis: Any) -> AsyncIterator[None]:
    await redis.config_set("maxmemory", "1")
    try:
        yield
    finally:
        await redis.config_set("maxmemory", "0")


async def test_a_bell_that_cannot_be_rung_is_noted_and_the_next_one_rings(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(connect("redis://127.0.0.1:9/0", retries=0))
    bell_ = Bell(store)
    bell_.ring(HERE)
    async with asyncio.timeout(30):
        while "bell.failed" not in caplog.text:
            await asyncio.sleep(0.01)
    assert HERE not in caplog.text
    await bell_.close()
    await store.close()


async def test_a_bell_of_a_process_that_ends_is_left_to_the_sweep(bench: Bench) -> None:
    """What was admitted while it drained was taken for an event that cannot be read: RuntimeError at=submit."""
    await bench.bell.close()
    bench.bell.ring(HERE)
    await bench.redis.ping()
    assert await bench.bells() == 0


async def test_the_sweep_rings_through_celery_and_through_nothing_else(bench: Bench) -> None:
    """The whole is deaf without Celery: bells pile up, nobody is asked. A bell that was lost costs one sweep."""
    turn = await bench.ask("anybody?")
    await bench.redis.delete(LIST)  # the bell of its admission is lost
    sweeps: list[int] = []

    def room() -> bool:
        sweeps.append(1)
        return True

    sweeping = asyncio.create_task(Sweeping(bench.inbox, bench.bell, room).run())
    await bench.until(bench.bells)
    assert (len(sweeps), SWEEP_SECONDS) == (1, 1.0)
    assert conversation_in(json.loads(await bench.redis.lindex(LIST, 0))) == turn.conversation
    assert not bench.models.requests
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)


async def test_what_is_rung_is_moved_forward_so_that_one_worker_rings_it(bench: Bench) -> None:
    await bench.ask("anybody?")
    found = await asyncio.gather(*(bench.inbox.sweep() for _ in range(5)))
    assert sorted(found, reverse=True) == [[HERE], [], [], [], []]


async def test_a_worker_without_room_does_not_ring(bench: Bench) -> None:
    """While all slots are busy the list of bells stays as short as it is."""
    await bench.ask("anybody?")
    await bench.redis.delete(LIST)
    asked = asyncio.Semaphore(0)

    def room() -> bool:
        asked.release()
        return False

    sweeping = asyncio.create_task(Sweeping(bench.inbox, bench.bell, room).run())
    for _ in range(2):
        await asked.acquire()
    assert await bench.bells() == 0
    assert await bench.inbox.sweep() == [HERE], "it is still due"
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)


async def test_garbage_among_what_is_due_is_buried_and_the_rest_is_rung(bench: Bench) -> None:
    await bench.ask("anybody?")
    await bench.redis.zadd(bench.store.key("due"), {"garbage with words": 1, b"\xff": 1})
    assert await bench.inbox.sweep() == [HERE]
    letters = await bench.letters()
    assert len(letters) == 2
    assert "words" not in "".join(letters)
    assert await bench.redis.zcard(bench.store.key("due")) == 1


def test_who_finds_no_slot_waits_for_one() -> None:
    slots = Slots(1)
    assert slots.take()
    assert not slots.free
    got: list[bool] = []
    waiting = threading.Thread(target=lambda: got.append(slots.take()))
    waiting.start()
    assert got == []
    slots.give()
    waiting.join(5)
    assert got == [True]


def test_closing_lets_everybody_go_without_a_slot() -> None:
    slots = Slots(1)
    assert slots.take()
    got: list[bool] = []
    waiting = [threading.Thread(target=lambda: got.append(slots.take())) for _ in range(3)]
    for thread in waiting:
        thread.start()
    slots.close()
    for thread in waiting:
        thread.join(5)
    assert got == [False] * 3
    slots.give()
    assert not slots.free, "a process that ends takes no more"


@pytest.mark.parametrize("name", ["accept_content", "result_accept_content"])
def test_anything_but_json_is_refused_at_start(redis_url: str, name: str) -> None:
    app = celery_app(redis_url)
    app.conf[name] = ["json", "pickle"]
    with pytest.raises(RuntimeError, match="JSON only, not json, pickle"):
        assert_json_only(app)


def test_celery_is_set_so_that_a_bell_is_never_kept(redis_url: str) -> None:
    conf = celery_app(redis_url).conf
    assert conf.accept_content == conf.result_accept_content == ["json"]
    assert not conf.task_acks_late
    assert conf.task_ignore_result
    assert conf.worker_disable_prefetch
    assert conf.result_backend is None
