"""What a streamed message is made of: chunks that were checked, and how it stands."""

from dataclasses import dataclass, field
from typing import Any

from playground.slack.arguments import Arguments
from playground.slack.blocks import BLOCK_TEXT_SUM, MARKDOWN_PER_MESSAGE, check_message_blocks
from playground.slack.wire import Json, SlackError, fresh_id

TITLE = 256  # characters of a task or a plan; Slack's page of the chunks
TASK_STATUSES = ("pending", "in_progress", "complete", "error")


@dataclass(slots=True)
class Stream:
    """What is known of a streamed message besides the message."""

    started_at: float
    mode: str = ""  # "text" or "chunks": the first content decides for good
    text: str = ""
    cards: dict[str, Json] = field(default_factory=dict)  # tasks, plans and blocks by their id
    is_open: bool = True
    stopped_by_user: bool = False

    def add(self, args: Arguments) -> None:
        """What a call brings, checked as a whole before anything of it counts."""
        if "markdown_text" in args and "chunks" in args:
            raise SlackError("cannot_provide_both_markdown_text_and_chunks")
        if "markdown_text" in args:
            self._take("text", [{"type": "markdown_text", "text": args.word("markdown_text")}])
        elif "chunks" in args:
            self._take("chunks", args.structure("chunks", "invalid_chunks"))

    def _take(self, mode: str, chunks: Any) -> None:
        if not isinstance(chunks, list) or not all(map(_is_chunk, chunks)):
            raise SlackError("invalid_chunks")
        if self.mode not in ("", mode):
            raise SlackError("streaming_mode_mismatch")
        text = "".join(chunk["text"] for chunk in chunks if chunk["type"] == "markdown_text")
        if len(text) > MARKDOWN_PER_MESSAGE or len(self.text + text) > BLOCK_TEXT_SUM:
            raise SlackError("msg_blocks_too_long")
        cards = dict(_card(chunk) for chunk in chunks if chunk["type"] != "markdown_text")
        self.mode, self.text, self.cards = mode, self.text + text, self.cards | cards

    @property
    def blocks(self) -> tuple[Json, ...]:
        """The message so far; Slack's own rewriting is left out, as for every Markdown."""
        text = {"type": "markdown", "text": self.text, "block_id": "streamed"}
        return (*([text] if self.text.strip() else []), *self.cards.values())


def _is_chunk(chunk: Any) -> bool:
    if not isinstance(chunk, dict):
        return False
    match chunk.get("type"):
        case "markdown_text":
            return isinstance(chunk.get("text"), str)
        case "task_update":
            return _titled(chunk) and bool(chunk.get("id")) and chunk.get("status") in TASK_STATUSES
        case "plan_update":
            return _titled(chunk)
        case "blocks":
            return bool(check_message_blocks(chunk.get("blocks")))
        case _:
            return False


def _titled(chunk: Json) -> bool:
    return isinstance(chunk.get("title"), str) and 0 < len(chunk["title"]) <= TITLE


def _card(chunk: Json) -> tuple[str, Json]:
    """What stands in the message for a chunk that is no text; the same id takes its place."""
    match chunk["type"]:
        case "task_update":
            told = {name: chunk[name] for name in ("title", "status")}
            return chunk["id"], {"type": "task_card", "task_id": chunk["id"], **told}
        case "plan_update":
            return "plan", {"type": "plan", "title": chunk["title"]}
        case _:
            return fresh_id("c"), {"type": "container", "child_blocks": chunk["blocks"]}
