"""Files come from a real server, whole or with a sentence, and the token goes where it may and nowhere else."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web

from adapters.files.download import (
    AttachmentGone,
    download,
    open_session,
    remote_file,
)
from adapters.files.origins import Origins
from bot.errors import AttachmentRejected
from tests import pictures

TOKEN = "xoxb-invented-2"
SIGN_IN = b"<!DOCTYPE html><html><title>Sign in</title></html>"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class FileServer:
    """A file server that remembers what it was asked, and with what."""

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def has(self, path: str, answer: bytes | Answer, **headers: str) -> str:
        """Put something there; its address."""
        if isinstance(answer, bytes):
            body = answer

            async def give(_: web.Request) -> web.Response:
                return web.Response(body=body, headers=headers)

            answer = give
        self.answers[path] = answer
        return self.url + path

    def sends_on(self, path: str, to: str, status: int = 302) -> str:
        async def redirect(_: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": to})

        return self.has(path, redirect)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path, request.headers.get("Authorization")))
        answer = self.answers.get(request.path)
        return await answer(request) if answer else web.Response(status=404)


@asynccontextmanager
async def serving() -> AsyncIterator[FileServer]:
    server = FileServer()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    async with serving() as running:
        yield running


@pytest.fixture
async def elsewhere() -> AsyncIterator[FileServer]:
    async with serving() as running:
        yield running


@pytest.fixture
def slack(server: FileServer) -> Origins:
    """Slack's rules for the server, without pauses that a test would wait for."""
    return Origins(
        frozenset(),
        [server.url],
        TOKEN,
        platform="Slack",
        hint="; the app may need the permission files:read",
        patience=(0, 0),
        lagging=True,
    )


@pytest.fixture
def discord(server: FileServer) -> Origins:
    return Origins(frozenset(), [server.url], platform="Discord", patience=(0, 0))


@pytest.fixture
async def session(slack: Origins) -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session(slack) as opened:
        yield opened


async def refusal(
    session: aiohttp.ClientSession,
    url: str,
    origins: Origins,
    *,
    name: str = "cat.png",
    cap: int = 1 << 20,
    timeout: float = 5,
) -> str:
    with pytest.raises(AttachmentRejected) as error:
        await download(session, url, origins=origins, name=name, cap=cap, timeout=timeout)
    return error.value.sentence


async def test_a_file_comes_as_it_is_with_the_token(
    server: FileServer, session: aiohttp.ClientSession, slack: Origins
) -> None:
    picture = pictures.encoded(pictures.noise((400, 400)), "PNG")
    server.has("/files-pri/T1-F1/a cat.png", picture)
    url = f"{server.url}/files-pri/T1-F1/a%20cat.png"

    assert await download(session, url, origins=slack, name="a cat.png") == picture
    assert server.asked == [("/files-pri/T1-F1/a cat.png", f"Bearer {TOKEN}")]


async def test_discords_servers_get_no_token(
    server: FileServer, session: aiohttp.ClientSession, discord: Origins
) -> None:
    url = server.has("/attachments/1/2/cat.png", b"bytes")

    assert await download(session, f"{url}?ex=1&is=2&hm=3", origins=discord, name="c") == b"bytes"
    assert server.asked == [("/attachments/1/2/cat.png", None)]


async def test_a_foreign_address_is_never_asked(
    elsewhere: FileServer, session: aiohttp.ClientSession, slack: Origins
) -> None:
    url = elsewhere.has("/cat.png", b"bytes")

    sentence = await refusal(session, url, slack)

    assert sentence == "“cat.png” is kept outside the file servers of Slack."
    assert elsewhere.asked == []


async def test_a_redirect_to_another_server_is_not_followed(
    server: FileServer, elsewhere: FileServer, session: aiohttp.ClientSession, slack: Origins
) -> None:
    url = server.sends_on("/cat.png", elsewhere.has("/trap", b"bytes"))

    sentence = await refusal(session, url, slack)

    assert "sent me on to another address; the app may need the permission files:read" in sentence
    assert elsewhere.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("other", ["http://localhost:{port}/b", "https://127.0.0.1:{port}/b", ""])
async def test_another_name_scheme_or_no_address_is_another_server(
    server: FileServer,
    session: aiohttp.ClientSession,
    slack: Origins,
    status: int,
    other: str,
) -> None:
    port = server.url.rpartition(":")[2]
    url = server.sends_on("/a", other.format(port=port), status)

    assert "another address" in await refusal(session, url, slack)
    assert server.asked == [("/a", f"Bearer {TOKEN}")]


