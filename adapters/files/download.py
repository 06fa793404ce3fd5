"""The address of an attachment becomes its bytes, from allowed servers only, within a size and a time."""

import asyncio
import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from adapters.files.origins import Origin, Origins, parsed
from adapters.files.sentences import Unfit, rejected
from bot.errors import AttachmentRejected
from bot.proxies import proxy_for

MIB = 1 << 20
CAP = 20 * MIB
TIMEOUT = 10.0  # s, for everything: names, redirects, pauses, bytes
CHUNK = 64 * 1024  # bytes
MAX_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MISSING = frozenset({404, 410})
REFUSED = frozenset({401, 403})
PASSING = frozenset({429, 500, 502, 503, 504})
PAGE_STARTS = (b"<!doctype html", b"<html", b"\xef\xbb\xbf<!doctype html")
PAGE_NAMES = (".html", ".htm")


class AttachmentGone(AttachmentRejected):
    """The file is not at its address (any more); a fresh copy of the message may have a fresh address."""


class _Passing(Unfit):
    """The server could not do it this time."""


class _Missing(Unfit):
    """The server has no such file."""


def remote_file(name: str, platform: str = "Slack") -> AttachmentRejected:
    """The refusal of a file that some app keeps elsewhere and the platform only links to."""
    return rejected(name, f"is kept outside {platform}; I read files that were uploaded here")


def open_session(origins: Origins) -> aiohttp.ClientSession:
    """The client for downloads: no cookies, nothing decompressed, names of the platform only as public addresses."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=_Resolver(origins)),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,  # it would send loopback addresses to a proxy and read passwords from ~/.netrc
    )


async def download(
    session: aiohttp.ClientSession,
    url: str,
    *,
    origins: Origins,
    name: str,
    cap: int = CAP,
    timeout: float = TIMEOUT,
) -> bytes:
    """The bytes at the address; raises AttachmentRejected with the sentence for the person, AttachmentGone on 404."""
    if not origins.allowed(url):
        raise rejected(name, f"is kept outside the file servers of {origins.platform}")
    try:
        async with asyncio.timeout(timeout):
            return await _patiently(session, URL(url), origins, name, cap)
    except TimeoutError:
        raise rejected(name, f"could not be fetched within {timeout:g} seconds") from None
    except _Missing as fault:
        raise AttachmentGone(fault.about(name).sentence) from None
    except Unfit as fault:
        raise fault.about(name) from None


async def _patiently(
    session: aiohttp.ClientSession, url: URL, origins: Origins, name: str, cap: int
) -> bytes:
    """Ask, and again after each pause while the fault may pass."""
    for pause in origins.patience:
        try:
            return await _fetch(session, url, origins, name, cap)
        except _Missing:
            if not origins.lagging:
                raise
        except _Passing:
            pass
        await asyncio.sleep(pause)
    return await _fetch(session, url, origins, name, cap)


async def _fetch(
    session: aiohttp.ClientSession, url: URL, origins: Origins, name: str, cap: int
) -> bytes:
    """Ask once, following redirects within the server. The token goes with the first request alone."""
    headers = origins.headers_for(str(url))
    for hop in range(MAX_REDIRECTS + 1):
        try:
            async with session.get(
                url,
                headers={"Accept-Encoding": "identity", **headers},
                allow_redirects=False,
                proxy=proxy_for(str(url)),
            ) as response:
                if response.status not in REDIRECTS:
                    data = await _body(response, origins, cap)
                    if _is_page(data) and (hop or not name.lower().endswith(PAGE_NAMES)):
                        raise Unfit(_page_instead(origins))
                    return data
                url = _next(url, response.headers.get("Location", ""), origins)
                headers = {}
        except (aiohttp.ClientError, OSError) as error:
            raise _Passing("could not be fetched: the connection failed") from error
    raise Unfit("could not be fetched: its server redirects without end")


async def _body(response: aiohttp.ClientResponse, origins: Origins, cap: int) -> bytes:
    status = response.status
    if status in MISSING:
        raise _Missing(f"could not be fetched: {origins.platform} no longer has it")
    if status in REFUSED:
        raise Unfit(f"could not be fetched: {origins.platform} refused it{origins.hint}")
    if status in PASSING:
        raise _Passing(f"could not be fetched: {origins.platform} is having trouble ({status})")
    if status != 200 or response.headers.get("Content-Encoding", "identity") != "identity":
        raise Unfit(f"could not be fetched: {origins.platform} answered unusably ({status})")
    data = bytearray()
    if (response.content_length or 0) <= cap:
        async for chunk in response.content.iter_chunked(CHUNK):
            data += chunk
            if len(data) > cap:
                break
        else:
            if not data:
                raise Unfit("is empty")
            return bytes(data)
    raise Unfit(f"is larger than {cap // MIB} MB, which is the most that I take")


def _next(url: URL, location: str, origins: Origins) -> URL:
    """Where a redirect leads, if it stays on the server."""
    target = parsed(location)
    target = target and url.join(target)
    if not location or target is None or Origin.of(target) != Origin.of(url):
        raise Unfit(
            f"could not be fetched: {origins.platform} sent me on to another address{origins.hint}"
        )
    return target


def _is_page(data: bytes) -> bool:
    return data[:512].lstrip().lower().startswith(PAGE_STARTS)


def _page_instead(origins: Origins) -> str:
    page = "a sign-in page" if origins.hint else "a web page"
    return f"could not be fetched: {origins.platform} sent {page} instead of the file{origins.hint}"


class _Resolver(AbstractResolver):
    """Names become addresses that may be connected to."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        usable = [result for result in found if self._origins.resolved(host, result["host"])]
        if not usable:
            raise socket.gaierror(socket.EAI_NONAME, f"{host} stands for no public address")
        return usable

    async def close(self) -> None:
        await self._inner.close()
