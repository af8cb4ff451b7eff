"""Size distribution of a sample: number- and volume-weighted percentiles and means, after ISO 9276-2."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.errors import EmptyResultError
from granum.measure.bootstrap import resample_sums
from granum.measure.lognormal import LognormalFit, fit_lognormal
from granum.measure.quantiles import checked_sample, weighted_quantiles
from granum.measure.sampling import SampleAdequacy, normal_quantile, sample_adequacy
from granum.steps import Range

__all__ = ["Percentiles", "SizeDistribution", "size_distribution"]

Interval = tuple[float, float]


@dataclass(frozen=True)
class Percentiles:
    """Mean and percentiles of one weighting of a size distribution.

    Parameters
    ----------
    mean : float or None
        Weighted mean.
    d10, d50, d90 : float or None
        Sizes under which 10, 50 and 90 % lie.
    span : float or None
        ``(d90 - d10) / d50``.
    d10_interval, d50_interval, d90_interval : (low, high) or None
        Woodruff intervals; None with fewer than 10 objects.
    """

    mean: float | None = None
    d10: float | None = None
    d50: float | None = None
    d90: float | None = None
    span: float | None = None
    d10_interval: Interval | None = None
    d50_interval: Interval | None = None
    d90_interval: Interval | None = None


@dataclass(frozen=True)
class SizeDistribution:
    """What is known about the sizes of a sample.

    Parameters
    ----------
    n : int
        Objects with a weight above 0.
    unit : str
        Unit of all sizes.
    level : float
        Confidence of all intervals.
    number, volume : Percentiles
        Weighted by number, and by the volume of the sphere of that diameter.
    d_1_0, d_3_2, d_4_3 : float or None
        Mean diameters: arithmetic, Sauter (surface), De Brouckere (volume).
    d_1_0_interval, d_3_2_interval, d_4_3_interval : (low, high) or None
        Bootstrap percentile intervals.
    sd : float or None
        Standard deviation (divided by N - 1 where weights are equal).
    geometric_mean, gsd : float or None
        Geometric mean and geometric standard deviation.
    lognormal : LognormalFit or None
        Maximum likelihood fit.
    adequacy : SampleAdequacy or None
        Whether the sample is large enough.
    missing : dict of str
        Name of each field that is None -> why.
    """

    n: int
    unit: str
    level: float
    number: Percentiles = field(default_factory=Percentiles)
    volume: Percentiles = field(default_factory=Percentiles)
    d_1_0: float | None = None
    d_3_2: float | None = None
    d_4_3: float | None = None
    d_1_0_interval: Interval | None = None
    d_3_2_interval: Interval | None = None
    d_4_3_interval: Interval | None = None
    sd: float | None = None
    geometric_mean: float | None = None
    gsd: float | None = None
    lognormal: LognormalFit | None = None
    adequacy: SampleAdequacy | None = None
    missing: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the distribution as a dict of JSON types."""
        return asdict(self)


def _percentiles(sizes: NDArray[np.float64], weights: NDArray[np.float64], u: float) -> Percentiles:
    """Return mean, percentiles and Woodruff intervals of one weighting."""
    share = weights / weights.sum()
    values = weighted_quantiles(sizes, share, [0.1, 0.5, 0.9])
    d10, d50, d90 = values.tolist()
    intervals: list[Interval | None] = [None, None, None]
    if len(sizes) >= 10:
        for i, p in enumerate((0.1, 0.5, 0.9)):
            error = u * math.sqrt(float(((share * ((sizes <= values[i]) - p)) ** 2).sum()))
            low, high = weighted_quantiles(sizes, share, [max(0.0, p - error), min(1.0, p + error)]).tolist()
            intervals[i] = (low, high)
    return Percentiles(float((share * sizes).sum()), d10, d50, d90, (d90 - d10) / d50, *intervals)


def _moment_intervals(
    relative: NDArray[np.float64], weights: NDArray[np.float64], scale: float, level: float, n_resamples: int, seed: int
) -> dict[str, Interval]:
    """Return the bootstrap intervals of the moment means; sizes are given relative to `scale`."""
    table = np.column_stack([weights * relative**power for power in range(5)])
    sums = resample_sums(table, n_resamples=n_resamples, seed=seed)
    intervals = {}
    for name, p, q in (("d_1_0", 1, 0), ("d_3_2", 3, 2), ("d_4_3", 4, 3)):
        low, high = np.quantile(scale * sums[:, p] / sums[:, q], [(1 - level) / 2, (1 + level) / 2]).tolist()
        intervals[f"{name}_interval"] = (low, high)
    return intervals


