"""docs/behaviours.md names tests that exist, and leaves no behaviour without one."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "behaviours.md").read_text("utf-8")
LATER = r"\*later\*,? \S"  # with a reason
NAMED = re.compile(r"`([\w/]+\.py)(?:::(?:\w+::)?(test_\w+))`")


def behaviours() -> list[str]:
    """Each line of a section with the lines that continue it; the introduction explains with a sample."""
    sections = PAGE.partition("\n## ")[2]
    return re.findall(r"^(?:-|\d+\.) .*(?:\n[ \t]+\S.*)*", sections, re.MULTILINE)


def defined(file: str, test: str) -> bool:
    """Whether exactly one file of that name, which may say its folder or not, has such a test."""
    parts = Path(file.removeprefix("tests/")).parts
    found = [path for path in TESTS.rglob(parts[-1]) if path.parts[-len(parts) :] == parts]
    wanted = rf"^ *(async )?def {test}\("
    return len(found) == 1 and bool(re.search(wanted, found[0].read_text("utf-8"), re.MULTILINE))


def test_every_behaviour_has_a_test_or_is_for_later() -> None:
    bare = [b for b in behaviours() if not NAMED.search(b) and not re.search(LATER, b)]
    assert bare == []


def test_every_test_that_is_named_exists() -> None:
    named = sorted(set(NAMED.findall("\n".join(behaviours()))))
    assert [f"{file}::{test}" for file, test in named if not defined(file, test)] == []
