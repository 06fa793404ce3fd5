"""Discord keeps the contract of a platform."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
import pytest_asyncio

from playground.discord import Message
from tests.contract.platform_contract import PlatformContract
from tests.house import House

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.usefixtures("untraced"),  # what it shows runs in other processes
]

CHANNEL = "general"
SMALL = "-# "  # how the bot's own lines begin


class DiscordDriver:
    """People of the simulated Discord in one of its channels. A question is named by its message's id."""

    platform = "discord"
    long = 10_000  # Discord's own limit of a message is 2,000

    def __init__(self, house: House) -> None:
        self.house = house
        self._discord = house.discord

    async def ask(
        self, words: str, *, files: Sequence[tuple[str, bytes]] = (), after: str = ""
    ) -> str:
        words = f"@Switchboard {words}"
        asked = await self._discord.post("mia", CHANNEL, words, reply_to=after or None, files=files)
        return asked.id

    async def shows(self, question: str, part: str) -> None:
        await self._discord.when(lambda: part in "\n".join(self.answers(question)) or None, 20)

    def answers(self, question: str) -> list[str]:
        return [text for m in self._after(question) if (text := _model_text(m.content))]

    async def told(self, question: str) -> str:
        def lines() -> str | None:
            every = [line for m in self._after(question) for line in m.content.split("\n")]
            return "\n".join(line for line in every if line.startswith(SMALL)) or None

        return await self._discord.when(lines)

    async def again(self, question: str) -> None:
        await self._discord.redeliver(question)
        await self._heard_out()

    async def robot(self, words: str) -> None:
        await self._discord.post("echo", CHANNEL, f"@Switchboard {words}")
        await self._heard_out()

    def will_be_busy(self, seconds: float, times: int) -> None:
        self._discord.will_refuse(
            "POST /channels/*/messages", 429, times=times, retry_after=seconds
        )

    @contextmanager
    def storm(self) -> Iterator[Callable[[], list[float]]]:
        before = len(self._discord.calls)
        for request in ("POST /channels/*/messages", "PATCH /channels/*/messages/*"):
            self._discord.will_refuse(request, 503, times=10_000)
        yield lambda: [call.at for call in self._discord.calls[before:] if call.status == 503]
        self._discord.faults.forget()

    async def set_model(self, alias: str, *, admin: bool, by: str) -> None:
        who = "mara" if admin else "mia"
        if by == "slash":
            asked = await self._discord.slash(who, CHANNEL, "model set", model=alias)
            await self._discord.answered(asked)
        else:
            told = await self._discord.post(who, CHANNEL, f"@Switchboard /model set {alias}")
            await self._discord.answered(told)
        await self.house.at_rest()

    def violations(self) -> Sequence[object]:
        return self._discord.violations

    def _after(self, question: str) -> list[Message]:
        """The reply to the question, and what the bot wrote below it until it replied to another one."""
        found: list[Message] = []
        for message in self._discord.by_bot(CHANNEL):
            asked = message.reference.message_id if message.reference else None
            if asked == question or (found and asked is None):
                found.append(message)
            elif found:
                break
        return found

    async def _heard_out(self) -> None:
        """A command that came after it has been answered."""
        asked = await self._discord.slash("mia", CHANNEL, "help")
        await self._discord.answered(asked)


def _model_text(content: str) -> str:
    return "\n".join(line for line in content.split("\n") if not line.startswith(SMALL))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole() -> AsyncIterator[DiscordDriver]:
    async with House(forked=True) as house:
        await house.start("discord", "worker")
        yield DiscordDriver(house)


@pytest_asyncio.fixture(loop_scope="module")
async def driver(whole: DiscordDriver) -> AsyncIterator[DiscordDriver]:
    whole.house.models.forget()
    yield whole
    await whole.house.at_rest()
    assert not whole.violations()


class TestDiscord(PlatformContract):
    """All of it."""
