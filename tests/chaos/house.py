"""A house in which every connection goes over a line, and a process that died is started again."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from tests.chaos.history import Fell, History
from tests.chaos.line import Line
from tests.chaos.steps import Wire, discord_step, model_step, slack_step
from tests.house import READY, House, Process, Word

PAUSE = 0.3  # s until a supervisor starts a process again


@dataclass(eq=False, slots=True)
class Slot:
    """A process by its place: `worker-2` stays `worker-2` whoever runs there."""

    name: str
    lines: dict[str, Line]  # to "redis", and to its "platform" or "model"
    environment: dict[str, str]
    process: Process | None = None
    wanted: bool = True
    struck: bool = False  # we ended it
    starts: int = 0
    keeper: asyncio.Task[None] | None = None
    up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def word(self) -> Word:
        return self.name.partition("-")[0]  # type: ignore[return-value]

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.child.returncode is None

    def signal(self, number: int) -> None:
        if self.process is not None and self.alive:
            with suppress(ProcessLookupError):
                self.process.child.send_signal(number)

    def kill(self) -> None:
        """kill -9, of one that is stopped too."""
        self.struck = True
        self.up.clear()
        self.signal(signal.SIGKILL)


class WiredHouse(House):
    """`async with WiredHouse() as house:`, then `await house.open("slack-1", "worker-1")`."""

    def __init__(self, history: History, *, forked: bool = True, **settings: Any) -> None:
        super().__init__(forked=forked, **settings)
        self.history = history
        self.wire = Wire()
        self.slots: dict[str, Slot] = {}

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for slot in self.slots.values():
            slot.wanted, slot.struck = False, True
            slot.signal(signal.SIGCONT)
        await super().__aexit__(kind, error, _)
        for slot in self.slots.values():
            if slot.keeper is not None:
                slot.keeper.cancel()
            await asyncio.gather(*(line.stop() for line in slot.lines.values()))

    async def open(self, *names: str) -> None:
        """Start processes; each comes again when it dies."""
        await asyncio.gather(*(self._open(name) for name in names))

    async def _open(self, name: str) -> None:
        slot = self.slots.get(name)
        if slot is None:
            slot = self.slots[name] = await self._slot(name)
        slot.wanted, slot.struck = True, False
        await self._launch(slot)
        slot.keeper = asyncio.create_task(self._keep(slot))

    async def close(self, name: str, number: int = signal.SIGTERM) -> None:
        """End a process for good."""
        slot = self.slots[name]
        slot.wanted = False
        slot.signal(number)
        if slot.keeper is not None:
            await slot.keeper

    async def ready(self) -> None:
        """Until every process that is wanted serves."""
        for slot in list(self.slots.values()):
            if slot.wanted:
                async with asyncio.timeout(60):
                    await slot.up.wait()

    # ---- steps ------------------------------------------------------------------------------------------

    async def _slot(self, name: str) -> Slot:
        word: Any = name.partition("-")[0]
        redis = await Line(self.server.url, self.wire.redis(name)).start()
        lines, environment = {"redis": redis}, {"REDIS_URL": f"redis://127.0.0.1:{redis.port}/0"}
        if word == "worker":
            line = lines["model"] = Line(self.models.base_url, self.wire.http(name, model_step))
            await line.start()
            environment["OPENAI_BASE_URL"] = f"http://127.0.0.1:{line.port}/v1"
        elif word == "slack":
            to = self._real.setdefault("slack", self.slack.file_origin)
            line = lines["platform"] = Line(to, self.wire.http(name, slack_step))
            await line.start()
            origin = f"http://127.0.0.1:{line.port}"
            environment["SLACK_API_URL"] = f"{origin}/api/"
            self.slack.workspace.origin = self.slack.workspace.shelf.origin = origin  # its sockets
            environment["SWITCHBOARD_ATTACHMENT_ORIGINS"] = origin
        else:
            to = self.discord.cdn_origin
            line = lines["platform"] = Line(to, self.wire.http(name, discord_step))
            await line.start()
            environment["DISCORD_API_URL"] = f"http://127.0.0.1:{line.port}/api/v10"
            environment["DISCORD_GATEWAY_URL"] = f"ws://127.0.0.1:{line.port}/gateway"
            self.discord.gateway.resume_url = f"{environment['DISCORD_GATEWAY_URL']}/resume"
        return Slot(name, lines, environment)

    async def __aenter__(self) -> WiredHouse:
        self._real: dict[str, str] = {}
        await super().__aenter__()
        self.history.redis = (await self.redis.info("server"))["redis_version"]
        return self

    async def _launch(self, slot: Slot) -> None:
        slot.starts += 1
        process = slot.process = await self._start(slot.word, (), slot.environment)
        while READY[slot.word] not in process.log.read_bytes():
            if process.child.returncode is not None:
                return  # its keeper sees to it
            await asyncio.sleep(0.02)
        slot.up.set()

    async def _keep(self, slot: Slot) -> None:
        while True:
            assert slot.process is not None
            code = await slot.process.child.wait()
            slot.up.clear()
            if not slot.struck and (code or slot.wanted):
                self.history.add(Fell(time.monotonic(), slot.name, code))
            if not slot.wanted:
                return
            slot.struck = False
            await asyncio.sleep(PAUSE)
            await self._launch(slot)
