"""The header of the page: which model answers, and buttons that make life hard for the bot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

from playground.models import ModelServer
from playground.page.pane import Json, Picked, Refused, Stored

SLOW = 0.25  # s before each chunk while "slow model" is on


def _nobody(name: str) -> None:
    raise Refused(f"Nobody here can kill “{name}”.")


class ControlPane:
    """`models` is None where a real provider answers: then its faults are not ours to make.

    `processes` are those of the bot that whoever started the playground kills when `kill` names one.
    """

    def __init__(
        self,
        models: ModelServer | None,
        *,
        kill: Callable[[str], None] = _nobody,
        processes: Iterable[str] = (),
    ) -> None:
        self._models = models
        self._kill = kill
        self._processes = tuple(processes)
        self._normal = models.pace if models else 0.0
        self._changed = asyncio.Event()

    def people(self) -> list[Json]:
        return []

    def view(self, viewer: str) -> Json:
        always: Json = {"processes": self._processes}
        if self._models is None:
            real = {"real": True, "name": "GPT-4o", "note": "answers come from OpenAI"}
            return always | {"model": real}
        return always | {
            "model": {"real": False, "name": "Scripted model", "note": "no key, no network"},
            "slow": self._models.pace == SLOW,
        }

    async def changes(self) -> AsyncIterator[object]:
        while True:
            await self._changed.wait()
            self._changed.clear()
            yield None

    def file(self, file_id: str) -> Stored | None:
        return None

    async def act(self, viewer: str, deed: str, given: Json, files: tuple[Picked, ...]) -> Json:
        said = self._kill_one(given) if deed == "kill" else self._trouble(deed, given)
        self._changed.set()
        return {"said": said}

    def _kill_one(self, given: Json) -> str:
        name = str(given.get("process", ""))
        if name not in self._processes:
            _nobody(name)
        self._kill(name)
        return f"kill -9 {name}. It is started again; nothing that was asked is lost."

    def _trouble(self, deed: str, given: Json) -> str:
        models = self._models
        if models is None:
            raise Refused("The model is a real one; only the platforms can be troubled.")
        match deed:
            case "slow":
                models.pace = SLOW if given.get("on") else self._normal
                return "The model is slow now." if given.get("on") else "The model is quick again."
            case "cut":
                models.will_cut(after=6, pace=self._normal)
                return "The next answer will break off in the middle."
            case "refuse":
                models.will_refuse(503, "server_error", "The server is overloaded.", times=2)
                return "The model will refuse the next two calls with 503."
            case _:
                raise Refused(f"There is no “{deed}”.")
