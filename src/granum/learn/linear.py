"""Multinomial logistic regression with an L2 penalty: the plainest family, hard to overfit, fast everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.learn.block_kernels import (
    BLOCK,
    apply_layer,
    load_block,
    pad_to_four,
    softmax_block,
    store_block,
)
from granum.learn.fitted_classifier import Arrays, FittedClassifier, take_array, take_standardisation
from granum.learn.product_kernels import add_product
from granum.learn.standardise import standardise

__all__ = ["LinearClassifier", "fit_logistic"]


@njit(cache=True, nogil=True)
def _fill_linear(planes, rows, shift, factor, weights, bias, slots, first, last, out):  # type: ignore[no-untyped-def]
    """Write the probabilities of some blocks; weights (K, F) and bias are padded to multiples of four."""
    block = np.zeros((weights.shape[1], BLOCK), np.float32)
    scores = np.empty((weights.shape[0], BLOCK), np.float32)
    powers = np.empty(BLOCK, np.int32)
    for b in range(first, last):
        load_block(planes, rows, b * BLOCK, shift, factor, block)
        apply_layer(block, weights, bias, scores)
        softmax_block(scores, len(slots), powers)
        store_block(scores, slots, b * BLOCK, out)


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearClassifier(FittedClassifier):
    """Softmax of one weighted sum of the standardised features per class.

    Parameters
    ----------
    shift, factor : (F,) ndarray of float32
        Standardisation.
    weights : (P, F) ndarray of float32
        Of each class that is present.
    bias : (P,) ndarray of float32
        Of each.
    """

    shift: NDArray[np.float32]
    factor: NDArray[np.float32]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    form: ClassVar[str] = "linear"

    def __post_init__(self) -> None:
        n_out, n_in = self.weights.shape
        weights = np.zeros((pad_to_four(n_out), pad_to_four(n_in)), np.float32)
        weights[:n_out, :n_in] = self.weights
        bias = np.zeros(len(weights), np.float32)
        bias[:n_out] = self.bias
        object.__setattr__(self, "_weights", weights)
        object.__setattr__(self, "_bias", bias)

    def _fill(self, planes, rows, slots, first, last, out) -> None:  # type: ignore[no-untyped-def]
        weights, bias = self._weights, self._bias  # type: ignore[attr-defined]
        _fill_linear(planes, rows, self.shift, self.factor, weights, bias, slots, first, last, out)

    def to_state(self) -> tuple[dict[str, Any], Arrays]:
        """Return it as JSON types and arrays, what `load_classifier` takes."""
        about, arrays = super().to_state()
        arrays |= {"shift": self.shift, "factor": self.factor, "weights": self.weights, "bias": self.bias}
        return about, arrays

    @classmethod
    def from_state(cls, about: dict[str, Any], arrays: Arrays, known: dict[str, Any]) -> LinearClassifier:
        """Return what `to_state` made; `known` are the checked fields of `FittedClassifier`."""
        n_in, n_out = known["n_features"], len(known["present"])
        shift, factor = take_standardisation(arrays, n_in)
        weights = take_array(arrays, "weights", "float32", (n_out, n_in))
        return cls(
            shift=shift, factor=factor, weights=weights, bias=take_array(arrays, "bias", "float32", (n_out,)), **known
        )

    @classmethod
    def constant(cls, **known: Any) -> LinearClassifier:
        """Return one for training pixels of a single class: it is certain everywhere."""
        n = known["n_features"]
        zeros = np.zeros(n, np.float32)
        return cls(shift=zeros, factor=zeros, weights=zeros[None], bias=np.zeros(1, np.float32), **known)


@njit(cache=True, nogil=True)
def _loss(planes, rows, labels, weights, penalty, parameters, gradient):  # type: ignore[no-untyped-def]
    """Return the weighted cross-entropy plus the penalty, and fill its gradient.

    The same features come as planes (F, n) and as rows (n, F), n and F padded to multiples of four, so that both
    products run along memory. Parameters and gradient are (K, F); the feature after the last real one is 1: the bias.
    """
    n_classes, n_features = parameters.shape
    wide = (n_classes + 3) // 4 * 4
    matrix = np.zeros((wide, n_features))
    matrix[:n_classes] = parameters
    scores = np.zeros((wide, planes.shape[1]))
    add_product(matrix, planes, scores)
    loss = 0.0
    for i in range(len(labels)):
        largest = scores[0, i]
        for k in range(1, n_classes):
            largest = max(largest, scores[k, i])
        truth = scores[labels[i], i]
        total = 0.0
        for k in range(n_classes):
            scores[k, i] = np.exp(scores[k, i] - largest)
            total += scores[k, i]
        loss += weights[i] * (largest + np.log(total) - truth)
        for k in range(n_classes):
            scores[k, i] *= weights[i] / total
        scores[labels[i], i] -= weights[i]
    scores[:, len(labels) :] = 0
    slopes = np.zeros((wide, n_features))
    add_product(scores, rows, slopes)
    for k in range(n_classes):
        for j in range(n_features):
            loss += 0.5 * penalty[j] * parameters[k, j] ** 2
            gradient[k, j] = slopes[k, j] + penalty[j] * parameters[k, j]
    return loss


def fit_logistic(
    planes: NDArray[np.float32],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    *,
    seed: int,
    should_stop: Callable[[], bool] | None,
    strength: float = 1.0,
    most_steps: int = 200,
) -> dict[str, Any]:
    """Return the fields of a `LinearClassifier` trained on (F, n) features and (n,) class indices without gaps.

    The loss is scikit-learn's with ``C = strength`` on standardised features, minimised by L-BFGS from zero; nothing is
    random. `should_stop` ends it early with what it has.
    """
    from scipy.optimize import minimize

    rows, shift, factor = standardise(planes, weights)
    n, n_features = rows.shape
    padded = np.zeros((pad_to_four(n), pad_to_four(n_features + 1)))
    padded[:n, :n_features] = rows
    padded[:n, n_features] = 1
    columns = np.ascontiguousarray(padded.T)
    penalty = np.zeros(padded.shape[1])
    penalty[:n_features] = 1.0 / strength
    shape = (int(labels.max()) + 1, padded.shape[1])
    gradient = np.empty(shape)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        found = _loss(columns, padded, labels, weights, penalty, flat.reshape(shape), gradient)
        return found / n, gradient.ravel() / n

    def step(_: NDArray[np.float64]) -> None:
        if should_stop is not None and should_stop():
            raise StopIteration

    found = minimize(loss, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", callback=step,
                     options={"maxiter": most_steps, "ftol": 1e-9, "gtol": 1e-5})  # fmt: skip
    matrix = found.x.reshape(shape)
    return {
        "shift": shift,
        "factor": factor,
        "weights": matrix[:, :n_features].astype(np.float32),
        "bias": matrix[:, n_features].astype(np.float32),
        "importance": np.abs(matrix[:, :n_features]).sum(axis=0) * (factor > 0),
    }
