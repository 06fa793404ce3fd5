"""A real browser for the tests of the page: Debian's chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright

from playground.discord import DiscordServer
from playground.models import ModelServer
from playground.page import PageServer
from playground.page.control import ControlPane
from playground.page.discord_pane import DiscordPane
from playground.page.slack_pane import SlackPane
from playground.slack import SlackServer

SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE = 30_000  # ms for anything to appear


def find_chromium() -> str | None:
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def chromium() -> str:
    """The browser's path; without one the test is skipped, and says what is missing."""
    found = find_chromium()
    if found is None:
        pytest.skip(
            "no chromium: install Debian's package `chromium` or set CHROMIUM; page untested"
        )
    return found


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    path = chromium()
    async with AsyncExitStack() as stack:
        try:
            playwright = await stack.enter_async_context(async_playwright())
        except Exception as error:  # Playwright has no class of its own for it
            pytest.skip(f"{error}: Playwright's driver needs Debian's libatomic1; page untested")
        started = await playwright.chromium.launch(executable_path=path, args=list(SWITCHES))
        try:
            yield started
        finally:
            await started.close()


class Playground:
    """The simulated servers and their page, with nobody's bot connected."""

    def __init__(self) -> None:
        self.slack = SlackServer(limits=False)
        self.discord = DiscordServer(limits=False)
        self.models = ModelServer(pace=0.002)
        self.killed: list[str] = []  # what the page asked to kill
        self.page = PageServer(
            {
                "page": ControlPane(
                    self.models, kill=self.killed.append, processes=("worker", "redis")
                ),
                "slack": SlackPane(self.slack),
                "discord": DiscordPane(self.discord),
            }
        )

    async def __aenter__(self) -> Playground:
        await self.slack.start()
        await self.discord.start()
        await self.models.start()
        await self.page.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.page.stop()
        await self.models.stop()
        await self.discord.stop()
        await self.slack.stop()


class Tab:
    """One browser tab; anything that its console complains about fails the test."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.slack = page.locator("#slack")
        self.discord = page.locator("#discord")
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)

    @asynccontextmanager
    async def on(
        self,
        playground: Playground,
        *,
        width: int = 1440,
        height: int = 900,
        scheme: Literal["light", "dark"] = "light",
    ) -> AsyncIterator[Tab]:
        """It shows this playground from the beginning; one tab costs much less than one for each."""
        await self.page.set_viewport_size({"width": width, "height": height})
        # Nothing glides: each frame costs more than a test's own steps.
        await self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        self.page.once(
            "framenavigated", lambda _: self.complaints.clear()
        )  # of what was there before
        await self.page.goto(playground.page.url)
        for pane in (self.slack, self.discord):
            await pane.get_by_role("heading", name="general").first.wait_for()
        try:
            yield self
            assert not self.complaints, self.complaints
        finally:
            await self.page.evaluate("sessionStorage.clear()")  # else at the next one of this port

    @property
    def box(self) -> Locator:
        """Where one writes into Slack's channel."""
        return self.slack.get_by_role("combobox", name="Message the channel")

    @property
    def reply(self) -> Locator:
        return self.slack.get_by_role("combobox", name="Reply in the thread")

    @property
    def discord_box(self) -> Locator:
        return self.discord.get_by_role("combobox", name="Message the channel")

    async def write(self, box: Locator, text: str) -> None:
        await box.fill(text)
        await box.press("Escape")  # whatever was suggested
        await box.press("Enter")

    async def shows(self, pane: Locator, text: str) -> Locator:
        found = pane.get_by_text(text).last
        await found.wait_for()
        return found

    async def act_as(self, pane: Literal["Slack", "Discord"], who: str) -> None:
        select = self.page.get_by_role("combobox", name=f"Act as whom in {pane}")
        options: Sequence[str] = await select.locator("option").all_text_contents()
        label = next(option for option in options if option.startswith(who))
        await select.select_option(label=label)
        await self.page.locator(f"#{pane.lower()} .persona strong", has_text=who).wait_for()


@asynccontextmanager
async def tab(chrome: Browser) -> AsyncIterator[Tab]:
    """An empty one, which shares nothing with others."""
    context = await chrome.new_context()
    context.set_default_timeout(PATIENCE)
    yield Tab(await context.new_page())
    await context.close()
