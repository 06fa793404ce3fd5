"""A change in the world becomes the gateway events that tell the bot of it."""

from playground.discord import intents, permissions
from playground.discord.gateway import Gateway, Session
from playground.discord.payloads import Json, Payloads
from playground.discord.world import Channel, Guild, Message, World


class Events:
    """One method for each thing that can happen; the bot hears only of what it may see."""

    def __init__(self, world: World, payloads: Payloads, gateway: Gateway) -> None:
        self._world = world
        self._payloads = payloads
        self._gateway = gateway
        gateway.greet = self._greet
        gateway.find_members = self._find_members

    def message_created(self, message: Message) -> None:
        self._message("MESSAGE_CREATE", message)

    def message_updated(self, message: Message) -> None:
        self._message("MESSAGE_UPDATE", message)

    def message_deleted(self, message: Message) -> None:
        data: Json = {"id": message.id, "channel_id": message.channel_id}
        self._about(message, "MESSAGE_DELETE", data, intents.GUILD_MESSAGES)

    def reaction(self, message: Message, user_id: str, emoji: str, *, added: bool) -> None:
        data: Json = {
            "user_id": user_id,
            "channel_id": message.channel_id,
            "message_id": message.id,
            "emoji": {"id": None, "name": emoji},
            "message_author_id": message.author_id,
            "burst": False,
            "type": 0,
        }
        name = "MESSAGE_REACTION_ADD" if added else "MESSAGE_REACTION_REMOVE"
        self._about(message, name, data, intents.GUILD_MESSAGE_REACTIONS)

    def typing(self, channel: Channel, user_id: str, at: float) -> None:
        data: Json = {"channel_id": channel.id, "user_id": user_id, "timestamp": int(at)}
        guild = self._world.guild_of(channel)
        if guild is not None:
            data["guild_id"] = guild.id
            data["member"] = self._payloads.member(guild, user_id)
        needs = intents.DIRECT_MESSAGE_TYPING if channel.is_dm else intents.GUILD_MESSAGE_TYPING
        self._in(channel, "TYPING_START", data, needs)

    def channel(self, what: str, channel: Channel) -> None:
        """`what` is CREATE, UPDATE or DELETE."""
        if channel.is_thread and not channel.announced:
            return
        kind = "THREAD" if channel.is_thread else "CHANNEL"
        data = self._payloads.channel(channel)
        if kind == "THREAD" and what == "CREATE":
            data["newly_created"] = True
        self._in(channel, f"{kind}_{what}", data, intents.GUILDS)

    def member(self, what: str, guild: Guild, user_id: str) -> None:
        """`what` is ADD, UPDATE or REMOVE; news of the bot itself needs no intent."""
        user = self._payloads.user(self._world.people[user_id])
        data: Json = {"guild_id": guild.id, "user": user}
        if what != "REMOVE":
            data |= self._payloads.member(guild, user_id)
        own = user_id == self._world.bot.id
        needs = intents.GUILDS if own else intents.GUILD_MEMBERS
        self._gateway.dispatch(f"GUILD_MEMBER_{what}", lambda _: data, needs=needs)

    def guild_joined(self, guild: Guild) -> None:
        data = self._payloads.guild_create(guild)
        self._gateway.dispatch("GUILD_CREATE", lambda _: data, needs=intents.GUILDS)

    def guild_left(self, guild: Guild) -> None:
        data: Json = {"id": guild.id}
        self._gateway.dispatch("GUILD_DELETE", lambda _: data, needs=intents.GUILDS)

    def interaction(self, data: Json) -> None:
        self._gateway.dispatch("INTERACTION_CREATE", lambda _: data)

    def _message(self, event: str, message: Message) -> None:
        channel = self._world.channels[message.channel_id]
        direct = channel.is_dm or message.ephemeral
        needs = intents.DIRECT_MESSAGES if direct else intents.GUILD_MESSAGES
        if not permissions.sees(self._world, channel, self._world.bot.id):
            return

        def build(granted: int) -> Json:
            readable = bool(granted & intents.MESSAGE_CONTENT)
            return self._payloads.message(message, content=readable, event=True)

        self._gateway.dispatch(event, build, needs=needs)

    def _about(self, message: Message, event: str, data: Json, needs: int) -> None:
        """`needs` is the intent for guilds; the one for direct messages is three bits up."""
        channel = self._world.channels[message.channel_id]
        if channel.guild_id and not message.ephemeral:
            data["guild_id"] = channel.guild_id
            self._in(channel, event, data, needs)
        else:
            self._in(channel, event, data, needs << 3)

    def _in(self, channel: Channel, event: str, data: Json, needs: int) -> None:
        if permissions.sees(self._world, channel, self._world.bot.id):
            self._gateway.dispatch(event, lambda _: data, needs=needs)

    def _greet(self, session: Session) -> None:
        """READY, then each guild of the bot."""
        world = self._world
        mine = [g for g in world.guilds.values() if world.bot.id in g.members]
        ready: Json = {
            "v": 10,
            "user": self._payloads.user(world.bot) | {"verified": True, "mfa_enabled": True},
            "guilds": [{"id": g.id, "unavailable": True} for g in mine],
            "private_channels": [],
            "session_id": session.id,
            "resume_gateway_url": self._gateway.resume_url,
            "session_type": "normal",
            "application": {"id": world.bot.id, "flags": 0},
        }
        session.push("READY", ready)
        if session.intents & intents.GUILDS:
            for guild in mine:
                session.push("GUILD_CREATE", self._payloads.guild_create(guild))

    def _find_members(self, session: Session, asked: Json) -> None:
        """Op 8 without the members intent: by id only."""
        guild = self._world.guilds.get(str(asked.get("guild_id")))
        wanted = asked.get("user_ids") or []
        ids = [str(u) for u in (wanted if isinstance(wanted, list) else [wanted])]
        if guild is None:
            return
        found = [self._payloads.member(guild, u) for u in ids if u in guild.members]
        chunk: Json = {
            "guild_id": guild.id,
            "members": found,
            "not_found": [u for u in ids if u not in guild.members],
            "chunk_index": 0,
            "chunk_count": 1,
        }
        if asked.get("nonce"):
            chunk["nonce"] = asked["nonce"]
        session.push("GUILD_MEMBERS_CHUNK", chunk)
