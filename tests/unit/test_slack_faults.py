"""What Slack, or a proxy before it, answers instead of an answer becomes an error of ours."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.faults import translated
from bot.errors import PlatformBusy, Unsure


@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
@pytest.mark.parametrize(
    ("status", "error"), [(429, PlatformBusy), (500, Unsure), (503, Unsure)], ids=str
)
async def test_a_proxys_text_is_a_fault_like_slacks_own(
    kind: str, status: int, error: type[Exception]
) -> None:
    """slack_sdk hands over plain text as it came."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text="upstream connect error", content_type=kind)

    app = web.Application()
    app.router.add_post("/{method}", answer)
    async with TestServer(app) as server:
        client = AsyncWebClient("xoxb-1", f"{server.make_url('/')}", retry_handlers=[])
        with pytest.raises(error):
            async with translated():
                await client.chat_postMessage(channel="C1", text="hello")
