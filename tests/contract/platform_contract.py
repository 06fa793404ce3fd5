"""What every chat platform's adapter must do, told once: the real adapter and worker against a simulated platform.

A platform's test module has a module-scoped fixture `driver` and one line, `class TestSlack(PlatformContract): ...`;
see `tests/contract/slack_adapter/test_slack_contract.py`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from math import log2
from typing import Protocol

from tests.house import House
from tests.pictures import png

MAGIC = (b"\x89PNG", b"\xff\xd8\xff")  # how what our own encoder makes begins
ALARMS = (
    "@everyone @here @Switchboard @mia <!channel> <!here> <!everyone> <@U0MIA> <@&1> <#C1> "
    "<!subteam^S1> &lt;!channel&gt; &amp;lt;!here&amp;gt; `<!channel>` [<!here>](https://a.example) "
    "![x](https://a.example/x.png)"
)


class Driver(Protocol):
    """A simulated workspace as people act in it and see it. A question is named by what `ask` returned."""

    house: House
    platform: str  # as in the keys of Redis
    long: int  # characters of an answer that needs several messages here, at least 10,000

    async def ask(
        self, words: str, *, files: Sequence[tuple[str, bytes]] = (), after: str = ""
    ) -> str:
        """A member mentions the bot in a channel, in a conversation of its own or in that of an earlier question."""

    async def shows(self, question: str, part: str) -> None:
        """Wait until an answer to the question contains this."""

    def answers(self, question: str) -> list[str]:
        """The model's text in each public message that answers the question, in order."""

    async def told(self, question: str) -> str:
        """Wait for the bot's own lines about the question, below its answer or in private."""

    async def again(self, question: str) -> None:
        """The platform delivers the question once more, and has been heard out."""

    async def robot(self, words: str) -> None:
        """Another bot mentions ours, and the platform has been heard out."""

    def will_be_busy(self, seconds: float, times: int) -> None:
        """The next posts in public are refused with a 429."""

    def storm(self) -> AbstractContextManager[Callable[[], list[float]]]:
        """All that shows something in public is refused with a 503 meanwhile; when that happened (s)."""

    async def set_model(self, alias: str, *, admin: bool, by: str) -> None:
        """Set the model of the channel that `ask` asks in, by "slash" or by "mention"; wait for the notice."""

    def violations(self) -> Sequence[object]:
        """What was sent that could notify somebody or make the platform fetch something."""


