"""The page in a real browser, pane by pane: what a person does in it arrives, what the bot does appears."""

import asyncio
import io
import re

import pytest
from PIL import Image
from playwright.async_api import expect
from slack_sdk.web.async_client import AsyncWebClient

from playground.discord.posts import Draft
from tests.e2e.browsing import Playground, Tab
from tests.e2e.page_bot import Model

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


def png(size: tuple[int, int] = (320, 200)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (20, 150, 160)).save(buffer, "PNG")
    return buffer.getvalue()


# ---- Slack -----------------------------------------------------------------------------------------------------------


async def test_a_mention_in_slack_opens_its_thread_and_the_answer_grows_there(
    page: Tab, playground: Playground, bot: Model
) -> None:
    release = asyncio.Event()
    playground.models.will_wait_for(release, after=1, say=("The first half, ", "and the second."))
    await page.write(page.box, "@switchboard tell me something")
    await page.shows(page.slack.locator(".thread"), "The first half,")
    assert await page.slack.get_by_text("and the second").count() == 0
    release.set()
    await page.shows(page.slack.locator(".thread"), "The first half, and the second.")
    message = playground.slack.channel_messages("general")[0]
    assert message.text == "<@U0SWITCHBD> tell me something"


async def test_a_stream_of_slacks_own_is_shown_as_one_until_it_is_stopped(
    page: Tab, playground: Playground
) -> None:
    slack = playground.slack
    client = AsyncWebClient(slack.bot_token, slack.api_url)
    await page.write(page.box, "tell me something")
    await page.shows(page.slack, "tell me something")
    (asked,) = slack.channel_messages("general")
    begun = await client.chat_startStream(
        channel=asked.channel,
        thread_ts=asked.ts,
        recipient_user_id=asked.user,
        recipient_team_id=asked.team,
        markdown_text="Here it",
    )
    growing = page.slack.locator(".thread .streaming")
    await page.shows(growing, "Here it")
    await client.chat_stopStream(channel=asked.channel, ts=begun["ts"], markdown_text=" is.")
    await page.shows(page.slack.locator(".thread"), "Here it is.")
    await expect(growing).to_have_count(0)


async def test_typing_an_at_sign_offers_the_bot_and_puts_its_mention_in(page: Tab) -> None:
    await page.box.press_sequentially("hello @sw")
    await page.slack.get_by_role("option", name="Switchboard").wait_for()
    await page.box.press("Enter")
    await expect(page.box).to_have_value("hello @switchboard ")


async def test_slash_hints_are_offered_and_a_private_answer_is_seen_by_its_asker_alone(
    page: Tab, bot: Model
) -> None:
    await page.box.press_sequentially("/ai mod")
    await page.slack.get_by_role("option", name="/ai model list").wait_for()
    await page.write(page.box, "/ai model")
    await page.shows(page.slack, "it is the default")
    await page.shows(page.slack, "Only visible to you")
    await page.act_as("Slack", "Mia Marsh")
    await expect(page.slack.get_by_text("it is the default")).to_have_count(0)


async def test_a_member_is_refused_and_an_admin_is_not(page: Tab, bot: Model) -> None:
    await page.act_as("Slack", "Mia Marsh")
    await page.write(page.box, "/ai model set claude-sonnet-5-5")
    await page.shows(page.slack, "Only admins may")
    await page.act_as("Slack", "Ada Adair")
    await page.write(page.box, "/ai model set claude-sonnet-5-5")
    await page.shows(page.slack, "switched this channel to")


async def test_a_picture_is_chosen_shown_and_reaches_the_model(
    page: Tab, playground: Playground, bot: Model
) -> None:
    chooser = page.slack.locator(".room:not(.thread) input[type=file]")
    await chooser.set_input_files({"name": "sea.png", "mimeType": "image/png", "buffer": png()})
    await page.shows(page.slack.get_by_role("list", name="Files to send"), "sea.png")
    await page.write(page.box, "@switchboard what is this?")
    await page.shows(page.slack, "320 × 200 px")
    seen = page.slack.locator(".thread .picture img")
    await seen.wait_for()
    assert await seen.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [320, 200]


async def test_a_picture_can_be_pasted_or_dropped(page: Tab, playground: Playground) -> None:
    hand_over = """(target, [kind, bytes]) => {
        const file = new File([new Uint8Array(bytes)], `${kind}.png`, { type: "image/png" });
        const data = new DataTransfer();
        data.items.add(file);
        const about = { bubbles: true, cancelable: true };
        const event = kind === "paste"
            ? new ClipboardEvent("paste", { ...about, clipboardData: data })
            : new DragEvent("drop", { ...about, dataTransfer: data });
        target.dispatchEvent(event);
    }"""
    await page.box.evaluate(hand_over, ["paste", list(png())])
    await page.slack.locator(".log").first.evaluate(hand_over, ["drop", list(png())])
    tray = page.slack.get_by_role("list", name="Files to send")
    await page.shows(tray, "paste.png")
    await page.shows(tray, "drop.png")
    await page.box.press("Enter")
    await page.slack.locator(".picture").nth(1).wait_for()
    files = playground.slack.channel_messages("general")[0].files
    assert [file["name"] for file in files] == ["paste.png", "drop.png"]


