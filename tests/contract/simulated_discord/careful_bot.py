"""A small careful bot on the real discord.py, for the tests of the simulated Discord."""

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import yarl

from playground.discord import DiscordServer

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # discord.py imports audioop
    import discord
    from discord import app_commands

QUIETLY = {"allowed_mentions": discord.AllowedMentions.none(), "suppress_embeds": True}


class Bot(discord.Client):
    """A small careful bot: answers mentions by reply and edit, `/ask` by defer and edit."""

    def __init__(self, *, message_content: bool = False) -> None:
        intents = discord.Intents.default()
        intents.message_content = message_content
        super().__init__(
            guild_ready_timeout=0.05,  # the library waits so long for one more guild
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self.tree = app_commands.CommandTree(self)
        self.heard: list[discord.Message] = []
        self.edits: list[discord.RawMessageUpdateEvent] = []
        self.resumed = 0
        self.news = asyncio.Event()
        self.became_ready = asyncio.Event()
        register(self.tree)

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """The library would wait five seconds here before each further IDENTIFY."""

    async def on_ready(self) -> None:
        self.became_ready.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits until what this bot has heard satisfies the condition."""
        async with asyncio.timeout(30):
            while not condition():
                self.news.clear()
                await self.news.wait()

    async def on_message(self, message: discord.Message) -> None:
        if message.author == self.user:
            return
        self.heard.append(message)
        self.news.set()
        if self.user in message.mentions:
            answer = await message.reply("…", mention_author=False, **QUIETLY)
            await answer.edit(
                content=f"You said: {message.clean_content}",
                suppress=True,
                allowed_mentions=discord.AllowedMentions.none(),
            )

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        self.edits.append(event)
        self.news.set()

    async def on_resumed(self) -> None:
        self.resumed += 1


def register(tree: app_commands.CommandTree) -> None:
    @tree.command(name="ask", description="Ask the model")
    async def ask(
        interaction: discord.Interaction,
        prompt: str,
        image: discord.Attachment | None = None,
        private: bool = False,
    ) -> None:
        await interaction.response.defer(thinking=True, ephemeral=private)
        seen = f" with {image.filename} of {image.size} bytes" if image else ""
        await interaction.edit_original_response(content=f"Answer to {prompt}{seen}")

    group = app_commands.Group(name="model", description="Models")

    @group.command(name="set", description="Set it")
    async def set_model(interaction: discord.Interaction, model: str) -> None:
        may = interaction.permissions.manage_channels
        await interaction.response.send_message(f"{model}: {may}", ephemeral=True, **QUIETLY)

    @set_model.autocomplete("model")
    async def offer(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        names = ["gpt-4o", "gpt-6-luna", "claude"]
        return [app_commands.Choice(name=n, value=n) for n in names if typed in n]

    tree.add_command(group)

    @tree.context_menu(name="Ask about this")
    async def about(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_modal(Form(message))


class Form(discord.ui.Modal, title="Ask about this"):
    question: discord.ui.TextInput["Form"] = discord.ui.TextInput(
        label="Question", default="Explain this", custom_id="question"
    )

    def __init__(self, message: discord.Message) -> None:
        super().__init__()
        self.message = message

    async def on_submit(self, interaction: discord.Interaction) -> None:
        text = f"{self.question.value}: {self.message.content}"
        await interaction.response.send_message(text, **QUIETLY)


@asynccontextmanager
async def running(server: DiscordServer, bot: "Bot") -> AsyncIterator["Bot"]:
    """The bot, connected and ready; closed in the end, whatever became of it."""
    point_library_at(server)
    task = asyncio.create_task(bot.start(server.token))
    try:
        await asyncio.wait_for(bot.became_ready.wait(), 30)
        yield bot
    finally:
        await bot.close()
        with suppress(asyncio.CancelledError):
            await task


def point_library_at(server: DiscordServer) -> None:
    discord.http.Route.BASE = server.api_url
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.gateway_url)
