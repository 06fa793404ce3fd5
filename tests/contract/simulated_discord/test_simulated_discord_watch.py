"""What the simulated Discord notices, breaks on request, and shows to the people."""

import ast
import asyncio
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from playground.discord import ClientRefusal, DiscordServer, Rules
from tests.contract.simulated_discord.raw_discord import (
    ABOUT,
    ASK,
    QUIET,
    SETTINGS,
    Raw,
)

ROOT = Path(__file__).parents[3]


def kinds(server: DiscordServer) -> list[str]:
    found = [violation.kind for violation in server.violations]
    server.violations.clear()
    return found


async def post(server: DiscordServer, raw: Raw, **body: Any) -> dict[str, Any]:
    path = f"/channels/{server.world.place('general').id}/messages"
    reply = await raw.call("POST", path, {"content": "hello"} | body)
    made: dict[str, Any] = reply.body
    return made


async def test_a_post_without_allowed_mentions_is_a_violation(
    server: DiscordServer, raw: Raw
) -> None:
    await post(server, raw, flags=4)
    assert kinds(server) == ["mentions"]
    await post(server, raw, flags=4, allowed_mentions={"parse": ["users"]})
    assert kinds(server) == ["mentions"]
    await post(server, raw, flags=4, allowed_mentions={"parse": [], "replied_user": True})
    assert kinds(server) == ["mentions"]
    await post(server, raw, **QUIET)
    assert kinds(server) == []


async def test_a_post_or_an_edit_with_live_embeds_is_a_violation(
    server: DiscordServer, raw: Raw
) -> None:
    made = await post(server, raw, allowed_mentions={"parse": []})
    assert kinds(server) == ["embeds"]
    path = f"/channels/{made['channel_id']}/messages/{made['id']}"
    await raw.call("PATCH", path, QUIET | {"content": "x", "flags": 0})
    assert kinds(server) == ["embeds"]
    await raw.call("PATCH", path, {"content": "x", "allowed_mentions": {"parse": []}})
    assert kinds(server) == ["embeds"]
    await raw.call("PATCH", path, QUIET | {"content": "x"})
    assert kinds(server) == []


async def test_a_mention_that_would_ping_is_a_violation(server: DiscordServer, raw: Raw) -> None:
    mia = server.world.person("mia").id
    role = next(r for r in server.world.guilds[server.guild_id].roles if r != server.guild_id)
    for text in (f"<@{mia}>", f"<@&{role}>", "@everyone", "@here"):
        await post(server, raw, content=text, flags=4)
        assert kinds(server) == ["mentions", "ping"], text
        await post(server, raw, content=text, **QUIET)
        assert kinds(server) == [], text
    listed = {"parse": [], "users": [mia]}
    made = await post(server, raw, content=f"<@{mia}>", flags=4, allowed_mentions=listed)
    assert kinds(server) == ["ping"]
    assert [m["id"] for m in made["mentions"]] == [mia]
    shown = [{"type": 10, "content": f"<@{mia}>"}]
    await post(server, raw, content="", components=shown, flags=1 << 15 | 4)
    assert kinds(server) == ["mentions", "ping"]


async def test_answers_to_interactions_are_watched_too(server: DiscordServer, raw: Raw) -> None:
    await raw.register(ASK)
    loud = {"content": "@everyone"}
    for kind, data in ((4, loud), (5, None)):
        asked = await server.slash("mia", "general", "ask", prompt="why")
        await raw.respond(asked, kind, data)
        await raw.hook(asked, "PATCH", "/messages/@original", loud)
        await raw.hook(asked, "POST", body=loud)
    assert kinds(server) == ["mentions", "embeds", "ping"] * 5  # the defer itself says nothing


async def test_every_request_is_recorded(server: DiscordServer, raw: Raw) -> None:
    await raw.say("general", "hello")
    await raw.say("vault", "hello")
    good, bad = server.calls
    assert (good.name, good.status, good.code) == (
        "POST /channels/{channel_id}/messages",
        200,
        None,
    )
    assert (bad.status, bad.code, bad.body["content"]) == (403, 50001, "hello")


async def test_ordered_refusals_do_nothing_and_end(server: DiscordServer, raw: Raw) -> None:
    server.will_refuse("POST /channels/*/messages", 503, times=2)
    server.will_refuse("PATCH *", 403, 50013)
    assert [(await raw.say("general")).status for _ in range(3)] == [503, 503, 200]
    (message,) = server.messages("general")
    assert (await raw.change("general", message.id, "x")).code == 50013
    assert (await raw.change("general", message.id, "x")).status == 200


async def test_a_dropped_reply_was_carried_out(server: DiscordServer, raw: Raw) -> None:
    server.will_drop_reply("POST /channels/*/messages")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await raw.say("general", "there")
    assert [m.content for m in server.messages("general")] == ["there"]


async def test_a_dropped_request_did_nothing(server: DiscordServer, raw: Raw) -> None:
    server.will_drop_request("POST /channels/*/messages")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await raw.say("general", "lost")
    assert server.messages("general") == []
    assert (await raw.say("general", "there")).status == 200


async def test_a_held_request_waits_for_its_gate_and_others_do_not(
    server: DiscordServer, raw: Raw
) -> None:
    gate = server.will_hold("POST /channels/*/messages")
    held = asyncio.create_task(raw.say("general", "later"))
    assert (await raw.call("GET", "/users/@me")).status == 200
    assert server.messages("general") == []
    gate.set()
    assert (await held).status == 200


