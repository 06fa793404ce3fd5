"""The scripted model server, as quick as it can be, and the real openai package to ask it with."""

import ssl
from collections.abc import AsyncIterator

import httpx2
import pytest
from openai import AsyncOpenAI

from playground.models import ModelServer

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reading the authorities takes longer than a test


@pytest.fixture(scope="module", autouse=True)
def untraced_all(untraced: None) -> None:
    """Nothing of ours runs here."""


@pytest.fixture
async def model() -> AsyncIterator[ModelServer]:
    async with ModelServer(pace=0) as server:
        yield server


@pytest.fixture
async def client(model: ModelServer) -> AsyncIterator[AsyncOpenAI]:
    async with httpx2.AsyncClient(trust_env=False, verify=NO_TLS, timeout=30) as http:
        yield AsyncOpenAI(
            base_url=model.base_url, api_key=model.api_key, max_retries=0, http_client=http
        )
