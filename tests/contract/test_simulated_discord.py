"""The real discord.py, unmodified, lives in the simulated Discord."""

from collections.abc import AsyncIterator

import pytest

from playground.discord import DiscordServer, State
from tests.contract.careful_bot import Bot, running


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer() as server:
        yield server


async def test_a_mention_is_answered_by_a_reply_that_is_then_edited(server: DiscordServer) -> None:
    async with running(server, Bot()):
        question = await server.post("mia", "general", "@Switchboard hello")
        answer = await server.shows("You said: @Switchboard hello", "general")
        assert answer.reference.message_id == question.id
        assert answer.edited_at
        assert server.violations == []


async def test_a_slash_command_is_deferred_and_then_edited(server: DiscordServer) -> None:
    async with running(server, Bot()):
        asked = await server.slash("mia", "general", "ask", prompt="why", image=("a.png", b"123"))
        answer = await server.answered(asked)
        assert answer.content == "Answer to why with a.png of 3 bytes"
        assert asked.state is State.ANSWERED
        assert [v.kind for v in server.violations] == ["embeds"]
