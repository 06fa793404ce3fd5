"""What a person fills in: the elements of blocks and modals become Slack's `state.values`."""

from collections.abc import Iterator, Mapping
from typing import Any

from playground.slack.wire import Impossible, Json
from playground.slack.workspace import View

TEXT_INPUTS = ("plain_text_input", "number_input", "email_text_input", "url_text_input")
MENUS = ("static_select", "external_select", "radio_buttons")


def find_element(blocks: Any, action_id: str) -> tuple[Json, Json]:
    """The block and the element with this action id."""
    for block, element in elements(blocks):
        if element.get("action_id") == action_id:
            return block, element
    raise Impossible(f"nothing here has the action {action_id}")


def elements(blocks: Any) -> Iterator[tuple[Json, Json]]:
    """Everything in the blocks that can be clicked or filled in."""
    for block in blocks:
        inside = [*block.get("elements", ()), block.get("element"), block.get("accessory")]
        for element in inside:
            if isinstance(element, dict) and "action_id" in element:
                yield block, element


def option_of(element: Json, choice: str | None) -> Json | None:
    """The option with this value; an entry that the app delivers is taken at its word."""
    if choice is None:
        return element.get("initial_option")
    groups = [element, *element.get("option_groups", ())]
    for group in groups:
        for option in group.get("options", ()):
            if option["value"] == choice:
                return dict(option)
    if element["type"] == "external_select":
        return {"text": {"type": "plain_text", "text": choice}, "value": choice}
    raise Impossible(f"{element['action_id']} has no option {choice}")


def state_of(view: View, values: Mapping[str, Any]) -> Json:
    """`state.values` of a modal: what was filled in, else what stood there from the start."""
    known = _by_action(view)
    unknown = set(values) - set(known)
    if unknown:
        raise Impossible(f"the modal has no field {sorted(unknown)}")
    state: Json = {}
    for action_id, (block, element) in known.items():
        if block["type"] == "input" or action_id in values:
            filled = _filled(element, values.get(action_id))
            state.setdefault(block["block_id"], {})[action_id] = filled
    return state


def check_complete(view: View, state: Json) -> None:
    """Slack's client sends a modal off only when every field that is not optional has a value."""
    for action_id, (block, _) in _by_action(view).items():
        if block["type"] != "input" or block.get("optional"):
            continue
        filled = state[block["block_id"]][action_id]
        if not any(value for name, value in filled.items() if name != "type"):
            raise Impossible(f"the field {action_id} must be filled in")


def _by_action(view: View) -> dict[str, tuple[Json, Json]]:
    return {
        str(element["action_id"]): (block, element)
        for block, element in elements(view.definition["blocks"])
    }


def _filled(element: Json, value: Any) -> Json:
    kind = element["type"]
    if kind in TEXT_INPUTS:
        return {"type": kind, "value": element.get("initial_value") if value is None else value}
    if kind in MENUS:
        return {"type": kind, "selected_option": option_of(element, value)}
    if kind == "checkboxes":
        chosen = [option_of(element, one) for one in value or ()]
        return {"type": kind, "selected_options": chosen}
    name = f"selected_{kind.removesuffix('_select').rstrip('s')}"
    initial = element.get(f"initial_{kind.removesuffix('_select').rstrip('s')}")
    return {"type": kind, name: initial if value is None else value}
