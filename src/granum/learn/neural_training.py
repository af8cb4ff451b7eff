"""Trains one small network by stochastic gradient descent: a kernel of its own, for answers while painting.

AdamW (Loshchilov and Hutter, 2019, arXiv:1711.05101) with a step size that rises and then falls to 0 within a fixed
number of steps. Pixels are drawn in proportion to their weights, so one heavy pixel comes up often instead of giving
huge steps. One thread per network, everything in float32 in fixed order: the same seed gives the same bytes.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.learn.product_kernels import add_product

__all__ = ["BATCH", "draw_pixels", "run_steps"]

BATCH = 128


def draw_pixels(weights: NDArray[np.float64], n: int, random: np.random.Generator) -> NDArray[np.int32]:
    """Return `n` pixels in the order of training, each as often as its weight says, round after round in new order.

    A round takes every pixel ``weight / mean weight`` times, rounded up or down by chance (systematic sampling).
    """
    edges = np.cumsum(weights) / weights.sum()
    edges[-1] = 1.0
    size = max(len(weights), BATCH)
    rounds = []
    for _ in range(-(-n // size)):
        drawn = np.searchsorted(edges, (np.arange(size) + random.random()) / size, side="right")
        rounds.append(random.permutation(np.minimum(drawn, len(weights) - 1)))
    return np.concatenate(rounds)[:n].astype(np.int32)


@njit(cache=True, nogil=True)
def _layer(room, sizes, layer):  # type: ignore[no-untyped-def]
    """Return the (BATCH, width) part of a flat room that belongs to a layer."""
    at = BATCH * sizes[:layer].sum()
    return room[at : at + BATCH * sizes[layer]].reshape((BATCH, sizes[layer]))


@njit(cache=True, nogil=True)
def _forward(rows, batch, parameters, sizes, starts, values):  # type: ignore[no-untyped-def]
    """Fill the values of all layers from the pixels of a batch up to the scores."""
    before = _layer(values, sizes, 0)
    for i in range(BATCH):
        source = rows[batch[i]]
        for j in range(rows.shape[1]):
            before[i, j] = source[j]
    for layer in range(len(sizes) - 1):
        n_in, n_out = sizes[layer], sizes[layer + 1]
        at = starts[layer]
        weights = parameters[at : at + n_in * n_out].reshape((n_in, n_out))
        bias = parameters[at + n_in * n_out : at + (n_in + 1) * n_out]
        out = _layer(values, sizes, layer + 1)
        for i in range(BATCH):
            for j in range(n_out):
                out[i, j] = bias[j]
        add_product(before, weights, out)
        if layer < len(sizes) - 2:
            for i in range(BATCH):
                for j in range(n_out):
                    out[i, j] = max(out[i, j], np.float32(0))
        before = out


@njit(cache=True, nogil=True)
def _score_errors(scores, batch, labels, n_classes, errors):  # type: ignore[no-untyped-def]
    """Set ``errors = (softmax - truth) / BATCH``; columns beyond the classes stay 0."""
    errors[:] = 0
    for i in range(BATCH):
        largest = scores[i, 0]
        for k in range(1, n_classes):
            largest = max(largest, scores[i, k])
        total = np.float32(0)
        for k in range(n_classes):
            errors[i, k] = np.exp(scores[i, k] - largest)
            total += errors[i, k]
        for k in range(n_classes):
            errors[i, k] /= total * np.float32(BATCH)
        errors[i, labels[batch[i]]] -= np.float32(1) / np.float32(BATCH)


@njit(cache=True, nogil=True)
def _backward(parameters, sizes, starts, values, errors, gradient):  # type: ignore[no-untyped-def]
    """Fill the gradient of all parameters; the last layer of `errors` holds that of the scores."""
    gradient[:] = 0
    for layer in range(len(sizes) - 2, -1, -1):
        n_in, n_out = sizes[layer], sizes[layer + 1]
        at = starts[layer]
        error = _layer(errors, sizes, layer + 1)
        inputs = _layer(values, sizes, layer)
        add_product(inputs.T, error, gradient[at : at + n_in * n_out].reshape((n_in, n_out)))
        bias = gradient[at + n_in * n_out : at + (n_in + 1) * n_out]
        for i in range(BATCH):
            for j in range(n_out):
                bias[j] += error[i, j]
        if layer > 0:
            weights = parameters[at : at + n_in * n_out].reshape((n_in, n_out))
            before = _layer(errors, sizes, layer)
            before[:] = 0
            add_product(error, weights.T.copy(), before)
            for i in range(BATCH):
                for j in range(n_in):
                    if inputs[i, j] <= 0:
                        before[i, j] = 0


@njit(cache=True, nogil=True)
def _adam(parameters, gradient, mean, square, decays, rate, decay, step):  # type: ignore[no-untyped-def]
    """One step of Adam, and of the decay of the weights apart from it."""
    faster, slower = np.float32(0.9), np.float32(0.99)
    lift = np.float32(1) / (np.float32(1) - faster ** np.float32(step))
    lift_square = np.float32(1) / (np.float32(1) - slower ** np.float32(step))
    for i in range(len(parameters)):
        g = gradient[i]
        mean[i] = faster * mean[i] + (np.float32(1) - faster) * g
        square[i] = slower * square[i] + (np.float32(1) - slower) * g * g
        move = mean[i] * lift / (np.sqrt(square[i] * lift_square) + np.float32(1e-8))
        parameters[i] -= rate * (move + decay * decays[i] * parameters[i])


@njit(cache=True, nogil=True)
def run_steps(  # type: ignore[no-untyped-def]
    rows, labels, order, n_classes, sizes, starts, decays, state, first, last, n_steps, rate, decay
):  # fmt: skip
    """Train from step `first` to `last` of `n_steps`; `state` (3, parameters) holds parameters and Adam's two means."""
    parameters, mean, square = state[0], state[1], state[2]
    values = np.zeros(BATCH * sizes.sum(), np.float32)
    errors = np.zeros(BATCH * sizes.sum(), np.float32)
    gradient = np.empty_like(parameters)
    top = len(sizes) - 1
    warm = max(1, n_steps // 10)
    for step in range(first, last):
        batch = order[step * BATCH : (step + 1) * BATCH]
        _forward(rows, batch, parameters, sizes, starts, values)
        _score_errors(_layer(values, sizes, top), batch, labels, n_classes, _layer(errors, sizes, top))
        _backward(parameters, sizes, starts, values, errors, gradient)
        share = (step + 1) / warm if step < warm else 0.5 + 0.5 * np.cos(np.pi * (step - warm) / (n_steps - warm))
        _adam(parameters, gradient, mean, square, decays, np.float32(rate * share), np.float32(decay), step + 1)
