"""A text's grapheme clusters: what a reader takes for one sign and no cut may part."""

from collections.abc import Iterator

import regex  # type: ignore[import-untyped]  # the package has no type information

# A cluster is looked for this far back (in characters); longer ones are cut.
LONGEST = 200


def clusters(text: str) -> Iterator[str]:
    """The clusters of a text, in order."""
    return (found.group() for found in regex.finditer(r"\X", text))


def boundary(text: str, end: int) -> int:
    """The last place between two clusters up to this one; looks at one character beyond it."""
    if text[: end + 1].isascii():
        return end
    start = at = max(0, end - LONGEST)
    for cluster in clusters(text[start : end + 1]):
        if at + len(cluster) > end:
            break
        at += len(cluster)
    return at if at > start else end
