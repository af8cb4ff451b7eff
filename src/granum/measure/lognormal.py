"""Log-normal fit of a size distribution, with a bootstrap interval and a test whether it fits."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from granum.errors import EmptyResultError
from granum.measure.bootstrap import resample_sums
from granum.measure.quantiles import checked_sample
from granum.measure.sampling import normal_quantile
from granum.steps import Range

__all__ = ["LognormalFit", "fit_lognormal"]

_FEWEST = 3
_FEWEST_FOR_INTERVAL = 10


@dataclass(frozen=True)
class LognormalFit:
    """A log-normal distribution fitted by maximum likelihood.

    Parameters
    ----------
    n : int
        Objects used.
    median, gsd : float
        Median (= geometric mean), in the unit of the sizes, and geometric standard deviation.
    median_interval, gsd_interval : (low, high) or None
        Bootstrap percentile intervals; None with fewer than 10 objects.
    level : float
        Confidence of the intervals.
    ks : float
        Kolmogorov-Smirnov distance between the sample and the fit, 0..1.
    ks_critical : float
        Distance above which log-normality is rejected at 5 %, corrected for the two fitted parameters.
    is_lognormal : bool
        Whether `ks` stays under it. With thousands of objects small deviations are enough to reject.
    """

    n: int
    median: float
    gsd: float
    median_interval: tuple[float, float] | None
    gsd_interval: tuple[float, float] | None
    level: float
    ks: float
    ks_critical: float
    is_lognormal: bool

    def to_json(self) -> dict[str, Any]:
        """Return the fit as a dict of JSON types."""
        return asdict(self)


def _distance(logs: NDArray[np.float64], weight: NDArray[np.float64], mean: float, sd: float) -> float:
    """Return the largest distance between the weighted empirical and the normal distribution."""
    order = np.argsort(logs, kind="stable")
    sorted_logs = logs[order]
    reached = np.cumsum(weight[order])
    reached /= reached[-1]
    fitted = ndtr((sorted_logs - mean) / sd)
    # equal sizes make one step
    last = np.append(sorted_logs[1:] != sorted_logs[:-1], True)
    above, fitted = reached[last], fitted[last]
    below = np.concatenate([[0.0], above[:-1]])
    return float(max(np.max(above - fitted), np.max(fitted - below)))


def fit_lognormal(
    diameters: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    level: Annotated[float, Range(0.5, 0.9999)] = 0.95,
    n_resamples: Annotated[int, Range(100, 100_000)] = 1000,
    seed: int = 0,
) -> LognormalFit:
    """Fit a log-normal distribution to sizes by maximum likelihood.

    Parameters
    ----------
    diameters : (N,) array_like of float
        Positive sizes in any unit.
    weights : (N,) array_like of float, optional
        Number weights, for instance from `border_weights`; weight 0 leaves an object out.
    level : float, default: 0.95
        Confidence of the intervals.
    n_resamples : int, default: 1000
        Bootstrap samples.
    seed : int, default: 0
        Start of the resampling; the same seed gives the same intervals on any number of threads.

    Returns
    -------
    fit : LognormalFit

    Raises
    ------
    EmptyResultError
        With fewer than 3 objects, or when all have the same size.
    ShapeError
        When a size is not positive and finite, a weight is negative, or the lengths differ.

    Notes
    -----
    The estimates are the mean and the standard deviation (divided by N) of the logarithms. The intervals resample
    whole objects, so they hold when the distribution is not log-normal; they do not know of errors of the
    segmentation. Cost: N times `n_resamples` additions, about 0.05 s for 14 000 objects.

    References
    ----------
    .. [1] B. Efron, Bootstrap methods: another look at the jackknife, Ann. Stat. 7 (1979) 1,
       :doi:`10.1214/aos/1176344552`.
    .. [2] M. A. Stephens, EDF statistics for goodness of fit and some comparisons, J. Am. Stat. Assoc. 69 (1974) 730,
       :doi:`10.1080/01621459.1974.10480196`.

    Examples
    --------
    >>> fit = fit_lognormal(np.exp(np.linspace(-1, 1, 101)) * 20)
    >>> round(fit.median, 6), round(fit.gsd, 3)
    (20.0, 1.792)
    """
    sizes, weight = checked_sample(diameters, weights, name="diameters")
    normal_quantile(level)  # checks it
    if len(sizes) < _FEWEST:
        raise EmptyResultError(f"log-normal fit: {len(sizes)} objects, needs at least {_FEWEST}.")
    centre = float(np.log(sizes).mean())
    logs = np.log(sizes) - centre
    total = weight.sum()
    mean = float((weight * logs).sum() / total)
    sd = math.sqrt(float((weight * (logs - mean) ** 2).sum() / total))
    if sd < 1e-9:
        raise EmptyResultError("log-normal fit: all objects have the same size, there is no spread to fit.")
    median_interval = gsd_interval = None
    if len(sizes) >= _FEWEST_FOR_INTERVAL:
        table = np.column_stack([weight, weight * logs, weight * logs**2])
        sums = resample_sums(table, n_resamples=n_resamples, seed=seed)
        means = sums[:, 1] / sums[:, 0]
        sds = np.sqrt(np.maximum(sums[:, 2] / sums[:, 0] - means**2, 0))
        tails = [(1 - level) / 2, (1 + level) / 2]
        median_low, median_high = np.exp(np.quantile(means, tails) + centre).tolist()
        gsd_low, gsd_high = np.exp(np.quantile(sds, tails)).tolist()
        median_interval, gsd_interval = (median_low, median_high), (gsd_low, gsd_high)
    ks = _distance(logs, weight, mean, sd)
    root = math.sqrt(total**2 / (weight**2).sum())
    critical = 0.895 / (root - 0.01 + 0.85 / root)
    return LognormalFit(
        len(sizes), math.exp(mean + centre), math.exp(sd), median_interval, gsd_interval, level, ks, critical,
        ks <= critical,
    )  # fmt: skip
