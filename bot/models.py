"""The catalog: aliases become models, and what somebody typed becomes the aliases that were meant."""

import difflib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Self

from bot.errors import ModelGone, UnknownModel
from bot.model_reading import read
from bot.model_specs import ImageCost, ModelSpec, Price, ProviderSpec
from bot.words import shown

__all__ = ["Catalog", "ImageCost", "ModelSpec", "Price", "ProviderSpec"]

NEAREST = 3  # how many aliases an unknown one is answered with
CHOICES = 25  # what Discord's autocomplete shows at most
MOST_TYPED = 64  # characters of an unknown alias that are compared


class Catalog:
    """All models, by alias, in the order of the tables. Made by `load`, which judges it first."""

    def __init__(
        self,
        models: Mapping[str, ModelSpec],
        providers: Mapping[str, ProviderSpec],
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.models = dict(models)
        self.providers = dict(providers)
        self.warnings = warnings  # what is odd, and lets the bot run all the same
        self.labels = {alias: spec.label for alias, spec in self.models.items()}
        self._words = {
            word: spec.alias for spec in models.values() for word in map(_plain, spec.also)
        }
        self._words |= {_plain(alias): alias for alias in self.models}

    @classmethod
    def load(cls, path: Path | None, *, openai_base_url: str = "") -> Self:
        """The catalog that ships with the operator's file over it; raises SettingsError with every fault."""
        return cls(*read(path, openai_base_url))

    def find(self, alias: str) -> ModelSpec:
        """The model of this alias, or of one of its other words; raises UnknownModel with the nearest three."""
        known = self._words.get(_plain(alias))
        if known is None:
            near = " or ".join(f"`{name}`" for name in self.nearest(alias))
            hint = f" Did you mean {near}?" if near else ""
            raise UnknownModel(f"There is no model “{shown(alias)}”.{hint}")
        return self.models[known]

    def provider_of(self, spec: ModelSpec) -> ProviderSpec:
        return self.providers[spec.provider]

    def nearest(self, text: str) -> tuple[str, ...]:
        """The three aliases most like this text, the likest first."""
        typed = _plain(text)[:MOST_TYPED]
        scores: dict[str, float] = {}
        for word, alias in self._words.items():
            score = difflib.SequenceMatcher(None, typed, word).ratio()
            if typed and (typed in word or word in typed):
                score += 0.5
            scores[alias] = max(score, scores.get(alias, 0))
        ranked = sorted(self.models, key=lambda alias: -scores[alias])
        return tuple(ranked[:NEAREST])

    def resolve(self, alias: str, today: date) -> tuple[ModelSpec, str]:
        """The model that answers for this alias today, and a sentence if it is another one.

        Raises UnknownModel, and ModelGone where nobody succeeds.
        """
        spec = first = self.find(alias)
        while spec.gone(today):
            if spec.successor is None:
                raise ModelGone(
                    f"{spec.alias} was shut down on {spec.shutdown}. An admin can choose another model here."
                )
            spec = self.models[spec.successor]
        if spec is first:
            return spec, ""
        return (
            spec,
            f"{first.alias} was shut down on {first.shutdown}; {spec.alias} answers in its place.",
        )

    def search(
        self, typed: str, current: str | None = None, *, today: date | None = None
    ) -> list[tuple[str, str]]:
        """Up to 25 pairs of alias and label for what somebody is typing, the current model first.

        With `today` the models that are gone are left out.
        """
        wanted = _plain(typed)
        offered = [s for s in self.models.values() if today is None or not s.gone(today)]
        found = [spec for spec in offered if _fits(wanted, spec)]
        found.sort(key=lambda spec: (spec.alias != current, not spec.alias.startswith(wanted)))
        return [(spec.alias, spec.label) for spec in found[:CHOICES]]


def _fits(wanted: str, spec: ModelSpec) -> bool:
    words = (spec.alias, spec.title or "", spec.provider, *spec.also)
    return any(wanted in _plain(word) for word in words)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
