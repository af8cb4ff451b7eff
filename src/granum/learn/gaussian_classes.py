"""One Gaussian per class in the space of standardised features: quadratic discriminant analysis and naive Bayes.

Trains in closed form, so it is the quickest family. Covariances are drawn towards that of all classes together, the
more the fewer pixels a class has: one pixel is enough. Features of a filter bank repeat each other, so plain
likelihoods are far too sure; they are divided by the number that makes the training pixels most likely.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.errors import ModelError
from granum.learn.block_kernels import BLOCK, load_block, pad_to_four, softmax_block, store_block
from granum.learn.fitted_classifier import Arrays, FittedClassifier, take_array, take_standardisation
from granum.learn.product_kernels import add_product
from granum.learn.standardise import standardise

__all__ = ["GaussianClassifier", "fit_naive_bayes", "fit_qda"]

_RIDGE = 1e-3
"""Added to every variance of standardised features: float32 pixels do not tell smaller ones."""


@njit(cache=True, nogil=True, fastmath={"contract"})
def _add_squares(block, root, bias, room, total):  # type: ignore[no-untyped-def]
    """Add the squares of ``root @ block + bias`` to `total`, for a lower triangle `root` (multiples of four)."""
    o0, o1, o2, o3 = room[0], room[1], room[2], room[3]
    for h in range(0, len(root), 4):
        for p in range(BLOCK):
            o0[p], o1[p], o2[p], o3[p] = bias[h], bias[h + 1], bias[h + 2], bias[h + 3]
        w0, w1, w2, w3 = root[h], root[h + 1], root[h + 2], root[h + 3]
        for f in range(0, h + 4, 4):
            x0, x1, x2, x3 = block[f], block[f + 1], block[f + 2], block[f + 3]
            a00, a01, a02, a03 = w0[f], w0[f + 1], w0[f + 2], w0[f + 3]
            a10, a11, a12, a13 = w1[f], w1[f + 1], w1[f + 2], w1[f + 3]
            a20, a21, a22, a23 = w2[f], w2[f + 1], w2[f + 2], w2[f + 3]
            a30, a31, a32, a33 = w3[f], w3[f + 1], w3[f + 2], w3[f + 3]
            for p in range(BLOCK):
                y0, y1, y2, y3 = x0[p], x1[p], x2[p], x3[p]
                o0[p] = o0[p] + a00 * y0 + a01 * y1 + a02 * y2 + a03 * y3
                o1[p] = o1[p] + a10 * y0 + a11 * y1 + a12 * y2 + a13 * y3
                o2[p] = o2[p] + a20 * y0 + a21 * y1 + a22 * y2 + a23 * y3
                o3[p] = o3[p] + a30 * y0 + a31 * y1 + a32 * y2 + a33 * y3
        for p in range(BLOCK):
            total[p] += (o0[p] * o0[p] + o1[p] * o1[p]) + (o2[p] * o2[p] + o3[p] * o3[p])


@njit(cache=True, nogil=True)
def _fill_gaussians(planes, rows, shift, factor, roots, biases, offset, softness, slots, first, last, out):  # type: ignore[no-untyped-def]
    """Write the probabilities of some blocks; `roots` (P, F, F), or (P, 1, F) for independent features."""
    n_wide = roots.shape[2]
    block = np.zeros((n_wide, BLOCK), np.float32)
    room = np.empty((4, BLOCK), np.float32)
    scores = np.empty((len(slots), BLOCK), np.float32)
    total = np.empty(BLOCK, np.float32)
    powers = np.empty(BLOCK, np.int32)
    for b in range(first, last):
        load_block(planes, rows, b * BLOCK, shift, factor, block)
        for k in range(len(slots)):
            total[:] = 0
            if roots.shape[1] == n_wide:
                _add_squares(block, roots[k], biases[k], room, total)
            else:
                for j in range(n_wide):
                    row, stretch, move = block[j], roots[k, 0, j], biases[k, j]
                    for p in range(BLOCK):
                        value = row[p] * stretch + move
                        total[p] += value * value
            for p in range(BLOCK):
                scores[k, p] = (offset[k] - np.float32(0.5) * total[p]) * softness
        softmax_block(scores, len(slots), powers)
        store_block(scores, slots, b * BLOCK, out)


@dataclass(frozen=True, eq=False, kw_only=True)
class GaussianClassifier(FittedClassifier):
    """Log-likelihood of a Gaussian per class: ``softness * (offset - |root (z - mean)|^2 / 2)``.

    Parameters
    ----------
    shift, factor : (F,) ndarray of float32
        Standardisation.
    mean : (P, F) ndarray of float32
        Of each class that is present.
    root : (P, F, F) or (P, 1, F) ndarray of float32
        Lower triangle whose square is the inverse covariance; or one over the standard deviation of each feature.
    offset : (P,) ndarray of float32
        Log of prior and volume.
    softness : float
        Over 0, at most 1.
    """

    shift: NDArray[np.float32]
    factor: NDArray[np.float32]
    mean: NDArray[np.float32]
    root: NDArray[np.float32]
    offset: NDArray[np.float32]
    softness: float
    form: ClassVar[str] = "gaussian"

    def __post_init__(self) -> None:
        n_present, n_rows, n_features = self.root.shape
        wide = pad_to_four(n_features)
        # one row of each class also is a diagonal; a single feature is the same either way
        roots = np.zeros((n_present, 1 if n_rows == 1 else wide, wide), np.float32)
        roots[:, :n_rows, :n_features] = self.root
        exact, mean = self.root.astype(np.float64), self.mean.astype(np.float64)
        biases = np.zeros((n_present, wide), np.float32)
        for k in range(n_present):
            biases[k, :n_features] = -(exact[k, 0] * mean[k] if n_rows == 1 else (exact[k] * mean[k]).sum(axis=1))
        object.__setattr__(self, "_packed", (roots, biases))

    def _fill(self, planes, rows, slots, first, last, out) -> None:  # type: ignore[no-untyped-def]
        packed = self._packed  # type: ignore[attr-defined]
        softness = np.float32(self.softness)
        _fill_gaussians(
            planes, rows, self.shift, self.factor, *packed, self.offset, softness, slots, first, last, out
        )  # fmt: skip

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON types and arrays, what `load_classifier` takes."""
        about, arrays = super().to_state()
        about["softness"] = self.softness
        arrays |= {"shift": self.shift, "factor": self.factor}
        return about, arrays | {"mean": self.mean, "root": self.root, "offset": self.offset}

    @classmethod
    def from_state(cls, about: dict[str, Any], arrays: Arrays, known: dict[str, Any]) -> GaussianClassifier:
        """Return what `to_state` made; `known` are the checked fields of `FittedClassifier`."""
        n_features, n_present, softness = known["n_features"], len(known["present"]), about.get("softness")
        if not isinstance(softness, float) or not 0 < softness <= 1:
            raise ModelError(f"model: the softness of its Gaussians is {softness!r}, must be over 0 and at most 1.")
        shift, factor = take_standardisation(arrays, n_features)
        root = take_array(arrays, "root", "float32", (n_present, None, n_features))
        if root.shape[1] not in (1, n_features):
            raise ModelError(f"model: the array 'root' is {root.shape}; the file is damaged.")
        mean = take_array(arrays, "mean", "float32", (n_present, n_features))
        offset = take_array(arrays, "offset", "float32", (n_present,))
        return cls(shift=shift, factor=factor, mean=mean, root=root, offset=offset, softness=softness, **known)


