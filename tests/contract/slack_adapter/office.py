"""The Slack adapter in this process, before a simulated Slack and a real Redis. The test is the worker."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

import aiohttp
from pydantic import SecretStr
from redis.asyncio import Redis
from slack_bolt.async_app import AsyncApp

from adapters.files.origins import Origins
from adapters.process import Adapter
from adapters.slack.process import addresses, assembled, introduce, serve, web_client
from adapters.slack.sharing import Sharing
from adapters.slack.sockets import Sockets
from bot import dead
from bot.reply import Replies
from bot.settings import SlackSettings
from bot.store import Store
from bot.types import Phase, Turn
from bot.work import Grant, Outcome
from playground.slack import Message, SlackServer
from playground.slack.events import posted
from playground.slack.sockets import Delivery
from tests.inbox import BothSides

T = TypeVar("T")
PATIENCE = 60.0  # s until a test gives up

MARKDOWN = """# Title

Some **bold**, *slanted*, ~~struck~~ and `code < 1 && x`, a < b & c > d.

| a | b |
| --- | --- |
| 1 | <2> |

1. one
2. two
   - nested

```python
if a < b and c > d: print("<!here>")
```

> quoted

Done.
"""


class Office:
    """A workspace with the bot in it: people act through `slack`, and `answer` does what a worker would do."""

    def __init__(self, slack: SlackServer, redis: Redis, redis_url: str) -> None:
        self.slack = slack
        self.redis = redis
        self.redis_url = redis_url
        self.store = Store(redis)
        self.inbox = BothSides(self.store)
        self.replies = Replies(self.store)
        self._grants: dict[str, Grant] = {}

    def settings(self, **changes: object) -> SlackSettings:
        tokens = {"slack_bot_token": self.slack.bot_token, "slack_app_token": self.slack.app_token}
        addresses = {
            "redis_url": self.redis_url,
            "slack_api_url": self.slack.api_url,
            "attachment_origins": (self.slack.file_origin,),
        }
        read = _settings(
            **{**{name: SecretStr(token) for name, token in tokens.items()}, **changes}
        )
        return read.model_copy(update={n: a for n, a in addresses.items() if n not in changes})

    @asynccontextmanager
    async def open(self, **changes: object) -> AsyncIterator[Office]:
        """The adapter runs, with both of its sockets."""
        adapter = asyncio.create_task(serve(self.settings(**changes)))
        connected = asyncio.create_task(self.slack.connected(2))
        try:
            await asyncio.wait({adapter, connected}, return_when=asyncio.FIRST_COMPLETED)
            if adapter.done():
                adapter.result()
            await connected
            yield self
        finally:
            connected.cancel()
            adapter.cancel()
            await asyncio.gather(adapter, connected, return_exceptions=True)

    # ---- what was admitted --------------------------------------------------------------------------

    async def turn(self, channel: str, ts: str) -> Turn | None:
        """The turn of a message, once every event has been heard."""
        await self.slack.settled()
        place = self.slack.world.channel(channel).id
        return await self.stored(await self.inbox.seen("slack", self.team, f"{place}:{ts}"))

    async def stored(self, turn_id: str | None) -> Turn | None:
        found = await self.inbox.load(turn_id) if turn_id else None
        return found.turn if found else None

    async def asked(self, message: Message) -> Turn:
        """The turn that a message became."""
        turn = await self.turn(message.channel, message.ts)
        assert turn is not None, f"{message.text!r} was not admitted"
        return turn

    async def turns(self) -> list[Turn]:
        """Everything that was ever admitted, oldest first."""
        await self.slack.settled()
        names = [name async for name in self.redis.scan_iter(match=self.store.key("turn", "*"))]
        found = [await self.stored(name.decode().rsplit(":", 1)[1]) for name in names]
        return sorted((turn for turn in found if turn), key=lambda turn: turn.asked_at)

    async def deliver(self, post: Message, **fields: object) -> Delivery:
        """Slack tells of a message once more, with these fields changed (None: without); until it is acknowledged."""
        event = {**posted(post, self.slack.world.channel(post.channel)), **fields}
        told = {name: value for name, value in event.items() if value is not None}
        self.slack.workspace.tell(told, self.slack.world.channel(post.channel))
        await self.slack.settled()
        return self.slack.events[-1]

    @property
    def team(self) -> str:
        return self.slack.world.team.id

    # ---- the worker ---------------------------------------------------------------------------------

    async def answer(
        self, turn: Turn, text: str, *, phase: Phase = Phase.ANSWERED, notes: tuple[str, ...] = ()
    ) -> None:
        """The head of the turn's conversation gets its whole answer."""
        await self._claim(turn)
        await self.finish(turn, text, phase=phase, notes=notes)

    async def finish(
        self, turn: Turn, text: str, *, phase: Phase = Phase.ANSWERED, notes: tuple[str, ...] = ()
    ) -> None:
        """What was begun ends with this text."""
        stored = await self.inbox.load(turn.id)
        assert stored is not None
        outcome = Outcome(phase, text, turn.model, notes)
        assert await self.inbox.commit(self._grants[turn.id], stored.epoch, outcome) == "done"

    async def _claim(self, turn: Turn) -> Grant:
        grant = await self.until(lambda: self.inbox.claim(turn.conversation), "nothing to claim")
        assert grant.turn == turn.id
        self._grants[turn.id] = grant
        return grant

    def grant(self, turn: Turn) -> Grant:
        """The right under which the turn is answered."""
        return self._grants[turn.id]

    async def grow(self, turn: Turn, *texts: str) -> Callable[[str], Awaitable[None]]:
        """The answer begins with these pieces; what is returned adds a piece."""
        grant = await self._claim(turn)
        size = 0

        async def add(text: str) -> None:
            nonlocal size
            data = text.encode()
            assert await self.replies.append(grant, size, data, turn.model)
            size += len(data)

        for text in texts:
            await add(text)
        return add

    # ---- waiting ------------------------------------------------------------------------------------

    async def until(self, look: Callable[[], Awaitable[T | None]], what: str) -> T:
        """Wait for something that Redis will tell."""
        try:
            async with asyncio.timeout(PATIENCE):
                while (found := await look()) is None:
                    await asyncio.sleep(0.01)
                return found
        except TimeoutError:
            raise AssertionError(what) from None

    async def at_rest(self) -> None:
        """Nothing is owed or fetched any more."""

        async def look() -> bool | None:
            left = [
                await self.redis.zcard(self.store.key(n, "slack")) for n in ("owed", "fetching")
            ]
            return None if any(left) else True

        await self.until(look, "something is still owed")

    async def quiet(self) -> None:
        """Every command has been run and told of; questions may wait."""

        async def look() -> bool | None:
            await self.slack.settled()
            owed = await self.redis.zrange(self.store.key("owed", "slack"), 0, -1)
            kinds = [turn.kind for name in owed if (turn := await self.stored(name.decode()))]
            return None if set(kinds) - {"ask"} else True

        await self.until(look, "a command is still to be answered")

    async def told(self, who: str, part: str = "", *, after: int = 0) -> str:
        """The private words that this person got, once they contain `part`."""

        def look() -> str | None:
            private = self.slack.private(who)[after:]
            found = [said(message) for message in private if part in said(message)]
            return found[-1] if found else None

        return await self.slack.until(look, what=f"{who} was not told {part!r}")


