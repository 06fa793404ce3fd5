"""What one of our messages holds, as Discord is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.discord import notes
from adapters.platform import Body, Button
from bot.types import Turn

SUPPRESS_EMBEDS = 1 << 2  # message flag: no link previews, on posts and on every edit
_ROW, _BUTTON, _SECONDARY = 1, 2, 2  # kinds of components, and a quiet button

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """The text of a message, and the components below it."""

    text: str
    components: tuple[Json, ...] = ()

    @classmethod
    def of(cls, turn: Turn, body: Body) -> Content:
        lines = "\n".join(part for part in (body.text, *map(notes.line, body.footer)) if part)
        return cls(lines, (_row(body.button, turn.id),) if body.button else ())

    @property
    def posted(self) -> Json:
        """Left out, `allowed_mentions` lets everything ping."""
        said: Json = {
            "content": self.text,
            "allowed_mentions": {"parse": []},
            "flags": SUPPRESS_EMBEDS,
        }
        return said | ({"components": list(self.components)} if self.components else {})

    @property
    def edited(self) -> Json:
        """Left out, an edit's flags bring the previews back, and a button stays."""
        return self.posted | {"components": list(self.components)}

    def shown_by(self, message: Json) -> bool:
        """Whether a message holds this already."""
        same = str(message.get("content") or "").strip() == self.text.strip()
        return same and bool(message.get("components")) == bool(self.components)


def _row(button: Button, turn: str) -> Json:
    """What it is about is looked up by the turn's id, and judged, when it is pressed."""
    pressed = {"type": _BUTTON, "style": _SECONDARY, "label": button.label}
    return {"type": _ROW, "components": [pressed | {"custom_id": f"{button}:{turn}"}]}
