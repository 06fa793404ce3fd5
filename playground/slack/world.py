"""Who and what exists in the simulated workspace: people, channels and user groups, as values."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from playground.slack.wire import Impossible, Json, SlackError

Role = Literal["owner", "admin", "member", "guest", "bot"]
Kind = Literal["public", "private", "im", "mpim"]

# The word that a scope and an event subscription use for each kind of conversation.
SCOPE_WORD: dict[Kind, str] = {
    "public": "channels",
    "private": "groups",
    "im": "im",
    "mpim": "mpim",
}
# `channel_type` in events; Slack says "channel" and "group" where scopes say "channels", "groups".
CHANNEL_TYPE: dict[Kind, str] = {
    "public": "channel",
    "private": "group",
    "im": "im",
    "mpim": "mpim",
}


@dataclass(frozen=True, slots=True)
class Team:
    id: str = "T0PLAYGRND"
    domain: str = "playground"
    name: str = "Playground"


ACME = Team(id="T0ACME0001", domain="acme", name="Acme Corp")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account: also a bot, which is an account with a bot id."""

    id: str
    name: str
    real_name: str
    team: str
    role: Role = "member"
    bot_id: str | None = None

    def as_json(self, home: str) -> Json:
        """The user object of users.info as the workspace `home` sees it."""
        is_owner = self.role == "owner"
        user: Json = {
            "id": self.id,
            "team_id": self.team,
            "name": self.name,
            "deleted": False,
            "real_name": self.real_name,
            "tz": "Europe/Amsterdam",
            "tz_offset": 3600,
            "profile": {
                "real_name": self.real_name,
                "display_name": self.name,
                "team": self.team,
                **({"bot_id": self.bot_id} if self.bot_id else {}),
            },
            "is_bot": self.bot_id is not None,
            "is_app_user": False,
            "updated": 1700000000,
        }
        if self.team != home:
            return user | {"is_stranger": True}  # roles elsewhere are nobody's business here
        return user | {
            "is_admin": is_owner or self.role == "admin",
            "is_owner": is_owner,
            "is_primary_owner": is_owner,
            "is_restricted": self.role == "guest",
            "is_ultra_restricted": False,
        }


@dataclass(frozen=True, slots=True)
class Channel:
    """A conversation that has members; `shared_with` names the other teams of Slack Connect."""

    id: str
    name: str
    kind: Kind = "public"
    members: frozenset[str] = frozenset()
    is_archived: bool = False
    is_read_only: bool = False  # only admins may post
    shared_with: tuple[str, ...] = ()

    @property
    def is_shared(self) -> bool:
        return bool(self.shared_with)

    def as_json(self, *, bot: str) -> Json:
        """The channel object of conversations.info as the bot sees it."""
        flags = {
            "is_channel": self.kind == "public",
            "is_group": self.kind == "private",
            "is_im": self.kind == "im",
            "is_mpim": self.kind == "mpim",
            "is_private": self.kind != "public",
            "is_archived": self.is_archived,
            "is_read_only": self.is_read_only,
            "is_general": self.name == "general",
            "is_member": bot in self.members,
            "is_shared": self.is_shared,
            "is_ext_shared": self.is_shared,
            "is_org_shared": False,
            "is_pending_ext_shared": False,
        }
        if self.kind == "im":
            partner = next((member for member in self.members if member != bot), bot)
            return {"id": self.id, "created": 1700000000, "user": partner, **flags}
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "created": 1700000000,
            "connected_team_ids": list(self.shared_with),
            "num_members": len(self.members),
            **flags,
        }


@dataclass(frozen=True, slots=True)
class UserGroup:
    id: str
    handle: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class App:
    """The bot under test, as its app's settings page would show it."""

    id: str = "A0SWITCHBD"
    bot_user: str = "U0SWITCHBD"
    bot_id: str = "B0SWITCHBD"
    name: str = "Switchboard"


