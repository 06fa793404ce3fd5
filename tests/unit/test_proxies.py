"""Proxies of the environment: for outside hosts, never for this machine."""

import pytest

from bot.proxies import is_loopback, proxy_for

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def _proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", "inside.example")


@pytest.mark.parametrize(
    "url",
    ["https://slack.com/api/", "wss://gateway.discord.gg/?v=10", "https://api.openai.com:443"],
)
def test_an_outside_address_goes_through_the_proxy(url: str) -> None:
    assert proxy_for(url) == PROXY


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost:8766/api/",
        "https://127.0.0.1/",
        "https://127.8.9.10:1/",
        "wss://[::1]:9/",
        "https://page.localhost/",
        "https://inside.example/",
        "https://deep.inside.example/",
        "http://slack.com/",
    ],
)
def test_this_machine_exceptions_and_other_schemes_go_direct(url: str) -> None:
    assert proxy_for(url) is None


def test_one_proxy_for_everything_is_the_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://all.example:1")
    assert proxy_for("http://slack.com/") == "http://all.example:1"
    assert proxy_for("https://slack.com/") == PROXY


@pytest.mark.parametrize("host", ["localhost.example", "10.0.0.1", "", "128.0.0.1"])
def test_what_only_looks_like_this_machine_is_not(host: str) -> None:
    assert not is_loopback(host)
