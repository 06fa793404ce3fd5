"""The page as such in a real browser: safe whatever is written, calm while answers grow, and usable by everybody."""

import asyncio
import re
from typing import Literal

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.e2e.browsing import Playground, Tab, tab
from tests.e2e.page_bot import Model, running

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

NASTY = (
    '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>\n'
    "[click](javascript:window.hacked=1) ![pic](https://tracker.example/p.png)\n"
    "| <b>a</b> | b |\n|---|---|\n| <svg onload=window.hacked=1> | `<i>` |\n"
    "```html\n<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>\n```\n"
)


async def test_what_a_model_writes_never_becomes_markup_and_loads_nothing(
    page: Tab, playground: Playground, bot: Model
) -> None:
    requested: list[str] = []
    page.page.on("request", lambda request: requested.append(request.url))
    playground.models.will_say(NASTY, times=2)
    await page.write(page.box, "@switchboard go")
    await page.write(page.discord_box, "@Switchboard go")
    await page.shows(page.slack, "<script>window.hacked=1</script>")
    await page.shows(page.discord, "<script>window.hacked=1</script>")
    assert await page.page.evaluate("window.hacked") is None
    texts = page.page.locator(".text")
    assert await texts.locator("img, script, iframe, svg:not(.icon), b, i").count() == 0
    assert await page.page.locator("a[href^='javascript']").count() == 0
    assert {url.split("/")[2] for url in requested} <= {playground.page.url.split("/")[2]}


async def test_links_lead_elsewhere_only_when_clicked(
    page: Tab, playground: Playground, bot: Model
) -> None:
    playground.models.will_say("See [the docs](https://docs.example/a_b?x=1&y=2) now.")
    await page.write(page.box, "@switchboard link?")
    link = page.slack.get_by_role("link", name="the docs")
    await link.wait_for()
    assert await link.get_attribute("href") == "https://docs.example/a_b?x=1&y=2"
    assert await link.get_attribute("rel") == "noopener noreferrer nofollow"


async def test_ideas_prepare_what_is_tried(page: Tab, playground: Playground, bot: Model) -> None:
    await page.page.get_by_role("button", name="Try this").click()
    await (
        page.page.locator("#ideas")
        .get_by_role("button", name=re.compile("Show it a picture"))
        .click()
    )
    await page.shows(page.slack, "lighthouse.png")
    await page.box.press("Enter")
    await page.shows(page.slack, "960 × 600 px")
    await page.page.get_by_role("button", name="Try this").click()
    await page.page.get_by_role("button", name=re.compile("Try that as a member")).click()
    await expect(page.slack.locator(".persona .role")).to_have_text("member")
    await expect(page.box).to_have_value("/ai model set gpt-4o")


async def test_fault_buttons_reach_the_servers(
    page: Tab, playground: Playground, bot: Model
) -> None:
    await page.write(page.box, "@switchboard hello")
    await page.shows(page.slack, "Try one of these")
    await playground.slack.settled()
    mention = playground.slack.events[-1]
    assert mention.attempts == 1
    await page.page.get_by_role("button", name="Make it hard").click()
    faults = page.page.locator("#faults")
    await faults.get_by_role("switch", name="Slow model").click()
    await page.shows(page.page.locator("#toasts"), "The model is slow now.")
    assert playground.models.pace > 0.1
    await faults.get_by_role("button", name="Deliver the last message again: Slack").click()
    await page.shows(page.page.locator("#toasts"), "Slack delivered its last event again.")
    await playground.slack.until(lambda: mention.attempts == 2, what="a second delivery")
    await faults.get_by_role("button", name="Cut the connection: Discord").click()
    await playground.discord.when(lambda: playground.discord.gateway.resumes == 1)


async def test_processes_are_killed_by_whoever_started_them(
    page: Tab, playground: Playground
) -> None:
    await page.page.get_by_role("button", name="Make it hard").click()
    faults = page.page.locator("#faults")
    await faults.get_by_role("button", name="kill -9, now: Redis").click()
    await page.shows(page.page.locator("#toasts"), "kill -9 redis.")
    assert playground.killed == ["redis"]


