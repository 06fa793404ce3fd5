"""The one door to Celery: `ring` says that a conversation has work, and nothing else ever travels there.

A bell that is lost, doubled, late or reordered does no harm: the sweep of `due` rings again.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery import Celery

from bot.broker_address import broker_address
from bot.store import PREFIX

log = logging.getLogger(__name__)

CONVERSE = "switchboard.converse"  # the task: one argument, the conversation's key
PUBLISH_SECONDS = 1.0  # a bell that takes longer is given up; the sweep rings it


def celery_app(broker_url: str, prefix: str = PREFIX) -> Celery:
    """Celery as this project uses it (the reasons are in docs/decisions.md)."""
    app = Celery("switchboard", broker=broker_address(broker_url), set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        result_accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        event_serializer="json",
        task_acks_late=False,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_default_queue="chat",
        task_create_missing_queues=True,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,  # no unacked bell when Redis goes: the worker survives
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
        self._waiting = 0

    def ring(self, conversation: str) -> None:
        """Say that the conversation has work; a failure is logged once and left to the sweep."""
        if self._waiting >= 1000:  # Redis is away: the sweep will ring them all
            return
        self._waiting += 1
        future = self._thread.submit(self._publish, conversation)
        future.add_done_callback(self._done)

    def _publish(self, conversation: str) -> None:
        options: dict[str, Any] = {"retry": False, "ignore_result": True, "argsrepr": "-"}
        self._app.send_task(CONVERSE, args=[conversation], **options)

    def _done(self, future: Any) -> None:
        self._waiting -= 1
        if not future.cancelled() and (error := future.exception()) is not None:
            log.warning("bell.failed error=%s", type(error).__name__)

    async def close(self) -> None:
        """Let bells under way leave, for a moment."""
        stop = asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)
        try:
            await asyncio.wait_for(stop, PUBLISH_SECONDS)
        except TimeoutError:
            log.warning("bell.abandoned")
        self._app.close()
