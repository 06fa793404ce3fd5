"""The address of Redis means the same to Celery as to ourselves."""

import ssl
from typing import Any

import pytest
from redis.connection import parse_url

from bot.queue import celery_app


def celerys(url: str) -> dict[str, Any]:
    """What Celery's transport would connect to."""
    with celery_app(url, "test:").connection_for_write() as connection:
        transport = connection.transport
        channel = transport.Channel.__new__(transport.Channel)
        channel.connection = transport
        given: dict[str, Any] = channel._connparams()
        return given


@pytest.mark.parametrize(
    "url",
    [
        "redis://host:1/2",
        "redis://user:p%40ss%2F@host",
        "redis://:p%40ss@[::1]:1/2",
        "redis://host/3?password=p%40ss&protocol=2",
        "rediss://:p%40ss@host:1/2",
        "unix:///run/a%20b/r.sock",
        "unix:///run/r.sock?db=2&password=p%40ss%2F",
        "unix://user:p%40ss@/run/r.sock?db=2",
    ],
)
def test_celery_goes_where_we_go_with_the_same_name_and_password(url: str) -> None:
    ours, its = parse_url(url), celerys(url)
    for name, default in (("host", None), ("path", None), ("password", None), ("db", 0)):
        assert its.get(name) == ours.get(name, default), name
    assert (its.get("username") or None) == ours.get("username")
    if "host" in its:
        assert its["port"] == ours.get("port", 6379)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("rediss://host", ssl.CERT_REQUIRED),
        ("rediss://host?ssl_cert_reqs=none", ssl.CERT_NONE),
        ("rediss://host?ssl_ca_certs=/etc/own.pem", ssl.CERT_REQUIRED),
    ],
)
def test_celery_verifies_whom_it_talks_to_unless_told_otherwise(
    url: str, wanted: ssl.VerifyMode
) -> None:
    assert celerys(url)["ssl_cert_reqs"] is wanted
    assert celerys(url).get("ssl_ca_certs") == parse_url(url).get("ssl_ca_certs")
