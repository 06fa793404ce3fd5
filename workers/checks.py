"""Keys and models become findings: keys accepted, models known to their providers, none about to be shut down."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from bot.doctor import Finding, Level
from bot.errors import BadKey, ModelGone, ProviderError, SettingsError
from bot.model_specs import ModelSpec, ProviderSpec
from bot.models import Catalog
from bot.settings import WorkerSettings
from workers.providers import Providers

NEAR = timedelta(days=14)  # before a shutdown: long enough to choose another model in peace

Offered = dict[str, date | None]


async def check(settings: WorkerSettings) -> list[Finding]:
    """What `doctor` says of the catalog and of each provider that there is a key for."""
    try:
        catalog = Catalog.load(settings.models_file, openai_base_url=settings.openai_base_url)
        # In a thread: a dozen clients take half a second of CPU, in which the other checks could take no answer.
        providers = await asyncio.to_thread(Providers, catalog, settings.model_keys, connections=1)
    except SettingsError as error:
        return [Finding("broken", fault, "mend your models.toml") for fault in error.faults]
    today = datetime.now(UTC).date()
    try:
        return await all_findings(catalog, providers, settings.default_model, today)
    except ModelGone as error:
        return [Finding("broken", f"models: {error.sentence}")]
    finally:
        await providers.close()


async def all_findings(
    catalog: Catalog, providers: Providers, default: str, today: date
) -> list[Finding]:
    """The findings on this day. What the catalog alone tells of the default model is `bot.models_check`'s."""
    chosen, _ = catalog.resolve(default, today)
    needed = catalog.provider_of(chosen)
    asked = [
        p
        for p in catalog.providers.values()
        if p is needed or (p.api_key_env and providers.has_key(p))
    ]
    answers = await asyncio.gather(*(_offered(providers, p, p is needed) for p in asked))
    offered = {p.name: listed for p, (_, listed) in zip(asked, answers, strict=True)}
    return [
        *(finding for finding, _ in answers),
        *_unlisted(chosen, offered[chosen.provider]),
        *_ending(catalog, default, offered, today),
    ]


async def _offered(
    providers: Providers, provider: ProviderSpec, needed: bool
) -> tuple[Finding, Offered]:
    """Whether the provider answers and takes the key, and what it lists."""
    level: Level = "broken" if needed else "warning"
    key = provider.api_key_env or "no key"
    if not providers.has_key(provider):
        return Finding(level, f"models: {key} is not set", "set it, or another default model"), {}
    try:
        listed = await providers.client(provider).offered()
    except BadKey:
        what = f"models: {provider.name} does not accept {key}"
        return Finding(level, what, f"set a valid {key}"), {}
    except ProviderError:
        what = f"models: {provider.name} does not answer at its base_url"
        return Finding(level, what, "mend the address, or is the network in the way?"), {}
    return Finding("ok", f"models: {provider.name} accepts {key}, {len(listed)} models"), listed


def _unlisted(spec: ModelSpec, listed: Offered) -> Iterator[Finding]:
    """The default model, where its provider lists others and not it. Some write a path before their ids."""
    ids = {id_.rpartition("/")[2] for id_ in listed}
    if ids and spec.id.rpartition("/")[2] not in ids:
        what = f"models: {spec.provider} does not list {spec.id}, the default"
        yield Finding("broken", what, "set SWITCHBOARD_DEFAULT_MODEL to another")


def _ending(
    catalog: Catalog, default: str, offered: dict[str, Offered], today: date
) -> Iterator[Finding]:
    """Models within reach that end soon, and dates that their providers know better."""
    for spec in catalog.models.values():
        if spec.provider not in offered or spec.gone(today):
            continue
        announced = offered[spec.provider].get(spec.id)
        if announced is not None and announced != spec.shutdown:
            what = f"models: {spec.provider} shuts {spec.alias} down on {announced}"
            yield Finding("warning", what, f"set shutdown = {announced} in your models.toml")
        elif spec.alias != default and _is_near(spec.shutdown, today):
            heir = f", {spec.successor} follows" if spec.successor else ""
            what = f"models: {spec.alias} is shut down on {spec.shutdown}{heir}"
            yield Finding("warning", what, "tell the channels that chose it")


def _is_near(shutdown: date | None, today: date) -> bool:
    return shutdown is not None and shutdown - today <= NEAR
