"""`ScaleKernels`: all features at one scale of one plane that is framed by its neighbours, in the order of the kernels.

What several kinds need (the smoothed plane, its second derivatives, the local deviation) is computed once, each in the
smallest part of the plane that is needed: the further a feature looks, the wider.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from granum.learn import feature_kernels as kernels
from granum.learn.feature_scales import FeatureScale

__all__ = ["ScaleKernels", "Scratch"]

Plane = NDArray[np.float32]


class Scratch:
    """Planes that one thread works in, kept from tile to tile: fresh memory costs as much as a kernel."""

    def __init__(self) -> None:
        self._memory: dict[str, Plane] = {}

    def plane(self, name: str, height: int, width: int) -> Plane:
        """Return a plane of undefined content; the same name gives the same memory."""
        memory = self._memory.get(name)
        if memory is None or memory.size < height * width:
            memory = self._memory[name] = np.empty(height * width, np.float32)
        return memory[: height * width].reshape(height, width)


class ScaleKernels:
    """Features at one scale.

    Parameters
    ----------
    levels : (h, w) ndarray of float32
        Grey levels, with a frame of ``scale.reach`` pixels.
    variances : (h, w) ndarray of float32
        Variances inside its pixels; (0, 0) for none.
    scale : FeatureScale
        Which.
    kinds : tuple of str
        What will be asked for.
    scratch : Scratch
        Of this thread.
    place : tuple of int
        Row and column in the targets where results begin.
    """

    def __init__(
        self,
        levels: Plane,
        variances: Plane,
        scale: FeatureScale,
        kinds: tuple[str, ...],
        *,
        scratch: Scratch,
        place: tuple[int, int],
    ) -> None:
        self._levels, self._scale, self._scratch, self._place = levels, scale, scratch, place
        self._ratio = np.float32(scale.ratio)
        self._line = scratch.plane("line", 2, levels.shape[1]).reshape(-1)
        taps, line_reach = scale.taps, scale.line_reach
        curved = {"laplacian": 0, "hessian": 0, "lines": line_reach}
        smoothed = {"gaussian": 0, "gradient": 1, "difference": taps, "structure": taps + 1, "deviation": taps}
        smoothed |= {"entropy": 2 * taps} | {kind: need + 1 for kind, need in curved.items()}
        needs = [smoothed[kind] for kind in kinds if kind != "extremes"]  # those look at the levels themselves
        if needs:
            self._smooth(levels, "smoothed", max(needs))
        if found := [curved[kind] for kind in kinds if kind in curved]:
            tensor = (self._plane("yy"), self._plane("yx"), self._plane("xx"))
            margin = scale.reach - max(found)
            kernels.second_derivatives(self._plane("smoothed"), *tensor, margin, self._ratio)
        if "deviation" in kinds or "entropy" in kinds:
            need = taps if "entropy" in kinds else 0
            squares, deviation, margin = self._plane("squares"), self._plane("deviation"), scale.reach - need
            kernels.add_deviations(levels, self._plane("smoothed"), variances, squares, margin - taps)
            self._smooth(squares, "deviation", need)
            kernels.roots(deviation, deviation, margin, margin, margin)

    def _plane(self, name: str) -> Plane:
        return self._scratch.plane(name, *self._levels.shape)

    def _smooth(self, source: Plane, name: str, need: int) -> Plane:
        """Smooth all that is `need` pixels around the inside."""
        target, margin = self._plane(name), self._scale.reach - need
        kernels.smooth(source, target, margin, margin, margin, self._scale.weights, self._line)
        return target

    def fill(self, kind: str, targets: list[Plane]) -> None:
        """Write the parts of one kind, each to its target."""
        reach, place, smoothed = self._scale.reach, self._place, self._plane("smoothed")
        if kind == "gaussian":
            kernels.copy_levels(smoothed, targets[0], *place, reach)
        elif kind == "laplacian":
            kernels.add_planes(self._plane("yy"), self._plane("xx"), targets[0], *place, reach)
        elif kind == "gradient":
            kernels.gradient_magnitude(smoothed, targets[0], *place, reach, self._ratio)
        elif kind == "difference":
            kernels.differ(smoothed, self._smooth(smoothed, "mean 0", 0), targets[0], *place, reach)
        elif kind == "structure":
            self._fill_structure(targets)
        elif kind == "hessian":
            tensor = (self._plane("yy"), self._plane("yx"), self._plane("xx"))
            kernels.eigenvalues(*tensor, targets[0], targets[1], *place, reach, False)
        elif kind == "deviation":
            kernels.copy_levels(self._plane("deviation"), targets[0], *place, reach)
        elif kind == "entropy":
            self._fill_entropy(targets)
        elif kind == "extremes":
            kernels.local_extremes(self._levels, *targets, *place, reach, self._scale.radius, self._line)
        else:
            self._fill_lines(targets)

    def _fill_structure(self, targets: list[Plane]) -> None:
        reach = self._scale.reach
        products = [self._plane(f"product {i}") for i in range(3)]
        kernels.gradient_products(self._plane("smoothed"), *products, reach - self._scale.taps, self._ratio)
        means = [self._smooth(product, f"mean {i}", 0) for i, product in enumerate(products)]
        kernels.eigenvalues(*means, *targets, *self._place, reach, True)

    def _fill_entropy(self, targets: list[Plane]) -> None:
        reach, taps = self._scale.reach, self._scale.taps
        shares = [self._plane(f"product {i}") for i in range(2)]
        kernels.memberships(self._levels, self._plane("smoothed"), self._plane("deviation"), *shares, reach - taps)
        means = [self._smooth(share, f"mean {i}", 0) for i, share in enumerate(shares)]
        kernels.entropies(*means, targets[0], *self._place, reach)

    def _fill_lines(self, targets: list[Plane]) -> None:
        scale, turned = self._scale, self._plane("product 0")
        tensor = (self._plane("yy"), self._plane("yx"), self._plane("xx"))
        for i, (down, right) in enumerate(scale.directions):
            kernels.turned_derivative(*tensor, turned, scale.reach - scale.line_reach, down, right)
            kernels.line_responses(turned, *targets, *self._place, scale.reach, scale.steps[i], i == 0)