async def test_ask_about_this_opens_a_form_whose_answer_goes_under_the_message(
    page: Tab, playground: Playground, bot: Model
) -> None:
    asked = await playground.slack.post("mia", "general", "The herons are back.")
    message = await page.shows(page.slack, "The herons are back.")
    await message.hover()
    await page.slack.get_by_role("button", name="Ask about this").click()
    form = page.page.get_by_role("dialog", name="Ask about this")
    question = form.get_by_label("Your question")
    await expect(question).to_have_value("Explain this")
    await question.fill("No")
    await form.get_by_role("button", name="Ask", exact=True).click()
    await page.shows(form, "Please ask a little more.")
    await question.fill("Why are they back?")
    await form.get_by_role("button", name="Ask", exact=True).click()
    await page.shows(page.slack, "Why are they back?")
    await expect(form).to_be_hidden()
    assert playground.slack.answers(asked.ts)


async def test_one_can_edit_and_delete_ones_own_message(page: Tab, playground: Playground) -> None:
    await page.write(page.box, "Teh herons")
    await (await page.shows(page.slack, "Teh herons")).hover()
    await page.slack.get_by_role("button", name="Edit").click()
    editor = page.slack.get_by_role("textbox", name="Edit the message")
    await editor.fill("The herons")
    await editor.press("Enter")
    await page.shows(page.slack, "(edited)")
    await (await page.shows(page.slack, "The herons")).hover()
    await page.slack.get_by_role("button", name="Delete").click()
    await expect(page.slack.get_by_text("The herons")).to_have_count(0)
    assert playground.slack.channel_messages("general") == []


async def test_in_a_direct_message_the_bot_s_status_stands_once_above_the_text_field(
    page: Tab, playground: Playground, bot: Model
) -> None:
    release = asyncio.Event()
    playground.models.will_wait_for(release, after=0)
    await page.slack.get_by_role("button", name="Switchboard", exact=True).click()
    await page.write(page.box, "hello")
    status = page.slack.get_by_text("Switchboard is thinking…")
    await status.first.wait_for()
    await expect(status).to_have_count(1)
    release.set()
    await expect(status).to_have_count(0)


async def test_what_cannot_be_sent_is_not_lost(page: Tab) -> None:
    await page.slack.get_by_role("button", name="old-news").click()
    await page.write(page.box, "anybody here?")
    await page.shows(page.page.locator("#toasts"), "Old-news is archived.")
    await expect(page.box).to_have_value("anybody here?")


# ---- Discord ---------------------------------------------------------------------------------------------------------


async def test_a_mention_in_discord_is_answered_by_a_reply(page: Tab, bot: Model) -> None:
    await page.write(page.discord_box, "@Switchboard what is 12 * 7?")
    await page.shows(page.discord, "84")
    quoted = page.discord.locator("button.reply-line")
    await expect(quoted).to_contain_text("@Switchboard what is 12 * 7?")


async def test_a_slash_command_is_filled_in_with_a_picture_and_answers_in_private(
    page: Tab, playground: Playground, bot: Model
) -> None:
    await page.discord_box.press_sequentially("/as")
    await page.discord.get_by_role("option", name="/ask").wait_for()
    await page.discord_box.press("Enter")
    command = page.discord.get_by_role("group", name="Command ask")
    await command.get_by_label("prompt").fill("What is this?")
    await command.get_by_role("button", name="private").click()
    await command.get_by_label("private", exact=True).select_option("true")
    await command.get_by_role("button", name="image").click()
    await command.locator("input[type=file]").set_input_files(
        {"name": "sea.png", "mimeType": "image/png", "buffer": png()}
    )
    await page.shows(command, "sea.png")
    await command.get_by_role("button", name="Run").click()
    await page.shows(page.discord, "320 × 200 px")
    await page.shows(page.discord, "Only visible to you")
    await page.act_as("Discord", "Mia")
    await expect(page.discord.get_by_text("320 × 200 px")).to_have_count(0)


async def test_a_models_name_is_completed_by_the_bot(
    page: Tab, playground: Playground, bot: Model
) -> None:
    await page.discord_box.press_sequentially("/model set")
    await page.discord.get_by_role("option", name="/model set").wait_for()
    await page.discord_box.press("Enter")
    field = page.discord.get_by_role("combobox", name="model")
    await field.press_sequentially("mini")
    await page.discord.get_by_role("option", name="gpt-4o-mini").wait_for()
    await field.press("Enter")
    await expect(field).to_have_value("gpt-4o-mini")
    await field.press("Enter")
    await page.shows(page.discord, "This channel now answers with gpt-4o-mini.")
    small = page.discord.locator("p.small", has_text="from gpt-4o")
    await small.wait_for()


