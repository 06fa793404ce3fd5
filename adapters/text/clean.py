"""Raw text loses what no platform should be sent: controls, lone surrogates, odd line ends."""

import re

# What is put between two characters so that together they mean nothing to a platform. It has no
# width, joins words (no line break appears), and interface.md names it as ours to remove.
JOINER = "\u2060"

_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")
# Embeddings, overrides and isolates reorder what a reader sees; plain direction marks stay,
# right-to-left text needs them.
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    r"""The text with \n as its only line end and nothing that could make a send fail."""
    if _SURROGATE.search(text):
        # Two halves that arrived in two deltas become one character; a lone half is dropped.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", text)


def without_bidi(text: str) -> str:
    """The text without characters that reorder what is read; for everything outside code."""
    return text if text.isascii() else _BIDI.sub("", text)


def units(text: str) -> int:
    """Length in UTF-16 units, the larger of the two ways in which platforms may count."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
