"""`doctor` says of Discord what is wrong and what to do, one line for each finding."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from adapters.discord.checks import check
from bot.doctor import Finding
from bot.settings import DiscordSettings
from playground.discord import DiscordServer
from tests.contract.discord_adapter.bench import Bench

TOKEN = "SWITCHBOARD_DISCORD_MESSAGE_CONTENT"  # a setting's name


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    before = (Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY)
    backoff = discord.client.ExponentialBackoff  # type: ignore[attr-defined]
    async with DiscordServer(limits=False) as started:
        yield started
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before
    discord.client.ExponentialBackoff = backoff  # type: ignore[attr-defined]


def settings(server: DiscordServer, **more: str) -> DiscordSettings:
    given: dict[str, Any] = {
        "DISCORD_TOKEN": server.token,
        "DISCORD_API_URL": server.api_url,
        "DISCORD_GATEWAY_URL": server.gateway_url,
    }
    return DiscordSettings(_env_file=None, **given | more)


def levels(findings: list[Finding]) -> list[str]:
    return [finding.level for finding in findings]


async def test_a_rejected_token_is_broken_and_never_shown(server: DiscordServer) -> None:
    (found,) = await check(settings(server, DISCORD_TOKEN="wrong.token.here"))
    assert (found.level, found.what) == ("broken", "DISCORD_TOKEN: Discord rejects it")
    assert "Bot page" in found.mend
    assert "wrong.token.here" not in str(found)


async def test_a_discord_that_does_not_answer_is_broken(server: DiscordServer) -> None:
    given = settings(server)
    await server.stop()
    (found,) = await check(given)
    assert found.level == "broken"
    assert "DISCORD_API_URL" in found.mend


async def test_the_intent_must_be_granted_where_it_is_wanted(server: DiscordServer) -> None:
    _, intent, _ = await check(settings(server, SWITCHBOARD_DISCORD_MESSAGE_CONTENT="on"))
    assert (intent.level, intent.what.split(":")[0]) == ("broken", TOKEN)
    assert "Message Content Intent" in intent.mend
    async with DiscordServer(limits=False, message_content_allowed=True) as granting:
        _, intent, _ = await check(settings(granting, SWITCHBOARD_DISCORD_MESSAGE_CONTENT="on"))
        assert intent.level == "ok"


async def test_commands_that_discord_does_not_have_are_named(server: DiscordServer) -> None:
    token, intent, commands = await check(settings(server))
    assert levels([token, intent, commands]) == ["ok", "ok", "warning"]
    assert "ask" in commands.what
    assert "switchboard discord" in commands.mend


async def test_commands_are_in_step_after_a_start_and_out_of_it_after_a_change() -> None:
    async with Bench() as bench:
        assert levels(await check(bench.settings)) == ["ok", "ok", "ok"]
        told = bench.store.key("discord", "commands", bench.discord.application_id)
        await bench.store.redis.set(told, "of another version")
        *_, commands = await check(bench.settings)
        assert (commands.level, commands.what) == (
            "warning",
            "discord: its commands are of another version",
        )
        bench.discord.will_refuse("GET /applications/*/commands", 403, 50001)
        *_, commands = await check(bench.settings)
        assert commands.level == "warning"
        assert "cannot be read" in commands.what


def test_doctor_finds_the_check() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))
    named = project["project"]["entry-points"]["switchboard.checks"]["discord"]
    assert EntryPoint("discord", named, "switchboard.checks").load() is check
