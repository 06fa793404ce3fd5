"""One adapter for all tests of a module: with the Message Content intent, or without it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.contract.discord_adapter.bench import Bench


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reading() -> AsyncIterator[Bench]:
    """It reads every message."""
    async with Bench(reads_all=True) as bench:
        yield bench
        assert not bench.discord.violations


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def modest() -> AsyncIterator[Bench]:
    """It reads what mentions it: the default."""
    async with Bench() as bench:
        yield bench
        assert not bench.discord.violations