async def test_downloads_fail_on_purpose(server: DiscordServer) -> None:
    message = await server.post("mia", "general", "look", files=[("a.txt", b"bytes")])
    url = server.cdn.address(message.attachments[0])
    server.will_refuse("GET /attachments/*", 503)
    server.will_drop_reply("GET /attachments/*", times=2)
    # Twice, because the client repeats a lost GET by itself.
    async with aiohttp.ClientSession() as http:
        async with http.get(url) as response:
            assert response.status == 503
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await http.get(url)
        async with http.get(url) as response:
            assert await response.read() == b"bytes"


async def test_people_cannot_do_what_the_app_would_not_let_them(server: DiscordServer) -> None:
    file = ("a.txt", b"a")
    for user, channel, text, files in (
        ("mia", "general", "", []),
        ("mia", "general", "x" * 4001, []),
        ("mia", "general", "x", [file] * 11),
        ("mia", "general", "x", [("big", b"x" * 10_485_761)]),
        ("mia", "ideas", "x", []),
        ("mia", "closed", "x", []),
        ("stranger", "general", "x", []),
    ):
        with pytest.raises(ClientRefusal):
            await server.post(user, channel, text, files=files)


async def test_what_people_type_becomes_mentions(server: DiscordServer) -> None:
    text = "@Switchboard and @mia in #general, not a@mia or @miaow"
    message = await server.post("noah", "general", text)
    mia, general = server.world.person("mia").id, server.world.place("general").id
    bot = server.application_id
    assert message.content == f"<@{bot}> and <@{mia}> in <#{general}>, not a@mia or @miaow"
    assert message.mentions == (bot, mia)


async def test_a_viewer_is_told_only_of_what_the_viewer_sees(
    server: DiscordServer, raw: Raw
) -> None:
    await raw.register(ASK)
    stream = server.changes("noah")
    await server.post("mia", "dm", "for the bot")
    await server.post("mara", "vault", "for stewards")
    asked = await server.slash("mia", "general", "ask", prompt="why")
    await raw.respond(asked, 4, {"content": "for mia", "flags": 68})
    await server.start_typing("mia", "general")
    message = await server.post("mia", "general", "for all")
    await server.delete(message)
    await server.post("mia", "general", "the end")
    seen: list[dict[str, Any]] = []
    while not seen or "the end" not in json.dumps(seen[-1]):
        seen.append(await asyncio.wait_for(anext(stream), 30))
    told = [c["kind"] for c in seen]
    assert told == ["typing", "message", "message_deleted", "message"]
    assert seen[1]["message"]["author"]["name"] == "Mia"


async def test_a_snapshot_holds_what_one_person_sees(server: DiscordServer, raw: Raw) -> None:
    await raw.register(ASK, SETTINGS, ABOUT)
    await server.post("mia", "general", "hello @Noah", files=[("a.png", b"a")])
    await server.post("mia", "dm", "hello bot")
    asked = await server.slash("mia", "general", "ask", prompt="why")
    await raw.respond(asked, 5, {"flags": 64})
    mine = json.loads(json.dumps(server.snapshot("mia")))
    theirs = server.snapshot("noah")
    general = server.world.place("general").id
    names = {c["name"] for c in mine["channels"]}
    assert {"general", "launch", "ideas", ""} <= names
    assert "vault" not in names
    assert [m["thinking"] for m in mine["messages"][general]] == [False, True]
    assert len(theirs["messages"][general]) == 1
    first = mine["messages"][general][0]
    assert list(first["names"].values()) == ["@Noah"]
    assert first["attachments"][0]["url"].startswith(server.cdn_origin)
    assert {c["name"] for c in mine["commands"][general]} == {"ask", "Ask about this"}
    assert not any(c["kind"] == "dm" for c in theirs["channels"])
    assert len(server.snapshot("mara")["commands"][general]) == 3


async def test_a_slow_reader_is_told_to_look_again(server: DiscordServer) -> None:
    queue = server.feed.subscribe()
    for n in range(queue.maxsize + 1):
        server.feed.tell({"kind": "typing", "n": n})
    assert [queue.get_nowait()["kind"], queue.get_nowait()["n"]] == ["reload", queue.maxsize]


async def test_waiting_in_vain_says_what_was_there_instead(server: DiscordServer, raw: Raw) -> None:
    question = await server.post("mia", "general", "hello?")
    await raw.say("general", "something else")
    with pytest.raises(AssertionError, match="something else"):
        await server.shows("an answer", timeout=0.01)
    with pytest.raises(AssertionError, match="no answer"):
        await server.answered(question, timeout=0.01)


def test_every_rule_in_the_page_names_a_test_that_exists_and_every_figure_is_there() -> None:
    page = (ROOT / "docs" / "playground-discord.md").read_text()
    table = page.split("## What it enforces")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    written: set[str] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        tree = ast.parse(path.read_text())
        written |= {
            n.name for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef | ast.FunctionDef)
        }
    named = [re.findall(r"`(test_\w+)`", row) for row in rows]
    assert rows
    assert all(named), "a rule without a test"
    assert {name for names in named for name in names} - written == set()
    assert [f for f in Rules.__dataclass_fields__ if f"`{f}`" not in page] == []
