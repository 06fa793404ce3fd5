"""The simulated Slack streams what Slack streams, and refuses what Slack refuses of it."""

from collections.abc import Awaitable
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.messages.chunk import MarkdownTextChunk, TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

from playground.slack import Impossible, SlackServer
from playground.slack.messages import Message

GENERAL = "C0GENERAL1"
MIA, TEAM = "U0MEMBER01", "T0PLAYGRND"
TO_MIA = {"recipient_user_id": MIA, "recipient_team_id": TEAM}


async def refused(call: Awaitable[object]) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


@pytest.fixture
async def root(slack: SlackServer) -> Message:
    return await slack.post("mia", "general", "a question")


async def begin(client: AsyncWebClient, root: Message, **more: Any) -> Any:
    given: dict[str, Any] = {"channel": GENERAL, "thread_ts": root.ts, "markdown_text": "One"}
    return await client.chat_startStream(**(given | TO_MIA | more))


async def begun(client: AsyncWebClient, root: Message, **more: Any) -> dict[str, str]:
    return {"channel": GENERAL, "ts": (await begin(client, root, **more))["ts"]}


async def test_a_stream_grows_and_ends_with_blocks_below(
    slack: SlackServer, client: AsyncWebClient, root: Message
) -> None:
    place = await begun(client, root)
    await client.chat_appendStream(**place, markdown_text=", two")
    (growing,) = slack.answers(root.ts)
    assert slack.text_of(growing) == "One, two"
    assert (growing.thread_ts, growing.streaming_state) == (root.ts, "in_progress")
    footer = {"type": "context", "elements": [{"type": "mrkdwn", "text": "by us"}]}
    metadata = {"event_type": "answer", "event_payload": {"turn": "1"}}
    await client.chat_stopStream(
        **place, markdown_text=", three.", blocks=[footer], metadata=metadata
    )
    (whole,) = slack.answers(root.ts)
    assert slack.text_of(whole) == "One, two, three."
    assert [block["type"] for block in whole.blocks] == ["markdown", "context"]
    assert (whole.streaming_state, whole.metadata) == ("completed", metadata)


async def test_a_history_tells_how_a_stream_stands(client: AsyncWebClient, root: Message) -> None:
    place = await begun(client, root)

    async def state() -> str:
        page = await client.conversations_replies(channel=GENERAL, ts=root.ts)
        return str(page["messages"][1]["streaming_state"])

    assert await state() == "in_progress"
    await client.chat_stopStream(**place)
    assert await state() == "completed"


async def test_the_sdks_own_helper_streams(
    slack: SlackServer, client: AsyncWebClient, root: Message
) -> None:
    stream = await client.chat_stream(channel=GENERAL, thread_ts=root.ts, buffer_size=4, **TO_MIA)
    await stream.append(markdown_text="Hello, ")
    await stream.append(markdown_text="world")
    await stream.stop(markdown_text=".")
    assert slack.text_of(slack.answers(root.ts)) == "Hello, world."


async def test_a_stream_needs_a_thread_and_both_ids_of_its_reader(
    client: AsyncWebClient, root: Message
) -> None:
    needed = {"channel": GENERAL, "thread_ts": root.ts, **TO_MIA}
    for name, error in (
        ("thread_ts", "invalid_arguments"),
        ("recipient_user_id", "missing_recipient_user_id"),
        ("recipient_team_id", "missing_recipient_team_id"),
    ):
        given = {key: value for key, value in needed.items() if key != name}
        assert await refused(client.api_call("chat.startStream", json=given)) == error
    assert await refused(begin(client, root, thread_ts="now")) == "invalid_thread_ts"
    assert await refused(begin(client, root, recipient_user_id="U0NOBODY")) == "user_not_found"
    assert await refused(begin(client, root, task_display_mode="x")) == "invalid_arguments"
    assert await refused(begin(client, root, username="Other")) == "missing_scope"


async def test_a_stream_needs_a_channel_that_the_bot_may_write_in(
    slack: SlackServer, client: AsyncWebClient, root: Message
) -> None:
    for channel, error in (
        ("C0NOWHERE1", "channel_not_found"),
        ("C0QUIET001", "not_in_channel"),
        ("C0OLDNEWS1", "is_archived"),
        (MIA, "channel_not_found"),  # a person stands for their direct messages in a post alone
    ):
        assert await refused(begin(client, root, channel=channel)) == error
    place = await begun(client, root)
    await slack.restrict("general")
    more = client.chat_appendStream(**place, markdown_text="x")
    assert await refused(more) == "restricted_action_read_only_channel"
    await slack.archive("general")
    assert await refused(client.chat_stopStream(**place)) == "is_archived"


