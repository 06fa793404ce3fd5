"""`switchboard up` against simulated workspaces: no token, no key, nothing that is kept: `switchboard demo`.

Whatever real tokens the environment or `.env` hold are not used, so that a demo can never speak in a real workspace.
The key of the default provider alone is, if it is there.
"""

import asyncio
import contextlib
import json
import logging
import os
import platform
import signal
import sys
import tempfile
import threading
import webbrowser
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from bot import tether
from bot.embedded import EmbeddedRedis
from bot.environment import NAMED, all_kinds, environment
from bot.errors import SettingsError
from bot.model_tables import merged
from bot.supervisor import Supervisor, child_environment, children, configured, own_logs, running

log = logging.getLogger(__name__)

READY_LIMIT = 30.0  # s for the simulated workspaces to tell their addresses
END_LIMIT = 5.0  # s for them to end
KILLED = ("worker", "slack", "discord", "redis")  # what the page may ask to kill
PORT_TAKEN = 75  # the exit code with which they say so
KEPT = (  # of what the operator has set; the rest would lead out of the demo
    *("SWITCHBOARD_LOG_FORMAT", "SWITCHBOARD_LOG_LEVEL"),
    *("SWITCHBOARD_DRAIN_SECONDS", "SWITCHBOARD_LEASE_SECONDS", "SWITCHBOARD_SLACK_STREAM"),
)


def run(*, port: int, workers: int, browser: bool) -> int:
    """The exit code, once a signal has ended the demo."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="switchboard-demo-")
    except OSError as error:
        raise SettingsError([f"TMPDIR: no folder can be made ({error.strerror})"]) from None
    with folder as path:
        return asyncio.run(_demo(Path(path), port, workers, browser))


async def _demo(folder: Path, port: int, workers: int, browser: bool) -> int:
    given = environment()
    own_key = ("OPENAI_API_KEY", "OPENAI_BASE_URL")
    key: dict[str, str] = {name: given[name] for name in own_key if name in given}
    real = "OPENAI_API_KEY" in key
    async with playground(port, models=not real) as (world, process):
        redis = EmbeddedRedis(folder / "redis")
        _enter(
            {
                **{name: given[name] for name in KEPT if name in given},
                "REDIS_URL": redis.url,
                **_settings(world),
                **(key if real else _scripted(world, folder)),
            }
        )
        own, processes = configured()
        own_logs(own, processes.values())
        found = children(processes, workers, environment(), _origins(world))
        supervisor = Supervisor(found, drain=own.drain_seconds)
        supervisor.obey_signals()
        async with (
            running(redis),
            ended_with(process, supervisor),
            killed_on_request(process, supervisor, redis),
        ):
            _welcome(world["page_url"], real, browser)
            return await supervisor.run()


def _enter(settings: Mapping[str, str]) -> None:
    """From here on this process and its children live in the simulated world alone."""
    given = environment()
    for name in set().union(*(kind.names(given) for kind in all_kinds().values())):
        os.environ.pop(name, None)
    os.environ.update(settings)
    os.environ[NAMED] = os.devnull


def _settings(world: Mapping[str, str]) -> dict[str, str]:
    """What both adapters need to find their workspaces."""
    return {
        "SLACK_API_URL": world["slack_api_url"],
        "SLACK_BOT_TOKEN": world["slack_bot_token"],
        "SLACK_APP_TOKEN": world["slack_app_token"],
        "DISCORD_API_URL": world["discord_api_url"],
        "DISCORD_GATEWAY_URL": world["discord_gateway_url"],
        "DISCORD_TOKEN": world["discord_token"],
        "SWITCHBOARD_DISCORD_MESSAGE_CONTENT": "on",
    }


def _origins(world: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Each adapter fetches files from its own simulated host alone: Slack's gets the bot token with it."""
    name = "SWITCHBOARD_ATTACHMENT_ORIGINS"
    return {
        "slack": {name: world["slack_file_origin"]},
        "discord": {name: world["discord_cdn_origin"]},
    }