@functools.cache  # reading them takes as long as half an adapter
def _settings(**given: object) -> SlackSettings:
    """Without the addresses, which are others for each test."""
    nowhere = {"redis_url": "redis://127.0.0.1:1", "drain_seconds": 1.0}
    return SlackSettings(_env_file=None, **{**nowhere, **given})  # type: ignore[arg-type]


async def mention(
    office: Office, words: str = "hello", *, who: str = "mia", where: str = "general"
) -> Turn:
    """The turn of a question that mentions the bot."""
    return await office.asked(await office.slack.post(who, where, f"@Switchboard {words}"))


def shown(office: Office, turn: Turn) -> str:
    """The text of the answer in the question's thread."""
    return office.slack.text_of(office.slack.answers(turn.message.id))


def said(message: Message) -> str:
    """The bot's own words in a message: its sections and what stands below an answer."""
    texts = []
    for block in message.blocks:
        if block["type"] == "section":
            texts.append(block["text"]["text"])
        elif block["type"] == "context":
            texts += [element["text"] for element in block["elements"]]
    return "\n".join(texts)


@asynccontextmanager
async def parts_of(
    office: Office, *, ping: float | None = None
) -> AsyncIterator[tuple[Adapter, AsyncApp]]:
    """The shared parts, and Bolt with every handler that the process registers; connected to nothing, or with sockets
    that are given up after half of `ping` seconds of silence."""
    settings = office.settings()
    async with aiohttp.ClientSession() as session:
        us = await introduce(client := web_client(settings, session))
        sharing = Sharing(lambda: adapter.store, us.team)
        adapter, app = assembled(settings, us, client, session, Origins.slack("", ()), sharing)
        if ping is None:
            yield adapter, app
        else:
            bury = partial(dead.malformed, adapter.store)
            address = await addresses(settings, client)
            sockets = Sockets(app, session, address, bury, us.echoed, ping=ping)
            keeping = asyncio.create_task(sockets.run())
            yield adapter, app
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await sockets.close()
        await adapter.bell.close()
        await adapter.store.close()
