"""A server that tells only what it must is understood: the smallest payloads that Slack documents."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.contract.slack_adapter.office import Office

BOT, MIA, GENERAL = "U0SWITCHBD", "U0MEMBER01", "C0GENERAL1"


async def heard(office: Office, **event: Any) -> None:
    """An event without anything around it."""
    told = {"user": MIA, "channel": GENERAL, "ts": "1800000000.000100", **event}
    office.slack.workspace.hub.deliver({"type": "event_callback", "event": told})
    await office.slack.settled()


@pytest.mark.parametrize("kind", ["app_mention", "message"])
async def test_a_mention_of_five_fields_is_a_question(office: Office, kind: str) -> None:
    await heard(office, type=kind, text=f"<@{BOT}> hello")
    (turn,) = await office.turns()
    assert (turn.kind, turn.message.text) == ("ask", "hello")


async def test_a_direct_message_is_known_by_its_channel(office: Office) -> None:
    await heard(office, type="message", text="hello", channel=office.slack.dm("mia").id)
    (turn,) = await office.turns()
    assert turn.message.thread.id == MIA


async def test_a_reply_that_does_not_say_who_wrote_the_root_goes_on(office: Office) -> None:
    await heard(office, type="message", text=f"<@{BOT}> hello")
    await heard(
        office, type="message", text="more", ts="1800000000.000200", thread_ts="1800000000.000100"
    )
    first, second = await office.turns()
    assert first.conversation == second.conversation


async def test_an_edit_and_a_deletion_of_few_fields_reach_their_question(office: Office) -> None:
    await heard(office, type="message", text=f"<@{BOT}> first")
    message = {"user": MIA, "ts": "1800000000.000100", "text": f"<@{BOT}> second"}
    await heard(office, type="message", subtype="message_changed", message=message, user=None)
    (turn,) = await office.turns()
    assert turn.message.text == "second"
    await heard(office, type="message", subtype="message_deleted", deleted_ts="1800000000.000100")
    assert await office.inbox.claim(turn.conversation) is None
    await office.at_rest()


async def test_a_command_of_four_fields_is_answered(office: Office) -> None:
    payload = {"command": "/ai", "text": "model", "user_id": MIA, "channel_id": GENERAL}
    assert await office.slack.workspace.hub.ask("slash_commands", payload) is None  # type: ignore[arg-type]
    assert "gpt-4o" in await office.told("mia")


async def test_a_trigger_that_comes_with_every_command_hides_none(office: Office) -> None:
    common = {"command": "/ai", "user_id": MIA, "channel_id": GENERAL, "trigger_id": "1.2.same"}
    for text in ("ask one", "ask two", "ask two"):
        payload: Any = {**common, "text": text}
        await office.slack.workspace.hub.ask("slash_commands", payload)
    assert [turn.message.text for turn in await office.turns()] == ["one", "two"]


async def test_a_command_without_words_is_help(office: Office) -> None:
    payload = {"command": "/ai", "user_id": MIA, "channel_id": GENERAL}
    await office.slack.workspace.hub.ask("slash_commands", payload)  # type: ignore[arg-type]
    assert "/ai ask" in await office.told("mia")


async def test_a_form_of_few_fields_is_opened_and_sent(office: Office) -> None:
    trigger = office.slack.workspace.new_trigger(MIA)
    post = await office.slack.post("max", "general", "Monads are burritos")
    about = {"ts": post.ts, "text": post.text, "user": post.user}
    shortcut = {
        "type": "message_action",
        "callback_id": "ask_about_this",
        "trigger_id": trigger,
        "user": {"id": MIA},
        "channel": {"id": GENERAL},
        "message": about,
    }
    await office.slack.workspace.hub.ask("interactive", shortcut)
    view = await office.slack.until(
        lambda: next(iter(office.slack.views("mia")), None), what="no form opened"
    )
    sent = {
        "type": "modal",
        "id": view.id,
        "callback_id": "ask_about_this",
        "private_metadata": view.definition["private_metadata"],
        "state": {"values": {"question": {"words": {"value": "why"}}}},
    }
    submission: Any = {"type": "view_submission", "user": {"id": MIA}, "view": sent}
    await asyncio.wait_for(office.slack.workspace.hub.ask("interactive", submission), 30)
    (turn,) = await office.turns()
    assert (turn.message.text, turn.message.target.thread) == ("why", post.ts)
