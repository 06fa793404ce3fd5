"""What every test may ask for: a real Redis, and an environment without anybody's tokens or proxies."""

import asyncio
import gc
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings
from redis.asyncio import Redis

from bot import logs
from bot.embedded import EmbeddedRedis
from bot.store import DRIVER

FOREIGN = ("SLACK_", "DISCORD_", "OPENAI_", "SWITCHBOARD_", "REDIS_URL")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")  # they would reach even loopback

TEST_REDIS_URL = os.environ.get("SWITCHBOARD_TEST_REDIS_URL", "")
for _name in list(os.environ):
    if _name.startswith(FOREIGN) or _name.endswith("_API_KEY") or _name.lower() in PROXIES:
        del os.environ[_name]
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")  # a busy machine is no fault
os.environ["SWITCHBOARD_ENV_FILE"] = os.devnull  # nor from a developer's .env
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # else whatever is started here ignores it too


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Each process of the suite imports the same: one alone is traced meanwhile. The thousands of tests that are found
    stay to the end: no search for garbage needs to look at them, now or later."""
    tracer = Coverage.current()
    traced = tracer is None or os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0"
    if tracer is not None and not traced:
        tracer.stop()
    gc.disable()
    found = yield
    gc.enable()
    gc.freeze()
    if tracer is not None and not traced:
        tracer.start()
    return found


def pytest_configure(config: pytest.Config) -> None:
    """Whoever only hands out the tests to others runs no line of ours."""
    tracer = Coverage.current()
    if tracer is not None and getattr(config.option, "numprocesses", None):
        tracer.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that may take longest begin first: they wait for most of it, and others have the cores meanwhile."""
    items.sort(key=_patience, reverse=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """The clock of pytest-timeout runs until a failure is reported: on a busy machine it went off in the report itself,
    and ended the run of all tests with an INTERNALERROR."""
    if call.excinfo is not None:
        item.ihook.pytest_timeout_cancel_timer(item=item)


def _patience(item: pytest.Item) -> float:
    own = item.get_closest_marker("timeout")
    return float(own.args[0]) if own else 0


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A server of the suite's own, empty at first: SWITCHBOARD_TEST_REDIS_URL, else an embedded one on no disk."""
    if TEST_REDIS_URL:
        yield TEST_REDIS_URL
        return
    with tempfile.TemporaryDirectory(prefix="switchboard-test-") as folder:
        server = EmbeddedRedis(Path(folder), appendfsync=None)
        yield asyncio.run(server.start())
        asyncio.run(server.stop())


@pytest.fixture(scope="module")
def untraced() -> Iterator[None]:
    """For modules that run no line of ours here, or only lines that others run too: before Python 3.14 tracing makes
    everything take two to three times as long, libraries included. Child processes are traced as ever."""
    tracer = Coverage.current()
    if tracer is not None:
        tracer.stop()
    yield
    if tracer is not None:
        tracer.start()


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """For tests of what sets up a process's logs: afterwards they are pytest's again."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in (*logs.OURS, *logs.QUIET)}
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    logging.captureWarnings(False)
    logging.raiseExceptions = True


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client (bytes, not text) of the suite's server, flushed before each test."""
    client = Redis.from_url(
        redis_url, driver_info=DRIVER
    )  # else it looks for its version each time
    await client.flushall()
    yield client
    await client.aclose()
