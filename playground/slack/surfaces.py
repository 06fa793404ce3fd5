"""The methods around messages: modals, the status of a thread, reactions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from playground.slack import events
from playground.slack.arguments import Arguments
from playground.slack.blocks import BLOCKS_PER_VIEW, ID_LENGTH, Unfit, check_blocks
from playground.slack.messages import Message
from playground.slack.wire import Json, SlackError, fresh_id, invalid_arguments
from playground.slack.workspace import View, Workspace

TITLE = 24  # characters, as `submit` and `close`; Slack's documentation
PRIVATE_METADATA = 3_000  # characters; Slack's documentation
LOADING_MESSAGES = 10  # Slack's documentation


def views_open(slack: Workspace, args: Arguments) -> Json:
    """views.open: a trigger of the last three seconds opens a modal for its person."""
    definition = check_view(args.structure("view", "invalid_arguments"))
    user = slack.use_trigger(args.need("trigger_id"))
    identity = fresh_id("V")
    view = View(identity, user, definition, fresh_id("hash."), identity)
    slack.show_view(view)
    return {"ok": True, "view": slack.view_json(view)}


def views_update(slack: Workspace, args: Arguments) -> Json:
    """views.update"""
    definition = check_view(args.structure("view", "invalid_arguments"))
    known = _open_view(slack, args)
    expected = args.word("hash")
    if expected is not None and expected != known.hash:
        raise SlackError("hash_conflict")
    view = replace(known, definition=definition, hash=fresh_id("hash."), errors=())
    slack.show_view(view)
    return {"ok": True, "view": slack.view_json(view)}


def _open_view(slack: Workspace, args: Arguments) -> View:
    identity, external = args.word("view_id"), args.word("external_id")
    if identity is None and external is None:
        raise invalid_arguments("missing required field: view_id")
    for view in slack.views.values():
        if view.id == identity or (external and view.definition.get("external_id") == external):
            return view
    raise SlackError("not_found")


def check_view(definition: Any) -> Json:
    """A modal within Slack's limits, its blocks checked; the complaints name what is wrong."""
    if not isinstance(definition, dict):
        raise invalid_arguments("missing required field: view")
    complaints = list(_view_complaints(definition))
    try:
        blocks = check_blocks(definition.get("blocks") or (), BLOCKS_PER_VIEW)
    except Unfit as fault:
        complaints.append(str(fault))
        blocks = ()
    if any(block["type"] == "input" for block in blocks) and "submit" not in definition:
        complaints.append("a view with an input block needs `submit` [json-pointer:/view]")
    if complaints:
        raise invalid_arguments(*complaints)
    return definition | {"blocks": list(blocks)}


def _view_complaints(view: Json) -> list[str]:
    complaints = []
    if view.get("type") != "modal":
        complaints.append("unsupported type [json-pointer:/view/type]")
    if not isinstance(view.get("blocks"), list):
        complaints.append("missing required field: blocks [json-pointer:/view]")
    for name, needed in (("title", True), ("submit", False), ("close", False)):
        if needed or name in view:
            complaints.extend(_title_complaints(view.get(name), name))
    for name, most in (("private_metadata", PRIVATE_METADATA), ("callback_id", ID_LENGTH)):
        value = view.get(name, "")
        if not isinstance(value, str) or len(value) > most:
            complaints.append(
                f"must be less than {most + 1} characters [json-pointer:/view/{name}]"
            )
    return complaints


def _title_complaints(value: Any, name: str) -> list[str]:
    where = f"[json-pointer:/view/{name}]"
    if not isinstance(value, Mapping) or value.get("type") != "plain_text":
        return [f"must be a plain_text object {where}"]
    text = value.get("text")
    if not isinstance(text, str) or not 0 < len(text) <= TITLE:
        return [f"must be less than {TITLE + 1} characters {where}"]
    return []


def set_status(slack: Workspace, args: Arguments) -> Json:
    """assistant.threads.setStatus"""
    channel = slack.world.joined_by_bot(args.need("channel_id"))
    thread_ts = args.need("thread_ts")
    if not slack.archive.thread(channel.id, thread_ts):
        raise SlackError("invalid_thread_ts")
    if "status" not in args:
        raise invalid_arguments("missing required field: status")
    messages = args.structure("loading_messages", "invalid_arguments") or []
    if not isinstance(messages, list) or len(messages) > LOADING_MESSAGES:
        raise invalid_arguments("no more than 10 items allowed [json-pointer:/loading_messages]")
    slack.set_status(channel.id, thread_ts, args.word("status") or "", messages)
    return {"ok": True}


def reactions_add(slack: Workspace, args: Arguments) -> Json:
    """reactions.add"""
    message, mark = _reaction(slack, args)
    if mark in message.reactions:
        raise SlackError("already_reacted")
    react(slack, message, mark, added=True)
    return {"ok": True}


def reactions_remove(slack: Workspace, args: Arguments) -> Json:
    """reactions.remove"""
    message, mark = _reaction(slack, args)
    if mark not in message.reactions:
        raise SlackError("no_reaction")
    react(slack, message, mark, added=False)
    return {"ok": True}


def _reaction(slack: Workspace, args: Arguments) -> tuple[Message, tuple[str, str]]:
    channel = slack.world.joined_by_bot(args.need("channel"))
    message = slack.archive.find(channel.id, args.need("timestamp"))
    if message is None:
        raise SlackError("message_not_found")
    return message, (args.need("name"), slack.world.app.bot_user)


def react(slack: Workspace, message: Message, mark: tuple[str, str], *, added: bool) -> None:
    """Puts somebody's reaction on a message, or takes it off."""
    others = tuple(one for one in message.reactions if one != mark)
    changed = replace(message, reactions=(*others, mark) if added else others)
    slack.keep(changed)
    name, user = mark
    kind = "reaction_added" if added else "reaction_removed"
    channel = slack.world.channels[message.channel]
    slack.tell(events.reacted(kind, user, name, message, slack.archive.next_ts()), channel)
