"""Features of one tile at one scale: the order of the kernels, and where their results go."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from granum.learn import feature_kernels as kernels
from granum.learn.feature_pyramid import Pyramid, reduced_range
from granum.learn.feature_scales import FeatureScale

__all__ = ["Scratch", "fill_scale"]


class Scratch:
    """Planes that one thread works in, kept from tile to tile: fresh memory costs as much as a kernel."""

    def __init__(self) -> None:
        self._memory: dict[str, NDArray[np.float32]] = {}

    def plane(self, name: str, height: int, width: int) -> NDArray[np.float32]:
        """Return a plane of undefined content; the same name gives the same memory."""
        memory = self._memory.get(name)
        if memory is None or memory.size < height * width:
            memory = self._memory[name] = np.empty(height * width, np.float32)
        return memory[: height * width].reshape(height, width)


def fill_scale(
    pyramid: Pyramid,
    scale: FeatureScale,
    kinds: tuple[str, ...],
    out: NDArray[np.float32],
    *,
    tile: tuple[int, int, int, int],
    origin: tuple[int, int],
    scratch: Scratch,
) -> None:
    """Write the features of a tile at one scale.

    Parameters
    ----------
    pyramid : tuple of Level
        Of the channel.
    scale : FeatureScale
        What to compute.
    kinds : tuple of str
        In the order of the planes.
    out : (F, h, w) ndarray of float32
        One plane per part of every kind.
    tile : tuple of int
        (y0, x0, y1, x1) in the whole image.
    origin : tuple of int
        Place of ``out[:, 0, 0]`` in the whole image.
    scratch : Scratch
        Of this thread.
    """
    y0, x0, y1, x1 = tile
    factor, reach, taps = scale.factor, scale.reach, scale.taps
    (top, bottom), (left, right) = (reduced_range(a, b, factor=factor) for a, b in ((y0, y1), (x0, x1)))
    height, width = bottom - top, right - left
    rows, columns = height + 2 * reach, width + 2 * reach
    level = pyramid[scale.level]
    y, x = top - reach - level.y, left - reach - level.x
    levels = scratch.plane("levels", rows, columns)
    levels[:] = level.levels[y : y + rows, x : x + columns]
    line = scratch.plane("line", 1, 2 * max(columns, x1 - x0))[0]
    smoothed = scratch.plane("smoothed", rows, columns)
    weights, ratio = scale.weights, np.float32(scale.ratio)
    direct = factor == 1
    down, across = (y0 - origin[0], x0 - origin[1]) if direct else (0, 0)
    first = 0

    def plane(name: str) -> NDArray[np.float32]:
        return scratch.plane(name, rows, columns)

    def targets(number: int) -> list[NDArray[np.float32]]:
        if direct:
            return [out[first + i] for i in range(number)]
        return [scratch.plane(f"part {i}", height, width) for i in range(number)]

    needs = {
        "difference": taps, "structure": taps + 1, "deviation": taps, "entropy": 2 * taps, "extremes": -1,
        "lines": 1 + int(abs(scale.steps).max()), "gradient": 1, "laplacian": 1, "hessian": 1,
    }  # fmt: skip
    need = max(needs.get(kind, 0) for kind in kinds)
    if need >= 0:
        margin = reach - need
        kernels.smooth(levels, smoothed, margin, margin, margin, weights, line)
    curved = [kind for kind in kinds if kind in ("laplacian", "hessian", "lines")]
    if curved:
        margin = reach - max(needs[kind] - 1 for kind in curved)
        kernels.second_derivatives(smoothed, plane("yy"), plane("yx"), plane("xx"), margin, ratio)
    if "deviation" in kinds or "entropy" in kinds:
        need = taps if "entropy" in kinds else 0
        variances = level.variances
        if variances.size:
            inner = plane("variances")
            inner[:] = variances[y : y + rows, x : x + columns]
            variances = inner
        kernels.add_deviations(levels, smoothed, variances, plane("squares"), reach - need - taps)
        margin = reach - need
        kernels.smooth(plane("squares"), plane("deviation"), margin, margin, margin, weights, line)
        kernels.roots(plane("deviation"), plane("deviation"), margin, margin, margin)

    for kind in kinds:
        if kind == "gaussian":
            (target,) = made = targets(1)
            kernels.copy_levels(smoothed, target, down, across, reach)
        elif kind == "laplacian":
            (target,) = made = targets(1)
            kernels.add_planes(plane("yy"), plane("xx"), target, down, across, reach)
        elif kind == "gradient":
            (target,) = made = targets(1)
            kernels.gradient_magnitude(smoothed, target, down, across, reach, ratio)
        elif kind == "difference":
            (target,) = made = targets(1)
            kernels.smooth(smoothed, plane("twice"), reach, reach, reach, weights, line)
            kernels.differ(smoothed, plane("twice"), target, down, across, reach)
        elif kind == "structure":
            largest, smallest = made = targets(2)
            tensor = [plane(f"product {i}") for i in range(3)]
            kernels.gradient_products(smoothed, *tensor, reach - taps, ratio)
            mean = [plane(f"tensor {i}") for i in range(3)]
            for source, target in zip(tensor, mean, strict=True):
                kernels.smooth(source, target, reach, reach, reach, weights, line)
            kernels.eigenvalues(*mean, largest, smallest, down, across, reach, True)
        elif kind == "hessian":
            largest, smallest = made = targets(2)
            kernels.eigenvalues(plane("yy"), plane("yx"), plane("xx"), largest, smallest, down, across, reach, False)
        elif kind == "deviation":
            (target,) = made = targets(1)
            kernels.copy_levels(plane("deviation"), target, down, across, reach)
        elif kind == "entropy":
            (target,) = made = targets(1)
            kernels.memberships(
                levels, smoothed, plane("deviation"), plane("product 0"), plane("product 1"), reach - taps
            )
            for i in range(2):
                kernels.smooth(plane(f"product {i}"), plane(f"tensor {i}"), reach, reach, reach, weights, line)
            kernels.entropies(plane("tensor 0"), plane("tensor 1"), target, down, across, reach)
        elif kind == "extremes":
            lowest, highest = made = targets(2)
            kernels.local_extremes(levels, lowest, highest, down, across, reach, scale.radius, line)
        else:
            bright, dark = made = targets(2)
            turned, longest = plane("twice"), int(abs(scale.steps).max())
            for i, (sine, cosine) in enumerate(scale.directions):
                kernels.turned_derivative(plane("yy"), plane("yx"), plane("xx"), turned, reach - longest, sine, cosine)
                kernels.line_responses(turned, bright, dark, down, across, reach, scale.steps[i], i == 0)
        if not direct:
            start_y, start_x = (2 * place - factor + 1 - 2 * factor * begin for place, begin in ((y0, top), (x0, left)))
            for i, small in enumerate(made):
                kernels.enlarge(
                    small, out[first + i], y0 - origin[0], x0 - origin[1], y1 - y0, x1 - x0, start_y, start_x, factor,
                    line,
                )  # fmt: skip
        first += len(made)
