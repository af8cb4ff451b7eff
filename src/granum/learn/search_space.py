"""Which pipelines there are: normalisation, features, classifiers that are averaged, a context stage, smoothing.

A pipeline is a value that can be written down; what a search finds is one of these.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from granum.errors import ModelError
from granum.learn.classifiers import FAMILIES
from granum.learn.feature_set import KINDS, SIGMAS, FeatureSet, Kind

__all__ = ["CONTEXT_SIGMAS", "Context", "Normalisation", "Part", "Pipeline"]

Normalisation = Literal["image", "training"]
CONTEXT_SIGMAS = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Scales in pixels at which a context stage may look at probabilities."""
# seconds of one core per Mpx, measured once on one machine; only their ratios matter, and as they decide which
# pipeline is chosen, they must not depend on how busy a machine is
_FEATURE_COST = 0.002
_PRODUCT_COST = 0.00002
_LEAF_COST = 0.0002
_FIXED_COST = {"logistic": 0.01, "naive_bayes": 0.05, "qda": 0.15}


@dataclass(frozen=True)
class Part:
    """One classifier of a stage; several are averaged.

    Parameters
    ----------
    family : str
        Of `FAMILIES`.
    settings : tuple of (str, value)
        Those that differ from the defaults of the family, sorted by name.
    sigmas, kinds : tuple
        Which features of the bank it sees.
    """

    family: str
    settings: tuple[tuple[str, Any], ...] = ()
    sigmas: tuple[float, ...] = SIGMAS
    kinds: tuple[Kind, ...] = KINDS

    def setting(self, name: str) -> Any:
        """Return a setting, or the default of the family."""
        return dict(self.settings).get(name, FAMILIES[self.family].settings.get(name))

    def describe(self) -> str:
        """Return it in a few words, such as "LightGBM of 40 rounds"."""
        title = FAMILIES[self.family].title
        if self.family == "lightgbm":
            return f"{title} of {self.setting('rounds')} rounds"
        if self.family == "mlp":
            return f"{self.setting('members')} {title} ({'-'.join(map(str, self.setting('hidden')))})"
        return f"{title} of {self.setting('trees')}" if self.setting("trees") else title

    def columns(self, bank: FeatureSet, n_channels: int) -> tuple[int, ...]:
        """Return which planes of the bank it sees."""
        return tuple(bank.columns(n_channels, sigmas=self.sigmas, kinds=self.kinds))

    def cost(self, n_features: int, n_classes: int) -> float:
        """Return about how many seconds of one core predicting a Mpx takes."""
        if self.family == "mlp":
            widths = [n_features, *self.setting("hidden"), n_classes]
            products = sum(one * other for one, other in pairwise(widths))
            return _PRODUCT_COST * products * int(self.setting("members"))
        if self.family == "lightgbm":
            trees = int(self.setting("rounds")) * (n_classes if n_classes > 2 else 1)
            return _LEAF_COST * trees * int(self.setting("most_leaves")) ** 0.75
        if self.family in ("random_forest", "extra_trees"):
            return _LEAF_COST * int(self.setting("trees")) * int(self.setting("most_leaves")) ** 0.75
        return _FIXED_COST.get(self.family, 0.1) * n_classes * n_features / 60

    def to_json(self) -> dict[str, Any]:
        """Return it in JSON types."""
        settings = {name: [*value] if isinstance(value, tuple) else value for name, value in self.settings}
        return {"family": self.family, "settings": settings, "sigmas": [*self.sigmas], "kinds": [*self.kinds]}

    @classmethod
    def from_json(cls, value: Any) -> Part:
        """Return what `to_json` made."""
        settings = sorted(value["settings"].items())
        return cls(
            family=str(value["family"]),
            settings=tuple((name, tuple(one) if isinstance(one, list) else one) for name, one in settings),
            sigmas=tuple(map(float, value["sigmas"])),
            kinds=tuple(value["kinds"]),
        )


