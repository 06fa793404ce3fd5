"""The decoder's process holds nothing of ours, is limited, and is gone afterwards, whatever happens."""

import asyncio
import contextlib
import errno
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from adapters.files import child, decode

MIB = 1 << 20
FOLDER = str(Path(decode.__file__).parent)
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

LOOK = """
import json, os, sys
found = {
    "environ": dict(os.environ),
    "descriptors": sorted(map(int, os.listdir("/proc/self/fd"))),
    "leader": os.getsid(0) == os.getpid(),
    "folder": os.getcwd(),
    "path": sys.path,
    "modules": sorted(sys.modules),
}
print(json.dumps(found))
"""

CONFINED = """
import json, os, socket, sys
sys.path.insert(0, sys.argv[1])
import decode
scratch = open(sys.argv[2], "wb", buffering=0)
decode.confine(400 << 20, 5)
told = {}
def attempt(name, act):
    try:
        act()
        told[name] = "done"
    except (MemoryError, OSError) as fault:
        told[name] = type(fault).__name__ if isinstance(fault, MemoryError) else fault.errno
attempt("memory", lambda: bytearray(1 << 30))
attempt("write", lambda: scratch.write(b"x"))
scratch.close()
decode.close_the_door()
attempt("open", lambda: open("/etc/hostname"))
attempt("socket", socket.socket)
attempt("pipe", os.pipe)
print(json.dumps(told))
"""

SPIN = """
import sys
sys.path.insert(0, sys.argv[1])
import decode
decode.confine(400 << 20, 1)
while True: pass
"""

LINGER = """
import os, sys, time
if os.fork() == 0:
    with open(sys.argv[1] + ".part", "w") as file:
        file.write(f"{os.getpid()} {os.getppid()}")
    os.rename(sys.argv[1] + ".part", sys.argv[1])
    while True: time.sleep(60)
while True: time.sleep(60)
"""


ABANDON = """
import os, sys, time
if os.fork() == 0:
    if len(sys.argv) > 2: os.setsid()
    with open(sys.argv[1] + ".part", "w") as file:
        file.write(str(os.getpid()))
    os.rename(sys.argv[1] + ".part", sys.argv[1])
    while True: time.sleep(60)
while not os.path.exists(sys.argv[1]): time.sleep(0.01)
"""


async def run(
    folder: Path, source: str, *arguments: str, data: bytes = b"", wall: float = 20
) -> child.Ended:
    script = folder / "script.py"
    script.write_text(source)
    return await child.run(script, arguments, data, wall=wall, most=MIB)


async def told(folder: Path, source: str, *arguments: str) -> dict[str, Any]:
    ended = await run(folder, source, *arguments)
    assert ended.code == 0
    found = json.loads(ended.output)
    assert isinstance(found, dict)
    return found


async def until_gone(pid: int) -> None:
    """Wait until there is no such process, or only what its parent has not collected yet."""
    while Path(f"/proc/{pid}/stat").exists():
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":
            return
        await asyncio.sleep(0.01)


def living(word: str) -> list[str]:
    """The processes that were started with this word."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone meanwhile
            if word.encode() in (folder / "cmdline").read_bytes():
                found.append(folder.name)
    return found


async def pids(file: Path) -> list[int]:
    while not file.exists():
        await asyncio.sleep(0.01)
    return [int(word) for word in file.read_text().split()]


@linux
async def test_the_child_has_no_secret_and_no_descriptor_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-invented-3")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    held = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(held, True)

    found = await told(tmp_path, LOOK)
    os.close(held)

    assert set(found["environ"]) <= {"LC_CTYPE"}  # Python's own, in place of the C locale
    assert found["descriptors"] in ([0, 1, 2], [0, 1, 2, 3])  # 3 is the list of them itself
    assert found["leader"]
    assert found["folder"] == "/"
    assert not [entry for entry in found["path"] if "site-packages" in entry]
    assert str(tmp_path) not in found["path"]
    assert not {"bot", "adapters", "site"} & set(found["modules"])


@linux
async def test_the_limits_bite(tmp_path: Path) -> None:
    found = await told(tmp_path, CONFINED, FOLDER, str(tmp_path / "scratch"))

    assert found["memory"] == "MemoryError"
    assert found["write"] == errno.EFBIG
    assert {found[name] for name in ("open", "socket", "pipe")} == {errno.EMFILE}


async def test_a_child_that_spins_is_ended_by_its_cpu_limit(tmp_path: Path) -> None:
    ended = await run(tmp_path, SPIN, FOLDER)

    assert ended == child.Ended(-signal.SIGXCPU, b"")


async def test_bytes_go_through(tmp_path: Path) -> None:
    data = os.urandom(700_000)

    ended = await run(
        tmp_path,
        "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])",
        data=data,
    )

    assert ended == child.Ended(0, data[::-1])


async def test_a_child_that_reads_nothing_ends_with_its_own_code(tmp_path: Path) -> None:
    assert await run(tmp_path, "raise SystemExit(7)", data=bytes(8 * MIB)) == child.Ended(7, b"")


async def test_a_child_that_writes_too_much_is_ended(tmp_path: Path) -> None:
    ended = await run(tmp_path, "while True: print('x' * 10000)")

    assert ended == child.Ended(-signal.SIGKILL, b"")


@linux
async def test_a_child_that_lingers_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    file = tmp_path / "pids"

    ended = await run(tmp_path, LINGER, str(file), wall=1)

    assert ended == child.Ended(None, b"")
    for pid in await pids(file):
        await asyncio.wait_for(until_gone(pid), 30)


@linux
async def test_a_cancelled_run_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    running = asyncio.create_task(run(tmp_path, LINGER, str(file), data=bytes(8 * MIB)))
    left = await pids(file)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    for pid in left:
        await asyncio.wait_for(until_gone(pid), 30)


@linux
@pytest.mark.parametrize("ticks", range(8))
async def test_a_run_that_is_cancelled_while_it_starts_leaves_nothing_behind(
    tmp_path: Path, ticks: int
) -> None:
    mark = f"{tmp_path}/pids"
    running = asyncio.create_task(run(tmp_path, LINGER, mark))
    for _ in range(ticks):
        await asyncio.sleep(0)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    async with asyncio.timeout(30):
        while living(mark):
            await asyncio.sleep(0.01)


@linux
async def test_what_a_child_left_behind_is_ended_too(tmp_path: Path) -> None:
    file = tmp_path / "pids"

    ended = await run(tmp_path, ABANDON, str(file), wall=1)

    assert ended == child.Ended(None, b"")
    [pid] = await pids(file)
    await asyncio.wait_for(until_gone(pid), 30)


@linux
async def test_what_escaped_its_session_and_holds_the_pipes_cannot_hold_us(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    started = time.monotonic()

    ended = await run(tmp_path, ABANDON, str(file), "escape", wall=1)

    assert ended == child.Ended(None, b"")
    assert time.monotonic() - started < 30
    [pid] = await pids(file)
    os.kill(pid, signal.SIGKILL)
