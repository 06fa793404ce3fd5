"""Block Kit as Slack checks it: blocks pass with their ids filled in, or are refused."""

from collections.abc import Callable, Iterable
from typing import Any

from playground.slack.wire import Json, SlackError, fresh_id

# Limits of Slack's block reference, in characters or entries.
BLOCKS_PER_MESSAGE = 50
BLOCKS_PER_VIEW = 100
MARKDOWN_PER_MESSAGE = 12_000  # all `markdown` blocks of one payload together
BLOCK_TEXT_SUM = 13_200  # undocumented; reported for bolt-js 2509 as the sum that is refused
TEXT_PER_BLOCK = 3_000
FIELDS_PER_SECTION = 10
TEXT_PER_FIELD = 2_000
HEADER_TEXT = 150
CONTEXT_ELEMENTS = 10
ACTIONS_ELEMENTS = 25
CONTEXT_ACTIONS_ELEMENTS = 5
ID_LENGTH = 255
BUTTON_TEXT = 75
BUTTON_VALUE = 2_000
URL_LENGTH = 3_000
ALT_TEXT = 2_000
OPTIONS = 100
OPTION_TEXT = 75
OPTION_VALUE = 150
PLACEHOLDER = 150
LABEL = 2_000
TABLE_ROWS = 100
TABLE_COLUMNS = 20

TEXT_KINDS = ("mrkdwn", "plain_text")
SELECTS = (
    "static_select",
    "external_select",
    "users_select",
    "conversations_select",
    "channels_select",
)
INPUTS = (*SELECTS, "plain_text_input", "number_input", "checkboxes", "radio_buttons")


class Unfit(Exception):
    """A block breaks a rule; the words are what Slack writes beside `invalid_blocks`."""


def check_message_blocks(blocks: Any) -> tuple[Json, ...]:
    """Blocks of a message, checked, with a `block_id` each; or the refusal that Slack gives."""
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    try:
        checked = check_blocks(blocks, BLOCKS_PER_MESSAGE)
    except Unfit as fault:
        raise SlackError(
            "invalid_blocks", response_metadata={"messages": [f"[ERROR] {fault}"]}
        ) from None
    markdown = sum(len(block["text"]) for block in checked if block["type"] == "markdown")
    if markdown > MARKDOWN_PER_MESSAGE or text_sum(checked) > BLOCK_TEXT_SUM:
        raise SlackError("msg_blocks_too_long")
    if sum(block["type"] in ("table", "data_table") for block in checked) > 1:
        raise SlackError("only_one_table_allowed")
    return checked


def check_blocks(blocks: Iterable[Any], most: int) -> tuple[Json, ...]:
    blocks = list(blocks)
    if len(blocks) > most:
        raise Unfit(f"no more than {most} items allowed [json-pointer:/blocks]")
    checked = tuple(check_block(block) for block in blocks)
    ids = [block["block_id"] for block in checked]
    if len(set(ids)) < len(ids):
        raise Unfit("block_id already exists")
    return checked


def check_block(block: Any) -> Json:
    if not isinstance(block, dict):
        raise Unfit("must be an object")
    kind = block.get("type")
    rule = RULES.get(kind) if isinstance(kind, str) else None
    if rule is None:
        raise Unfit(f"unsupported type: {kind}")
    allowed, check = rule
    for name in block:
        if name not in allowed and name not in ("type", "block_id"):
            raise Unfit(f"invalid additional property: {name}")
    if "block_id" in block:
        _sized(block["block_id"], ID_LENGTH, "block_id")
    check(block)
    return {"block_id": fresh_id("b"), **block}


def text_sum(blocks: Iterable[Json]) -> int:
    """The characters of every text in the blocks, however deep."""
    return sum(_texts_of(block) for block in blocks)


def _texts_of(node: Any) -> int:
    if isinstance(node, list):
        return sum(_texts_of(item) for item in node)
    if isinstance(node, dict):
        own = len(node["text"]) if isinstance(node.get("text"), str) else 0
        return own + sum(_texts_of(value) for value in node.values())
    return 0


# The pieces that blocks are made of


def _sized(value: Any, most: int, name: str) -> None:
    if not isinstance(value, str):
        raise Unfit(f"must provide a string [json-pointer:/{name}]")
    if not value:
        raise Unfit(f"must be more than 0 characters [json-pointer:/{name}]")
    if len(value) > most:
        raise Unfit(f"must be less than {most + 1} characters [json-pointer:/{name}]")


def _text(value: Any, most: int, name: str, *, kinds: tuple[str, ...] = TEXT_KINDS) -> None:
    if not isinstance(value, dict) or value.get("type") not in kinds:
        raise Unfit(f"must be a text object of {' or '.join(kinds)} [json-pointer:/{name}]")
    _sized(value.get("text"), most, f"{name}/text")


def _plain(value: Any, most: int, name: str) -> None:
    _text(value, most, name, kinds=("plain_text",))


