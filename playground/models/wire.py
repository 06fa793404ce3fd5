"""Pieces of an answer become the bytes of a stream, or of one body, as OpenAI writes them."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from playground.models.requests import PER_MESSAGE, ChatRequest, count

DONE = b"data: [DONE]\n\n"
CACHE_FROM = 1_024  # tokens; shorter prefixes are not cached
CACHE_STEP = 128  # tokens; cached prefixes are counted in these
CACHE_ENTRIES = 4_096  # prefixes remembered
THOUGHT = 64  # tokens of reasoning that an answer costs while reasoning is on


@dataclass(slots=True)
class Writer:
    """The chunks of one answer: everything that stays the same is written once."""

    model: str
    include_usage: bool
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_urlsafe(20)}")
    created: int = field(default_factory=lambda: int(time.time()))
    _head: bytes = b""
    _tail: bytes = b""

    def __post_init__(self) -> None:
        base = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "service_tier": "default",
            "system_fingerprint": "fp_scripted",
        }
        self._head = b"data: " + orjson.dumps(base)[:-1]
        # OpenAI writes `usage: null` on every chunk but the last one if usage was asked for.
        self._tail = b',"usage":null}\n\n' if self.include_usage else b"}\n\n"

    def opening(self) -> bytes:
        return self._chunk({"role": "assistant", "content": "", "refusal": None}, None)

    def text(self, piece: str) -> bytes:
        inner = b'[{"index":0,"delta":{"content":' + orjson.dumps(piece)
        return self._with(inner + b'},"logprobs":null,"finish_reason":null}]')

    def finish(self, reason: str) -> bytes:
        return self._chunk({}, reason)

    def usage(self, usage: dict[str, Any]) -> bytes:
        return self._head + b',"choices":[],"usage":' + orjson.dumps(usage) + b"}\n\n"

    def whole(self, text: str, reason: str, usage: dict[str, Any] | None) -> bytes:
        """The body of an answer that was not asked to stream."""
        body: dict[str, Any] = {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": text,
                        "refusal": None,
                        "annotations": [],
                    },
                    "logprobs": None,
                    "finish_reason": reason,
                }
            ],
            "service_tier": "default",
            "system_fingerprint": "fp_scripted",
        }
        if usage is not None:
            body["usage"] = usage
        return orjson.dumps(body)

    def _chunk(self, delta: dict[str, Any], reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return self._with(orjson.dumps([choice]))

    def _with(self, choices: bytes) -> bytes:
        return self._head + b',"choices":' + choices + self._tail


class PromptCache:
    """Prefixes of messages seen before: what providers bill as cached input."""

    def __init__(self) -> None:
        self._seen: OrderedDict[bytes, None] = OrderedDict()

    def cached(self, request: ChatRequest) -> int:
        """Tokens at the beginning of this request that an earlier one began with too."""
        if request.tokens < CACHE_FROM:
            return 0
        digest = blake2b(request.model.encode(), digest_size=16)
        tokens = longest = 0
        for message in request.said:
            digest.update(f"\0{message.role}\0{message.text}\0".encode())
            for picture in message.pictures:
                digest.update(picture.data)
                tokens += picture.tokens(request.family.tiles)
            tokens += count(message.text) + PER_MESSAGE
            key = digest.digest()
            if key in self._seen:
                longest = tokens
            self._seen[key] = None
            self._seen.move_to_end(key)
        while len(self._seen) > CACHE_ENTRIES:
            self._seen.popitem(last=False)
        return longest // CACHE_STEP * CACHE_STEP if longest >= CACHE_FROM else 0


def usage(request: ChatRequest, said: int, cached: int) -> dict[str, Any]:
    """The usage of one answer whose text had `said` tokens."""
    thought = THOUGHT if request.family.reasons and request.effort != "none" else 0
    prompt = request.tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": said + thought,
        "total_tokens": prompt + said + thought,
        "prompt_tokens_details": {
            "cached_tokens": cached,
            "audio_tokens": 0,
            "image_tokens": request.image_tokens,
        },
        "completion_tokens_details": {
            "reasoning_tokens": thought,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
