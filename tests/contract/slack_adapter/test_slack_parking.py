"""Replies that come before the root of their thread: they wait for it, and are answered once, in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from adapters.slack.parking import MOST, MOST_BYTES, Parking, read
from adapters.slack.parse import Bot, Heard, message
from adapters.slack.process import serve
from bot.inbox import at_key
from playground.slack import Message, SlackServer
from playground.slack.sockets import Delivery
from tests.contract.slack_adapter.office import Office

BOT = "<@U0SWITCHBD>"


class Gap:
    """A root of which Slack told while no adapter ran, and what was told since one runs again."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.slack = office.slack
        self.lost: list[Delivery] = []

    async def root(self, words: str = "@Switchboard first") -> None:
        hub = self.slack.workspace.hub
        patience = hub.ack_seconds, hub.retry_delays
        hub.ack_seconds, hub.retry_delays = 0.05, ()
        self.post = await self.slack.post("mia", "general", words)
        await self.slack.settled()
        self.lost = list(self.slack.events)
        assert self.lost
        assert not any(event.acks for event in self.lost)
        hub.ack_seconds, hub.retry_delays = patience

    async def say(self, words: str, who: str = "mia", **more: object) -> Message:
        said = await self.slack.post(who, "general", words, thread_ts=self.post.ts, **more)  # type: ignore[arg-type]
        await self.slack.settled()
        return said

    async def told_again(self) -> None:
        """Slack tells of the root at last."""
        for event in self.lost:
            self.slack.redeliver(event.event_id)
        await self.slack.settled()

    async def words(self) -> list[str]:
        """What was admitted, in its order."""
        return [turn.message.text for turn in await self.office.turns()]

    async def parked(self) -> dict[str, dict[bytes, bytes]]:
        """What waits for a root."""
        await self.slack.settled()
        names = [name async for name in self.office.redis.scan_iter("*parked:*")]
        return {name.decode(): await self.office.redis.hgetall(name) for name in names}

    async def forget_root(self) -> bytes:
        """As if the root were not known yet."""
        key = at_key(self.office.store, "slack", self.office.team, self.post.channel, self.post.ts)
        where: bytes = await self.office.redis.getdel(key)
        return where

    async def know_root(self, where: bytes) -> None:
        key = at_key(self.office.store, "slack", self.office.team, self.post.channel, self.post.ts)
        await self.office.redis.set(key, where)


@pytest_asyncio.fixture
async def gap(closed_office: Office) -> AsyncIterator[Gap]:
    gap = Gap(closed_office)
    await gap.root()
    async with closed_office.open():
        yield gap


async def test_replies_to_a_root_that_came_later_are_answered_once_and_in_order(gap: Gap) -> None:
    """The adapter was down when `@Switchboard first` was posted. Slack redelivers it after its replies."""
    for n, who in enumerate(("mia", "max", "mia")):
        await gap.say(f"reply {n}", who)
    assert await gap.words() == []
    await gap.told_again()
    turns = await gap.office.turns()
    assert [t.message.text for t in turns] == ["first", "reply 0", "reply 1", "reply 2"]
    assert len({turn.conversation for turn in turns}) == 1
    for turn in turns:
        await gap.office.answer(turn, f"Answer to {turn.message.text}")
    await gap.office.at_rest()
    assert gap.slack.calls_of("conversations.replies") == [], "all of it is known"
    assert [gap.slack.text_of(answer) for answer in gap.slack.answers(gap.post.ts)] == [
        f"Answer to {turn.message.text}" for turn in turns
    ]
    await gap.told_again()
    assert await gap.parked() == {}
    assert len(await gap.office.turns()) == 4


async def test_two_adapters_that_hear_of_the_root_at_once_admit_each_reply_once(gap: Gap) -> None:
    second = asyncio.create_task(serve(gap.office.settings()))
    try:
        await gap.slack.connected(4)
        for n in range(6):
            await gap.say(f"reply {n}")
        assert len((await gap.parked()).popitem()[1]) == 6
        await gap.told_again()
        last = await gap.say("and last")
        assert await gap.office.asked(last)
        assert await gap.words() == ["first", *(f"reply {n}" for n in range(6)), "and last"]
        assert await gap.parked() == {}
    finally:
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)


