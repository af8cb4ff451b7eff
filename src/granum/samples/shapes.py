"""What simulated particles look like from above: size laws and outlines."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["N_ANGLES", "Shape", "draw_diameters", "draw_outlines"]

Shape = Literal["round", "facetted", "irregular", "mixed"]
N_ANGLES = 96


def draw_diameters(
    count: int,
    *,
    median: float,
    log_sd: float = 0.25,
    second_median: float | None = None,
    second_share: float = 0.0,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Draw diameters from a log-normal law, or from a mixture of two.

    Parameters
    ----------
    count : int
        How many.
    median : float
        Median of the (first) law.
    log_sd : float
        Standard deviation of the logarithm, the same for both laws.
    second_median : float, optional
        Median of the second law; None for one law.
    second_share : float
        Share of particles that follow the second law, 0 to 1.
    seed : int
        Seed.

    Returns
    -------
    diameters : (count,) ndarray of float64
        In the unit of `median`.

    Examples
    --------
    >>> draw_diameters(3, median=20, log_sd=0).tolist()
    [20.0, 20.0, 20.0]
    """
    rng = np.random.default_rng(seed)
    z = rng.normal(size=count)
    from_second = rng.random(count) < second_share if second_median is not None else np.zeros(count, bool)
    return np.where(from_second, second_median or median, median) * np.exp(log_sd * np.clip(z, -3, 3))


def _round_outlines(
    rng: np.random.Generator, theta: NDArray[np.float64], count: int, roughness: float
) -> NDArray[np.float64]:
    """Return circles stretched a little, with low harmonics on top."""
    orders = np.arange(2, 8)
    amplitude = rng.normal(0, roughness, (count, orders.size)) / orders**1.2
    phase = rng.uniform(0, 2 * np.pi, (count, orders.size))
    bumps = np.zeros((count, theta.size))
    for i, order in enumerate(orders):
        bumps += amplitude[:, i, None] * np.cos(order * theta - phase[:, i, None])
    return np.exp(bumps)


def _facetted_outlines(rng: np.random.Generator, theta: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return rounded polygons of 4 to 7 sides: the soft minimum of the distances to their sides."""
    sides = rng.choice([4, 5, 6, 6, 7], count)
    sharpness = rng.uniform(8, 30, count)[:, None]
    turn = rng.uniform(0, 2 * np.pi, count)
    total = np.zeros((count, theta.size))
    for i in range(7):
        side = turn + 2 * np.pi * i / sides + rng.normal(0, 0.07, count)
        reach = np.maximum(np.cos(theta - side[:, None]), 0) / rng.normal(1, 0.06, count).clip(0.7, 1.3)[:, None]
        total += np.where(i < sides[:, None], reach**sharpness, 0)
    return total ** (-1 / sharpness)


def draw_outlines(count: int, *, shape: Shape = "round", seed: int = 0) -> NDArray[np.float32]:
    """Draw star-shaped outlines of unit area-equivalent radius.

    Parameters
    ----------
    count : int
        How many.
    shape : {"round", "facetted", "irregular", "mixed"}
        "round": nearly circles. "facetted": rounded polygons of 4 to 7 sides. "irregular": stretched and lobed.
        "mixed": each particle one of the three, mostly round and facetted.
    seed : int
        Seed.

    Returns
    -------
    outlines : (count, 96) ndarray of float32
        Radius at equally spaced angles from 0 (+x) towards +y, over the radius of the circle of the same area.

    Examples
    --------
    >>> draw_outlines(2, shape="facetted").shape
    (2, 96)
    """
    rng = np.random.default_rng(seed)
    theta = np.linspace(0, 2 * np.pi, N_ANGLES, endpoint=False, dtype=np.float64)
    made = {
        "round": _round_outlines(rng, theta, count, 0.045),
        "facetted": _facetted_outlines(rng, theta, count),
        "irregular": _round_outlines(rng, theta, count, 0.22),
    }
    if shape == "mixed":
        which = rng.choice(3, count, p=[0.45, 0.4, 0.15])
        outlines = np.stack(list(made.values()))[which, np.arange(count)]
    else:
        outlines = made[shape]
    # area of r(theta) is half the mean of r squared times 2 pi
    unit = outlines / np.sqrt((outlines**2).mean(axis=1, keepdims=True))
    return unit.astype(np.float32)
