"""A file's name and what is wrong with it become the sentence that its sender reads."""

import unicodedata

from bot.errors import AttachmentRejected

NAME_LENGTH = 60  # characters of a file's name in a sentence
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})  # control, bidi, surrogates, breaks


class Unfit(Exception):
    """What is wrong with some bytes, as the rest of a sentence that begins with the file's name."""

    def __init__(self, predicate: str) -> None:
        super().__init__(predicate)
        self.predicate = predicate

    def about(self, name: str) -> AttachmentRejected:
        return rejected(name, self.predicate)


def rejected(name: str, predicate: str) -> AttachmentRejected:
    """The error whose sentence says this of the file."""
    return AttachmentRejected(f"“{display_name(name)}” {predicate}.")


def display_name(name: str) -> str:
    """A file's name as a sentence may show it: one line without control or bidi characters, cut to 60 characters.

    The platform's renderer escapes it further; the name stays people's text.
    """
    seen = "".join(c for c in name if unicodedata.category(c) not in UNSEEN)
    shown = " ".join(seen.split())
    if len(shown) > NAME_LENGTH:
        shown = shown[: NAME_LENGTH - 1].rstrip() + "…"
    return shown or "the file"
