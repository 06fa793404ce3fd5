"""`doctor` says which keys work, which models the providers know, and which end soon."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.doctor import Finding, worst
from bot.models import Catalog
from bot.settings import WorkerSettings
from playground.models import ModelServer
from workers.checks import all_findings, check
from workers.providers import Providers

KEY = "sk-scripted-0123456789abcdef"
TODAY = date(2026, 11, 22)


@pytest.fixture
async def model_server() -> AsyncIterator[ModelServer]:
    async with ModelServer(api_key=KEY) as server:
        yield server


def others(own: Path, server: ModelServer) -> Catalog:
    """The catalog with a provider of the operator's beside the default one."""
    own.write_text(
        f'[providers.mine]\nbase_url = "{server.base_url}"\napi_key_env = "MINE_KEY"\n'
        '[models.mine]\nprovider = "mine"\nid = "gpt-4.1"\ncontext = 1000\nmax_output = 100\n'
        "shutdown = 2027-01-20\nsuccessor = 'gpt-6-luna'\n"
    )
    return Catalog.load(own, openai_base_url=server.base_url)


async def found(
    catalog: Catalog, keys: dict[str, str], *, default: str = "gpt-4o", today: date = TODAY
) -> list[Finding]:
    known = {name: SecretStr(key) for name, key in keys.items()}
    providers = Providers(catalog, known, connections=1)
    try:
        return await all_findings(catalog, providers, default, today)
    finally:
        await providers.close()


def text(findings: list[Finding]) -> str:
    return "\n".join(map(str, findings))


async def test_a_key_that_works_and_a_model_that_lives_are_fine(model_server: ModelServer) -> None:
    catalog = Catalog.load(None, openai_base_url=model_server.base_url)
    findings = await found(catalog, {"OPENAI_API_KEY": KEY})
    assert worst(findings) == "ok"
    assert "openai accepts OPENAI_API_KEY" in text(findings)


async def test_a_key_that_the_default_needs_and_that_is_refused_is_broken(
    model_server: ModelServer,
) -> None:
    catalog = Catalog.load(None, openai_base_url=model_server.base_url)
    findings = await found(catalog, {"OPENAI_API_KEY": "sk-wrong-key-0000000"})
    assert worst(findings) == "broken"
    assert "set a valid OPENAI_API_KEY" in text(findings)
    assert "sk-wrong" not in text(findings)


async def test_a_key_that_only_other_models_need_is_a_warning(
    model_server: ModelServer, tmp_path: Path
) -> None:
    catalog = others(tmp_path / "models.toml", model_server)
    keys = {"OPENAI_API_KEY": KEY, "MINE_KEY": "wrong-key-0000000"}
    findings = await found(catalog, keys)
    assert worst(findings) == "warning"
    assert "mine does not accept MINE_KEY" in text(findings)


async def test_a_key_that_is_missing_is_broken_for_the_default(model_server: ModelServer) -> None:
    catalog = Catalog.load(None, openai_base_url=model_server.base_url)
    findings = await found(catalog, {})
    assert worst(findings) == "broken"
    assert "OPENAI_API_KEY is not set → set it, or another default model" in text(findings)
    assert not model_server.requests


async def test_a_provider_that_does_not_answer_is_told(model_server: ModelServer) -> None:
    catalog = Catalog.load(None, openai_base_url=model_server.base_url)
    await model_server.stop()
    findings = await found(catalog, {"OPENAI_API_KEY": KEY})
    assert worst(findings) == "broken"
    assert "openai does not answer" in text(findings)


async def test_other_models_that_end_soon_are_told_too(model_server: ModelServer) -> None:
    catalog = Catalog.load(None, openai_base_url=model_server.base_url)
    findings = await found(catalog, {"OPENAI_API_KEY": KEY}, today=date(2026, 12, 1))
    assert "o3 is shut down on 2026-12-11, gpt-6-sol follows" in text(findings)
    assert "gpt-4.1 is shut down" not in text(findings)


async def test_a_date_that_the_provider_knows_better_is_told(
    model_server: ModelServer, tmp_path: Path
) -> None:
    catalog = others(tmp_path / "models.toml", model_server)
    findings = await found(catalog, {"OPENAI_API_KEY": KEY, "MINE_KEY": KEY})
    assert "mine shuts mine down on 2027-01-14" in text(findings)
    assert "set shutdown = 2027-01-14 in your models.toml" in text(findings)


async def test_a_default_that_the_provider_does_not_know_is_broken(
    model_server: ModelServer,
) -> None:
    model_server.retire("gpt-6-luna")
    catalog = Catalog.load(None, openai_base_url=model_server.base_url)
    findings = await found(catalog, {"OPENAI_API_KEY": KEY}, default="gpt-6-luna")
    assert "openai does not list gpt-6-luna" in text(findings)
    assert worst(findings) == "broken"


async def test_the_check_runs_on_a_workers_settings(
    model_server: ModelServer, tmp_path: Path
) -> None:
    settings = WorkerSettings(
        openai_api_key=SecretStr(KEY),
        openai_base_url=model_server.base_url,
        model_keys={"OPENAI_API_KEY": SecretStr(KEY)},
    )
    assert "openai accepts OPENAI_API_KEY" in text(await check(settings))
    own = tmp_path / "models.toml"
    own.write_text("[models.gpt-4o]\ncolour = 1\n")
    [finding] = await check(settings.model_copy(update={"models_file": own}))
    assert finding.level == "broken"
    assert "models.gpt-4o.colour: no such key" in finding.what


async def test_the_clients_are_made_beside_the_loop(
    model_server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dozen of them held up the other checks for so long that Redis and Slack seemed not to answer."""
    made_in = []

    class Watched(Providers):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            made_in.append(threading.current_thread())
            super().__init__(*args, **kwargs)

    monkeypatch.setattr("workers.checks.Providers", Watched)
    settings = WorkerSettings(
        openai_api_key=SecretStr(KEY),
        openai_base_url=model_server.base_url,
        model_keys={"OPENAI_API_KEY": SecretStr(KEY)},
    )
    assert "openai accepts OPENAI_API_KEY" in text(await check(settings))
    assert made_in
    assert threading.current_thread() not in made_in
