"""What Discord says with an interaction counts for a minute, for its author in its channel, until it says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from adapters.discord.granted import BELIEVED_SECONDS, MOST_KNOWN, Granted
from bot.types import Author, Channel, Message, Scope, Target, Thread, Turn

MANAGE_CHANNELS, MANAGE_SERVER, SEND = 1 << 4, 1 << 5, 1 << 11
SERVER, ROOM, MARA = "100", "200", "400"
Json = dict[str, Any]


class Time:
    """It stands still until a test moves it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def granted(time: Time) -> Granted:
    return Granted(time)


def used(bits: int | None = MANAGE_CHANNELS, **more: Any) -> Json:
    """An interaction as the gateway tells of it, in as few fields as there may be."""
    member: Json = {"user": {"id": more.pop("person", MARA)}, "roles": more.pop("roles", [])}
    if bits is not None:
        member["permissions"] = str(bits)
    return {"guild_id": SERVER, "channel_id": ROOM, "member": member, **more}


def turn(*, person: str = MARA, room: str = ROOM, server: str = SERVER, used: bool = True) -> Turn:
    """A command of somebody: by an interaction, or in a mention."""
    home = Channel("discord", server, ROOM)
    target = Target(room, interaction="900" if used else None)
    said = Message(
        "900", Thread(home, "900"), Author(person, "Mara"), "/model reset", target, ("m",)
    )
    return Turn.of(said, "command", at=0.0)


def powers(granted: Granted, asked: Turn | None = None) -> frozenset[Scope] | None:
    actor = granted.actor(asked or turn())
    return None if actor is None else actor.powers


def test_an_interaction_brings_its_authors_powers_and_roles(granted: Granted) -> None:
    granted.hear("INTERACTION_CREATE", used(MANAGE_CHANNELS | MANAGE_SERVER, roles=["7", "8"]))
    actor = granted.actor(turn())
    assert actor is not None
    assert actor.powers == {Scope.THREAD, Scope.CHANNEL, Scope.CATEGORY, Scope.WORKSPACE}
    assert actor.groups == {"7", "8"}
    assert (actor.workspace, actor.id, actor.name) == (SERVER, MARA, "Mara")


@pytest.mark.parametrize(
    "other",
    [turn(person="401"), turn(room="201"), turn(server="101"), turn(used=False)],
    ids=["person", "channel", "server", "mention"],
)
def test_nobody_and_nothing_else_profits(granted: Granted, other: Turn) -> None:
    granted.hear("INTERACTION_CREATE", used())
    assert powers(granted) == {Scope.THREAD, Scope.CHANNEL, Scope.CATEGORY}
    assert granted.actor(other) is None


def test_it_counts_for_a_minute(granted: Granted, time: Time) -> None:
    granted.hear("INTERACTION_CREATE", used())
    time.now = BELIEVED_SECONDS
    assert powers(granted)
    time.now = BELIEVED_SECONDS + 0.1
    assert granted.actor(turn()) is None


def test_the_newest_word_wins(granted: Granted) -> None:
    granted.hear("INTERACTION_CREATE", used())
    granted.hear("INTERACTION_CREATE", used(SEND))
    assert powers(granted) == frozenset()
    granted.hear("INTERACTION_CREATE", used())
    granted.hear("INTERACTION_CREATE", used(SEND, channel_id="201"))
    assert granted.actor(turn()) is None  # whatever it says of another channel, it is newer
    granted.hear("INTERACTION_CREATE", used())
    granted.hear("INTERACTION_CREATE", used(None))
    assert granted.actor(turn()) is None  # it says nothing, so Discord is asked


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("GUILD_MEMBER_UPDATE", {"guild_id": SERVER, "user": {"id": MARA}, "roles": []}),
        ("GUILD_MEMBER_REMOVE", {"guild_id": SERVER, "user": {"id": MARA}}),
        ("GUILD_ROLE_UPDATE", {"guild_id": SERVER, "role": {"id": "7"}}),
        ("GUILD_ROLE_DELETE", {"guild_id": SERVER, "role_id": "7"}),
        ("CHANNEL_UPDATE", {"guild_id": SERVER, "id": ROOM}),
        ("GUILD_UPDATE", {"id": SERVER}),
        ("GUILD_DELETE", {"id": SERVER}),
        ("READY", {"guilds": []}),
    ],
)
def test_what_may_have_taken_a_right_away_is_the_end_of_it(
    granted: Granted, event: str, data: Mapping[str, Any]
) -> None:
    granted.hear("INTERACTION_CREATE", used())
    granted.hear(event, data)
    assert granted.actor(turn()) is None


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("GUILD_MEMBER_UPDATE", {"guild_id": SERVER, "user": {"id": "401"}}),
        ("GUILD_ROLE_UPDATE", {"guild_id": "101", "role": {"id": "7"}}),
        ("CHANNEL_UPDATE", {"id": "55", "type": 3}),
        ("MESSAGE_CREATE", {"guild_id": SERVER, "content": "hello"}),
    ],
)
def test_what_is_about_others_changes_nothing(
    granted: Granted, event: str, data: Mapping[str, Any]
) -> None:
    granted.hear("INTERACTION_CREATE", used())
    granted.hear(event, data)
    assert powers(granted)


def test_what_is_kept_is_bounded_and_the_oldest_leaves(granted: Granted) -> None:
    for person in range(MOST_KNOWN + 1):
        granted.hear("INTERACTION_CREATE", used(person=str(person)))
    assert granted.actor(turn(person="0")) is None
    assert powers(granted, turn(person="1"))
    assert powers(granted, turn(person=str(MOST_KNOWN)))


def test_an_interaction_in_a_direct_message_says_nothing_of_a_server(granted: Granted) -> None:
    granted.hear("INTERACTION_CREATE", {"channel_id": ROOM, "user": {"id": MARA}})
    assert granted.actor(turn()) is None
