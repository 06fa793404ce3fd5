"""What every provider must do, told once: the real client against the scripted model server.

A wire's test module has a fixture `provider` for a client of `model_server`, and one line, `class TestChatCompletions
(ProviderContract): ...`; see `tests/contract/test_chat_completions.py`.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest

from bot.errors import (
    AnswerCut,
    BadImage,
    BadKey,
    ContextTooLong,
    ModelGone,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    Refused,
)
from bot.model_specs import ModelSpec
from bot.types import ChatMessage, Delta, ImagePart, Prompt, TextPart
from playground.models import ModelServer
from tests.pictures import png
from workers.providers import Provider

SPEC = ModelSpec(
    alias="gpt-4o",
    provider="openai",
    id="gpt-4o",
    context=128_000,
    max_output=16_384,
    inputs=frozenset({"text", "image"}),
)
# Each of them has one limit that is reached, on a busy machine too; the others are for ever.
LASTING = replace(SPEC, first_token=300, silence=300, answer_seconds=300)
QUICK = replace(LASTING, first_token=0.15)
WORDS = "what the question says"
PICTURE = png((40, 30), "teal")


def said(role: Any, *parts: str | ImagePart) -> ChatMessage:
    return ChatMessage(role, tuple(TextPart(p) if isinstance(p, str) else p for p in parts))


def asking(*messages: ChatMessage, **more: Any) -> Prompt:
    return Prompt(messages or (said("system", "Be kind."), said("user", WORDS)), **more)


def shown(data: bytes = PICTURE, *, kept: bool = True) -> Prompt:
    """A question with a picture."""
    name = hashlib.sha256(data).hexdigest()
    part = ImagePart(name, "image/png", 40, 30, "teal.png")
    question = said("user", "What colour is it?", part)
    return asking(question, blobs={name: data} if kept else {})


async def heard(provider: Provider, prompt: Prompt | None = None, spec: ModelSpec = SPEC) -> str:
    """The whole text; raises what the stream raises."""
    return "".join([d.text for d in await deltas(provider, prompt, spec)])


async def deltas(
    provider: Provider, prompt: Prompt | None = None, spec: ModelSpec = SPEC
) -> list[Delta]:
    return [delta async for delta in provider.stream(spec, prompt or asking())]


async def fault(
    provider: Provider, prompt: Prompt | None = None, spec: ModelSpec = SPEC
) -> tuple[str, ProviderError]:
    """What came before the error, and the error."""
    text = ""
    try:
        async for delta in provider.stream(spec, prompt or asking()):
            text += delta.text
    except ProviderError as error:
        return text, error
    raise AssertionError(f"no error, but {text!r}")


async def until(true: Callable[[], object], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


class ProviderContract:
    """Every test scripts the server's next answer and reads it through the client."""

    async def test_an_answer_streams_piece_by_piece(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        more = asyncio.Event()
        model_server.will_wait_for(more, after=1, say=["Hel", "lo"])
        async with aclosing(provider.stream(SPEC, asking())) as stream:
            assert (await anext(stream)).text == "Hel"
            assert model_server.in_flight == 1
            more.set()
            assert (await anext(stream)).text == "lo"
            assert (await anext(stream)).finish == "stop"

    async def test_the_last_delta_alone_carries_the_end_and_the_usage(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_say("one ", "two")
        *before, last = await deltas(provider)
        assert [d.text for d in before] == ["one ", "two"]
        assert all(d.finish is None and d.usage is None for d in before)
        assert last.text == ""
        assert last.finish == "stop"
        assert last.usage is not None
        assert not last.usage.estimated
        assert last.usage.input > 0
        assert last.usage.output > 0

    async def test_usage_is_estimated_where_the_provider_does_not_count(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_say("some words of an answer", usage=False)
        last = (await deltas(provider))[-1]
        assert last.usage is not None
        assert last.usage.estimated
        assert last.usage.input > 0
        assert last.usage.output > 0

    async def test_cached_tokens_are_told(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        long = asking(said("system", "rules " * 2000), said("user", "hello"))
        model_server.will_say("a")
        await heard(provider, long)
        model_server.will_say("b")
        last = (await deltas(provider, long))[-1]
        assert last.usage is not None
        assert last.usage.cached > 1000

    async def test_text_in_any_script_arrives_whole(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        words = (
            "Grüße, ",
            "你好, ",
            "שלום, ",
            "👩‍👩‍👧‍👦",
            "\u2028\n\r\n",
            "\\u0000 ⟦x⟧ data: [DONE]",
        )
        model_server.will_say(*words)
        assert await heard(provider) == "".join(words)

    async def test_a_picture_reaches_the_model_as_it_is(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_say("Teal.")
        await heard(provider, shown())
        request = model_server.requests[-1].request
        assert request is not None
        assert [p.data for p in request.pictures] == [PICTURE]

    async def test_a_picture_that_is_not_kept_any_more_becomes_words(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_say("Which?")
        assert await heard(provider, shown(kept=False)) == "Which?"
        assert "teal.png is not kept any more" in model_server.requests[-1].prompt

    async def test_a_model_that_sees_nothing_gets_the_words(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        blind = replace(SPEC, inputs=frozenset({"text"}))
        model_server.will_say("I cannot see it.")
        await heard(provider, shown(), blind)
        request = model_server.requests[-1].request
        assert request is not None
        assert not request.pictures
        assert "What colour is it?" in request.prompt
        assert "teal.png" in request.prompt

    async def test_a_stall_before_the_first_word_may_be_tried_again(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_wait_for(asyncio.Event(), after=0)
        text, error = await fault(provider, spec=QUICK)
        assert text == ""
        assert isinstance(error, ProviderDown)
        assert error.retryable
        await until(lambda: model_server.in_flight == 0)

    async def test_a_server_that_takes_the_question_and_says_nothing_is_a_stall(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_wait_for(asyncio.Event(), after=1, say=["", "never"])
        text, error = await fault(provider, spec=QUICK)
        assert (text, type(error)) == ("", ProviderDown)

    async def test_silence_in_mid_answer_cuts_it_and_keeps_what_came(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_wait_for(asyncio.Event(), after=3)
        text, error = await fault(provider, spec=replace(LASTING, silence=1.0))
        assert text == "One, two, three, "
        assert isinstance(error, AnswerCut)
        assert "nothing more came" in error.sentence
        await until(lambda: model_server.in_flight == 0)

    async def test_an_endless_drip_ends_at_the_deadline_of_the_whole_answer(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_say(*["drip "] * 1000, pace=0.02)
        text, error = await fault(provider, spec=replace(LASTING, answer_seconds=1.5))
        assert text.startswith("drip drip")
        assert isinstance(error, AnswerCut)
        assert "not complete after 1.5 s" in error.sentence

    @pytest.mark.parametrize(
        "script",
        ["will_cut", "will_reset", "will_send_broken_chunk", "will_send_error_in_stream"],
    )
    async def test_a_stream_that_breaks_is_cut_and_keeps_what_came(
        self, provider: Provider, model_server: ModelServer, script: str
    ) -> None:
        getattr(model_server, script)(after=2)
        text, error = await fault(provider)
        assert text == "One, two, "
        assert isinstance(error, AnswerCut)
        assert not error.retryable

    @pytest.mark.parametrize(
        "script",
        ["will_cut", "will_reset", "will_send_broken_chunk", "will_send_error_in_stream"],
    )
    async def test_a_stream_that_breaks_before_a_word_may_be_tried_again(
        self, provider: Provider, model_server: ModelServer, script: str
    ) -> None:
        getattr(model_server, script)(after=0)
        text, error = await fault(provider)
        assert (text, type(error)) == ("", ProviderDown)

    @pytest.mark.parametrize("script", ["will_send_nothing", "will_answer_html"])
    async def test_an_answer_that_is_none_is_a_failure(
        self, provider: Provider, model_server: ModelServer, script: str
    ) -> None:
        getattr(model_server, script)()
        text, error = await fault(provider)
        assert (text, type(error)) == ("", ProviderDown)
        assert "nginx" not in error.sentence

    async def test_an_empty_answer_is_a_failure(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_finish("stop")
        assert isinstance((await fault(provider))[1], ProviderDown)

    async def test_a_rate_limit_within_a_stream_is_one(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_send_error_in_stream("rate_limit_exceeded", after=0)
        assert isinstance((await fault(provider))[1], ProviderBusy)

    async def test_an_answer_at_its_limit_says_so(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_finish("length", "a long ", "story")
        last = (await deltas(provider))[-1]
        assert last.finish == "length"
        assert last.usage is not None

    async def test_thinking_that_eats_the_whole_answer_is_told(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_finish("length")
        text, error = await fault(provider)
        assert (text, type(error)) == ("", AnswerCut)
        assert "thinking" in error.sentence

    async def test_a_content_filter_is_a_refusal_also_in_mid_answer(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_finish("content_filter", "It is ")
        text, error = await fault(provider)
        assert (text, type(error)) == ("It is ", Refused)

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("7", 7),
            ("1.5", 1.5),
            ("0", 0),
            (None, None),
            ("-3", None),
            ("soon", None),
            ("nan", None),
            ("inf", None),
            ("99999999999", 86_400),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ],
    )
    async def test_too_many_requests_say_when_to_come_back(
        self,
        provider: Provider,
        model_server: ModelServer,
        header: str | None,
        seconds: float | None,
    ) -> None:
        model_server.will_refuse(429, "rate_limit_exceeded", retry_after=header)
        error = (await fault(provider))[1]
        assert isinstance(error, ProviderBusy)
        assert error.retry_after == seconds
        assert len(model_server.requests) == 1, "trying again is not the client's business"

    async def test_a_date_to_come_back_at_becomes_seconds(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_refuse(
            429, "rate_limit_exceeded", retry_after=formatdate(time.time() + 40, usegmt=True)
        )
        error = (await fault(provider))[1]
        assert isinstance(error, ProviderBusy)
        assert error.retry_after is not None
        assert 30 < error.retry_after <= 40

    @pytest.mark.parametrize(
        ("status", "code", "message", "error"),
        [
            (429, "insufficient_quota", "You exceeded your current quota.", BadKey),
            (402, None, "Insufficient Balance", BadKey),
            (403, None, "Country not supported", BadKey),
            (400, "context_length_exceeded", "maximum context length", ContextTooLong),
            (400, None, "prompt is too long: 210000 tokens > 200000 maximum", ContextTooLong),
            (400, "content_policy_violation", "Flagged.", Refused),
            (400, "invalid_image", "The image could not be decoded.", BadImage),
            (500, None, "image input is not supported", BadImage),
            (404, None, 'model "llama9" not found, try pulling it first', ModelGone),
            (400, "model_decommissioned", "The model has been decommissioned.", ModelGone),
            (410, None, "Gone", ModelGone),
            (500, "server_error", "The server had an error.", ProviderDown),
            (503, None, "Service unavailable", ProviderDown),
            (529, "overloaded_error", "Overloaded", ProviderBusy),
            (302, None, "Moved", ProviderDown),
        ],
    )
    async def test_a_refusal_is_told_apart_and_never_quoted(
        self,
        provider: Provider,
        model_server: ModelServer,
        status: int,
        code: str | None,
        message: str,
        error: type[ProviderError],
    ) -> None:
        model_server.will_refuse(status, code, f"{message} CANARY-7731", kind="error")
        found = (await fault(provider))[1]
        assert type(found) is error
        assert "CANARY" not in found.sentence
        assert "gpt-4o" in found.sentence
        assert len(model_server.requests) == 1

    async def test_a_bad_key_may_not_be_tried_again(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.api_key = "sk-another-key-than-ours"
        error = (await fault(provider))[1]
        assert isinstance(error, BadKey)
        assert not error.retryable

    async def test_a_model_that_is_gone_is_told(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.retire("gpt-4o")
        assert isinstance((await fault(provider))[1], ModelGone)

    @pytest.mark.parametrize(("id_", "words"), [("gpt-4o", 100_000), ("local-model", 12_000)])
    async def test_both_dialects_of_a_full_window_mean_the_same(
        self, provider: Provider, model_server: ModelServer, id_: str, words: int
    ) -> None:
        prompt = asking(said("user", "words " * words))
        error = (await fault(provider, prompt, replace(SPEC, id=id_)))[1]
        assert isinstance(error, ContextTooLong)

    async def test_a_server_that_is_not_there_may_be_tried_again(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        await model_server.stop()
        error = (await fault(provider))[1]
        assert isinstance(error, ProviderDown)

    async def test_closing_the_stream_ends_the_request_at_once(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.will_wait_for(asyncio.Event(), after=1)
        async with aclosing(provider.stream(SPEC, asking())) as stream:
            await anext(stream)
        await until(lambda: model_server.requests[-1].outcome == "abandoned")

    @pytest.mark.parametrize("after", [0, 1])
    async def test_cancelling_who_waits_ends_the_request_at_once(
        self, provider: Provider, model_server: ModelServer, after: int
    ) -> None:
        model_server.will_wait_for(asyncio.Event(), after=after)
        reader = asyncio.create_task(heard(provider))
        await until(lambda: model_server.in_flight == 1 and model_server.requests[-1].body)
        await until(lambda: model_server.requests[-1].chunks == after)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        await until(lambda: model_server.requests[-1].outcome == "abandoned")

    async def test_many_answers_at_once_do_not_mix(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        names = [f"name-{n:03}" for n in range(40)]
        for name in names:
            model_server.will_say(*f"{name} is yours".split(" "), when=name, pace=0.001)
        prompts = [asking(said("user", name)) for name in names]
        answers = await asyncio.gather(*(heard(provider, prompt) for prompt in prompts))
        assert answers == [f"{name}isyours" for name in names]

    async def test_what_the_provider_lists_is_known_with_its_dates(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        offered = await provider.offered()
        assert str(offered["gpt-4o"]) == "2027-01-14"
        assert offered["gpt-6-luna"] is None

    async def test_a_list_is_refused_with_a_bad_key(
        self, provider: Provider, model_server: ModelServer
    ) -> None:
        model_server.api_key = "sk-another-key-than-ours"
        with pytest.raises(BadKey):
            await provider.offered()
