"""The catalog becomes findings: is the default model still answered, and for how long?"""

from datetime import UTC, date, datetime

from bot.doctor import Finding
from bot.errors import ModelGone
from bot.models import Catalog
from bot.settings import Settings

NOTICE_DAYS = 60  # a channel's admins need time to choose


async def check(settings: Settings) -> list[Finding]:
    """What `doctor` says of the catalog in force."""
    catalog = Catalog.load(settings.models_file)
    today = datetime.now(UTC).date()
    warnings = [Finding("warning", f"models: {text}") for text in catalog.warnings]
    return [default_model(catalog, settings.default_model, today), *warnings]


def default_model(catalog: Catalog, alias: str, today: date) -> Finding:
    """The default model on a day."""
    mend = "choose another as SWITCHBOARD_DEFAULT_MODEL"
    try:
        spec, substituted = catalog.resolve(alias, today)
    except ModelGone as error:
        return Finding("broken", f"models: {error.sentence}", mend)
    if substituted:
        return Finding("warning", f"models: {substituted}", mend)
    if spec.shutdown and (days := (spec.shutdown - today).days) < NOTICE_DAYS:
        after = f"{spec.successor} answers then" if spec.successor else "nothing answers then"
        what = f"models: {alias} is shut down on {spec.shutdown}, in {days} days"
        return Finding("warning", what, f"{mend}; {after}")
    return Finding("ok", f"models: {len(catalog.models)} in the catalog, {alias} is the default")
