"""Clusters of pixels that look alike, with no label: k-means or a Gaussian mixture of local features."""

from __future__ import annotations

import warnings
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image
from granum.choice import Choice
from granum.errors import GranumWarning, SettingError
from granum.learn.class_colours import colour_classes
from granum.learn.scribbles import PixelClass
from granum.segment.cluster_count import Criterion, choose_count, fit_kmeans
from granum.segment.cluster_features import ClusterFeatures, Light, assign_bands, draw_pixels, make_features
from granum.segment.learned import area_percents, check_channels
from granum.steps import Range

__all__ = ["cluster_pixels"]

_N_SAMPLE = 20_000
_BANDED = 0.5  # share of the variance of the grey levels that a smooth surface explains, from which light is doubtful

Method = Literal["kmeans", "minibatch", "mixture"]
Clustered = tuple[NDArray[np.uint8], NDArray[np.bool_], tuple[PixelClass, ...], Choice]


def cluster_pixels(
    image: ArrayLike,
    channels: ArrayLike | None = None,
    area: ArrayLike | None = None,
    *,
    k: Annotated[int, Range(1, 20)] | None = None,
    method: Method = "kmeans",
    light: Light = "even",
    choose_by: Criterion = "silhouette",
    largest_k: Annotated[int, Range(2, 20)] = 6,
    objects: Annotated[int, Range(0, 20)] = 0,
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0,
) -> Clustered:
    """Group pixels that look alike, without labels.

    Parameters
    ----------
    image : (Y, X) array_like
        The image; what is looked at where there are no `channels`.
    channels : (C, Y, X) array_like, optional
        All channels of the image.
    area : (Y, X) array_like of bool, optional
        The analysed area; outside it there is no cluster.
    k : int, optional
        Number of clusters; by default chosen.
    method : {"kmeans", "minibatch", "mixture"}
        k-means; the same from small batches; or a mixture of Gaussians, whose clusters may have different widths.
    light : {"even", "uneven"}
        "even": grey levels count, and clusters are numbered from the darkest to the brightest. "uneven": the
        local mean is taken away, only texture counts, and clusters are numbered from the smoothest to the roughest, so
        that bands of light do not become clusters.
    choose_by : {"silhouette", "gap"}
        How the number is chosen.
    largest_k : int
        Most clusters to try.
    objects : int
        Cluster whose pieces are the objects; 0 for the last one (the brightest or the roughest).
    seed : int
        Of the random numbers.

    Returns
    -------
    classes : (Y, X) ndarray of uint8
        Cluster 1..K of each pixel, 0 outside the area.
    mask : (Y, X) ndarray of bool
        Where the cluster of the objects is.
    legend : tuple of PixelClass
        The clusters with a colour each.
    choice : Choice
        How many, why, and how much of the area each takes.

    Warns
    -----
    GranumWarning
        With even light: a smooth surface explains most of the grey levels, so that clusters may be bands of light
        (or phases that lie from one side to the other).

    Raises
    ------
    SettingError
        A setting is out of its range, or there is no cluster `objects`.
    ShapeError
        The arrays do not fit.

    Notes
    -----
    Features are gradient and standard deviation at 1.6 and 3.5 px, and with even light the smoothed grey levels, beside
    which textures count a fifth (so that the edges of phases do not become phases). Textures count as
    log(1 + (value / 4 medians)^2), so that noise is alike everywhere. The clusters of 20,000 pixels are found with
    scikit-learn; every pixel then goes to the nearest centre. The same input gives the same bytes on any number of
    cores. Fails where phases differ neither in grey level nor in texture at these scales (nickel superalloy, three
    phases: mean IoU .33; sandstone, four phases: .61), and with even light where the light is not.
    """
    image = check_image(image)
    stack = check_channels(image, channels)
    inside = check_area(area, image.shape)
    _check(k, method, light, choose_by, largest_k, objects, seed)
    rows, columns = draw_pixels((image.shape[0], image.shape[1]), inside, _N_SAMPLE, seed)
    grey = stack[:, rows, columns].mean(axis=0, dtype=np.float64)
    if rows.size < 2 or grey.min() == grey.max():
        return _one_cluster(image.shape, inside, "all pixels that are analysed have the same value")
    made, values = make_features(stack, inside, rows, columns, light)
    most = min(largest_k, len(np.unique(values, axis=0)))
    if k is None:
        n, reason, table = choose_count(values, max(2, most), choose_by, seed)
    else:
        n, reason, table = min(k, most), f"{k} clusters were asked for.", []
    if objects > n:
        raise SettingError(f"segment.pixel_clusters.objects: {objects} is out of range, there are {n} clusters.")
    centres, factors, offsets = _fit(values, n, method, seed)
    order = _order(made, values, centres, factors, offsets, grey, light)
    classes = assign_bands(made, centres[order], factors[order], offsets[order], inside)
    if light == "even":
        _warn_of_bands(grey, rows, columns)
    return _finish(classes, inside, n, objects, method, light, reason, table)