async def test_one_button_asks_and_kills_the_worker_in_mid_answer(
    page: Tab, playground: Playground, bot: Model
) -> None:
    release = asyncio.Event()
    playground.models.will_wait_for(release, after=1, say=("A beginning. " * 20, "The end."))
    await page.page.get_by_role("button", name="Try this").click()
    await page.page.get_by_role("button", name=re.compile("Kill the worker")).click()
    await page.shows(page.slack.locator(".thread"), "A beginning.")
    await page.shows(page.page.locator("#toasts"), "kill -9 worker.")
    release.set()
    await page.shows(page.slack.locator(".thread"), "The end.")
    assert playground.killed == ["worker"]


async def test_the_badge_says_that_the_model_is_scripted(page: Tab) -> None:
    await expect(page.page.locator("#model")).to_contain_text("Scripted model")


async def test_everything_is_reached_with_the_keyboard(
    page: Tab, playground: Playground, bot: Model
) -> None:
    await playground.slack.post("mia", "general", "The herons are back.")
    message = page.slack.get_by_role("article")
    await message.focus()
    await page.page.keyboard.press("Tab")
    await expect(page.slack.get_by_role("button", name="Ask about this")).to_be_focused()
    await page.page.keyboard.press("Enter")
    form = page.page.get_by_role("dialog", name="Ask about this")
    await expect(form.get_by_label("Your question")).to_be_focused()
    await page.page.keyboard.press("Escape")
    await expect(form).to_be_hidden()


