"""Files in the simulated Slack: bytes for who may have them, a login page for the others."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import SCOPES, ConnectFile, GoneFile, RemoteFile, SlackServer
from playground.slack.wire import Json

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


async def fetch(
    slack: SlackServer, web: aiohttp.ClientSession, file: Json, token: str | None = None
) -> tuple[str, bytes, int]:
    """Content type, bytes, and how often the way led elsewhere."""
    headers = {"Authorization": f"Bearer {token or slack.bot_token}"}
    async with web.get(file["url_private_download"], headers=headers) as answer:
        return answer.content_type, await answer.read(), len(answer.history)


async def test_a_file_keeps_its_bytes_and_is_called_what_its_owner_calls_it(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    message = await slack.post("mia", "general", "@Switchboard look", files=[("a b.jpg", PICTURE)])
    mention, plain = (one.payload["event"] for one in slack.events)
    assert plain["subtype"] == "file_share"
    assert "subtype" not in mention
    assert mention["files"] == plain["files"] == list(message.files)
    (file,) = plain["files"]
    assert (file["name"], file["mimetype"]) == ("a b.jpg", "image/jpeg")  # a claim, not a fact
    assert file["size"] == len(PICTURE)
    assert await fetch(slack, web, file) == ("image/jpeg", PICTURE, 0)


async def test_files_may_be_missing_from_the_mention_twin(slack: SlackServer) -> None:
    files = [("a.png", PICTURE)]
    await slack.post("mia", "general", "@Switchboard x", files=files, files_in_mention=False)
    mention, plain = (one.payload["event"] for one in slack.events)
    assert "files" not in mention
    assert plain["files"]


async def test_a_file_without_the_bot_s_token_is_a_login_page(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    message = await slack.post("mia", "general", "x", files=[("a.png", PICTURE)])
    for token in ("xoxb-somebody-else", slack.app_token):
        kind, body, redirects = await fetch(slack, web, message.files[0], token)
        assert (kind, redirects) == ("text/html", 1)
        assert b"Sign in" in body


async def test_without_the_scope_files_read_a_file_is_a_login_page(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    message = await slack.post("mia", "general", "x", files=[("a.png", PICTURE)])
    slack.grant(SCOPES - {"files:read"})
    assert (await fetch(slack, web, message.files[0]))[0] == "text/html"


async def test_a_file_of_a_channel_without_the_bot_is_not_there(
    slack: SlackServer, web: aiohttp.ClientSession, client: AsyncWebClient
) -> None:
    message = await slack.post("mia", "quiet", "x", files=[("a.png", PICTURE)])
    file = message.files[0]
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with web.get(file["url_private_download"], headers=headers) as answer:
        assert answer.status == 404
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_info(file=file["id"])


async def test_a_remote_file_has_an_address_elsewhere_and_no_bytes(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    remote = RemoteFile("plan.png", "http://127.0.0.1:9/inside")
    (file,) = (await slack.post("mia", "general", "x", files=[remote])).files
    assert (file["mode"], file["url_private"]) == ("external", remote.url)
    url = f"{slack.file_origin}/files-pri/T0PLAYGRND-{file['id']}/plan.png"
    async with web.get(url, headers={"Authorization": f"Bearer {slack.bot_token}"}) as answer:
        assert answer.status == 404


async def test_a_connect_file_shows_its_addresses_to_files_info_only(
    slack: SlackServer, web: aiohttp.ClientSession, client: AsyncWebClient
) -> None:
    files = [ConnectFile("a.png", PICTURE)]
    (hint,) = (await slack.post("eve", "with-acme", "x", files=files)).files
    assert hint == {"id": hint["id"], "file_access": "check_file_info"}
    file = (await client.files_info(file=hint["id"]))["file"]
    assert (await fetch(slack, web, file))[1] == PICTURE


async def test_a_deleted_file_has_neither_bytes_nor_info(
    slack: SlackServer, client: AsyncWebClient
) -> None:
    (file,) = (await slack.post("mia", "general", "x", files=[GoneFile()])).files
    assert file == {"id": file["id"], "mode": "tombstone"}
    with pytest.raises(SlackApiError, match="file_deleted"):
        await client.files_info(file=file["id"])


async def test_a_download_can_fail_on_purpose(
    slack: SlackServer, web: aiohttp.ClientSession
) -> None:
    message = await slack.post("mia", "general", "x", files=[("a.png", PICTURE)])
    slack.will_refuse("files-pri", "file_not_found", status=404)
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    url = message.files[0]["url_private"]
    async with web.get(url, headers=headers) as answer:
        assert answer.status == 404
    async with web.get(url, headers=headers) as answer:
        assert await answer.read() == PICTURE