async def test_a_reply_that_comes_twice_waits_once_and_not_longer_than_its_root_may_take(
    gap: Gap,
) -> None:
    gap.slack.will_redeliver()
    await gap.say("and then?")
    ((name, waiting),) = (await gap.parked()).items()
    assert len(waiting) == 1
    assert 590 < await gap.office.redis.ttl(name) <= 600


@pytest.mark.parametrize("words", ["@max look", "@here look", "@ada @max look"])
async def test_what_is_said_to_somebody_else_is_not_kept(gap: Gap, words: str) -> None:
    await gap.say(words)
    assert await gap.parked() == {}
    await gap.told_again()
    assert await gap.words() == ["first"]


async def test_a_mention_does_not_wait(gap: Gap) -> None:
    await gap.say("quiet")
    asked = await gap.say("@Switchboard now")
    assert (await gap.office.asked(asked)).message.text == "now"
    assert len((await gap.parked()).popitem()[1]) == 1
    await gap.told_again()
    turns = await gap.office.turns()
    assert [turn.message.text for turn in turns] == ["now", "first", "quiet"]
    assert len({turn.conversation for turn in turns}) == 1


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"thread_ts": "1700000000.000100"}, id="below a root that is too old"),
        pytest.param({"channel_type": "im"}, id="in a direct message"),
        pytest.param({"bot_id": "B0OTHERBOT"}, id="another bot's"),
        pytest.param({"thread_ts": None}, id="not in a thread"),
        pytest.param({"parent_user_id": "U0SWITCHBD"}, id="below a message of ours"),
    ],
)
async def test_nothing_else_is_kept(gap: Gap, fields: dict[str, object]) -> None:
    post = await gap.say("@max look")
    await gap.office.deliver(post, text="look", **fields)
    assert await gap.parked() == {}


async def test_of_a_reply_that_was_edited_or_deleted_meanwhile_only_what_is_left_is_asked(
    gap: Gap,
) -> None:
    edited, deleted = await gap.say("before"), await gap.say("secret")
    await gap.slack.edit("mia", "general", edited.ts, "after")
    await gap.slack.delete("mia", "general", deleted.ts)
    (waiting,) = (await gap.parked()).values()
    assert not any(b"before" in kept or b"secret" in kept for kept in waiting.values())
    await gap.office.deliver(deleted)  # Slack had no ack of it, and tells of it again
    await gap.told_again()
    assert await gap.words() == ["first", "after"]
    assert await gap.parked() == {}


async def test_a_file_of_a_reply_is_asked_about_with_it(gap: Gap) -> None:
    reply = await gap.say("see", files=[("notes.txt", b"plain words")])
    await gap.told_again()
    await gap.office.answer(await gap.office.asked(gap.post), "First.")
    turn = await gap.office.asked(reply)
    await gap.office.answer(turn, "A file.")
    (file,) = (await gap.office.asked(reply)).message.attachments
    assert file.name == "notes.txt"
    await gap.office.at_rest()
    assert gap.slack.private("mia") == []


async def test_below_a_command_that_came_later_a_reply_is_a_question(closed_office: Office) -> None:
    gap = Gap(closed_office)
    await gap.root("@Switchboard /model")
    async with closed_office.open():
        reply = await gap.say("and what can it do?")
        await gap.told_again()
        assert (await gap.office.asked(reply)).kind == "ask"
        assert "gpt-4o" in await gap.office.told("mia")


async def test_below_a_root_that_was_not_for_the_bot_nothing_comes_of_it(
    closed_office: Office,
) -> None:
    gap = Gap(closed_office)
    await gap.root("lunch?")
    async with closed_office.open():
        await gap.say("at noon")
        await gap.told_again()
        assert await gap.words() == []


