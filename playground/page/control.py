"""The header of the page: which model answers, and buttons that make life hard for the bot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from playground.models import ModelServer
from playground.page.pane import Json, Picked, Refused, Stored

SLOW = 0.25  # s before each chunk while "slow model" is on


class ControlPane:
    """`models` is None where a real provider answers: then its faults are not ours to make."""

    def __init__(self, models: ModelServer | None) -> None:
        self._models = models
        self._normal = models.pace if models else 0.0
        self._changed = asyncio.Event()

    def people(self) -> list[Json]:
        return []

    def view(self, viewer: str) -> Json:
        if self._models is None:
            return {"model": {"real": True, "name": "GPT-4o", "note": "answers come from OpenAI"}}
        slow = self._models.pace == SLOW
        return {
            "model": {"real": False, "name": "Scripted model", "note": "no key, no network"},
            "slow": slow,
        }

    async def changes(self) -> AsyncIterator[object]:
        while True:
            await self._changed.wait()
            self._changed.clear()
            yield None

    def file(self, file_id: str) -> Stored | None:
        return None

    async def act(self, viewer: str, deed: str, given: Json, files: tuple[Picked, ...]) -> Json:
        models = self._models
        if models is None:
            raise Refused("The model is a real one; only the platforms can be troubled.")
        match deed:
            case "slow":
                models.pace = SLOW if given.get("on") else self._normal
                said = (
                    "The model is slow now."
                    if given.get("on")
                    else "The model has its usual pace again."
                )
            case "cut":
                models.will_cut(after=6, pace=self._normal)
                said = "The next answer will break off in the middle."
            case "refuse":
                models.will_refuse(503, "server_error", "The server is overloaded.", times=2)
                said = "The model will refuse the next two calls with 503."
            case _:
                raise Refused(f"There is no “{deed}”.")
        self._changed.set()
        return {"said": said}