def _scripted(world: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Every provider of the catalog is the scripted server, so that each of its models answers."""
    table = f"base_url = {json.dumps(world['models_base_url'])}\napi_key_env = 'OPENAI_API_KEY'\n"
    providers = merged(None)["providers"]
    models = folder / "models.toml"
    models.write_text("".join(f"[providers.{json.dumps(name)}]\n{table}" for name in providers))
    return {
        "OPENAI_API_KEY": world["models_api_key"],
        "OPENAI_BASE_URL": world["models_base_url"],
        "SWITCHBOARD_MODELS_FILE": str(models),
    }


@contextlib.asynccontextmanager
async def playground(
    port: int, *, models: bool
) -> AsyncIterator[tuple[dict[str, str], asyncio.subprocess.Process]]:
    """The simulated workspaces as a child process, and the addresses that it tells."""
    reading, writing = os.pipe()
    command = [sys.executable, "-P", "-m", "bot.tether", "playground", "--message-content"]
    kill = ["--kill", *KILLED]
    ports = [f"--{name}-port=0" for name in ("slack", "discord", "models")]
    process = await asyncio.create_subprocess_exec(
        *command,
        f"--port={port}",
        *ports,
        *kill,
        *([] if models else ["--no-models"]),
        env={**child_environment((), environment()), tether.NAME: str(reading)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        pass_fds=[reading],
        start_new_session=True,
    )
    try:
        yield await _addresses(process, port), process
    finally:
        await _end(process)
        os.close(reading)
        os.close(writing)


async def _addresses(process: asyncio.subprocess.Process, port: int) -> dict[str, str]:
    assert process.stdout is not None  # noqa: S101  it is a pipe
    try:
        async with asyncio.timeout(READY_LIMIT):
            line = await process.stdout.readline()
            code = 0 if line else await process.wait()
    except TimeoutError:
        raise SettingsError([f"demo: its workspaces did not start in {READY_LIMIT:g} s"]) from None
    if code == PORT_TAKEN:
        mend = "end the other demo, or let `switchboard demo --port 0` take any"
        raise SettingsError([f"--port {port}: in use or not allowed; {mend}"])
    if not line:
        raise SettingsError([f"demo: its workspaces ended at their start (code {code})"])
    found: dict[str, str] = json.loads(line)
    return found


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), END_LIMIT)
    except TimeoutError:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def ended_with(
    process: asyncio.subprocess.Process, supervisor: Supervisor
) -> AsyncIterator[None]:
    """Without its workspaces the demo is over."""

    async def watch() -> None:
        code = await process.wait()
        log.error("playground.died code=%d", code)
        supervisor.stop(1)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


@contextlib.asynccontextmanager
async def killed_on_request(
    process: asyncio.subprocess.Process, supervisor: Supervisor, redis: EmbeddedRedis
) -> AsyncIterator[None]:
    """The page has buttons that show what a `kill -9` costs: nothing. It names a process, and here it dies."""

    async def watch() -> None:
        assert process.stdout is not None  # noqa: S101  it is a pipe
        async for line in process.stdout:
            word = json.loads(line).get("kill")
            for name, pid in {**supervisor.pids, "redis": redis.pid}.items():
                if pid is not None and word in (name, name.rpartition("-")[0]):
                    log.info("demo.kills process=%s pid=%d", name, pid)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


def _welcome(page: str, real: bool, browser: bool) -> None:
    models = (
        "the real GPT-4o, with your key"
        if real
        else "a scripted model (set OPENAI_API_KEY for GPT-4o)"
    )
    sys.stdout.write(
        f"\n  Switchboard's demo is at {page}\n"
        f"  Answers come from {models}.\n"
        "  Try this: write `@Switchboard hello` in #general, or attach a picture and ask what it shows.\n"
        "  Ctrl-C ends it; nothing is kept.\n\n"
    )
    sys.stdout.flush()
    if browser and _has_display():
        threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()


def _has_display() -> bool:
    if platform.system() == "Darwin":
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
