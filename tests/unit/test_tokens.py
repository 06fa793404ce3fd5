"""Tokens are estimated without a tokenizer, in linear time, and corrected by what providers count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model_specs import ImageCost
from bot.models import Catalog
from bot.types import ChatMessage, ImagePart, TextPart, Usage
from workers import tokens
from workers.tokens import Calibration

CATALOG = Catalog.load(None)


def characters(text: str) -> float:
    """The same estimate, one character at a time."""
    weights = ((0x80, 0.25), (0x800, 0.5), (0x10000, 1.0), (0x110000, 2.5))
    return 1.2 * sum(next(w for end, w in weights if ord(c) < end) for c in text)


@given(st.text())
def test_every_character_counts_by_its_kind(text: str) -> None:
    assert characters(text) <= tokens.of_text(text) < characters(text) + 1.001


def test_nothing_costs_nothing() -> None:
    assert tokens.of_text("") == 0


def test_half_an_emoji_can_be_counted() -> None:
    assert tokens.of_text("\ud83d") > 0


@pytest.mark.parametrize("unit", ["a", "漢", "👩‍👩‍👧", " ", "é", "\ud800"])
def test_millions_of_characters_can_be_counted(unit: str) -> None:
    """Where counting were quadratic, as with a tokenizer on a run of one character, this would never end."""
    text = unit * (3_000_000 // len(unit))
    assert tokens.of_text(text) > 0


@pytest.mark.parametrize(
    ("alias", "size", "cost"),
    [  # the providers' published figures
        ("gpt-4o", (1024, 1024), 765),
        ("gpt-4o", (1920, 1080), 1105),
        ("gpt-4o", (4000, 3000), 765),
        ("gpt-4o", (512, 512), 255),
        ("gpt-4o-mini", (4000, 3000), 25501),
        ("gpt-4.1-mini", (4000, 3000), 2489),
        ("gemini", (768, 768), 258),
        ("local-gemma", (4000, 3000), 256),
    ],
)
def test_a_picture_costs_what_the_rule_says(alias: str, size: tuple[int, int], cost: int) -> None:
    assert tokens.of_image(*size, CATALOG.find(alias).image) == cost


def test_claude_counts_pixels() -> None:
    image = CATALOG.find("claude").image
    assert tokens.of_image(1000, 1000, image) == pytest.approx(1000 * 1000 / 750, rel=0.05)
    assert tokens.of_image(3000, 2000, image) == pytest.approx(1568 * 1045 / 750, rel=0.05)


@given(st.integers(-5, 100_000), st.integers(-5, 100_000))
def test_a_picture_of_any_size_can_be_counted(width: int, height: int) -> None:
    assert 0 < tokens.of_image(width, height, ImageCost(1, 2, 32, 2048, 768, 1536)) <= 1 + 2 * 1536


def test_a_picture_costs_a_blind_model_only_its_name() -> None:
    picture = ImagePart("ab" * 32, "image/png", 4000, 3000, "chart.png")
    message = ChatMessage("user", (TextPart("What is it?"), picture))
    words = tokens.of_message(
        ChatMessage("user", (TextPart("What is it?"),)), CATALOG.find("gpt-4o")
    )
    assert tokens.of_message(message, CATALOG.find("gpt-4o")) == words + 765
    assert words < tokens.of_message(message, CATALOG.find("deepseek")) < words + 20
    assert tokens.of_messages([message, message], CATALOG.find("gpt-4o")) == 2 * (words + 765)


def test_a_calibration_comes_near_to_what_the_provider_counts() -> None:
    calibration = Calibration()
    for _ in range(30):
        calibration = calibration.after(1000, Usage(input=1500, output=9))
    assert calibration.ratio == pytest.approx(1.5, abs=0.01)
    assert calibration.apply(1000) == pytest.approx(1500, abs=10)


def test_one_odd_answer_moves_a_calibration_little() -> None:
    assert Calibration().after(10, Usage(input=1_000_000)).ratio == pytest.approx(1.6)
    assert Calibration().after(1_000_000, Usage(input=1)).ratio == pytest.approx(0.85)


@pytest.mark.parametrize(
    ("estimated", "usage"),
    [(100, Usage()), (100, Usage(input=50, estimated=True)), (0, Usage(input=50))],
)
def test_what_nobody_counted_teaches_nothing(estimated: int, usage: Usage) -> None:
    assert Calibration(1.2).after(estimated, usage) == Calibration(1.2)
