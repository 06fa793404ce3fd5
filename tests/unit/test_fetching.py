"""What an ack does not wait for: files and quoted messages, or a sentence for each that does not come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from adapters.fetching import (
    LATE,
    LEFT_OUT,
    MAX_IMAGES,
    NO_ROOM,
    OF_A_CHANNEL,
    OURS,
    UNFETCHED,
    Fetching,
)
from bot.bell import Bell
from bot.blobs import Blobs
from bot.errors import AttachmentRejected, MissingScope, PlatformBusy
from bot.stored import Stored
from bot.types import Attachment, Quote, Turn
from tests.chat import Chat, Shop, until
from tests.pictures import PLANTED, gif, jpeg_with_metadata, png, webp


class Mail(Shop):
    """A shop that fetches."""

    def __init__(self, redis: Redis, url: str) -> None:
        super().__init__(redis)
        self.blobs = Blobs(self.inbox.store, ttl=3600)
        self.bell = Bell(self.inbox.store)

    def fetching(self, chat: Chat | None = None, *, seconds: float = 60.0) -> Fetching:
        return Fetching(chat or self.chat, self.inbox, self.blobs, self.bell, seconds=seconds)

    def file(self, name: str, found: bytes | Exception | None = None) -> Attachment:
        if found is not None:
            self.chat.files[f"of {name}"] = found
        return Attachment(name, source=f"of {name}")

    async def send(self, *files: Attachment, **more: object) -> Turn:
        return await self.ask(attachments=files, **more)

    async def brought(self, turn: Turn) -> Turn:
        """The turn once it waits for nothing."""
        async with asyncio.timeout(30):
            while await self.inbox.fetching("chat"):
                await asyncio.sleep(0.005)
        stored = await self.inbox.load(turn.id)
        assert isinstance(stored, Stored)
        assert stored.turn is not None
        return stored.turn


@pytest.fixture
async def mail(redis: Redis, redis_url: str) -> AsyncIterator[Mail]:
    mail = Mail(redis, redis_url)
    yield mail
    await mail.bell.close()


def problems(turn: Turn) -> list[str]:
    return [file.problem or "" for file in turn.message.files]


async def test_pictures_of_every_kind_are_kept_by_their_content_for_a_time(
    mail: Mail, redis: Redis
) -> None:
    kinds = {"a.png": png(), "b.jpg": jpeg_with_metadata(), "c.gif": gif(), "d.webp": webp()}
    turn = await mail.send(*(mail.file(name, data) for name, data in kinds.items()))
    fetching = mail.fetching()
    fetching.start(turn.id)
    files = (await mail.brought(turn)).message.attachments
    await fetching.close()
    assert [file.problem for file in files] == [None] * 4
    assert all(file.width and file.height for file in files)
    for file in files:
        assert file.blob is not None
        kept = await redis.get(f"switchboard:blob:{file.blob}")
        assert kept is not None
        assert len(kept) == file.size
        assert PLANTED.encode() not in kept
        assert 0 < await redis.ttl(f"switchboard:blob:{file.blob}") <= 3600


async def test_the_same_picture_twice_is_kept_once(mail: Mail, redis: Redis) -> None:
    turn = await mail.send(mail.file("a.png", png()), mail.file("again.png", png()))
    mail.fetching().start(turn.id)
    files = (await mail.brought(turn)).message.attachments
    assert files[0].blob == files[1].blob is not None
    assert len(await redis.keys("switchboard:blob:*")) == 1


async def test_ten_pictures_are_read_and_the_eleventh_gets_its_sentence(mail: Mail) -> None:
    """A file that has its sentence already takes no picture's place."""
    letter = Attachment("letter.pdf", problem="“letter.pdf” is a PDF document.")
    files = [mail.file(f"{n}.png", png(colour=(n, 0, 0))) for n in range(MAX_IMAGES + 1)]
    turn = await mail.send(letter, *files)
    mail.fetching().start(turn.id)
    brought = (await mail.brought(turn)).message.attachments
    assert [file.blob is not None for file in brought] == [False] + [True] * 10 + [False]
    assert brought[-1].problem == f"“10.png” {LEFT_OUT}."


async def test_each_bad_file_gets_a_sentence_and_the_good_ones_are_read(mail: Mail) -> None:
    turn = await mail.send(
        mail.file("good.png", png()),
        mail.file("cut.png", png()[:40]),
        mail.file("paper.png", b"%PDF-1.7 and more"),
        mail.file("secret.png", MissingScope("no")),
        mail.file("busy.png", PlatformBusy("later", 1.0)),
        mail.file("gone.png", AttachmentRejected("“gone.png” is gone.")),
        mail.file("bug.png", KeyError("ours")),
    )
    mail.fetching().start(turn.id)
    files = (await mail.brought(turn)).message.attachments
    assert files[0].blob
    assert [file.problem for file in files[1:]] == [
        "“cut.png” is damaged or incomplete.",
        "“paper.png” is a PDF document; the pictures that I read are PNG, JPEG, GIF and WebP.",
        f"“secret.png” {UNFETCHED}.",
        f"“busy.png” {UNFETCHED}.",
        "“gone.png” is gone.",
        f"“bug.png” {OURS}.",
    ]


async def test_quoted_messages_bring_their_pictures_within_the_same_ten(mail: Mail) -> None:
    quoted = Quote("Bo", "look", tuple(mail.file(f"q{n}.png", png()) for n in range(4)))
    own = [mail.file(f"o{n}.png", png()) for n in range(8)]
    turn = await mail.ask(attachments=tuple(own), quotes=(quoted,))
    mail.fetching().start(turn.id)
    read = [file.problem is None for file in (await mail.brought(turn)).message.files]
    assert read == [True] * 10 + [False] * 2


