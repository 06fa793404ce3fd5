"""What Slack answers when it does not do what it was asked becomes one of our errors."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import MessageGone, MissingScope, PlaceGone, PlatformBusy, TooLong, Unsure

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0  # where Slack does not say
TOKEN_SECONDS = 60.0  # what is owed waits for an operator who installs the app again

TOO_LONG = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
        "msg_too_long",
        "only_one_table_allowed",
        "too_many_blocks",
    }
)
_ABSENT = "I am not in this channel, so I cannot answer in it. Please invite me, then ask again."
_LOCKED = "The thread of this question is gone or locked, so I cannot answer in it."
_TAKEN = "My answer was deleted or can no longer be changed, so I stopped it."
_BARRED = "I am not allowed to write in this channel, so I cannot answer in it."
GONE = {
    "cannot_reply_to_message": _LOCKED,
    "cant_delete_message": _TAKEN,
    "cant_update_message": _TAKEN,
    "channel_not_found": _ABSENT,
    "edit_window_closed": _TAKEN,
    "is_archived": "This channel is archived, so I cannot answer in it.",
    "message_not_found": _TAKEN,
    "not_in_channel": _ABSENT,
    "restricted_action": _BARRED,
    "restricted_action_non_threadable_channel": _BARRED,
    "restricted_action_read_only_channel": _BARRED,
    "restricted_action_thread_locked": _LOCKED,
    "restricted_action_thread_only_channel": _BARRED,
    "thread_not_found": _LOCKED,
    "user_not_in_channel": "You are no longer in this channel.",
}
SCOPE = frozenset({"ekm_access_denied", "missing_scope", "no_permission", "unknown_method"})
REJECTED = frozenset(  # the token, not what was asked with it
    {
        "access_denied",
        "account_inactive",
        "app_missing_action",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
LATER = frozenset(
    {
        "fatal_error",
        "internal_error",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Raise our errors for slack_sdk's. A lost reply or a fault of Slack's own is `Unsure`: it may have been done."""
    try:
        yield
    except SlackApiError as error:
        raise _of(error) from error
    except (aiohttp.ClientError, TimeoutError, SlackClientError, ConnectionError) as error:
        raise Unsure("Slack did not answer.") from error


def code_of(error: SlackApiError) -> str:
    """Slack's word for what is wrong; empty where its answer was no answer of the Web API, but some proxy's text."""
    said = getattr(error.response, "data", error.response)
    return str(said.get("error") or "") if isinstance(said, dict) else ""


def _of(error: SlackApiError) -> Exception:
    code, status = code_of(error), getattr(error.response, "status_code", 0)
    if code in ("ratelimited", "rate_limited") or status == 429:
        return PlatformBusy("Slack asks to wait.", _retry_after(error.response))
    if code in TOO_LONG:
        return TooLong("Slack refuses to show this answer: it finds it too long.")
    if code in GONE:
        return (MessageGone if GONE[code] is _TAKEN else PlaceGone)(GONE[code])
    if code in SCOPE:
        return MissingScope(f"Slack does not let me do this here ({code}). Please tell an admin.")
    if code in REJECTED:
        log.error("slack.token_rejected error=%s", code)
        return PlatformBusy("Slack does not accept the bot's token.", TOKEN_SECONDS)
    if code in LATER or not code or status >= 500:
        return Unsure("Slack has a fault of its own.")
    return error


def _retry_after(response: object) -> float:
    headers = getattr(response, "headers", None) or {}
    try:
        return max(0.5, float(headers.get("Retry-After", RETRY_SECONDS)))
    except (TypeError, ValueError):
        return RETRY_SECONDS
