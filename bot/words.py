"""Text as phones and chats deliver it becomes words: one at a time from the left, the rest left as it was typed."""

import re
import unicodedata

# Characters that show nothing: soft hyphen, zero-width and bidirectional marks, fillers, variation selectors,
# halves of characters, tags.
_INVISIBLE = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff"
)
_QUOTES = "\"'`“”„‟‘’‚‛«»‹›″′＂＇"
_INVISIBLE_ONE = re.compile(f"[{_INVISIBLE}]")
_BLANK = re.compile(rf"[\s{_INVISIBLE}]*")
_QUOTED = re.compile(rf"[{_QUOTES}]([^{_QUOTES}\n]*)[{_QUOTES}](?!\S)")
_RUN = re.compile(r"\S+")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹘﹣－"), "-")
_ENDING = ".,;:!?…"  # what a phone or a habit puts after a word
_MOST_SHOWN = 60  # characters of somebody's words that a sentence of ours repeats


def blank(text: str) -> bool:
    """Whether nothing of the text can be seen."""
    return _BLANK.fullmatch(text) is not None


def lstrip(text: str) -> str:
    """The text from its first visible character on."""
    found = _BLANK.match(text)
    return text[found.end() :] if found else text


def strip(text: str) -> str:
    """The text without white space around it and without invisible characters before it."""
    return lstrip(text).rstrip()


def take(text: str) -> tuple[str, str]:
    """The first word, or what stands in quotes, and the rest as it was typed; two empty texts where there is none."""
    text = lstrip(text)
    found = _QUOTED.match(text) or _RUN.match(text)
    if found is None:
        return "", ""
    return found[found.lastindex or 0], text[found.end() :]


def split(text: str) -> list[str]:
    """All words of a text."""
    words = []
    while (taken := take(text))[0] or taken[1]:
        words.append(taken[0])
        text = taken[1]
    return words


def seen(word: str) -> str:
    """A word as it is seen: wide forms made plain, nothing invisible in it."""
    return _INVISIBLE_ONE.sub("", unicodedata.normalize("NFKC", _INVISIBLE_ONE.sub("", word)))


def bare(word: str) -> str:
    """A word as it was meant: dashes and quotes made plain too, case kept."""
    word = seen(word)
    return " ".join(word.translate(_DASHES).strip(_QUOTES).rstrip(_ENDING).strip(_QUOTES).split())


def plain(word: str) -> str:
    """A word to compare with ours: as it was meant, in small letters."""
    return bare(word).casefold()


def shown(text: str, otherwise: str = "…") -> str:
    """Foreign words inside a sentence of ours: on one line, short, with nothing that marks bold or code; `otherwise`
    where nothing is left of them. The platform's renderer makes the rest inert."""
    text = " ".join(_INVISIBLE_ONE.sub("", text).translate({96: None, 42: None}).split())
    return (
        text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1].rstrip() + "…"
    ) or otherwise
