"""The reply of each script is lost on the wire once: redis-py runs it again, and the outcome is as without the loss."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

import pytest
from redis.asyncio import Redis

from adapters.slack.parking import Parking
from adapters.slack.parse import Heard
from adapters.slack.sharing import Sharing
from bot.access import Admins
from bot.bell import Bell
from bot.conversation import Conversations, pack
from bot.reply import Replies
from bot.scopes import Scopes
from bot.slots import Slots
from bot.store import Store, connect, scripts
from bot.types import Actor, ChatMessage, Phase, Scope, TextPart
from bot.work import Grant, Outcome
from tests.inbox import BothSides
from tests.lossy import LossyLine
from tests.unit.test_inbox_machine import CONVERSATIONS, turn_for

pytestmark = pytest.mark.usefixtures("untraced")  # the same lines as once, twice

SCRIPTS = sorted(
    file.name.removesuffix(".lua") for file in (resources.files("bot") / "scripts").iterdir()
)
TURNS = [replace(turn_for(CONVERSATIONS[0], number), id=f"{number:016}") for number in range(3)]
FIRST, SECOND, THIRD = TURNS
ADMIN = Actor("slack", "T1", "U1", "Ada", powers=frozenset(Scope))
REPLY = Heard(
    channel=FIRST.message.thread.channel,
    ts="2.0",
    thread_ts="1.1",
    author=FIRST.message.author,
    text="and then?",
    attachments=(),
    quotes=(),
    mentioned=False,
    others=False,
    parent=None,
    external=False,
    event="Ev1",
)
SAID = ChatMessage("user", (TextPart("first words"),), source=FIRST.message.id)


class Doors:
    """All that may be done to a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.inbox, self.replies = BothSides(store, lease_ms=60_000), Replies(store)
        self.conversations = Conversations(store)
        self.scopes = Scopes(store, "gpt-4o", Admins())
        self.parking = Parking(store, "T1")

    async def ring(self) -> None:
        bell = Bell(self.store)
        bell.ring(FIRST.conversation)
        await bell.close()

    async def grant(self) -> Grant:
        grant = await self.inbox.claim(FIRST.conversation)
        assert grant is not None
        return grant


@dataclass
class Case:
    """Something that is done, in a state where the doors were used before."""

    do: Callable[[Doors, Any], Awaitable[Any]]
    before: Callable[[Doors], Awaitable[Any]] | None = None
    after: int = 0  # replies before the script's


async def two_questions(doors: Doors) -> None:
    await doors.inbox.admit(FIRST)
    await doors.inbox.admit(SECOND)


async def with_files(doors: Doors) -> None:
    await doors.inbox.admit(FIRST.with_message(history=True))


async def claimed(doors: Doors) -> Grant:
    await two_questions(doors)
    return await doors.grant()


async def half_written(doors: Doors) -> Grant:
    grant = await claimed(doors)
    await doors.replies.append(grant, 0, b"Once upon ", "gpt-4o")
    return grant


async def committed(doors: Doors) -> None:
    grant = await half_written(doors)
    entries = ((pack(SAID), 2), (pack(replace(SAID, role="assistant")), 2))
    await doors.inbox.commit(grant, "0", Outcome(Phase.ANSWERED, "Once.", entries=entries))
    await doors.replies.own(FIRST.place, "a", 60)


async def bound(doors: Doors) -> None:
    await committed(doors)
    assert await doors.replies.bind(FIRST, "a", 0, "7.1")


async def delivered_elsewhere(doors: Doors) -> None:
    """The outbox's head is owed no more."""
    await two_questions(doors)
    await doors.store.redis.zrem(doors.store.key("owed", "slack"), FIRST.id)


async def parked(doors: Doors) -> None:
    await doors.parking.park(REPLY)


