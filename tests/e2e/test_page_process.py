"""`python -m playground`: it says where it is, is found again after a restart, and ends when told."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import aiohttp

from tests.forked import untraced

ANY = ("--slack-port", "0", "--discord-port", "0", "--models-port", "0")
ROOT = Path(__file__).parent.parent.parent


async def started(*words: str) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
    """A playground and what it told; its addresses come as one line of JSON."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "playground", *words),
        env=untraced(),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    assert child.stdout is not None
    async with asyncio.timeout(20):
        line = await child.stdout.readline()
    return child, json.loads(line)


async def ended(child: asyncio.subprocess.Process, number: int = signal.SIGTERM) -> int:
    child.send_signal(number)
    async with asyncio.timeout(10):
        await child.communicate()
    assert child.returncode is not None
    return child.returncode


async def test_it_tells_every_address_and_ends_cleanly() -> None:
    child, told = await started("--port", "0", *ANY)
    try:
        async with aiohttp.ClientSession() as http:
            async with http.get(told["page_url"]) as response:
                assert "Switchboard playground" in await response.text()
            headers = {"Authorization": f"Bearer {told['slack_bot_token']}"}
            async with http.post(f"{told['slack_api_url']}auth.test", headers=headers) as response:
                assert (await response.json())["ok"] is True
            headers = {"Authorization": f"Bot {told['discord_token']}"}
            async with http.get(
                f"{told['discord_api_url']}/users/@me", headers=headers
            ) as response:
                assert (await response.json())["bot"] is True
            headers = {"Authorization": f"Bearer {told['models_api_key']}"}
            async with http.get(f"{told['models_base_url']}/models", headers=headers) as response:
                assert response.status == 200
            async with http.get(f"{told['page_url']}events") as _:
                assert await ended(child) == 0  # an open tab does not hold it up
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


async def test_a_restarted_one_has_the_same_tokens_and_may_have_no_models(tmp_path: Path) -> None:
    first, told = await started("--port", "0", *ANY)
    assert await ended(first, signal.SIGINT) == 0
    port = told["page_url"].rstrip("/").rpartition(":")[2]
    second, again = await started("--port", port, *ANY, "--no-models")
    assert await ended(second) == 0
    for name in ("page_url", "slack_bot_token", "slack_app_token", "discord_token"):
        assert again[name] == told[name]
    assert again["models_base_url"] is None


async def test_a_file_can_be_told_instead(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    words = ("--port", "0", *ANY, "--ready-file", str(ready))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "playground", *words), env=untraced(), cwd=ROOT
    )
    try:
        async with asyncio.timeout(20):
            while not ready.exists():
                await asyncio.sleep(0.02)
        assert json.loads(ready.read_text())["page_url"].startswith("http://127.0.0.1:")
        assert ready.stat().st_mode & 0o077 == 0
    finally:
        assert await ended(child) == 0


async def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "playground", "--port", str(taken.getsockname()[1]), *ANY),
            env=untraced(),
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        async with asyncio.timeout(20):
            _, said = await child.communicate()
    assert child.returncode == 75
    assert b"address already in use" in said
    assert b"Traceback" not in said
