"""Discord's codes and statuses become what the delivery does next: wait, look, write otherwise, or end."""

from __future__ import annotations

from typing import Any, NamedTuple

import aiohttp
import discord
import pytest

from adapters.discord.faults import BAN_SECONDS, BadReference, InteractionOver, translated
from bot.errors import (
    MessageGone,
    MissingScope,
    PlaceGone,
    PlatformBusy,
    PlatformError,
    TooLong,
    Unsure,
)


class Response(NamedTuple):
    """As much of aiohttp's as discord.py's errors read."""

    status: int
    reason: str = ""


def refusal(status: int, code: int = 0, **more: Any) -> discord.HTTPException:
    told = {"message": "No.", "code": code, **more}
    return discord.HTTPException(Response(status), told)  # type: ignore[arg-type]


REPLY = {"message_reference": {"_errors": [{"code": "REPLIES_UNKNOWN_MESSAGE", "message": "Gone"}]}}


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (refusal(404, 10062), InteractionOver),
        (refusal(404, 10015), InteractionOver),
        (refusal(401, 50027), InteractionOver),
        (refusal(404, 10003), PlaceGone),
        (refusal(404, 10008), MessageGone),
        (refusal(403, 50001), MissingScope),
        (refusal(403, 50013), MissingScope),
        (refusal(400, 160002), BadReference),
        (refusal(400, 50035, errors=REPLY), BadReference),
        (refusal(400, 50035), TooLong),
        (refusal(400, 30046), PlatformBusy),
        (refusal(429), PlatformBusy),
        (refusal(401), PlatformBusy),
        (refusal(403, 40333), PlatformBusy),
        (refusal(503), Unsure),
        (refusal(403), PlaceGone),
        (refusal(404), PlaceGone),
        (refusal(405), PlaceGone),
        (aiohttp.ClientConnectionError(), Unsure),
        (TimeoutError(), Unsure),
    ],
    ids=repr,
)
async def test_each_refusal_has_its_meaning(error: Exception, ours: type[PlatformError]) -> None:
    with pytest.raises(PlatformError) as raised:
        async with translated():
            raise error
    assert type(raised.value) is ours


async def test_a_limit_says_how_long_and_a_rejected_token_waits_for_the_gateways_word() -> None:
    with pytest.raises(PlatformBusy) as limited:
        async with translated():
            raise discord.RateLimited(42.5)
    assert limited.value.retry_after == 42.5
    with pytest.raises(PlatformBusy) as rejected:
        async with translated():
            raise discord.LoginFailure("Improper token has been passed.")
    assert rejected.value.retry_after == BAN_SECONDS


async def test_a_fault_of_ours_stays_what_it_is() -> None:
    with pytest.raises(discord.HTTPException):
        async with translated():
            raise refusal(400, 50006)  # an empty message