class PlatformContract:
    """Each test asks in a conversation of its own, in one house for all."""

    async def test_it_ignores_its_own_messages_and_those_of_other_bots(
        self, driver: Driver
    ) -> None:
        models = driver.house.models
        models.will_say("@Switchboard, what do you say?", when="talk to yourself", times=None)
        question = await driver.ask("talk to yourself")
        await driver.shows(question, "what do you say?")
        await driver.robot("talk to yourself, robot")
        await driver.house.at_rest()
        assert [r.prompt.count("talk to yourself") for r in models.requests] == [1]

    async def test_the_same_event_twice_makes_one_turn(self, driver: Driver) -> None:
        driver.house.models.will_say("Once.", when="only once", times=None)
        question = await driver.ask("only once")
        await driver.shows(question, "Once.")
        await driver.again(question)
        await driver.again(question)
        await driver.house.at_rest()
        assert driver.answers(question) == ["Once."]
        assert len(driver.house.models.requests) == 1

    async def test_an_image_arrives_as_a_blob(self, driver: Driver) -> None:
        driver.house.models.will_say("A red square.", when="what is this")
        before = await _blobs(driver)
        question = await driver.ask("what is this", files=[("square.png", png((32, 32)))])
        await driver.shows(question, "A red square.")
        parts = driver.house.models.requests[-1].body["messages"][-1]["content"]
        assert [part["type"] for part in parts].count("image_url") == 1
        (name,) = await _blobs(driver) - before
        assert (await driver.house.redis.get(name)).startswith(MAGIC)

    async def test_a_long_answer_is_split_with_its_fences_whole(self, driver: Driver) -> None:
        count = driver.long // 20
        lines = [f"value_{n:06d} = {n:06d}" for n in range(count)]
        assert sum(map(len, lines)) >= 10_000
        driver.house.models.will_say(
            "Here:\n```python\n", "\n".join(lines), "\n```\nDone.", when="much code"
        )
        question = await driver.ask("much code")
        await driver.shows(question, "Done.")
        await driver.house.at_rest()
        answers = driver.answers(question)
        assert len(answers) > 1
        for answer in answers:
            assert len(re.findall(r"^```", answer, re.MULTILINE)) % 2 == 0
        assert re.findall(r"value_\d+ = \d+", "".join(answers)) == lines

    async def test_a_429_means_later_and_never_lost_or_doubled(self, driver: Driver) -> None:
        driver.house.models.will_say("Patience.", when="later")
        driver.will_be_busy(0.3, times=2)
        question = await driver.ask("later")
        await driver.shows(question, "Patience.")
        await driver.house.at_rest()
        assert driver.answers(question) == ["Patience."]

    async def test_after_a_storm_of_5xx_all_that_is_owed_is_there_once_and_in_order(
        self, driver: Driver
    ) -> None:
        models = driver.house.models
        for name in ("one", "two", "three", "after one"):
            models.will_say(f"Of {name}.", when=f"storm {name}")
        with driver.storm() as refused:
            first, *others = [await driver.ask(f"storm {n}") for n in ("one", "two", "three")]
            second = await driver.ask("storm after one", after=first)
            async with asyncio.timeout(30):
                while len(refused()) < 6 or len(models.requests) < 4:
                    await asyncio.sleep(0.02)
            began, *_, ended = refused()
            tries = len(refused())
        await driver.shows(second, "Of after one.")
        await driver.house.at_rest()
        here = [
            text for question in dict.fromkeys((first, second)) for text in driver.answers(question)
        ]
        assert here == ["Of one.", "Of after one."]
        assert [driver.answers(question) for question in others] == [["Of two."], ["Of three."]]
        # Each answer is tried again after 0.5 s, after 1 s, after 2 s …; one behind it is not tried at all.
        assert tries <= 3 * (1.1 + log2(1 + (ended - began) / 0.5))

    async def test_a_failed_answer_is_a_sentence(self, driver: Driver) -> None:
        driver.house.models.will_refuse(400, "content_filter", "No.", when="fail", times=None)
        question = await driver.ask("fail")
        told = await driver.told(question)
        assert re.search(r"\w+ \w+.*[.!]", told), told
        assert "Traceback" not in told
        await driver.house.at_rest()

    async def test_nothing_sent_can_notify_anyone(self, driver: Driver) -> None:
        models = driver.house.models
        models.will_say(ALARMS[:40], ALARMS[40:], " The end.", when="wake everybody")
        models.will_refuse(400, "x", ALARMS, when="wake by a fault", times=None)
        question = await driver.ask("wake everybody " + ALARMS)
        await driver.shows(question, "The end.")
        assert "everyone" in "".join(driver.answers(question))
        await driver.told(await driver.ask("wake by a fault"))
        await driver.set_model(ALARMS.split()[0], admin=True, by="slash")
        await driver.house.at_rest()
        assert not driver.violations()

    async def test_an_unauthorised_command_changes_nothing(self, driver: Driver) -> None:
        models = driver.house.models
        for way in ("slash", "mention"):
            await driver.set_model("gpt-4o-mini", admin=False, by=way)
        models.will_say("Still I.", when="who speaks")
        question = await driver.ask("who speaks")
        await driver.shows(question, "Still I.")
        assert models.requests[-1].body["model"] == "gpt-4o"
        await driver.set_model("gpt-4o-mini", admin=True, by="slash")
        models.will_say("Now another.", when="who speaks now")
        question = await driver.ask("who speaks now")
        await driver.shows(question, "Now another.")
        assert models.requests[-1].body["model"] == "gpt-4o-mini"
        await driver.set_model("gpt-4o", admin=True, by="mention")


async def _blobs(driver: Driver) -> set[bytes]:
    return {name async for name in driver.house.redis.scan_iter(match="switchboard:blob:*")}
