"""The worker as a process: Celery and its signals, bells of every kind, Redis restarted and full."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pickle
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from bot.bell import QUEUE
from bot.reply import Replies
from bot.store import Store
from bot.types import Author, Channel, Message, Target, Thread, Turn
from tests.house import LASTING, House
from tests.inbox import BothSides

PATIENT = LASTING.replace("\n[", "\nfirst_token = 300\nsilence = 300\n[", 1)  # a test's gates
LAPSING = {"SWITCHBOARD_LEASE_SECONDS": "2"}  # whose lease is to run out
LIST = f"switchboard:celery:{QUEUE}"


class Silent(Store):
    """Redis, but that the bells of what is admitted get lost."""

    def key(self, *parts: str) -> str:
        return super().key(*(("lost",) if parts[0] == "celery" else ()), *parts)


class Works:
    """A house in which only workers live; the bells of questions get lost, so that sweeps find them."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.redis = house.redis
        self.inbox, self.replies = BothSides(Silent(self.redis)), Replies(Store(self.redis))
        self._count = 0

    def turn(self, words: str, thread: str) -> Turn:
        self._count += 1
        place = Thread(Channel("slack", "T1", "C1"), thread)
        mark = f"C1:9.{self._count}"
        message = Message(mark[3:], place, Author("U1"), words, Target("C1", thread), (mark,))
        return Turn.of(message, "ask", at=0.0, model="gpt-4o")

    async def ask(self, words: str, thread: str = "1.1") -> Turn:
        turn = self.turn(words, thread)
        await self.inbox.admit(turn)
        return turn

    async def text(self, turn: Turn) -> str:
        return (await self.replies.read(turn.id)).text

    async def answered(self, *turns: Turn) -> list[str]:
        """The final texts, once all are there."""

        async def final() -> Any:
            shown = [await self.replies.read(turn.id) for turn in turns]
            return all(s.final for s in shown) and [s.text for s in shown]

        found: list[str] = await self.until(final)
        return found

    async def until(self, true: Callable[[], Awaitable[Any]], seconds: float = 40) -> Any:
        async with asyncio.timeout(seconds):
            while not (found := await true()):
                await asyncio.sleep(0.02)
            return found

    async def in_flight(self, count: int) -> None:
        async def there() -> bool:
            return self.house.models.in_flight == count

        await self.until(there)


@pytest.fixture
async def works() -> AsyncIterator[Works]:
    """No lease runs out because this machine is busy; tests of one that does shorten it."""
    async with House(forked=True, SWITCHBOARD_LEASE_SECONDS="60") as house:
        (house.folder / "models.toml").write_text(PATIENT)
        yield Works(house)


def raw(said: bytes, **changes: Any) -> bytes:
    headers = {"lang": "py", "task": "switchboard.converse", "id": "1", "argsrepr": "CANARY"}
    message = {
        "body": base64.b64encode(said).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": {
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
            "delivery_tag": "1",
            "body_encoding": "base64",
        },
    }
    return json.dumps(message | changes).encode()


GOOD = b'[["slack:T1:C1:1.1"], {}, {}]'
NO_BELLS = [
    b"\xff\xfe CANARY",
    b'"CANARY"',
    b"[1, 2]",
    b"{}",
    b"[" * 100_000,
    b'{"__type__": "uuid", "__value__": "CANARY"}',
    raw(b"CANARY{"),
    raw(pickle.dumps("CANARY"), **{"content-type": "application/x-python-serialize"}),
    raw(GOOD, headers={"task": "CANARY", "id": "1"}),
    raw(GOOD, headers={}),
    raw(GOOD, body="CANARY!"),
    raw(json.dumps([["CANARY" * 1_700_000], {}, {}]).encode()),  # ten megabytes
    raw(b'[["slack:T1:C1:1.1"], {"CANARY": 1}, {}]'),
]
ODD_BELLS = [
    raw(GOOD, headers={"task": "switchboard.converse"}),
    raw(GOOD, headers={"task": "switchboard.converse", "id": "1", "eta": "CANARY"}),
    raw(GOOD, headers={"task": "switchboard.converse", "id": "1", "expires": "CANARY"}),
    raw(GOOD, properties=None),
    raw(b'[["slack:T1:C1:1.1"], {}, {"chain": [{"task": "CANARY"}], "callbacks": ["CANARY"]}]'),
]


async def test_whatever_stands_in_the_list_of_bells_the_worker_lives_and_answers(
    works: Works,
) -> None:
    """Each of these ended Celery's worker, or sent it round in circles: `KeyError('id')`, `JSONDecodeError` …"""
    (worker,) = await works.house.start("worker")
    for bell in (*NO_BELLS, *ODD_BELLS, *[raw(GOOD)] * 20):
        await works.redis.lpush(LIST, bell)

    async def buried() -> bool:
        return int(await works.redis.llen("switchboard:dead")) == len(NO_BELLS)

    await works.until(buried)
    works.house.models.will_say("still here")
    assert await works.answered(await works.ask("hello?")) == ["still here"]
    assert worker.child.returncode is None
    letters = b"".join(await works.redis.lrange("switchboard:dead", 0, -1)).decode()
    assert worker.logged.count("celery.rejected") == len(NO_BELLS)
    assert "CANARY" not in worker.logged + letters
    assert "Connection to broker lost" not in worker.logged
    assert await works.redis.exists("switchboard:celery:unacked") == 0
    assert await worker.end() == 0


