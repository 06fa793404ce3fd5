"""The parts of a worker, put together from its settings."""

from __future__ import annotations

from functools import partial

from bot.bell import Bell
from bot.blobs import Blobs
from bot.models import Catalog
from bot.names import Names
from bot.reply import Replies
from bot.settings import WorkerSettings
from bot.store import Store, connect
from bot.work import Work
from workers.answering import Answering
from workers.drafting import Drafting
from workers.identity import Pseudonyms
from workers.leases import Leases
from workers.process import Services, Worker
from workers.providers import Providers

SPARE = 20  # connections beside one for each answer


def worker(settings: WorkerSettings, *, concurrency: int) -> Worker:
    """One worker process; nothing is connected before it runs."""
    catalog = Catalog.load(settings.models_file, openai_base_url=settings.openai_base_url)
    return Worker(
        settings.redis_url,
        prefix=settings.prefix,
        concurrency=concurrency,
        drain=settings.drain_seconds,
        make=partial(services, settings, catalog, concurrency),
    )


async def services(settings: WorkerSettings, catalog: Catalog, concurrency: int) -> Services:
    """What lives on the loop, made there."""
    store = Store(connect(settings.redis_url, connections=concurrency + SPARE), settings.prefix)
    bell = Bell(store)
    ttl = int(settings.context_ttl_hours * 3600)
    work = Work(
        store,
        lease_ms=int(settings.lease_seconds * 1000),
        log_ttl=ttl,
        caps=settings.caps,
        ring=bell.ring,
    )
    providers = Providers(catalog, settings.model_keys, connections=concurrency)
    replies = Replies(store)
    drafting = Drafting(
        replies,
        Blobs(store, ttl=ttl),
        Names(store),
        catalog,
        providers,
        Pseudonyms(settings.secrets),
        budget=settings.context_tokens,
    )
    leases = Leases(work)
    answering = Answering(work, replies, leases, bell, drafting.draft)
    return Services(work, leases, answering, bell, providers.close)
