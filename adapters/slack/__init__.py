"""Slack: events become messages, replies become posts and updates."""

from __future__ import annotations

import argparse
import asyncio
import gc

from bot.settings import SlackSettings


def run(settings: SlackSettings, arguments: argparse.Namespace | None = None) -> int:
    """The process `switchboard slack`; slack-bolt is imported only now, after the settings were checked."""
    from adapters.slack.process import serve

    gc.freeze()  # what was imported stays: no search for garbage need look at it
    asyncio.run(serve(settings))
    return 0
