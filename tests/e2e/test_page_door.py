"""The page's server by itself: it answers this machine's browser tabs alone, and caps what they send."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from PIL import Image

from tests.e2e.browsing import Playground


@pytest.fixture
async def playground() -> AsyncIterator[Playground]:
    async with Playground() as started:
        yield started


@pytest.fixture
async def http(playground: Playground) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(playground.page.url) as session:
        yield session


def own(playground: Playground) -> dict[str, str]:
    return {"Origin": playground.page.url.rstrip("/")}


async def act(
    http: aiohttp.ClientSession, playground: Playground, deed: str, **given: Any
) -> dict[str, Any]:
    async with http.post(f"/do/{deed}", json=given, headers=own(playground)) as response:
        assert response.status == 200
        answer: dict[str, Any] = await response.json()
        return answer


async def first_events(http: aiohttp.ClientSession, query: str = "") -> dict[str, Any]:
    """What a fresh stream tells of each pane at first."""
    told: dict[str, Any] = {}
    async with http.get(f"/events{query}") as response:
        async with asyncio.timeout(5):
            async for line in response.content:
                if line.startswith(b"data: "):
                    event = json.loads(line[6:])
                    told[event["pane"]] = event["set"]
                    if len(told) == 3:
                        return told
    raise AssertionError("the stream ended early")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "127.0.0.1.evil.example", ""])
async def test_another_host_name_is_refused(http: aiohttp.ClientSession, host: str) -> None:
    for path in ("/", "/events", "/people", "/static/app.js"):
        async with http.get(path, headers={"Host": host}) as response:
            assert response.status in (400, 403)


async def test_localhost_is_this_machine_too(
    http: aiohttp.ClientSession, playground: Playground
) -> None:
    port = playground.page.url.rstrip("/").rpartition(":")[2]
    async with http.get("/", headers={"Host": f"localhost:{port}"}) as response:
        assert response.status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", None])
async def test_a_deed_from_another_site_or_from_none_is_refused(
    http: aiohttp.ClientSession, playground: Playground, origin: str | None
) -> None:
    headers = {"Origin": origin} if origin else {}
    given = {"channel": "general", "text": "Hello"}
    async with http.post("/do/slack/post", json=given, headers=headers) as response:
        assert response.status == 403
    assert playground.slack.channel_messages("general") == []


async def test_the_stream_is_not_for_other_sites(http: aiohttp.ClientSession) -> None:
    async with http.get("/events", headers={"Origin": "https://evil.example"}) as response:
        assert response.status == 403
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_every_response_forbids_foreign_content(http: aiohttp.ClientSession) -> None:
    for path in ("/", "/static/app.js", "/static/none.js", "/people"):
        async with http.get(path) as response:
            policy = response.headers["Content-Security-Policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/static/../server.py", "/static/..%2fserver.py", "/static/%2e"])
async def test_only_the_pages_own_files_are_served(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as response:
        assert response.status == 404


async def test_the_page_refers_to_nothing_outside(http: aiohttp.ClientSession) -> None:
    async with http.get("/") as response:
        text = await response.text()
    assert "http://" not in text
    assert "https://" not in text
    assert "<style" not in text


async def test_a_message_is_posted_as_the_person_chosen(
    http: aiohttp.ClientSession, playground: Playground
) -> None:
    given = {"as": "U0MEMBER01", "channel": "C0GENERAL1", "text": "Hello"}
    await act(http, playground, "slack/post", **given)
    assert playground.slack.channel_messages("general")[0].user == "U0MEMBER01"
    told = await first_events(http)
    messages = [v for k, v in told["slack"].items() if k.startswith("message:")]
    assert [message["author"]["name"] for message in messages] == ["Mia Marsh"]


async def test_nobody_can_be_invented(http: aiohttp.ClientSession, playground: Playground) -> None:
    given = {"as": "U0SWITCHBD", "channel": "C0GENERAL1", "text": "I am the bot"}
    await act(http, playground, "slack/post", **given)
    assert playground.slack.channel_messages("general")[0].user == "U0ADMIN001"


async def test_one_sees_only_what_this_person_sees(
    http: aiohttp.ClientSession, playground: Playground
) -> None:
    admin = await first_events(http, "?slack=U0ADMIN001")
    member = await first_events(http, "?slack=U0MEMBER01")
    assert "channel:C0SECRET01" in admin["slack"]
    assert "channel:C0SECRET01" not in member["slack"]


async def test_what_the_platform_forbids_is_a_sentence(
    http: aiohttp.ClientSession, playground: Playground
) -> None:
    given = {"channel": "C0OLDNEWS1", "text": "Hello"}
    assert await act(http, playground, "slack/post", **given) == {"error": "Old-news is archived."}
    given = {"channel": "C0GENERAL1", "line": "/other thing"}
    answer = await act(http, playground, "slack/command", **given)
    assert answer == {"error": "/other is no command here. There is /ai."}
    answer = await act(http, playground, "discord/post", channel="nowhere", text="Hello")
    assert "nowhere" in answer["error"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"text": "' + b"x" * 70_000 + b'"}'],
    ids=["empty", "broken", "list", "long"],
)
async def test_a_deed_that_is_no_small_object_is_refused(
    http: aiohttp.ClientSession, playground: Playground, body: bytes
) -> None:
    headers = own(playground) | {"Content-Type": "application/json"}
    async with http.post("/do/slack/post", data=body, headers=headers) as response:
        assert "error" in await response.json()
    assert playground.slack.channel_messages("general") == []


async def test_unknown_deeds_and_panes_are_refused(
    http: aiohttp.ClientSession, playground: Playground
) -> None:
    assert "error" in await act(http, playground, "slack/explode")
    async with http.post("/do/teams/post", json={}, headers=own(playground)) as response:
        assert response.status == 404


def form(*files: tuple[str, bytes], **given: Any) -> aiohttp.FormData:
    made = aiohttp.FormData()
    made.add_field("given", json.dumps({"channel": "C0GENERAL1", "text": "Look"} | given))
    for name, data in files:
        made.add_field("file", io.BytesIO(data), filename=name)
    return made


async def upload(
    http: aiohttp.ClientSession, playground: Playground, data: aiohttp.FormData
) -> dict[str, Any]:
    async with http.post("/do/slack/post", data=data, headers=own(playground)) as response:
        answer: dict[str, Any] = await response.json()
        return answer


async def test_uploads_are_capped_in_size_and_number(
    http: aiohttp.ClientSession, playground: Playground
) -> None:
    big = form(("big.png", b"x" * (10 * 1024 * 1024 + 1)))
    assert "larger than 10 MB" in (await upload(http, playground, big))["error"]
    many = form(*((f"{n}.png", b"x") for n in range(11)))
    assert "At most 10 files" in (await upload(http, playground, many))["error"]
    assert playground.slack.channel_messages("general") == []


async def test_files_are_images_by_content_or_downloads(
    http: aiohttp.ClientSession, playground: Playground
) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    page = b"<script>alert(1)</script>"
    await upload(http, playground, form(("a.png", buffer.getvalue()), ("b.png", page)))
    files = playground.slack.channel_messages("general")[0].files
    async with http.get(f"/files/slack/{files[0]['id']}") as response:
        assert response.content_type == "image/png"
        assert await response.read() == buffer.getvalue()
    async with http.get(f"/files/slack/{files[1]['id']}") as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"] == "attachment"
        assert "sandbox" in response.headers["Content-Security-Policy"]
    async with http.get("/files/slack/none") as response:
        assert response.status == 404


async def test_a_change_arrives_as_a_small_difference(
    http: aiohttp.ClientSession, playground: Playground
) -> None:
    async with http.get("/events") as response, asyncio.timeout(5):
        events: list[Any] = []
        async for line in response.content:
            if not line.startswith(b"data: "):
                continue
            events.append(json.loads(line[6:]))
            if len(events) == 3:  # everything has been told
                message = await playground.slack.post("mia", "general", "Hello")
            if len(events) == 4:
                break
    assert events[3]["pane"] == "slack"
    assert list(events[3]["set"]) == [f"message:C0GENERAL1/{message.ts}"]
    assert events[3]["gone"] == []
