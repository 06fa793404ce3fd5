"""Answers per second of one worker on one core, beside the bare openai client on the same core, for the same model."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time

from bot.bell import Bell
from bot.store import Store
from bot.types import Author, Channel, Message, Target, Thread, Turn
from tests.benchmarks import usage
from tests.benchmarks.lab import PATIENCE, Lab
from tests.benchmarks.row import Row
from tests.benchmarks.speakers import CHUNKS, SECONDS
from tests.inbox import BothSides

ANSWERS = 400
AT_ONCE = 200  # the worker's default, and as many for the bare client
RUNS = 3
CORE, OTHERS = 0, (1,)


async def rows() -> list[Row]:
    """On cores of their own, and on all cores again afterwards."""
    every = os.sched_getaffinity(0)
    try:
        return await on_one_core()
    finally:
        usage.pin(os.getpid(), *every)


async def on_one_core() -> list[Row]:
    """The worker has a core of its own; the model, Redis and the clock share the other. No adapter runs: what it does
    for an answer is in the row of CPU per answer."""
    ratios, rates, bares, costs, bare_costs = [], [], [], [], []
    async with Lab() as lab:
        (worker,) = await lab.start("worker")
        usage.pin(worker.child.pid, CORE)
        usage.pin(os.getpid(), *OTHERS)
        usage.pin(lab.server.pid or 0, *OTHERS)
        await ours(lab, worker.child.pid, 100)
        for _ in range(RUNS):
            mine, cpu = await ours(lab, worker.child.pid, ANSWERS)
            alone, alone_cpu = await bare(lab)
            rates.append(ANSWERS / mine)
            bares.append(ANSWERS / alone)
            ratios.append(100 * alone / mine)
            costs.append(1000 * cpu / ANSWERS)
            bare_costs.append(1000 * alone_cpu / ANSWERS)
    beside = (
        f"{CHUNKS} chunks in {SECONDS} s, {AT_ONCE} at once; both pinned to core {CORE} in turn"
    )
    return [
        Row(
            "answers per second of one worker on one core, of the bare client's",
            ratios,
            "%",
            least=70,
            beside=beside,
        ),
        Row(
            "… the worker",
            rates,
            "answers/s",
            beside="CPU of the worker's process alone: " + ms(costs),
        ),
        Row(
            "… the bare openai client, with its own objects",
            bares,
            "answers/s",
            beside="CPU: " + ms(bare_costs),
        ),
    ]


def ms(costs: list[float]) -> str:
    return f"{sorted(costs)[len(costs) // 2]:.1f} ms for each answer"


async def ours(lab: Lab, pid: int, answers: int) -> tuple[float, float]:
    """Seconds and CPU seconds of a worker that finds so many questions and bells when it wakes up."""
    os.kill(pid, signal.SIGSTOP)
    await admit(lab, answers)
    before, began = usage.cpu([pid]), time.monotonic()
    os.kill(pid, signal.SIGCONT)
    async with asyncio.timeout(PATIENCE):
        while await lab.redis.exists("switchboard:due"):
            await asyncio.sleep(0.005)
    return time.monotonic() - began, usage.cpu([pid]) - before


async def admit(lab: Lab, count: int) -> None:
    """Questions as an adapter admits them, each in a conversation of its own, and their bells."""
    store = Store(lab.redis)
    inbox, bell = BothSides(store), Bell(store)
    for n in range(count):
        id_ = f"{time.time_ns() // 1000}.{n:06}"
        thread = Thread(Channel("slack", "T1", "C1"), id_)
        text = f"What do you make of it? (question r{n})"
        message = Message(
            id_, thread, Author(f"U{n}", "Mia"), text, Target("C1", id_), marks=(f"C1:{id_}",)
        )
        turn = Turn.of(message, "ask", at=time.time(), model="gpt-4o")
        await inbox.admit(turn)
        bell.ring(turn.conversation)
    await bell.close()


async def bare(lab: Lab) -> tuple[float, float]:
    """Seconds and CPU seconds of the bare client for as many answers."""
    child = await asyncio.create_subprocess_exec(
        *("taskset", "-c", str(CORE), sys.executable, "-m", "tests.benchmarks.bare"),
        *(lab.models.base_url, lab.models.api_key, str(ANSWERS), str(AT_ONCE)),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await child.communicate()
    seconds, cpu = json.loads(said)
    return float(seconds), float(cpu)