async def test_the_message_command_opens_a_form_in_discord(
    page: Tab, playground: Playground, bot: Model
) -> None:
    await playground.discord.post("mia", "general", "The herons are back.")
    await (await page.shows(page.discord, "The herons are back.")).hover()
    await page.discord.get_by_role("button", name="Ask about this").click()
    form = page.page.get_by_role("dialog", name="Ask about this")
    await form.get_by_label("Your question").fill("Why are they back?")
    await form.get_by_role("button", name="Submit").click()
    await page.shows(page.discord, "Why are they back?")
    await expect(form).to_be_hidden()


async def test_a_thread_is_made_from_a_message_and_found_below_its_channel(
    page: Tab, playground: Playground
) -> None:
    await playground.discord.post("mia", "general", "Shall we plan the launch?")
    await (await page.shows(page.discord, "Shall we plan the launch?")).hover()
    await page.discord.get_by_role("button", name="Create thread").click()
    form = page.page.get_by_role("dialog", name="Create a thread")
    await form.get_by_label("Name").fill("lift-off")
    await form.get_by_role("button", name="Create").click()
    await page.discord.get_by_role("heading", name=re.compile("lift-off")).first.wait_for()
    place = page.discord.get_by_role("navigation").get_by_role("button", name="lift-off")
    await expect(place).to_have_attribute("aria-current", "true")


async def test_typing_and_thinking_are_shown(page: Tab, playground: Playground, bot: Model) -> None:
    release = asyncio.Event()
    playground.models.will_wait_for(release, after=0, times=2)
    await page.write(page.discord_box, "@Switchboard hello")
    await page.shows(page.discord, "Switchboard is typing…")
    await page.discord_box.press_sequentially("/ask")
    await page.discord_box.press("Enter")
    await page.discord.get_by_label("prompt").fill("hello again")
    await page.discord.get_by_label("prompt").press("Enter")
    await page.shows(page.discord, "Switchboard is thinking…")
    await page.write(page.box, "@switchboard hello")
    release.set()
    await expect(page.discord.get_by_text("Switchboard is thinking…")).to_have_count(0)


async def test_a_command_without_an_answer_says_that_the_application_did_not_respond(
    window: Tab, playground: Playground
) -> None:
    command = {"type": 1, "name": "ask", "description": "Ask the model", "options": []}
    playground.discord.registry.replace(None, [command])
    async with window.on(playground) as page:
        await page.discord_box.press_sequentially("/ask")
        await page.discord.get_by_role("option", name="/ask").wait_for()
        await page.discord_box.press("Enter")
        await page.discord.get_by_role("button", name="Run").click()
        await page.shows(page.discord, "The application did not respond to ask.")


async def test_a_post_in_a_forum_is_written_and_opened(page: Tab, playground: Playground) -> None:
    await page.discord.get_by_role("button", name="ideas").click()
    await page.shows(page.discord, "The door should greet people by name.")
    await page.discord.get_by_role("button", name="New post").click()
    form = page.page.get_by_role("dialog", name="New post in #ideas")
    await form.get_by_role("button", name="Post").click()
    await page.shows(form, "Please fill this in.")
    await form.get_by_label("Title").fill("a louder bell")
    await form.get_by_label("Message").fill("So that nobody misses it.")
    await form.get_by_role("button", name="Post").click()
    await page.discord.get_by_role("heading", name="a louder bell").first.wait_for()
    await page.shows(page.discord, "So that nobody misses it.")


async def test_buttons_of_both_platforms_are_pressed(page: Tab, playground: Playground) -> None:
    slack, discord = playground.slack, playground.discord
    label = {"type": "plain_text", "text": "Again"}
    button = {"type": "button", "action_id": "again", "text": label}
    row = {"type": "actions", "block_id": "row", "elements": [button]}
    bot = slack.workspace.bot_message(slack.world.channel("general"), "Done.", blocks=(row,))
    slack.workspace.keep(bot)
    await page.slack.get_by_role("button", name="Again").click()
    await page.shows(page.slack, 'again failed with the error "dispatch_failed"')
    pressed = {"type": 2, "style": 1, "label": "Once more", "custom_id": "more"}
    draft = Draft(content="Done.", components=({"type": 1, "components": [pressed]},))
    discord.posts.create(discord.world.place("general"), discord.world.bot.id, draft)
    await page.discord.get_by_role("button", name="Once more").click()
    await page.shows(page.discord, "Sending command…")
    assert [i.name for i in discord.interactions.by_id.values()] == ["more"]
