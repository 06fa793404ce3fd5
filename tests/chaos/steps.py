"""The steps that store or send, told from what passes on the wire; and the traps that kill a process at one of them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import hiredis

from tests.chaos.http import Http, Request
from tests.chaos.line import Reader
from tests.chaos.resp import Command, Resp

Side = Literal[
    "before", "after"
]  # it was carried out / after it was, and before its sender was told

TITLE = re.compile(rb"^-- ([A-Z_]+):", re.MULTILINE)  # with what each script of the product begins
KEYS = {  # plain commands that store: command, and what its key holds
    (b"SET", b":blob:"): "BLOB",
    (b"SET", b":fetch:"): "FETCH",
    (b"HDEL", b":reply:"): "UNBIND",
    (b"DEL", b":secret:"): "SPEND",
}
DISCORD = [  # method and path of what Discord is told
    ("POST", r"/channels/\d+/messages", "message.post"),
    ("PATCH", r"/channels/\d+/messages/\d+", "message.edit"),
    ("DELETE", r"/channels/\d+/messages/\d+", "message.delete"),
    ("POST", r"/channels/\d+/typing", "typing"),
    ("POST", r"/users/@me/channels", "dm.open"),
    ("POST", r"/interactions/\d+/[^/]+/callback", "interaction.callback"),
    ("POST", r"/webhooks/\d+/[^/]+", "interaction.post"),
    ("PATCH", r"/webhooks/\d+/[^/]+/messages/[^/]+", "interaction.edit"),
    ("DELETE", r"/webhooks/\d+/[^/]+/messages/[^/]+", "interaction.delete"),
]


@dataclass(eq=False, slots=True)
class Step:
    """One step on its way: who takes it, its words as they were sent, and what came back."""

    name: str
    slot: str
    words: list[bytes]
    at: float
    reply: Any = None
    replied_at: float | None = None


@dataclass(eq=False, slots=True)
class Trap:
    """Kills whoever takes the step next (or the `after`-th time), before or after it is carried out."""

    name: str
    side: Side
    kill: Callable[[str], None]
    fits: Callable[[Step], bool] = lambda step: True
    slot: str = ""  # the beginning of its name
    sprung: asyncio.Event = field(default_factory=asyncio.Event)

    def takes(self, step: Step, side: Side) -> bool:
        return (
            self.side == side
            and not self.sprung.is_set()
            and step.name == self.name
            and step.slot.startswith(self.slot)
            and self.fits(step)
        )

    def spring(self, step: Step) -> None:
        self.sprung.set()
        self.kill(step.slot)


@dataclass(slots=True)
class Wire:
    """Names what passes. `told` hears of each step when it is sent, and again when its reply is there."""

    traps: list[Trap] = field(default_factory=list)
    told: list[Callable[[Step], None]] = field(default_factory=list)
    scripts: dict[bytes, str] = field(
        default_factory=dict
    )  # what EVALSHA names, as far as it was loaded

    def redis(self, slot: str) -> Callable[[], Reader]:
        def sent(command: Command) -> bool:
            name = self._script(command.words)
            if name is None:
                return True
            command.step = Step(name, slot, command.words, time.monotonic())
            return self._begins(command.step)

        def answered(command: Command, reply: Any) -> bool:
            if command.step is None or isinstance(reply, hiredis.ReplyError):
                return True
            return self._done(command.step, reply)

        return lambda: Resp(sent, answered)

    def http(self, slot: str, name: Callable[[Request], str | None]) -> Callable[[], Reader]:
        def sent(request: Request) -> bool:
            named = name(request)
            if named is None:
                return True
            request.step = Step(named, slot, [request.body], time.monotonic())
            return self._begins(request.step)

        def answered(request: Request, status: int) -> bool:
            if request.step is None or status >= 300:
                return True
            return self._done(request.step, status)

        def framed(payload: bytes) -> bool:
            if not _is_ack(payload):
                return True
            step = Step("ack", slot, [payload], time.monotonic())
            if not self._begins(step):
                return False
            # There is no reply to wait for: it is carried out once these bytes have left.
            asyncio.get_running_loop().call_soon(self._done, step, None)
            return True

        return lambda: Http(sent, answered, framed)

    def _script(self, words: list[bytes]) -> str | None:
        """The name of what a command stores; None for one that only reads. What a script is called it says itself
        when it is loaded, which each server asks for before it runs one."""
        verb = words[0].upper()
        if verb == b"SCRIPT" and len(words) > 2 and (title := TITLE.search(words[2])):
            self.scripts[hashlib.sha1(words[2]).hexdigest().encode()] = title[1].decode()  # noqa: S324
        if verb == b"EVALSHA":
            return self.scripts.get(words[1])
        key = words[1] if len(words) > 1 else b""
        return next((known for (v, part), known in KEYS.items() if v == verb and part in key), None)

    def _begins(self, step: Step) -> bool:
        for told in self.told:
            told(step)
        return self._passes(step, "before")

    def _done(self, step: Step, reply: Any) -> bool:
        step.reply, step.replied_at = reply, time.monotonic()
        for told in self.told:
            told(step)
        return self._passes(step, "after")

    def _passes(self, step: Step, side: Side) -> bool:
        for trap in self.traps:
            if trap.takes(step, side):
                trap.spring(step)
                return False
        return True


def slack_step(request: Request) -> str | None:
    """A method of the Web API that writes, or the address that came with a command."""
    path = request.path.partition("?")[0]
    if path.startswith("/response/"):
        return "response_url"
    method = path.removeprefix("/api/")
    writes = method.startswith(("chat.", "assistant.", "agents.", "views.", "reactions."))
    return method if writes else "file" if path.startswith("/files-pri/") else None


def discord_step(request: Request) -> str | None:
    path = request.path.partition("?")[0].removeprefix("/api/v10")
    for method, pattern, name in DISCORD:
        if request.method == method and re.fullmatch(pattern, path):
            return name
    return None


def model_step(request: Request) -> str | None:
    return "model" if request.path.endswith("/chat/completions") else None


def _is_ack(payload: bytes) -> bool:
    try:
        frame = json.loads(payload)
    except ValueError:
        return False
    return isinstance(frame, dict) and "envelope_id" in frame