async def test_an_older_threads_messages_come_before_what_was_quoted(mail: Mail) -> None:
    picture = mail.file("h.png", png())
    mail.chat.quotes = (Quote("Cy", "earlier", (picture,)),)
    turn = await mail.ask(quotes=(Quote("Bo", "quoted"),), history=True)
    mail.fetching().start(turn.id)
    brought = (await mail.brought(turn)).message
    assert [quote.text for quote in brought.quotes] == ["earlier", "quoted"]
    assert brought.quotes[0].attachments[0].blob
    assert not brought.history


async def test_a_thread_that_cannot_be_read_is_asked_about_all_the_same(mail: Mail) -> None:
    mail.chat.will("history", MissingScope("no"))
    turn = await mail.ask(history=True)
    mail.fetching().start(turn.id)
    assert (await mail.brought(turn)).message.quotes == ()


async def test_what_does_not_come_in_time_gets_its_sentence_and_the_rest_goes_on(
    mail: Mail,
) -> None:
    held = mail.chat.will_hold("fetch")
    turn = await mail.send(mail.file("slow.png", png()), mail.file("quick.png", png()))
    mail.fetching(seconds=4.0).start(turn.id)  # the quick one too must be decoded in it
    await until(held.reached.is_set)
    files = (await mail.brought(turn)).message.attachments
    assert files[0].problem == f"“slow.png” {LATE}."
    assert files[1].blob


async def test_one_adapter_fetches_for_a_turn_and_a_successor_takes_over(
    mail: Mail, redis: Redis
) -> None:
    held = mail.chat.will_hold("fetch")
    turn = await mail.send(mail.file("a.png", png()))
    first, other = mail.fetching(), Chat(mail.server)
    other.files = mail.chat.files
    second = mail.fetching(other)
    first.start(turn.id)
    await until(held.reached.is_set)
    await second.sweep()
    await until(lambda: not second._running)
    assert other.asked("fetch") == [], "somebody does already"
    await first.close()  # killed in the middle
    await redis.delete(f"switchboard:fetch:{turn.id}")  # its time is over
    await second.sweep()
    assert (await mail.brought(turn)).message.attachments[0].blob


async def test_a_channel_with_slow_files_holds_up_no_other(mail: Mail) -> None:
    holds = [mail.chat.will_hold("fetch") for _ in range(OF_A_CHANNEL)]
    fetching = mail.fetching()
    for number in range(40):
        slow = mail.file(f"{number}.png", png())
        fetching.start((await mail.send(slow, thread=f"{number}.1", channel="C1")).id)
    await until(lambda: all(hold.reached.is_set() for hold in holds))
    quick = await mail.send(mail.file("quick.png", png()), channel="C2")
    fetching.start(quick.id)
    async with asyncio.timeout(30):
        while quick.id in await mail.inbox.fetching("chat"):
            await asyncio.sleep(0.005)
    assert len(mail.chat.asked("fetch")) == OF_A_CHANNEL + 1
    await fetching.close()


async def test_names_do_not_stand_behind_slow_files(mail: Mail) -> None:
    holds = [mail.chat.will_hold("fetch") for _ in range(OF_A_CHANNEL)]
    fetching = mail.fetching()
    for number in range(OF_A_CHANNEL):
        slow = mail.file(f"{number}.png", png())
        fetching.start((await mail.send(slow, thread=f"{number}.1")).id)
    await until(lambda: all(hold.reached.is_set() for hold in holds))
    turn = await mail.send(others=("U9",))
    fetching.start(turn.id)
    async with asyncio.timeout(30):
        while turn.id in await mail.inbox.fetching("chat"):
            await asyncio.sleep(0.005)
    assert mail.chat.met == {"U9", turn.message.author.id}
    await fetching.close()


async def test_a_full_redis_is_a_sentence_for_the_file_and_the_words_are_answered(
    mail: Mail, redis: Redis
) -> None:
    turn = await mail.send(mail.file("a.png", png()))
    held = mail.chat.will_hold("fetch")
    mail.fetching().start(turn.id)
    await until(held.reached.is_set)
    await redis.config_set("maxmemory", 1)
    try:
        held.gate.set()
        assert problems(await mail.brought(turn)) == [f"“a.png” {NO_ROOM}."]
    finally:
        await redis.config_set("maxmemory", 0)


async def test_what_is_no_turn_any_more_is_no_longer_waited_for(mail: Mail, redis: Redis) -> None:
    await redis.zadd("switchboard:fetching:chat", {"0" * 16: 1})
    fetching = mail.fetching()
    async with asyncio.timeout(30):
        while await mail.inbox.fetching("chat"):
            await fetching.sweep()
            await asyncio.sleep(0.005)


async def test_a_question_that_was_edited_meanwhile_keeps_its_new_words(mail: Mail) -> None:
    held = mail.chat.will_hold("fetch")
    turn = await mail.send(mail.file("a.png", png()))
    mail.fetching().start(turn.id)
    await until(held.reached.is_set)
    assert await mail.inbox.amend(turn, "what I meant") == "replaced"
    held.gate.set()
    brought = (await mail.brought(turn)).message
    assert (brought.text, brought.attachments[0].problem) == ("what I meant", None)


async def test_a_question_that_was_deleted_meanwhile_stays_deleted(mail: Mail) -> None:
    held = mail.chat.will_hold("fetch")
    turn = await mail.send(mail.file("a.png", png()))
    fetching = mail.fetching()
    fetching.start(turn.id)
    await until(held.reached.is_set)
    assert await mail.inbox.amend(turn, None) == "cancelled"
    held.gate.set()
    await until(lambda: not fetching._running)
    assert await mail.inbox.claim(turn.conversation) is None
