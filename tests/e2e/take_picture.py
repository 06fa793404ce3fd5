"""`make picture`: the demo is started and used, and what its page then shows becomes docs/demo.png."""

from __future__ import annotations

import asyncio
import io
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from PIL import Image
from playwright.async_api import Page, async_playwright

from playground.page.server import STATIC
from tests.e2e.browsing import SWITCHES, Tab, find_chromium

DEMO = (sys.executable, "-m", "bot", "demo", "--port", "0", "--no-browser")
PICTURE = STATIC / "sample.png"
SIZE = {"width": 1440, "height": 960}
PATIENCE = 60_000  # ms for an answer on a busy machine


async def main(path: Path) -> None:
    chromium = find_chromium()
    if chromium is None:
        sys.exit("no chromium: install Debian's package `chromium` or set CHROMIUM")
    async with demo() as address, async_playwright() as playwright:
        chrome = await playwright.chromium.launch(executable_path=chromium, args=list(SWITCHES))
        page = await chrome.new_page(viewport=SIZE, color_scheme="light")
        page.set_default_timeout(PATIENCE)
        await page.goto(address)
        shot = await picture(page)
        await chrome.close()
    Image.open(io.BytesIO(shot)).convert("RGB").save(path, optimize=True)


async def picture(page: Page) -> bytes:
    """Two conversations, side by side, with a picture and two models."""
    opened = Tab(page)
    for pane in (opened.slack, opened.discord):
        await pane.locator(".link.on").wait_for()
    await discord(opened)
    await slack(opened)
    await page.locator("#toasts:empty").wait_for(state="attached")
    await page.evaluate("document.activeElement.blur()")
    await page.mouse.move(0, 0)
    return await page.screenshot()


async def slack(opened: Tab) -> None:
    """A channel that an admin gave another model, a picture, and which model answers there and why."""
    pane, thread = opened.slack, opened.slack.locator(".thread")
    await pane.get_by_role("button", name="design").click()
    await opened.write(opened.box, "/ai model set claude-sonnet-5-5")
    await pane.get_by_text("Done: you set the model").wait_for()
    await pane.locator(".room:not(.thread) input[type=file]").set_input_files(
        {"name": "lighthouse.png", "mimeType": "image/png", "buffer": PICTURE.read_bytes()}
    )
    await opened.write(opened.box, "@switchboard what do you see?")
    await thread.get_by_text("A real model").wait_for()
    await opened.reply.fill("@switchboard /model")
    await opened.reply.press("Enter")
    await thread.get_by_text("Only visible to you").wait_for()


async def discord(opened: Tab) -> None:
    """A table by mention, and a slash command that asks another model this once."""
    pane = opened.discord
    await opened.write(opened.discord_box, "@Switchboard compare tea, coffee and water in a table")
    await pane.get_by_text("invented").wait_for()
    await pane.get_by_role("button", name="Slash command").click()
    await pane.get_by_role("option", name="/ask").click()
    command = pane.get_by_role("group", name="Command ask")
    await command.get_by_label("prompt").fill("show me some Python code")
    await command.get_by_role("button", name="model").click()
    model = command.get_by_role("combobox", name="model")
    await model.fill("gemini-3.8")
    await command.get_by_role("option", name="Gemini 3.8 Flash").click()
    await command.get_by_role("button", name="Run").click()
    await pane.get_by_text("It is a sample").wait_for()
    await pane.locator("p.small").wait_for()


@asynccontextmanager
async def demo() -> AsyncIterator[str]:
    """The address of a demo's page."""
    process = await asyncio.create_subprocess_exec(*DEMO, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            if found := re.search(rb"http://127\.0\.0\.1:\d+/", line):
                yield found[0].decode()
                break
        else:
            sys.exit("the demo did not start")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