async def test_even_two_listed_servers_do_not_lead_to_each_other(
    server: FileServer, elsewhere: FileServer, session: aiohttp.ClientSession
) -> None:
    both = Origins(frozenset(), [server.url, elsewhere.url], TOKEN, platform="Slack", patience=())
    url = server.sends_on("/a", elsewhere.has("/b", b"bytes"))

    assert "another address" in await refusal(session, url, both)
    assert elsewhere.asked == []


async def test_a_redirect_within_the_server_is_followed_without_the_token(
    server: FileServer, session: aiohttp.ClientSession, slack: Origins
) -> None:
    server.has("/c", b"bytes")
    server.sends_on("/b", f"{server.url}/c", 307)
    url = server.sends_on("/a", "b")

    assert await download(session, url, origins=slack, name="c") == b"bytes"
    assert server.asked == [("/a", f"Bearer {TOKEN}"), ("/b", None), ("/c", None)]


async def test_redirects_have_an_end(
    server: FileServer, session: aiohttp.ClientSession, slack: Origins
) -> None:
    url = server.sends_on("/a", "/a")

    assert "redirects without end" in await refusal(session, url, slack)
    assert len(server.asked) == 4


async def test_cookies_are_not_kept(
    server: FileServer, session: aiohttp.ClientSession, slack: Origins
) -> None:
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie"))
        return web.Response(body=b"x", headers={"Set-Cookie": "a=b"})

    url = server.has("/a", answer)
    for _ in range(2):
        await download(session, url, origins=slack, name="a")

    assert seen == [None, None]


async def test_a_sign_in_page_is_no_file(
    server: FileServer, session: aiohttp.ClientSession, slack: Origins, discord: Origins
) -> None:
    page = server.has("/login", SIGN_IN, **{"Content-Type": "text/html"})
    expected = (
        "“cat.png” could not be fetched: Slack sent a sign-in page instead of the file; "
        "the app may need the permission files:read."
    )

    assert await refusal(session, page, slack) == expected
    assert await refusal(session, server.sends_on("/a", "/login"), slack) == expected
    assert "Discord sent a web page instead" in await refusal(session, page, discord)


async def test_a_page_that_somebody_sent_is_a_file_unless_a_redirect_led_to_it(
    server: FileServer, session: aiohttp.ClientSession, slack: Origins
) -> None:
    page = server.has("/notes.html", SIGN_IN)

    assert await download(session, page, origins=slack, name="Notes.HTML") == SIGN_IN
    led = server.sends_on("/a", "/notes.html")
    assert "sign-in page" in await refusal(session, led, slack, name="Notes.HTML")


@pytest.mark.parametrize("status", [404, 410])
async def test_a_file_that_is_gone_is_told_apart(
    server: FileServer, session: aiohttp.ClientSession, discord: Origins, status: int
) -> None:
    async def gone(_: web.Request) -> web.Response:
        return web.Response(status=status)

    url = server.has("/a", gone)
    with pytest.raises(AttachmentGone) as error:
        await download(session, url, origins=discord, name="cat.png")

    assert error.value.sentence == "“cat.png” could not be fetched: Discord no longer has it."
    assert len(server.asked) == 1


async def test_a_file_that_lags_behind_its_event_is_waited_for(
    server: FileServer, session: aiohttp.ClientSession, slack: Origins
) -> None:
    async def late(_: web.Request) -> web.Response:
        if len(server.asked) < 3:
            return web.Response(status=404)
        return web.Response(body=b"bytes")

    url = server.has("/a", late)

    assert await download(session, url, origins=slack, name="a") == b"bytes"
    assert server.asked == [("/a", f"Bearer {TOKEN}")] * 3


async def test_a_file_that_never_appears_is_gone(
    server: FileServer, session: aiohttp.ClientSession, slack: Origins
) -> None:
    with pytest.raises(AttachmentGone):
        await download(session, f"{server.url}/nowhere", origins=slack, name="a")

    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_says_what_may_be_missing(
    server: FileServer, session: aiohttp.ClientSession, slack: Origins, status: int
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=status)

    sentence = await refusal(session, server.has("/a", refuse), slack)

    assert "Slack refused it; the app may need the permission files:read." in sentence
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_trouble_that_passes_is_waited_out(
    server: FileServer, session: aiohttp.ClientSession, discord: Origins, status: int
) -> None:
    async def trouble(_: web.Request) -> web.Response:
        if len(server.asked) < 3:
            return web.Response(status=status)
        return web.Response(body=b"bytes")

    url = server.has("/a", trouble)

    assert await download(session, url, origins=discord, name="a") == b"bytes"


