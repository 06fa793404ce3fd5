"""Words and pictures become a number of tokens: estimated, then corrected by what providers counted.

No tokenizer: the exact ones are right for one family of models, and fetch their tables from the network.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from bot.model_specs import ImageCost, ModelSpec
from bot.types import ChatMessage, TextPart, Usage

MARGIN = 1.2  # estimates err on the dear side
PER_ASCII = 0.25  # tokens per character: the usual four characters of English
PER_LETTER = 0.5  # accented Latin, Greek, Cyrillic, Hebrew, Arabic: two bytes in UTF-8
PER_SIGN = 1.0  # Chinese, Japanese, Korean, the scripts of India: three bytes
PER_EMOJI = 2.5  # emoji and rare signs: four bytes
PER_MESSAGE = 4  # roles and separators

WEIGHT = 0.2  # of the newest answer in the moving average
NARROWEST, WIDEST = 0.25, 4.0  # a ratio beyond these is a provider's oddity, not a tokenizer's


def of_text(text: str) -> int:
    """Tokens of a text, in time linear in its length whatever it holds."""
    if not text:
        return 0
    total = len(text)
    ascii_ = len(text.encode("ascii", "ignore"))
    bytes_ = len(text.encode("utf-8", "surrogatepass"))
    four = len(text.encode("utf-16-le", "surrogatepass")) // 2 - total  # outside the first plane
    three = bytes_ + ascii_ - 2 * total - 2 * four  # in UTF-8 the others take 1, 2 and 4 bytes
    two = total - ascii_ - three - four
    counted = ascii_ * PER_ASCII + two * PER_LETTER + three * PER_SIGN + four * PER_EMOJI
    return math.ceil(counted * MARGIN)


def of_image(width: int, height: int, cost: ImageCost) -> int:
    """Tokens of a picture by the model's rule of tiles."""
    wide, high = float(max(width, 1)), float(max(height, 1))
    if cost.fit:
        scale = min(1.0, cost.fit / max(wide, high))
        wide, high = wide * scale, high * scale
    if cost.short:
        scale = min(1.0, cost.short / min(wide, high))
        wide, high = wide * scale, high * scale
    tiles = math.ceil(round(wide) / cost.size) * math.ceil(round(high) / cost.size)
    if cost.most:
        tiles = min(tiles, cost.most)
    return cost.base + math.ceil(cost.each * tiles)


def of_message(message: ChatMessage, spec: ModelSpec) -> int:
    """Tokens of a message as this model would see it; pictures cost nothing where it sees none."""
    tokens = PER_MESSAGE
    for part in message.parts:
        if isinstance(part, TextPart):
            tokens += of_text(part.text)
        elif spec.sees:
            tokens += of_image(part.width, part.height, spec.image)
        else:
            tokens += of_text(part.name) + PER_MESSAGE
    return tokens


def of_messages(messages: Iterable[ChatMessage], spec: ModelSpec) -> int:
    """Tokens of a whole prompt."""
    return sum(of_message(message, spec) for message in messages)


@dataclass(frozen=True, slots=True)
class Calibration:
    """How an alias really counts: a moving average of counted to estimated tokens. Stored by whoever keeps it."""

    ratio: float = 1.0

    def after(self, estimated: int, usage: Usage) -> Calibration:
        """The value after one more answer; what the provider did not count teaches nothing."""
        if usage.estimated or usage.input <= 0 or estimated <= 0:
            return self
        seen = min(WIDEST, max(NARROWEST, usage.input / estimated))
        return Calibration(self.ratio + WEIGHT * (seen - self.ratio))

    def apply(self, estimated: int) -> int:
        return math.ceil(estimated * self.ratio)