@dataclass(frozen=True)
class Context:
    """A second stage.

    Parameters
    ----------
    parts : tuple of Part
        Classifiers that are averaged.
    sigmas : tuple of float
        Of `CONTEXT_SIGMAS`: scales at which probabilities of the first stage are smoothed; 0 as they are.
    """

    parts: tuple[Part, ...]
    sigmas: tuple[float, ...] = CONTEXT_SIGMAS


@dataclass(frozen=True)
class Pipeline:
    """One way from pixels to classes.

    Parameters
    ----------
    parts : tuple of Part
        Classifiers of the first stage, averaged.
    normalisation : {"image", "training"}
        Grey levels relative to each image, or to those of the training images.
    context : Context, optional
        Second stage.
    smoothing_px : float
        Sigma that smooths the posterior at last.
    """

    parts: tuple[Part, ...]
    normalisation: Normalisation = "image"
    context: Context | None = None
    smoothing_px: float = 1.0

    @property
    def first(self) -> Pipeline:
        """The first stage alone."""
        return replace(self, context=None)

    @property
    def family(self) -> str:
        """Families of the last stage, such as ``"mlp+lightgbm"``."""
        parts = self.parts if self.context is None else self.context.parts
        return "+".join(dict.fromkeys(part.family for part in parts))

    @property
    def key(self) -> str:
        """One text per pipeline."""
        return json.dumps(self.to_json(), sort_keys=True)

    def cost(self, bank: FeatureSet, n_channels: int, n_classes: int) -> float:
        """Return about how many seconds of one core predicting a Mpx takes: a fixed model, not a measurement."""
        parts = self.parts + (() if self.context is None else self.context.parts)
        seen = set().union(*(part.columns(bank, n_channels) for part in parts))
        total = _FEATURE_COST * len(seen)
        total += sum(part.cost(len(part.columns(bank, n_channels)), n_classes) for part in self.parts)
        if self.context is not None:
            more = len(self.context.sigmas) * n_classes
            total += sum(
                part.cost(len(part.columns(bank, n_channels)) + more, n_classes) for part in self.context.parts
            )
            total += 0.003 * n_classes * sum(self.context.sigmas)
        return total

    def describe(self) -> str:
        """Return it in words, such as "LightGBM, scales 0.7 to 10 px, grey levels of each image"."""
        sigmas = sorted({sigma for part in self.parts for sigma in part.sigmas})
        words = [_titles(self.parts)]
        if len(sigmas) > 1:
            words.append(f"scales {sigmas[0]:g} to {sigmas[-1]:g} px")
        elif sigmas:
            words.append(f"scale {sigmas[0]:g} px")
        n_kinds = len({kind for part in self.parts for kind in part.kinds})
        if n_kinds != len(KINDS):
            words.append(f"{n_kinds} kinds of features")
        if self.context is not None:
            words.append(f"context to {self.context.sigmas[-1]:g} px by {_titles(self.context.parts)}")
        words.append("grey levels of each image" if self.normalisation == "image" else "grey levels as they are")
        if self.smoothing_px:
            words.append(f"smoothed {self.smoothing_px:g} px")
        return ", ".join(words)

    def to_json(self) -> dict[str, Any]:
        """Return it in JSON types."""
        context = None
        if self.context is not None:
            context = {"parts": [part.to_json() for part in self.context.parts], "sigmas": [*self.context.sigmas]}
        return {
            "parts": [part.to_json() for part in self.parts],
            "normalisation": self.normalisation,
            "context": context,
            "smoothing_px": self.smoothing_px,
        }

    @classmethod
    def from_json(cls, value: Any) -> Pipeline:
        """Return what `to_json` made.

        Raises
        ------
        ModelError
            When it is something else.
        """
        try:
            context = value["context"]
            if context is not None:
                parts = tuple(map(Part.from_json, context["parts"]))
                context = Context(parts, tuple(map(float, context["sigmas"])))
            return cls(
                parts=tuple(map(Part.from_json, value["parts"])),
                normalisation="image" if value["normalisation"] == "image" else "training",
                context=context,
                smoothing_px=float(value["smoothing_px"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"pipeline: is none of this version ({error}).") from None


def _titles(parts: tuple[Part, ...]) -> str:
    """Return the classifiers of a stage in words."""
    return " + ".join(part.describe() for part in parts)