async def test_what_was_left_between_a_root_and_its_ack_is_admitted_when_it_comes_again(
    gap: Gap,
) -> None:
    await gap.told_again()
    where = await gap.forget_root()
    await gap.say("left behind")
    await gap.know_root(where)
    assert len((await gap.parked()).popitem()[1]) == 1
    await gap.told_again()
    assert await gap.words() == ["first", "left behind"]
    assert await gap.parked() == {}


async def test_what_was_left_goes_before_what_is_said_next(gap: Gap) -> None:
    await gap.told_again()
    where = await gap.forget_root()
    await gap.say("left behind")
    await gap.know_root(where)
    await gap.office.asked(await gap.say("and next"))
    assert await gap.words() == ["first", "left behind", "and next"]


async def test_a_reply_that_outruns_the_memory_of_a_commands_question_goes_on_below_it(
    office: Office,
) -> None:
    """Slack posted the question, and its reply was lost: until the post is found again its thread is unknown, and not
    every server says whose it is."""
    slack = office.slack
    found = slack.will_hold("conversations.history")
    slack.will_drop_reply("chat.postMessage")
    await slack.command("mia", "random", "/ai ask why")
    root = await slack.shows("why", channel="random")
    reply = await slack.post("max", "random", "@max quiet", thread_ts=root.ts)
    await office.deliver(reply, text="really?", parent_user_id=None)
    assert len(await office.turns()) == 1
    found.set()
    (asked,) = await office.turns()
    await office.answer(asked, "Because.")
    await slack.shows("Because.")
    second = await office.until(
        lambda: office.turn("random", reply.ts), "the reply was not admitted"
    )
    assert second.conversation == asked.conversation
    await office.answer(second, "Really.")
    await slack.shows("Really.", thread_ts=root.ts)


# ---- the memory itself ------------------------------------------------------------------------------------


def reply(ts: str = "1800000060.000100", text: str = "and then?") -> Heard:
    event = {
        "type": "message",
        "channel": "C0GENERAL1",
        "user": "U0MEMBER01",
        "ts": ts,
        "thread_ts": "1800000000.000100",
        "text": text,
    }
    return message({"event": event, "event_id": "Ev1"}, event, Bot("T1", "U0SWITCHBD", "B1"))


WHERE = ("C0GENERAL1", "1800000000.000100")


async def known(office: Office) -> None:
    await office.redis.set(at_key(office.store, "slack", "T1", *WHERE), "slack:T1:C0GENERAL1:1.1")


async def test_what_is_read_again_is_what_was_kept(closed_office: Office) -> None:
    parking = Parking(closed_office.store, "T1")
    assert await parking.park(reply())
    assert await parking.below(*WHERE) == []
    await known(closed_office)
    ((ts, kept),) = await parking.below(*WHERE)
    assert (ts, read(kept)) == (reply().ts, reply())
    assert not await parking.park(reply("1800000061.000100"))


async def test_what_waits_is_limited_in_number_and_size(closed_office: Office) -> None:
    parking = Parking(closed_office.store, "T1")
    assert await parking.park(reply("1800000001.000100", "x" * MOST_BYTES))
    for n in range(MOST + 1):
        assert await parking.park(reply(f"1800000{100 + n}.000100"))
    await known(closed_office)
    assert len(await parking.below(*WHERE)) == MOST


@pytest.mark.parametrize("words", ["other words", None])
async def test_a_change_while_a_reply_is_admitted_is_found_once_more(
    closed_office: Office, words: str | None
) -> None:
    parking, said = Parking(closed_office.store, "T1"), reply()
    await parking.park(said)
    await known(closed_office)
    ((ts, kept),) = await parking.below(*WHERE)
    await parking.amend(*WHERE, ts, words)
    await parking.leave(*WHERE, ts, kept)
    ((ts, kept),) = await parking.below(*WHERE)
    assert read(kept) == (replace(said, text=words) if words else None)
    await parking.leave(*WHERE, ts, kept)
    assert await parking.below(*WHERE) == []


async def test_what_another_version_kept_is_no_reply(slack: SlackServer) -> None:
    assert read(b'{"ts": "1.1"}') is None
