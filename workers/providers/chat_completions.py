"""A Prompt becomes the Deltas of an answer, over OpenAI's chat.completions at any address."""

from __future__ import annotations

import asyncio
import functools
import logging
import re
import ssl
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx2
from openai import (
    APIConnectionError,
    APIStatusError,
    AsyncOpenAI,
    DefaultAioHttpClient,
    OpenAIError,
)

from bot.errors import ProviderDown, ProviderError
from bot.model_specs import ModelSpec, ProviderSpec
from bot.proxies import is_loopback
from bot.types import Delta, Prompt
from workers.providers import faults, request
from workers.providers.answer import Answer
from workers.providers.events import BrokenEvent, Event, events, whole

log = logging.getLogger(__name__)

CONNECT = 5.0  # s
LIST = 10.0  # s for the list of models
BEARER: Any = {"security": {"bearer_auth": True}}  # the key alone, whatever else the package knows
KEYLESS = "none"  # servers without keys ignore it; the package insists on one

# What reading a body may raise; the package translates these only where it reads the stream itself.
TORN = (httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError, ssl.SSLError, OSError)


class ChatCompletions:
    """The client of one provider: its address, its key, its connections."""

    def __init__(self, provider: ProviderSpec, key: str, *, connections: int) -> None:
        self._provider = provider
        self._client = AsyncOpenAI(
            base_url=provider.base_url,
            api_key=key or KEYLESS,
            admin_api_key="",
            max_retries=0,  # trying again is the worker's: two layers of it would multiply
            http_client=_http(provider.base_url, connections),
        )
        # What the environment holds for OpenAI must not reach another provider, and our settings do not name it.
        self._client.organization = self._client.project = None
        self._client._custom_headers = {}

    async def stream(self, spec: ModelSpec, prompt: Prompt) -> AsyncGenerator[Delta, None]:
        """The answer as it comes in; raises a ProviderError for whatever the provider does wrong."""
        loop = asyncio.get_running_loop()
        answer = Answer(spec, loop.time())
        async with AsyncExitStack() as stack:
            response = await self._opened(stack, spec, prompt, answer)
            source = whole if "json" in response.headers.get("content-type", "") else events
            found = await stack.enter_async_context(aclosing(source(response.aiter_bytes())))
            timely = await stack.enter_async_context(aclosing(_timely(found, answer)))
            async for event in timely:
                if event is None:
                    answer.done(loop.time())
                elif text := answer.take(event, loop.time()):
                    yield Delta(text)
                    if answer.full:
                        break
            last = answer.last(prompt)
            self._log(spec, answer, last, response.headers.get("x-request-id"))
        yield last

    async def offered(self) -> dict[str, date | None]:
        """The ids that the provider lists, each with its shutdown date if one is announced."""
        try:
            async with asyncio.timeout(LIST):
                page = await self._client.models.list()
        except TimeoutError:
            raise faults.of_kind(self._provider.name, ProviderDown) from None
        except APIStatusError as error:
            raise self._refused(self._provider.name, error) from None
        except (OpenAIError, ValueError) as error:
            raise faults.of_kind(self._provider.name, ProviderDown) from error
        models = page.data if isinstance(page.data, list) else []
        return {model.id: _date(getattr(model, "shutdown_date", None)) for model in models}

    async def close(self) -> None:
        await self._client.close()

    async def _opened(
        self, stack: AsyncExitStack, spec: ModelSpec, prompt: Prompt, answer: Answer
    ) -> httpx2.Response:
        """The response, once its head is there; closed with the stack.

        The package's `post`, since its `create` walks through all that it is given to find what it need not change, and
        wraps what it returns: half a millisecond before every first word.
        """
        post: Any = self._client.post  # its types know of no stream that is left as it comes
        try:
            async with asyncio.timeout_at(answer.deadline):
                response: httpx2.Response = await post(
                    "/chat/completions",
                    cast_to=httpx2.Response,
                    body=request.body(spec, self._provider, prompt),
                    options=BEARER,
                    stream=True,
                )
        except TimeoutError:
            raise answer.stalled(asyncio.get_running_loop().time()) from None
        except APIStatusError as error:
            raise self._refused(spec.alias, error) from None
        except (APIConnectionError, *TORN) as error:
            log.warning("model.unreachable alias=%s error=%s", spec.alias, _cause(error))
            raise faults.of_kind(spec.alias, ProviderDown) from None
        stack.push_async_callback(response.aclose)
        return response

    def _refused(self, alias: str, error: APIStatusError) -> ProviderError:
        refusal = faults.Refusal.of(error.status_code, error.body)
        log.warning(
            "model.refused alias=%s status=%d codes=%s request=%s",
            alias,
            error.status_code,
            refusal.loggable,
            _id(error.request_id),
        )
        return faults.fault(alias, refusal, faults.retry_after(error.response.headers))

    def _log(self, spec: ModelSpec, answer: Answer, last: Delta, request_id: str | None) -> None:
        usage = last.usage
        log.info(
            "model.answered alias=%s provider=%s first_ms=%d ms=%d tokens_in=%d cached=%d tokens_out=%d"
            " finish=%s request=%s",
            spec.alias,
            self._provider.name,
            1000 * ((answer.first or answer.began) - answer.began),
            1000 * (asyncio.get_running_loop().time() - answer.began),
            usage.input if usage else 0,
            usage.cached if usage else 0,
            usage.output if usage else 0,
            last.finish,
            _id(request_id),
        )


async def _timely(
    found: AsyncGenerator[Event | None, None], answer: Answer
) -> AsyncGenerator[Event | None, None]:
    """The events, each before the answer's deadline. What fails after the finish reason no longer matters."""
    while True:
        try:
            async with asyncio.timeout_at(answer.deadline):
                event = await anext(found)
        except StopAsyncIteration:
            return
        except TimeoutError:
            if answer.finish is None:
                raise answer.stalled(asyncio.get_running_loop().time()) from None
            return
        except BrokenEvent:
            if answer.finish is None:
                raise answer.broke(
                    "what came next was damaged", "sent something that is no answer"
                ) from None
            return
        except TORN as error:
            log.warning("model.torn error=%s", _cause(error))
            if answer.finish is None:
                raise answer.broke("the connection was lost", "closed the connection") from None
            return
        yield event


def _http(base_url: str, connections: int) -> httpx2.AsyncClient:
    """Connections to one place, over aiohttp: reading a stream costs half of the default there. No redirects:
    a prompt and a key go where the operator said."""
    environment = not is_loopback(urlsplit(base_url).hostname or "")  # proxies, SSL_CERT_FILE
    return DefaultAioHttpClient(
        limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
        timeout=httpx2.Timeout(None, connect=CONNECT),  # the rest is bound by the answer's deadline
        follow_redirects=False,
        trust_env=environment,
        verify=_authorities(environment),
    )


@functools.cache  # reading them takes 50 ms, for as many providers as there are keys
def _authorities(environment: bool) -> ssl.SSLContext:
    """Whom we trust to vouch for a provider, SSL_CERT_FILE heeded or not."""
    return httpx2.create_ssl_context(trust_env=environment)


def _cause(error: BaseException) -> str:
    """The kinds of an error and of what caused it, without their words."""
    cause = error.__cause__
    return type(error).__name__ + (f"/{type(cause).__name__}" if cause else "")


def _id(text: str | None) -> str:
    return text if text and re.fullmatch(r"[\w.-]{1,80}", text, re.ASCII) else "-"


def _date(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
