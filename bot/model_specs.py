"""What the catalog knows of one model and of one provider: values, each the form of a table in `models.toml`.

Nothing here or elsewhere decides by a model's name: what a model can do, costs and refuses is in its table.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

Input = Literal["text", "image", "audio", "file"]
Tokens = Annotated[int, Field(ge=1, le=100_000_000)]
Seconds = Annotated[float, Field(gt=0, le=600)]  # a worker holds a conversation for 900 s
Dollars = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens. `cached` is None where the provider has no price for cached input."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    input: Dollars
    output: Dollars
    cached: Dollars | None = None

    def __str__(self) -> str:
        if not self.input and not self.output:
            return "free"
        return f"{_dollars(self.input)}/{_dollars(self.output)} per M"


@dataclass(frozen=True, slots=True)
class ImageCost:
    """What an image costs: fitted into a square of `fit` px, then its short side to `short` px (0: no such step),
    `base` tokens and `each` for every tile of `size` px, of which `most` count (0: all)."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    base: Annotated[int, Field(ge=0)] = 0
    each: Annotated[float, Field(ge=0)] = 0
    size: Annotated[int, Field(ge=1)] = 512
    fit: Annotated[int, Field(ge=0)] = 0
    short: Annotated[int, Field(ge=0)] = 0
    most: Annotated[int, Field(ge=0)] = 0


# Where a table says nothing: GPT-4o's rule, near enough to most for a budget.
TILES = ImageCost(base=85, each=170, size=512, fit=2048, short=768)


@dataclass(frozen=True, slots=True)
class ProviderSpec:
    """Where models are answered, and which optional parameters the place takes."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    name: str
    base_url: Name
    wire: Name = "openai"  # an entry point of the group `switchboard.providers`
    api_key_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    accepts: frozenset[str] = frozenset({"stream_options"})
    output_limit: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    allow_insecure: bool = False  # plain http to another machine


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model. Tokens and seconds are plain numbers; a date is the first day without it."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    alias: str
    provider: Name
    id: Name
    context: Tokens  # the largest input
    max_output: Tokens
    inputs: frozenset[Input] = frozenset({"text"})
    title: Name | None = None
    also: tuple[Name, ...] = ()  # other words that people type for it
    price: Price | None = None  # None: unknown
    shutdown: date | None = None
    successor: str | None = None
    fallback: tuple[str, ...] = ()
    refuses: frozenset[str] = (
        frozenset()
    )  # parameters that the provider takes and this model does not
    effort: Name | None = None  # reasoning_effort; None: not sent
    answer_tokens: Tokens = 8192  # the limit of one answer, its reasoning included
    image: ImageCost = field(default=TILES)
    max_images: Annotated[int, Field(ge=0, le=1000)] = 20  # in one request
    first_token: Seconds = 20
    silence: Seconds = 15
    answer_seconds: Seconds = 120

    @property
    def sees(self) -> bool:
        return "image" in self.inputs

    @property
    def output_limit(self) -> int:
        """Tokens that one answer may have; room for the question is left in a small window."""
        return max(1, min(self.answer_tokens, self.max_output, self.context // 2))

    @property
    def label(self) -> str:
        """One line for a list to choose from: `GPT-4o · image · 128k · $2.50/$10 per M`."""
        price = str(self.price) if self.price else "price unknown"
        parts = [self.title or self.alias, *(["image"] if self.sees else []), window(self.context)]
        return " · ".join([*parts, price])

    def gone(self, today: date) -> bool:
        return self.shutdown is not None and self.shutdown <= today


def window(tokens: int) -> str:
    """128000 as `128k`, a million as `1M`."""
    if tokens >= 1_000_000:
        return f"{tokens / 1_000_000:.2f}".rstrip("0").rstrip(".") + "M"
    return f"{tokens // 1000}k" if tokens >= 1000 else str(tokens)


def _dollars(amount: float) -> str:
    if amount == int(amount):
        return f"${amount:.0f}"
    return f"${amount:.2f}" if round(amount, 2) == amount else f"${amount:g}"
