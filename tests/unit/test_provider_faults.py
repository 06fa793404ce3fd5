"""Refusals in every dialect become our errors; the lines of a stream become events, however they are cut."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from email.utils import formatdate
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import (
    BadImage,
    BadKey,
    ContextTooLong,
    ModelGone,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    Refused,
)
from workers.providers.events import BrokenEvent, Event, events
from workers.providers.faults import Refusal, fault, kind, of_kind, retry_after

pytestmark = pytest.mark.usefixtures("untraced")  # the same lines thousands of times


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        # As openai unwraps {"error": …}, and as it does not
        (400, {"code": "context_length_exceeded", "message": "…"}, ContextTooLong),
        (400, {"error": {"type": "exceed_context_size_error", "code": 400}}, ContextTooLong),
        (400, {"message": "This model's maximum context length is 8192 tokens."}, ContextTooLong),
        (422, {"detail": "Prompt contains 9 tokens, too large for model with 8"}, ContextTooLong),
        (400, [{"error": {"message": "The input token count (2000000) exceeds the maximum"}}], ContextTooLong),
        (413, "<html>Request Entity Too Large</html>", ContextTooLong),
        (400, [{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}], BadKey),
        (400, {"message": "Incorrect API key provided: xa***."}, BadKey),
        (400, {"message": "Your credit balance is too low to access the API."}, BadKey),
        (401, {"type": "authentication_error"}, BadKey),
        (401, {"type": "api_error"}, BadKey),
        (429, {"code": "insufficient_quota"}, BadKey),
        (429, [{"error": {"code": 429, "message": "You exceeded your current quota, check billing"}}], ProviderBusy),
        (429, None, ProviderBusy),
        (429, {"message": "image tokens per minute: the limit could not be met"}, ProviderBusy),
        (529, {"type": "overloaded_error"}, ProviderBusy),
        (403, {"message": "Content violates usage guidelines."}, Refused),
        (400, {"code": "content_filter", "message": "Azure's content management policy"}, Refused),
        (400, {"message": "Could not process image"}, BadImage),
        (400, {"message": "image_url is only supported by certain models."}, BadImage),
        (500, {"message": "image input is not supported - hint: you may need the mmproj"}, BadImage),
        (404, {"type": "not_found_error", "message": "model: claude-9 not found"}, ModelGone),
        (404, {"error": 'model "x" not found, try pulling it first'}, ModelGone),
        (400, {"code": "model_decommissioned"}, ModelGone),
        (404, {"code": "unknown_url", "message": "Invalid URL (POST /chat)"}, ProviderError),
        (400, {"code": "unsupported_parameter", "message": "'store' is not supported"}, ProviderError),
        (400, None, ProviderError),
        (500, "upstream error", ProviderDown),
        (502, "<html>API key billing context length</html>", ProviderDown),
        (307, "", ProviderDown),
        (None, {"error": {"message": "odd"}}, ProviderDown),
        (None, {"error": "rate_limit"}, ProviderDown),
        (None, {"error": {"code": "rate_limit_exceeded"}}, ProviderBusy),
        (None, {"error": {"type": "overloaded_error"}}, ProviderBusy),
        (None, [], ProviderDown),
    ],
)  # fmt: skip
def test_a_refusal_is_told_apart_by_status_code_and_words(
    status: int | None, body: object, error: type[ProviderError]
) -> None:
    assert kind(Refusal.of(status, body)) is error


KEYS = st.sampled_from(["error", "code", "message", "type", "detail"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | KEYS, inner),
)


@given(st.none() | st.integers(100, 599), JSON)
def test_any_body_becomes_an_error_of_ours(status: int | None, body: object) -> None:
    refusal = Refusal.of(status, body)
    assert isinstance(fault("gpt-4o", refusal), ProviderError)
    assert refusal.loggable.isascii()


@pytest.mark.parametrize("error", ProviderError.__subclasses__())
def test_every_error_says_what_happened_and_what_to_do(error: type[ProviderError]) -> None:
    if error.__name__ == "AnswerCut":
        return  # its sentence says where it was cut
    sentence = of_kind("gpt-4o", error, 30).sentence
    assert "gpt-4o" in sentence
    assert any(word in sentence.lower() for word in ("ask", "admin", "again"))
    assert "{" not in sentence


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "in a minute"), (0.2, "in 1 s"), (30, "in 30 s"), (600, "10 minutes"), (86_400, "24 hours")],
)  # fmt: skip
def test_a_person_is_told_when_to_come_back(seconds: float | None, words: str) -> None:
    assert words in of_kind("gpt-4o", ProviderBusy, seconds).sentence


def test_milliseconds_win_over_seconds() -> None:
    assert retry_after({"retry-after-ms": "1500", "retry-after": "9"}) == 1.5
    assert retry_after({"retry-after-ms": "soon", "retry-after": "9"}) == 9


def test_a_date_far_away_is_a_day() -> None:
    far = formatdate(time.time() + 10_000_000, usegmt=True)
    assert retry_after({"retry-after": far}) == 86_400


@given(st.text())
def test_any_header_is_a_time_or_nothing(text: str) -> None:
    seconds = retry_after({"retry-after": text})
    assert seconds is None or 0 <= seconds <= 86_400


# ---- events --------------------------------------------------------------------------------------------------------


async def read(*pieces: bytes) -> list[Event | None]:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return [event async for event in events(body())]


STREAM = 'data: {"a": "é"}\n\n: comment\r\n\r\nevent: x\ndata:{"b":\ndata: 2}\n\ndata: [DONE]\n\n'.encode()


@given(st.sets(st.integers(0, len(STREAM))))
async def test_a_stream_means_the_same_wherever_it_is_cut(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(edges)]
    assert await read(*pieces) == [{"a": "é"}, {"b": 2}, None]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
async def test_lines_may_end_in_each_of_the_three_ways(end: bytes) -> None:
    """ "... separated by either a U+000D CARRIAGE RETURN U+000A LINE FEED (CRLF) character pair, a single U+000A LINE
    FEED (LF) character, or a single U+000D CARRIAGE RETURN (CR) character" (HTML, 9.2.5)."""
    stream = end.join([b'data: {"a":', b"data: 1}", b"", b": and", b'data: {"b": 2}', b"", b""])
    whole = [{"a": 1}, {"b": 2}]
    assert await read(stream) == whole
    assert await read(*(stream[at : at + 1] for at in range(len(stream)))) == whole
    for at in range(len(stream)):
        assert await read(stream[:at], b"", stream[at:]) == whole


