"""Response addresses: what an app posts there becomes a message for one person, or for all."""

import json
from dataclasses import replace
from typing import Any

from aiohttp import web

from playground.slack import chat, events, inert
from playground.slack.blocks import check_message_blocks
from playground.slack.wire import Json, SlackError
from playground.slack.workspace import (
    RESPONSE_URL_SECONDS,
    RESPONSE_URL_USES,
    ResponseUrl,
    Workspace,
)
from playground.slack.world import Channel

METHOD = "response_url"  # its name in the records of calls and violations


async def handle(slack: Workspace, request: web.Request) -> web.Response:
    """A POST to a response address: "ok", or a refusal with HTTP 404 or 400 as Slack gives."""
    try:
        known = _use(slack, request.match_info["identity"])
        payload = _payload(await request.read())
        answer(slack, known, payload)
    except SlackError as refusal:
        status = 400 if refusal.status == 200 else refusal.status  # here errors are HTTP errors
        return web.json_response(refusal.answer, status=status)
    finally:
        slack.feed.wake()
    return web.Response(text="ok")


def _use(slack: Workspace, identity: str) -> ResponseUrl:
    known = slack.response_urls.get(identity)
    if known is None:
        raise SlackError("invalid_url", status=404)
    if slack.clock() - known.issued_at > RESPONSE_URL_SECONDS:
        raise SlackError("expired_url", status=404)
    if known.uses >= RESPONSE_URL_USES:
        raise SlackError("used_url", status=404)
    known.uses += 1
    return known


def _payload(body: bytes) -> Json:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise SlackError("invalid_payload", status=400) from None
    if not isinstance(payload, dict):
        raise SlackError("invalid_payload", status=400)
    return payload


def answer(slack: Workspace, known: ResponseUrl, payload: Json) -> None:
    """Shows the answer to a command or an interaction; private unless it says `in_channel`."""
    channel = slack.world.channels.get(known.channel)
    if channel is None:
        raise SlackError("channel_not_found", status=404)
    if payload.get("delete_original"):
        _remove_source(slack, known, channel)
        return
    text, blocks = _content(payload)
    slack.accuse(METHOD, payload, inert.faults_of(payload))
    if payload.get("replace_original") and known.source_ts is not None:
        _replace_source(slack, known, channel, text, blocks)
        return
    parts: dict[str, Any] = {
        "text": text,
        "blocks": blocks,
        "thread_ts": payload.get("thread_ts"),
    }
    if payload.get("response_type") == "in_channel":
        slack.accuse(METHOD, payload, inert.unfurl_faults(payload))
        message = slack.bot_message(channel, **parts, subtype="bot_message")
        chat.publish(slack, channel, message)
    else:
        slack.keep_private(slack.bot_message(channel, **parts, private_to=known.user))


def _content(payload: Json) -> tuple[str, tuple[Json, ...]]:
    text = payload.get("text") or ""
    blocks = check_message_blocks(payload["blocks"]) if "blocks" in payload else ()
    if not isinstance(text, str):
        raise SlackError("invalid_payload", status=400)
    if not text and not blocks:
        raise SlackError("no_text", status=400)
    return text, blocks


def _replace_source(
    slack: Workspace, known: ResponseUrl, channel: Channel, text: str, blocks: tuple[Json, ...]
) -> None:
    private = slack.find_private(str(known.source_ts))
    if private is not None:
        slack.keep_private(replace(private, text=text, blocks=blocks))
        return
    before = slack.archive.find(channel.id, str(known.source_ts))
    if before is None or before.bot_id != slack.world.app.bot_id:
        raise SlackError("invalid_payload", status=400)
    after = replace(before, text=text, blocks=blocks)
    slack.keep(after)
    now = slack.archive.next_ts()
    slack.tell(events.changed(after, before, channel, now), channel)


def _remove_source(slack: Workspace, known: ResponseUrl, channel: Channel) -> None:
    private = slack.find_private(str(known.source_ts))
    if private is not None:
        slack.erase_private(private)
        return
    message = slack.archive.find(known.channel, str(known.source_ts))
    if message is None or message.bot_id != slack.world.app.bot_id:
        raise SlackError("invalid_payload", status=400)
    chat.remove(slack, channel, message)
