"""A file's name and what is wrong with it become the sentence that its sender reads."""

from bot.errors import AttachmentRejected
from bot.words import shown

NAMELESS = "the file"


class Unfit(Exception):
    """What is wrong with some bytes, as the rest of a sentence that begins with the file's name."""

    def __init__(self, predicate: str) -> None:
        super().__init__(predicate)
        self.predicate = predicate

    def about(self, name: str) -> AttachmentRejected:
        return rejected(name, self.predicate)


def rejected(name: str, predicate: str) -> AttachmentRejected:
    """The error whose sentence says this of the file."""
    return AttachmentRejected(f"“{shown(name, NAMELESS)}” {predicate}.")
