"""What a dead adapter may have left on its way: looked after one by one, whatever becomes of one."""

from __future__ import annotations

import asyncio

from adapters.strays import Strays
from bot.errors import PlaceGone
from tests.chat import until


async def test_of_many_one_is_shown_at_a_time_and_none_is_left_out() -> None:
    """All at once they stood before the final texts of everybody else in a workspace."""
    begun, gate = list[str](), asyncio.Event()

    async def show(turn: str) -> None:
        begun.append(turn)
        await gate.wait()
        if turn == "first":
            raise PlaceGone("It is gone.")

    strays = Strays(show, 0.0)
    for turn in ("first", "second", "third"):
        strays.expect(turn)
    await until(lambda: begun)
    for _ in range(100):
        await asyncio.sleep(0)
    assert begun == ["first"]
    gate.set()
    await until(lambda: not strays._expected)
    assert begun == ["first", "second", "third"]