def size_distribution(
    diameters: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    unit: str = "px",
    level: Annotated[float, Range(0.5, 0.9999)] = 0.95,
    relative_error: Annotated[float, Range(0.001, 1)] = 0.05,
    n_resamples: Annotated[int, Range(100, 100_000)] = 1000,
    seed: int = 0,
) -> SizeDistribution:
    """Describe the size distribution of a sample by number and by volume, with its uncertainty.

    Parameters
    ----------
    diameters : (N,) array_like of float
        Positive sizes (usually ``ecd`` or ``feret_min``), all in one unit.
    weights : (N,) array_like of float, optional
        Number weights, for instance from `border_weights`; weight 0 leaves an object out.
    unit : str, default: "px"
        Unit of the sizes, kept with the result.
    level : float, default: 0.95
        Confidence of all intervals.
    relative_error : float, default: 0.05
        Accepted relative error for the adequacy of the sample.
    n_resamples : int, default: 1000
        Bootstrap samples.
    seed : int, default: 0
        Start of the resampling.

    Returns
    -------
    distribution : SizeDistribution
        Fields that cannot be computed (0, 1 or 2 objects, no spread) are None, and `missing` says why.

    Raises
    ------
    ShapeError
        When a size is not positive and finite, a weight is negative, or the lengths differ.
    SettingError
        When a setting is out of its range.

    Notes
    -----
    ``D[p,q] = (sum w d^p / sum w d^q)^(1 / (p - q))``. Volume is that of the sphere with the diameter given; flat or
    long particles have another one. Volume-weighted figures hang on the few largest objects: look at their
    intervals and at `adequacy` before publishing them.

    References
    ----------
    .. [1] ISO 9276-2:2014, Representation of results of particle size analysis - Part 2: Calculation of average
       particle sizes/diameters and moments from particle size distributions.
    .. [2] R. S. Woodruff, Confidence intervals for medians and other position measures, J. Am. Stat. Assoc. 47 (1952)
       635, :doi:`10.1080/01621459.1952.10483443`.

    Examples
    --------
    >>> sizes = size_distribution([10.0, 12.0, 14.0, 20.0], unit="nm")
    >>> sizes.n, sizes.number.d50, round(sizes.d_3_2, 2)
    (4, 13.0, 16.04)
    """
    size, weight = checked_sample(diameters, weights, name="diameters")
    u, n = normal_quantile(level), len(size)
    adequacy_of_nothing = sample_adequacy(0, 1.0, relative_error=relative_error, level=level)  # checks the settings
    missing: dict[str, str] = {}
    if n == 0:
        for name in ("number", "volume", "d_1_0", "d_3_2", "d_4_3", "sd", "geometric_mean", "gsd"):
            missing[name] = "no objects"
        missing |= dict.fromkeys(("intervals", "lognormal", "adequacy"), "no objects")
        return SizeDistribution(0, unit, adequacy_of_nothing.level, missing=missing)
    scale = float(np.exp(np.average(np.log(size), weights=weight)))
    relative = size / scale  # powers of four of large numbers stay small
    moments = [float((weight * relative**power).sum()) for power in range(5)]
    found: dict[str, Any] = {
        "number": _percentiles(size, weight, u),
        "volume": _percentiles(size, weight * relative**3, u),
        "d_1_0": scale * moments[1] / moments[0],
        "d_3_2": scale * moments[3] / moments[2],
        "d_4_3": scale * moments[4] / moments[3],
        "geometric_mean": scale,
    }
    n_effective = moments[0] ** 2 / float((weight**2).sum())
    if n_effective < 1 + 1e-9:
        missing |= dict.fromkeys(("sd", "gsd"), "one object has no spread")
    else:
        mean = found["d_1_0"]
        variance = float((weight * (size - mean) ** 2).sum()) / moments[0]
        found["sd"] = math.sqrt(variance * n_effective / (n_effective - 1))
        found["gsd"] = math.exp(math.sqrt(float((weight * np.log(relative) ** 2).sum()) / moments[0]))
    if n >= 10:
        found |= _moment_intervals(relative, weight, scale, level, n_resamples, seed)
    else:
        missing["intervals"] = f"{n} objects; an interval needs at least 10"
    try:
        fit = fit_lognormal(size, weight, level=level, n_resamples=n_resamples, seed=seed)
        found["lognormal"] = fit
        found["adequacy"] = sample_adequacy(n, fit.gsd, relative_error=relative_error, level=level)
    except EmptyResultError as error:
        reason = str(error).removeprefix("log-normal fit: ").rstrip(".")
        missing |= {"lognormal": reason, "adequacy": reason}
    return SizeDistribution(n, unit, level, missing=missing, **found)
