"""Proposes pipelines after the ladder: Optuna's tree-structured Parzen estimator where it is installed, else its own.

Both depend on the seed and on the trials so far only.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from granum.learn.classifiers import FAMILIES, available_families
from granum.learn.feature_set import KINDS, SIGMAS, Kind
from granum.learn.search_space import CONTEXT_SIGMAS, Context, Normalisation, Part, Pipeline
from granum.learn.search_state import Trial

__all__ = ["NearbySampler", "OptunaSampler", "Sampler", "make_sampler"]

Range = tuple[Any, ...]
_SIGMAS: dict[str, tuple[float, ...]] = {
    "all": SIGMAS,
    "fine": tuple(sigma for sigma in SIGMAS if sigma <= 5),
    "coarse": tuple(sigma for sigma in SIGMAS if sigma >= 1.5),
    "every other": SIGMAS[::2],
}
_CLASSIC: tuple[Kind, ...] = ("gaussian", "laplacian", "gradient", "structure", "hessian")
_KINDS: dict[str, tuple[Kind, ...]] = {
    "all": KINDS,
    "classic": _CLASSIC,
    "classic and texture": (*_CLASSIC, "deviation", "entropy"),
    "without entropy": tuple(kind for kind in KINDS if kind != "entropy"),
}
_CONTEXTS: dict[str, tuple[float, ...]] = {"none": (), "near": CONTEXT_SIGMAS[:-1], "far": CONTEXT_SIGMAS}
_FAMILIES = ("lightgbm", "mlp", "extra_trees", "random_forest", "qda", "logistic")
_SHARE_FRESH = 0.4


class Sampler(Protocol):
    """Proposes pipelines."""

    def ask(self, trials: Sequence[Trial], normalisation: Normalisation, first: tuple[Part, ...]) -> Pipeline:
        """Return a pipeline to try; `first` is the best first stage, for those with context."""
        ...


def make_sampler(seed: int) -> tuple[Sampler, str]:
    """Return the sampler, and a note for the user when Optuna is not installed."""
    if find_spec("optuna") is None:
        return NearbySampler(seed), "Optuna is not installed: pipelines are drawn near the best ones instead."
    return OptunaSampler(seed), ""


def _ranges(family: str) -> dict[str, Range]:
    """Return what can be chosen once the family is: features, context, settings, by name."""
    common: dict[str, Range] = {
        "sigmas": ("choice", tuple(_SIGMAS)),
        "kinds": ("choice", tuple(_KINDS)),
        "context": ("choice", tuple(_CONTEXTS)),
    }
    return common | {f"{family}.{name}": one for name, one in FAMILIES[family].ranges.items()}


def _families() -> tuple[str, ...]:
    """Return the families that can be trained, the most promising first."""
    return tuple(family for family in _FAMILIES if family in available_families())


def _pipeline(chosen: dict[str, Any], normalisation: Normalisation, first: tuple[Part, ...]) -> Pipeline:
    """Return the pipeline of some choices."""
    family = chosen["family"]
    mark = f"{family}."
    settings = {name.removeprefix(mark): value for name, value in chosen.items() if name.startswith(mark)}
    part = Part(family, tuple(sorted(settings.items())), _SIGMAS[chosen["sigmas"]], _KINDS[chosen["kinds"]])
    around = _CONTEXTS[chosen["context"]]
    if around and first:
        return Pipeline(first, normalisation, Context((part,), around))
    return Pipeline((part,), normalisation)


def _choices(pipeline: Pipeline) -> dict[str, Any] | None:
    """Return the choices that make a pipeline; None when it is none that a sampler proposes."""
    parts = pipeline.parts if pipeline.context is None else pipeline.context.parts
    if len(parts) != 1 or parts[0].family not in _families():
        return None
    part = parts[0]
    sigmas = next((name for name, value in _SIGMAS.items() if value == part.sigmas), None)
    kinds = next((name for name, value in _KINDS.items() if value == part.kinds), None)
    around = () if pipeline.context is None else pipeline.context.sigmas
    context = next((name for name, value in _CONTEXTS.items() if value == around), None)
    if sigmas is None or kinds is None or context is None:
        return None
    chosen = {"family": part.family, "sigmas": sigmas, "kinds": kinds, "context": context}
    for name, one in FAMILIES[part.family].ranges.items():
        value = part.setting(name)
        if one[0] == "choice" and value not in one[1]:
            return None
        if one[0] != "choice" and not one[1] <= value <= one[2]:
            return None
        chosen[f"{part.family}.{name}"] = value
    return chosen


class NearbySampler:
    """Draws at random, more often than not near one of the best trials.

    Parameters
    ----------
    seed : int
        Of the drawing.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._asked = 0

    def ask(self, trials: Sequence[Trial], normalisation: Normalisation, first: tuple[Part, ...]) -> Pipeline:
        """Return a pipeline to try."""
        self._asked += 1
        rng = np.random.default_rng([self._seed, len(trials), self._asked])
        done = sorted((one for one in trials if one.miou is not None), key=lambda one: (-one.merit, one.number))
        near = [chosen for chosen in map(_choices, (one.pipeline for one in done[:12])) if chosen is not None]
        if not near or rng.random() < _SHARE_FRESH:
            family = str(rng.choice(_families()))
            chosen = {"family": family} | {name: _draw(rng, one) for name, one in _ranges(family).items()}
            return _pipeline(chosen, normalisation, first)
        chosen = dict(near[min(int(rng.exponential(1.5)), len(near) - 1)])
        ranges = _ranges(chosen["family"])
        names = [str(name) for name in rng.permutation(list(ranges))[: int(rng.integers(1, 4))]]
        for name in names:
            chosen[name] = _draw(rng, ranges[name])
        return _pipeline(chosen, normalisation, first)