def _entries(value: Any, most: int, name: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise Unfit(f"no less than 1 items allowed [json-pointer:/{name}]")
    if len(value) > most:
        raise Unfit(f"no more than {most} items allowed [json-pointer:/{name}]")
    return value


def _options(element: Json) -> None:
    for option in _entries(element.get("options"), OPTIONS, "options"):
        if not isinstance(option, dict):
            raise Unfit("must be an object [json-pointer:/options]")
        _text(option.get("text"), OPTION_TEXT, "options/text")
        _sized(option.get("value"), OPTION_VALUE, "options/value")


def _element(element: Any) -> None:
    """Buttons, selects and inputs; what they share is an `action_id`."""
    if not isinstance(element, dict):
        raise Unfit("must be an object")
    kind = element.get("type")
    if "action_id" in element:
        _sized(element["action_id"], ID_LENGTH, "action_id")
    if kind == "button":
        _plain(element.get("text"), BUTTON_TEXT, "text")
        if "value" in element:
            _sized(element["value"], BUTTON_VALUE, "value")
        if "url" in element:
            _sized(element["url"], URL_LENGTH, "url")
    elif kind in INPUTS:
        if "placeholder" in element:
            _plain(element["placeholder"], PLACEHOLDER, "placeholder")
        _choices(element)
    elif kind not in ("feedback_buttons", "icon_button", "overflow"):
        raise Unfit(f"unsupported type: {kind}")


def _choices(element: Json) -> None:
    kind = element["type"]
    if "option_groups" in element and kind == "static_select":
        for group in _entries(element["option_groups"], OPTIONS, "option_groups"):
            _plain(group.get("label"), OPTION_TEXT, "option_groups/label")
            _options(group)
    elif kind in ("static_select", "checkboxes", "radio_buttons"):
        _options(element)


# One rule per block


def _section(block: Json) -> None:
    if "text" not in block and "fields" not in block:
        raise Unfit("missing required field: text")
    if "text" in block:
        _text(block["text"], TEXT_PER_BLOCK, "text")
    if "fields" in block:
        for field in _entries(block["fields"], FIELDS_PER_SECTION, "fields"):
            _text(field, TEXT_PER_FIELD, "fields")
    accessory = block.get("accessory")
    if isinstance(accessory, dict) and accessory.get("type") == "image":
        _image(accessory)
    elif accessory is not None:
        _element(accessory)


def _header(block: Json) -> None:
    _plain(block.get("text"), HEADER_TEXT, "text")


def _divider(block: Json) -> None:
    """A divider has nothing that could be wrong."""


def _markdown(block: Json) -> None:
    # Its length is judged over the whole payload, with an error code of its own.
    text = block.get("text")
    _sized(text, max(len(text), 1) if isinstance(text, str) else 1, "text")


def _context(block: Json) -> None:
    for element in _entries(block.get("elements"), CONTEXT_ELEMENTS, "elements"):
        if isinstance(element, dict) and element.get("type") == "image":
            _image(element)
        else:
            _text(element, TEXT_PER_BLOCK, "elements")


def _actions(block: Json) -> None:
    elements = _entries(block.get("elements"), ACTIONS_ELEMENTS, "elements")
    for element in elements:
        _element(element)
    ids = [element["action_id"] for element in elements if "action_id" in element]
    if len(set(ids)) < len(ids):
        raise Unfit("action_id already exists")


def _context_actions(block: Json) -> None:
    for element in _entries(block.get("elements"), CONTEXT_ACTIONS_ELEMENTS, "elements"):
        _element(element)


def _image(block: Json) -> None:
    if "slack_file" not in block:
        _sized(block.get("image_url"), URL_LENGTH, "image_url")
    _sized(block.get("alt_text"), ALT_TEXT, "alt_text")


def _rich_text(block: Json) -> None:
    kinds = (
        "rich_text_section",
        "rich_text_list",
        "rich_text_preformatted",
        "rich_text_quote",
    )
    for element in _entries(block.get("elements"), BLOCKS_PER_VIEW, "elements"):
        if not isinstance(element, dict) or element.get("type") not in kinds:
            raise Unfit("unsupported type [json-pointer:/elements]")


def _input(block: Json) -> None:
    _plain(block.get("label"), LABEL, "label")
    if "hint" in block:
        _plain(block["hint"], LABEL, "hint")
    _element(block.get("element"))


def _table(block: Json) -> None:
    for row in _entries(block.get("rows"), TABLE_ROWS, "rows"):
        _entries(row, TABLE_COLUMNS, "rows")


Rule = tuple[frozenset[str], Callable[[Json], None]]

RULES: dict[str, Rule] = {
    "section": (frozenset({"text", "fields", "accessory", "expand"}), _section),
    "header": (frozenset({"text", "level"}), _header),
    "divider": (frozenset(), _divider),
    "markdown": (frozenset({"text"}), _markdown),
    "context": (frozenset({"elements"}), _context),
    "actions": (frozenset({"elements"}), _actions),
    "context_actions": (frozenset({"elements"}), _context_actions),
    "image": (frozenset({"image_url", "slack_file", "alt_text", "title"}), _image),
    "rich_text": (frozenset({"elements"}), _rich_text),
    "input": (frozenset({"label", "element", "hint", "optional", "dispatch_action"}), _input),
    "table": (frozenset({"rows", "column_settings"}), _table),
    "data_table": (frozenset({"rows", "columns", "caption", "page_size"}), _table),
}
