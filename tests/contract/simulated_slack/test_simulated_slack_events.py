"""Which events the simulated Slack sends, to whom, and what is in them."""

import asyncio
from collections.abc import Callable

import pytest

from playground.slack import SCOPES, SUBSCRIPTIONS, SlackServer


async def events_of(slack: SlackServer, act: Callable[[], object]) -> list[str]:
    before = len(slack.events)
    result = act()
    assert asyncio.iscoroutine(result)
    await result
    return [
        ".".join(filter(None, (one.type, one.payload["event"].get("subtype"))))
        for one in slack.events[before:]
    ]


async def test_a_mention_gives_two_events_with_ids_of_their_own(slack: SlackServer) -> None:
    message = await slack.post("mia", "general", "hey @switchboard, hello")
    mention, plain = (one.payload for one in slack.events)
    assert [mention["event"]["type"], plain["event"]["type"]] == ["app_mention", "message"]
    assert mention["event_id"] != plain["event_id"]
    assert mention["event"]["ts"] == plain["event"]["ts"] == message.ts
    assert mention["event"]["text"] == "hey <@U0SWITCHBD>, hello"
    assert "channel_type" not in mention["event"]
    assert plain["event"]["channel_type"] == "channel"
    assert plain["authorizations"][0]["team_id"] == "T0PLAYGRND"
    assert plain["event_context"]


@pytest.mark.parametrize(
    ("twins", "types"),
    [
        ("both", ["app_mention", "message"]),
        ("reversed", ["message", "app_mention"]),
        ("mention", ["app_mention"]),
        ("message", ["message"]),
    ],
)
async def test_a_twin_may_come_late_or_never(
    slack: SlackServer, twins: str, types: list[str]
) -> None:
    def act() -> object:
        return slack.post("mia", "general", "@Switchboard hi", twins=twins)  # type: ignore[arg-type]

    assert await events_of(slack, act) == types


async def test_a_direct_message_is_never_an_app_mention(slack: SlackServer) -> None:
    assert await events_of(slack, lambda: slack.post("mia", "dm", "@Switchboard hi")) == ["message"]
    assert slack.events[-1].payload["event"]["channel_type"] == "im"


async def test_what_the_bot_may_not_read_gives_no_event() -> None:
    async with SlackServer(scopes=SCOPES - {"channels:history", "app_mentions:read"}) as slack:
        assert await events_of(slack, lambda: slack.post("mia", "general", "@Switchboard hi")) == []
        assert await events_of(slack, lambda: slack.post("mia", "dm", "hi")) == ["message"]


async def test_what_the_app_did_not_subscribe_to_gives_no_event() -> None:
    async with SlackServer(subscriptions=SUBSCRIPTIONS - {"message.channels"}) as slack:
        act: Callable[[], object] = lambda: slack.post("mia", "general", "@Switchboard hi")  # noqa: E731
        assert await events_of(slack, act) == ["app_mention"]


async def test_a_channel_without_the_bot_gives_no_event(slack: SlackServer) -> None:
    assert await events_of(slack, lambda: slack.post("mia", "quiet", "@Switchboard hi")) == []
    assert await events_of(slack, lambda: slack.join("switchboard", "quiet")) == [
        "member_joined_channel"
    ]
    assert await events_of(slack, lambda: slack.post("mia", "quiet", "hi")) == ["message"]


async def test_edits_and_deletions_are_told_with_what_was_before(slack: SlackServer) -> None:
    message = await slack.post("mia", "general", "helo")
    await slack.edit("mia", "general", message.ts, "hello")
    event = slack.events[-1].payload["event"]
    assert event["subtype"] == "message_changed"
    assert (event["previous_message"]["text"], event["message"]["text"]) == ("helo", "hello")
    assert event["message"]["edited"]["user"] == "U0MEMBER01"
    await slack.delete("mia", "general", message.ts)
    event = slack.events[-1].payload["event"]
    assert (event["subtype"], event["deleted_ts"]) == ("message_deleted", message.ts)
    assert slack.channel_messages("general") == []


async def test_a_preview_is_a_change_of_the_same_words(slack: SlackServer) -> None:
    message = await slack.post("mia", "general", "see https://a.page")
    await slack.unfurl("general", message.ts)
    event = slack.events[-1].payload["event"]
    assert event["message"]["text"] == event["previous_message"]["text"]
    assert event["message"]["attachments"]
    assert "edited" not in event["message"]


async def test_a_deleted_root_with_replies_stays_as_a_gravestone(slack: SlackServer) -> None:
    root = await slack.post("mia", "general", "root")
    await slack.post("max", "general", "reply", root.ts)
    await slack.delete("mia", "general", root.ts)
    event = slack.events[-1].payload["event"]
    assert event["subtype"] == "message_changed"
    assert event["message"]["subtype"] == "tombstone"
    assert [one.text for one in slack.thread("general", root.ts)][1:] == ["reply"]


async def test_a_shared_channel_tells_from_which_organisation_somebody_is(
    slack: SlackServer,
) -> None:
    await slack.post("eve", "with-acme", "@Switchboard hi")
    for delivery in slack.events:
        assert delivery.payload["is_ext_shared_channel"]
        assert delivery.payload["event"]["user_team"] == "T0ACME0001"
        assert delivery.payload["authorizations"][0]["team_id"] == "T0PLAYGRND"
    await slack.post("mia", "general", "hi")
    assert not slack.events[-1].payload["is_ext_shared_channel"]
    assert "user_team" not in slack.events[-1].payload["event"]


async def test_the_home_tab_tells_that_it_was_opened(slack: SlackServer) -> None:
    assert await events_of(slack, lambda: slack.open_home("mia", "messages")) == ["app_home_opened"]
    assert slack.events[-1].payload["event"]["tab"] == "messages"
