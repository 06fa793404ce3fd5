"""A simulated Slack, a real Redis, and the adapter between them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from playground.slack import SlackServer
from tests.contract.slack_adapter.office import Office


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with SlackServer(limits=False, retry_delays=(0.05, 0.2, 0.5)) as server:
        yield server
        assert not server.violations


@pytest_asyncio.fixture
async def closed_office(slack: SlackServer, redis: Redis, redis_url: str) -> Office:
    """The workspace alone: the test starts the adapter."""
    return Office(slack, redis, redis_url)


@pytest_asyncio.fixture
async def office(closed_office: Office, request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    """The adapter, whose answers grow in the way that a test's parameter names."""
    async with closed_office.open(slack_stream=getattr(request, "param", "update")) as open_office:
        yield open_office
