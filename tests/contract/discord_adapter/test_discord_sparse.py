"""The adapter works with a Discord that tells only the least and has no other endpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

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


async def test_a_command_that_changes_is_judged_where_it_is_run(
    sparse: tuple[Bench, SparseDiscord],
) -> None:
    """Nothing is said of what its user may do: nobody may, until Discord says otherwise."""
    bench, discord = sparse
    change = {
        "name": "set",
        "type": 1,
        "options": [{"name": "model", "type": 3, "value": "gpt-4o-mini"}],
    }
    used = await discord.uses("model", change)
    answer = await bench.until(
        lambda: next((a for a in discord.answered if a["interaction"] == used), None)
    )
    assert "Only people with" in answer["content"]
    await bench.at_rest()


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
