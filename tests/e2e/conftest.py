"""A playground with its page in a real browser, for the tests of the page; skipped where there is no browser."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.browsing import Playground, Tab, browser, tab
from tests.e2e.page_bot import Model, running


@pytest.fixture(scope="module", autouse=True)
def untraced_all(untraced: None) -> None:
    """What is shown here runs in other processes."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with browser() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def playground(chrome: Browser) -> AsyncIterator[Playground]:
    async with Playground() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def bot(playground: Playground) -> AsyncIterator[Model]:
    async with running(playground.slack, playground.discord, playground.models) as model:
        yield model


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def window(chrome: Browser) -> AsyncIterator[Tab]:
    """For tests that open the page themselves, at another width or later than at their beginning."""
    async with tab(chrome) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def page(window: Tab, playground: Playground) -> AsyncIterator[Tab]:
    async with window.on(playground):
        yield window
