"""The Celery worker: a conversation with work becomes answers."""

from __future__ import annotations

import argparse

from bot.settings import WorkerSettings


def run(settings: WorkerSettings, arguments: argparse.Namespace) -> int:
    """The process `switchboard worker`; celery and openai are imported only now, after the settings were checked."""
    from workers.assembly import worker

    return worker(settings, concurrency=arguments.concurrency).run()
