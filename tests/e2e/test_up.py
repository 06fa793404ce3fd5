"""`switchboard up`: one command that is killed and started again loses nothing. The demo's test runs the same lines."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from playground.models import ModelServer
from playground.slack import SlackServer
from tests.forked import untraced


@asynccontextmanager
async def up(
    folder: Path,
    slack: SlackServer,
    models: ModelServer,
) -> AsyncIterator[Up]:
    settings = {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
        "OPENAI_API_KEY": models.api_key,
        "OPENAI_BASE_URL": models.base_url,
        "SWITCHBOARD_STATE_DIR": str(folder / "state"),
        "SWITCHBOARD_LEASE_SECONDS": "2",
        "SWITCHBOARD_DRAIN_SECONDS": "5",
    }
    log = folder / "up.log"
    with log.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "up"), env={**untraced(), **settings}, stderr=sink
        )
    running = Up(process, log)
    try:
        yield running
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 30)


class Up:
    """The command and what its log says of its children."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log

    def pid(self, name: str) -> int:
        found = re.findall(rf"child\.started process={name} pid=(\d+)", self.log.read_text())
        return int(found[-1]) if found else 0

    def environment(self, name: str) -> bytes:
        """What the process was started with."""
        return Path(f"/proc/{self.pid(name)}/environ").read_bytes()

    async def says(self, words: str, times: int = 1) -> None:
        try:
            async with asyncio.timeout(30):
                while self.log.read_text().count(words) < times:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never said {words}:\n{self.log.read_text()[-4000:]}") from None


@pytest.mark.timeout(120)
async def test_what_was_asked_before_a_kill_is_answered_once_after_it(tmp_path: Path) -> None:
    slack, models = SlackServer(limits=False), ModelServer(pace=0.2)
    async with slack, models:
        words = ["one ", "two ", "three ", "four ", "five ", "six ", "seven ", "eight"]
        models.will_say(*words, times=None)
        async with up(tmp_path, slack, models) as first:
            await first.says("slack.ready")
            await slack.command("ada", "general", "/ai model set gpt-6-luna")
            await slack.shows("gpt-6-luna", channel="general")
            asked = await slack.post("ada", "general", "@Switchboard count")
            await slack.shows("one", thread_ts=asked.ts)
            first.process.kill()
            await first.process.wait()
        async with up(tmp_path, slack, models) as second:
            await second.says("slack.ready", times=2)
            await slack.shows("".join(words), thread_ts=asked.ts, timeout=30)
            assert len(slack.answers(asked.ts)) == 1
            later = await slack.post("mia", "general", "@Switchboard once more")
            await slack.shows("one", thread_ts=later.ts)
            assert models.requests[-1].body["model"] == "gpt-6-luna", "what an admin chose is kept"
            second.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(second.process.wait(), 30) == 0


@pytest.mark.timeout(120)
async def test_a_worker_that_is_killed_is_replaced_and_its_question_answered(
    tmp_path: Path,
) -> None:
    slack, models = SlackServer(limits=False), ModelServer(pace=0.01)
    async with slack, models:
        models.will_say("still here", times=None)
        async with up(tmp_path, slack, models) as running:
            await running.says("worker.ready")
            await running.says("slack.ready")
            os.kill(running.pid("worker"), signal.SIGKILL)
            asked = await slack.post("ada", "general", "@Switchboard are you there?")
            await slack.shows("still here", thread_ts=asked.ts, timeout=30)
            if Path("/proc/self/environ").exists():
                assert slack.bot_token.encode() not in running.environment("worker")
                assert models.api_key.encode() not in running.environment("slack")