async def test_a_bell_that_was_lost_is_rung_by_the_sweep_and_through_celery(works: Works) -> None:
    await works.house.start("worker")
    works.house.models.will_say("found")
    assert await works.answered(await works.ask("nobody rang")) == ["found"]


async def test_a_worker_that_was_told_to_stop_hands_over_a_hundred_answers(works: Works) -> None:
    turns = [await works.ask(f"number {n}", f"{n}.1") for n in range(100)]
    for _ in turns:
        works.house.models.will_wait_for(asyncio.Event(), after=1)
    (worker,) = await works.house.start("worker", SWITCHBOARD_DRAIN_SECONDS="0")
    await works.in_flight(100)
    assert await worker.end() == 0
    assert "handed_over=100" in worker.logged
    grants = [await works.inbox.claim(turn.conversation) for turn in turns]
    assert [grant.attempt for grant in grants if grant] == [1] * 100
    for grant in grants:
        assert grant is not None
        await works.inbox.release(grant)
    for _ in turns:
        works.house.models.will_say("after all")
    await works.house.start("worker")
    assert await works.answered(*turns) == ["after all"] * 100


async def test_a_worker_that_slept_longer_than_its_lease_wakes_up_harmless(works: Works) -> None:
    (sleeper,) = await works.house.start("worker", **LAPSING)
    more = asyncio.Event()
    works.house.models.will_wait_for(more, after=1, say=["stale ", "stale ", "stale"])
    turn = await works.ask("are you there?")

    async def begun() -> str:
        return await works.text(turn)

    assert await works.until(begun) == "stale "
    assert sleeper.child.pid
    os.kill(sleeper.child.pid, signal.SIGSTOP)
    works.house.models.will_say("fresh")
    await works.house.start("worker")
    assert await works.answered(turn) == ["fresh"]
    more.set()
    os.kill(sleeper.child.pid, signal.SIGCONT)
    await works.house.until(lambda: works.house.models.in_flight == 0)
    assert await sleeper.end() == 0
    assert await works.text(turn) == "fresh"
    log = await works.redis.llen("switchboard:log:slack:T1:C1:1.1:0")
    assert log == 2


async def test_redis_restarts_with_bells_waiting_for_a_thread_and_the_worker_lives(
    works: Works,
) -> None:
    """A bell that waits unacked then ends Celery's worker: 'NoneType' object has no attribute 'hostname'."""
    (worker,) = await works.house.start("worker", arguments=("--concurrency", "2"))
    gate = asyncio.Event()
    for _ in range(2):
        works.house.models.will_wait_for(gate, after=1, say=["a", "b"])
    turns = [await works.ask(f"number {n}", f"{n}.1") for n in range(30)]
    await works.in_flight(2)

    async def waiting() -> int:
        return int(await works.redis.llen(LIST))

    assert await works.until(waiting) <= 30
    works.house.kill_redis()
    for _ in range(28):
        works.house.models.will_say("ab")
    gate.set()
    assert await works.answered(*turns) == ["ab"] * 30
    assert worker.child.returncode is None
    assert await worker.end() == 0


async def test_a_full_redis_takes_nothing_in_and_is_emptied_all_the_same(works: Works) -> None:
    """Celery's own commands are refused then, and its worker ended: `OOM command not allowed`."""
    turns = [await works.ask(f"number {n}", f"{n}.1") for n in range(5)]
    for _ in turns:
        works.house.models.will_say("ab")
    await works.redis.config_set("maxmemory", "1mb")
    with pytest.raises(Exception, match="maxmemory"):
        await works.ask("too much")
    assert await works.redis.zcard("switchboard:owed:slack") == 5, "nothing half of it"
    (worker,) = await works.house.start("worker")
    assert await works.answered(*turns) == ["ab"] * 5
    for turn in turns:
        await works.replies.delivered(turn.id, turn.conversation)
    for name in ("due", "owed:slack", "fetching:slack"):
        assert await works.redis.zcard(f"switchboard:{name}") == 0
    assert await worker.end() == 0


async def test_a_redis_that_froze_for_longer_than_a_lease_costs_no_second_answer(
    works: Works,
) -> None:
    """Frozen for longer than a lease: what was in flight goes on where it was, and is answered once."""
    (worker,) = await works.house.start("worker", **LAPSING)
    more = asyncio.Event()
    works.house.models.will_wait_for(more, after=1, say=["one ", "answer"])
    turn = await works.ask("patience")
    await works.in_flight(1)
    assert works.house.server.pid
    os.kill(works.house.server.pid, signal.SIGSTOP)
    await asyncio.sleep(3)  # longer than the lease of two seconds: that is the case
    os.kill(works.house.server.pid, signal.SIGCONT)
    more.set()
    assert await works.answered(turn) == ["one answer"]
    assert len(works.house.models.requests) == 1
    assert await worker.end() == 0
