"""A process of ours that starts in a tenth of a second: forked from one that has imported everything."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import forkserver
from pathlib import Path

ROOT = Path(__file__).parent.parent
# What the three words import; that an import does nothing else is a rule of the house.
IMPORTS = [
    *("adapters.slack.process", "adapters.discord.process", "workers.assembly", "bot.redis_checks"),
    *("celery.apps.worker", "celery.worker.autoscale", "celery.worker.consumer.delayed_delivery"),
    *("celery.worker.strategy", "celery.concurrency.thread", "celery.backends.base"),
    *("celery.app.control", "celery.app.events", "celery.app.log", "celery.fixups.django"),
    *("kombu.transport.redis", "billiard.pool", "openai.resources.chat", "httpcore2"),
    *("workers.providers.answer", "workers.providers.chat_completions"),
]
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(IMPORTS)


class Forked:
    """Looks to the suite like `asyncio.subprocess.Process`; kill -9 and SIGSTOP hit it as they hit any process."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._process = _context.Process(
            target=_become, args=(list(arguments), dict(environment), str(log)), daemon=True
        )
        _serve()
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    async def wait(self) -> int:
        while (code := self.returncode) is None:
            await asyncio.sleep(0.01)
        return code


def untraced() -> dict[str, str]:
    """The environment of a process that reports no line that it ran: it is killed, or runs what others run."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def _serve() -> None:
    """Let the server run that forks, untraced: what it forks is killed, and would report no line that it ran."""
    hidden = {
        name: os.environ.pop(name) for name in list(os.environ) if name.startswith("COVERAGE_")
    }
    try:
        forkserver.ensure_running()
    finally:
        os.environ.update(hidden)


def _become(arguments: list[str], environment: dict[str, str], log: str) -> None:
    """In the child: the command line `switchboard WORD …` with this environment, its output in `log`."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    sink = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    from bot.__main__ import main

    try:
        code = main(arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
