"""The scripted model server through the real openai package: it streams, it breaks as told, it has a voice."""

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
import pytest
from openai import AsyncOpenAI

from playground.models import ModelServer
from tests.contract.simulated_models.asking import read, refused, user

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


async def test_clients_that_die_while_it_writes_leave_no_traceback(
    model: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    """As the workers of the page do, whose buttons kill them."""
    body = json.dumps({"model": "gpt-4o", "messages": user("Hi"), "stream": True})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {model.api_key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    port = urlsplit(model.base_url).port
    model.will_say(*["more"] * 500, pace=0.001, times=50)
    clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
    for _, writer in clients:
        writer.write((head + body).encode())
    for reader, _ in clients:
        assert b"200 OK" in await reader.readline()
    for _, writer in clients:
        writer.transport.abort()  # what is unread makes it a reset
    await until(lambda: model.in_flight == 0)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


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
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)
