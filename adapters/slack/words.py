"""Our own words become blocks: `**bold**` and `code` act in them, lines stay lines, all else is inert."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from adapters.platform import Body, Button
from adapters.slack import render
from adapters.text.clean import JOINER, clean, without_bidi

BLOCK_CHARS = 2_900  # Slack's 3,000 of a text object, with some room
TOTAL_CHARS = 11_000  # of one message; as for an answer
PIECE_CHARS = 400  # of a line that is too long: each of its characters may become six

Block = dict[str, Any]

_MARKUP = re.compile(r"\*\*(?P<bold>\S(?:.*?\S)?)\*\*|`(?P<code>[^`]+)`")
_RUN = re.compile(r"\S+(?: +\S+)*")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SPECIAL = re.compile("[&<>]")
_CONTROL = re.compile(r"&lt;(?=[!@#])")


def sections(words: str) -> list[Block]:
    """A notice: text of the usual size, never folded away."""
    return [
        {"type": "section", "expand": True, "text": _mrkdwn_object(text)} for text in _texts(words)
    ]


def context(words: str) -> list[Block]:
    """Lines of the bot's own below an answer: small and grey, where no model's text can be."""
    return [{"type": "context", "elements": [_mrkdwn_object(text)]} for text in _texts(words)]


def below(body: Body, turn: str) -> list[Block]:
    """What stands below an answer's text."""
    lines = context("\n".join(body.footer)) if body.footer else []
    return [*lines, *([button(body.button, turn)] if body.button else [])]


def button(pressed: Button, turn: str) -> Block:
    """What may be done to an answer; what it is about is looked up by the turn's id, and judged, when it is pressed."""
    label = {"type": "plain_text", "text": pressed.label}
    element = {"type": "button", "action_id": pressed, "text": label, "value": turn}
    return {"type": "actions", "elements": [element]}


def mrkdwn(line: str) -> str:
    """One line of our own words for a mrkdwn string; what is foreign in it can neither act nor notify."""
    parts, at = [], 0
    for found in _MARKUP.finditer(line):
        parts.append(_plain(line[at : found.start()]))
        bold = found["bold"]
        parts.append(f"*{_plain(bold)}*" if bold else f"`{_code(found['code'])}`")
        at = found.end()
    return "".join([*parts, _plain(line[at:])])


def _mrkdwn_object(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _texts(words: str) -> Iterator[str]:
    """The words as texts for one block each, cut between lines; together they fit into one message."""
    text, left = "", TOTAL_CHARS
    for line in _lines(words):
        if len(line) + 1 > left:
            text += "\n…"
            break
        if text and len(text) + 1 + len(line) > BLOCK_CHARS:
            yield text
            text = ""
        text = f"{text}\n{line}" if text else line
        left -= len(line) + 1
    yield text.strip("\n") or "…"


def _lines(words: str) -> Iterator[str]:
    for line in clean(words).split("\n"):
        whole = mrkdwn(line)
        if len(whole) <= BLOCK_CHARS:
            yield whole
        else:
            for start in range(0, len(line), PIECE_CHARS):
                yield _plain(line[start : start + PIECE_CHARS])


def _plain(text: str) -> str:
    """Words without effect; the spaces round them stay."""
    return _RUN.sub(lambda found: render.escape(found[0]), text)


def _code(text: str) -> str:
    """Exactly these characters, so that they can be copied; only a control form is broken."""
    entities = _SPECIAL.sub(lambda found: _ENTITIES[found[0]], without_bidi(text))
    return _CONTROL.sub(lambda found: found[0] + JOINER, entities)
