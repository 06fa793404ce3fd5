"""The scripted model server refuses what real providers refuse, in their words."""

import base64
import io
import re
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import openai
import pytest
from openai import AsyncOpenAI
from PIL import Image

from playground.models import ModelServer
from tests.contract.simulated_models.asking import data_url, picture, read, refused, shown, user

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


SYSTEM, HI, HELLO = (
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello"},
)
OUT_OF_TURN = {
    "two of one person": [HI, HI],
    "the model first": [HELLO, HI],
    "the model last": [HI, HELLO],
    "the system in the middle": [HI, SYSTEM, HI],
    "the system twice": [SYSTEM, SYSTEM, HI],
    "the system alone": [SYSTEM],
    "an empty answer": [HI, HELLO | {"content": " "}, HI],
}


@pytest.mark.parametrize("name", ["mistral-large-4", "gemma3"])
@pytest.mark.parametrize("fault", OUT_OF_TURN)
async def test_strict_families_want_person_and_model_in_turns(
    client: AsyncOpenAI, fault: str, name: str
) -> None:
    error = await refused(client, OUT_OF_TURN[fault], model=name)
    assert (error.status_code, error.type) == (400, "invalid_request_message_order")
    assert (await read(client, [SYSTEM, HI, HELLO, HI], model=name))[1] == "stop"
    assert (await read(client, OUT_OF_TURN[fault], model="gpt-4o"))[1] == "stop"


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


async def test_an_image_above_twenty_megabytes_is_refused(client: AsyncOpenAI) -> None:
    padded = base64.b64decode(picture((8, 8)).partition(",")[2]) + bytes(20 * 1024 * 1024)
    error = await refused(client, shown(data_url(padded)))
    assert (error.status_code, error.code) == (400, "invalid_image")


async def test_more_than_fifty_images_are_refused(client: AsyncOpenAI) -> None:
    part = shown(picture((8, 8)))[0]["content"][1]
    error = await refused(client, [{"role": "user", "content": [part] * 51}])
    assert error.status_code == 400


# ---- the page --------------------------------------------------------------------------------------------------------


def test_every_rule_on_the_page_names_a_test_that_exists() -> None:
    root = Path(__file__).parents[3]
    rules = (root / "docs/playground-models.md").read_text().split("## What it enforces")[1]
    rows = [line for line in rules.splitlines() if line.startswith("| ")][1:]
    named = [set(re.findall(r"`(test_\w+)`", row)) for row in rows]
    assert rows
    assert all(named), "a rule without a test"
    assert set().union(*named) <= set(globals())