# The contrast of every visible text with what is painted behind it; what is too faint comes back as lines.
FAINT = """() => {
  const pixel = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const colour = (css) => {
    pixel.clearRect(0, 0, 1, 1);
    pixel.fillStyle = css;
    pixel.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pixel.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    const layers = [];
    for (let at = node; at && layers.at(-1)?.[3] !== 1; at = at.parentElement) {
      const style = getComputedStyle(at);
      layers.push(colour(/gradient\\((rgb[^)]*\\))/.exec(style.backgroundImage)?.[1] ?? style.backgroundColor));
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || node.closest(".unseen, select")) continue;
    if (!node.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
    const below = behind(node);
    const ink = colour(getComputedStyle(node).color);
    for (let at = node; at; at = at.parentElement) ink[3] *= Number(getComputedStyle(at).opacity);
    const [dark, bright] = [light(over(ink, below)), light(below)].sort((a, b) => a - b);
    const ratio = (bright + 0.05) / (dark + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${node.className}: ${texts.currentNode.data.trim()}`);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_can_be_read(
    window: Tab, playground: Playground, bot: Model, scheme: Literal["light", "dark"]
) -> None:
    async with window.on(playground, scheme=scheme) as opened:
        said = "**Bold**, `code`, <https://docs.example>\n> quoted\n```py\nx = 1\n```\n| a | b |\n|-|-|\n| 1 | 2 |"
        playground.models.will_say(said, times=2)
        await opened.write(opened.box, "@switchboard go")
        await opened.write(opened.discord_box, "@Switchboard go")
        await opened.shows(opened.slack.locator(".thread"), "quoted")
        await opened.shows(opened.discord, "quoted")
        await playground.slack.command("ada", "general", "/ai model")
        assert await opened.page.evaluate(FAINT) == []
        await opened.page.get_by_role("button", name="Make it hard").click()
        assert await opened.page.evaluate(FAINT) == []
        await opened.page.get_by_role("button", name="Try this").click()
        assert await opened.page.evaluate(FAINT) == []
        await opened.page.keyboard.press("Escape")
        await opened.discord_box.press_sequentially("/")
        await opened.discord.get_by_role("option", name="/ask").wait_for()
        assert await opened.page.evaluate(FAINT) == []


async def test_a_channel_says_when_the_bot_cannot_answer_there(page: Tab) -> None:
    for name, said in (("announcements", "may not write here"), ("vault", "does not see this")):
        await page.discord.get_by_role("button", name=name).click()
        await page.shows(page.discord.locator(".room-head"), f"the bot {said}")
    await page.slack.get_by_role("button", name="quiet").click()
    await page.shows(page.slack.locator(".room-head"), "the bot is not here")


@pytest.mark.parametrize("width", [390, 820, 1440])
async def test_nothing_runs_out_of_the_window_at_any_width(
    window: Tab, playground: Playground, width: int
) -> None:
    async with window.on(playground, width=width, scheme="dark") as opened:
        await playground.slack.post("mia", "general", "x" * 400)
        await opened.shows(opened.slack, "xxxx")
        across = await opened.page.evaluate("document.documentElement.scrollWidth")
        assert across <= width


async def test_on_a_narrow_screen_the_places_are_behind_a_button(
    window: Tab, playground: Playground
) -> None:
    async with window.on(playground, width=390) as opened:
        await expect(opened.page.get_by_role("button", name="Try this")).to_be_visible()
        random = opened.slack.get_by_role("button", name="random")
        await expect(random).to_be_hidden()
        await opened.slack.get_by_role("button", name="Show channels").click()
        await random.click()
        await opened.slack.get_by_role("heading", name="random", exact=True).wait_for()
        await expect(random).to_be_hidden()


async def test_a_page_whose_server_came_back_goes_on_by_itself(
    page: Tab, playground: Playground
) -> None:
    await playground.page.stop()
    await page.page.get_by_text("The playground does not answer.").wait_for()
    await playground.page.start()
    await playground.slack.post("mia", "general", "Back again.")
    await page.shows(page.slack, "Back again.")
    page.complaints.clear()  # the browser tells of the broken connection


# ---- calm while an answer grows --------------------------------------------------------------------------------------


def growing(playground: Playground) -> asyncio.Event:
    """The next answer is longer than the window, and ends when the event is set."""
    release = asyncio.Event()
    lines = "".join(f"Line {n}.\n\n" for n in range(60))
    playground.models.will_wait_for(release, after=1, say=(lines, "The very end."))
    return release


def in_view(node: Locator) -> "asyncio.Future[object]":
    return asyncio.ensure_future(expect(node).to_be_in_viewport())


async def test_the_newest_words_stay_in_sight_unless_one_has_scrolled_up(
    page: Tab, playground: Playground, bot: Model
) -> None:
    release = growing(playground)
    await page.write(page.box, "@switchboard tell me something long")
    thread = page.slack.locator(".thread")
    await in_view(thread.get_by_text("Line 59."))
    await thread.get_by_text("Line 59.").hover()
    await page.page.mouse.wheel(0, -5000)
    latest = thread.get_by_role("button", name="Latest")
    await latest.wait_for()
    await expect(thread.get_by_text("Line 0.")).to_be_in_viewport()
    release.set()
    await thread.get_by_text("The very end.").wait_for()
    await expect(thread.get_by_text("Line 0.")).to_be_in_viewport()
    await latest.click()
    await expect(thread.get_by_text("The very end.")).to_be_in_viewport()
    await expect(latest).to_be_hidden()


async def test_a_reload_in_mid_answer_comes_back_to_the_thread_and_it_goes_on(
    page: Tab, playground: Playground, bot: Model
) -> None:
    release = growing(playground)
    await page.write(page.box, "@switchboard tell me something long")
    await page.slack.locator(".thread").get_by_text("Line 59.").wait_for()
    await page.page.reload()
    await expect(page.slack.locator(".thread").get_by_text("Line 59.")).to_be_in_viewport()
    release.set()
    await page.slack.locator(".thread").get_by_text("The very end.").wait_for()


async def test_two_tabs_show_the_same_answer_and_each_its_own_person(
    chrome: Browser, page: Tab, playground: Playground, bot: Model
) -> None:
    async with tab(chrome) as second, second.on(playground) as other:
        await other.act_as("Slack", "Mia Marsh")
        await page.write(page.box, "@switchboard what is 6 * 7?")
        await page.shows(page.slack.locator(".thread"), "42")
        await other.slack.get_by_role("button", name="1 reply").click()
        await other.shows(other.slack.locator(".thread"), "42")
        await expect(page.slack.locator(".persona strong")).to_have_text("Ada Adair")


async def test_a_picture_is_not_drawn_again_when_its_thread_grows(
    page: Tab, playground: Playground, bot: Model
) -> None:
    await page.slack.get_by_role("button", name="Show it a picture").click()
    await page.box.press("Enter")
    picture = page.slack.locator(".room:not(.thread) .picture img")
    await picture.evaluate("image => (image.mark = 'the same')")
    await page.shows(page.slack.locator(".thread"), "960 × 600 px")
    await page.slack.get_by_role("button", name="1 reply", include_hidden=True).wait_for(
        state="attached"
    )
    assert await picture.evaluate("image => image.mark") == "the same"


async def test_the_buttons_of_a_message_stay_while_it_grows(
    page: Tab, playground: Playground, bot: Model
) -> None:
    release = asyncio.Event()
    playground.models.will_wait_for(release, after=1, say=("The first half. ", "The second."))
    await page.write(page.discord_box, "@Switchboard go")
    answer = page.discord.get_by_role("article").last
    await (await page.shows(answer, "The first half.")).hover()
    await answer.get_by_role("button", name="Reply").focus()
    release.set()
    await page.shows(answer, "The second.")
    await expect(answer.get_by_role("button", name="Reply")).to_be_focused()


# ---- writing ---------------------------------------------------------------------------------------------------------


async def test_what_is_half_written_stays_with_its_place(page: Tab) -> None:
    await page.box.fill("for general")
    await page.slack.get_by_role("button", name="random").click()
    await expect(page.box).to_have_value("")
    await page.box.fill("for random")
    await page.slack.get_by_role("button", name="general").click()
    await expect(page.box).to_have_value("for general")
    await page.discord_box.fill("for Discord")
    await page.discord.get_by_role("button", name="engineering").click()
    await expect(page.discord_box).to_have_value("")


async def test_shift_enter_makes_a_line_and_escape_closes_what_is_open(
    page: Tab, playground: Playground
) -> None:
    await page.box.press_sequentially("one")
    await page.box.press("Shift+Enter")
    await page.box.press_sequentially("two @swi")
    offered = page.slack.get_by_role("option", name="Switchboard")
    await offered.wait_for()
    await page.box.press("Escape")
    await expect(offered).to_be_hidden()
    await expect(page.box).to_have_value("one\ntwo @swi")
    await page.box.press("Enter")
    await page.shows(page.slack, "two @swi")
    assert playground.slack.channel_messages("general")[0].text == "one\ntwo @swi"


async def test_arrow_keys_choose_among_what_is_offered(page: Tab) -> None:
    await page.box.press_sequentially("/ai mo")
    chosen = page.slack.locator("[role=option][aria-selected=true]")
    await page.box.press("ArrowUp")
    last = await chosen.locator(".title").text_content()
    await page.box.press("ArrowDown")
    assert await chosen.locator(".title").text_content() != last
    await page.box.press("ArrowDown")
    await expect(chosen).to_contain_text("/ai model list")
    await page.box.press("Tab")
    await expect(page.box).to_have_value("/ai model list")


async def test_escape_leaves_a_thread_but_not_a_half_written_reply(
    page: Tab, playground: Playground
) -> None:
    await playground.slack.post("mia", "general", "The herons are back.")
    await (await page.shows(page.slack, "The herons are back.")).hover()
    await page.slack.get_by_role("button", name="Reply in thread").click()
    await page.reply.fill("Really?")
    await page.reply.press("Escape")
    await expect(page.reply).to_have_value("Really?")
    await page.reply.fill("")
    await page.reply.press("Escape")
    await expect(page.reply).to_be_hidden()


# ---- what is not there -----------------------------------------------------------------------------------------------


async def test_both_panes_say_when_the_bot_is_not_connected(
    page: Tab, playground: Playground
) -> None:
    for pane in (page.slack, page.discord):
        await page.shows(pane, "The bot is not connected. It answers as soon as it is.")
    async with running(playground.slack, playground.discord, playground.models):
        for pane in (page.slack, page.discord):
            await expect(pane.get_by_text("The bot is not connected. It")).to_have_count(0)