async def test_an_open_stream_is_neither_updated_nor_deleted(
    slack: SlackServer, client: AsyncWebClient, root: Message
) -> None:
    place = await begun(client, root)
    assert await refused(client.chat_update(**place, text="x")) == "streaming_state_conflict"
    assert await refused(client.chat_delete(**place)) == "cant_delete_message"
    await client.chat_stopStream(**place)
    await client.chat_update(**place, text="x")
    await client.chat_delete(**place)
    assert slack.answers(root.ts) == []


async def test_a_stream_is_over_after_five_minutes_whatever_is_appended(
    slack: SlackServer, client: AsyncWebClient, root: Message, clock: Any
) -> None:
    place = await begun(client, root)
    clock.now += 299
    await client.chat_appendStream(**place, markdown_text=", two")
    clock.now += 1
    for call in (
        client.chat_appendStream(**place, markdown_text=", three"),
        client.chat_stopStream(**place),
    ):
        assert await refused(call) == "message_not_in_streaming_state"
    assert slack.text_of(slack.answers(root.ts)) == "One, two"
    await client.chat_update(**place, text="One, two, three")


async def test_what_never_was_a_stream_and_what_is_not_ours_cannot_be_streamed(
    slack: SlackServer, client: AsyncWebClient, root: Message
) -> None:
    posted = await client.api_call(
        "chat.postMessage",
        json={"channel": GENERAL, "text": "x", "unfurl_links": False, "unfurl_media": False},
    )
    for ts, error in (
        (posted["ts"], "message_not_in_streaming_state"),
        (root.ts, "message_not_owned_by_app"),
        ("1.000000", "message_not_found"),
    ):
        place = {"channel": GENERAL, "ts": ts}
        assert await refused(client.chat_appendStream(**place, markdown_text="x")) == error
        assert await refused(client.chat_stopStream(**place)) == error


async def test_text_and_chunks_do_not_mix(client: AsyncWebClient, root: Message) -> None:
    chunk = MarkdownTextChunk(text="x")
    text = await begun(client, root)
    chunks = await begun(client, root, markdown_text=None, chunks=[chunk])
    for method in (client.chat_appendStream, client.chat_stopStream):
        both = method(**text, markdown_text="x", chunks=[chunk])
        assert await refused(both) == "cannot_provide_both_markdown_text_and_chunks"
        assert await refused(method(**text, chunks=[chunk])) == "streaming_mode_mismatch"
        assert await refused(method(**chunks, markdown_text="x")) == "streaming_mode_mismatch"
    nothing = client.chat_appendStream(**text)
    assert await refused(nothing) == "markdown_text_or_chunks_required"


async def test_chunks_are_checked(
    slack: SlackServer, client: AsyncWebClient, root: Message
) -> None:
    place = await begun(client, root, markdown_text=None)  # a stream may begin empty
    task = TaskUpdateChunk(id="1", title="Reading", status="in_progress")
    await client.chat_appendStream(**place, chunks=[task])
    (message,) = slack.answers(root.ts)
    assert [block["type"] for block in message.blocks] == ["task_card"]
    for chunk in (
        {"type": "task_update", "id": "1", "title": "Reading", "status": "done"},
        {"type": "task_update", "title": "Reading", "status": "complete"},
        {"type": "plan_update", "title": "x" * 257},
        {"type": "image"},
    ):
        call = client.chat_appendStream(**place, chunks=[chunk])
        assert await refused(call) == "invalid_chunks"


async def test_what_is_streamed_at_once_and_in_all_is_limited(
    client: AsyncWebClient, root: Message
) -> None:
    assert await refused(begin(client, root, markdown_text="x" * 12_001)) == "msg_blocks_too_long"
    place = await begun(client, root, markdown_text="x" * 12_000)
    more = client.chat_appendStream(**place, markdown_text="x" * 1_201)
    assert await refused(more) == "msg_blocks_too_long"
    await client.chat_appendStream(**place, markdown_text="x" * 1_200)


async def test_a_stop_is_checked_as_a_whole(client: AsyncWebClient, root: Message) -> None:
    place = await begun(client, root)
    bad = [{"type": "context", "elements": []}]
    assert await refused(client.chat_stopStream(**place, blocks=bad)) == "invalid_blocks"
    wrong = {"event_type": "x"}
    call = client.chat_stopStream(**place, metadata=wrong)
    assert await refused(call) == "invalid_metadata_format"
    call = client.chat_stopStream(**place, session_status="done")
    assert await refused(call) == "invalid_arguments"
    await client.chat_stopStream(**place)
    empty = await begun(client, root, markdown_text=None)
    assert await refused(client.chat_stopStream(**empty)) == "no_text"