def _check(k: int | None, method: str, light: str, choose_by: str, largest_k: int, objects: int, seed: int) -> None:
    words = {
        "method": (method, ("kmeans", "minibatch", "mixture")),
        "light": (light, ("even", "uneven")),
        "choose_by": (choose_by, ("silhouette", "gap")),
    }
    for name, (word, known) in words.items():
        if word not in known:
            raise SettingError(f"segment.pixel_clusters.{name}: {word!r} is not one of {', '.join(known)}.")
    limits = {"k": (1 if k is None else k, 1, 20), "largest_k": (largest_k, 2, 20), "objects": (objects, 0, 20)}
    limits["seed"] = (seed, 0, 2**32 - 1)
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise SettingError(f"segment.pixel_clusters.{name}: {value!r} is out of range, must be {low} to {high}.")


def _fit(
    values: NDArray[np.float64], k: int, method: Method, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return centres (K, F), factors (K, F, F) and offsets (K,) as `assign_bands` takes them."""
    n_features = values.shape[1]
    if method != "mixture":
        centres, _ = fit_kmeans(values, k, seed, small_batches=method == "minibatch")
        return centres, np.repeat(np.eye(n_features)[None], k, axis=0), np.zeros(k)
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a mixture that has not come to rest is still the best one found
        found = GaussianMixture(k, reg_covar=1e-3, n_init=2, max_iter=200, random_state=seed).fit(values)
    factors = np.asarray(found.precisions_cholesky_, dtype=np.float64)
    offsets = 2 * (np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1) + np.log(found.weights_))
    return np.asarray(found.means_, dtype=np.float64), factors, offsets


def _order(
    made: ClusterFeatures,
    values: NDArray[np.float64],
    centres: NDArray[np.float64],
    factors: NDArray[np.float64],
    offsets: NDArray[np.float64],
    grey: NDArray[np.float64],
    light: Light,
) -> NDArray[np.intp]:
    """Return the clusters from the darkest to the brightest, or from the smoothest to the roughest."""
    parts = np.einsum("nkf,kfg->nkg", values[:, None, :] - centres[None], factors)
    nearest = ((parts**2).sum(axis=2) - offsets).argmin(axis=1)
    what = grey if light == "even" else values[:, made.width > 0].mean(axis=1)
    means = [float(what[nearest == n].mean()) if (nearest == n).any() else np.inf for n in range(len(centres))]
    return np.argsort(means, kind="stable")


def _warn_of_bands(grey: NDArray[np.float64], rows: NDArray[np.int64], columns: NDArray[np.int64]) -> None:
    """Warn where a quadratic surface explains most of the grey levels."""
    y, x = (2.0 * axis / max(1, int(axis.max())) - 1 for axis in (rows, columns))
    terms = np.stack([np.ones_like(y), y, x, y * y, x * x, x * y], axis=1)
    fitted = terms @ np.linalg.lstsq(terms, grey, rcond=None)[0]
    share = 1 - float(np.var(grey - fitted) / np.var(grey))
    if share > _BANDED:
        warnings.warn(
            f"a smooth surface explains {100 * share:.0f} % of the variance of the grey levels: it may be uneven "
            "light, whose bands become clusters, or phases that lie so; if it is the light, set "
            "segment.pixel_clusters.light to uneven.",
            GranumWarning,
            stacklevel=3,
        )


def _one_cluster(shape: tuple[int, ...], area: NDArray[np.bool_] | None, why: str) -> Clustered:
    classes = np.ones(shape, np.uint8) if area is None else area.astype(np.uint8)
    warnings.warn(f"{why}; there is one cluster.", GranumWarning, stacklevel=3)
    legend = colour_classes([PixelClass(1, "cluster 1")])
    return classes, np.zeros(shape, np.bool_), legend, Choice("clusters", {"k": 1}, f"There is one, because {why}.")


def _finish(
    classes: NDArray[np.uint8],
    area: NDArray[np.bool_] | None,
    n: int,
    objects: int,
    method: Method,
    light: Light,
    reason: str,
    table: list[dict[str, Any]],
) -> Clustered:
    legend = colour_classes([PixelClass(number, f"cluster {number}") for number in range(1, n + 1)])
    percents = area_percents(classes, legend, area)
    found = ", ".join(f"{one.name} {percents[one.id]:.1f} %" for one in legend)
    order = "from the darkest to the brightest" if light == "even" else "from the smoothest to the roughest"
    number = objects or n
    values = {"k": n, "method": method, "light": light, "objects": number}
    text = f"{reason} They are numbered {order}: {found} of the area. Objects are made of cluster {number}."
    return classes, classes == number, legend, Choice("clusters", values, text, table)
