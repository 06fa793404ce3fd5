"""Slack: events become messages, replies become posts and updates."""

from __future__ import annotations

import argparse
import asyncio

from bot.settings import SlackSettings


def run(settings: SlackSettings, arguments: argparse.Namespace | None = None) -> int:
    """The process `switchboard slack`; slack-bolt is imported only now, after the settings were checked."""
    from adapters.slack.process import serve

    asyncio.run(serve(settings))
    return 0
