"""People in the simulated Slack: what they may do, what they type, what they see."""

import asyncio
import json

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import SCOPES, Impossible, SlackServer
from playground.slack.messages import Message, text_of
from playground.slack.wire import Json

GENERAL = "C0GENERAL1"
TITLE = {"type": "plain_text", "text": "Ask"}
MODAL = {"type": "modal", "title": TITLE, "blocks": [{"type": "divider"}]}


# What people can and cannot do


async def test_people_can_do_only_what_the_client_lets_them(slack: SlackServer) -> None:
    root = await slack.post("mia", "general", "root")
    reply = await slack.post("max", "general", "reply", root.ts)
    impossible = [
        slack.post("mia", "leads", "not a member"),
        slack.post("mia", "old-news", "archived"),
        slack.post("nobody", "general", "who?"),
        slack.post("mia", "nowhere", "where?"),
        slack.post("mia", "general", "a reply to a reply", reply.ts),
        slack.edit("mia", "general", reply.ts, "not hers"),
        slack.delete("mia", "general", reply.ts),
        slack.shortcut("mia", "general", "1.000000", "ask"),
        slack.command("mia", "general", "no slash"),
        slack.click("mia", "general", root.ts, "no-button"),
        slack.submit_view("V1", "mia", {}),
    ]
    for act in impossible:
        with pytest.raises(Impossible):
            await act


async def test_without_the_scope_there_are_no_commands(slack: SlackServer) -> None:
    slack.grant(SCOPES - {"commands"})
    with pytest.raises(Impossible, match="commands"):
        await slack.command("mia", "general", "/ai help")


async def test_roles_are_seen_by_users_info_and_can_change(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    async def admin(user: str) -> object:
        return (await client.users_info(user=user))["user"].get("is_admin")

    assert [await admin(one) for one in ("U0OWNER001", "U0ADMIN001", "U0MEMBER01")] == [
        True,
        True,
        False,
    ]
    slack.set_role("mia", "admin")
    assert await admin("U0MEMBER01") is True
    guest = (await client.users_info(user="U0GUEST001"))["user"]
    assert guest["is_restricted"]
    stranger = (await client.users_info(user="U0EXTERN01"))["user"]
    assert stranger["is_stranger"]
    assert "is_admin" not in stranger
    groups = await client.usergroups_users_list(usergroup="S0MODELOPS")
    assert groups["users"] == ["U0MEMBER01"]


async def test_typed_words_become_text_and_rich_text(slack: SlackServer) -> None:
    typed = "@Switchboard a < b & c `@ada` #random https://a.b/?x=1&y @here"
    message = await slack.post("mia", "general", typed)
    assert message.text == (
        "<@U0SWITCHBD> a &lt; b &amp; c `@ada` <#C0RANDOM01|random> "
        "<https://a.b/?x=1&amp;y> <!here>"
    )
    kinds = [one["type"] for one in message.blocks[0]["elements"][0]["elements"]]
    assert kinds == [
        *("user", "text", "text", "text", "channel", "text", "link", "text", "broadcast")
    ]
    assert message.blocks[0]["elements"][0]["elements"][2]["style"] == {"code": True}
    fenced = await slack.post("mia", "general", "see\n```\n@ada <x>\n```")
    assert fenced.text == "see\n```\n@ada &lt;x&gt;\n```"
    assert [one["type"] for one in fenced.blocks[0]["elements"]] == [
        *("rich_text_section", "rich_text_preformatted")
    ]


# Looking


def test_a_reader_sees_markdown_decoded_and_without_joiners() -> None:
    blocks = (
        {"type": "markdown", "text": "a &lt;b&gt; &amp;amp; "},
        {"type": "markdown", "text": "<\u2060!channel>"},
        {"type": "context", "elements": []},
    )
    message = Message("C1", "1.000000", "U1", "T1", "fallback", blocks=blocks)
    assert text_of(message) == "a <b> &amp; <!channel>"
    assert text_of([message, Message("C1", "2.000000", "U1", "T1", "x &lt; y")]).endswith(">x < y")


async def test_waiting_ends_with_what_was_there(slack: SlackServer, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel=GENERAL, text="hello")
    with pytest.raises(TimeoutError, match="hello"):
        await slack.shows("goodbye", timeout=0.01)
    with pytest.raises(TimeoutError, match="0 answers"):
        await slack.answered("1.000000", timeout=0.01)


async def test_changes_can_be_iterated_over(slack: SlackServer) -> None:
    changes = slack.changes()
    first = asyncio.ensure_future(anext(changes))
    await asyncio.sleep(0)
    message = await slack.post("mia", "general", "hello")
    assert (await first)["ts"] == message.ts
    await slack.delete("mia", "general", message.ts)
    assert (await anext(changes))["kind"] == "message_deleted"
    assert slack.find("general", message.ts) is None


async def test_changes_and_a_snapshot_are_json_for_those_who_may_see_them(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    changes: asyncio.Queue[Json] = asyncio.Queue()
    slack.subscribe(changes)
    await slack.post("mia", "general", "hello <b>")
    await slack.post("ada", "leads", "between us")
    await client.chat_postEphemeral(channel=GENERAL, user="U0MEMBER01", text="psst")
    trigger = slack.workspace.new_trigger("U0MEMBER01")
    await client.views_open(trigger_id=trigger, view=MODAL)
    seen = [json.loads(json.dumps(changes.get_nowait())) for _ in range(changes.qsize())]
    assert [(one["kind"], one["audience"]) for one in seen] == [
        ("message_posted", None),
        ("message_posted", ["U0ADMIN001", "U0OWNER001", "U0SWITCHBD"]),
        ("private_posted", ["U0MEMBER01"]),
        ("view_shown", ["U0MEMBER01"]),
    ]
    mia = json.loads(json.dumps(slack.snapshot("mia")))
    assert [one["text"] for one in mia["messages"][GENERAL]] == ["hello &lt;b&gt;"]
    assert [one["text"] for one in mia["private"]] == ["psst"]
    assert len(mia["views"]) == 1
    assert "leads" not in [one["name"] for one in mia["channels"]]
    ada = slack.snapshot("ada")
    assert (ada["private"], ada["views"]) == ([], [])
    assert "leads" in [one["name"] for one in ada["channels"]]
