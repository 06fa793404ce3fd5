"""What Slack keeps: older threads, files and their addresses, each with an end when Slack does not give it."""

from __future__ import annotations

from typing import Any

import pytest

from bot.types import Turn
from playground.slack import ConnectFile, GoneFile, RemoteFile
from playground.slack.workspace import SCOPES
from tests.contract.slack_adapter.office import Office
from tests.pictures import png


async def asked_with(office: Office, *files: Any) -> Turn:
    """The turn of a question, as it is when a worker takes it."""
    post = await office.slack.post("mia", "general", "@Switchboard look", files=files)
    turn = await office.asked(post)
    await office.answer(turn, "I see.")
    return (await office.stored(turn.id)) or turn


async def problem(office: Office, file: Any) -> str:
    turn = await asked_with(office, file)
    (attachment,) = turn.message.attachments
    assert not attachment.blob
    return attachment.problem


async def test_pictures_are_brought_in_their_order(office: Office) -> None:
    turn = await asked_with(office, ("a.png", png((8, 8))), ("b.png", png((9, 9))))
    assert [(a.name, a.width) for a in turn.message.attachments] == [("a.png", 8), ("b.png", 9)]
    assert all(a.blob and not a.problem for a in turn.message.attachments)


@pytest.mark.parametrize(
    ("file", "name", "part"),
    [
        (GoneFile(), "", "no longer has it"),
        (RemoteFile("plans.pdf", "https://evil.example/x"), "plans.pdf", ""),
        (("empty.png", b""), "empty.png", ""),
        (("notes.png", b"plain words"), "notes.png", ""),
        (("<!channel>.png", b"plain words"), "channel", ""),
    ],
    ids=["gone", "remote", "empty", "no picture", "alarming"],
)
async def test_a_file_that_cannot_be_used_is_a_sentence_with_its_name(
    office: Office, file: Any, name: str, part: str
) -> None:
    said = await problem(office, file)
    assert name in said
    assert part in said


async def test_a_file_of_slack_connect_is_asked_for_by_its_id(office: Office) -> None:
    turn = await asked_with(office, ConnectFile("a.png", png((8, 8))))
    assert turn.message.attachments[0].blob
    assert len(office.slack.calls_of("files.info")) == 1


async def test_where_files_info_is_unknown_such_a_file_is_a_sentence(office: Office) -> None:
    office.slack.only()
    assert "does not let me read it" in await problem(office, ConnectFile("a.png", png((8, 8))))


async def test_without_the_scope_a_file_is_a_login_page_and_a_sentence(office: Office) -> None:
    office.slack.grant(SCOPES - {"files:read"})
    assert "a.png" in await problem(office, ("a.png", png((8, 8))))


async def test_bytes_that_are_late_are_asked_for_again(office: Office) -> None:
    office.slack.will_refuse("files-pri", "file_not_found", status=404)
    turn = await asked_with(office, ("a.png", png((8, 8))))
    assert turn.message.attachments[0].blob


# ---- older threads ------------------------------------------------------------------------------------------


async def older(office: Office, replies: int = 3) -> Turn:
    root = await office.slack.post("max", "general", "word 0")
    for n in range(1, replies + 1):
        await office.slack.post("max", "general", f"word {n}", thread_ts=root.ts)
    post = await office.slack.post("mia", "general", "@Switchboard sum up", thread_ts=root.ts)
    turn = await office.asked(post)
    await office.answer(turn, "Words.")
    return (await office.stored(turn.id)) or turn


def quoted(turn: Turn) -> list[str]:
    return [quote.text for quote in turn.message.quotes]


@pytest.mark.parametrize(
    ("error", "how"),
    [
        ("internal_error", {"status": 500}),
        ("ratelimited", {"retry_after": 0}),
        ("fatal_error", {}),
    ],
)
async def test_a_thread_that_cannot_be_read_at_once_is_read_a_little_later(
    office: Office, error: str, how: dict[str, Any]
) -> None:
    office.slack.will_refuse("conversations.replies", error, **how)
    assert quoted(await older(office)) == ["word 0", "word 1", "word 2", "word 3"]


@pytest.mark.parametrize("error", ["missing_scope", "thread_not_found", "channel_not_found"])
async def test_a_thread_that_cannot_be_read_is_answered_without_it(
    office: Office, error: str
) -> None:
    office.slack.will_refuse("conversations.replies", error)
    turn = await older(office)
    assert quoted(turn) == []
    await office.slack.shows("Words.", thread_ts=turn.message.target.thread)


async def test_a_slack_that_gives_fifteen_messages_a_minute_is_answered_with_those(
    office: Office,
) -> None:
    """Apps that are sold outside of Slack's marketplace get that much."""
    office.slack.will_refuse("conversations.replies", "ratelimited", 20, retry_after=60)
    assert quoted(await older(office)) == []


async def test_the_bots_own_words_are_quoted_as_its_own_and_as_the_model_wrote_them(
    office: Office,
) -> None:
    words = "Good **day**, <Mia> & co.\n\n```\na < b\n```"
    first = await office.asked(await office.slack.post("mia", "dm", "hello"))
    await office.answer(first, words)
    answer = await office.slack.shows("Good", channel=office.slack.dm("mia"))
    await office.at_rest()
    below = await office.slack.post("mia", "dm", "what did you say?", thread_ts=answer.ts)
    turn = await office.asked(below)
    await office.answer(turn, "That.")
    (quote,) = ((await office.stored(turn.id)) or turn).message.quotes
    assert (quote.author.lower(), quote.text) == ("switchboard", words)