ANSWER = Outcome(
    Phase.ANSWERED, "The end.", "gpt-4o", ("A note.",), entries=((b"q", 3), (b"a", 4)), dead="x"
)
CASES: dict[str, Case] = {
    "admit": Case(lambda d, _: d.inbox.admit(FIRST, at=["at:x"], secret="token", renews=True)),
    "ready": Case(lambda d, _: d.inbox.ready(FIRST), with_files),
    "claim": Case(lambda d, _: d.inbox.claim(FIRST.conversation), two_questions),
    "renew": Case(lambda d, grant: d.inbox.renew(grant), claimed),
    "append": Case(lambda d, grant: d.replies.append(grant, 10, b"a time", "gpt-4o"), half_written),
    "commit": Case(lambda d, grant: d.inbox.commit(grant, "0", ANSWER), half_written),
    "release": Case(lambda d, grant: d.inbox.release(grant), half_written),
    "amend": Case(lambda d, _: d.inbox.amend(SECOND, None), claimed),
    "sweep": Case(lambda d, _: d.inbox.sweep(), two_questions),
    "own": Case(lambda d, _: d.replies.own(FIRST.place, "a", 60)),
    "intend": Case(lambda d, _: d.replies.intend(FIRST.id, 0), committed),
    "bind": Case(lambda d, _: d.replies.bind(FIRST, "a", 0, "7.1"), committed),
    "unbind": Case(lambda d, _: d.replies.unbind(FIRST, 0, "7.1"), bound),
    "next": Case(lambda d, _: d.replies.next_in(FIRST.conversation), delivered_elsewhere),
    "delivered": Case(lambda d, _: d.replies.delivered(FIRST.id, FIRST.conversation), committed),
    "say": Case(lambda d, _: d.replies.say(THIRD.id, "slack", "Done.", Phase.ANSWERED)),
    "mend_log": Case(
        lambda d, _: d.conversations.amend(FIRST.conversation, "0", FIRST.message.id, "other"),
        committed,
        after=1,
    ),
    "keep": Case(lambda d, _: d.inbox.bar("slack", "T1", "event-1")),
    "draw": Case(lambda d, _: Sharing(lambda: d.store, "T1").updates._draw(final=True)),
    "hold": Case(lambda d, _: Slots(d.store, "x", 1).hold("one", 60)),
    "adopt": Case(lambda d, _: d.replies.adopt(replace(SECOND, retries=FIRST.id)), bound),
    "park": Case(lambda d, _: d.parking.park(REPLY)),
    "parked": Case(lambda d, _: d.parking.below("C1", "1.1"), parked),
    "in_force": Case(lambda d, _: d.scopes.in_force(FIRST.message.thread)),
    "look": Case(lambda d, _: d.replies.read(FIRST.id), half_written),
    "ring": Case(lambda d, _: d.ring()),
    "repark": Case(lambda d, _: d.parking.amend("C1", "1.1", "2.0", "and now?"), parked, after=1),
    "change_model": Case(
        lambda d, _: d.scopes.set(
            FIRST.message.thread, Scope.CHANNEL, "claude", actor=ADMIN, request_id="r"
        )
    ),
}
# What the repeat answers although the first run did it, and why that does no harm.
OTHERWISE = {
    "amend": "'later' looks for the question in the log, where it is not",
    "ready": "a bell more or less: the conversation is due",
    "commit": "'again' is as good as 'done'",
    "sweep": "what was moved forward comes round again",
    "intend": "'look first' costs a look",
}


@pytest.fixture
async def line(redis_url: str, redis: Redis) -> AsyncIterator[LossyLine]:
    for name in SCRIPTS:
        await redis.script_load(scripts()[name])
    async with LossyLine(redis_url) as line:
        yield line


def test_every_script_has_its_case() -> None:
    assert sorted(CASES) == SCRIPTS


@pytest.mark.parametrize("name", SCRIPTS)
async def test_a_lost_reply_changes_nothing(name: str, line: LossyLine, redis: Redis) -> None:
    quiet = await run(CASES[name], redis, line, lossy=False)
    await redis.flushall()
    lossy = await run(CASES[name], redis, line, lossy=True)
    assert line.lost == 1
    assert line.sent.count(b"EVALSHA") == 2, "it was run again"
    assert lossy[1] == quiet[1], "Redis holds the same"
    if name not in OTHERWISE:
        assert lossy[0] == quiet[0]


async def run(case: Case, redis: Redis, line: LossyLine, *, lossy: bool) -> tuple[Any, Any]:
    """What it answers, and all that Redis holds afterwards."""
    given = await case.before(Doors(Store(redis))) if case.before else None
    client = connect(line.url, connections=1)
    await client.ping()
    if lossy:
        line.lose(after=case.after)
    answer = await case.do(Doors(Store(client)), given)
    await client.aclose()
    return timeless(repr(answer)), await everything(redis)


async def everything(redis: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in sorted(await redis.keys("*")):
        match await redis.type(name):
            case b"string":
                value = await redis.get(name)
            case b"list":
                value = await redis.lrange(name, 0, -1)
            case b"hash":
                value = sorted((await redis.hgetall(name)).items())
            case b"set":
                value = sorted(await redis.smembers(name))
            case b"zset":
                value = await redis.zrange(name, 0, -1)
            case _:
                value = [fields for _, fields in await redis.xrange(name)]
        ends = await redis.ttl(name) > 0
        found[name.decode()] = timeless(repr(value)), ends
    return found


def timeless(text: str) -> str:
    """Without what no two runs have in common: moments, tokens, hashes over them."""
    text = re.sub(r"\b1\d{12}\b", "MOMENT", text)
    text = re.sub(r"datetime\.datetime\([^)]*\)", "MOMENT", text)
    return re.sub(r"\b[0-9a-f]{32,40}\b", "TOKEN", text)


async def test_a_fetch_whose_beginning_was_not_heard_of_is_begun_all_the_same(
    line: LossyLine, redis: Redis
) -> None:
    client = connect(line.url, connections=1)
    await client.ping()
    inbox = BothSides(Store(client))
    line.lose()
    assert await inbox.take_fetch(FIRST.id, 60)
    assert line.lost == 1
    assert not await inbox.take_fetch(FIRST.id, 60), "one at a time"
    await client.aclose()


def test_all_scripts_name_their_keys_and_those_that_free_work_run_in_a_full_redis() -> None:
    """ADMIT and PARK alone take work in."""
    for name in SCRIPTS:
        text = (resources.files("bot") / "scripts" / f"{name}.lua").read_text()
        first, second, *_ = text.splitlines()
        assert first == ("#!lua" if name in ("admit", "park") else "#!lua flags=allow-oom"), name
        assert second.startswith("-- "), f"{name} says what it keeps true"
        called = re.findall(r"redis\.call\('(\w+)', *([^,)]+)", text)
        for command, key in called:
            if command in ("PUBLISH", "TIME"):
                continue
            assert re.match(r"KEYS\[|key$|here$|mine$", key), f"{name}: {command} {key}"
