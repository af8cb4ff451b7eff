"""How many clusters: by silhouette or by the gap statistic, on a subsample, with the figures that decided."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Criterion", "choose_count", "fit_kmeans", "fit_weighted_kmeans"]

Criterion = Literal["silhouette", "gap"]
_N_SILHOUETTE = 2_000
_N_GAP = 3_000
_N_REFERENCES = 8


def fit_kmeans(values: NDArray[np.float64], k: int, seed: int, *, small_batches: bool = False) -> tuple[Any, float]:
    """Return the centres (K, F) of k-means and the sum of squared distances, the same on any number of cores."""
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from threadpoolctl import threadpool_limits

    kind = MiniBatchKMeans if small_batches else KMeans
    with threadpool_limits(limits=1):  # sums of several threads would end in another order
        fitted = kind(n_clusters=k, n_init=4, random_state=seed).fit(values)
    return np.asarray(fitted.cluster_centers_, dtype=np.float64), float(fitted.inertia_)


def fit_weighted_kmeans(values: NDArray[np.float64], weights: NDArray[Any], k: int, seed: int) -> NDArray[np.float64]:
    """Return the centres (K, F) of k-means of values of which each stands for `weights` pixels."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        fitted = KMeans(n_clusters=k, n_init=10, random_state=seed).fit(values, sample_weight=weights)
    return np.asarray(fitted.cluster_centers_, dtype=np.float64)


def choose_count(
    values: NDArray[np.float64], largest: int, criterion: Criterion, seed: int
) -> tuple[int, str, list[dict[str, Any]]]:
    """Return the number of clusters, why, and the figures of all.

    Parameters
    ----------
    values : (n, F) ndarray
        Scaled features of a sample of pixels.
    largest : int
        Most clusters to try, at least 2.
    criterion : {"silhouette", "gap"}
        "silhouette" [1]_: the number with the largest mean silhouette, at least 2. "gap" [2]_: the smallest number
        whose gap reaches that of the next one less its error; may be 1.
    seed : int
        Of the random numbers.

    References
    ----------
    .. [1] P. J. Rousseeuw, J. Comput. Appl. Math. 20, 53-65 (1987), :doi:`10.1016/0377-0427(87)90125-7`.
    .. [2] R. Tibshirani, G. Walther, T. Hastie, J. R. Stat. Soc. B 63, 411-423 (2001),
       :doi:`10.1111/1467-9868.00293`.
    """
    return _by_silhouette(values, largest, seed) if criterion == "silhouette" else _by_gap(values, largest, seed)


def _by_silhouette(values: NDArray[np.float64], largest: int, seed: int) -> tuple[int, str, list[dict[str, Any]]]:
    from sklearn.metrics import silhouette_score
    from threadpoolctl import threadpool_limits

    few = _thin(values, _N_SILHOUETTE, seed)
    table: list[dict[str, Any]] = []
    for k in range(2, largest + 1):
        centres, _ = fit_kmeans(values, k, seed)
        labels = ((few[:, None, :] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        if not 2 <= len(np.unique(labels)) < len(few):  # a pixel alone has no silhouette
            continue
        with threadpool_limits(limits=1):
            table.append({"k": k, "silhouette": round(float(silhouette_score(few, labels)), 4)})
    if not table:
        return 1, "The pixels do not differ enough for two clusters.", []
    table.sort(key=lambda row: (-row["silhouette"], row["k"]))
    best = table[0]
    reason = f"The mean silhouette is largest for {best['k']} clusters ({best['silhouette']:.2f} of 1)"
    if len(table) > 1:
        reason += f", before {table[1]['k']} ({table[1]['silhouette']:.2f})"
    return int(best["k"]), reason + ".", table


def _by_gap(values: NDArray[np.float64], largest: int, seed: int) -> tuple[int, str, list[dict[str, Any]]]:
    few = _thin(values, _N_GAP, seed)
    rng = np.random.default_rng(seed)
    low, high = few.min(axis=0), few.max(axis=0)
    references = [rng.uniform(low, high, few.shape) for _ in range(_N_REFERENCES)]
    gaps, errors = [], []
    for k in range(1, largest + 1):
        own = np.log(max(fit_kmeans(few, k, seed)[1], 1e-12))
        other = np.array([np.log(max(fit_kmeans(reference, k, seed)[1], 1e-12)) for reference in references])
        gaps.append(float(other.mean() - own))
        errors.append(float(other.std() * np.sqrt(1 + 1 / _N_REFERENCES)))
    chosen = next((k for k in range(1, largest) if gaps[k - 1] >= gaps[k] - errors[k]), largest)
    table = [
        {"k": k, "gap": round(gap, 4), "error": round(error, 4)}
        for k, (gap, error) in enumerate(zip(gaps, errors, strict=True), 1)
    ]
    table.sort(key=lambda row: row["k"] != chosen)
    reason = f"The gap statistic stops growing at {chosen} cluster{'s' * (chosen > 1)} ({gaps[chosen - 1]:.2f}"
    reason += f", then {gaps[chosen]:.2f})." if chosen < largest else "), the most that were tried."
    return chosen, reason, table


def _thin(values: NDArray[np.float64], n: int, seed: int) -> NDArray[np.float64]:
    if len(values) <= n:
        return values
    return values[np.sort(np.random.default_rng(seed).choice(len(values), n, replace=False))]
