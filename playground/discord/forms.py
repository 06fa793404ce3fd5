"""The body of a message is checked, or refused with the tree of its faults."""

from dataclasses import dataclass
from typing import Any

from playground.discord.errors import ApiError, Form
from playground.discord.world import FLAG_COMPONENTS_V2, Message

CONTENT_LIMIT = 2_000  # counted in UTF-16 units, the stricter reading
EMBEDS, EMBED_DESCRIPTION, EMBED_TITLE, EMBED_TOTAL = 10, 4_096, 256, 6_000
NONCE_LIMIT = 25
FILES = 10
ROWS, BUTTONS, LABEL, CUSTOM_ID, COMPONENTS_V2 = 5, 5, 80, 100, 40
TEXT_DISPLAYS = 4_000  # characters over all of them
PARSED_MENTIONS = ("roles", "users", "everyone")
NAMED_MENTIONS = 100  # users or roles that may be named in allowed_mentions
_ROW, _BUTTON, _LINK_STYLE = 1, 2, 5


@dataclass(frozen=True, slots=True)
class Upload:
    """A file on its way in."""

    name: str
    data: bytes
    description: str | None = None
    seconds: float | None = None  # of a voice message


def utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def check_message(body: dict[str, Any], uploads: tuple[Upload, ...], limit: int) -> None:
    """Every fault of the form at once; emptiness is judged where the message is known."""
    form = Form()
    content = body.get("content")
    if content is not None and not isinstance(content, str):
        form.fault("content", "BASE_TYPE_BAD_TYPE", "Must be a string.")
    elif content is not None and utf16_units(content) > CONTENT_LIMIT:
        form.too_long("content", CONTENT_LIMIT)
    _check_nonce(form, body.get("nonce"))
    _check_embeds(form, body.get("embeds") or [])
    _check_mentions(form, body.get("allowed_mentions"))
    _check_components(form, body)
    if len(uploads) > FILES:
        form.bad_length("attachments", 0, FILES)
    form.check()
    if any(len(upload.data) > limit for upload in uploads):
        raise ApiError(40005)


def says_nothing(body: dict[str, Any], uploads: tuple[Upload, ...]) -> bool:
    if str(body.get("content") or "").strip() or uploads:
        return False
    return not any(body.get(key) for key in ("embeds", "components", "sticker_ids", "poll"))


def leaves_nothing(message: Message, body: dict[str, Any], uploads: tuple[Upload, ...]) -> bool:
    """Whether a message would be empty after this edit."""
    after = {
        "content": body.get("content", message.content),
        "embeds": body.get("embeds", message.embeds),
        "components": body.get("components", message.components),
    }
    kept = body.get("attachments", message.attachments)
    return says_nothing(after, uploads) and not kept


def _check_nonce(form: Form, nonce: Any) -> None:
    if nonce is None or isinstance(nonce, bool):
        return
    if not isinstance(nonce, int | str):
        form.fault("nonce", "BASE_TYPE_BAD_TYPE", "Must be a string or an integer.")
    elif len(str(nonce)) > NONCE_LIMIT:
        form.too_long("nonce", NONCE_LIMIT)


def _check_embeds(form: Form, embeds: list[dict[str, Any]]) -> None:
    if len(embeds) > EMBEDS:
        form.bad_length("embeds", 0, EMBEDS)
    total = 0
    for index, embed in enumerate(embeds):
        description, title = str(embed.get("description") or ""), str(embed.get("title") or "")
        if len(description) > EMBED_DESCRIPTION:
            form.too_long(f"embeds.{index}.description", EMBED_DESCRIPTION)
        if len(title) > EMBED_TITLE:
            form.too_long(f"embeds.{index}.title", EMBED_TITLE)
        fields = embed.get("fields") or []
        total += len(description) + len(title)
        total += sum(len(str(f.get("name"))) + len(str(f.get("value"))) for f in fields)
        total += len(str((embed.get("footer") or {}).get("text") or ""))
    if total > EMBED_TOTAL:
        form.fault(
            "embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {EMBED_TOTAL}"
        )


def _check_mentions(form: Form, allowed: Any) -> None:
    if not isinstance(allowed, dict):
        return
    parse = allowed.get("parse") or []
    for index, kind in enumerate(parse):
        if kind not in PARSED_MENTIONS:
            choices = f"Value must be one of {set(PARSED_MENTIONS)}."
            form.fault(f"allowed_mentions.parse.{index}", "BASE_TYPE_CHOICES", choices)
    for kind in ("users", "roles"):
        if len(allowed.get(kind) or ()) > NAMED_MENTIONS:
            form.bad_length(f"allowed_mentions.{kind}", 0, NAMED_MENTIONS)
        if kind in parse and allowed.get(kind):
            form.fault(
                "allowed_mentions",
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f"parse:[{kind!r}] and {kind}: [ids...] are mutually exclusive.",
            )


def _check_components(form: Form, body: dict[str, Any]) -> None:
    rows = body.get("components") or []
    if int(body.get("flags") or 0) & FLAG_COMPONENTS_V2:
        _check_components_v2(form, body, rows)
        return
    if len(rows) > ROWS:
        form.bad_length("components", 0, ROWS)
    seen: set[str] = set()
    for at, row in enumerate(rows):
        if row.get("type") != _ROW:
            form.fault(f"components.{at}.type", "UNION_TYPE_CHOICES", "Value must be one of {1}.")
            continue
        items = row.get("components") or []
        if not 1 <= len(items) <= BUTTONS:
            form.bad_length(f"components.{at}.components", 1, BUTTONS)
        for index, item in enumerate(items):
            _check_item(form, f"components.{at}.components.{index}", item, seen)


def _check_item(form: Form, path: str, item: dict[str, Any], seen: set[str]) -> None:
    if len(str(item.get("label") or "")) > LABEL:
        form.too_long(f"{path}.label", LABEL)
    link = item.get("type") == _BUTTON and item.get("style") == _LINK_STYLE
    custom_id = item.get("custom_id")
    if link:
        return
    if not isinstance(custom_id, str) or not 1 <= len(custom_id) <= CUSTOM_ID:
        form.bad_length(f"{path}.custom_id", 1, CUSTOM_ID)
    elif custom_id in seen:
        form.fault(
            f"{path}.custom_id",
            "COMPONENT_CUSTOM_ID_DUPLICATED",
            "Component custom id cannot be duplicated",
        )
    else:
        seen.add(custom_id)


def _check_components_v2(form: Form, body: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    for key in ("content", "embeds"):
        if body.get(key):
            form.fault(
                key,
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )
    count, shown, todo = 0, 0, list(rows)
    while todo:
        component = todo.pop()
        count += 1
        shown += len(str(component.get("content") or "")) if component.get("type") == 10 else 0
        todo += component.get("components") or []
        if component.get("accessory"):
            todo.append(component["accessory"])
    if count > COMPONENTS_V2:
        form.bad_length("components", 1, COMPONENTS_V2)
    if shown > TEXT_DISPLAYS:
        form.fault(
            "components",
            "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
            f"The total displayable text size must be {TEXT_DISPLAYS} or fewer.",
        )
