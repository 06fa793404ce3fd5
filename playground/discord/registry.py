"""The commands that the app has registered, checked as Discord checks them."""

import re
from typing import Any

from playground.discord.clock import Snowflakes
from playground.discord.errors import ApiError, Form
from playground.discord.rules import Rules

Json = dict[str, Any]
CHAT_INPUT, USER, MESSAGE = 1, 2, 3
SUBCOMMAND, GROUP = 1, 2
_MOST = {CHAT_INPUT: 100, USER: 5, MESSAGE: 5}
_NAME = re.compile(r"^[-_'\w]{1,32}$")
_OPTIONS = _CHOICES = 25
_DESCRIPTION = 100


class Registry:
    """Global commands and those of single guilds."""

    def __init__(self, application_id: str, ids: Snowflakes, rules: Rules) -> None:
        self._application_id = application_id
        self._ids = ids
        self._rules = rules
        self._scopes: dict[str | None, list[Json]] = {None: []}
        self._created: dict[str | None, int] = {}
        self.syncs = 0
        self.opened: set[str] = set()  # commands whose defaults an admin has overridden

    def all(self, guild_id: str | None) -> list[Json]:
        """Exactly those registered for one scope."""
        return self._scopes.get(guild_id, [])

    def visible(self, guild_id: str | None) -> list[Json]:
        """What a person's menu is made from: the guild's own, then the global ones."""
        own = self._scopes.get(guild_id, []) if guild_id else []
        return own + self._scopes[None]

    def find(self, name: str, kind: int, guild_id: str | None) -> Json | None:
        for command in self.visible(guild_id):
            if command["name"] == name and command["type"] == kind:
                return command
        return None

    def replace(self, guild_id: str | None, wanted: list[Json]) -> list[Json]:
        """A bulk overwrite: same names keep their ids, new ones count as created."""
        self._check(wanted)
        self.syncs += 1
        before = {(c["type"], c["name"]): c for c in self.all(guild_id)}
        new = [c for c in wanted if (c.get("type", CHAT_INPUT), c["name"]) not in before]
        created = self._created.get(guild_id, 0) + len(new)
        if created > self._rules.command_changes_per_day:
            raise ApiError(30034)
        self._created[guild_id] = created
        self._scopes[guild_id] = [self._complete(c, guild_id, before) for c in wanted]
        return self._scopes[guild_id]

    def _complete(
        self, command: Json, guild_id: str | None, before: dict[tuple[int, str], Json]
    ) -> Json:
        kind = command.get("type", CHAT_INPUT)
        known = before.get((kind, command["name"]))
        full: Json = {
            "id": known["id"] if known else self._ids.next(),
            "application_id": self._application_id,
            "version": self._ids.next(),
            "type": kind,
            "name": command["name"],
            "description": command.get("description") or "",
            "options": command.get("options") or [],
            "default_member_permissions": command.get("default_member_permissions"),
            "nsfw": bool(command.get("nsfw")),
            "contexts": command.get("contexts"),
            "integration_types": command.get("integration_types") or [0],
            "name_localizations": command.get("name_localizations"),
            "description_localizations": command.get("description_localizations"),
        }
        bits = full["default_member_permissions"]
        full["default_member_permissions"] = None if bits is None else str(bits)
        full["dm_permission"] = command.get("dm_permission", True)
        if guild_id is not None:
            full["guild_id"] = guild_id
        return full

    def _check(self, wanted: list[Json]) -> None:
        form = Form()
        counts: dict[int, int] = {}
        for index, command in enumerate(wanted):
            kind = command.get("type", CHAT_INPUT)
            counts[kind] = counts.get(kind, 0) + 1
            if counts[kind] > _MOST.get(kind, 0):
                form.fault(
                    str(index),
                    "APPLICATION_COMMANDS_LIMIT_REACHED",
                    "Maximum number of application commands reached",
                )
            _check_names(form, str(index), command, chat=kind == CHAT_INPUT)
            _check_options(form, f"{index}.options", command.get("options") or [])
        form.check()


def _check_names(form: Form, path: str, item: Json, *, chat: bool) -> None:
    name = str(item.get("name") or "")
    good = _NAME.match(name) and name == name.lower() if chat else 1 <= len(name) <= 32
    if not good:
        form.fault(f"{path}.name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    if chat and not 1 <= len(str(item.get("description") or "")) <= _DESCRIPTION:
        form.bad_length(f"{path}.description", 1, _DESCRIPTION)


def _check_options(form: Form, path: str, options: list[Json]) -> None:
    if len(options) > _OPTIONS:
        form.bad_length(path, 0, _OPTIONS)
    optional_seen = False
    names: set[str] = set()
    for index, option in enumerate(options):
        here = f"{path}.{index}"
        _check_names(form, here, option, chat=True)
        if option.get("name") in names:
            form.fault(here, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Names must be unique")
        names.add(str(option.get("name")))
        if option.get("type") in (SUBCOMMAND, GROUP):
            _check_options(form, f"{here}.options", option.get("options") or [])
            continue
        if option.get("required") and optional_seen:
            form.fault(
                here,
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        optional_seen = optional_seen or not option.get("required")
        if len(option.get("choices") or []) > _CHOICES:
            form.bad_length(f"{here}.choices", 0, _CHOICES)
