"""Celery as this project uses it: its settings, for whoever hears bells."""

from __future__ import annotations

from celery import Celery

from bot.bell import QUEUE
from bot.broker_address import broker_address
from bot.store import PREFIX


def celery_app(broker_url: str, prefix: str = PREFIX) -> Celery:
    """The app (the reasons are in docs/decisions.md)."""
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
        task_default_queue=QUEUE,
        task_create_missing_queues=True,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,  # a bell stays in Redis until there is somebody to hear it
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
