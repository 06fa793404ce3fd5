"""A simulated Slack whose clock stands still, and the real client library to call it with."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import SlackServer


@pytest.fixture(scope="module", autouse=True)
def untraced_all(untraced: None) -> None:
    """Nothing of ours runs here."""


class Hand:
    """A clock that stands still until a test moves it."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
async def slack(clock: Hand) -> AsyncIterator[SlackServer]:
    async with SlackServer(clock=clock) as server:
        yield server


@pytest.fixture
async def web() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def client(slack: SlackServer, web: aiohttp.ClientSession) -> AsyncWebClient:
    """The SDK's client without its own retries, so that each refusal is seen."""
    return AsyncWebClient(
        token=slack.bot_token, base_url=slack.api_url, session=web, retry_handlers=[]
    )
