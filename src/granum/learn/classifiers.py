"""The families of classifiers by name, training and loading: the only place that knows them all.

Packages train, granum's own kernels predict from plain arrays; a family that needs a missing package is left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from granum.errors import MissingExtraError, ModelError, SettingError, ShapeError
from granum.learn.blend import BlendClassifier
from granum.learn.boosting import fit_boosted_trees, load_lightgbm
from granum.learn.fitted_classifier import Arrays, FittedClassifier, take_array
from granum.learn.forest import fit_extra_trees, fit_random_forest
from granum.learn.gaussian_classes import GaussianClassifier, fit_naive_bayes, fit_qda
from granum.learn.linear import LinearClassifier, fit_logistic
from granum.learn.neural import NetworkClassifier, fit_networks
from granum.learn.tree_classifier import TreeClassifier

__all__ = ["FAMILIES", "Classifier", "Family", "available_families", "fit_classifier", "load_classifier"]


class Classifier(Protocol):
    """What every trained classifier can do."""

    @property
    def family(self) -> str:
        """Name of its family."""
        ...

    @property
    def n_classes(self) -> int:
        """K."""
        ...

    @property
    def n_features(self) -> int:
        """F."""
        ...

    @property
    def importance(self) -> NDArray[np.float32]:
        """Share of each feature, (F,)."""
        ...

    def probabilities(
        self, planes: NDArray[np.float32], *, rows: NDArray[np.int64] | None = None, threads: int | None = None
    ) -> NDArray[np.float32]:
        """Return (K, n) probabilities of (F, n) planes."""
        ...

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return JSON types and arrays."""
        ...


@dataclass(frozen=True)
class Family:
    """A family of classifiers.

    Parameters
    ----------
    name, title : str
        In code, and for people.
    package : str
        What training needs besides granum's own code, or "".
    settings : dict
        Default settings of `fit_classifier`.
    ranges : dict
        What a search may try for each: ``("float", low, high, "log" or "")``, ``("int", low, high, "log" or "")`` or
        ``("choice", (...))``.
    fit : callable
        Trains it.
    """

    name: str
    title: str
    package: str
    settings: dict[str, Any]
    ranges: dict[str, tuple[Any, ...]]
    fit: Callable[..., dict[str, Any]]
    form: type[Any]


_TREE_RANGES: dict[str, tuple[Any, ...]] = {
    "trees": ("int", 30, 150, "log"),
    "least_in_leaf": ("int", 1, 20, "log"),
    "feature_share": ("float", 0.05, 0.7, "log"),
}
FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            "logistic", "logistic regression", "", {"strength": 1.0},
            {"strength": ("float", 1e-3, 100.0, "log")}, fit_logistic, LinearClassifier,
        ),
        Family(
            "qda", "quadratic discriminant analysis", "", {"shrink": 0.3, "soften": True},
            {"shrink": ("float", 0.02, 1.0, "log")}, fit_qda, GaussianClassifier,
        ),
        Family(
            "naive_bayes", "naive Bayes", "", {"shrink": 0.05, "soften": True},
            {"shrink": ("float", 0.01, 0.5, "log")}, fit_naive_bayes, GaussianClassifier,
        ),
        Family(
            "random_forest", "random forest", "sklearn",
            {"trees": 60, "most_leaves": 64, "least_in_leaf": 3, "feature_share": 0.15},
            _TREE_RANGES, fit_random_forest, TreeClassifier,
        ),
        Family(
            "extra_trees", "extra trees", "sklearn",
            {"trees": 60, "most_leaves": 64, "least_in_leaf": 3, "feature_share": 0.3},
            _TREE_RANGES, fit_extra_trees, TreeClassifier,
        ),
        Family(
            "lightgbm", "LightGBM", "lightgbm",
            {
                "rounds": 100, "most_leaves": 15, "rate": 0.05, "feature_share": 0.3, "pixel_share": 0.7,
                "least_in_leaf": 20, "penalty": 1.0,
            },
            {
                "rounds": ("int", 40, 200, "log"), "most_leaves": ("choice", (4, 7, 15, 31)),
                "rate": ("float", 0.03, 0.3, "log"), "feature_share": ("float", 0.1, 1.0, "log"),
                "pixel_share": ("float", 0.4, 1.0, ""), "least_in_leaf": ("int", 5, 60, "log"),
                "penalty": ("float", 0.01, 30.0, "log"),
            },
            fit_boosted_trees, TreeClassifier,
        ),
        Family(
            "mlp", "neural networks", "",
            {"hidden": (32, 16), "members": 3, "steps": 600, "rate": 5e-3, "decay": 0.5},
            {
                "hidden": ("choice", ((16,), (32,), (32, 16), (64, 32))), "members": ("choice", (1, 3, 5)),
                "steps": ("choice", (300, 600, 1200)), "rate": ("float", 1e-3, 2e-2, "log"),
                "decay": ("float", 1e-3, 3.0, "log"),
            },
            fit_networks, NetworkClassifier,
        ),
    )
}  # fmt: skip


