"""What a slash command is told where something is missing: its "thinking", or the thread that it is about."""

from __future__ import annotations

import pytest

from tests.contract.discord_adapter.bench import Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLBACK = "POST /interactions/*/*/callback"
ORIGINAL = "PATCH /webhooks/*/*/messages/@original"


@pytest.mark.parametrize("code", [10015, 10008, 0], ids=["no-webhook", "no-message", "no-code"])
async def test_an_answer_without_a_place_comes_once_in_the_channel(
    modest: Bench, code: int
) -> None:
    """`404 {"message": "Unknown Message", "code": 10008}` to an edit of @original that never was, or was deleted."""
    channel = await modest.channel()
    modest.discord.will_refuse(CALLBACK, 404, 10062)
    modest.discord.will_refuse(ORIGINAL, 404, code)
    await modest.discord.slash("mia", channel, "ask", prompt=f"nowhere {code}")
    await modest.asked(f"nowhere {code}")
    await modest.at_rest()
    shown = [message.content for message in modest.discord.by_bot(channel)]
    assert shown == [f"Answer to: nowhere {code}"]


async def test_a_private_answer_without_a_place_comes_as_a_direct_message(modest: Bench) -> None:
    channel = await modest.channel()
    modest.discord.will_refuse(CALLBACK, 404, 10062)
    modest.discord.will_refuse(ORIGINAL, 404, 10008)
    await modest.discord.slash("mia", channel, "ask", prompt="between us", private=True)
    await modest.asked("between us")
    await modest.at_rest()
    assert modest.discord.by_bot(channel) == []
    direct = modest.discord.where("mia", "dm").id
    assert modest.discord.by_bot(direct)[-1].content == "Answer to: between us"


async def test_a_slash_command_outside_a_thread_cannot_choose_for_a_thread(modest: Bench) -> None:
    channel = await modest.channel()
    asked = await modest.discord.slash(
        "mara", channel, "model set", model="gpt-4o-mini", scope="thread"
    )
    told = await modest.discord.answered(asked)
    assert "`@bot /model set gpt-4o-mini thread`" in told.content
    await modest.at_rest()
    assert modest.discord.by_bot(channel) == [told]