class OptunaSampler:
    """Asks Optuna, which is given all trials so far.

    Parameters
    ----------
    seed : int
        Of its sampler.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._asked = 0

    def ask(self, trials: Sequence[Trial], normalisation: Normalisation, first: tuple[Part, ...]) -> Pipeline:
        """Return a pipeline to try."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._asked += 1
        sampler = optuna.samplers.TPESampler(seed=self._seed + 7919 * len(trials) + self._asked, n_startup_trials=6)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for trial in trials:
            chosen = _choices(trial.pipeline)
            if chosen is None or trial.state == "failed":
                continue
            value = None if trial.miou is None else trial.merit
            if value is None and trial.partial:  # given up: as bad as it was when it was
                value = min((one.merit for one in trials if one.miou is not None), default=0.0)
            if value is None:
                continue
            ranges = {"family": ("choice", _families())} | _ranges(chosen["family"])
            study.add_trial(
                optuna.trial.create_trial(
                    params={name: _code(chosen[name], one) for name, one in ranges.items()},
                    distributions={name: _distribution(one) for name, one in ranges.items()},
                    value=value,
                )
            )
        asked = study.ask()
        found = {"family": asked.suggest_categorical("family", _families())}
        for name, one in _ranges(found["family"]).items():
            found[name] = _ask_optuna(asked, name, one)
        return _pipeline(found, normalisation, first)


def _draw(rng: np.random.Generator, one: Range) -> Any:
    """Return a value of a range."""
    if one[0] == "choice":
        return one[1][int(rng.integers(len(one[1])))]
    low, high = float(one[1]), float(one[2])
    value = float(np.exp(rng.uniform(np.log(low), np.log(high)))) if one[3] == "log" else float(rng.uniform(low, high))
    return int(np.clip(round(value), one[1], one[2])) if one[0] == "int" else float(np.clip(value, low, high))


def _distribution(one: Range) -> Any:
    """Return Optuna's word for a range."""
    import optuna

    if one[0] == "choice":
        return optuna.distributions.CategoricalDistribution([_code(value, one) for value in one[1]])
    if one[0] == "int":
        return optuna.distributions.IntDistribution(one[1], one[2], log=one[3] == "log")
    return optuna.distributions.FloatDistribution(one[1], one[2], log=one[3] == "log")


def _ask_optuna(asked: Any, name: str, one: Range) -> Any:
    """Return the value that Optuna proposes for a range."""
    if one[0] == "choice":
        return _decode(asked.suggest_categorical(name, [_code(value, one) for value in one[1]]), one)
    ask = asked.suggest_int if one[0] == "int" else asked.suggest_float
    return ask(name, one[1], one[2], log=one[3] == "log")


def _code(value: Any, one: Range) -> Any:
    """Return a choice as text, because Optuna takes no tuples."""
    return json.dumps(value) if one[0] == "choice" and not isinstance(value, str) else value


def _decode(value: Any, one: Range) -> Any:
    """Return the choice that a text stands for."""
    if one[0] != "choice":
        return value
    return next(known for known in one[1] if _code(known, one) == value)
