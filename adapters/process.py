"""An adapter process: one platform, its intake, fetching and delivery around one loop, until SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import socket
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress

from adapters.commanding import Commanding
from adapters.delivery import Delivery
from adapters.fetching import Fetching
from adapters.following import Following
from adapters.intake import Intake
from adapters.platform import Platform
from adapters.refusals import Refusals
from bot.access import Admins
from bot.answers import Answers
from bot.bell import Bell
from bot.blobs import Blobs
from bot.conversation import Conversations
from bot.desk import Desk
from bot.inbox import Inbox
from bot.models import Catalog
from bot.reply import Replies
from bot.scopes import Scopes
from bot.settings import AdapterSettings
from bot.store import RedisError, Store, connect
from bot.tasks import end

log = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0
REFUSALS_SECONDS = 1.0  # that Redis, away, holds up the end with what must be taken back from it
RECOVER_SECONDS = 3.0  # what is new waits at most so long for the commands that a predecessor left


class Adapter:
    """The parts that all platforms share, wired for one of them."""

    def __init__(
        self,
        settings: AdapterSettings,
        platform: Platform,
        catalog: Catalog,
        *,
        external_allowed: bool = False,
        slash: str = "/ai",
    ) -> None:
        """`slash` is Slack's slash command."""
        self.settings = settings
        self.platform = platform
        self.catalog = catalog
        self.owner = f"{socket.gethostname()}:{uuid.uuid4().hex[:12]}"
        self._ttl = int(settings.context_ttl_hours * 3600)
        # What comes before the ack has connections of its own: hundreds of answers that are being shown must not cost a
        # question its second.
        self.store, self._behind = self._connected(), self._connected()
        self.bell = Bell(self.store)
        self.inbox, inbox = self._inbox(self.store), self._inbox(self._behind)
        self.replies = Replies(self._behind)
        self.refusals = Refusals(self.inbox, self.replies)
        admins = Admins.of(settings.admins)
        self.scopes = Scopes(self.store, settings.default_model, admins)
        scopes = Scopes(self._behind, settings.default_model, admins)
        desk = Desk(scopes, catalog, admins, external_allowed=external_allowed, slash=slash)
        answers = Answers(
            inbox,
            self.replies,
            Conversations(self._behind, ttl=self._ttl),
            scopes,
            catalog,
            admins,
            external_allowed=external_allowed,
        )
        commanding = Commanding(platform, inbox, desk, answers)
        self.delivery = Delivery(platform, inbox, self.replies, commanding.run, self.owner)
        blobs = Blobs(self._behind, ttl=self._ttl)
        self.fetching = Fetching(platform, inbox, blobs, self.bell)
        following = Following(self.delivery, self.fetching)
        self.intake = Intake(
            self.inbox,
            Conversations(self.store, ttl=self._ttl),
            self.scopes,
            catalog,
            following,
            admins=admins,
            external_allowed=external_allowed,
        )

    def _connected(self) -> Store:
        """One try of a second: intake must say yes or no within the platform's three."""
        redis = connect(self.settings.redis_url, timeout=1.0, retries=1)
        return Store(redis, self.settings.prefix)

    def _inbox(self, store: Store) -> Inbox:
        return Inbox(
            store,
            log_ttl=self._ttl,
            caps=self.settings.caps,
            ring=self.bell.ring,
        )

    async def serve(
        self, listen: Callable[[], Awaitable[None]], silence: Callable[[], Awaitable[None]]
    ) -> None:
        """Run `listen` until SIGTERM, then cancel it; `silence` stops events, before what is under way is finished. A
        fault of `listen` ends the process with it, and so does one of the sweeps: without them it only looks alive."""
        told = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, told.set)
        background = [
            asyncio.create_task(self.delivery.hints()),
            asyncio.create_task(self._sweep()),
        ]
        await self._recover()
        listening = asyncio.ensure_future(listen())
        waiting = asyncio.create_task(told.wait())
        try:
            ends = {listening, waiting, *background}
            for over in (await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED))[0]:
                over.result()
        finally:
            until = loop.time() + self.settings.drain_seconds
            await end(listening)
            await silence()
            await self.refusals.drained(REFUSALS_SECONDS)
            await self.fetching.close()
            await self.delivery.close(max(0.0, until - loop.time()))
            await end(waiting, *background)
            with suppress(RedisError, OSError):
                await self.bell.close()
                await self.store.close()
                await self._behind.close()
            log.info("adapter.drained platform=%s", self.platform.name)

    async def _recover(self) -> None:
        try:
            await self.delivery.recover(RECOVER_SECONDS)
        except (RedisError, OSError) as error:
            log.warning("recovery.left error=%s", type(error).__name__)

    async def _sweep(self) -> None:
        while True:
            try:
                await asyncio.gather(self.delivery.sweep(), self.fetching.sweep())
            except (RedisError, OSError) as error:
                log.warning("sweep.failed error=%s", type(error).__name__)
            await asyncio.sleep(SWEEP_SECONDS * random.uniform(0.9, 1.1))  # noqa: S311  # jitter
