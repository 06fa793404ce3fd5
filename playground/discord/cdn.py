"""Stored bytes go out under signed addresses, and only while the signature holds."""

import hashlib
import hmac
import secrets
from urllib.parse import quote

from aiohttp import web

from playground.discord.clock import Clock
from playground.discord.rules import Rules
from playground.discord.world import Attachment


class Cdn:
    """Keeps what was uploaded; each address carries `ex`, `is` and `hm`, as Discord's do."""

    def __init__(self, rules: Rules, clock: Clock) -> None:
        self._rules = rules
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._stored: dict[str, Attachment] = {}
        self.origin = ""
        self.fetched: list[str] = []  # paths with the status they got, for a test to read

    def keep(self, attachment: Attachment) -> None:
        self._stored[attachment.id] = attachment

    def address(self, attachment: Attachment) -> str:
        """A fresh address, good from now on for the life that the rules give."""
        path = self._path(attachment)
        issued = int(self._clock.now())
        expires = f"{int(issued + self._rules.url_seconds):x}"
        since = f"{issued:x}"
        mark = self._mark(path, expires, since)
        return f"{self.origin}{quote(path)}?ex={expires}&is={since}&hm={mark}&"

    async def serve(self, request: web.Request) -> web.Response:
        attachment = self._stored.get(request.match_info["attachment_id"])
        if attachment is None or not self._signed(request, attachment):
            self.fetched.append(f"404 {request.path}")
            return web.Response(status=404, text="This content is no longer available.")
        self.fetched.append(f"200 {request.path}")
        kind = attachment.content_type or "application/octet-stream"
        return web.Response(body=attachment.data, headers={"Content-Type": kind})

    @staticmethod
    def _path(attachment: Attachment) -> str:
        folder = "ephemeral-attachments" if attachment.ephemeral else "attachments"
        return f"/{folder}/{attachment.channel_id}/{attachment.id}/{attachment.name}"

    def _mark(self, path: str, expires: str, since: str) -> str:
        text = f"{path}?ex={expires}&is={since}".encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()

    def _signed(self, request: web.Request, attachment: Attachment) -> bool:
        expires, since = request.query.get("ex", ""), request.query.get("is", "")
        path = self._path(attachment)
        mark = self._mark(path, expires, since)
        if request.path != path or not hmac.compare_digest(mark, request.query.get("hm", "")):
            return False
        return self._clock.now() < int(expires, 16)