def available_families() -> tuple[str, ...]:
    """Return the names of the families whose packages are installed and load."""
    names = []
    for family in FAMILIES.values():
        if family.package == "lightgbm":
            try:
                load_lightgbm()
            except MissingExtraError:
                continue
        elif family.package and find_spec(family.package) is None:
            continue
        names.append(family.name)
    return tuple(names)


def fit_classifier(
    family: str,
    planes: NDArray[np.float32],
    labels: NDArray[np.uint8],
    *,
    n_classes: int,
    weights: NDArray[Any] | None = None,
    seed: int = 0,
    should_stop: Callable[[], bool] | None = None,
    **settings: Any,
) -> FittedClassifier:
    """Train a classifier.

    Parameters
    ----------
    family : str
        Of `FAMILIES`.
    planes : (F, n) ndarray of float32
        Features of the training pixels; NaN is allowed.
    labels : (n,) ndarray of uint8
        Class index of each, 0..K-1; classes without a pixel get probability 0.
    n_classes : int
        K.
    weights : (n,) ndarray, optional
        Weight of each pixel, 0 or more; default 1.
    seed : int
        Of random numbers; the same seed gives the same classifier, bit for bit.
    should_stop : callable, optional
        Asked now and then; when it says True, training ends early with what it has.
    **settings
        Of the family (``FAMILIES[family].settings``).

    Returns
    -------
    classifier : Classifier

    Raises
    ------
    SettingError
        For an unknown family or setting.
    ShapeError
        When arrays do not fit, or nothing has weight.
    MissingExtraError
        When the package of the family is missing.
    """
    if family not in FAMILIES:
        raise SettingError(f"family: {family!r} is none of {', '.join(FAMILIES)}.")
    known = FAMILIES[family]
    if wrong := [name for name in settings if name not in known.settings]:
        raise SettingError(f"{family}: has no setting {wrong[0]!r}, only {', '.join(known.settings)}.")
    planes = np.ascontiguousarray(planes, np.float32)
    labels = np.asarray(labels)
    share = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)
    if planes.ndim != 2 or labels.shape != planes.shape[1:] or share.shape != labels.shape or not planes.size:
        raise ShapeError(
            f"planes {planes.shape}, labels {labels.shape}, weights {share.shape}: must be (F, n), (n,), (n,)."
        )
    if int(labels.max()) >= n_classes or int(labels.min()) < 0:
        raise ShapeError(f"labels: reach from {labels.min()} to {labels.max()}, must be in 0..{n_classes - 1}.")
    if not np.isfinite(share).all() or share.min() < 0 or not share.any():
        raise ShapeError("weights: must be finite, 0 or more, and not all 0.")
    weighty = share > 0
    if not weighty.all():
        planes, labels, share = np.ascontiguousarray(planes[:, weighty]), labels[weighty], share[weighty]
    present, index = np.unique(labels, return_inverse=True)
    used = {**known.settings, **settings}
    fields: dict[str, Any] = {
        "family": family,
        "n_classes": n_classes,
        "n_features": len(planes),
        "present": tuple(int(k) for k in present),
        "settings": {name: [*value] if isinstance(value, tuple) else value for name, value in used.items()},
    }
    if len(present) == 1:
        return LinearClassifier.constant(importance=np.zeros(len(planes), np.float32), **fields)
    fitted = known.fit(planes, index.astype(np.int64), share / share.mean(), seed=seed, should_stop=should_stop, **used)
    total = float(fitted["importance"].sum())
    fitted["importance"] = (fitted["importance"] / total if total > 0 else fitted["importance"]).astype(np.float32)
    return known.form(**fitted, **fields)


_FORMS: dict[str, Any] = {
    form.form: form
    for form in (BlendClassifier, GaussianClassifier, LinearClassifier, NetworkClassifier, TreeClassifier)
}


def load_classifier(about: dict[str, Any], arrays: Arrays) -> FittedClassifier:
    """Return what `FittedClassifier.to_state` made, after checking everything that a kernel relies on.

    Raises
    ------
    ModelError
        When something is missing, out of range or of the wrong kind.
    """
    form, family, settings = about.get("form"), about.get("family"), about.get("settings")
    n_classes, n_features, present = about.get("n_classes"), about.get("n_features"), about.get("present")
    if not isinstance(form, str) or form not in _FORMS or not isinstance(family, str) or not isinstance(settings, dict):
        raise ModelError(f"model: a classifier of the form {form!r} is not known to this version of granum.")
    if (
        type(n_classes) is not int
        or type(n_features) is not int
        or not 1 <= n_classes <= 255
        or not 1 <= n_features <= 100_000
        or not isinstance(present, list)
        or not present
        or not all(type(k) is int and 0 <= k < n_classes for k in present)
        or present != sorted(set(present))
    ):
        raise ModelError(f"model: {n_classes!r} classes ({present!r}) from {n_features!r} features cannot be.")
    known = {
        "family": family,
        "n_classes": n_classes,
        "n_features": n_features,
        "present": tuple(present),
        "importance": take_array(arrays, "importance", "float32", (n_features,)),
        "settings": settings,
    }
    fitted: FittedClassifier = _FORMS[form].from_state(about, arrays, known)
    return fitted
