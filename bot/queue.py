"""The one door to Celery: `ring` says that a conversation has work, and nothing else ever travels there.

A bell that is lost, doubled, late or reordered does no harm: the sweep of `due` rings again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection
from kombu.transport import redis as kombu_redis
from kombu.utils.json import dumps

from bot.broker_address import broker_address
from bot.store import PREFIX

log = logging.getLogger(__name__)

CONVERSE = "switchboard.converse"  # the task: one argument, the conversation's key
QUEUE = "chat"
PUBLISH_SECONDS = 1.0  # a bell that takes longer is given up; the sweep rings it
MOST_WAITING = 1000  # bells of one process; when Redis is away, the sweeps will ring them all
PUSH = "#!lua flags=allow-oom\nreturn redis.call('LPUSH', KEYS[1], ARGV[1])"


class Unkept(kombu_redis.QoS):
    """No bell waits for an acknowledgement, so none is ever brought back: kombu's search for them fails in a full
    Redis, and ends the worker."""

    def restore_visible(self, *_: Any, **__: Any) -> None:
        """There is none."""


class Channel(kombu_redis.Channel):
    """Bells of this project in kombu's lists: rung although Redis is full, since that is how it is emptied, and never
    kept for an acknowledgement. A bell that waits unacked while Redis restarts ends Celery's worker for good."""

    QoS = Unkept

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        with self.conn_or_acquire() as client:
            client.execute_command("EVAL", PUSH, 1, self.global_keyprefix + queue, dumps(message))

    def _queue_bind(self, *_: Any) -> None:
        """A bell is put into its queue directly."""

    def basic_consume(self, queue: str, no_ack: bool, *args: Any, **options: Any) -> Any:
        return super().basic_consume(queue, True, *args, **options)

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Nothing is kept."""

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Nothing is kept."""


class Transport(kombu_redis.Transport):
    """kombu's transport with our channel."""

    Channel = Channel


class Line(Connection):
    """A connection that goes by our transport, however its address is written."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.transport_cls: Any = Transport


class Lines(AMQP):
    """Celery's messaging over our connections."""

    Connection = Line


def celery_app(broker_url: str, prefix: str = PREFIX) -> Celery:
    """Celery as this project uses it (the reasons are in docs/decisions.md)."""
    app = Celery("switchboard", broker=broker_address(broker_url), amqp=Lines, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        result_accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        event_serializer="json",
        task_acks_late=False,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_default_queue=QUEUE,
        task_create_missing_queues=True,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,  # a bell stays in Redis until a thread is free for it
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_timeout": 30,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 25,
            "retry_on_timeout": True,
            "visibility_timeout": 600,
            "global_keyprefix": f"{prefix}celery:",
        },
    )
    assert_json_only(app)
    return app


def assert_json_only(app: Celery) -> None:
    """Refuse to run with anything but JSON: pickle is code execution for whoever reaches Redis."""
    conf = app.conf
    kinds = {*conf.accept_content, *conf.result_accept_content}
    kinds |= {conf.task_serializer, conf.result_serializer, conf.event_serializer}
    if kinds != {"json"}:
        raise RuntimeError(f"Celery must speak JSON only, not {', '.join(sorted(kinds))}")


class Bell:
    """Rings without ever holding up the loop it is rung from: kombu's publish blocks, so it has a thread."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bell")
        self._room = threading.Semaphore(MOST_WAITING)  # given back by the thread
        self._producer: Any = None  # the thread's own, made anew after a fault
        self._closed = False

    def ring(self, conversation: str) -> None:
        """Say that the conversation has work; a failure is logged once and left to the sweep, and so is what is still
        admitted while the process ends."""
        if self._closed or not self._room.acquire(blocking=False):
            return
        future = self._thread.submit(self._publish, conversation)
        future.add_done_callback(self._done)

    def _publish(self, conversation: str) -> None:
        options: dict[str, Any] = {"retry": False, "ignore_result": True, "argsrepr": "-"}
        try:
            if self._producer is None:
                bound = {
                    "socket_timeout": PUBLISH_SECONDS,
                    "socket_connect_timeout": PUBLISH_SECONDS,
                }
                line = self._app.connection_for_write(transport_options=bound)
                self._producer = self._app.amqp.Producer(line)
            self._app.send_task(CONVERSE, args=[conversation], producer=self._producer, **options)
        except BaseException:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.connection.release()

    def _done(self, future: Any) -> None:
        self._room.release()
        if not future.cancelled() and (error := future.exception()) is not None:
            log.warning("bell.failed error=%s", type(error).__name__)

    async def close(self) -> None:
        """Let bells under way leave, for a moment."""
        self._closed = True
        try:
            await asyncio.wait_for(asyncio.to_thread(self._end), PUBLISH_SECONDS)
        except TimeoutError:
            log.warning("bell.abandoned")
        self._app.close()

    def _end(self) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._hang_up()
