"""A person's id becomes an Actor: what the workspace lets them do, asked of Slack and believed for a minute. Or a name,
kept for days."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.parse import Bot
from adapters.slack.waits import Waits
from adapters.text.clean import clean
from bot.errors import MissingScope, PlaceGone, PlatformBusy, PlatformError, Unsure
from bot.names import Names
from bot.store import RedisError
from bot.types import Actor, Scope
from bot.words import blank

log = logging.getLogger(__name__)

BELIEVED_SECONDS = 60.0  # how long an answer of users.info counts; five minutes at most
MOST_KNOWN = 5_000
NAME_SECONDS = 1.0  # that a question waits for names: it is answered as well without


class People:
    """Who may do what, and what people are called, as the workspace says."""

    def __init__(
        self,
        client: AsyncWebClient,
        waits: Waits,
        us: Bot,
        groups: frozenset[str],
        names: Callable[[], Names],
    ) -> None:
        """`groups` are the user groups that SWITCHBOARD_ADMINS names."""
        self._client = client
        self._waits = waits
        self._us = us
        self._groups = groups
        self._names = names
        self._known: dict[str, tuple[float, Actor]] = {}

    async def actor(self, user: str) -> Actor:
        """What the workspace says of a person; what it does not say gives no powers."""
        at, known = self._known.get(user, (0.0, None))
        if known is not None and time.monotonic() - at < BELIEVED_SECONDS:
            return known
        try:
            found = await self._asked(user)
        except (MissingScope, PlaceGone, SlackApiError) as error:
            log.warning("person.unknown error=%s", type(error).__name__)
            return Actor("slack", self._us.team, user)
        actor = await self._described(user, found)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[user] = (time.monotonic(), actor)
        return actor

    async def meet(self, people: Collection[str]) -> None:
        """Ask for the names that nobody asked for in days. What Slack does not tell soon, costs no more than the name,
        and is not asked for again at the next question."""
        known = await self._names().of("slack", self._us.team, people)
        new = set(people) - known.keys() - {self._us.user}
        await asyncio.gather(*map(self._meet, new))

    async def _meet(self, user: str) -> None:
        name = ""
        try:
            async with asyncio.timeout(NAME_SECONDS):
                name = clean(_name(await self._asked(user)))
        except PlatformBusy:
            return  # asked for again when Slack may be
        except (PlatformError, SlackApiError, TimeoutError) as error:
            log.info("name.unknown error=%s", type(error).__name__)
        try:
            await self._names().keep("slack", self._us.team, user, "" if blank(name) else name)
        except (RedisError, OSError) as error:  # a full one, say
            log.info("name.unkept error=%s", type(error).__name__)

    async def _asked(self, user: str) -> dict[str, Any]:
        """What Slack tells of a person."""
        async with self._waits.asking("users.info"):
            found = (await self._client.users_info(user=user)).get("user")
        if not isinstance(found, dict):
            raise Unsure("Slack did not say who that is.")
        return found

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
        return Actor(
            platform="slack",
            workspace=self._us.team,
            id=user,
            name=_name(found) or user,
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


def _name(found: dict[str, Any]) -> str:
    """What a person is called: as they wish, else as their account is."""
    profile = found.get("profile")
    wished = profile.get("display_name") if isinstance(profile, dict) else None
    return str(wished or found.get("real_name") or found.get("name") or "")
