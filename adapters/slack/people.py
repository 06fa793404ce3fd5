"""A person's id becomes an Actor: what the workspace lets them do, asked of Slack and believed for a minute."""

from __future__ import annotations

import logging
import time
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.parse import Bot
from adapters.slack.waits import Waits
from bot.errors import MissingScope, PlaceGone
from bot.types import Actor, Scope

log = logging.getLogger(__name__)

BELIEVED_SECONDS = 60.0  # how long an answer of users.info counts; five minutes at most
MOST_KNOWN = 5_000


class People:
    """Who may do what, as the workspace says."""

    def __init__(
        self, client: AsyncWebClient, waits: Waits, us: Bot, groups: frozenset[str]
    ) -> None:
        """`groups` are the user groups that SWITCHBOARD_ADMINS names."""
        self._client = client
        self._waits = waits
        self._us = us
        self._groups = groups
        self._known: dict[str, tuple[float, Actor]] = {}

    async def actor(self, user: str) -> Actor:
        """What the workspace says of a person; what it does not say gives no powers."""
        at, known = self._known.get(user, (0.0, None))
        if known is not None and time.monotonic() - at < BELIEVED_SECONDS:
            return known
        try:
            async with self._waits.asking("users.info"):
                found = (await self._client.users_info(user=user))["user"]
        except (MissingScope, PlaceGone, SlackApiError) as error:
            log.warning("person.unknown error=%s", type(error).__name__)
            return Actor("slack", self._us.team, user)
        actor = await self._described(user, found)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[user] = (time.monotonic(), actor)
        return actor

    async def _described(self, user: str, found: dict[str, Any]) -> Actor:
        """Guests may ask and have no powers; people of other organisations are external."""
        home = found.get("team_id") or self._us.team
        stranger = bool(found.get("is_stranger")) or not self._us.at_home(home, _enterprise(found))
        lesser = any(
            found.get(mark)
            for mark in ("is_restricted", "is_ultra_restricted", "is_bot", "deleted")
        )
        trusted = not stranger and not lesser
        chief = trusted and bool(found.get("is_admin") or found.get("is_owner"))
        profile = found.get("profile") or {}
        names = (profile.get("display_name"), found.get("real_name"), found.get("name"), user)
        return Actor(
            platform="slack",
            workspace=self._us.team,
            id=user,
            name=str(next(filter(None, names))),
            powers=frozenset(Scope) if chief else frozenset(),
            groups=await self._groups_of(user) if trusted else frozenset(),
            external=stranger,
            guest=lesser,
        )

    async def _groups_of(self, user: str) -> frozenset[str]:
        """Which of the user groups that the operator named the person is in."""
        found = set()
        for group in self._groups:
            try:
                async with self._waits.asking("usergroups.users.list"):
                    members = await self._client.usergroups_users_list(usergroup=group)
            except (MissingScope, PlaceGone, SlackApiError) as error:
                log.warning("usergroup.unreadable group=%s error=%s", group, type(error).__name__)
                continue
            if user in (members.get("users") or ()):
                found.add(group)
        return frozenset(found)


def _enterprise(found: dict[str, Any]) -> str:
    """On Enterprise Grid a colleague's home may be another workspace of the same organisation."""
    return str((found.get("enterprise_user") or {}).get("enterprise_id") or "")
