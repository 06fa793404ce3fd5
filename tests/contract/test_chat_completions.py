"""The client of OpenAI's wire passes the providers' contract, and minds what only this wire has."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.errors import BadKey, ProviderBusy, ProviderDown, SettingsError
from bot.model_specs import ProviderSpec
from bot.models import Catalog
from bot.types import Prompt
from playground.models import Cut, ModelServer, Pause, Raw
from tests.contract.provider_contract import (
    PICTURE,
    SPEC,
    WORDS,
    ProviderContract,
    asking,
    deltas,
    fault,
    heard,
    said,
    shown,
)
from workers.providers import Provider, Providers
from workers.providers.chat_completions import ChatCompletions

KEY = "sk-scripted-0123456789abcdef"
TODAY = date(2026, 11, 22)

CATALOG = Catalog.load(None)
SHIPPED = CATALOG.providers["openai"]


@pytest.fixture
async def model_server() -> AsyncIterator[ModelServer]:
    async with ModelServer(api_key=KEY) as server:
        yield server


def place(server: ModelServer, **more: Any) -> ProviderSpec:
    return replace(SHIPPED, **({"base_url": server.base_url} | more))


@pytest.fixture
async def provider(model_server: ModelServer) -> AsyncIterator[Provider]:
    client = ChatCompletions(place(model_server), KEY, connections=50)
    yield client
    await client.close()


class TestChatCompletions(ProviderContract): ...


def chunk(**fields: Any) -> Raw:
    return Raw(b"data: " + json.dumps(fields).encode() + b"\n\n")


def words(text: object, finish: str | None = None) -> Raw:
    return chunk(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": finish}])


DONE = Raw(b"data: [DONE]\n\n")
TWO_LINES = Raw(b'data: {"choices":[{"delta":\ndata: {"content":"Hi"}}]}\r\n\r\n')


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([chunk(choices=[]), words("Hi"), words("", "stop"), DONE], id="azure"),
        pytest.param([words(None), words("Hi"), words(None, "stop"), DONE], id="null content"),
        pytest.param([Raw(b": PROCESSING\n\n"), words("Hi", "stop"), DONE], id="comments"),
        pytest.param([words("Hi", "stop")], id="no done, no usage"),
        pytest.param([words("Hi", "end_turn"), DONE], id="another word for stop"),
        pytest.param([words("Hi"), DONE], id="done without a reason"),
        pytest.param([chunk(id="x", extra=[1], choices=[{"delta": {"content": "Hi", "odd": {}}, "logprobs": {}}]),
                      words("", "stop"), DONE], id="extra fields"),
        pytest.param([Raw(b"event: message\r\nid: 1\r\nretry: 5\r\n" + words("Hi", "stop").data)], id="other lines"),
        pytest.param([words("H"), chunk(choices=None), words("i", "stop")], id="null choices"),
        pytest.param(
            [words([{"type": "thinking", "thinking": []}, {"type": "text", "text": "Hi"}], "stop")],
            id="parts",
        ),
        pytest.param(
            [chunk(choices=[{"delta": {"content": "Hi"}}, {"delta": {"content": "Ho"}}]), words("", "stop")],
            id="two choices",
        ),
        pytest.param([TWO_LINES, words("", "stop")], id="two lines"),
        pytest.param([words("Hi", "stop"), chunk(choices=[], usage={"prompt_tokens": "many"})], id="odd usage"),
        pytest.param([words("Hi", "stop"), Raw(b"data: {nonsense\n\n")], id="nonsense after the end"),
        pytest.param([words("Hi", "stop"), Pause(30)], id="hanging after the end"),
    ],
)  # fmt: skip
async def test_odd_streams_are_answers_all_the_same(
    provider: Provider, model_server: ModelServer, steps: list[Any]
) -> None:
    model_server.will_do(*steps, Cut())
    found = await deltas(provider)
    assert "".join(d.text for d in found) == "Hi"
    assert found[-1].finish == "stop"
    assert found[-1].usage is not None
    assert found[-1].usage.estimated


async def test_each_way_to_break_off_is_told_in_words(
    provider: Provider, model_server: ModelServer
) -> None:
    told = {}
    for script in ("will_cut", "will_reset", "will_send_broken_chunk", "will_send_error_in_stream"):
        getattr(model_server, script)(after=1)
        told[script] = (await fault(provider))[1].sentence
    assert "it ended in the middle" in told["will_cut"]
    assert "the connection was lost" in told["will_reset"]
    assert "damaged" in told["will_send_broken_chunk"]
    assert "its provider reported a fault" in told["will_send_error_in_stream"]


async def test_half_an_emoji_does_not_cost_the_answer(
    provider: Provider, model_server: ModelServer
) -> None:
    half = Raw(b'data: {"choices":[{"delta":{"content":"a\\ud83db"},"finish_reason":"stop"}]}\n\n')
    model_server.will_do(half, DONE, Cut())
    assert await heard(provider) == "a?b"


async def test_a_tool_that_nobody_offered_is_an_error(
    provider: Provider, model_server: ModelServer
) -> None:
    model_server.will_finish("tool_calls")  # type: ignore[arg-type]  # a provider's fault
    assert isinstance((await fault(provider))[1], ProviderDown)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "slow down", "code": "rate_limit_exceeded"}}',
        b'[{"error": {"code": 429, "message": "x"}}]',
        b'{"error": "something"}',
        b"{",
    ],
)
async def test_a_json_error_under_status_200_is_an_error(
    provider: Provider, model_server: ModelServer, body: bytes
) -> None:
    model_server.will_do(Raw(b"data: " + body + b"\n\n"), Cut())
    error = (await fault(provider))[1]
    assert isinstance(error, ProviderBusy if b"rate" in body else ProviderDown)


async def test_an_answer_without_end_is_cut_at_a_length(
    provider: Provider, model_server: ModelServer
) -> None:
    model_server.will_say(*["x" * 50_000] * 20)
    found = await deltas(provider, spec=replace(SPEC, answer_tokens=16_384, max_output=16_384))
    assert sum(len(d.text) for d in found) <= 450_000
    assert found[-1].finish == "length"


async def test_a_line_without_end_is_no_answer(
    provider: Provider, model_server: ModelServer
) -> None:
    model_server.will_do(*[Raw(b"data: " + b"x" * 1_000_000)] * 10, Cut())
    assert isinstance((await fault(provider))[1], ProviderDown)


# ---- the request -------------------------------------------------------------------------------------------------


async def sent(provider: Provider, server: ModelServer, prompt: Prompt, **spec: Any) -> Any:
    server.will_say("ok")
    await heard(provider, prompt, replace(SPEC, **spec))
    return server.requests[-1].body


async def test_the_request_holds_what_the_tables_allow(
    provider: Provider, model_server: ModelServer
) -> None:
    prompt = asking(user="k" * 200, cache_key="conversation")
    body = await sent(provider, model_server, prompt, id="gpt-6-luna", effort="none")
    assert body["stream_options"] == {"include_usage": True, "include_obfuscation": False}
    assert body["reasoning_effort"] == "none"
    assert body["max_completion_tokens"] == 8192
    assert body["safety_identifier"] == "k" * 128
    assert body["prompt_cache_key"] == "conversation"
    assert body["store"] is False
    assert "max_tokens" not in body
    assert "temperature" not in body


async def test_what_a_model_refuses_is_left_out(
    provider: Provider, model_server: ModelServer
) -> None:
    refused = frozenset({"store", "reasoning_effort", "include_obfuscation"})
    body = await sent(provider, model_server, asking(user="x"), effort="low", refuses=refused)
    assert not {"store", "reasoning_effort"} & body.keys()
    assert body["stream_options"] == {"include_usage": True}
    assert body["safety_identifier"] == "x"


async def test_a_provider_gets_no_parameter_that_it_does_not_take(
    model_server: ModelServer,
) -> None:
    shy = place(model_server, accepts=frozenset(), output_limit="max_tokens")
    client = ChatCompletions(shy, KEY, connections=5)
    body = await sent(client, model_server, asking(user="x", cache_key="y"), effort="low")
    assert body.keys() == {"model", "messages", "stream", "max_tokens"}
    await client.close()


async def test_roles_are_what_the_strictest_provider_wants(
    provider: Provider, model_server: ModelServer
) -> None:
    prompt = asking(
        said("assistant", "left over from an older question"),
        said("system", "First."),
        said("user", "a"),
        said("user", "b"),
        said("system", "Second."),
        said("assistant", ""),
        said("user", "   ", "c"),
    )
    body = await sent(provider, model_server, prompt)
    assert body["messages"] == [
        {"role": "system", "content": "First.\n\nSecond."},
        {"role": "user", "content": "a\nb"},
        {"role": "assistant", "content": "(no text)"},
        {"role": "user", "content": "c"},
    ]


async def test_text_that_is_no_unicode_does_not_stop_the_question(
    provider: Provider, model_server: ModelServer
) -> None:
    body = await sent(provider, model_server, asking(said("user", "half \ud83d of it")))
    assert body["messages"][0]["content"] == "half ? of it"


@pytest.mark.parametrize(
    "alias", [s.alias for s in Catalog.load(None).models.values() if not s.gone(TODAY)]
)
async def test_every_model_of_the_catalog_gets_a_request_that_it_takes(
    alias: str, model_server: ModelServer
) -> None:
    spec = CATALOG.find(alias)
    there = replace(CATALOG.provider_of(spec), base_url=model_server.base_url)
    client = ChatCompletions(there, KEY, connections=5)
    model_server.will_say("fine")
    assert await heard(client, replace(shown(), user="u", cache_key="c"), spec) == "fine"
    request = model_server.requests[-1].request
    assert request is not None
    assert bool(request.pictures) == spec.sees
    await client.close()


# ---- clients, keys, proxies, logs -----------------------------------------------------------------------------------


def catalog(server: ModelServer) -> Catalog:
    return Catalog.load(None, openai_base_url=server.base_url)


async def test_there_is_one_client_for_each_provider(model_server: ModelServer) -> None:
    known = catalog(model_server)
    providers = Providers(known, {"OPENAI_API_KEY": SecretStr(KEY)}, connections=1)
    first = providers.client(known.providers["openai"])
    for alias in ("gpt-4o", "gpt-6-luna"):
        model_server.will_say("ok")
        stream = providers.stream(known.find(alias), asking())
        assert "".join([d.text async for d in stream]) == "ok"
    assert providers.client(known.providers["openai"]) is first
    assert providers.client(known.providers["ollama"]) is not first
    await providers.close()


async def test_a_model_without_its_key_says_which_one_is_missing(
    model_server: ModelServer,
) -> None:
    providers = Providers(catalog(model_server), {}, connections=1)
    with pytest.raises(BadKey, match="ANTHROPIC_API_KEY"):
        providers.stream(catalog(model_server).find("claude"), asking())


def test_a_wire_that_nobody_speaks_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    own = tmp_path / "models.toml"
    own.write_text('[providers.mine]\nbase_url = "https://a.example"\nwire = "telegraph"\n')
    with pytest.raises(SettingsError, match=r"providers\.mine\.wire"):
        Providers(Catalog.load(own), {}, connections=1)


async def test_proxies_of_the_environment_are_not_used_for_this_machine(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = ChatCompletions(place(model_server), KEY, connections=5)
    model_server.will_say("direct")
    assert await heard(client) == "direct"
    await client.close()


async def test_an_outside_provider_is_reached_through_the_proxy(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = urlsplit(model_server.base_url)
    monkeypatch.setenv("http_proxy", f"http://{address.netloc}")
    outside = f"http://models.example{address.path}"
    client = ChatCompletions(place(model_server, base_url=outside), KEY, connections=5)
    model_server.will_say("through the proxy")
    assert await heard(client) == "through the proxy"
    assert model_server.requests[-1].headers["Host"] == "models.example"
    await client.close()


async def test_nothing_that_the_environment_holds_for_openai_reaches_a_provider(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Planted: 1\nAuthorization: Bearer planted")
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "planted-in-the-environment")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-0000000000000")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    client = ChatCompletions(place(model_server), KEY, connections=5)
    model_server.will_say("ok")
    await heard(client)
    headers = {n.lower(): v for n, v in model_server.requests[-1].headers.items()}
    assert headers["authorization"] == f"Bearer {KEY}"
    assert "planted" not in str(headers).lower()
    await client.close()


async def test_no_log_at_any_level_holds_key_words_or_picture(
    provider: Provider, model_server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    model_server.will_say("the words of the answer")
    await heard(provider, shown())
    model_server.will_refuse(400, "odd code with words", f"You wrote: {WORDS}")
    await fault(provider)
    model_server.will_reset(after=1)
    await fault(provider)
    text = "\n".join(f"{r.getMessage()} {r.args}" for r in caplog.records)
    assert "model.answered" in text
    assert "model.refused" in text
    assert "model.torn" in text
    pixels = base64.b64encode(PICTURE).decode()[:40]
    planted = (KEY, WORDS, "What colour", "words of the answer", "odd code with words", pixels)
    assert [word for word in planted if word in text] == []


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def small_server(handler: Handler) -> AsyncIterator[str]:
    """The base_url of a server that does what the scripted one does not."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def test_a_redirect_is_not_followed(model_server: ModelServer) -> None:
    """A prompt and a key go where the operator said, or nowhere."""

    async def away(asked: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(f"{model_server.base_url}/chat/completions")

    async with small_server(away) as base_url:
        client = ChatCompletions(replace(SHIPPED, base_url=base_url), KEY, connections=5)
        assert isinstance((await fault(client))[1], ProviderDown)
        assert not model_server.requests
        await client.close()


async def test_a_connection_serves_again_after_an_answer() -> None:
    """A new one would cost every answer a TLS handshake."""
    callers = []

    async def hello(asked: web.Request) -> web.StreamResponse:
        assert asked.transport is not None
        callers.append(asked.transport.get_extra_info("peername"))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(asked)
        for piece in (words("Hi"), words("", "stop"), DONE):
            await response.write(piece.data)
        return response

    async with small_server(hello) as base_url:
        client = ChatCompletions(replace(SHIPPED, base_url=base_url), KEY, connections=5)
        assert [await heard(client) for _ in range(3)] == ["Hi"] * 3
        assert len(set(callers)) == 1
        await client.close()


async def test_an_answer_that_did_not_stream_is_an_answer() -> None:
    async def at_once(asked: web.Request) -> web.StreamResponse:
        message = {"role": "assistant", "content": "All at once."}
        return web.json_response({"choices": [{"message": message, "finish_reason": "stop"}]})

    async with small_server(at_once) as base_url:
        client = ChatCompletions(replace(SHIPPED, base_url=base_url), KEY, connections=5)
        assert await heard(client) == "All at once."
        await client.close()


@pytest.mark.parametrize("body", ['{"error": {"code": "rate_limit_exceeded"}}', "null", "<html>"])
async def test_a_body_that_is_no_stream_and_no_answer_is_an_error(body: str) -> None:
    async def odd(asked: web.Request) -> web.StreamResponse:
        return web.Response(text=body, content_type="application/json")

    async with small_server(odd) as base_url:
        client = ChatCompletions(replace(SHIPPED, base_url=base_url), KEY, connections=5)
        error = (await fault(client))[1]
        assert isinstance(error, ProviderBusy if "rate" in body else ProviderDown)
        await client.close()
