"""A tiny bot on the real SDKs, so that the page can be tested by itself: it streams what the scripted model says."""

from __future__ import annotations

import asyncio
import base64
import re
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx2
import yarl
from openai import AsyncOpenAI
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from playground.discord import DiscordServer
from playground.models import ModelServer
from playground.slack import SlackServer

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # discord.py imports audioop
    import discord
    from discord import app_commands

MODELS = ("gpt-4o", "gpt-4o-mini", "claude-sonnet-5-5", "gemini-3.8-flash", "deepseek-v4-flash")
EDIT_EVERY = 0.25  # s; these servers are told not to limit
Show = Callable[[str], Awaitable[None]]


class Model:
    """The scripted model through the openai package."""

    def __init__(self, models: ModelServer) -> None:
        self._http = httpx2.AsyncClient(trust_env=False, timeout=30)
        self._openai = AsyncOpenAI(
            base_url=models.base_url, api_key=models.api_key, http_client=self._http
        )
        self.alias = "gpt-4o"

    async def answer(self, said: Sequence[dict[str, Any]], show: Show) -> None:
        """Shows the answer as it grows, at a calm pace, and once more when it is whole."""
        text, shown_at = "", 0.0
        loop = asyncio.get_running_loop()
        stream = await self._openai.chat.completions.create(
            model=self.alias,
            messages=list(said),  # type: ignore[arg-type]  # plain dicts
            stream=True,
        )
        async for chunk in stream:
            text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
            if text.strip() and loop.time() - shown_at > EDIT_EVERY:
                shown_at = loop.time()
                await show(text)
        await show(text)

    async def close(self) -> None:
        await self._http.aclose()


def asked(text: str, pictures: Sequence[bytes] = ()) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    for data in pictures:
        url = f"data:image/png;base64,{base64.b64encode(data).decode()}"
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return {"role": "user", "content": parts or "Hello"}


def blocks(text: str, footer: str = "") -> list[dict[str, Any]]:
    outside = text.split("```")
    for n in range(0, len(outside), 2):  # what stands in fences is left alone
        for sign, entity in (("&", "&amp;"), ("<", "&lt;")):
            outside[n] = outside[n].replace(sign, entity)
    made: list[dict[str, Any]] = [{"type": "markdown", "text": "```".join(outside)[:11_000]}]
    if footer:
        made.append({"type": "context", "elements": [{"type": "mrkdwn", "text": footer}]})
    return made


