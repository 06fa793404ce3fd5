"""Slack keeps the contract of a platform, whichever way its answers grow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
import pytest_asyncio

from playground.models.scripts import Hold, Say
from playground.slack import Message
from tests.contract.platform_contract import PlatformContract
from tests.house import House

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("untraced"),  # what it shows runs in other processes
]

CHANNEL = "general"


class SlackDriver:
    """People of the simulated Slack in one of its channels. A question is named by its ts."""

    platform = "slack"
    long = 24_000  # Slack's own limit of a message is 12,000

    def __init__(self, house: House) -> None:
        self.house = house
        self._slack = house.slack

    async def ask(
        self, words: str, *, files: Sequence[tuple[str, bytes]] = (), after: str = ""
    ) -> str:
        words = f"@Switchboard {words}"
        asked = await self._slack.post("mia", CHANNEL, words, after or None, files=files)
        return after or asked.ts

    async def shows(self, question: str, part: str) -> None:
        await self._slack.shows(part, thread_ts=question)

    def answers(self, question: str) -> list[str]:
        return [self._slack.text_of(answer) for answer in self._slack.answers(question)]

    async def told(self, question: str) -> str:
        def lines() -> str | None:
            private = [m for m in self._slack.private("mia") if m.thread_ts in (None, question)]
            return own_lines([*self._slack.answers(question), *private]) or None

        return await self._slack.until(lines, what="the bot has no words of its own")

    async def again(self, question: str) -> None:
        for event in list(self._slack.events):
            if event.payload["event"].get("ts") == question:
                self._slack.redeliver(event.event_id)
        await self._slack.settled()

    async def robot(self, words: str) -> None:
        await self._slack.post("reminder", CHANNEL, f"@Switchboard {words}")
        await self._slack.settled()

    def will_be_busy(self, seconds: float, times: int) -> None:
        self._slack.will_refuse("chat.postMessage", "ratelimited", times, retry_after=seconds)

    @contextmanager
    def storm(self) -> Iterator[Callable[[], list[float]]]:
        before = len(self._slack.refusals)
        for method in ("chat.postMessage", "chat.update", "chat.*Stream"):
            self._slack.will_refuse(method, "service_unavailable", 10_000, status=503)
        yield lambda: [call.at for call, _ in self._slack.refusals[before:]]
        self._slack.workspace.faults.forget()

    async def set_model(self, alias: str, *, admin: bool, by: str) -> None:
        who = "ada" if admin else "mia"
        before = len(self._slack.private(who))
        if by == "slash":
            await self._slack.command(who, CHANNEL, f"/ai model set {alias}")
        else:
            await self._slack.post(who, CHANNEL, f"@Switchboard /model set {alias}")
        await self._slack.until(
            lambda: len(self._slack.private(who)) > before or None, what="no notice came"
        )

    def violations(self) -> Sequence[object]:
        return self._slack.violations


def own_lines(messages: Sequence[Message]) -> str:
    """The mrkdwn of messages: the bot's own words, below answers and in private."""
    texts = []
    for message in messages:
        for block in message.blocks:
            texts += [e["text"] for e in block["elements"]] if block["type"] == "context" else []
            texts += [block["text"]["text"]] if block["type"] == "section" else []
    return "\n".join(texts)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["update", "native"])
async def whole(request: pytest.FixtureRequest) -> AsyncIterator[SlackDriver]:
    async with House(forked=True, SWITCHBOARD_SLACK_STREAM=request.param) as house:
        await house.start("slack", "worker")
        yield SlackDriver(house)


@pytest_asyncio.fixture(loop_scope="module")
async def driver(whole: SlackDriver) -> AsyncIterator[SlackDriver]:
    whole.house.models.forget()
    yield whole
    await whole.house.at_rest()
    assert not whole.violations()


class Slow:
    """An answer that grows when it is told to."""

    def __init__(self, house: House, when: str, *parts: str) -> None:
        self.gates = [asyncio.Event() for _ in parts[1:]]
        steps: list[Say | Hold] = [Say(parts[0])]
        for gate, part in zip(self.gates, parts[1:], strict=True):
            steps += [Hold(gate), Say(part)]
        house.models.will_do(*steps, when=when)

    def go_on(self) -> None:
        self.gates.pop(0).set()


@pytest.mark.parametrize("whole", ["native"], indirect=True)
class TestStreams:
    """What is Slack's own streams' alone, with the real processes."""

    async def test_slacks_stop_button_ends_the_work_and_keeps_what_was_streamed(
        self, driver: SlackDriver
    ) -> None:
        house, slow = driver.house, Slow(driver.house, "stop me", "One, ", "two.", "Never three.")
        question = await driver.ask("stop me")
        begun = await house.slack.shows("One,", thread_ts=question)
        assert begun.is_streaming
        slow.go_on()
        await driver.shows(question, "One, two.")
        assert await house.slack.press_stop("mia", CHANNEL, question) == [begun.ts]
        assert "Stopped" in await driver.told(question)
        await house.at_rest()
        (answer,) = house.slack.answers(question)
        assert house.slack.text_of(answer) == "One, two."
        assert "Stopped here" in own_lines([answer])

    async def test_an_adapter_that_is_killed_in_mid_stream_leaves_one_whole_answer(
        self, driver: SlackDriver
    ) -> None:
        house, slow = driver.house, Slow(driver.house, "die", "One, ", "two, ", "three, ", "four.")
        question = await driver.ask("die")
        begun = await house.slack.shows("One,", thread_ts=question)
        slow.go_on()
        await driver.shows(question, "One, two,")
        next(process for process in house.processes if process.word == "slack").kill()
        slow.go_on()
        await house.start("slack")
        await driver.shows(question, "One, two, three,")
        slow.go_on()
        await house.at_rest()
        (answer,) = house.slack.answers(question)
        assert (answer.ts, house.slack.text_of(answer)) == (begun.ts, "One, two, three, four.")
        assert not answer.is_streaming


class TestSlack(PlatformContract):
    """All of it."""
