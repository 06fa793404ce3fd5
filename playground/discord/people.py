"""What a person does in a channel: writing, editing, deleting, forwarding, reacting."""

import re
from collections.abc import Sequence

from playground.discord import permissions
from playground.discord.core import Core
from playground.discord.errors import ClientRefusal
from playground.discord.forms import FILES, Upload, utf16_units
from playground.discord.posts import Draft, snapshot_of
from playground.discord.world import (
    CATEGORY,
    FLAG_SNAPSHOT,
    FLAG_VOICE,
    FORUM,
    REPLY,
    Channel,
    Message,
    Reference,
)

TYPING_LIMIT = 4_000  # characters that a paying person may type; others have 2,000
_TYPING_SECONDS = 10.0
File = tuple[str, bytes]


class People(Core):
    """Everybody may be named by id, account name or displayed name; channels by id or name,
    and "dm" is the person's direct messages with the bot."""

    def where(self, user: str, channel: str) -> Channel:
        if channel == "dm":
            return self.direct_messages(self.world.person(user).id, self.world.bot.id)
        return self.world.place(channel)

    async def post(
        self,
        user: str,
        channel: str,
        text: str = "",
        *,
        reply_to: Message | str | None = None,
        ping: bool = True,
        files: Sequence[File] = (),
    ) -> Message:
        """Typed names become mentions: `@Switchboard`, `@Mia`, `@Stewards`, `#general`;
        `@&Switchboard` means the role of that name."""
        place = self._may_write(user, channel)
        content = self._typed(text.strip(), place)
        if not content and not files:
            raise ClientRefusal("an empty message cannot be sent")
        if utf16_units(content) > TYPING_LIMIT:
            raise ClientRefusal(f"a message has at most {TYPING_LIMIT} characters")
        if len(files) > FILES:
            raise ClientRefusal(f"a message has at most {FILES} files")
        too_large = [n for n, data in files if len(data) > self.rules.attachment_bytes]
        if too_large:
            raise ClientRefusal(f"{too_large[0]} is too large")
        root = None if reply_to is None else self.told(reply_to)
        draft = Draft(
            content=content,
            uploads=tuple(Upload(name, data) for name, data in files),
            type=REPLY if root else 0,
            reference=Reference(root.channel_id, root.id) if root else None,
            ping_replied=ping,
        )
        return self.posts.create(place, self.world.person(user).id, draft)

    async def edit(self, message: Message | str, text: str) -> Message:
        """By its author; editing notifies nobody anew, but mentions are read again."""
        known = self.told(message)
        place = self.world.channels[known.channel_id]
        return self.posts.edit(known, content=self._typed(text, place))

    async def delete(self, message: Message | str) -> None:
        self.posts.delete(self.told(message))

    async def preview_update(self, message: Message | str) -> None:
        """Discord has fetched a link: the message is sent again with equal content."""
        known = self.told(message)
        known.embeds = (*known.embeds, {"type": "link", "title": "A preview"})
        self.posts.refresh(known)

    async def redeliver(self, message: Message | str) -> None:
        """The gateway tells of the same message once more."""
        self.events.message_created(self.told(message))

    async def forward(self, user: str, message: Message | str, channel: str) -> Message:
        place, original = self._may_write(user, channel), self.told(message)
        draft = Draft(
            flags=FLAG_SNAPSHOT,
            reference=Reference(original.channel_id, original.id, forward=True),
            forwarded=snapshot_of(original),
        )
        return self.posts.create(place, self.world.person(user).id, draft)

    async def sticker(
        self, user: str, channel: str, name: str = "Wave", *, reply_to: Message | str | None = None
    ) -> Message:
        """A message of one sticker, without text; as a reply it pings."""
        place = self._may_write(user, channel)
        root = None if reply_to is None else self.told(reply_to)
        draft = Draft(
            stickers=((self.ids.next(), name),),
            type=REPLY if root else 0,
            reference=Reference(root.channel_id, root.id) if root else None,
            ping_replied=True,
        )
        return self.posts.create(place, self.world.person(user).id, draft)

    async def voice_message(
        self,
        user: str,
        channel: str,
        data: bytes = b"OggS",
        seconds: float = 2.5,
        *,
        reply_to: Message | str | None = None,
    ) -> Message:
        place = self._may_write(user, channel)
        root = None if reply_to is None else self.told(reply_to)
        draft = Draft(
            flags=FLAG_VOICE,
            uploads=(Upload("voice-message.ogg", data, seconds=seconds),),
            type=REPLY if root else 0,
            reference=Reference(root.channel_id, root.id) if root else None,
            ping_replied=True,
        )
        return self.posts.create(place, self.world.person(user).id, draft)

    async def webhook(self, channel: str, name: str, text: str) -> Message:
        """A message of some other integration's webhook."""
        place = self.world.place(channel)
        draft = Draft(content=self._typed(text, place), webhook_name=name)
        return self.posts.create(place, self.ids.next(), draft)

    async def system(self, channel: str, kind: int = 7, user: str = "mia") -> Message:
        """A line by Discord itself; kind 7 says that somebody joined."""
        place = self.world.place(channel)
        return self.posts.create(place, self.world.person(user).id, Draft(type=kind))

    async def react(self, user: str, message: Message | str, emoji: str) -> None:
        self.posts.react(self.told(message), self.world.person(user).id, emoji, add=True)

    async def start_typing(self, user: str, channel: str) -> None:
        place, person = self.where(user, channel), self.world.person(user)
        now = self.clock.now()
        self.world.typing[place.id, person.id] = now + _TYPING_SECONDS
        self.events.typing(place, person.id, now)
        self.feed.tell(
            {
                "kind": "typing",
                "channel": place.id,
                "user": person.id,
                "until": now + _TYPING_SECONDS,
                "for": None,
            }
        )

    def _may_write(self, user: str, channel: str) -> Channel:
        place = self.where(user, channel)
        if place.type in (CATEGORY, FORUM):
            raise ClientRefusal("nobody can write there")
        bits = permissions.in_channel(self.world, place, self.world.person(user).id)
        if not bits & permissions.sending_bit(place):
            raise ClientRefusal(f"{user} may not write in {place.name or 'these messages'}")
        if place.locked and not bits & permissions.MANAGE_THREADS:
            raise ClientRefusal("this thread is locked")
        return place

    def _typed(self, text: str, place: Channel) -> str:
        """What the app's own completion makes of typed names."""
        guild = self.world.guild_of(place)
        names: dict[str, str] = {}
        for role in guild.roles.values() if guild else ():
            names[f"@&{role.name}"] = names[f"@{role.name}"] = f"<@&{role.id}>"
        for person in self.world.people.values():
            names[f"@{person.display}"] = names[f"@{person.name}"] = f"<@{person.id}>"
        for channel in self.world.channels.values():
            if channel.name and guild and channel.guild_id == guild.id:
                names.setdefault(f"#{channel.name}", f"<#{channel.id}>")
        names.pop("@@everyone", None)
        longest_first = sorted(names, key=len, reverse=True)
        pattern = "|".join(re.escape(name) for name in longest_first)
        return re.sub(rf"(?<![\w<])(?:{pattern})(?!\w)", lambda m: names[m.group()], text)
