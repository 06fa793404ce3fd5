"""`python -m playground`: simulated Slack, Discord and models with their page, until a signal ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path

import orjson

from playground.discord import DiscordServer
from playground.discord.seed import seed
from playground.models import ModelServer
from playground.page import PageServer
from playground.page.control import ControlPane
from playground.page.discord_pane import DiscordPane
from playground.page.pane import Json, Pane
from playground.page.slack_pane import SlackPane
from playground.slack import SlackServer

# Ports and tokens stay the same, so that a bot finds a playground that was started again. The tokens are worth
# nothing outside of it.
PAGE, SLACK, DISCORD, MODELS = 8765, 8766, 8767, 8768
MODELS_KEY = "sk-playground-models"
KEPT_REQUESTS = 200  # requests that the model server remembers
PORT_TAKEN = 75  # exit code: somebody else has the port; EX_TEMPFAIL of sysexits.h


def main(words: Sequence[str] | None = None) -> int:
    given = arguments(words)
    try:
        asyncio.run(run(given))
    except OSError as error:
        print(f"playground: {error.strerror or error}", file=sys.stderr)  # noqa: T201 - for the terminal
        return PORT_TAKEN
    return 0


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m playground", description=__doc__)
    for name, port, what in (
        ("port", PAGE, "the page"),
        ("slack-port", SLACK, "the simulated Slack"),
        ("discord-port", DISCORD, "the simulated Discord"),
        ("models-port", MODELS, "the scripted model server"),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=port, help=f"port of {what}; 0 takes any"
        )
    parser.add_argument(
        "--no-models", action="store_true", help="answers come from a real provider"
    )
    parser.add_argument(
        "--pace", type=float, default=0.03, help="seconds before each chunk of an answer"
    )
    parser.add_argument("--no-limits", action="store_true", help="platforms without rate limits")
    parser.add_argument(
        "--message-content",
        action="store_true",
        help="Discord grants the privileged Message Content intent",
    )
    parser.add_argument(
        "--ready-file", type=Path, help="write the addresses there instead of to stdout"
    )
    parser.add_argument(
        "--kill",
        nargs="*",
        default=[],
        metavar="NAME",
        help='the bot\'s processes that the page may ask to kill: a line {"kill": NAME} on stdout',
    )
    return parser.parse_args(words)


async def run(given: argparse.Namespace) -> None:
    """Everything up in order, told where it is, and down in the reverse order."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    limits = not given.no_limits
    slack = SlackServer(given.slack_port, limits=limits)
    discord = DiscordServer(
        given.discord_port,
        limits=limits,
        message_content_allowed=given.message_content,
        token=discord_token(),
    )
    models = None
    if not given.no_models:
        models = ModelServer(
            given.models_port, api_key=MODELS_KEY, pace=given.pace, keep=KEPT_REQUESTS
        )
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(slack)
        await stack.enter_async_context(discord)
        if models is not None:
            await stack.enter_async_context(models)
        panes: dict[str, Pane] = {
            "page": ControlPane(models, kill=ask_to_kill, processes=given.kill),
            "slack": SlackPane(slack),
            "discord": DiscordPane(discord),
        }
        page = await stack.enter_async_context(PageServer(panes, port=given.port))
        tell(addresses(slack, discord, models, page), given.ready_file)
        await ended.wait()


def discord_token() -> str:
    """Shaped like Discord's own, the application's id first."""
    head = urlsafe_b64encode(seed().bot.id.encode()).decode().rstrip("=")
    return f"{head}.playgr.ound-of-the-switchboard"


def addresses(
    slack: SlackServer, discord: DiscordServer, models: ModelServer | None, page: PageServer
) -> Json:
    """All that a bot's settings need, and the page's address."""
    return {
        "page_url": page.url,
        "slack_api_url": slack.api_url,
        "slack_bot_token": slack.bot_token,
        "slack_app_token": slack.app_token,
        "slack_file_origin": slack.file_origin,
        "discord_api_url": discord.api_url,
        "discord_gateway_url": discord.gateway_url,
        "discord_token": discord.token,
        "discord_cdn_origin": discord.cdn_origin,
        "models_base_url": models.base_url if models else None,
        "models_api_key": models.api_key if models else None,
    }


def say(word: Json) -> None:
    """One line of JSON to whoever started this."""
    sys.stdout.buffer.write(orjson.dumps(word) + b"\n")
    sys.stdout.flush()


def ask_to_kill(name: str) -> None:
    """This process knows nobody's pid; who started it knows, and listens."""
    say({"kill": name})


def tell(found: Json, ready_file: Path | None) -> None:
    """The addresses; a file appears whole or not at all."""
    if ready_file is None:
        say(found)
        return
    line = orjson.dumps(found) + b"\n"
    partial = ready_file.with_name(ready_file.name + ".partial")
    partial.write_bytes(line)
    partial.chmod(0o600)
    os.replace(partial, ready_file)


if __name__ == "__main__":
    sys.exit(main())
