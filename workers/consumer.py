"""Celery's consumer hears bells and nothing else: each starts a conversation; what is none becomes a dead letter."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from queue import Empty
from typing import Any, ClassVar

from celery import Celery
from celery.worker.consumer import Consumer
from kombu.transport import redis as kombu_redis

from bot.bell import CONVERSE, message
from bot.dead import digest
from bot.inbox import CONVERSATION

Bury = Callable[[str, str], None]  # what it was, and a digest of its body

# What kombu's reading of an element of its list may raise, where that is no message: garbage is a value or a shape that
# nobody expected.
GARBAGE = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError)


def register(app: Celery, converse: Callable[[str], None], put_aside: Bury) -> None:
    """The one task of this project, and a transport that lets nothing else in: what is no bell is put aside."""

    class BellTransport(Transport):
        bury = staticmethod(put_aside)

    class BellConsumer(Consumer):
        def connection_for_read(self, heartbeat: float | None = None) -> Any:
            line: Any = self.app.connection_for_read(heartbeat=heartbeat)
            line.transport_cls = BellTransport
            return self.ensure_connected(line)

    app.task(name=CONVERSE, ignore_result=True, typing=False)(converse)
    app.conf.worker_consumer = BellConsumer


class Unkept(kombu_redis.QoS):
    """No bell waits for an acknowledgement, so none is ever brought back: kombu's search for them fails in a full
    Redis, and ends the worker."""

    def restore_visible(self, *_: Any, **__: Any) -> None:
        """There is none."""


class Channel(kombu_redis.Channel):
    """Bells in kombu's list, never kept for an acknowledgement: one that waits unacked while Redis restarts ends
    Celery's worker for good. And garbage in the list would end it, and end it again after each restart."""

    QoS = Unkept
    connection: Transport

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # celery-types does not know it
        except GARBAGE as error:
            found = getattr(error, "object", None) or getattr(error, "doc", "")
            self.connection.bury("garbage in the place of a bell", _digest(found))
            raise Empty from None

    def _queue_bind(self, *_: Any) -> None:
        """A bell is put into its queue directly."""

    def basic_consume(self, queue: str, no_ack: bool, *args: Any, **options: Any) -> Any:
        return super().basic_consume(queue, True, *args, **options)

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Nothing is kept."""

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Nothing is kept."""


class Transport(kombu_redis.Transport):
    """Each bell is written anew from the one thing that it says; whatever else came along with it stays outside."""

    Channel = Channel
    bury: ClassVar[staticmethod[[str, str], None]]  # where what is no bell goes

    def _deliver(self, found: Any, queue: str | None) -> None:
        conversation = conversation_in(found)
        if conversation is None:
            self.bury("no bell", _digest(json.dumps(found, default=repr)))
        else:
            super()._deliver(message(conversation), queue)


def conversation_in(found: Any) -> str | None:
    """The conversation that a message of Celery's second protocol names; None where it is not a bell."""
    try:
        if found["headers"]["task"] != CONVERSE or found["content-type"] != "application/json":
            return None
        (conversation,), options, _ = json.loads(base64.b64decode(found["body"], validate=True))
        good = not options and CONVERSATION.fullmatch(conversation.encode("ascii"))
    except (*GARBAGE, AttributeError):
        return None
    return conversation if good else None


def _digest(body: Any) -> str:
    return digest(body if isinstance(body, bytes) else str(body).encode("utf-8", "replace"))
