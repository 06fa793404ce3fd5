"""Models answer here: a prompt becomes a stream of deltas, whoever provides the model.

`ChatCompletions` speaks OpenAI's wire, which most providers offer; another wire is a class and an entry point of the
group `switchboard.providers`, named like the `wire` of the provider's table.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import date
from importlib.metadata import entry_points
from typing import Protocol

from pydantic import SecretStr

from bot.errors import BadKey, SettingsError
from bot.model_specs import ModelSpec, ProviderSpec
from bot.models import Catalog
from bot.types import Delta, Prompt

GROUP = "switchboard.providers"


class Provider(Protocol):
    """One provider's client. Every fault of the provider is raised as a ProviderError."""

    def stream(self, spec: ModelSpec, prompt: Prompt) -> AsyncGenerator[Delta, None]:
        """The answer as it comes in; the last delta carries `finish` and `usage`.

        Closing the generator, or cancelling who waits for it, ends the request at once.
        """
        ...

    async def offered(self) -> dict[str, date | None]:
        """The ids that the provider lists, each with its shutdown date if one is announced."""
        ...

    async def close(self) -> None: ...


class Wire(Protocol):
    """What an entry point leads to: makes the client of one provider."""

    def __call__(self, provider: ProviderSpec, key: str, *, connections: int) -> Provider: ...


class Providers:
    """One client per provider and process. Those with a key are made at once, since making one takes 35 ms."""

    def __init__(
        self, catalog: Catalog, keys: Mapping[str, SecretStr], *, connections: int
    ) -> None:
        self._catalog = catalog
        self._keys = keys
        self._connections = connections
        self._wires = _wires(catalog)
        self._clients: dict[str, Provider] = {}
        for provider in catalog.providers.values():
            if provider.api_key_env in keys:
                self.client(provider)

    def stream(self, spec: ModelSpec, prompt: Prompt) -> AsyncGenerator[Delta, None]:
        """The answer of a model; raises BadKey where this process has no key for its provider."""
        provider = self._catalog.provider_of(spec)
        if not self.has_key(provider):
            raise BadKey(
                f"{spec.alias} has no key here. An admin has to set {provider.api_key_env};"
                " meanwhile ask another model."
            )
        return self.client(provider).stream(spec, prompt)

    def has_key(self, provider: ProviderSpec) -> bool:
        """Whether there is the key, or none is needed."""
        return provider.api_key_env is None or provider.api_key_env in self._keys

    def client(self, provider: ProviderSpec) -> Provider:
        """The provider's one client."""
        if provider.name not in self._clients:
            secret = self._keys.get(provider.api_key_env or "")
            self._clients[provider.name] = self._wires[provider.wire](
                provider,
                secret.get_secret_value() if secret else "",
                connections=self._connections,
            )
        return self._clients[provider.name]

    async def close(self) -> None:
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.close()


def _wires(catalog: Catalog) -> dict[str, Wire]:
    """Every wire that the catalog's providers speak, imported now and not while somebody waits for an answer."""
    entries = {entry.name: entry for entry in entry_points(group=GROUP)}
    faults = [
        f"providers.{provider.name}.wire: no installed package speaks it"
        for provider in catalog.providers.values()
        if provider.wire not in entries
    ]
    if faults:
        raise SettingsError(faults)
    return {p.wire: entries[p.wire].load() for p in catalog.providers.values()}