def fit_qda(
    planes: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    *,
    seed: int,
    should_stop: Callable[[], bool] | None,
    shrink: float = 0.3,
    soften: bool = True,
) -> dict[str, Any]:
    """Return the fields of a `GaussianClassifier` with full covariances, on (F, n) features and (n,) class indices.

    Covariance of a class: its own and that of all classes together, mixed; `shrink` is the share of the latter for a
    class of many pixels. Nothing is random, and it is over before anyone could stop it.
    """
    rows, shift, factor = standardise(planes, weights)
    n_features, n_classes = len(planes), int(labels.max()) + 1
    mean, counts, share = _moments(rows, labels, weights, n_classes)
    scatter = [_covariance(rows[labels == k] - mean[k], weights[labels == k]) for k in range(n_classes)]
    pooled = sum(part * covariance for part, covariance in zip(share, scatter, strict=True))
    roots, offset = [], np.log(share)
    for k in range(n_classes):
        mix = shrink + (1 - shrink) * n_features / (n_features + counts[k])
        covariance = (1 - mix) * scatter[k] + mix * pooled + _RIDGE * np.eye(n_features)
        lower = np.linalg.cholesky(covariance)
        roots.append(np.tril(np.linalg.inv(lower)))
        offset[k] -= np.log(np.diag(lower)).sum()
    return _finish(rows, labels, weights, shift, factor, mean, np.stack(roots), offset, soften)


