"""The Celery worker: a conversation with work becomes answers."""
