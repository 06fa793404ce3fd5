"""The process `switchboard discord` ends with 78 and one line where no retry would mend what is wrong."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.house import House

ROOT = Path(__file__).parents[2]


async def ended(child: asyncio.subprocess.Process) -> tuple[int | None, str]:
    out, err = await asyncio.wait_for(child.communicate(), 30)
    return child.returncode, (out + err).decode("utf-8", "replace")


async def started(house: House, **settings: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "discord"),
        env=house.environment("discord") | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"DISCORD_TOKEN": "not.the.token"}, "DISCORD_TOKEN: Discord rejects it"),
        (
            {"SWITCHBOARD_DISCORD_MESSAGE_CONTENT": "on"},
            "SWITCHBOARD_DISCORD_MESSAGE_CONTENT: Discord does not grant",
        ),
    ],
    ids=["token", "intent"],
)
async def test_what_no_retry_mends_ends_the_process_with_78(
    settings: dict[str, str], says: str
) -> None:
    async with House() as house:
        code, told = await ended(await started(house, **settings))
    assert code == 78
    assert says in told
    assert "Traceback" not in told
    assert "not.the.token" not in told


async def test_sigterm_drains_and_ends_with_0() -> None:
    async with House(forked=True) as house:
        (process,) = await house.start("discord")
        assert await process.end() == 0
        assert "adapter.drained platform=discord" in process.logged


CALLBACK = "POST /interactions/*/*/callback"


async def test_a_kill_between_admission_and_deferral_costs_no_answer() -> None:
    """The successor finds no "thinking" to fill: it replies in the channel, and to a private question directly."""
    async with House(forked=True) as house:
        discord, _ = await house.start("discord", "worker")
        house.models.will_say("For everybody.", when="in the open", times=None)
        house.models.will_say("For you.", when="in private", times=None)
        doors = [house.discord.will_hold(CALLBACK) for _ in range(2)]
        shared = await house.discord.slash("mia", "general", "ask", prompt="in the open")
        own = await house.discord.slash("noah", "general", "ask", prompt="in private", private=True)
        async with asyncio.timeout(30):
            while await house.redis.zcard("switchboard:owed:discord") < 2:
                await asyncio.sleep(0.02)
        discord.kill()
        await house.start("discord")
        await house.discord.shows("For everybody.", "general", timeout=30)
        await house.discord.when(lambda: house.discord.direct("noah") or None, 30)
        await house.at_rest()
        for door in doors:
            door.set()
        assert [m.content for m in house.discord.by_bot("general")] == ["For everybody."]
        assert [m.content for m in house.discord.direct("noah")] == ["For you."]
        assert not house.discord.interaction(shared).deferred
        assert not house.discord.interaction(own).deferred
        assert not house.discord.violations
