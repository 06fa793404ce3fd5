"""A Prompt becomes the body of a chat.completions request that the model's and the provider's tables allow."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import Any

from bot.model_specs import ModelSpec, ProviderSpec
from bot.types import ChatMessage, ImagePart, Prompt, TextPart

MOST_IDENTIFIER = (
    128  # characters of `safety_identifier` and `prompt_cache_key`; OpenAI refuses more
)
EMPTY = "(no text)"  # several providers refuse a message without content

Content = list[dict[str, Any]]


def body(spec: ModelSpec, provider: ProviderSpec, prompt: Prompt) -> dict[str, Any]:
    """The request. What the provider does not take or the model refuses is left out."""
    allowed = provider.accepts - spec.refuses
    wanted: dict[str, Any] = {
        "reasoning_effort": spec.effort,
        "safety_identifier": prompt.user[:MOST_IDENTIFIER] or None,
        "prompt_cache_key": prompt.cache_key[:MOST_IDENTIFIER] or None,
        "store": False,
    }
    request: dict[str, Any] = {
        "model": spec.id,
        "messages": messages(prompt, spec),
        "stream": True,
        **{name: value for name, value in wanted.items() if name in allowed and value is not None},
    }
    if "stream_options" in allowed:
        request["stream_options"] = {"include_usage": True}
        if "include_obfuscation" in allowed:
            request["stream_options"]["include_obfuscation"] = False
    if provider.output_limit not in spec.refuses:
        request[provider.output_limit] = spec.output_limit
    return request


def messages(prompt: Prompt, spec: ModelSpec) -> list[dict[str, Any]]:
    """The system's words first and once, then person and model in turns, the person last; nothing empty."""
    system = "\n\n".join(m.text for m in prompt.messages if m.role == "system" and m.text)
    sent: list[dict[str, Any]] = []
    if system:
        sent.append({"role": "system", "content": _clean(system)})
    for role, group in _turns(prompt.messages):
        content = _joined([part for m in group for part in _content(m, prompt, spec)])
        sent.append({"role": role, "content": content})
    return sent


def _turns(said: Sequence[ChatMessage]) -> Iterator[tuple[str, list[ChatMessage]]]:
    """Neighbours of one role together, beginning with a person: strict providers refuse anything else."""
    group: list[ChatMessage] = []
    for message in said:
        if message.role == "system" or (not group and message.role == "assistant"):
            continue
        if group and group[-1].role != message.role:
            yield group[-1].role, group
            group = []
        group.append(message)
    if group:
        yield group[-1].role, group


def _content(message: ChatMessage, prompt: Prompt, spec: ModelSpec) -> Content:
    return [
        {"type": "text", "text": _clean(part.text)}
        if isinstance(part, TextPart)
        else _image(part, prompt, spec)
        for part in message.parts
        if not isinstance(part, TextPart) or part.text.strip()
    ]


def _image(part: ImagePart, prompt: Prompt, spec: ModelSpec) -> dict[str, Any]:
    """A data URL of the bytes that we cleaned, or words where the model cannot have them."""
    name = f" {part.name}" if part.name else ""
    data = prompt.blobs.get(part.blob)
    if not spec.sees:
        return {
            "type": "text",
            "text": _clean(f"⟦The image{name} is not shown: you see no images.⟧"),
        }
    if data is None:
        return {"type": "text", "text": _clean(f"⟦The image{name} is not kept any more.⟧")}
    encoded = base64.b64encode(data).decode("ascii")
    return {"type": "image_url", "image_url": {"url": f"data:{part.mime};base64,{encoded}"}}


def _joined(content: Content) -> str | Content:
    """One text where there is nothing else: not every server knows parts."""
    if not content:
        return EMPTY
    if all(part["type"] == "text" for part in content):
        return "\n".join(part["text"] for part in content)
    return content


def _clean(text: str) -> str:
    """Half a surrogate pair is no text to any server."""
    return text.encode("utf-8", "replace").decode("utf-8")
