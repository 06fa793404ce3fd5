"""An adapter around any platform: what was left is run before anything new, and the end hands over what is held."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from redis.asyncio import Redis

from adapters.process import Adapter
from bot.models import Catalog
from bot.settings import AdapterSettings
from bot.tasks import end
from bot.types import Scope, Turn
from tests.chat import Chat, Server, Shop, admin, message, until

CATALOG = Catalog.load(None)
Listen = Callable[[Adapter, Chat], Awaitable[None]]


class Life:
    """One process's life with a platform of the tests, ended by SIGTERM once `listen` is through."""

    def __init__(self, url: str) -> None:
        self.settings = AdapterSettings(_env_file=None, redis_url=url, drain_seconds=5)
        self.server = Server()
        self.silenced = 0

    async def __call__(self, listen: Listen) -> Chat:
        chat = Chat(self.server)
        chat.people["U1"] = admin()
        adapter = Adapter(self.settings, chat, CATALOG)

        async def silence() -> None:
            self.silenced += 1

        async def listening() -> None:
            await listen(adapter, chat)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()

        async with asyncio.timeout(60):
            await adapter.serve(listening, silence)
        return chat


@pytest.fixture
def life(redis: Redis, redis_url: str) -> Life:
    return Life(redis_url)


async def test_what_a_dead_adapter_was_told_counts_before_what_its_successor_hears(
    life: Life, redis: Redis
) -> None:
    """`/model set` was admitted, and the adapter was killed before it ran: the next question has the new model."""
    shop = Shop(redis)
    left = await shop.tell("command", words="/model set gpt-4o-mini", only="U1")
    assert await shop.replies.own(left.place, "the dead", 60)
    models: list[str] = []

    async def listen(adapter: Adapter, chat: Chat) -> None:
        receipt = await adapter.intake.receive(message("why?"), actor=admin())
        stored = await adapter.inbox.load(receipt.turn)
        assert stored is not None
        assert stored.turn is not None
        models.append(stored.turn.model)

    await life(listen)
    assert models == ["gpt-4o-mini"]
    assert life.silenced == 1


async def test_a_command_is_run_told_and_in_force_for_the_next_message(life: Life) -> None:
    found: list[Turn] = []

    async def listen(adapter: Adapter, chat: Chat) -> None:
        await adapter.intake.receive(message("/model set gpt-4o-mini"), actor=admin())
        receipt = await adapter.intake.receive(message("why?"), actor=admin())
        stored = await adapter.inbox.load(receipt.turn)
        assert stored is not None
        assert stored.turn is not None
        found.append(stored.turn)
        await until(lambda: life.server.private and life.server.texts())

    await life(listen)
    assert (found[0].model, found[0].reason) == ("gpt-4o-mini", Scope.CHANNEL)
    ((_, _, told),) = life.server.private
    assert told.startswith("Done:")
    assert "**Ada** set the model" in life.server.texts()[0]


async def test_a_channels_next_event_waits_only_so_long_for_a_command(life: Life) -> None:
    async def listen(adapter: Adapter, chat: Chat) -> None:
        held = chat.will_hold("actor")
        await adapter.intake.receive(message("/model"), actor=admin())
        receipt = await adapter.intake.receive(message("why?"), actor=admin())
        assert receipt.kind == "ask"
        held.gate.set()
        await until(lambda: life.server.private)

    await life(listen)
    assert len(life.server.private) == 1


async def test_a_fault_of_the_listening_ends_the_process_with_it_and_gives_the_channels_up(
    life: Life, redis: Redis
) -> None:
    async def listen(adapter: Adapter, chat: Chat) -> None:
        await adapter.intake.receive(message("/help"), actor=admin())
        await until(lambda: life.server.private)
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        await life(listen)
    assert life.silenced == 1
    assert await Shop(redis).replies.own("chat:T1:C1", "next", 5), "the channel is free at once"


async def test_sweeps_that_cannot_go_on_end_the_process_with_them(life: Life) -> None:
    """Without them it would only look alive: what is owed would wait for the next hint, or for ever."""

    async def listen(adapter: Adapter, chat: Chat) -> None:
        chat.name = None  # type: ignore[assignment]  # a platform of somebody else's may be broken
        await asyncio.Event().wait()

    with pytest.raises(TypeError):
        await life(listen)
    assert life.silenced == 1


async def test_an_end_that_a_library_takes_for_a_broken_connection_is_an_end_all_the_same(
    life: Life,
) -> None:
    """redis-py does, in the first moments of an adapter: it stayed, connected, until somebody killed it."""

    async def listen(adapter: Adapter, chat: Chat) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    await life(listen)
    assert life.silenced == 1


async def test_answers_that_hold_every_connection_cost_no_question_its_admission(
    life: Life, redis: Redis
) -> None:
    """Hundreds of deliveries shared theirs with intake: its second was over before anything of it was answered."""

    async def listen(adapter: Adapter, chat: Chat) -> None:
        behind, asked, over = adapter.replies.store.redis, message("why?"), True
        async with asyncio.timeout(30):
            while over:  # each try has a second, which is short on a busy machine
                holding = asyncio.create_task(behind.blpop(["nothing"], 60))
                while not (await redis.info("clients"))["blocked_clients"]:
                    await asyncio.sleep(0.003)
                with suppress(TimeoutError):
                    await adapter.intake.receive(asked, actor=admin())
                    over = holding.done()
                await end(holding)

    await life(listen)
