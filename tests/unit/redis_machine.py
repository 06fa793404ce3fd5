"""A state machine of hypothesis whose steps run on a real Redis, which is empty at the start of each run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from redis.asyncio import Redis

from bot.store import Store, connect


class RedisMachine(RuleBasedStateMachine):
    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.redis: Redis = connect(self.url)
        self.run(self.redis.flushall())
        self.store = Store(self.redis)

    def run(self, work: Awaitable[Any]) -> Any:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.run(self.redis.aclose())
        self.loop.close()


def agrees(machine: type[RedisMachine], redis_url: str, *, examples: int, steps: int) -> None:
    """That no sequence of steps is found at which the machine fails."""
    machine.url = redis_url
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
        ),
    )
