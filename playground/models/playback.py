"""An Answer's steps become what the client sees of them: chunks, silence, a torn connection."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from playground.models import wire
from playground.models.requests import ChatRequest, count
from playground.models.scripts import Answer, Cut, Hold, Page, Pause, Raw, Reset, Say

Outcome = Literal[
    "running", "answered", "refused", "cut", "reset", "broken", "abandoned", "replaced"
]


@dataclass(slots=True)
class Recorded:
    """One request as it came in, and what became of it."""

    headers: dict[str, str]
    body: Any
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None
    status: int = 0
    outcome: Outcome = "running"
    chunks: int = 0
    request: ChatRequest | None = None  # None where it was refused before it could be read

    @property
    def model(self) -> str | None:
        return self.body.get("model") if isinstance(self.body, dict) else None

    @property
    def prompt(self) -> str:
        return self.request.prompt if self.request else ""


class Ended(Exception):
    """The answer is over before its steps are; `response` is what aiohttp is given."""

    def __init__(self, response: web.StreamResponse) -> None:
        super().__init__()
        self.response = response


class Playback:
    """One answer being given to one request."""

    def __init__(
        self,
        http: web.Request,
        request: ChatRequest,
        answer: Answer,
        recorded: Recorded,
        cached: int,
    ) -> None:
        self._http, self._request, self._answer, self._recorded = http, request, answer, recorded
        self._cached = cached
        self._writer = wire.Writer(request.model, request.include_usage)
        self._said = 0  # tokens
        self._due = asyncio.get_running_loop().time()  # s on the loop's clock; the next paced chunk

    async def run(self) -> web.StreamResponse:
        self._recorded.status = 200
        try:
            return await (self._stream() if self._request.stream else self._whole())
        except Ended as ended:
            return ended.response

    async def _stream(self) -> web.StreamResponse:
        response = web.StreamResponse(headers=event_headers())
        finish = self._answer.finish
        for step in self._answer.steps:
            if await self._waited_or_ended(step, response):
                continue
            if not response.prepared:
                await response.prepare(self._http)
                if not isinstance(step, Raw):
                    await response.write(self._writer.opening())
            if isinstance(step, Raw):
                self._recorded.outcome = "broken"
                await response.write(step.data)
            elif isinstance(step, Cut):
                self._settle("cut")
                await response.write_eof()
                return response
            elif isinstance(step, Say):
                if not self._fits(step.text):
                    finish = "length"
                    break
                await self._keep_pace()
                await response.write(self._writer.text(step.text))
                self._recorded.chunks += 1
        await self._finish(response, finish)
        return response

    async def _finish(self, response: web.StreamResponse, reason: str) -> None:
        if not response.prepared:
            await response.prepare(self._http)
            await response.write(self._writer.opening())
        ending = self._writer.finish(reason)
        if self._request.include_usage and self._answer.usage:
            ending += self._writer.usage(wire.usage(self._request, self._said, self._cached))
        await response.write(ending + wire.DONE)
        await response.write_eof()
        self._settle("answered")

    async def _whole(self) -> web.StreamResponse:
        pieces: list[str] = []
        finish = self._answer.finish
        for step in self._answer.steps:
            if await self._waited_or_ended(step, web.StreamResponse()):
                continue
            if isinstance(step, Cut | Raw):  # without a stream both are a body that is no answer
                self._recorded.outcome = "broken"
                return web.Response(
                    body=b'{"error":{"message":"upstream error"}}', headers=json_headers()
                )
            if isinstance(step, Say):
                if not self._fits(step.text):
                    finish = "length"
                    break
                await self._keep_pace()
                pieces.append(step.text)
        counted = (
            wire.usage(self._request, self._said, self._cached) if self._answer.usage else None
        )
        self._settle("answered")
        return web.Response(
            body=self._writer.whole("".join(pieces), finish, counted), headers=json_headers()
        )

    async def _waited_or_ended(self, step: object, response: web.StreamResponse) -> bool:
        """Whether the step was one of waiting; steps that end everything raise Ended."""
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, Hold):
            await step.event.wait()
        elif isinstance(step, Page):
            self._recorded.outcome = "replaced"
            raise Ended(web.Response(text=step.html, content_type="text/html"))
        elif isinstance(step, Reset):
            self._recorded.outcome = "reset"
            if self._http.transport is not None:
                self._http.transport.abort()
            raise Ended(response)
        else:
            return False
        self._due = asyncio.get_running_loop().time()
        return True

    async def _keep_pace(self) -> None:
        """Wait until the next chunk is due. Measured from the one before it, so that delays do not add up."""
        if self._answer.pace:
            self._due += self._answer.pace
            await asyncio.sleep(max(0.0, self._due - asyncio.get_running_loop().time()))

    def _fits(self, text: str) -> bool:
        """Whether the output limit of the request leaves room; if so, the text is counted."""
        tokens = self._said + count(text)
        if self._request.limit is not None and tokens > self._request.limit:
            return False
        self._said = tokens
        return True

    def _settle(self, outcome: Outcome) -> None:
        if self._recorded.outcome == "running":
            self._recorded.outcome = outcome


def json_headers() -> dict[str, str]:
    return {"Content-Type": "application/json", "x-request-id": f"req_{secrets.token_hex(16)}"}


def event_headers() -> dict[str, str]:
    return json_headers() | {"Content-Type": "text/event-stream; charset=utf-8"}