async def test_starts_and_stops_are_twenty_a_minute(
    client: AsyncWebClient, root: Message, clock: Any
) -> None:
    places = [await begun(client, root) for _ in range(20)]
    assert await refused(begin(client, root)) == "ratelimited"
    for place in places:
        await client.chat_appendStream(**place, markdown_text="!")
        await client.chat_stopStream(**place)
    clock.now += 3
    last = await begun(client, root)
    await client.chat_stopStream(**last)
    assert await refused(client.chat_stopStream(**last)) == "ratelimited"


async def test_a_person_stops_a_stream_while_its_session_is_processing(
    slack: SlackServer, client: AsyncWebClient, root: Message
) -> None:
    place = await begun(client, root)
    with pytest.raises(Impossible):
        await slack.press_stop("mia", "general", root.ts)
    thread = {"channel_id": GENERAL, "thread_ts": root.ts}
    await client.agents_sessions_setStatus(**thread, status="processing")
    assert await slack.press_stop("mia", "general", root.ts) == [place["ts"]]
    event = slack.events[-1].payload["event"]
    assert event["type"] == "agent_session_stopped"
    assert (event["channel"], event["thread_ts"], event["user"]) == (GENERAL, root.ts, MIA)
    assert event["streaming_message_ts"] == [place["ts"]]
    more = client.chat_appendStream(**place, markdown_text="x")
    assert await refused(more) == "stopped_by_user"
    await client.chat_update(**place, text="One, and no more")


async def test_the_status_of_a_session_is_one_of_four_in_a_thread(
    slack: SlackServer, client: AsyncWebClient, root: Message
) -> None:
    thread = {"channel_id": GENERAL, "thread_ts": root.ts}
    for given, error in (
        ({**thread, "status": "busy"}, "invalid_arguments"),
        ({**thread, "status": "active", "title": "x" * 201}, "invalid_arguments"),
        ({**thread, "thread_ts": "1.000000", "status": "active"}, "invalid_thread_ts"),
    ):
        call = client.api_call("agents.sessions.setStatus", json=given)
        assert await refused(call) == error
    await client.agents_sessions_setStatus(**thread, status="processing")
    place = await begun(client, root)
    await client.chat_stopStream(**place)
    assert slack.workspace.sessions == {(GENERAL, root.ts): "active"}


async def test_without_the_subscription_a_session_is_warned_of_and_nothing_is_told() -> None:
    async with SlackServer(subscriptions=["message.channels"]) as slack:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        root = await slack.post("mia", "general", "x")
        thread = {"channel_id": GENERAL, "thread_ts": root.ts}
        answer = await client.agents_sessions_setStatus(**thread, status="processing")
        (warning,) = answer["response_metadata"]["warnings"]
        assert warning == "missing_agent_session_stopped_event_subscription"
        told = len(slack.events)
        await slack.press_stop("mia", "general", root.ts)
        assert len(slack.events) == told


async def test_an_address_or_a_mention_in_a_stream_is_a_violation_however_it_was_cut(
    slack: SlackServer, client: AsyncWebClient, root: Message
) -> None:
    place = await begun(client, root, markdown_text="See htt")
    assert slack.violations == []
    await client.chat_appendStream(**place, markdown_text="ps://a.example/")
    assert [one.what for one in slack.violations] == ["a live https://a.example/ in a stream"]
    await client.chat_stopStream(**place, markdown_text=" &lt;!channel&gt;")
    assert "markdown has a live <!channel>" in [one.what for one in slack.violations]
    before = len(slack.violations)
    link = [{"type": "markdown", "text": "https://b.example/"}]
    await client.chat_update(**place, text="x", blocks=link)
    assert len(slack.violations) == before + 1


async def test_a_stream_for_a_bot_or_in_a_reply_s_name_is_a_violation(
    slack: SlackServer, client: AsyncWebClient, root: Message
) -> None:
    reply = await slack.post("mia", "general", "more", thread_ts=root.ts)
    await begin(client, root, recipient_user_id="U0SWITCHBD")
    await begin(client, reply)
    await begin(client, root, recipient_team_id="T0OTHER001")
    assert len(slack.violations) == 3
