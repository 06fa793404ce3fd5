"""Secrets of every kind are planted, things go well and wrong; then all that was written is searched for them."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.forked import Forked
from tests.house import House

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

SECURITY = Path(__file__).parents[2] / "SECURITY.md"
USER = "switchboard"  # with the rules of SECURITY.md
PASSWORD = "planted/of:redis@+word"
OF_SLACKS_APP = "planted-client-secret-of-slack"
SPOKEN = "swordfish-xylophone"  # what people write is for nobody's log either


class Planted:
    """A house that ran with the secrets, and all that it left behind."""

    def __init__(self, house: House, environment: dict[str, str]) -> None:
        self.house = house
        self.environment = environment
        self.secrets = {
            "Slack's bot token": house.slack.bot_token,
            "Slack's app token": house.slack.app_token,
            "Slack's client secret": OF_SLACKS_APP,
            "Discord's token": house.discord.token,
            "the model's key": house.models.api_key,
            "the password of Redis": PASSWORD,
            "the same as written in its address": quote(PASSWORD, safe=""),
        }

    def within(self, text: str) -> list[str]:
        return [name for name, secret in self.secrets.items() if secret in text]

    @property
    def logs(self) -> str:
        return "\n".join(process.logged for process in self.house.processes)

    def stored(self) -> Iterator[bytes]:
        """Every command that Redis was ever given, the bodies of Celery's messages decoded."""
        for file in sorted((self.house.folder / "redis" / "appendonlydir").glob("*.aof")):
            content = file.read_bytes()
            yield content
            for body in re.findall(rb'"body": ?"([A-Za-z0-9+/=]+)"', content):
                yield base64.b64decode(body)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def planted() -> AsyncIterator[Planted]:
    async with House(forked=True, SWITCHBOARD_LOG_LEVEL="DEBUG") as house:
        rules = re.search(r"`(~switchboard:\S+ [^`]+)`", SECURITY.read_text("utf-8"))
        assert rules
        setuser = ("ACL", "SETUSER", USER, "on", f">{PASSWORD}", *rules[1].split())
        await house.redis.execute_command(*setuser)
        url = house.server.url.replace("://", f"://{USER}:{quote(PASSWORD, safe='')}@", 1)
        house.settings |= {"REDIS_URL": url, "SLACK_CLIENT_SECRET": OF_SLACKS_APP}
        await house.start("slack", "discord", "worker")
        await _what_goes_well(house)
        await _what_goes_wrong(house)
        await house.at_rest()
        every: dict[str, str] = {}
        for process in house.processes:
            every |= house.environment(process.word)
        yield Planted(house, every)


async def _what_goes_well(house: House) -> None:
    house.models.will_say("Well answered.", times=2)
    asked = await house.slack.post("ada", "general", f"@Switchboard {SPOKEN}")
    await house.slack.shows("Well answered.", thread_ts=asked.ts)
    await house.discord.slash("mia", "general", "ask", prompt=SPOKEN, private=True)
    await house.discord.shows("Well answered.")
    await house.slack.command("ada", "design", "/ai model set gpt-4o-mini")
    await house.slack.shows("gpt-4o-mini", channel="design")


async def _what_goes_wrong(house: House) -> None:
    """A provider that repeats the key, as OpenAI does; a platform that refuses."""
    told = f"Incorrect API key provided: {house.models.api_key}. Prompt: {SPOKEN}"
    house.models.will_refuse(401, "invalid_api_key", told, times=None, when="be refused")
    house.slack.will_refuse("chat.postMessage", "fatal_error")
    await house.slack.post("mia", "general", f"@Switchboard be refused {SPOKEN}")
    await house.slack.until(lambda: house.slack.private("mia") or None, what="no sentence came")
    await house.discord.slash("mia", "random", "ask", prompt=f"be refused {SPOKEN}")


async def test_no_log_line_shows_a_secret_or_what_people_write(planted: Planted) -> None:
    assert "turn.delivered" in planted.logs
    assert planted.within(planted.logs) == []
    assert SPOKEN not in planted.logs
    assert "Well answered" not in planted.logs


async def test_a_user_of_redis_who_has_our_keys_and_channels_alone_is_enough(
    planted: Planted,
) -> None:
    assert not re.search("NOPERM|NoPermission", planted.logs)


async def test_no_message_to_people_shows_a_secret(planted: Planted) -> None:
    slack, discord = planted.house.slack, planted.house.discord
    on_slack = [m for place in ("general", "design") for m in slack.channel_messages(place)]
    shown = [*on_slack, *slack.private("mia"), *discord.by_bot()]
    assert len(shown) > 5
    assert planted.within("\n".join(map(repr, shown))) == []


async def test_nothing_in_redis_holds_a_secret(planted: Planted) -> None:
    stored = list(planted.stored())
    assert any(SPOKEN.encode() in content for content in stored), "nothing of it was kept at all"
    assert any(content.startswith(b'[["slack:') for content in stored), "Celery was not asked"
    for content in stored:
        assert planted.within(content.decode("utf-8", "replace")) == []


@pytest.mark.parametrize("line", [["config"], ["doctor"], ["doctor", "--json"], ["models"]])
async def test_no_page_shows_a_secret(planted: Planted, line: list[str], tmp_path: Path) -> None:
    page = tmp_path / "page"
    page.touch()
    await Forked(line, planted.environment, page).wait()
    assert (said := page.read_text("utf-8"))
    assert planted.within(said) == []
