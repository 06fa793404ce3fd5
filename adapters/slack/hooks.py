"""The address that Slack gives with a command: a private sentence goes there where the bot is no member."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

import aiohttp
from yarl import URL

from adapters.files.origins import HTTPS_PORT, Origin, parsed
from adapters.slack import render, words
from bot.proxies import proxy_for

log = logging.getLogger(__name__)

HOST = "hooks.slack.com"
SECONDS = 10.0


class Hooks:
    """Says something at a turn's address: once known, good for half an hour and five posts.

    Whoever could forge an address would learn what is said, so it must be Slack's own, the Web API's, or listed.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: Callable[[str], Awaitable[str]],
        api_url: str,
        extra: Iterable[str] = (),
    ) -> None:
        """`address` finds what was kept for a turn's id; `extra` are origins that the operator vouches for."""
        self._session = session
        self._address = address
        self._telling: set[asyncio.Task[bool]] = set()
        api = Origin.of(URL(api_url))
        self._allowed = {Origin("https", HOST, HTTPS_PORT)}
        self._allowed.update(Origin.listed(text) for text in extra)
        if api is not None:  # GovSlack and the like have their own file and hook hosts
            self._allowed |= {api, Origin("https", f"hooks.{api.host}", HTTPS_PORT)}

    def tell_soon(self, address: str, text: str) -> None:
        """Tell it beside the ack, which does not wait for that."""
        task = asyncio.create_task(self.tell(address, text))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def say(self, turn: str, text: str) -> bool:
        """Whether the turn's author has been told."""
        return await self.tell(await self._address(turn), text)

    async def tell(self, address: str, text: str) -> bool:
        """Whether the person to whom this address belongs has been told."""
        url = parsed(address)
        if not address or url is None or Origin.of(url) not in self._allowed:
            return False
        body = {
            "response_type": "ephemeral",
            "text": render.fallback(text),
            "blocks": words.sections(text),
        }
        try:
            async with self._session.post(
                url,
                json=body,
                allow_redirects=False,
                proxy=proxy_for(address),
                timeout=aiohttp.ClientTimeout(total=SECONDS),
            ) as response:
                if response.status != 200:
                    log.info("hook.refused status=%d", response.status)
                return response.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            log.info("hook.failed error=%s", type(error).__name__)
            return False