def slack_app(slack: SlackServer, model: Model) -> AsyncApp:
    client = AsyncWebClient(slack.bot_token, base_url=slack.api_url)
    client.proxy = None
    app = AsyncApp(client=client, process_before_response=False)

    async def respond(channel: str, thread: str, said: Sequence[dict[str, Any]]) -> None:
        posted: dict[str, str] = {}
        await client.assistant_threads_setStatus(
            channel_id=channel, thread_ts=thread, status="is thinking…"
        )

        async def show(text: str) -> None:
            footer = f"_{model.alias}_" if model.alias != "gpt-4o" else ""
            given = {"channel": channel, "text": text[:3000], "blocks": blocks(text, footer)}
            if posted:
                await client.chat_update(ts=posted["ts"], **given)  # type: ignore[arg-type]
                return
            made = await client.chat_postMessage(
                thread_ts=thread,
                unfurl_links=False,
                unfurl_media=False,
                **given,  # type: ignore[arg-type]
            )
            posted["ts"] = str(made["ts"])

        await model.answer(said, show)

    async def pictures(event: dict[str, Any]) -> list[bytes]:
        headers = {"Authorization": f"Bearer {slack.bot_token}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            found = []
            for file in event.get("files", ()):
                async with http.get(file["url_private_download"]) as response:
                    found.append(await response.read())
            return found

    @app.event("app_mention")
    async def on_mention(event: dict[str, Any]) -> None:
        text = re.sub(r"<@\w+>\s*", "", event["text"]).strip()
        root = event.get("thread_ts", event["ts"])
        earlier = slack.thread(event["channel"], root)[:-1] if root != event["ts"] else []
        context = [
            {"role": "assistant" if m.bot_id else "user", "content": slack.text_of(m) or "…"}
            for m in earlier
        ]
        await respond(event["channel"], root, [*context, asked(text, await pictures(event))])

    @app.event("message")
    async def on_message(event: dict[str, Any]) -> None:
        if event.get("channel_type") == "im" and not event.get("subtype"):
            await respond(event["channel"], event["ts"], [asked(event["text"])])

    @app.event(re.compile(r".*"))
    async def otherwise() -> None:
        pass

    @app.command("/ai")
    async def on_command(ack: Any, command: dict[str, Any]) -> None:
        await ack()
        words = command["text"].split()
        if words[:2] == ["model", "set"]:
            info = await client.users_info(user=command["user_id"])
            if not info["user"].get("is_admin"):
                notice = "Only admins may change this channel's model."
            else:
                model.alias = words[2]
                notice = f"This channel now answers with *{model.alias}*."
                await client.chat_postMessage(
                    channel=command["channel_id"],
                    text=f"{command['user_name']} switched this channel to *{model.alias}*.",
                    unfurl_links=False,
                    unfurl_media=False,
                )
        else:
            notice = f"`{model.alias}` answers here: it is the default."
        await client.chat_postEphemeral(
            channel=command["channel_id"], user=command["user_id"], text=notice
        )

    @app.shortcut("ask_about_this")
    async def on_shortcut(ack: Any, shortcut: dict[str, Any]) -> None:
        await ack()
        message = shortcut["message"]
        root = message.get("thread_ts", message["ts"])
        place = f"{shortcut['channel']['id']} {root} {message['text'][:500]}"
        words = {
            "type": "plain_text_input",
            "action_id": "words",
            "multiline": True,
            "initial_value": "Explain this",
        }
        label = {"type": "plain_text", "text": "Your question"}
        view = {
            "type": "modal",
            "callback_id": "ask_about_this",
            "private_metadata": place,
            "title": {"type": "plain_text", "text": "Ask about this"},
            "submit": {"type": "plain_text", "text": "Ask"},
            "blocks": [{"type": "input", "block_id": "q", "label": label, "element": words}],
        }
        await client.views_open(trigger_id=shortcut["trigger_id"], view=view)

    @app.view("ask_about_this")
    async def on_submit(ack: Any, view: dict[str, Any]) -> None:
        question = view["state"]["values"]["q"]["words"]["value"]
        if len(question) < 3:
            await ack(response_action="errors", errors={"q": "Please ask a little more."})
            return
        await ack()
        channel, root, quoted = view["private_metadata"].split(" ", 2)
        await respond(channel, root, [asked(f"{question}\n\n{quoted}")])

    return app


class DiscordBot(discord.Client):
    """Mentions, direct messages, /ask, /model set and the message command."""

    def __init__(self, model: Model) -> None:
        super().__init__(
            intents=discord.Intents.default(),
            guild_ready_timeout=0.05,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self.model = model
        self.tree = app_commands.CommandTree(self)
        add_commands(self.tree, model)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def on_message(self, message: discord.Message) -> None:
        direct = message.guild is None
        if message.author.bot or not (direct or self.user in message.mentions):
            return
        pictures = [await a.read() for a in message.attachments]
        text = re.sub(r"<@!?\d+>\s*", "", message.content).strip()
        answer: list[discord.Message] = []

        async def show(text: str) -> None:
            if answer:
                await answer[0].edit(content=text[:1900], suppress=True)
            else:
                answer.append(
                    await message.reply(text[:1900], mention_author=False, suppress_embeds=True)
                )

        async with message.channel.typing():
            await self.model.answer([asked(text, pictures)], show)


def add_commands(tree: app_commands.CommandTree, model: Model) -> None:
    @tree.command(name="ask", description="Ask the model")
    @app_commands.describe(
        prompt="Your question",
        image="A picture to look at",
        alias="This time only",
        private="Only you see the answer",
    )
    @app_commands.rename(alias="model")
    async def ask(
        interaction: discord.Interaction,
        prompt: str,
        image: discord.Attachment | None = None,
        alias: str | None = None,
        private: bool = False,
    ) -> None:
        await interaction.response.defer(thinking=True, ephemeral=private)
        pictures = [await image.read()] if image else []

        async def show(text: str) -> None:
            await interaction.edit_original_response(content=text[:1900])

        await model.answer([asked(prompt, pictures)], show)

    group = app_commands.Group(name="model", description="Which model answers")

    @group.command(name="set", description="Change the model of this channel")
    @app_commands.rename(alias="model")
    @app_commands.describe(alias="The model's name")
    async def set_model(interaction: discord.Interaction, alias: str) -> None:
        model.alias = alias
        text = f"This channel now answers with **{alias}**.\n-# from gpt-4o"
        await interaction.response.send_message(text, suppress_embeds=True)

    @group.command(name="show", description="Which model answers here, and why")
    async def show_model(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"**{model.alias}** answers here.", ephemeral=True)

    async def offer(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=n, value=n) for n in MODELS if typed.lower() in n]

    set_model.autocomplete("alias")(offer)
    ask.autocomplete("alias")(offer)
    tree.add_command(group)

    @tree.context_menu(name="Ask about this")
    async def about(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_modal(Question(model, message))


class Question(discord.ui.Modal, title="Ask about this"):
    words: discord.ui.TextInput[Question] = discord.ui.TextInput(
        label="Your question",
        default="Explain this",
        custom_id="words",
        style=discord.TextStyle.paragraph,
    )

    def __init__(self, model: Model, message: discord.Message) -> None:
        super().__init__()
        self.model, self.message = model, message

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(thinking=True)

        async def show(text: str) -> None:
            await interaction.edit_original_response(content=text[:1900])

        quoted = f"{self.words.value}\n\n{self.message.content}"
        await self.model.answer([asked(quoted)], show)


@asynccontextmanager
async def running(
    slack: SlackServer, discord_server: DiscordServer, models: ModelServer
) -> AsyncIterator[Model]:
    """The bot on both platforms, connected."""
    model = Model(models)
    handler = AsyncSocketModeHandler(slack_app(slack, model), slack.app_token)
    discord.http.Route.BASE = discord_server.api_url
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(discord_server.gateway_url)
    bot = DiscordBot(model)
    await handler.connect_async()
    task = asyncio.create_task(bot.start(discord_server.token))
    try:
        await slack.connected()
        await discord_server.connected()
        await discord_server.when(lambda: discord_server.registry.all(None))
        yield model
    finally:
        await handler.close_async()
        await bot.close()
        await asyncio.gather(task, return_exceptions=True)
        await model.close()
