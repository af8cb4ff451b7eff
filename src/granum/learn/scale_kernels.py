"""All features at one scale of one plane that is framed by its neighbours, in one call that holds no lock.

What several kinds need (the smoothed plane, its second derivatives, the local deviation) is computed once, each in the
smallest part of the plane that is needed: the further a feature looks, the wider.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from granum.learn import feature_kernels as kernels
from granum.learn.feature_scales import FeatureScale
from granum.learn.feature_set import KINDS, PARTS

__all__ = ["N_PLANES", "Scratch", "fill_kinds", "kind_places", "scale_settings"]

N_PLANES = 12
"""Planes that `fill_kinds` works in."""

_SMOOTHED, _YY, _YX, _XX, _SQUARES, _DEVIATION, _PRODUCT, _MEAN = 0, 1, 2, 3, 4, 5, 6, 9
_GAUSSIAN, _LAPLACIAN, _GRADIENT, _DIFFERENCE, _STRUCTURE, _HESSIAN, _LOCAL_DEVIATION, _ENTROPY, _EXTREMES, _LINES = (
    range(len(KINDS))
)

_smooth = kernels.smooth
_copy = kernels.copy_levels
_add, _differ, _roots = kernels.add_planes, kernels.differ, kernels.roots
_gradient, _products, _second = kernels.gradient_magnitude, kernels.gradient_products, kernels.second_derivatives
_eigenvalues, _deviations = kernels.eigenvalues, kernels.add_deviations
_memberships, _entropies = kernels.memberships, kernels.entropies
_extremes, _turned, _responses = kernels.local_extremes, kernels.turned_derivative, kernels.line_responses


class Scratch:
    """Memory that one thread works in, kept from tile to tile: fresh memory costs as much as a kernel."""

    def __init__(self) -> None:
        self._memory: dict[str, NDArray[np.float32]] = {}

    def take(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Return an array of undefined content; the same name gives the same memory."""
        size = int(np.prod(shape))
        memory = self._memory.get(name)
        if memory is None or memory.size < size:
            memory = self._memory[name] = np.empty(size, np.float32)
        return memory[:size].reshape(shape)


def kind_places(kinds: tuple[str, ...]) -> NDArray[np.int64]:
    """Return at which plane each of `KINDS` begins, -1 for those that are not wanted."""
    places = np.full(len(KINDS), -1, np.int64)
    first = 0
    for kind in kinds:
        places[KINDS.index(kind)] = first
        first += len(PARTS[kind])
    return places


def scale_settings(scale: FeatureScale) -> tuple[Any, ...]:
    """Return what `fill_kinds` must know of a scale."""
    ratio = np.float32(scale.ratio)
    return ratio, scale.weights, scale.steps, scale.directions, scale.radius, scale.line_reach, scale.reach


@njit(cache=True, nogil=True)
def fill_kinds(levels, variances, settings, kinds, memory, line, parts, top, left):  # type: ignore[no-untyped-def]
    """Write all parts of all wanted kinds to parts[:, top:, left:].

    `levels` and `variances` ((0, 0) for none) have a frame as wide as the scale sees; `memory` is (N_PLANES, h, w) of
    the shape of `levels`, `line` holds two rows.
    """
    ratio, weights, steps, directions, radius, line_reach, reach = settings
    taps = len(weights) - 1
    smoothed, yy, yx, xx = memory[_SMOOTHED], memory[_YY], memory[_YX], memory[_XX]
    curved, need = -1, -1
    if kinds[_GAUSSIAN] >= 0:
        need = max(need, 0)
    if kinds[_LAPLACIAN] >= 0 or kinds[_HESSIAN] >= 0:
        curved = 0
    if kinds[_LINES] >= 0:
        curved = line_reach
    if kinds[_GRADIENT] >= 0 or curved >= 0:
        need = max(need, curved + 1, 1)
    if kinds[_DIFFERENCE] >= 0 or kinds[_LOCAL_DEVIATION] >= 0:
        need = max(need, taps)
    if kinds[_STRUCTURE] >= 0:
        need = max(need, taps + 1)
    if kinds[_ENTROPY] >= 0:
        need = max(need, 2 * taps)
    if need >= 0:
        margin = reach - need
        _smooth(levels, smoothed, margin, margin, margin, weights, line)
    if curved >= 0:
        _second(smoothed, yy, yx, xx, reach - curved, ratio)

    if kinds[_GAUSSIAN] >= 0:
        _copy(smoothed, parts[kinds[_GAUSSIAN]], top, left, reach)
    if kinds[_LAPLACIAN] >= 0:
        _add(yy, xx, parts[kinds[_LAPLACIAN]], top, left, reach)
    if kinds[_GRADIENT] >= 0:
        _gradient(smoothed, parts[kinds[_GRADIENT]], top, left, reach, ratio)
    if kinds[_DIFFERENCE] >= 0:
        _smooth(smoothed, memory[_MEAN], reach, reach, reach, weights, line)
        _differ(smoothed, memory[_MEAN], parts[kinds[_DIFFERENCE]], top, left, reach)
    if kinds[_HESSIAN] >= 0:
        first = kinds[_HESSIAN]
        _eigenvalues(yy, yx, xx, parts[first], parts[first + 1], top, left, reach, False)
    if kinds[_LINES] >= 0:
        first = kinds[_LINES]
        turned = memory[_PRODUCT]
        for i in range(len(directions)):
            _turned(yy, yx, xx, turned, reach - line_reach, directions[i, 0], directions[i, 1])
            _responses(turned, parts[first], parts[first + 1], top, left, reach, steps[i], i == 0)
    if kinds[_STRUCTURE] >= 0:
        first = kinds[_STRUCTURE]
        _products(smoothed, memory[_PRODUCT], memory[_PRODUCT + 1], memory[_PRODUCT + 2], reach - taps, ratio)
        for i in range(3):
            _smooth(memory[_PRODUCT + i], memory[_MEAN + i], reach, reach, reach, weights, line)
        tensor = (memory[_MEAN], memory[_MEAN + 1], memory[_MEAN + 2])
        _eigenvalues(tensor[0], tensor[1], tensor[2], parts[first], parts[first + 1], top, left, reach, True)
    if kinds[_LOCAL_DEVIATION] >= 0 or kinds[_ENTROPY] >= 0:
        deviation = memory[_DEVIATION]
        margin = reach - taps if kinds[_ENTROPY] >= 0 else reach
        _deviations(levels, smoothed, variances, memory[_SQUARES], margin - taps)
        _smooth(memory[_SQUARES], deviation, margin, margin, margin, weights, line)
        _roots(deviation, deviation, margin, margin, margin)
        if kinds[_LOCAL_DEVIATION] >= 0:
            _copy(deviation, parts[kinds[_LOCAL_DEVIATION]], top, left, reach)
        if kinds[_ENTROPY] >= 0:
            _memberships(levels, smoothed, deviation, memory[_PRODUCT], memory[_PRODUCT + 1], margin)
            for i in range(2):
                _smooth(memory[_PRODUCT + i], memory[_MEAN + i], reach, reach, reach, weights, line)
            _entropies(memory[_MEAN], memory[_MEAN + 1], parts[kinds[_ENTROPY]], top, left, reach)
    if kinds[_EXTREMES] >= 0:
        first = kinds[_EXTREMES]
        _extremes(levels, parts[first], parts[first + 1], top, left, reach, radius, line)
