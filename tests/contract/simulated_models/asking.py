"""Requests to the scripted model server through the real openai package, and what comes back."""

import base64
import io
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from PIL import Image


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
