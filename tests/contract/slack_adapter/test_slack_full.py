"""A Redis without room: whoever asks is told at once and once, nothing is half-stored, what waits is still shown."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from adapters.intake import NO_MEMORY
from tests.contract.slack_adapter.office import Office


@asynccontextmanager
async def full(redis: Redis) -> AsyncIterator[None]:
    await redis.config_set("maxmemory", 1)
    try:
        yield
    finally:
        await redis.config_set("maxmemory", 0)


async def stored(office: Office) -> set[bytes]:
    """What may be kept of a question."""
    kinds = ("turn", "inbox", "outbox", "owed", "due", "seen", "at", "latest", "epoch", "form")
    return {name for kind in kinds for name in await office.redis.keys(f"*:{kind}*")}


def refusals(office: Office) -> list[str]:
    return [m.text for m in office.slack.private("mia") if "memory is full" in m.text]


async def test_a_mention_is_refused_politely_and_once_and_acknowledged(office: Office) -> None:
    slack = office.slack
    earlier = await office.asked(await slack.post("mia", "general", "@Switchboard before"))
    kept = await stored(office)
    async with full(office.redis):
        await slack.post(
            "mia", "general", "@Switchboard too much"
        )  # mention and message tell of it
        await slack.settled()
        assert refusals(office) == [NO_MEMORY]
        assert all(event.acks for event in slack.events)
        assert await stored(office) == kept
        await office.answer(earlier, "Still shown.")
        await slack.shows("Still shown.", thread_ts=earlier.message.id)
        await office.at_rest()
    again = await office.asked(await slack.post("mia", "general", "@Switchboard and now?"))
    assert [turn.id for turn in await office.turns()] == [earlier.id, again.id]


async def test_who_cannot_be_told_is_heard_again(office: Office) -> None:
    slack = office.slack
    async with full(office.redis):
        for method in ("chat.postEphemeral", "chat.postMessage"):
            slack.will_refuse(method, "internal_error", 2)
        post = await slack.post("mia", "general", "@Switchboard too much", twins="message")
        (event,) = slack.events
        await slack.until(lambda: event.attempts > 1 or None, what="it did not come again")
    await slack.settled()
    assert bool(refusals(office)) != bool(await office.turn("general", post.ts))


async def test_a_press_is_refused_too(office: Office) -> None:
    slack = office.slack
    post = await slack.post("mia", "general", "@Switchboard why")
    turn = await office.asked(post)
    await office.grow(turn, "Because")
    answer = await slack.shows("Because", thread_ts=post.ts)
    async with full(office.redis):
        await slack.click("mia", "general", answer.ts, "stop")
        await slack.until(lambda: refusals(office) or None, what="nobody was told")
    assert refusals(office) == [NO_MEMORY]


async def test_a_command_is_refused_in_its_place(office: Office) -> None:
    async with full(office.redis):
        await office.slack.command("mia", "general", "/ai ask too much")
        await office.slack.settled()
        assert refusals(office) == [NO_MEMORY]
    assert await office.turns() == []


async def test_a_form_is_not_opened_and_its_asker_is_told(office: Office) -> None:
    slack = office.slack
    post = await slack.post("mia", "random", "Monads are burritos")
    async with full(office.redis):
        await slack.shortcut("mia", "random", post.ts, "ask_about_this")
        await slack.until(lambda: refusals(office) or None, what="nobody was told")
        await slack.settled()
        assert refusals(office) == [NO_MEMORY]
        assert slack.views("mia") == []
        assert await stored(office) == set()


async def test_a_form_that_is_sent_says_so_and_stays_for_another_try(office: Office) -> None:
    slack = office.slack
    post = await slack.post("mia", "random", "Monads are burritos")
    await slack.shortcut("mia", "random", post.ts, "ask_about_this")
    view = await slack.until(lambda: next(iter(slack.views("mia")), None), what="no form opened")
    kept = await stored(office)
    async with full(office.redis):
        ack = await slack.submit_view(view.id, "mia", {"words": "Explain"})
        assert ack is not None
        assert ack["errors"] == {"question": NO_MEMORY}
        assert await stored(office) == kept
    assert await slack.submit_view(view.id, "mia", {"words": "Explain"}) in (None, {})
    (turn,) = await office.turns()
    assert (turn.message.text, len(turn.message.quotes)) == ("Explain", 1)
