"""Only the platform's own file hosts and listed origins are fetched from, and fewer of them see the token."""

import pytest

from adapters.files.origins import Origins
from bot.errors import SettingsError

TOKEN = "xoxb-invented-1"

FOREIGN = [
    "http://files.slack.com/a",
    "https://files.slack.com:8443/a",
    "https://files.slack.com./a",
    "https://files.slack.com.evil.example/a",
    "https://evil.example/files.slack.com/a",
    "https://evil.example/?https://files.slack.com/a",
    "https://files.slack.com@evil.example/a",
    "https://files.slack.com:443@evil.example/a",
    "https://someone@files.slack.com/a",
    "https://files.slack.com\\@evil.example/a",
    "https://files.slack.com%2eevil.example/a",
    "https://xfiles.slack.com/a",
    "https://slack.com/a",
    "https://files.slack.corn/a",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/a",
    "https://[::1/a",
    "https:files.slack.com/a",
    "//files.slack.com/a",
    "file:///etc/passwd",
    "https://files.slack.com:99999/a",
    "https:///a",
    "",
]


@pytest.mark.parametrize("url", FOREIGN)
def test_an_address_that_only_resembles_the_platform_is_foreign(url: str) -> None:
    origins = Origins.slack(TOKEN)

    assert not origins.allowed(url)
    assert origins.headers_for(url) == {}


@pytest.mark.parametrize(
    "url",
    [
        "https://files.slack.com/files-pri/T1-F1/cat.png",
        "https://FILES.slack.com:443/files-pri/T1-F1/cat.png?pub_secret=1",
    ],
)
def test_slacks_own_file_host_is_allowed_and_gets_the_token(url: str) -> None:
    origins = Origins.slack(TOKEN)

    assert origins.allowed(url)
    assert origins.headers_for(url) == {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize("host", ["cdn.discordapp.com", "media.discordapp.net"])
def test_discords_file_hosts_are_allowed_and_get_nothing(host: str) -> None:
    origins = Origins.discord()

    assert origins.allowed(f"https://{host}/attachments/1/2/cat.png?ex=1&is=2&hm=3")
    assert origins.headers_for(f"https://{host}/attachments/1/2/cat.png") == {}
    assert not origins.allowed("https://cdn.discordapp.net/attachments/1/2/cat.png")
    assert not origins.allowed("https://files.slack.com/a")


def test_a_listed_origin_is_allowed_as_it_is_listed_and_not_otherwise() -> None:
    slack = Origins.slack(TOKEN, ["http://127.0.0.1:9001", "https://files.example/"])

    for url in ("http://127.0.0.1:9001/a", "https://files.example/a"):
        assert slack.allowed(url)
        assert slack.headers_for(url) == {"Authorization": f"Bearer {TOKEN}"}
    for url in ("https://127.0.0.1:9001/a", "http://127.0.0.1:9002/a", "http://localhost:9001/a"):
        assert not slack.allowed(url)
        assert slack.headers_for(url) == {}
    assert Origins.discord(["http://127.0.0.1:9001"]).headers_for("http://127.0.0.1:9001/a") == {}


@pytest.mark.parametrize(
    "text",
    [
        "files.example",
        "ftp://files.example",
        "https://user:secret@files.example",
        "https://files.example/path",
        "https://files.example?x=secret",
        "https://[::1",
        "",
    ],
)
def test_an_origin_that_is_none_is_a_fault_of_the_settings(text: str) -> None:
    with pytest.raises(SettingsError) as fault:
        Origins.discord([text])

    assert "SWITCHBOARD_ATTACHMENT_ORIGINS" in fault.value.sentence
    assert "secret" not in fault.value.sentence


@pytest.mark.parametrize(
    ("address", "usable"),
    [
        ("3.67.9.1", True),
        ("2600:9000::1", True),
        ("198.18.0.7", True),  # a transparent proxy answers so for every name
        ("10.0.0.1", False),
        ("127.0.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:3.67.9.1", True),
    ],
)
def test_the_platforms_names_stand_for_public_addresses_only(address: str, usable: bool) -> None:
    origins = Origins.slack(TOKEN, ["http://files.internal:8080"])

    assert origins.resolved("files.slack.com", address) is usable
    assert origins.resolved("files.internal", address)  # the operator vouches for it
    assert origins.resolved("proxy.internal", address)  # so for a proxy of the environment


def test_the_token_is_in_no_representation() -> None:
    origins = Origins.slack(TOKEN)

    assert TOKEN not in f"{origins!r} {origins}"
