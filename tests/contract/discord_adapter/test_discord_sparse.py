"""The adapter works with a Discord that tells only the least and has no other endpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from adapters.discord.granted import BELIEVED_SECONDS, Granted
from adapters.discord.people import People
from bot.types import Scope
from tests.contract.discord_adapter.bench import Bench
from tests.contract.discord_adapter.sparse import (
    BOT,
    CHANNEL,
    GUILD,
    PERSON,
    THREAD,
    SparseDiscord,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANAGE_CHANNELS, SEND = 1 << 4, 1 << 11


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sparse() -> AsyncIterator[tuple[Bench, SparseDiscord]]:
    server: Any = SparseDiscord()
    async with Bench(server=server) as bench:
        yield bench, server


async def test_a_mention_is_answered_by_a_reply(sparse: tuple[Bench, SparseDiscord]) -> None:
    bench, discord = sparse
    asked = await discord.says(f"<@{BOT}> hello there")
    await bench.until(lambda: discord.posted)
    posted = discord.posted[0]
    assert posted["content"] == "Answer to: hello there"
    assert posted["message_reference"]["message_id"] == asked
    assert posted["allowed_mentions"] == {"parse": []}
    await bench.at_rest()


async def test_a_direct_message_is_answered(sparse: tuple[Bench, SparseDiscord]) -> None:
    bench, discord = sparse
    await discord.says("in private", channel="555", direct=True)
    turn = await bench.asked("in private")
    assert turn.conversation == f"discord:@me:555:{PERSON}"
    await bench.until(lambda: any(p["channel"] == "555" for p in discord.posted))
    await bench.at_rest()


async def test_a_slash_command_is_deferred_and_answered_in_its_place(
    sparse: tuple[Bench, SparseDiscord],
) -> None:
    bench, discord = sparse
    used = await discord.uses("ask", {"name": "prompt", "type": 3, "value": "by command"})
    turn = await bench.asked("by command")
    assert turn.message.target.channel == CHANNEL
    answer = await bench.until(
        lambda: next((a for a in discord.answered if a["interaction"] == used), None)
    )
    assert answer["content"] == "Answer to: by command"
    assert answer["flags"] == 4
    assert [c["type"] for c in discord.callbacks if c["id"] == used] == [5]
    assert not any("Sorry" in str(call) for call in (*discord.posted, *discord.answered))
    await bench.at_rest()


SET = {
    "name": "set",
    "type": 1,
    "options": [{"name": "model", "type": 3, "value": "gpt-4o-mini"}],
}


def may(bits: int) -> Any:
    """The member of an interaction, with what Discord says that they may do in its channel."""
    return {"user": {"id": PERSON, "username": "ada"}, "roles": [], "permissions": str(bits)}


async def told(bench: Bench, discord: SparseDiscord, used: str) -> str:
    """What the command's user reads."""
    answer = await bench.until(
        lambda: next((a for a in discord.answered if a["interaction"] == used), None)
    )
    await bench.at_rest()
    return str(answer["content"])


async def test_a_command_that_changes_is_judged_where_it_is_run(
    sparse: tuple[Bench, SparseDiscord],
) -> None:
    """Nothing is said of what its user may do: nobody may, until Discord says otherwise."""
    bench, discord = sparse
    assert "Only people with" in await told(bench, discord, await discord.uses("model", SET))


async def test_a_right_that_only_the_interaction_tells_is_one(
    sparse: tuple[Bench, SparseDiscord],
) -> None:
    """`"member": {"permissions": "16", …}`, of a server that tells no roles to compute it from."""
    bench, discord = sparse
    used = await discord.uses("model", SET, channel="201", member=may(MANAGE_CHANNELS))
    assert "Done" in await told(bench, discord, used)
    used = await discord.uses("model", SET, channel="201", member=may(SEND))
    assert "Only people with" in await told(bench, discord, used)


async def test_a_right_that_was_taken_away_since_is_none_to_a_late_run_or_a_successor(
    sparse: tuple[Bench, SparseDiscord],
) -> None:
    """Whoever runs the command later than a minute after it, or in another process, asks Discord anew."""
    bench, discord = sparse
    used = await discord.uses("model", SET, channel="202", member=may(MANAGE_CHANNELS))
    assert "Done" in await told(bench, discord, used)
    stored = await bench.stored(used, workspace=GUILD)
    assert stored is not None
    assert stored.turn is not None
    now = [0.0]
    granted = Granted(lambda: now[0])
    granted.hear(
        "INTERACTION_CREATE",
        {"guild_id": GUILD, "channel_id": "202", "member": may(MANAGE_CHANNELS)},
    )
    in_time, late, successor = (
        People(lambda: bench.lives.client, g) for g in (granted, granted, Granted())
    )
    assert Scope.CHANNEL in (await in_time.actor(stored.turn)).powers
    now[0] = BELIEVED_SECONDS + 1
    for people in (late, successor):
        assert (await people.actor(stored.turn)).powers == frozenset()


async def test_a_thread_belongs_to_its_channel(sparse: tuple[Bench, SparseDiscord]) -> None:
    bench, discord = sparse
    await discord.says(f"<@{BOT}> deep inside", channel=THREAD)
    await discord.says(f"<@{BOT}> deeper still", channel=THREAD)
    for words in ("deep inside", "deeper still"):
        turn = await bench.asked(words)
        assert turn.conversation == f"discord:{GUILD}:{CHANNEL}:{THREAD}"
    assert discord.looked_up.count(THREAD) == 1
    await bench.at_rest()


async def test_a_message_of_a_server_that_is_not_known_is_no_direct_message() -> None:
    server: Any = SparseDiscord(tells_guild=False)
    async with Bench(server=server) as bench:
        await server.says("said among people")
        await server.says(f"<@{BOT}> said to the bot")
        turn = await bench.asked("said to the bot")
        assert not turn.message.thread.channel.direct
        assert turn.message.thread.channel.workspace == GUILD
        await bench.at_rest()
        assert bench.scribe.question("among people") is None
