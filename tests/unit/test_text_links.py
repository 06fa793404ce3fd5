"""Which addresses become links, and what a reader sees of where they lead."""

import pytest

from adapters.text.links import check, names, trimmed


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "slack://open?team=T1",
        "discord://-/channels/1",
        "/relative",
        "//no-scheme.example",
        "",
        "https:evil.example",
        "https:///evil.example",
        "https://good.example\\@evil.example",
        "https://two words.example",
        "https://a.example/\u202egnp.exe",
        "https://a.example|label",
        "https://%65vil.example",
        "https://a.example:99999/",
        "mailto:not an address",
        "mailto:<!channel>@x.example",
        "https://" + "a" * 5_000,
    ],
)
def test_an_address_that_is_not_plainly_a_web_or_mail_address_is_text(address: str) -> None:
    assert check(address) is None


@pytest.mark.parametrize(
    ("address", "url", "host"),
    [
        ("https://a.example/b?c=d&e#f", "https://a.example/b?c=d&e#f", "a.example"),
        ("HTTP://A.example:8080", "http://A.example:8080", "A.example"),
        ("https://bank.example@evil.example/x", "https://evil.example/x", "evil.example"),
        ("https://bücher.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("https://a.example/x_(y)|z>", "https://a.example/x_%28y%29%7Cz%3E", "a.example"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x", "[2001:db8::1]"),
        ("mailto:ann@x.example?subject=a", "mailto:ann@x.example?subject=a", "ann@x.example"),
    ],
)
def test_a_link_loses_its_disguise(address: str, url: str, host: str) -> None:
    target = check(address)
    assert target is not None
    assert (target.url, target.host) == (url, host)


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("https://a.example/b", True),
        ("a.example", True),
        ("https://a.example", True),
        ("a.example.evil.example", False),
        ("https://evil.example", False),
        ("https://a.example@evil.example", False),
        ("see a.example", False),
        ("docs", False),
    ],
)
def test_a_label_names_its_host_only_if_it_is_that_host(label: str, shown: bool) -> None:
    target = check("https://a.example/b")
    assert target is not None
    assert names(label, target) is shown


def test_the_punctuation_of_a_sentence_is_no_part_of_an_address() -> None:
    assert trimmed("https://a.example/b_(c)),**") == "https://a.example/b_(c)"
    assert trimmed('https://a.example/b."') == "https://a.example/b"
