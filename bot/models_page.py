"""The catalog becomes a table for people: `switchboard models`."""

from pathlib import Path

from bot.environment import environment
from bot.model_specs import ModelSpec, window
from bot.models import Catalog

HEAD = ("alias", "provider", "inputs", "window", "price", "shutdown")
ORDER = ("text", "image", "audio", "file")


def table() -> str:
    """The catalog in force, the operator's file included."""
    given = environment()
    named = given.get("SWITCHBOARD_MODELS_FILE")
    catalog = Catalog.load(
        Path(named) if named else None, openai_base_url=given.get("OPENAI_BASE_URL", "")
    )
    return "\n".join(lines(catalog))


def lines(catalog: Catalog) -> list[str]:
    """A line for each model under a head, in columns; warnings at the end."""
    rows = [HEAD, *(_row(spec) for spec in catalog.models.values())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    shown = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return shown + [f"warning: {warning}" for warning in catalog.warnings]


def _row(spec: ModelSpec) -> tuple[str, ...]:
    return (
        spec.alias,
        spec.provider,
        ",".join(name for name in ORDER if name in spec.inputs),
        window(spec.context),
        str(spec.price) if spec.price else "unknown",
        f"{spec.shutdown} → {spec.successor or 'nothing'}" if spec.shutdown else "",
    )
