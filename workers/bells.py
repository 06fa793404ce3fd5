"""The Celery side of a worker: a bell takes a slot and starts a conversation; everything else is a dead letter."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.worker.consumer import Consumer

from bot.queue import CONVERSE

log = logging.getLogger(__name__)

_CONVERSATION = re.compile(r"[a-z]+(:[A-Za-z0-9._@-]{1,64}){3}")


class StrictConsumer(Consumer):
    """Celery's consumer, but what is not a bell is never printed: it may hold anything."""

    bury: Callable[[str, str], None]

    def on_unknown_message(self, body: Any, message: Any) -> None:
        self._bury("unknown message", message)

    def on_unknown_task(self, body: Any, message: Any, exc: BaseException) -> None:
        self._bury("unknown task", message)

    def on_invalid_task(self, body: Any, message: Any, exc: BaseException) -> None:
        self._bury("invalid task", message)

    def on_decode_error(self, message: Any, exc: BaseException) -> None:
        self._bury("undecodable message", message)

    def _bury(self, what: str, message: Any) -> None:
        digest = hashlib.sha256(_bytes(message.body)).hexdigest()[:12]
        message.reject()
        self.app.conf.switchboard_bury(what, digest)


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else str(body).encode("utf-8", "replace")


def register(
    app: Celery, converse: Callable[[str], None], bury: Callable[[str, str], None]
) -> None:
    """The one task of this project. `bury` gets what a message was and a digest of its body."""

    def bell(*args: object, **options: object) -> None:
        conversation = args[0] if len(args) == 1 and not options else None
        if not isinstance(conversation, str) or not _CONVERSATION.fullmatch(conversation):
            digest = hashlib.sha256(repr((args, options)).encode()).hexdigest()[:12]
            bury("malformed bell", digest)
            return
        converse(conversation)

    app.task(name=CONVERSE, ignore_result=True, typing=False)(bell)
    app.conf.worker_consumer = "workers.bells:StrictConsumer"
    app.conf.switchboard_bury = bury


def letter(what: str, digest: str) -> str:
    """The dead letter of a Celery message: what it was and a digest, never its body."""
    return json.dumps({"why": what, "message": digest, "at": int(time.time())})