class World:
    """The workspace's people, channels and groups; a change replaces a value under its id."""

    def __init__(
        self,
        team: Team,
        app: App,
        people: Iterable[Person],
        channels: Iterable[Channel],
        user_groups: Iterable[UserGroup],
    ) -> None:
        self.team = team
        self.app = app
        self.people = {person.id: person for person in people}
        self.channels = {channel.id: channel for channel in channels}
        self.user_groups = {group.id: group for group in user_groups}
        self.bot = Person(
            app.bot_user, app.name.lower(), app.name, team.id, "bot", bot_id=app.bot_id
        )
        self.people[app.bot_user] = self.bot

    def person(self, who: Person | str) -> Person:
        """The person behind a value, an id or a handle; case does not matter."""
        if isinstance(who, Person):
            who = who.id
        if who in self.people:
            return self.people[who]
        handle = who.removeprefix("@").lower()
        for person in self.people.values():
            if person.name == handle:
                return person
        raise Impossible(f"there is nobody called {who}")

    def channel(self, where: Channel | str) -> Channel:
        """The channel behind a value, an id or a name."""
        if isinstance(where, Channel):
            where = where.id
        found = self.find_channel(where)
        if found is None:
            raise Impossible(f"there is no channel called {where}")
        return found

    def find_channel(self, where: str) -> Channel | None:
        if where in self.channels:
            return self.channels[where]
        name = where.removeprefix("#")
        return next(
            (
                channel
                for channel in self.channels.values()
                if channel.name == name and channel.kind in ("public", "private")
            ),
            None,
        )

    def dm(self, person: Person) -> Channel:
        """The direct-message conversation of a person with the bot; there always is one."""
        identity = "D" + person.id[1:]
        known = self.channels.get(identity)
        if known is None:
            members = frozenset({person.id, self.app.bot_user})
            known = Channel(identity, "", "im", members)
            self.channels[identity] = known
        return known

    def change_channel(self, channel: Channel, **changes: object) -> Channel:
        changed = replace(channel, **changes)  # type: ignore[arg-type]  # names are the caller's
        self.channels[channel.id] = changed
        return changed

    def change_person(self, person: Person, **changes: object) -> Person:
        changed = replace(person, **changes)  # type: ignore[arg-type]  # names are the caller's
        self.people[person.id] = changed
        return changed

    # What the bot may see and do

    def visible_to_bot(self, where: str) -> Channel:
        """The channel if the bot may know of it; a private one that it is not in does not exist."""
        channel = self.channels.get(where)
        hidden = channel is not None and channel.kind != "public" and not self.has_bot(channel)
        if channel is None or hidden:
            raise SlackError("channel_not_found")
        return channel

    def joined_by_bot(self, where: str) -> Channel:
        channel = self.visible_to_bot(where)
        if not self.has_bot(channel):
            raise SlackError("not_in_channel")
        return channel

    def has_bot(self, channel: Channel) -> bool:
        return self.app.bot_user in channel.members


def seed(team: Team, app: App) -> World:
    """The small workspace of the demo and the tests: every role, and every kind of channel once."""
    people = (
        Person("U0OWNER001", "olivia", "Olivia Owens", team.id, "owner"),
        Person("U0ADMIN001", "ada", "Ada Adair", team.id, "admin"),
        Person("U0MEMBER01", "mia", "Mia Marsh", team.id),
        Person("U0MEMBER02", "max", "Max Moreau", team.id),
        Person("U0GUEST001", "gus", "Gus Green", team.id, "guest"),
        Person("U0EXTERN01", "eve", "Eve Ellis", ACME.id),
        Person("U0OTHERBOT", "reminder", "Reminder", team.id, "bot", bot_id="B0OTHERBOT"),
    )
    owner, admin, mia, max_, guest, external, other_bot = (person.id for person in people)
    staff = frozenset({owner, admin, mia, max_})
    bot = app.bot_user
    channels = (
        Channel("C0GENERAL1", "general", members=staff | {guest, other_bot, bot}),
        Channel("C0RANDOM01", "random", members=staff | {bot}),
        Channel("C0DESIGN01", "design", members=staff | {bot}),
        Channel("C0LEADS001", "leads", "private", frozenset({owner, admin, bot})),
        Channel("C0SECRET01", "secret", "private", frozenset({owner, admin})),
        Channel("C0QUIET001", "quiet", members=staff),
        Channel("C0OLDNEWS1", "old-news", members=staff | {bot}, is_archived=True),
        Channel("C0SHARED01", "with-acme", members=staff | {external, bot}, shared_with=(ACME.id,)),
        Channel("C0GROUPDM1", "mpdm-ada--mia--switchboard-1", "mpim", frozenset({admin, mia, bot})),
    )
    groups = (UserGroup("S0MODELOPS", "model-ops", (mia,)),)
    world = World(team, app, people, channels, groups)
    for person in people:
        if person.team == team.id and person.bot_id is None:
            world.dm(person)
    return world
