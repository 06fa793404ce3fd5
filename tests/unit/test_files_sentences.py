"""The name of a file in a sentence is one short line without anything unseen."""

import pytest

from adapters.files.sentences import Unfit, rejected


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat.png", "cat.png"),
        ("two\nlines\tand a tab.png", "two lines and a tab.png"),
        ("\u202egnp.exe\u2066\u200f\ufeff", "gnp.exe"),
        ("  a \u2028 b\x1b[31m  ", "a b[31m"),
        ("\ud800\x00", "the file"),
        ("", "the file"),
        ("猫の写真.png", "猫の写真.png"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
    ],
)
def test_a_name_is_shown_without_what_cannot_be_seen(name: str, shown: str) -> None:
    assert rejected(name, "is empty").sentence == f"“{shown}” is empty."


def test_a_rejection_names_the_file_and_the_reason() -> None:
    assert rejected("a.png", "is empty").sentence == "“a.png” is empty."
    assert Unfit("is empty").about("\u202ea.png").sentence == "“a.png” is empty."