def fit_naive_bayes(
    planes: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    *,
    seed: int,
    should_stop: Callable[[], bool] | None,
    shrink: float = 0.05,
    soften: bool = True,
) -> dict[str, Any]:
    """Return the fields of a `GaussianClassifier` that takes features as independent; otherwise as `fit_qda`."""
    rows, shift, factor = standardise(planes, weights)
    n_classes = int(labels.max()) + 1
    mean, counts, share = _moments(rows, labels, weights, n_classes)
    variance = np.empty_like(mean)
    for k in range(n_classes):
        part = weights[labels == k]
        variance[k] = (part[:, None] * (rows[labels == k] - mean[k]) ** 2).sum(axis=0) / part.sum()
    pooled = (share[:, None] * variance).sum(axis=0)
    mix = (shrink + (1 - shrink) / counts)[:, None]
    variance = (1 - mix) * variance + mix * pooled + _RIDGE
    offset = np.log(share) - 0.5 * np.log(variance).sum(axis=1)
    return _finish(rows, labels, weights, shift, factor, mean, 1 / np.sqrt(variance)[:, None], offset, soften)


def _moments(
    rows: NDArray[np.float32], labels: NDArray[np.int64], weights: NDArray[np.float64], n_classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return mean, effective number of pixels and share of the weight of every class."""
    mean, counts = np.empty((n_classes, rows.shape[1])), np.empty(n_classes)
    total = np.empty(n_classes)
    for k in range(n_classes):
        part = weights[labels == k]
        total[k] = part.sum()
        counts[k] = total[k] ** 2 / (part**2).sum()
        mean[k] = (part[:, None] * rows[labels == k]).sum(axis=0) / total[k]
    return mean, counts, total / total.sum()


def _covariance(rows: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted (F, F) covariance of centred rows; the same on any number of threads, unlike BLAS."""
    n, n_features = rows.shape
    padded = np.zeros((pad_to_four(n), pad_to_four(n_features)))
    padded[:n, :n_features] = rows * np.sqrt(weights / weights.sum())[:, None]
    out = np.zeros((padded.shape[1], padded.shape[1]))
    add_product(padded.T, padded, out)
    return out[:n_features, :n_features]


def _finish(
    rows: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    shift: NDArray[np.float32],
    factor: NDArray[np.float32],
    mean: NDArray[np.float64],
    root: NDArray[np.float64],
    offset: NDArray[np.float64],
    soften: bool,
) -> dict[str, Any]:
    """Return the fields, with the softness that makes the training pixels most likely."""
    scores = np.empty((len(labels), len(mean)))
    for k in range(len(mean)):
        centred = rows - mean[k]
        moved = centred * root[k] if root.shape[1] == 1 else np.einsum("nf,gf->ng", centred, root[k])
        scores[:, k] = offset[k] - 0.5 * (moved**2).sum(axis=1)
    scores -= scores.max(axis=1, keepdims=True)
    softness, least = 1.0, np.inf
    for candidate in np.geomspace(1, 1 / rows.shape[1], 25) if soften else ():
        soft = scores * candidate
        loss = (weights * (np.log(np.exp(soft).sum(axis=1)) - soft[np.arange(len(labels)), labels])).sum()
        if loss < least:
            softness, least = float(candidate), loss
    spread = mean.std(axis=0) ** 2 * (root**2).sum(axis=1).mean(axis=0)  # between classes over within
    return {
        "shift": shift,
        "factor": factor,
        "mean": mean.astype(np.float32),
        "root": root.astype(np.float32),
        "offset": (offset - offset.max()).astype(np.float32),
        "softness": softness,
        "importance": spread * (factor > 0),
    }
