"""What Discord answers when it does not do what it was asked becomes one of our errors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import discord

from bot.errors import (
    MessageGone,
    MissingScope,
    PlaceGone,
    PlatformBusy,
    PlatformError,
    TooLong,
    Unsure,
)

GONE = {
    10003,
    10004,
    10007,
    10013,
    50024,
}  # channel, guild, member, user, wrong kind
UNKNOWN_MESSAGE = 10008
FORBIDDEN = {
    50001,
    50007,
    50013,
    160005,
}  # no access, closed DMs, no right, locked
ARCHIVED = 50083  # opened again by a post, but by no edit
OVER = {10015, 10062, 50027}  # unknown webhook (never acknowledged), unknown interaction, expired
BODY = 50035  # invalid form body: too long, or a reply to what cannot be replied to
NO_HISTORY = 160002  # a reply needs the right to read the channel's history
OLD_MESSAGE = 30046  # edited too often for its age
OLD_SECONDS = 20.0  # until it may be edited again (observed: 3 edits in 20 s)
BAN_SECONDS = 60.0  # the edge, not the API, refuses: hammering makes it worse
BLOCKED = 40333  # the edge again
UNAUTHORISED = 401  # the token was changed: the gateway learns it too, and ends the process


class InteractionOver(PlaceGone):
    """The interaction's token is spent, or its interaction was never acknowledged."""


class Archived(MissingScope):
    """The thread was put aside; unless it is locked, it can be opened again."""


class BadReference(PlatformError):
    """The message cannot be a reply; as an ordinary message it can be sent."""


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Raise our errors for discord.py's; a lost reply or a fault of Discord's own is `Unsure`: perhaps done."""
    try:
        yield
    except discord.RateLimited as error:
        raise PlatformBusy("Discord asks to wait.", error.retry_after) from error
    except discord.LoginFailure as error:
        raise PlatformBusy("Discord rejects the token.", BAN_SECONDS) from error
    except discord.HTTPException as error:
        raise _of(error) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unsure("Discord did not answer.") from error


def _of(error: discord.HTTPException) -> Exception:
    """The error of ours for Discord's code and status; its own where that is a fault of ours."""
    code, status = error.code, error.status
    if code in OVER:
        return InteractionOver("The interaction is over.")
    if code == UNKNOWN_MESSAGE:
        return MessageGone("The message is gone.")
    if code in GONE:
        return PlaceGone("The channel or message is gone.")
    if code == ARCHIVED:
        return Archived("The thread is archived.")
    if code in FORBIDDEN:
        return MissingScope("The bot may not do this there.")
    if code == NO_HISTORY or (code == BODY and "message_reference" in error.text):
        return BadReference("Discord does not take this as a reply.")
    if code == BODY:
        return TooLong("Discord does not take the message as it is.")
    if code == OLD_MESSAGE:
        return PlatformBusy("Discord asks to wait with this old message.", OLD_SECONDS)
    if status in (429, UNAUTHORISED) or code == BLOCKED:
        return PlatformBusy("Discord asks to wait.", BAN_SECONDS)
    if status >= 500:
        return Unsure("Discord has a fault of its own.")
    if status in (403, 404, 405):
        return PlaceGone("Discord does not have it, or not for the bot.")
    return error
