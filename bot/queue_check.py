"""The door to Celery becomes a finding: JSON and nothing else."""

from bot.doctor import Finding
from bot.queue import celery_app
from bot.settings import Settings


async def check(settings: Settings) -> list[Finding]:
    """Builds the app as every process does; connects to nothing."""
    try:
        celery_app(settings.redis_url or "redis://", settings.prefix)
    except RuntimeError as error:  # raised where anything but JSON would be accepted
        return [Finding("broken", f"celery: {error}", "remove what changes Celery's configuration")]
    return [Finding("ok", "celery: JSON only")]
