"""`ring` says through Celery that a conversation has work, and nothing else ever travels there.

A bell that is lost, doubled, late or reordered does no harm: the sweep of `due` rings again.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import uuid
from typing import Any

from bot.store import RedisError, Store
from bot.tasks import end

log = logging.getLogger(__name__)

CONVERSE = "switchboard.converse"  # the task: one argument, the conversation's key
QUEUE = "chat"
LEAVE_SECONDS = (
    1.0  # that the bells of a process that ends have for their way; the sweep rings the others
)
MOST_WAITING = 1000  # bells of one process; when Redis is away, the sweeps will ring them all


def message(conversation: str) -> dict[str, Any]:
    """A bell: the message of its task in Celery's second protocol, as kombu keeps it in a list of Redis."""
    id_ = uuid.uuid4().hex
    body = json.dumps([[conversation], {}, {}]).encode()
    return {
        "body": base64.b64encode(body).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"lang": "py", "task": CONVERSE, "id": id_, "argsrepr": "-"},
        "properties": {
            "body_encoding": "base64",
            "correlation_id": id_,
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
            "delivery_tag": id_,
        },
    }


def element(conversation: str) -> str:
    """The message as an element of that list."""
    return json.dumps(message(conversation))


class Bell:
    """Rings without holding anybody up. Celery's own `send_task` blocks, so that it needs a thread, which takes turns
    with the loop: on an idle machine that was a quarter of the time until a model was asked."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ringing: set[asyncio.Task[None]] = set()
        self._closed = False

    def ring(self, conversation: str) -> None:
        """Say that the conversation has work; a failure is logged once and left to the sweep, and so is what is still
        admitted while the process ends."""
        if self._closed or len(self._ringing) >= MOST_WAITING:
            return
        ringing = asyncio.create_task(self._ring(conversation))
        self._ringing.add(ringing)
        ringing.add_done_callback(self._ringing.discard)

    async def _ring(self, conversation: str) -> None:
        store = self._store
        try:
            await store.run("ring", [store.key("celery", QUEUE)], element(conversation))
        except (RedisError, OSError) as error:
            log.warning("bell.failed error=%s", type(error).__name__)

    async def close(self) -> None:
        """Let bells under way leave, for a moment."""
        self._closed = True
        if self._ringing:
            _, late = await asyncio.wait(self._ringing, timeout=LEAVE_SECONDS)
            await end(*late)
