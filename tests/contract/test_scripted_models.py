"""The scripted model server through the real openai package: it streams, it refuses, it breaks as told."""

import asyncio
import base64
import io
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx2
import openai
import pytest
from openai import AsyncOpenAI
from PIL import Image

from playground.models import ModelServer


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with ModelServer(pace=0) as server:
        yield server


@pytest.fixture
async def client(model: ModelServer) -> AsyncIterator[AsyncOpenAI]:
    async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
        yield AsyncOpenAI(
            base_url=model.base_url, api_key=model.api_key, max_retries=0, http_client=http
        )


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def picture(
    size: tuple[int, int] = (640, 480),
    kind: str = "PNG",
    colour: tuple[int, int, int] = (20, 150, 160),
    **save: Any,
) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind, **save)
    return data_url(buffer.getvalue(), f"image/{kind.lower()}")


def data_url(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def shown(url: str, text: str = "What is this?", **image: Any) -> list[dict[str, Any]]:
    parts = [
        {"type": "text", "text": text},
        {"type": "image_url", "image_url": {"url": url, **image}},
    ]
    return [{"role": "user", "content": parts}]


async def read(client: AsyncOpenAI, messages: Any, **more: Any) -> tuple[str, str | None, Any]:
    """The text, the finish reason and the usage of one streamed answer."""
    more = {"model": "gpt-4o", "stream_options": {"include_usage": True}} | more
    stream = await client.chat.completions.create(messages=messages, stream=True, **more)
    text, finish, usage = "", None, None
    async for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    return text, finish, usage


async def refused(client: AsyncOpenAI, messages: Any = None, **more: Any) -> openai.APIStatusError:
    """The error that a request is answered with; a request that is accepted fails the test."""
    with pytest.raises(openai.APIStatusError) as caught:
        await client.chat.completions.create(
            **({"model": "gpt-4o", "messages": messages or user("Hi")} | more)
        )
    return caught.value


# ---- what it says ----------------------------------------------------------------------------------------------------


async def test_scripted_parts_arrive_as_chunks_with_finish_and_usage(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.will_say("Hel", "lo")
    text, finish, usage = await read(client, user("Hi"))
    assert (text, finish) == ("Hello", "stop")
    assert usage.prompt_tokens == 5
    assert usage.completion_tokens == 2
    assert model.requests[0].outcome == "answered"
    assert model.requests[0].chunks == 2


async def test_usage_comes_only_when_it_was_asked_for(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.will_say("Hello", times=2)
    assert (await read(client, user("Hi"), stream_options={"include_usage": False}))[2] is None
    assert (await read(client, user("Hi"), stream_options=None))[2] is None


async def test_usage_can_be_missing(model: ModelServer, client: AsyncOpenAI) -> None:
    model.will_say("Hello", usage=False)
    assert await read(client, user("Hi")) == ("Hello", "stop", None)


async def test_an_answer_that_is_not_streamed_is_whole(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.will_say("Hel", "lo")
    answer = await client.chat.completions.create(model="gpt-4o", messages=user("Hi"))
    assert answer.choices[0].message.content == "Hello"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 7


async def test_answers_are_given_in_the_order_in_which_they_were_scripted(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.will_say("first")
    model.will_say("second")
    assert (await read(client, user("Hi")))[0] == "first"
    assert (await read(client, user("Hi")))[0] == "second"


async def test_a_script_can_be_for_one_question_or_one_model_alone(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.will_say("a cat", when="meow")
    model.will_say("a dog", when=lambda request: "woof" in request.prompt)
    model.will_say("mini speaking", model="gpt-4o-mini")
    assert (await read(client, user("woof?")))[0] == "a dog"
    assert (await read(client, user("Hi"), model="gpt-4o-mini"))[0] == "mini speaking"
    assert model.waiting == 1
    assert (await read(client, user("it says meow")))[0] == "a cat"


async def test_a_script_without_end_serves_every_request(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.will_say("again", times=None)
    assert [(await read(client, user("Hi")))[0] for _ in range(3)] == ["again"] * 3


async def test_the_record_holds_headers_and_body(model: ModelServer, client: AsyncOpenAI) -> None:
    model.will_say("Hello")
    await read(client, user("Hi"), user="someone")
    recorded = model.requests[0]
    assert recorded.headers["Authorization"] == f"Bearer {model.api_key}"
    assert recorded.body["user"] == "someone"
    assert recorded.prompt == "Hi"
    assert recorded.ended is not None
    assert recorded.ended >= recorded.started


async def test_the_output_limit_ends_an_answer_with_length(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.will_say("four", "more", "text", times=2)
    assert (await read(client, user("Hi"), max_completion_tokens=2))[:2] == ("fourmore", "length")
    whole = await client.chat.completions.create(model="gpt-4o", messages=user("Hi"), max_tokens=1)
    assert whole.choices[0].finish_reason == "length"
    assert whole.choices[0].message.content == "four"


async def test_a_prefix_sent_before_is_counted_as_cached(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.will_say("ok", times=None)
    long = [{"role": "system", "content": "rules " * 1_000}]
    first = (await read(client, long + user("one")))[2]
    second = (await read(client, long + user("two")))[2]
    other = (await read(client, long + user("two"), model="gpt-4o-mini"))[2]
    assert first.prompt_tokens_details.cached_tokens == 0
    assert second.prompt_tokens_details.cached_tokens == 1_408  # 1,504 in steps of 128
    assert other.prompt_tokens_details.cached_tokens == 0


async def test_reasoning_is_counted_unless_it_is_switched_off(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.will_say("ok", times=2)
    thinking = (await read(client, user("Hi"), model="gpt-6-luna"))[2]
    quiet = (await read(client, user("Hi"), model="gpt-6-luna", reasoning_effort="none"))[2]
    assert thinking.completion_tokens_details.reasoning_tokens == 64
    assert quiet.completion_tokens_details.reasoning_tokens == 0


# ---- how it breaks ---------------------------------------------------------------------------------------------------


async def test_a_cut_stream_ends_without_finish_reason_and_without_error(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.will_cut(after=3)
    assert await read(client, user("Hi")) == ("One, two, three, ", None, None)
    assert model.requests[0].outcome == "cut"


async def test_a_reset_is_a_connection_error(model: ModelServer, client: AsyncOpenAI) -> None:
    model.will_reset(after=0)
    with pytest.raises(openai.APIConnectionError):
        await read(client, user("Hi"))
    model.will_reset(after=2)
    with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
        await read(client, user("Hi"))
    assert [r.outcome for r in model.requests] == ["reset", "reset"]


async def test_a_stall_is_a_timeout(model: ModelServer, client: AsyncOpenAI) -> None:
    model.will_stall(30, after=1)
    with pytest.raises((openai.APITimeoutError, httpx2.ReadTimeout)):
        await read(client, user("Hi"), timeout=0.2)
    await until(lambda: model.requests[0].outcome == "abandoned")


async def test_a_client_that_hangs_up_is_noticed(model: ModelServer, client: AsyncOpenAI) -> None:
    model.will_wait_for(asyncio.Event(), after=1)
    stream = await client.chat.completions.create(model="gpt-4o", messages=user("Hi"), stream=True)
    await anext(aiter(stream))
    assert model.in_flight == 1
    await stream.close()
    await until(lambda: model.requests[0].outcome == "abandoned")
    assert model.in_flight == 0


async def test_an_answer_can_be_held_in_mid_stream_until_released(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    release = asyncio.Event()
    model.will_wait_for(release, after=1, say=("Hel", "lo"))
    stream = aiter(
        await client.chat.completions.create(model="gpt-4o", messages=user("Hi"), stream=True)
    )
    await anext(stream)  # the role
    assert (await anext(stream)).choices[0].delta.content == "Hel"
    rest = asyncio.ensure_future(anext(stream))
    assert not (await asyncio.wait([rest], timeout=0.05))[0]
    release.set()
    assert (await rest).choices[0].delta.content == "lo"


async def test_a_broken_chunk_is_no_json(model: ModelServer, client: AsyncOpenAI) -> None:
    model.will_send_broken_chunk(after=1)
    with pytest.raises(json.JSONDecodeError):
        await read(client, user("Hi"))


async def test_an_error_inside_a_stream_is_an_api_error(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.will_send_error_in_stream(message="overloaded", after=1)
    with pytest.raises(openai.APIError, match="overloaded"):
        await read(client, user("Hi"))


async def test_nothing_and_html_are_streams_without_chunks(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.will_send_nothing()
    assert await read(client, user("Hi")) == ("", None, None)
    model.will_answer_html()
    assert await read(client, user("Hi")) == ("", None, None)


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_an_answer_can_end_for_another_reason(
    model: ModelServer, client: AsyncOpenAI, reason: Any
) -> None:
    model.will_finish(reason, "as far as")
    assert (await read(client, user("Hi")))[:2] == ("as far as", reason)
    model.will_finish(reason)
    assert (await read(client, user("Hi")))[:2] == ("", reason)


async def test_a_refusal_has_its_status_its_code_and_retry_after(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.will_refuse(429, "rate_limit_exceeded", "Slow down.", retry_after=7)
    error = await refused(client)
    assert isinstance(error, openai.RateLimitError)
    assert error.code == "rate_limit_exceeded"
    assert error.response.headers["retry-after"] == "7"
    model.will_refuse(503)
    assert (await refused(client)).status_code == 503


async def test_steady_answers_take_their_time_and_no_more(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.be_steady(chunks=41, seconds=0.41)
    began = time.monotonic()
    answers = await asyncio.gather(*(read(client, user("Hi")) for _ in range(10)))
    assert time.monotonic() - began >= 0.41
    assert {len(text.split()) for text, _, _ in answers} == {41}
    assert {recorded.chunks for recorded in model.requests} == {41}


# ---- what it refuses -------------------------------------------------------------------------------------------------


async def test_a_wrong_key_is_refused_without_being_shown(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    error = await refused(client.with_options(api_key="sk-wrong-0123456789"))
    assert isinstance(error, openai.AuthenticationError)
    assert error.code == "invalid_api_key"
    assert "0123456" not in error.message
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="sk-wrong").models.list()


async def test_a_missing_key_is_refused(model: ModelServer) -> None:
    url = f"{model.base_url}/chat/completions"
    async with aiohttp.ClientSession() as http, http.post(url, json={}) as response:
        assert response.status == 401


@pytest.mark.parametrize("name", ["gpt-9", "no-such-model", "gpt-4", "gpt-3.5-turbo", "o4-mini"])
async def test_unknown_and_retired_models_are_not_found(client: AsyncOpenAI, name: str) -> None:
    error = await refused(client, model=name)
    assert (error.status_code, error.code) == (404, "model_not_found")


async def test_a_model_can_be_retired_while_the_server_runs(
    model: ModelServer, client: AsyncOpenAI
) -> None:
    model.will_say("still here")
    assert (await read(client, user("Hi")))[0] == "still here"
    model.retire("gpt-4o")
    assert (await refused(client)).code == "model_not_found"


async def test_only_the_named_models_are_known_if_some_are_named() -> None:
    async with (
        ModelServer(known={"house-blend"}, pace=0) as server,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        client = AsyncOpenAI(
            base_url=server.base_url, api_key=server.api_key, http_client=http, max_retries=0
        )
        assert (await read(client, user("Hi"), model="house-blend"))[1] == "stop"
        assert (await refused(client)).code == "model_not_found"


async def test_models_are_listed_with_their_shutdown_dates(client: AsyncOpenAI) -> None:
    listed = {entry.id: entry.shutdown_date for entry in (await client.models.list()).data}
    assert listed["gpt-4o"] == "2027-01-14"
    assert listed["gpt-6-luna"] is None
    assert (await client.models.retrieve("gpt-4o")).shutdown_date == "2027-01-14"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("gpt-4")


MALFORMED: list[tuple[str, dict[str, Any]]] = [
    ("no messages", {"messages": []}),
    ("messages that are no list", {"messages": "Hi"}),
    ("an unknown role", {"messages": [{"role": "robot", "content": "Hi"}]}),
    ("no content", {"messages": [{"role": "user"}]}),
    ("null content", {"messages": [{"role": "assistant", "content": None}]}),
    ("empty parts", {"messages": [{"role": "user", "content": []}]}),
    ("an unknown part", {"messages": [{"role": "user", "content": [{"type": "smell"}]}]}),
    ("a text part without text", {"messages": [{"role": "user", "content": [{"type": "text"}]}]}),
    ("a name with spaces", {"messages": [{"role": "user", "content": "Hi", "name": "A B"}]}),
    ("an unknown field", {"messages": [{"role": "user", "content": "Hi", "mood": "good"}]}),
    ("a lone surrogate", {"messages": [{"role": "user", "content": "\ud800"}]}),
    ("an unknown parameter", {"colour": "blue"}),
    ("stream options without a stream", {"stream_options": {"include_usage": True}}),
    ("unknown stream options", {"stream": True, "stream_options": {"usage": True}}),
    ("two answers", {"n": 2}),
    ("a temperature above two", {"temperature": 2.5}),
    ("a temperature in words", {"temperature": "warm"}),
    ("a limit of nothing", {"max_tokens": 0}),
    ("a limit above the model's", {"max_completion_tokens": 16_385}),
    ("two limits", {"max_tokens": 5, "max_completion_tokens": 5}),
    ("an effort where none is known", {"reasoning_effort": "none"}),
    ("an unknown effort", {"model": "gpt-6-luna", "reasoning_effort": "heroic"}),
    ("a long safety identifier", {"safety_identifier": "x" * 129}),
    (
        "a cache breakpoint before 5.6",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Hi", "prompt_cache_breakpoint": {"mode": "x"}}
                    ],
                }
            ]
        },
    ),
    (
        "an image from the assistant",
        {
            "messages": [
                {"role": "assistant", "content": shown(picture((8, 8)))[0]["content"]},
            ]
        },
    ),
    (
        "audio where none is heard",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}
                    ],
                }
            ]
        },
    ),
]


@pytest.mark.parametrize("fault", [pytest.param(body, id=name) for name, body in MALFORMED])
async def test_a_malformed_request_is_refused(model: ModelServer, fault: dict[str, Any]) -> None:
    body = {"model": "gpt-4o", "messages": user("Hi")} | fault
    headers = {"Authorization": f"Bearer {model.api_key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{model.base_url}/chat/completions", json=body) as response,
    ):
        assert response.status == 400
        assert (await response.json())["error"]["type"] == "invalid_request_error"
    assert model.requests[0].outcome == "refused"


async def test_a_body_that_is_no_json_is_refused(model: ModelServer) -> None:
    headers = {"Authorization": f"Bearer {model.api_key}", "Content-Type": "application/json"}
    url = f"{model.base_url}/chat/completions"
    async with aiohttp.ClientSession(headers=headers) as http:
        for body in (b"{", b"[]", b""):
            async with http.post(url, data=body) as response:
                assert response.status == 400


@pytest.mark.parametrize("name", ["gpt-5.5", "gpt-6-luna", "o3"])
async def test_reasoning_models_refuse_the_old_limit_and_sampling(
    model: ModelServer, client: AsyncOpenAI, name: str
) -> None:
    error = await refused(client, model=name, max_tokens=100)
    assert (error.code, error.param) == ("unsupported_parameter", "max_tokens")
    error = await refused(client, model=name, temperature=0.2)
    assert (error.code, error.param) == ("unsupported_value", "temperature")
    model.will_say("fine")
    calm = {"reasoning_effort": "none", "temperature": 0.2, "max_completion_tokens": 100}
    assert (await read(client, user("Hi"), model=name, **calm))[0] == "fine"


async def test_too_long_a_context_is_refused_in_the_dialect_of_the_server(
    client: AsyncOpenAI,
) -> None:
    error = await refused(client, user("word " * 110_000))
    assert (error.status_code, error.code) == (400, "context_length_exceeded")
    error = await refused(client, user("word " * 9_000), model="local-small")
    assert error.status_code == 400
    assert error.type == "exceed_context_size_error"


# ---- images ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
async def test_a_real_image_is_seen_with_its_size(
    model: ModelServer, client: AsyncOpenAI, kind: str
) -> None:
    text, _, usage = await read(client, shown(picture((640, 480), kind)))
    assert "640 × 480 px" in text
    assert kind in text
    assert "teal" in text
    assert usage.prompt_tokens_details.image_tokens == 85 + 170 * 2
    recorded = model.requests[0].request
    assert recorded is not None
    assert [(p.mime, p.width, p.height) for p in recorded.pictures] == [
        (f"image/{kind.lower()}", 640, 480)
    ]


@pytest.mark.parametrize(
    ("size", "detail", "name", "tokens"),
    [
        ((1024, 1024), "high", "gpt-4o", 765),
        ((1920, 1080), "high", "gpt-4o", 1_105),
        ((512, 512), "auto", "gpt-4o", 255),
        ((1920, 1080), "low", "gpt-4o", 85),
        ((1024, 1024), "high", "gpt-4o-mini", 2_833 + 4 * 5_667),
    ],
)
async def test_images_cost_what_the_published_rule_says(
    model: ModelServer,
    client: AsyncOpenAI,
    size: tuple[int, int],
    detail: str,
    name: str,
    tokens: int,
) -> None:
    model.will_say("ok")
    _, _, usage = await read(client, shown(picture(size), detail=detail), model=name)
    assert usage.prompt_tokens_details.image_tokens == tokens


def animated() -> str:
    frames = [Image.new("RGB", (8, 8), c) for c in ((255, 0, 0), (0, 0, 255))]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    return data_url(buffer.getvalue(), "image/gif")


BAD_IMAGES = {
    "an address": "https://example.org/cat.png",
    "no image": data_url(b"just text"),
    "html": data_url(b"<html></html>"),
    "magic bytes alone": data_url(b"\x89PNG\r\n\x1a\n"),
    "broken base64": "data:image/png;base64,AAA",
    "no base64": "data:image/png,abc",
    "another type than declared": picture((8, 8), "JPEG").replace("image/jpeg", "image/png"),
    "a bitmap": picture((8, 8), "BMP"),
    "a side above 8000 pixels": picture((8_001, 2)),
    "an animation": animated(),
    "an unknown detail": "",
}


@pytest.mark.parametrize("fault", BAD_IMAGES)
async def test_a_bad_image_is_refused(client: AsyncOpenAI, fault: str) -> None:
    url = BAD_IMAGES[fault]
    bad = shown(url) if url else shown(picture((8, 8)), detail="enormous")
    error = await refused(client, bad)
    assert error.status_code == 400
    assert error.code == ("invalid_image" if url else "invalid_value")


async def test_a_model_without_sight_refuses_images(client: AsyncOpenAI) -> None:
    error = await refused(client, shown(picture((8, 8))), model="deepseek-v4-flash")
    assert (error.status_code, error.code) == (400, "unsupported_content_type")
    error = await refused(client, shown(picture((8, 8))), model="local-small")
    assert (error.status_code, error.type) == (500, "server_error")


# ---- the voice of the demo -------------------------------------------------------------------------------------------


async def test_the_voice_quotes_the_first_message_of_the_conversation(client: AsyncOpenAI) -> None:
    context = [
        *user("The harbour is full of herons"),
        {"role": "assistant", "content": "So it is."},
        *user("What did I say first?"),
    ]
    assert "> The harbour is full of herons" in (await read(client, context))[0]


async def test_the_voice_knows_only_what_it_was_sent(client: AsyncOpenAI) -> None:
    told = [*user("my favourite colour is teal"), {"role": "assistant", "content": "Noted."}]
    ask = user("What's my favourite colour?")
    assert "**teal**" in (await read(client, told + ask))[0]
    assert "teal" not in (await read(client, ask))[0]


@pytest.mark.parametrize(
    ("wish", "sign"),
    [
        ("show me some Python code", "```python\n"),
        ("compare tea and coffee in a table", "|---|---|---|---|"),
        ("what is 12 * (3 + 4)?", "**84**"),
        ("count to 12", "10, 11, 12."),
        ("which model are you?", "scripted"),
        ("hello", "Try one of these"),
    ],
)
async def test_the_voice_fulfils_a_few_wishes(client: AsyncOpenAI, wish: str, sign: str) -> None:
    assert sign in (await read(client, user(wish)))[0]


async def test_the_voice_writes_as_much_as_it_is_asked_for(client: AsyncOpenAI) -> None:
    text, _, _ = await read(client, user("write 900 words about lighthouses"))
    assert 850 <= len(text.split()) <= 1_100
    assert "ighthouses" in text


async def test_the_voice_changes_with_the_model(client: AsyncOpenAI) -> None:
    said = {
        (await read(client, user("Tell me about herons"), model=name))[0]
        for name in ("gpt-4o", "gpt-4o-mini", "claude-sonnet-5-5", "gemini-3.8-flash", "grok-4.7")
    }
    assert len(said) == 5


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)
