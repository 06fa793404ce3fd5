"""What was measured becomes docs/benchmarks.md: each command owns a part of the page and leaves the others alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
OPEN, CLOSE = "<!-- {} -->", "<!-- end of {} -->"


def write(command: str, text: str, page: Path = PAGE) -> None:
    """Put the text in the place of what this command wrote before; its first run appends a part."""
    known = page.read_text("utf-8") if page.exists() else ""
    opened, closed = OPEN.format(command), CLOSE.format(command)
    part = f"{opened}\n{text.strip()}\n{closed}"
    before = re.compile(re.escape(opened) + ".*?" + re.escape(closed), re.DOTALL)
    if not before.search(known):
        known = f"{known.rstrip()}\n\n{part}\n".lstrip()
    page.write_text(before.sub(lambda _: part, known), "utf-8")


def chapter(title: str, words: str, tables: Sequence[str]) -> str:
    """A heading, what it is about, and its tables."""
    return "\n\n".join([f"### {title}", *([words] if words else []), *tables])
