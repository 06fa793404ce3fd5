"""A request to the page passes only if this page's own browser tab can have sent it."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

POLICY = (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def guard(port: Callable[[], int]) -> Middleware:
    """The middleware for a page on `port`, which is known only after binding."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = {f"127.0.0.1:{port()}", f"localhost:{port()}"}
        if request.headers.get("Host", "").lower() not in hosts:
            # A name that somebody points to 127.0.0.1 (DNS rebinding) arrives with that name.
            raise web.HTTPForbidden(text="This page answers only to 127.0.0.1 and localhost.")
        origin = request.headers.get("Origin")
        own = {f"http://{host}" for host in hosts}
        if origin is not None and origin.lower() not in own:
            raise web.HTTPForbidden(text="Requests from other sites are refused.")
        if request.method not in ("GET", "HEAD") and origin is None:
            # Every browser names the origin of a POST; what does not is no browser tab of ours.
            raise web.HTTPForbidden(text="A request that changes something must name its origin.")
        return await handler(request)

    return check


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Before each response leaves: the policy that keeps foreign content out. Stricter ones stay."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
