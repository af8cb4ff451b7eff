"""Clusters of grey levels by k-means, as seed and published confluency scripts do it, but seeded and ordered.

Kept to compare with: grey levels follow the light, so bands of light become clusters.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image
from granum.choice import Choice
from granum.errors import SettingError
from granum.learn.class_colours import colour_classes
from granum.learn.scribbles import PixelClass
from granum.segment.cluster_count import fit_weighted_kmeans
from granum.segment.learned import area_percents
from granum.steps import Range

__all__ = ["cluster_grey_levels"]

Clustered = tuple[NDArray[np.bool_], NDArray[np.uint8], tuple[PixelClass, ...], Choice]


def cluster_grey_levels(
    image: ArrayLike,
    area: ArrayLike | None = None,
    *,
    k: Annotated[int, Range(2, 10)] = 3,
    cells: Annotated[int, Range(0, 10)] = 0,
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0,
) -> Clustered:
    """Group grey levels by k-means, without regard to where they lie.

    Parameters
    ----------
    image : (Y, X) array_like
        The image; its grey levels are stretched to 0 to 255 first.
    area : (Y, X) array_like of bool, optional
        The analysed area; pixels outside have no cluster.
    k : int
        Number of clusters.
    cells : int
        Cluster that is cells, from 1; 0 for all but the largest one.
    seed : int
        Of the random numbers of k-means.

    Returns
    -------
    mask : (Y, X) ndarray of bool
        Where the clusters of cells are.
    classes : (Y, X) ndarray of uint8
        Cluster of each pixel, from the darkest to the brightest.
    legend : tuple of PixelClass
        The clusters with a colour each.
    choice : Choice
        The middle of each cluster, and how much of the area it takes.

    Raises
    ------
    SettingError
        A setting is out of its range, or there is no cluster `cells`.
    ShapeError
        The arrays do not fit.

    See Also
    --------
    segment_by_texture : Does not depend on the light.

    Notes
    -----
    k-means runs over the 256 grey levels, each weighted with its pixels, which is the same as over all pixels. Do not
    trust the share of a cluster where the light is uneven: bands of light become clusters.
    """
    image = check_image(image)
    inside = check_area(area, image.shape)
    for name, value, legal in (
        ("k", k, Range(2, 10)),
        ("cells", cells, Range(0, 10)),
        ("seed", seed, Range(0, 2**32 - 1)),
    ):
        if value not in legal:
            raise SettingError(f"segment.grey_clusters.{name}: {value!r} is out of range, must be {legal}.")
    known = image if inside is None else image[inside]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    scale = 255.0 / (high - low) if high > low else 0.0
    levels = np.clip(np.rint((image.astype(np.float64) - low) * scale), 0, 255).astype(np.uint8)
    counts = np.bincount((levels if inside is None else levels[inside]).ravel(), minlength=256)
    used = np.flatnonzero(counts)
    n = min(k, max(used.size, 1))
    if used.size < 2:
        centres = np.zeros(1)
    else:
        centres = np.sort(fit_weighted_kmeans(used[:, None].astype(np.float64), counts[used], n, seed)[:, 0])
    table = (np.abs(np.arange(256.0)[:, None] - centres).argmin(axis=1) + 1).astype(np.uint8)
    classes = table[levels]
    if inside is not None:
        classes[~inside] = 0
    if cells > n:
        raise SettingError(f"segment.grey_clusters.cells: {cells} is out of range, there are {n} clusters.")
    sizes = np.bincount(classes.ravel(), minlength=n + 1)[1:]
    largest = int(sizes.argmax()) + 1
    mask = classes == cells if cells else (classes != largest) & (classes != 0)
    legend = colour_classes([PixelClass(number, f"cluster {number}") for number in range(1, n + 1)])
    percents = area_percents(classes, legend, inside)
    parts = ", ".join(f"{one.name} at {centres[one.id - 1]:.0f} {percents[one.id]:.1f} %" for one in legend)
    which = f"cluster {cells}" if cells else f"all but cluster {largest}, the largest"
    values = {"k": n, "centres": [round(float(one), 1) for one in centres], "cells": cells or None}
    reason = f"Grey levels stretched to 0 to 255, from the darkest: {parts} of the area. Cells are {which}."
    return mask, classes, legend, Choice("grey clusters", values, reason)
