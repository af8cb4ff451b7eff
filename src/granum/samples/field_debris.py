"""What lies about in a dish and is no cell: specks, fragments, bits that take up stain, dead cells out of focus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from granum.samples.brightfield import add_blurred_blobs, add_bumps

__all__ = ["FieldDebris", "draw_field_debris"]

_PER_NUCLEUS_AREA = 0.14  # specks per square of the diameter of a nucleus


@dataclass(frozen=True, eq=False)
class FieldDebris:
    """Debris of a field.

    Parameters
    ----------
    bumps : (N, 4) ndarray of float64
        Specks and grains of fragments in bright field: y, x, radius in px, height.
    light : (M, 5) ndarray of float64
        Bits that take up stain: y, x, sigma in px, share of a usual nucleus in the live and in the dead channel.
    floating : (K, 5) ndarray of float64
        Dead cells out of focus: y, x, sigma in px, share of a usual nucleus, height in bright field.
    """

    bumps: NDArray[np.float64]
    light: NDArray[np.float64]
    floating: NDArray[np.float64]

    def add_bumps(self, granules: NDArray[np.float32], stage: NDArray[np.float64]) -> None:
        """Add specks and fragments to an optical thickness, in place."""
        add_bumps(granules, _moved(self.bumps, stage))

    def add_light(self, planes: NDArray[np.float32], stage: NDArray[np.float64], usual: tuple[float, float]) -> None:
        """Add the bits that take up stain to both planes, in place."""
        moved = _moved(self.light, stage)
        for plane in range(2):
            blobs = np.column_stack([moved[:, :3], moved[:, 3 + plane] * usual[plane], np.zeros(len(moved))])
            add_blurred_blobs(planes[plane], blobs)

    def add_floating_light(self, plane: NDArray[np.float32], stage: NDArray[np.float64], usual: float) -> None:
        """Add the dim blobs of what floats to the plane of the dead stain, in place."""
        moved = _moved(self.floating, stage)
        add_blurred_blobs(plane, np.column_stack([moved[:, :3], moved[:, 3] * usual, np.zeros(len(moved))]))

    def add_floating(self, picture: NDArray[np.float32], stage: NDArray[np.float64]) -> None:
        """Add bright rings out of focus, with their dark halo, to a bright-field picture, in place."""
        moved = _moved(self.floating, stage)
        sigma, tall = moved[:, 2], moved[:, 4]
        ring, halo = moved.copy(), moved.copy()
        ring[:, 2], ring[:, 3], ring[:, 4] = 0.2 * sigma, tall, 0.38 * sigma
        halo[:, 2], halo[:, 3], halo[:, 4] = 0.28 * sigma, -0.35 * tall, 0.95 * sigma
        add_blurred_blobs(picture, ring)
        add_blurred_blobs(picture, halo)

    def listed(self, stage: NDArray[np.float64]) -> dict[str, dict[str, list[Any]]]:
        """Return the columns `y`, `x`, `radius` of what takes up stain and of what floats."""
        named = {"debris": _moved(self.light, stage), "out_of_focus": _moved(self.floating, stage)}
        return {
            name: {column: rows[:, k].round(3).tolist() for k, column in enumerate(("y", "x", "radius"))}
            for name, rows in named.items()
        }


def _moved(rows: NDArray[np.float64], stage: NDArray[np.float64]) -> NDArray[np.float64]:
    moved = rows.copy()
    moved[:, :2] += stage
    return moved


def draw_field_debris(
    shape: tuple[int, int], *, nucleus_diameter: float, amount: float, n_floating: int, seed: int = 0
) -> FieldDebris:
    """Draw debris all over a field.

    Parameters
    ----------
    shape : (int, int)
        Height and width in px.
    nucleus_diameter : float
        In px; debris is smaller than a third of it, what floats is larger than it.
    amount : float
        Over the usual amount.
    n_floating : int
        Dead cells out of focus.
    seed : int
        Seed.
    """
    rng = np.random.default_rng(seed)
    d = nucleus_diameter
    usual = amount * _PER_NUCLEUS_AREA * shape[0] * shape[1] / d**2
    specks = _scatter(rng, int(rng.poisson(usual)), shape)
    n = len(specks)
    bumps = [
        np.column_stack(
            [specks, d * rng.uniform(0.035, 0.09, n), rng.choice([-1, 1], n, p=[0.85, 0.15]) * rng.gamma(1.5, 0.5, n)]
        )
    ]
    for middle in _scatter(rng, int(rng.poisson(usual * 0.08)), shape):
        grains = int(rng.integers(4, 16))
        spread = d * rng.uniform(0.08, 0.3, 2)
        bumps.append(
            np.column_stack(
                [
                    middle + rng.normal(0, 1, (grains, 2)) * spread, d * rng.uniform(0.035, 0.08, grains),
                    rng.choice([-1, 1], grains, p=[0.65, 0.35]) * rng.uniform(0.4, 1.2, grains),
                ]
            )
        )  # fmt: skip
    for middle in _scatter(rng, int(rng.poisson(usual * 0.05)), shape):  # trails of fine dots that cells left behind
        dots = int(rng.integers(8, 30))
        spread = d * rng.uniform(0.2, 1.2, 2)
        bumps.append(
            np.column_stack(
                [
                    middle + rng.normal(0, 1, (dots, 2)) * spread, d * rng.uniform(0.025, 0.05, dots),
                    -rng.uniform(0.15, 0.6, dots),
                ]
            )
        )  # fmt: skip
    lit = specks[rng.random(n) < 0.06]
    m = len(lit)
    in_live = rng.random(m) < 0.6
    share = rng.uniform(0.1, 0.6, m)
    light = np.column_stack([lit, d * rng.uniform(0.05, 0.12, m), share * in_live, share * ~in_live])
    k = n_floating
    floating = np.column_stack(
        [_scatter(rng, k, shape), d * rng.uniform(0.8, 1.3, k), rng.uniform(0.03, 0.13, k), rng.uniform(0.25, 0.9, k)]
    )
    return FieldDebris(np.concatenate(bumps), light, floating)


def _scatter(rng: np.random.Generator, count: int, shape: tuple[int, int]) -> NDArray[np.float64]:
    return rng.uniform(-0.5, np.array(shape) - 0.5, (count, 2))
