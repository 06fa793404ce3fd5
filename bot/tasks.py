"""Tasks of the loop end when they are told to, whatever they wait for."""

from __future__ import annotations

import asyncio
from typing import Any

AGAIN_SECONDS = 0.5


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks until they are over; what they raise meanwhile is dropped.

    Once is not enough: a cancellation that meets a dying connection comes out of redis-py's reading as that
    connection's error, which its retry takes for a reason to send the command again.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
