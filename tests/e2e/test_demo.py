"""`switchboard demo`, started as a newcomer does, and its page used as their browser does."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.forked import untraced

REAL = {  # what a developer may have around; the demo must never use it
    "SLACK_BOT_TOKEN": "xoxb-9-of-a-real-workspace",
    "SLACK_APP_TOKEN": "xapp-9-of-a-real-workspace",
    "DISCORD_TOKEN": "token.of-a-real.guild",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "ANTHROPIC_API_KEY": "key-of-a-real-account",
}


class Demo:
    """The process, its address and what it wrote."""

    def __init__(self, process: asyncio.subprocess.Process, page: str, log: Path) -> None:
        self.process = process
        self.page = page
        self.log = log

    def pids(self) -> list[int]:
        """Its children, as it logged them."""
        return [int(n) for n in re.findall(r"child\.started .*?pid=(\d+)", self.log.read_text())]


@asynccontextmanager
async def demo(folder: Path, environment: Mapping[str, str] = os.environ) -> AsyncIterator[Demo]:
    log = folder / "demo.log"
    with log.open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "demo", "--port", "0", "--no-browser"),
            env={**environment, **REAL, "TMPDIR": str(folder), "NO_PROXY": "*"},
            stdout=asyncio.subprocess.PIPE,
            stderr=sink,
        )
    try:
        yield Demo(process, await _address(process, log), log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _address(process: asyncio.subprocess.Process, log: Path) -> str:
    assert process.stdout
    async with asyncio.timeout(30):
        async for line in process.stdout:
            if found := re.search(rb"http://127\.0\.0\.1:\d+/", line):
                return found[0].decode()
    raise AssertionError(f"no address:\n{log.read_text()[-3000:]}")


class Tab:
    """A browser's tab: the state of both panes, and deeds as the person who is shown first."""

    def __init__(self, session: aiohttp.ClientSession, page: str) -> None:
        self._session = session
        self._page = page
        self.panes: dict[str, dict[str, Any]] = {}

    async def watch(self) -> None:
        async with self._session.get(f"{self._page}events") as response:
            async for line in response.content:
                if line.startswith(b"data: "):
                    self._take(json.loads(line[6:]))

    def _take(self, event: dict[str, Any]) -> None:
        pane = self.panes.setdefault(event["pane"], {})
        if event["reset"]:
            pane.clear()
        for key in event["gone"]:
            pane.pop(key, None)
        pane.update(event["set"])

    async def do(self, pane: str, deed: str, **given: Any) -> dict[str, Any]:
        origin = {"Origin": self._page.rstrip("/")}
        url = f"{self._page}do/{pane}/{deed}"
        async with self._session.post(url, json=given, headers=origin) as response:
            done: dict[str, Any] = await response.json()
            assert response.status == 200, done
            return done

    def messages(self) -> list[dict[str, Any]]:
        return [v for k, v in self.panes.get("slack", {}).items() if k.startswith("message:")]


@asynccontextmanager
async def tab(page: str) -> AsyncIterator[Tab]:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with aiohttp.ClientSession(timeout=timeout, read_bufsize=2**22) as session:
        opened = Tab(session, page)
        watching = asyncio.create_task(opened.watch())
        try:
            yield opened
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def until(condition: Callable[[], object], started: Demo) -> None:
    try:
        async with asyncio.timeout(40):
            while not condition():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(started.log.read_text()[-5000:]) from None


@pytest.mark.timeout(120)
async def test_a_mention_on_the_page_is_answered_a_kill_is_survived_and_ctrl_c_ends_it_all(
    tmp_path: Path,
) -> None:
    async with demo(tmp_path) as started, tab(started.page) as page:
        await until(
            lambda: "slack.ready" in started.log.read_text() and "slack" in page.panes, started
        )
        slack = page.panes["slack"]
        channel = next(
            v["id"] for v in slack.values() if isinstance(v, dict) and v.get("name") == "general"
        )
        bot = slack["bot"]
        asked = await page.do("slack", "post", channel=channel, text=f"<@{bot['id']}> hello there")
        await until(
            lambda: [
                m
                for m in page.messages()
                if m["author"]["bot"] and m["thread"] == asked["ts"] and m["text"]
            ],
            started,
        )
        assert len(started.pids()) == 3, "no child died"
        told = await page.do("page", "kill", process="worker")
        assert told["said"].startswith("kill -9 worker.")
        await until(lambda: len(started.pids()) == 4, started)
        assert "child.died process=worker code=-9" in started.log.read_text()
        pids = started.pids()
        started.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(40):
            assert await started.process.wait() == 0
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert list(tmp_path.glob("switchboard-demo-*")) == [], "nothing is kept"
    assert "real" not in started.log.read_text()
    alarming = re.compile(r"WARNING|ERROR|CRITICAL|Traceback")
    lines = [line for line in started.log.read_text().splitlines() if alarming.search(line)]
    assert [line for line in lines if "child.died process=worker" not in line] == []


@pytest.mark.timeout(60)
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads Linux's /proc")
async def test_no_real_token_reaches_a_process_of_the_demo(tmp_path: Path) -> None:
    async with demo(tmp_path, untraced()) as started:
        await until(lambda: len(started.pids()) >= 3, started)
        seen = [Path(f"/proc/{pid}/environ").read_bytes() for pid in started.pids()]
        assert [value for value in REAL.values() for shown in seen if value.encode() in shown] == []
        own = [
            len(re.findall(rb"SLACK_BOT_TOKEN|DISCORD_TOKEN|OPENAI_API_KEY", shown))
            for shown in seen
        ]
        assert own == [1, 1, 1]
