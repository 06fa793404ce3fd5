"""A chat-completions request becomes a scripted answer: streamed, whole, or broken in the way a test asked for."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import orjson
from aiohttp import web

from playground.models import refusals, wire
from playground.models.catalog import Catalog
from playground.models.playback import Playback, Recorded, json_headers
from playground.models.refusals import Refusal
from playground.models.requests import ChatRequest, parse
from playground.models.scripts import (
    COUNTING,
    Answer,
    Cut,
    Hold,
    Page,
    Pause,
    Queue,
    Raw,
    Reset,
    Say,
    Step,
    When,
    interrupted,
)
from playground.models.voice import Voice

MAX_BODY = 64 * 1024 * 1024  # B; a request with a few large images
CREATED = 1_715_367_049  # s; every listed model claims this birthday


class Speaker(Protocol):
    """What answers when no script does."""

    async def answer(self, request: ChatRequest) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Steady:
    """The same number of chunks in the same time for everybody: what a load test measures against."""

    chunks: int = 41
    seconds: float = 1.05

    async def answer(self, request: ChatRequest) -> Answer:
        pieces = [Say(f"word{n} ") for n in range(self.chunks)]
        return Answer(steps=pieces, pace=self.seconds / self.chunks)


class ModelServer:
    """An OpenAI-compatible server on 127.0.0.1 that says what it is told to say.

    `will_*` methods put one answer each into a queue; a request takes the first that fits it (`model`: this id;
    `when`: this text in the last user message, or a function of the request; `times`: how often, None for ever).
    Without one the `speaker` answers: by default the demo's scripted voices. `pace` is the default voice's seconds
    before each chunk and may be changed while it runs.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        known: Set[str] | None = None,
        api_key: str | None = None,
        pace: float = 0.03,
        speaker: Speaker | None = None,
        keep: int | None = None,
    ) -> None:
        self.api_key = api_key or f"sk-scripted-{secrets.token_hex(12)}"
        self.pace = pace
        self.catalog = Catalog(known)
        self.requests: deque[Recorded] = deque(maxlen=keep)
        self.speaker: Speaker | None = speaker
        self._voice = Voice()
        self._port = port
        self._queue = Queue()
        self._cache = wire.PromptCache()
        self._runner: web.AppRunner | None = None

    # ---- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> ModelServer:
        """Listen; afterwards `base_url` is known."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._list)
        app.router.add_get("/v1/models/{model:.+}", self._retrieve)
        app.router.add_route("*", "/{path:.*}", self._elsewhere)
        # Cancelled handlers are how a client that hangs up in mid-stream is noticed at once.
        self._runner = web.AppRunner(
            app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> ModelServer:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        return self._port

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    # ---- what tests see ------------------------------------------------------------------------------------------

    @property
    def in_flight(self) -> int:
        return sum(recorded.outcome == "running" for recorded in self.requests)

    @property
    def waiting(self) -> int:
        """Scripted answers that nobody has asked for yet."""
        return len(self._queue)

    def forget(self) -> None:
        """No scripts, no record."""
        self._queue.clear()
        self.requests.clear()

    def retire(self, model: str) -> None:
        """From now on this id is answered with 404 model_not_found."""
        self.catalog.retire(model)

    # ---- scripting -----------------------------------------------------------------------------------------------

    def will_do(
        self,
        *steps: Step,
        refusal: Refusal | None = None,
        finish: str = "stop",
        usage: bool = True,
        pace: float = 0.0,
        model: str | None = None,
        when: When | None = None,
        times: int | None = 1,
    ) -> None:
        """The general form of all that follows: these steps, in this order."""
        self._queue.add(Answer(steps, refusal, finish, usage, pace, model, when, times))

    def will_say(self, *parts: str, **how: Any) -> None:
        """Each part is one chunk. `pace=0.5` drips, `usage=False` leaves the usage out, `finish=` ends otherwise."""
        self.will_do(*map(Say, parts), **how)

    def will_stall(
        self, seconds: float, *, after: int = 0, say: Sequence[str] = COUNTING, **how: Any
    ) -> None:
        """Silence after so many chunks (0: before the headers), then the rest."""
        self.will_do(*interrupted(say, after, Pause(seconds)), **how)

    def will_wait_for(
        self, event: asyncio.Event, *, after: int = 1, say: Sequence[str] = COUNTING, **how: Any
    ) -> None:
        """Silence after so many chunks until `event` is set, then the rest."""
        self.will_do(*interrupted(say, after, Hold(event)), **how)

    def will_refuse(
        self,
        status: int,
        code: str | None = None,
        message: str = "The server had an error while processing your request.",
        *,
        retry_after: float | str | None = None,
        kind: str = refusals.INVALID,
        **how: Any,
    ) -> None:
        """This status with OpenAI's error body, and Retry-After if given (any text: also a date or nonsense)."""
        after = None if retry_after is None else str(retry_after)
        refusal = Refusal(status, message, code=code, kind=kind, retry_after=after)
        self.will_do(refusal=refusal, **how)

    def will_cut(self, *, after: int = 2, say: Sequence[str] = COUNTING, **how: Any) -> None:
        """The stream ends in good order after so many chunks, with no finish reason."""
        self.will_do(*interrupted(say, after, Cut()), **how)

    def will_reset(self, *, after: int = 2, say: Sequence[str] = COUNTING, **how: Any) -> None:
        """The connection is torn down after so many chunks (0: before the headers)."""
        self.will_do(*interrupted(say, after, Reset()), **how)

    def will_send_broken_chunk(
        self, *, after: int = 2, say: Sequence[str] = COUNTING, **how: Any
    ) -> None:
        """A chunk that is no JSON."""
        broken = Raw(b'data: {"id":"chatcmpl-broken","choices":[{"del\n\n')
        self.will_do(*interrupted(say, after, broken), **how)

    def will_send_error_in_stream(
        self,
        code: str | None = "server_error",
        message: str = "The server had an error while processing your request.",
        *,
        after: int = 2,
        say: Sequence[str] = COUNTING,
        **how: Any,
    ) -> None:
        """An error object in the place of a chunk, within a stream that began with 200; then the end."""
        body = Refusal(200, message, code=code, kind="server_error").body
        raw = Raw(b"data: " + orjson.dumps(body) + b"\n\n")
        self.will_do(*interrupted(say, after, raw, Cut()), **how)

    def will_send_nothing(self, **how: Any) -> None:
        """200, an empty stream, its end."""
        self.will_do(Raw(wire.DONE), Cut(), **how)

    def will_answer_html(self, **how: Any) -> None:
        """200 with a proxy's page instead of an answer."""
        self.will_do(Page("<html><body><h1>Welcome to nginx!</h1></body></html>"), **how)

    def will_finish(
        self, reason: Literal["stop", "length", "content_filter"], *parts: str, **how: Any
    ) -> None:
        """The parts, and then this finish reason; no parts is what reasoning that ate the output looks like."""
        self.will_do(*map(Say, parts), finish=reason, **how)

    def be_steady(self, chunks: int = 41, seconds: float = 1.05) -> None:
        """From now on every request without a script gets so many chunks in so much time."""
        self.speaker = Steady(chunks, seconds)

    # ---- answering -----------------------------------------------------------------------------------------------

    async def _chat(self, http: web.Request) -> web.StreamResponse:
        recorded = Recorded(headers=dict(http.headers), body=None)
        self.requests.append(recorded)
        try:
            self._check_key(http)
            recorded.body = await _json(http)
            request = recorded.request = parse(recorded.body, self.catalog)
            answer = self._queue.take(request) or await self._own(request)
            if answer.refusal is not None:
                raise answer.refusal
            playback = Playback(http, request, answer, recorded, self._cache.cached(request))
            return await playback.run()
        except Refusal as refusal:
            recorded.outcome, recorded.status = "refused", refusal.status
            return _refused(refusal)
        except (
            ConnectionResetError
        ):  # whoever asked has gone: nothing that a log needs a traceback of
            return web.Response()
        finally:
            if recorded.outcome == "running":
                recorded.outcome = "abandoned"
            recorded.ended = time.monotonic()

    async def _own(self, request: ChatRequest) -> Answer:
        if self.speaker is not None:
            return await self.speaker.answer(request)
        return await self._voice.answer(request, pace=self.pace)

    # ---- the rest of the API ---------------------------------------------------------------------------------------

    async def _list(self, http: web.Request) -> web.Response:
        try:
            self._check_key(http)
        except Refusal as refusal:
            return _refused(refusal)
        data = [_described(id_, family) for id_, family in self.catalog.listed().items()]
        return _answered({"object": "list", "data": data})

    async def _retrieve(self, http: web.Request) -> web.Response:
        model = http.match_info["model"]
        try:
            self._check_key(http)
            family = self.catalog.find(model)
            if family is None:
                raise refusals.unknown_model(model)
        except Refusal as refusal:
            return _refused(refusal)
        return _answered(_described(model, family))

    async def _elsewhere(self, http: web.Request) -> web.Response:
        where = f"{http.method} {http.path}"
        return _refused(Refusal(404, f"Invalid URL ({where})", code="unknown_url"))

    def _check_key(self, http: web.Request) -> None:
        scheme, _, key = http.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secrets.compare_digest(
            key.encode(), self.api_key.encode()
        ):
            raise refusals.bad_key(key)


async def _json(http: web.Request) -> Any:
    if http.content_type != "application/json":
        raise refusals.malformed("Unsupported content type: expected application/json.")
    try:
        return orjson.loads(await http.read())
    except orjson.JSONDecodeError:
        raise refusals.malformed("We could not parse the JSON body of your request.") from None
    except web.HTTPRequestEntityTooLarge:
        raise Refusal(413, f"The request is larger than {MAX_BODY} bytes.") from None


def _described(id_: str, family: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "object": "model",
        "created": CREATED,
        "owned_by": family.owner,
        "shutdown_date": family.shutdown,
    }


def _answered(body: dict[str, Any]) -> web.Response:
    return web.Response(body=orjson.dumps(body), headers=json_headers())


def _refused(refusal: Refusal) -> web.Response:
    headers = json_headers() | refusal.headers
    return web.Response(status=refusal.status, body=orjson.dumps(refusal.body), headers=headers)
