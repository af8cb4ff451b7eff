"""Discs that move, for tests of tracks: each frame is a list of (y, x, radius), painted in order."""

from __future__ import annotations

import numpy as np


def paint(discs, shape=(120, 160)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for number, (cy, cx, radius) in enumerate(discs, 1):
        labels[((y - cy) ** 2 + (x - cx) ** 2 <= radius**2) & (labels == 0)] = number
    return labels


def scatter(n, *, seed=0, shape=(300, 400), radius=6.0, spacing=18.0):
    """Return n discs that keep their distance."""
    rng = np.random.default_rng(seed)
    points: list[np.ndarray] = []
    while len(points) < n:
        point = rng.uniform(radius + 2, np.array(shape) - radius - 2)
        if all(np.hypot(*(point - other)) > spacing for other in points):
            points.append(point)
    return [(float(y), float(x), radius) for y, x in points]


def crawl(discs, step, *, seed=0):
    rng = np.random.default_rng(seed)
    return [(y + a, x + b, r) for (y, x, r), (a, b) in zip(discs, rng.normal(0, step, (len(discs), 2)), strict=True)]


def move(discs, dy, dx):
    return [(y + dy, x + dx, r) for y, x, r in discs]
