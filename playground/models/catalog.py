"""A model id becomes the facts that the server checks a request against, or nothing."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import Literal

Dialect = Literal["openai", "llama.cpp"]  # whose words refusals are in


@dataclass(frozen=True, slots=True)
class Family:
    """What the models of one family take and refuse.

    `reasons` means that `max_tokens` is refused, and sampling parameters too while the model reasons; `efforts` that
    `reasoning_effort` is known at all; `turns` that person and model must take turns, the system first. `tiles` is how
    an image is billed: tokens for it, and for each 512-pixel tile.
    """

    owner: str
    context: int = 128_000  # tokens
    max_output: int = 16_384  # tokens
    sees: bool = True
    hears: bool = False
    reasons: bool = False
    efforts: bool = False
    breakpoints: bool = False  # `prompt_cache_breakpoint` in a part: OpenAI's 5.6 and later
    tiles: tuple[int, int] = (85, 170)
    turns: bool = False
    dialect: Dialect = "openai"
    shutdown: str | None = None


_GPT4 = Family("openai")
_REASONING = replace(_GPT4, context=400_000, max_output=128_000, reasons=True, efforts=True)
_GPT6 = replace(_REASONING, context=922_000, breakpoints=True)
_CLAUDE = Family("anthropic", context=1_000_000, max_output=64_000, efforts=True)
_GEMINI = Family("google", context=1_049_000, max_output=65_536, hears=True, efforts=True)
_TEXT = Family("community", context=131_072, max_output=32_768, sees=False, efforts=True)

GONE = "2027-01-14"  # the announced end of GPT-4o and its kin

# Exact ids, as /v1/models lists them.
_LISTED: dict[str, Family] = {
    "gpt-4o": replace(_GPT4, shutdown=GONE),
    "gpt-4o-2024-08-06": replace(_GPT4, shutdown=GONE),
    "gpt-4o-2024-11-20": replace(_GPT4, shutdown=GONE),
    "gpt-4o-mini": replace(_GPT4, tiles=(2_833, 5_667), shutdown=GONE),
    "gpt-4.1": replace(_GPT4, context=1_047_576, max_output=32_768, shutdown=GONE),
    "gpt-4.1-mini": replace(_GPT4, context=1_047_576, max_output=32_768, shutdown=GONE),
    "gpt-5": replace(_REASONING, shutdown="2026-12-11"),
    "gpt-5-mini": replace(_REASONING, shutdown="2026-12-11"),
    "gpt-5-nano": replace(_REASONING, shutdown="2026-12-11"),
    "o3": replace(_REASONING, context=200_000, max_output=100_000, shutdown="2026-12-11"),
    "gpt-5.1": replace(_REASONING, shutdown="2027-04-01"),
    "gpt-5.2": _REASONING,
    "gpt-5.4": _REASONING,
    "gpt-5.4-mini": _REASONING,
    "gpt-5.4-nano": replace(_REASONING, shutdown="2027-04-01"),
    "gpt-5.5": replace(_REASONING, context=1_050_000),
    "gpt-5.6-luna": _GPT6,
    "gpt-5.6-terra": _GPT6,
    "gpt-5.6-sol": _GPT6,
    "gpt-6-luna": _GPT6,
    "gpt-6-sol": _GPT6,
    "gpt-6-astra": _GPT6,
    "gpt-6.1-sol": _GPT6,
    "gpt-6.1-terra": _GPT6,
    "gpt-6.2-sol": _GPT6,
    "gpt-6.2-astra": _GPT6,
    "claude-haiku-5-5": _CLAUDE,
    "claude-sonnet-5-5": _CLAUDE,
    "claude-opus-5-5": _CLAUDE,
    "gemini-3.5-flash-lite": _GEMINI,
    "gemini-3.8-flash": _GEMINI,
    "gemini-4-argon": _GEMINI,
    "grok-4.7": Family("xai", context=500_000, max_output=64_000, efforts=True),
    "mistral-large-4": Family("mistral", context=1_049_000, max_output=64_000, turns=True),
    "deepseek-v4-flash": replace(_TEXT, owner="deepseek", context=1_000_000),
    "deepseek-v4-pro": replace(_TEXT, owner="deepseek", context=1_000_000),
    "openai/gpt-oss-120b": replace(_TEXT, owner="groq"),
}

# Ids that are not listed are known by how they begin; the first prefix that fits decides.
_PREFIXES: tuple[tuple[str, Family], ...] = (
    ("local-", replace(_TEXT, efforts=False, context=8_192, dialect="llama.cpp")),
    ("gpt-oss", replace(_TEXT, owner="openai")),
    ("gpt-4o-", _GPT4),
    ("gpt-4.1-", _GPT4),
    ("gpt-5", _REASONING),
    ("gpt-6", _GPT6),
    ("claude-", _CLAUDE),
    ("gemini-", _GEMINI),
    ("gemma", replace(_TEXT, owner="google", sees=True, turns=True)),
    ("grok-", Family("xai", context=500_000, max_output=64_000, efforts=True)),
    ("mistral-", Family("mistral", context=256_000, max_output=64_000, turns=True)),
    ("mistral", replace(_TEXT, owner="mistral")),
    ("ministral", replace(_TEXT, owner="mistral")),
    ("codestral", replace(_TEXT, owner="mistral")),
    ("deepseek", replace(_TEXT, owner="deepseek")),
    ("llama3.2-vision", replace(_TEXT, owner="meta", sees=True)),
    ("llama-4", replace(_TEXT, owner="meta", sees=True)),
    ("llama4", replace(_TEXT, owner="meta", sees=True)),
    ("llava", replace(_TEXT, owner="community", sees=True)),
    ("llama", replace(_TEXT, owner="meta")),
    ("qwen3-vl", replace(_TEXT, owner="qwen", sees=True)),
    ("qwen", replace(_TEXT, owner="qwen")),
    ("phi", replace(_TEXT, owner="microsoft")),
    ("kimi", replace(_TEXT, owner="moonshot")),
    ("glm", replace(_TEXT, owner="zhipu")),
    ("openai/", replace(_TEXT, owner="openai")),
    ("meta-llama/", replace(_TEXT, owner="meta")),
    ("qwen/", replace(_TEXT, owner="qwen")),
    ("moonshotai/", replace(_TEXT, owner="moonshot")),
)

# Shut down before the day this list was made (2026-11-22): not found, whatever prefix fits. A fixed list, so that no
# answer depends on today's date.
RETIRED: frozenset[str] = frozenset(
    {
        "gpt-4o-2024-05-13",
        "gpt-4-turbo",
        "gpt-4-turbo-2024-04-09",
        "gpt-4",
        "gpt-4-0613",
        "gpt-3.5-turbo",
        "gpt-3.5-turbo-0125",
        "gpt-4.1-nano",
        "gpt-4.5-preview",
        "o1",
        "o1-mini",
        "o1-preview",
        "o3-mini",
        "o4-mini",
        "gpt-4o-audio-preview",
        "gpt-4o-mini-audio-preview",
        "chatgpt-4o-latest",
        "gpt-5-chat-latest",
        "gpt-5.1-codex",
        "gpt-5.1-mini",
        "gpt-5.1-chat-latest",
        "gpt-5.2-chat-latest",
        "gpt-5.3-chat-latest",
    }
)


class Catalog:
    """The ids that a server answers to: `known` alone, or else what is listed and what a prefix covers."""

    def __init__(self, known: Set[str] | None = None) -> None:
        self._known = known
        self._retired: set[str] = set(RETIRED)

    def retire(self, model: str) -> None:
        """From now on this id is not found, like one past its shutdown date."""
        self._retired.add(model)

    def find(self, model: str) -> Family | None:
        if self._known is not None:
            allowed = model in self._known
            return (_family(model) or _GPT4) if allowed and model not in self._retired else None
        return None if model in self._retired else _family(model)

    def listed(self) -> dict[str, Family]:
        ids = _LISTED if self._known is None else sorted(self._known)
        return {id_: found for id_ in ids if (found := self.find(id_)) is not None}


def _family(model: str) -> Family | None:
    if model in _LISTED:
        return _LISTED[model]
    lowered = model.lower()
    return next((family for prefix, family in _PREFIXES if lowered.startswith(prefix)), None)
