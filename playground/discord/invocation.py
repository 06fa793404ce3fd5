"""What a person typed into a slash command becomes the options that the app receives."""

from collections.abc import Callable
from typing import Any

from playground.discord import permissions
from playground.discord.errors import ClientRefusal
from playground.discord.forms import Upload
from playground.discord.payloads import Payloads
from playground.discord.registry import CHAT_INPUT, GROUP, SUBCOMMAND, Registry
from playground.discord.world import Attachment, Channel, World

Json = dict[str, Any]
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE = 3, 4, 5, 6, 7, 8
NUMBER, FILE = 10, 11
_TEXT_LIMIT = 6_000
_CONTEXT_GUILD, _CONTEXT_BOT_DM = 0, 1

Store = Callable[[Upload], Attachment]


def choose(registry: Registry, path: str, guild_id: str | None) -> tuple[Json, list[Json]]:
    """The command and the chain of groups and subcommands below it."""
    name, *below = path.split()
    command = registry.find(name, CHAT_INPUT, guild_id)
    if command is None:
        raise ClientRefusal(f"there is no command /{name}")
    chain: list[Json] = []
    options = command["options"]
    for word in below:
        found = next(
            (o for o in options if o["name"] == word and o["type"] in (SUBCOMMAND, GROUP)), None
        )
        if found is None:
            raise ClientRefusal(f"/{name} has no subcommand {word}")
        chain.append(found)
        options = found.get("options") or []
    if any(o["type"] in (SUBCOMMAND, GROUP) for o in options):
        raise ClientRefusal(f"/{path} needs a subcommand")
    return command, chain


def may_use(
    world: World, registry: Registry, command: Json, channel: Channel, user_id: str
) -> None:
    """Where and by whom a command can be called; an admin may have opened it to all."""
    contexts = command.get("contexts")
    here = _CONTEXT_GUILD if channel.guild_id else _CONTEXT_BOT_DM
    if contexts is not None and here not in contexts:
        raise ClientRefusal(f"/{command['name']} cannot be used here")
    if here != _CONTEXT_GUILD:
        if contexts is None and command.get("dm_permission") is False:
            raise ClientRefusal(f"/{command['name']} cannot be used here")
        return
    bits = permissions.in_channel(world, channel, user_id)
    if not bits & permissions.USE_APPLICATION_COMMANDS:
        raise ClientRefusal("commands may not be used in this channel")
    needed = command.get("default_member_permissions")
    if needed is None or command["name"] in registry.opened:
        return
    if int(needed) & ~bits or (int(needed) == 0 and bits != permissions.EVERYTHING):
        raise ClientRefusal(f"/{command['name']} is not offered to this person")


class Filling:
    """Turns given values into options, and collects what they refer to."""

    def __init__(self, world: World, payloads: Payloads, guild_id: str | None, store: Store):
        self._world = world
        self._payloads = payloads
        self._guild = world.guilds.get(guild_id or "")
        self._store = store
        self.resolved: Json = {}

    def fill(self, chain: list[Json], command: Json, given: Json, focus: str | None) -> list[Json]:
        """The option tree; with `focus` it is an autocomplete and need not be complete."""
        leaf = (chain[-1] if chain else command).get("options") or []
        unknown = given.keys() - {o["name"] for o in leaf}
        if unknown:
            raise ClientRefusal(f"unknown options: {', '.join(sorted(unknown))}")
        filled = []
        for option in leaf:
            value = given.get(option["name"])
            if value is not None:
                filled.append(self._option(option, value, focused=option["name"] == focus))
            elif option.get("required") and focus is None:
                raise ClientRefusal(f"the option {option['name']} is required")
        for level in reversed(chain):
            filled = [{"name": level["name"], "type": level["type"], "options": filled}]
        return filled

    def _option(self, option: Json, value: Any, *, focused: bool) -> Json:
        kind = option["type"]
        filled: Json = {"name": option["name"], "type": kind}
        if focused:
            return filled | {"value": str(value), "focused": True}
        return filled | {"value": self._value(option, kind, value)}

    def _value(self, option: Json, kind: int, value: Any) -> Any:
        if kind == STRING:
            return _text(option, value)
        if kind in (INTEGER, NUMBER):
            return _number(option, kind, value)
        if kind == BOOLEAN and isinstance(value, bool):
            return value
        if kind == FILE:
            return self._file(value)
        if kind in (USER, CHANNEL, ROLE):
            return self._someone(kind, str(value))
        raise ClientRefusal(f"{value!r} does not fit the option {option['name']}")

    def _file(self, value: Any) -> str:
        name, data = value
        attachment = self._store(Upload(name, data))
        self._add("attachments", attachment.id, self._payloads.attachment(attachment))
        return attachment.id

    def _someone(self, kind: int, who: str) -> str:
        if kind == USER:
            person = self._world.person(who)
            self._add("users", person.id, self._payloads.user(person))
            if self._guild is not None and person.id in self._guild.members:
                member = self._payloads.member(self._guild, person.id, with_user=False)
                self._add("members", person.id, member | {"permissions": "0"})
            return person.id
        if kind == CHANNEL:
            channel = self._world.place(who)
            body = self._payloads.channel(channel) | {"permissions": "0"}
            self._add("channels", channel.id, body)
            return channel.id
        roles = self._guild.roles.values() if self._guild else ()
        role = next((r for r in roles if who in (r.id, r.name)), None)
        if role is None:
            raise ClientRefusal(f"there is no role {who!r}")
        self._add("roles", role.id, self._payloads.role(role))
        return role.id

    def _add(self, kind: str, key: str, body: Json) -> None:
        self.resolved.setdefault(kind, {})[key] = body


def _choice(option: Json, value: Any) -> Any:
    """A choice by its value or by its shown name."""
    for choice in option["choices"]:
        if value in (choice["value"], choice["name"]):
            return choice["value"]
    raise ClientRefusal(f"{value!r} is no choice of the option {option['name']}")


def _text(option: Json, value: Any) -> str:
    if not isinstance(value, str):
        raise ClientRefusal(f"{value!r} does not fit the option {option['name']}")
    if option.get("choices"):
        return str(_choice(option, value))
    least, most = option.get("min_length") or 0, option.get("max_length") or _TEXT_LIMIT
    if not least <= len(value) <= most:
        raise ClientRefusal(f"the option {option['name']} takes {least} to {most} characters")
    return value


def _number(option: Json, kind: int, value: Any) -> int | float:
    fits = isinstance(value, int) or (kind == NUMBER and isinstance(value, float))
    if not fits or isinstance(value, bool):
        raise ClientRefusal(f"{value!r} does not fit the option {option['name']}")
    if option.get("choices"):
        chosen = _choice(option, value)
        return int(chosen) if kind == INTEGER else float(chosen)
    least, most = option.get("min_value"), option.get("max_value")
    if (least is not None and value < least) or (most is not None and value > most):
        raise ClientRefusal(f"the option {option['name']} takes {least} to {most}")
    return int(value) if kind == INTEGER else float(value)
