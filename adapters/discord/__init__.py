"""Discord: messages and interactions become turns, replies become messages and edits."""

from __future__ import annotations

import argparse
import asyncio
import gc

from bot.settings import DiscordSettings


def run(settings: DiscordSettings, arguments: argparse.Namespace | None = None) -> int:
    """The process `switchboard discord`; discord.py is imported only now, after the settings were checked."""
    from adapters.discord.process import serve

    gc.freeze()  # what was imported stays: no search for garbage need look at it
    asyncio.run(serve(settings))
    return 0
