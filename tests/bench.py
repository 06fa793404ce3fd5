"""A worker's parts within the test's own process, put together as the process puts them together: real Redis, real
Celery on the ringing side, the scripted model server. What a bell would start, the test starts."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from redis.asyncio import Redis

from bot.bell import QUEUE, Bell
from bot.conversation import remembered
from bot.models import Catalog
from bot.reply import Replies, Shown
from bot.settings import WorkerSettings
from bot.store import DRIVER, Store
from bot.types import Author, Channel, ChatMessage, Message, Target, Thread, Turn
from playground.models import ModelServer
from tests.house import LASTING
from tests.inbox import BothSides
from workers.assembly import services

KEY = "sk-bench-0123456789abcdef"


async def log_of(store: Store, conversation: str, life: str = "0") -> list[ChatMessage]:
    """What a conversation remembers."""
    names = [store.key(kind, conversation, life) for kind in ("log", "cost")]
    entries, costs = [await store.redis.lrange(name, 0, -1) for name in names]
    return remembered(entries, costs)


class Bench:
    """`async with Bench(redis_url) as bench:`, then `ask`, `converse`, `shown`."""

    def __init__(self, redis_url: str, *, tables: str = "", **settings: str) -> None:
        self.url = redis_url
        self.models = ModelServer(api_key=KEY)
        self._tables = LASTING + tables
        self._settings = settings
        self._count = 0

    async def __aenter__(self) -> Bench:
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        file = Path(self._folder.name) / "models.toml"
        await self.models.start()
        file.write_text(self._tables.replace("BASE_URL", self.models.base_url))
        given = {
            "REDIS_URL": self.url,
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": self.models.base_url,
            "SWITCHBOARD_MODELS_FILE": str(file),
            "model_keys": {"OPENAI_API_KEY": KEY},
            **self._settings,
        }
        self.settings = WorkerSettings(_env_file=None, **given)
        self.redis: Any = Redis.from_url(self.url, driver_info=DRIVER)
        self.services = await self.another_worker()
        self.answering = self.services.answering
        self.store = Store(self.redis)
        self.bell = Bell(self.store)
        self.inbox, self.replies = BothSides(self.store), Replies(self.store)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for worker in self._workers:
            await worker.drain(0)
        await self.redis.aclose()
        await self.models.stop()
        self._folder.cleanup()

    _workers: list[Any]

    async def another_worker(self) -> Any:
        """The parts of one more worker process."""
        catalog = Catalog.load(
            self.settings.models_file, openai_base_url=self.settings.openai_base_url
        )
        made = await services(self.settings, catalog, 50)
        self._workers = [*getattr(self, "_workers", []), made]
        return made

    def turn(self, words: str, thread: str = "1.1", **more: Any) -> Turn:
        """A question of its own, not yet admitted."""
        self._count += 1
        message = Message(
            id=f"9.{self._count}",
            thread=Thread(Channel("slack", "T1", "C1"), thread),
            author=more.get("author", Author("U1", "Mia")),
            text=words,
            target=Target("C1", thread),
            marks=(f"C1:9.{self._count}",),
            **{k: v for k, v in more.items() if k in ("attachments", "quotes", "model", "history")},
        )
        rest = {k: v for k, v in more.items() if k in ("version", "epoch")}
        return Turn.of(message, "ask", at=0.0, **{"model": more.get("alias", "gpt-4o"), **rest})

    async def ask(self, words: str, thread: str = "1.1", **more: Any) -> Turn:
        """A question that waits for its answer."""
        turn = self.turn(words, thread, **more)
        await self.inbox.admit(turn)
        return turn

    async def answer(self, words: str, thread: str = "1.1", **more: Any) -> Shown:
        """Ask, and what the reply holds when the worker is done with it."""
        turn = await self.ask(words, thread, **more)
        await self.answering.converse(turn.conversation)
        return await self.replies.read(turn.id)

    def start(self, turn: Turn, worker: Any = None) -> asyncio.Task[None]:
        """What a bell does, in a task."""
        return asyncio.create_task((worker or self.services).answering.converse(turn.conversation))

    async def log(self, turn: Turn) -> list[str]:
        """What the conversation remembers."""
        return [m.text for m in await log_of(self.store, turn.conversation, turn.epoch)]

    async def lapse(self, turn: Turn) -> None:
        """The holder's lease is over."""
        await self.redis.hset(self.store.key("lease", turn.conversation), "expiry", 1)

    async def bells(self) -> int:
        """Bells that wait in Celery's list."""
        return int(await self.redis.llen(f"switchboard:celery:{QUEUE}"))

    async def letters(self) -> list[str]:
        return [
            letter.decode() for letter in await self.redis.lrange(self.store.key("dead"), 0, -1)
        ]

    async def until(self, true: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
        """Wait for a condition: a cancellation may come out of redis-py as a lost connection."""
        async with asyncio.timeout(seconds) as limit:
            while not (found := await true()):
                if limit.expired():
                    raise TimeoutError
                await asyncio.sleep(0.01)
            return found
