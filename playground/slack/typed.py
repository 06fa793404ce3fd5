"""What a person types becomes the `text` and the `rich_text` block that Slack's client sends."""

import re
from collections.abc import Iterator

from playground.slack.wire import Json, fresh_id
from playground.slack.world import World

# The pieces of a line that are not plain text, in the order in which they win.
PIECES = re.compile(
    r"```\n?(?P<fence>.+?)```"
    r"|`(?P<code>[^`\n]+)`"
    r"|(?P<url>https?://[^\s<>]+)"
    r"|<@(?P<id>[A-Z0-9]+)>"
    r"|(?<![\w@])@(?P<name>[\w.-]*\w)"
    r"|(?<![\w#&])#(?P<channel>[a-z0-9][\w-]*)",
    re.DOTALL,
)
BROADCASTS = ("here", "channel", "everyone")
ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


def escape(text: str) -> str:
    """Typed `&`, `<` and `>` are always entities on the wire."""
    for character, entity in ENTITIES:
        text = text.replace(character, entity)
    return text


def compose(typed: str, world: World) -> tuple[str, tuple[Json, ...]]:
    """Text and blocks of a message; `@name` of somebody known, `<@ID>` too, is a mention."""
    texts: list[str] = []
    sections: list[Json] = []
    line: list[Json] = []
    for text, element in _pieces(typed, world):
        texts.append(text)
        if element["type"] != "rich_text_preformatted":
            line.append(element)
            continue
        if line:
            sections.append({"type": "rich_text_section", "elements": line})
            line = []
        sections.append(element)
    if line:
        sections.append({"type": "rich_text_section", "elements": line})
    if not sections:
        return "", ()
    block: Json = {"type": "rich_text", "block_id": fresh_id("b"), "elements": sections}
    return "".join(texts), (block,)


def _pieces(typed: str, world: World) -> Iterator[tuple[str, Json]]:
    end = 0
    for match in PIECES.finditer(typed):
        piece = _piece(match, world)
        if piece is None:
            continue
        if match.start() > end:
            yield _plain(typed[end : match.start()])
        yield piece
        end = match.end()
    if end < len(typed):
        yield _plain(typed[end:])


def _plain(text: str) -> tuple[str, Json]:
    return escape(text), {"type": "text", "text": text}


def _piece(match: re.Match[str], world: World) -> tuple[str, Json] | None:
    kind = match.lastgroup
    value = match[kind] if kind else ""
    if kind == "fence":
        inside: Json = {"type": "text", "text": value.removesuffix("\n")}
        return (
            escape(match[0]),
            {"type": "rich_text_preformatted", "elements": [inside], "border": 0},
        )
    if kind == "code":
        return escape(match[0]), {"type": "text", "text": value, "style": {"code": True}}
    if kind == "url":
        return f"<{escape(value)}>", {"type": "link", "url": value}
    if kind == "channel":
        channel = world.find_channel(value)
        if channel is None:
            return None
        return f"<#{channel.id}|{channel.name}>", {"type": "channel", "channel_id": channel.id}
    return _mention(value, world)


def _mention(value: str, world: World) -> tuple[str, Json] | None:
    if value.lower() in BROADCASTS:
        return f"<!{value.lower()}>", {"type": "broadcast", "range": value.lower()}
    for person in world.people.values():
        if value == person.id or value.lower() == person.name:
            return f"<@{person.id}>", {"type": "user", "user_id": person.id}
    return None
