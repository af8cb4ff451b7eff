"""`BlendClassifier`: the weighted mean of the probabilities of several classifiers, each on its own features.

Classifiers of different kinds err in different places, so their mean is often better than the best of them. A blend
is a classifier like any other, so every stage of a model can be one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from granum.errors import ModelError, ShapeError
from granum.learn.fitted_classifier import Arrays, FittedClassifier

__all__ = ["BlendClassifier", "Member", "blend_classifiers"]

_MOST_MEMBERS = 16


@dataclass(frozen=True, eq=False)
class Member:
    """One classifier of a blend.

    Parameters
    ----------
    classifier : FittedClassifier
        Of the same classes as the others.
    rows : tuple of int
        Which planes of the blend are its features.
    weight : float
        Its share; all together are 1.
    """

    classifier: FittedClassifier
    rows: tuple[int, ...]
    weight: float


@dataclass(frozen=True, eq=False, kw_only=True)
class BlendClassifier(FittedClassifier):
    """Several classifiers, averaged.

    Parameters
    ----------
    members : tuple of Member
        1 to 16.
    """

    members: tuple[Member, ...]
    form: ClassVar[str] = "blend"

    def probabilities(
        self, planes: NDArray[np.float32], *, rows: NDArray[np.int64] | None = None, threads: int | None = None
    ) -> NDArray[np.float32]:
        """Return the mean of the members' probabilities, summed in their order."""
        rows = np.arange(self.n_features) if rows is None else np.asarray(rows, np.int64)
        if len(rows) != self.n_features:
            raise ShapeError(f"planes: {planes.shape} with {len(rows)} rows; must be ({self.n_features}, n) features.")
        total = np.zeros((self.n_classes, planes.shape[1]), np.float32)
        for member in self.members:
            found = member.classifier.probabilities(planes, rows=rows[list(member.rows)], threads=threads)
            found *= np.float32(member.weight)
            total += found
        return total

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON types and arrays, what `load_classifier` takes."""
        about, arrays = super().to_state()
        about["members"] = []
        for number, member in enumerate(self.members):
            inner, inner_arrays = member.classifier.to_state()
            about["members"].append({"classifier": inner, "rows": [*member.rows], "weight": member.weight})
            arrays |= {f"{number}.{name}": array for name, array in inner_arrays.items()}
        return about, arrays

    @classmethod
    def from_state(cls, about: dict[str, Any], arrays: Arrays, known: dict[str, Any]) -> BlendClassifier:
        """Return what `to_state` took apart; `known` is what all classifiers have, checked.

        Raises
        ------
        ModelError
            When it is something else.
        """
        from granum.learn.classifiers import load_classifier  # which loads blends by this function

        n_classes, n_features = known["n_classes"], known["n_features"]
        try:
            listed = [
                (one["classifier"], tuple(map(int, one["rows"])), float(one["weight"])) for one in about["members"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"model: a blend is not what it should be ({error}); the file is damaged.") from None
        if not 1 <= len(listed) <= _MOST_MEMBERS:
            raise ModelError(f"model: a blend has {len(listed)} members, must be 1 to {_MOST_MEMBERS}.")
        members = []
        for number, (inner, rows, weight) in enumerate(listed):
            if not isinstance(inner, dict) or inner.get("form") == cls.form:
                raise ModelError("model: a member of a blend is no classifier; the file is damaged.")
            mark = f"{number}."
            own = {name[len(mark) :]: array for name, array in arrays.items() if name.startswith(mark)}
            member = load_classifier(inner, own)
            fits = member.n_classes == n_classes and member.n_features == len(rows)
            if not fits or not 0 < weight <= 1 or (rows and not 0 <= min(rows) <= max(rows) < n_features):
                raise ModelError(f"model: member {number} of a blend does not fit the others; the file is damaged.")
            members.append(Member(member, rows, weight))
        if abs(sum(member.weight for member in members) - 1) > 1e-6:
            raise ModelError("model: the weights of a blend do not sum to 1; the file is damaged.")
        return cls(members=tuple(members), **known)


def blend_classifiers(
    members: Sequence[tuple[FittedClassifier, Sequence[int]]],
    *,
    n_features: int,
    weights: Sequence[float] | None = None,
) -> FittedClassifier:
    """Return the mean of several classifiers as one; a single one that sees all features as it is.

    Parameters
    ----------
    members : sequence of (FittedClassifier, rows)
        Each with the planes that are its features; blends among them are taken apart.
    n_features : int
        Planes of the blend.
    weights : sequence of float, optional
        Of each; equal by default.

    Raises
    ------
    ShapeError
        When there are none, or they are of different classes.
    """
    if not members or len({classifier.n_classes for classifier, _ in members}) != 1:
        raise ShapeError(f"blend: {len(members)} classifiers; there must be at least one, all of the same classes.")
    given = np.ones(len(members)) if weights is None else np.asarray(weights, np.float64)
    given = given / given.sum()
    flat: list[Member] = []
    for (classifier, rows), weight in zip(members, given, strict=True):
        if isinstance(classifier, BlendClassifier):
            flat += [
                Member(inner.classifier, tuple(rows[row] for row in inner.rows), float(weight * inner.weight))
                for inner in classifier.members
            ]
        else:
            flat.append(Member(classifier, tuple(rows), float(weight)))
    if len(flat) == 1 and flat[0].rows == tuple(range(n_features)):
        return flat[0].classifier
    importance = np.zeros(n_features)
    for member in flat:
        importance[list(member.rows)] += member.weight * member.classifier.importance
    return BlendClassifier(
        family="blend",
        n_classes=flat[0].classifier.n_classes,
        n_features=n_features,
        present=tuple(sorted({index for member in flat for index in member.classifier.present})),
        importance=importance.astype(np.float32),
        members=tuple(flat),
    )
