"""What Slack answers when it does not do what it was asked becomes one of our errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import MissingScope, PlaceGone, PlatformBusy, TooLong, Unsure

TOO_LONG = {
    "msg_too_long",
    "msg_blocks_too_long",
    "invalid_blocks",
    "invalid_blocks_format",
    "too_many_blocks",
}
GONE = {
    "account_inactive",
    "cannot_reply_to_message",
    "cant_delete_message",
    "cant_update_message",
    "channel_not_found",
    "edit_window_closed",
    "is_archived",
    "message_not_found",
    "not_in_channel",
    "restricted_action",
    "restricted_action_read_only_channel",
    "restricted_action_thread_locked",
    "thread_not_found",
    "token_revoked",
    "user_not_in_channel",
}
SCOPE = {"missing_scope", "no_permission", "not_allowed_token_type", "ekm_access_denied"}
LATER = {
    "fatal_error",
    "internal_error",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
}
RETRY_SECONDS = 5.0  # where Slack does not say


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Raise our errors for slack_sdk's. A lost reply or a fault of Slack's own is `Unsure`: it may have been done."""
    try:
        yield
    except SlackApiError as error:
        raise _of(error) from error
    except (aiohttp.ClientError, TimeoutError, SlackClientError, ConnectionError) as error:
        raise Unsure("Slack did not answer.") from error


def _of(error: SlackApiError) -> Exception:
    response = error.response
    code = str(response.get("error") or "") if hasattr(response, "get") else ""
    status = getattr(response, "status_code", 200)
    if code in ("ratelimited", "rate_limited") or status == 429:
        return PlatformBusy("Slack asks to wait.", _retry_after(response))
    if code in TOO_LONG:
        return TooLong("Slack finds the message too long.")
    if code in GONE:
        return PlaceGone(f"Slack says {code}.")
    if code in SCOPE:
        return MissingScope(f"Slack says {code}.")
    if code in LATER or status >= 500:
        return Unsure("Slack has a fault of its own.")
    return error


def _retry_after(response: object) -> float:
    headers = getattr(response, "headers", None) or {}
    try:
        return max(0.5, float(headers.get("Retry-After", RETRY_SECONDS)))
    except (TypeError, ValueError):
        return RETRY_SECONDS
