"""A message that fails its last check is not lost: it is sent plain."""

import logging

import pytest

from adapters.slack.render import _Slack
from adapters.text.pages import pages


class Suspicious(_Slack):
    """A platform that believes in no message."""

    def inert(self, message: str) -> str | None:
        return None


def test_a_message_that_fails_the_last_check_is_sent_whole_and_plain(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = "**See** [docs](https://a.example) <!channel>\n- `x`\n" + "more & more\n" * 30
    messages = pages(text, Suspicious(), limit=120, final=True)
    joined = "".join(messages)
    assert all(len(message) <= 120 for message in messages)
    assert "](" not in joined
    assert "&lt;!" not in joined
    assert joined.count("more &amp; more\n") == 30
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * len(messages)
    assert "docs" not in caplog.text
