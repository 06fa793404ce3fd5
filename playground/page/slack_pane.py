"""The simulated Slack as the page shows it: its snapshot made flat, and what a person does passed on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from playground.page.pane import Json, Picked, Refused, Stored, ticks
from playground.slack import Impossible, SlackServer

RECENT = 200  # messages of a channel that the page shows

# What Slack shows while somebody types the command; in a real workspace it is the manifest's usage hint.
HINTS = (
    ("ask PROMPT", "Ask in this channel"),
    ("ask --model ALIAS PROMPT", "Ask one model once"),
    ("model", "Which model answers here, and why"),
    ("model list", "All models"),
    ("model set ALIAS", "Change this channel's model (admin)"),
    ("model set ALIAS workspace", "Change the workspace's model (admin)"),
    ("model set ALIAS for 2h", "Change it for a while (admin)"),
    ("model reset", "Back to the inherited model (admin)"),
    ("model lock", "Pin the model for everything below (admin)"),
    ("model unlock", "Unpin it (admin)"),
    ("new", "Start a new conversation"),
    ("stop", "Stop the answer"),
    ("retry", "Answer the latest question again"),
    ("retry ALIAS", "Let another model answer it"),
    ("help", "What the bot can do"),
)
_ROLES = {"owner": "owner", "admin": "admin", "member": "member", "guest": "guest"}


class SlackPane:
    """One simulated workspace. `shortcut` is the callback id under which the app listens for "Ask about this"."""

    def __init__(
        self, slack: SlackServer, *, command: str = "/ai", shortcut: str = "ask_about_this"
    ) -> None:
        self._slack = slack
        self._command = command
        self._shortcut = shortcut
        self._deeds: dict[str, Callable[[str, Json, tuple[Picked, ...]], Awaitable[Json]]] = {
            "post": self._post,
            "edit": self._edit,
            "delete": self._delete,
            "command": self._type_command,
            "shortcut": self._use_shortcut,
            "submit": self._submit,
            "close": self._close,
            "click": self._click,
            "suggest": self._suggest,
            "redeliver": self._redeliver,
            "busy": self._be_busy,
            "hang_up": self._hang_up,
        }

    def people(self) -> list[Json]:
        """The humans, an admin first: one who may change things is the better start."""
        world = self._slack.world
        humans = [p for p in world.people.values() if p.bot_id is None]
        humans.sort(key=lambda p: (p.team != world.team.id, p.role != "admin", p.role == "owner"))
        return [
            {
                "id": p.id,
                "name": p.real_name,
                "handle": p.name,
                "role": _ROLES.get(p.role, p.role) if p.team == world.team.id else "other company",
                "admin": p.team == world.team.id and p.role in ("owner", "admin"),
            }
            for p in humans
        ]

    def view(self, viewer: str) -> Json:
        seen = self._slack.snapshot(viewer)
        people = {person["id"]: person for person in seen["people"]}
        flat: Json = {
            "me": viewer,
            "team": seen["team"],
            "bot": seen["bot"] | {"handle": seen["bot"]["name"].lower()},
            "names": _names(seen),
            "command": {"name": self._command, "hints": HINTS},
            "online": bool(self._slack.workspace.hub.connections),
        }
        for order, channel in enumerate(seen["channels"]):
            if channel["kind"] == "im" and viewer not in channel["members"]:
                continue
            flat[f"channel:{channel['id']}"] = _channel(channel, viewer, people) | {"order": order}
            for message in _shown(seen["messages"][channel["id"]]):
                flat[f"message:{channel['id']}/{message['ts']}"] = _message(
                    channel["id"], message, people
                )
        for message in seen["private"]:
            key = f"message:{message['channel']}/{message['ts']}/private"
            flat[key] = _message(message["channel"], message, people) | {"private": True}
        for status in seen["statuses"]:
            flat[f"status:{status['channel']}/{status['thread_ts']}"] = status
        for depth, view in enumerate(seen["views"]):
            flat[f"view:{view['id']}"] = view | {
                "errors": seen["view_errors"][view["id"]],
                "depth": depth,
            }
        return flat

    async def changes(self) -> AsyncIterator[object]:
        queue: asyncio.Queue[Json] = asyncio.Queue()
        self._slack.subscribe(queue)
        try:
            async for tick in ticks(queue, self._quiet_facts):
                yield tick
        finally:
            self._slack.unsubscribe(queue)

    def _quiet_facts(self) -> tuple[object, ...]:
        """What changes without being told: the connection, statuses that end."""
        return bool(self._slack.workspace.hub.connections), list(self._slack.statuses)

    def file(self, file_id: str) -> Stored | None:
        stored = self._slack.workspace.shelf.find(file_id)
        if stored is None or stored.data is None:
            return None
        return Stored(str(stored.object["name"]), stored.data)

    async def act(self, viewer: str, deed: str, given: Json, files: tuple[Picked, ...]) -> Json:
        do = self._deeds.get(deed)
        if do is None:
            raise Refused(f"Slack's client has no “{deed}”.")
        try:
            return await do(viewer, given, files)
        except Impossible as fault:
            raise Refused(_sentence(fault)) from None
        except KeyError as missing:
            raise Refused(f"The page left out {missing}.") from None

    # ---- deeds -------------------------------------------------------------------------------------------------------

    async def _post(self, viewer: str, given: Json, files: tuple[Picked, ...]) -> Json:
        uploads = [(picked.name, picked.data) for picked in files]
        thread = given.get("thread")
        message = await self._slack.post(
            viewer, given["channel"], str(given["text"]), thread, uploads
        )
        return {"ts": message.ts}

    async def _edit(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        await self._slack.edit(viewer, given["channel"], given["ts"], str(given["text"]))
        return {}

    async def _delete(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        await self._slack.delete(viewer, given["channel"], given["ts"])
        return {}

    async def _type_command(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        line = str(given["line"])
        if line.split(maxsplit=1)[0] != self._command:
            raise Refused(
                f"{line.split(maxsplit=1)[0]} is no command here. There is {self._command}."
            )
        await self._slack.command(viewer, given["channel"], line)
        return {}

    async def _use_shortcut(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        await self._slack.shortcut(viewer, given["channel"], given["ts"], self._shortcut)
        return {}

    async def _submit(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        await self._slack.submit_view(given["view"], viewer, dict(given["values"]))
        return {}

    async def _close(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        if any(view.id == given["view"] for view in self._slack.views(viewer)):
            await self._slack.close_view(given["view"])
        return {}

    async def _click(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        choice = given.get("choice")
        if given.get("view"):
            await self._slack.click_in_view(given["view"], viewer, given["action"], choice=choice)
        else:
            await self._slack.click(
                viewer, given["channel"], given["ts"], given["action"], choice=choice
            )
        return {}

    async def _suggest(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        typed = str(given.get("typed", ""))
        return {
            "options": await self._slack.suggestions(given["view"], viewer, given["action"], typed)
        }

    async def _redeliver(self, _viewer: str, _given: Json, _: tuple[Picked, ...]) -> Json:
        past = self._slack.events
        if not past:
            raise Refused("Slack has not delivered any event yet. Write something first.")
        self._slack.redeliver(past[-1].event_id)
        return {"said": "Slack delivered its last event again."}

    async def _be_busy(self, _viewer: str, _given: Json, _: tuple[Picked, ...]) -> Json:
        self._slack.will_refuse("chat.update", "ratelimited", 2, retry_after=2)
        self._slack.will_refuse("chat.postMessage", "ratelimited", 1, retry_after=2)
        return {"said": "Slack will answer the next calls with 429, Retry-After 2."}

    async def _hang_up(self, _viewer: str, _given: Json, _: tuple[Picked, ...]) -> Json:
        self._slack.drop_sockets()
        return {"said": "Slack cut every connection without a word."}


def _sentence(fault: Exception) -> str:
    text = str(fault)
    return f"{text[:1].upper()}{text[1:]}."


def _names(seen: Json) -> dict[str, str]:
    """How mentions read: the sign and the id, and what is shown instead."""
    people = {f"@{person['id']}": f"@{person['real_name']}" for person in seen["people"]}
    channels = {f"#{channel['id']}": f"#{channel['name']}" for channel in seen["channels"]}
    return people | channels


def _channel(channel: Json, viewer: str, people: Json) -> Json:
    others = [m for m in channel["members"] if m != viewer and m in people]
    name = channel["name"]
    if channel["kind"] == "im":
        name = people[others[0]]["real_name"] if others else channel["id"]
    elif channel["kind"] == "mpim":
        name = ", ".join(people[m]["real_name"].split()[0] for m in others)
    known = {
        key: channel[key]
        for key in ("id", "kind", "is_member", "has_bot", "is_archived", "is_shared")
    }
    return known | {"name": name, "people": len(channel["members"])}


def _shown(messages: list[Json]) -> list[Json]:
    """The latest messages, and the roots of their threads."""
    latest = messages[-RECENT:]
    roots = {message.get("thread_ts") for message in latest}
    return [m for m in messages[:-RECENT] if m["ts"] in roots] + latest


def _message(channel: str, message: Json, people: Json) -> Json:
    author = people.get(
        message["user"], {"id": message["user"], "real_name": "Slackbot", "is_bot": True}
    )
    thread = message.get("thread_ts")
    return {
        "channel": channel,
        "ts": message["ts"],
        "thread": thread if thread != message["ts"] else None,
        "at": float(message["ts"]),
        "author": {"id": author["id"], "name": author["real_name"], "bot": author["is_bot"]},
        "text": message["text"],
        "blocks": _drawable(message.get("blocks", [])),
        "edited": bool(message.get("edited")),
        "streaming": message.get("streaming_state") == "in_progress",
        "gone": message.get("subtype") == "tombstone",
        "broadcast": message.get("subtype") == "thread_broadcast",
        "files": [_file(file) for file in message.get("files", ())],
        "reactions": {one["name"]: one["count"] for one in message.get("reactions", ())},
        "private": False,
    }


def _drawable(blocks: list[Any]) -> list[Json]:
    """The blocks that are more than the text: `rich_text` repeats what people typed."""
    return [block for block in blocks if block["type"] != "rich_text"]


def _file(file: Json) -> Json:
    mime = str(file.get("mimetype", ""))
    return {
        "name": file.get("name", "a file that is gone"),
        "url": f"/files/slack/{file['id']}",
        "image": mime in ("image/png", "image/jpeg", "image/gif", "image/webp"),
        "size": file.get("size", 0),
    }
