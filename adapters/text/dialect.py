"""What a platform must say about its own syntax so that the shared code can write for it."""

from collections.abc import Sequence
from typing import Protocol

from adapters.text.links import Target


class TableSize(Protocol):
    """What a table costs as it is."""

    @property
    def total(self) -> int: ...

    def after(self, row: str) -> "TableSize":
        """The same with one more row."""
        ...


class Dialect(Protocol):
    """Every method gets source as the model typed it and gives what may be sent.

    Costs bound the length of what will be sent from above, and a longer source never costs less:
    that makes a split stay where it is while the text grows.
    """

    one_table: bool  # a message holds at most one

    def cost(self, source: str) -> int: ...

    def code_cost(self, source: str) -> int: ...

    def indented_cost(self, source: str) -> int: ...

    def table_size(self, head: tuple[str, str], lead: str) -> "TableSize":
        """What a table costs that has no row yet."""
        ...

    def text(self, source: str, *, label: bool) -> str: ...

    def escaped(self, character: str) -> str:
        """A character that the model protected with a backslash."""
        ...

    def code(self, source: str) -> str:
        """Inline code with its marks."""
        ...

    def opening(self, source: str) -> str:
        """A fence's first line, its marker and its language."""
        ...

    def fenced(self, source: str, markup: str) -> str:
        """A line inside a fence that was opened with this marker."""
        ...

    def indented(self, source: str) -> str: ...

    def link(self, label: str, plain: str, target: Target) -> str: ...

    def autolink(self, typed: str, target: Target) -> str: ...

    def image(self, alt: str, plain: str, target: Target) -> str: ...

    def table(self, head: tuple[str, str], rows: Sequence[str], lead: str) -> str: ...

    def loose_row(self, head: tuple[str, str], row: str) -> str:
        """A row that no message can hold as a row, as text."""
        ...

    def line(self, lead: str, drawn: str) -> str:
        """A drawn line of text behind its marks; the place for what counts at a line's start."""
        ...

    def inert(self, message: str) -> str | None:
        """The message if nothing in it is alive, mended where that is simple; else None."""
        ...
