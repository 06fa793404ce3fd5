"""The simulated Discord as the page shows it: its snapshot made flat, and what a person does passed on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from playground.discord import ClientRefusal, DidNotRespond, DiscordServer, permissions
from playground.discord.interactions import AUTOCOMPLETE
from playground.discord.world import FORUM
from playground.page.pane import Json, Picked, Refused, Stored, ticks


class DiscordPane:
    """One simulated guild, and each person's direct messages with the bot."""

    def __init__(self, discord: DiscordServer) -> None:
        self._discord = discord
        self._deeds: dict[str, Callable[[str, Json, tuple[Picked, ...]], Awaitable[Json]]] = {
            "post": self._post,
            "edit": self._edit,
            "delete": self._delete,
            "slash": self._slash,
            "autocomplete": self._autocomplete,
            "menu": self._menu,
            "submit": self._submit,
            "press": self._press,
            "choose": self._choose,
            "thread": self._open_thread,
            "redeliver": self._redeliver,
            "busy": self._be_busy,
            "hang_up": self._hang_up,
        }
        for person in self.people():
            discord.direct_messages(str(person["id"]), discord.world.bot.id)

    def people(self) -> list[Json]:
        """The human members, one who may change things first."""
        guild = self._discord.world.guilds[self._discord.guild_id]
        humans = [
            p for p in self._discord.world.people.values() if not p.bot and p.id in guild.members
        ]
        found = []
        for person in humans:
            roles = {guild.roles[role].name for role in guild.members[person.id]}
            role = "owner" if guild.owner_id == person.id else "member"
            role = (
                "admin"
                if "Admins" in roles
                else "manages channels"
                if "Stewards" in roles
                else role
            )
            admin = role != "member"
            if not person.dms_open:
                role = f"{role}, DMs closed"
            found.append(
                {
                    "id": person.id,
                    "name": person.display,
                    "handle": person.name,
                    "role": role,
                    "admin": admin,
                }
            )
        order = {"admin": 0, "manages channels": 1, "member": 2}
        return sorted(found, key=lambda p: order.get(str(p["role"]), 3))

    def view(self, viewer: str) -> Json:
        seen = self._discord.snapshot(viewer)
        flat: Json = {
            "me": viewer,
            "guild": seen["guilds"][0] if seen["guilds"] else {"id": "", "name": "Discord"},
            "bot": seen["bot"] | {"handle": seen["bot"]["name"]},
            "people": [{"id": p["id"], "name": p["name"], "bot": p["bot"]} for p in seen["people"]],
        }
        menus: list[Any] = []
        for channel in seen["channels"]:
            commands = seen["commands"].get(channel["id"], [])
            if commands not in menus:
                flat[f"menu:{len(menus)}"] = commands
                menus.append(commands)
            more = {"menu": menus.index(commands), "bot": self._bot_in(channel["id"])}
            flat[f"channel:{channel['id']}"] = channel | more
            for message in seen["messages"][channel["id"]]:
                flat[f"message:{channel['id']}/{message['id']}"] = self._message(message)
        for typing in seen["typing"]:
            flat[f"typing:{typing['channel']}/{typing['user']}"] = typing
        for interaction in seen["interactions"]:
            flat[f"interaction:{interaction['id']}"] = interaction
        for failed in self._discord.interactions.by_id.values():
            if failed.did_not_respond and failed.user_id == viewer and failed.type != AUTOCOMPLETE:
                flat[f"failed:{failed.channel_id}/{failed.id}"] = {
                    "id": failed.id,
                    "channel": failed.channel_id,
                    "command": failed.name,
                    "at": failed.created_at,
                }
        return flat

    def _bot_in(self, channel_id: str) -> str:
        """What the bot can do there, so that nobody waits for it in vain."""
        world = self._discord.world
        place = world.channels[channel_id]
        bits = permissions.in_channel(world, place, world.bot.id)
        if not bits & permissions.VIEW_CHANNEL:
            return "blind"
        may_speak = place.type == FORUM or bits & permissions.sending_bit(place)
        return "at home" if may_speak else "mute"

    def _message(self, message: Json) -> Json:
        """The message, its files at the page's own address, its command with what was filled in."""
        files = [
            {
                "name": file["name"],
                "url": f"/files/discord/{_file_id(file['url'])}",
                "image": file["width"] is not None,
                "size": file["size"],
            }
            for file in message["attachments"]
        ]
        cause = message["cause"]
        if cause is not None:
            interaction = self._discord.interactions.by_id.get(cause["id"])
            cause = cause | {"given": _given(interaction.data) if interaction else ""}
        more = {"attachments": files, "cause": cause, "private": message["only_for"] is not None}
        return message | more

    async def changes(self) -> AsyncIterator[object]:
        queue = self._discord.feed.subscribe()
        try:
            async for tick in ticks(queue, self._quiet_facts):
                yield tick
        finally:
            self._discord.feed.unsubscribe(queue)

    def _quiet_facts(self) -> tuple[object, ...]:
        """What changes without being told: commands, the connection, typing that ends."""
        now = self._discord.clock.now()
        typing = [key for key, until in self._discord.world.typing.items() if until > now]
        return self._discord.registry.syncs, self._discord.gateway.connected, typing

    def file(self, file_id: str) -> Stored | None:
        every = self._discord.world.messages.values()
        for attachment in (a for known in every for m in known.values() for a in m.attachments):
            if attachment.id == file_id:
                return Stored(attachment.name, attachment.data)
        return None

    async def act(self, viewer: str, deed: str, given: Json, files: tuple[Picked, ...]) -> Json:
        do = self._deeds.get(deed)
        if do is None:
            raise Refused(f"Discord's client has no “{deed}”.")
        try:
            return await do(viewer, given, files)
        except (ClientRefusal, LookupError) as fault:
            text = str(fault)
            raise Refused(f"{text[:1].upper()}{text[1:]}.") from None
        except DidNotRespond:
            raise Refused("The application did not respond.") from None

    # ---- deeds -------------------------------------------------------------------------------------------------------

    async def _post(self, viewer: str, given: Json, files: tuple[Picked, ...]) -> Json:
        message = await self._discord.post(
            viewer,
            given["channel"],
            str(given["text"]),
            reply_to=given.get("reply_to"),
            ping=bool(given.get("ping", True)),
            files=[(picked.name, picked.data) for picked in files],
        )
        return {"id": message.id}

    async def _edit(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        self._own(viewer, given["message"])
        await self._discord.edit(given["message"], str(given["text"]))
        return {}

    async def _delete(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        self._own(viewer, given["message"])
        await self._discord.delete(given["message"])
        return {}

    def _own(self, viewer: str, message_id: str) -> None:
        if self._discord.told(message_id).author_id != viewer:
            raise Refused("Only its author may do that.")

    async def _slash(self, viewer: str, given: Json, files: tuple[Picked, ...]) -> Json:
        options: dict[str, Any] = dict(given["options"])
        for name, picked in zip(given.get("file_options", ()), files, strict=False):
            options[name] = (picked.name, picked.data)
        done = await self._discord.slash(viewer, given["channel"], given["command"], **options)
        return {"interaction": done.id}

    async def _autocomplete(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        choices = await self._discord.autocomplete(
            viewer, given["channel"], given["command"], given["option"], str(given["typed"])
        )
        return {"choices": choices}

    async def _menu(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        done = await self._discord.message_command(
            viewer, given["channel"], given["message"], given["name"]
        )
        return {"interaction": done.id}

    async def _submit(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        done = await self._discord.submit_modal(
            viewer, given["interaction"], **dict(given["values"])
        )
        return {"interaction": done.id}

    async def _press(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        await self._discord.press(viewer, given["message"], given["custom_id"])
        return {}

    async def _choose(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        await self._discord.choose(
            viewer, given["message"], given["custom_id"], list(given["values"])
        )
        return {}

    async def _open_thread(self, viewer: str, given: Json, _: tuple[Picked, ...]) -> Json:
        thread = await self._discord.open_thread(
            viewer,
            given["channel"],
            str(given["name"]),
            message=given.get("message"),
            text=str(given.get("text", "")),
        )
        return {"id": thread.id}

    async def _redeliver(self, _viewer: str, _given: Json, _: tuple[Picked, ...]) -> Json:
        world = self._discord.world
        every = [m for known in world.messages.values() for m in known.values() if not m.ephemeral]
        mine = [
            m for m in every if m.author_id in world.people and not world.people[m.author_id].bot
        ]
        if not mine:
            raise Refused("Nobody has written anything on Discord yet.")
        await self._discord.redeliver(max(mine, key=lambda m: int(m.id)))
        return {"said": "Discord delivered its last message again."}

    async def _be_busy(self, _viewer: str, _given: Json, _: tuple[Picked, ...]) -> Json:
        for route in (
            "POST /channels/*/messages",
            "PATCH /channels/*/messages/*",
            "PATCH /webhooks/*",
        ):
            self._discord.will_refuse(route, 429, retry_after=2)
        return {"said": "Discord will answer the next calls with 429, retry after 2 s."}

    async def _hang_up(self, _viewer: str, _given: Json, _: tuple[Picked, ...]) -> Json:
        self._discord.gateway.drop()
        return {"said": "Discord cut the gateway's connection without a word."}


def _file_id(url: str) -> str:
    """.../attachments/CHANNEL/ID/NAME?..."""
    return url.partition("?")[0].split("/")[-2]


def _given(data: Json) -> str:
    """The options of a command as Discord shows them to whoever points at its name."""
    options = data.get("options") or []
    while options and "options" in options[0]:
        options = options[0]["options"]
    files = data.get("resolved", {}).get("attachments", {})
    shown = [
        f"{option['name']}: {files.get(option.get('value'), {}).get('filename', option.get('value'))}"
        for option in options
    ]
    return "  ".join(shown)