async def test_an_event_is_there_as_soon_as_its_empty_line_is() -> None:
    """With CR alone too: nobody waits for a LF that may never come."""
    told: list[str] = []

    async def body() -> AsyncIterator[bytes]:
        for end in (b"\r", b"\r\n", b"\n"):
            yield b'data: {"a": 1}' + end + end
            told.append("next")

    async for event in events(body()):
        assert event == {"a": 1}
        told.append("event")
    assert told == ["event", "next"] * 3


async def test_the_last_event_needs_no_empty_line() -> None:
    assert await read(b'data: {"a": 1}') == [{"a": 1}]


@pytest.mark.parametrize(
    "data", [b"data: {", b"data: 3", b"data: null", b"data: \xff", b"data: " + b"[" * 100_000]
)
async def test_what_is_no_object_is_broken(data: bytes) -> None:
    with pytest.raises(BrokenEvent):
        await read(data + b"\n\n")


async def test_a_page_has_no_events() -> None:
    assert await read(b"<html>\n<body>\n\n</html>") == []


async def test_a_long_line_in_small_pieces_is_read_in_linear_time() -> None:
    piece = b"x" * 1_000
    began = time.process_time()
    found = await read(b'data: {"a": "', *[piece] * 5_000, b'"}\n\n')
    assert found == [{"a": "x" * 5_000_000}]
    assert time.process_time() - began < 2
