"""A simulated Discord without limits, and bare requests to it."""

from collections.abc import AsyncIterator

import pytest

from playground.discord import DiscordServer
from tests.contract.simulated_discord.raw_discord import Raw, raw_client


@pytest.fixture(scope="module", autouse=True)
def untraced_all(untraced: None) -> None:
    """Nothing of ours runs here."""


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer(limits=False) as server:
        yield server


@pytest.fixture
async def raw(server: DiscordServer) -> AsyncIterator[Raw]:
    async with raw_client(server) as raw:
        yield raw