async def test_trouble_that_stays_ends_in_a_sentence(
    server: FileServer, session: aiohttp.ClientSession, discord: Origins
) -> None:
    async def trouble(_: web.Request) -> web.Response:
        return web.Response(status=503)

    sentence = await refusal(session, server.has("/a", trouble), discord)

    assert sentence == "“cat.png” could not be fetched: Discord is having trouble (503)."
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [204, 206, 304, 418])
async def test_an_answer_that_is_no_file_is_refused(
    server: FileServer, session: aiohttp.ClientSession, discord: Origins, status: int
) -> None:
    async def odd(_: web.Request) -> web.Response:
        return web.Response(status=status)

    assert f"unusably ({status})" in await refusal(session, server.has("/a", odd), discord)


async def test_a_compressed_answer_is_not_unpacked(
    server: FileServer, session: aiohttp.ClientSession, discord: Origins
) -> None:
    url = server.has("/a", b"\x1f\x8b" + b"x" * 50, **{"Content-Encoding": "gzip"})

    assert "unusably" in await refusal(session, url, discord)


async def test_an_empty_file_is_said_to_be_empty(
    server: FileServer, session: aiohttp.ClientSession, discord: Origins
) -> None:
    assert await refusal(session, server.has("/a", b""), discord) == "“cat.png” is empty."


async def test_a_file_at_the_limit_comes_and_one_byte_more_does_not(
    server: FileServer, session: aiohttp.ClientSession, discord: Origins
) -> None:
    cap = 1 << 20
    fits, large = server.has("/a", bytes(cap)), server.has("/b", bytes(cap + 1))

    assert len(await download(session, fits, origins=discord, name="a", cap=cap)) == cap
    sentence = await refusal(session, large, discord, cap=cap)
    assert sentence == "“cat.png” is larger than 1 MB, which is the most that I take."


async def test_a_stream_without_end_is_left_at_the_limit(
    server: FileServer, session: aiohttp.ClientSession, discord: Origins
) -> None:
    left = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(1 << 16))
        except (ConnectionError, asyncio.CancelledError):
            left.set()
        return response

    url = server.has("/a", endless)

    assert "larger than 1 MB" in await refusal(session, url, discord)
    await asyncio.wait_for(left.wait(), 30)


async def test_a_drip_ends_with_the_time(
    server: FileServer, session: aiohttp.ClientSession, discord: Origins
) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while request.transport is not None:
            await response.write(b"x")
            await asyncio.sleep(0.01)
        return response

    sentence = await refusal(session, server.has("/a", drip), discord, timeout=0.2)

    assert sentence == "“cat.png” could not be fetched within 0.2 seconds."


@asynccontextmanager
async def raw_server(answer: bytes) -> AsyncIterator[str]:
    """A server that gives this answer, byte for byte, and hangs up."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfew", "the connection failed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nfew", "larger than"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "the connection failed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "the connection failed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the connection failed"),
        (b"", "the connection failed"),
    ],
)
async def test_a_server_that_lies_or_hangs_up_ends_in_a_sentence(
    session: aiohttp.ClientSession, answer: bytes, reason: str
) -> None:
    async with raw_server(answer) as url:
        origins = Origins(frozenset(), [url], platform="Discord", patience=(0,))
        assert reason in await refusal(session, f"{url}/a", origins)


async def test_nobody_listening_ends_in_a_sentence(session: aiohttp.ClientSession) -> None:
    async with raw_server(b"") as url:
        pass
    origins = Origins(frozenset(), [url], platform="Discord", patience=(0,))

    assert "the connection failed" in await refusal(session, f"{url}/a", origins)


async def test_a_listed_name_may_stand_for_this_machine() -> None:
    async with serving() as server:
        url = server.has("/a", b"bytes").replace("127.0.0.1", "localhost")
        origins = Origins.discord([url.removesuffix("/a")])
        async with open_session(origins) as session:
            assert await download(session, url, origins=origins, name="a") == b"bytes"


async def test_a_name_of_the_platform_that_stands_for_this_machine_is_not_connected_to() -> None:
    async with serving() as server, open_session(Origins(frozenset({"localhost"}))) as session:
        port = server.url.rpartition(":")[2]
        with pytest.raises(aiohttp.ClientConnectorDNSError, match="no public address"):
            await session.get(f"http://localhost:{port}/a")
        assert server.asked == []


async def test_a_proxy_of_the_environment_carries_outside_hosts_and_no_loopback(
    server: FileServer,
    elsewhere: FileServer,
    session: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", elsewhere.url)
    outside = "http://files.example:8080"
    origins = Origins(frozenset(), [server.url, outside], platform="Slack", patience=())
    elsewhere.has("/a", b"through the proxy")
    near = server.has("/a", b"directly")

    assert await download(session, near, origins=origins, name="a") == b"directly"
    far = await download(session, f"{outside}/a", origins=origins, name="a")
    assert far == b"through the proxy"


def test_a_remote_file_is_refused_by_name() -> None:
    assert remote_file("plan.gdoc").sentence == (
        "“plan.gdoc” is kept outside Slack; I read files that were uploaded here."
    )
