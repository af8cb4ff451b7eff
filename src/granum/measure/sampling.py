"""Is the sample large enough, and what did the edge of the image hide: ISO 13322-1 and Miles-Lantuejoul."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from granum.errors import SettingError
from granum.object_table import FLAGS, ObjectTable
from granum.steps import Range

__all__ = ["SampleAdequacy", "border_weights", "normal_quantile", "sample_adequacy"]


def normal_quantile(level: float) -> float:
    """Return u such that a normal variable lies within +-u standard deviations with probability `level`."""
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise SettingError(f"level: {level!r} is out of range, must be between 0 and 1 (0.95 is usual).")
    return float(ndtri((1 + level) / 2))


@dataclass(frozen=True)
class SampleAdequacy:
    """How many particles ISO 13322-1 asks for, and how many there are.

    Parameters
    ----------
    n : int
        Particles measured.
    gsd : float
        Geometric standard deviation of the sample.
    relative_error, level : float
        The error that may be exceeded with probability ``1 - level``.
    needed_number_mean, needed_volume_mean, needed_percentiles : int
        Particles needed for the mean diameter, for the mean volume, and for percentiles of the volume distribution.
    enough_number_mean, enough_volume_mean, enough_percentiles : bool
        Whether `n` is at least that many.
    error_number_mean, error_volume_mean, error_percentiles : float
        The relative error that `n` particles do reach.
    """

    n: int
    gsd: float
    relative_error: float
    level: float
    needed_number_mean: int
    needed_volume_mean: int
    needed_percentiles: int
    enough_number_mean: bool
    enough_volume_mean: bool
    enough_percentiles: bool
    error_number_mean: float
    error_volume_mean: float
    error_percentiles: float

    def to_json(self) -> dict[str, Any]:
        """Return the adequacy as a dict of JSON types."""
        return asdict(self)

    def __str__(self) -> str:
        verdict = "enough" if self.enough_volume_mean else "not enough"
        return (
            f"{self.n} particles are {verdict} for the volume mean within {self.relative_error:.0%} at a confidence of "
            f"{self.level:.0%} (ISO 13322-1 asks for {self.needed_volume_mean} at a geometric standard deviation of "
            f"{self.gsd:.2f}; {self.needed_percentiles} for percentiles of the volume distribution)."
        )


# exponent alpha of the estimated moment, see the Notes of `sample_adequacy`
_EXPONENTS = {"number_mean": 1, "volume_mean": 3, "percentiles": 6}


def _needed(gsd: float, exponent: int, relative_error: float, u: float) -> float:
    variance = math.log(gsd) ** 2
    c = exponent / 2
    return (u / relative_error) ** 2 * exponent**2 * variance * (2 * c**2 * variance + 1)


def sample_adequacy(
    n: int,
    gsd: float,
    *,
    relative_error: Annotated[float, Range(0.001, 1)] = 0.05,
    level: Annotated[float, Range(0.5, 0.9999)] = 0.95,
) -> SampleAdequacy:
    """Tell how many particles a log-normal sample needs, and whether there are as many.

    Parameters
    ----------
    n : int
        Particles measured.
    gsd : float
        Geometric standard deviation, at least 1.
    relative_error : float, default: 0.05
        Relative error that is accepted, 0.001..1.
    level : float, default: 0.95
        Probability of staying within it.

    Returns
    -------
    adequacy : SampleAdequacy

    Raises
    ------
    SettingError
        When a value is out of its range.

    Notes
    -----
    ``n = (u / e)^2 a^2 s^2 (2 c^2 s^2 + 1)`` with ``s = ln(gsd)``, ``c = a / 2`` and u the normal quantile (1.96 for
    0.95) [1]_, [2]_: ``a = 1`` for the mean diameter, 3 for the mean volume, 6 for mass median and
    percentiles. At gsd 1.6 and 5 % this gives the 6 000 and 61 000 particles that ISO 13322-1 names. It is the
    relative variance of a log-normal moment to second order, so it is too small for gsd above about 2, and it says
    nothing about how the sample was taken.

    References
    ----------
    .. [1] H. Masuda, K. Iinoya, Theoretical study of the scatter of experimental data due to
       particle-size-distribution, J. Chem. Eng. Jpn. 4 (1971) 60, :doi:`10.1252/jcej.4.60`.
    .. [2] ISO 13322-1, Particle size analysis - Image analysis methods - Part 1: Static image analysis methods.

    Examples
    --------
    >>> sample_adequacy(500, 1.6).needed_volume_mean
    6092
    """
    if n < 0:
        raise SettingError(f"n: {n!r} is out of range, must be at least 0.")
    if not (math.isfinite(gsd) and gsd >= 1):
        raise SettingError(f"gsd: {gsd!r} is out of range, a geometric standard deviation is at least 1.")
    if not 0.001 <= relative_error <= 1:
        raise SettingError(f"relative_error: {relative_error!r} is out of range, must be 0.001 to 1.")
    u = normal_quantile(level)
    found: dict[str, Any] = {}
    for name, exponent in _EXPONENTS.items():
        needed = max(1, math.ceil(_needed(gsd, exponent, relative_error, u)))
        found[f"needed_{name}"] = needed
        found[f"enough_{name}"] = n >= needed
        # the needed number falls with the square of the error
        found[f"error_{name}"] = math.sqrt(_needed(gsd, exponent, 1.0, u) / n) if n else math.inf
    return SampleAdequacy(n=n, gsd=gsd, relative_error=relative_error, level=level, **found)


def border_weights(objects: ObjectTable, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Weight objects so that those which the edge of the image hides are made up for.

    A large object is more often cut by the edge than a small one, and leaving out what is cut makes the sample too
    small in size. The weight is the inverse of the chance to lie wholly inside.

    Parameters
    ----------
    objects : dict of (K,) ndarray
        With the columns ``bbox_height``, ``bbox_width`` and ``flags``.
    shape : (height, width)
        Of the analysed rectangle, in pixels.

    Returns
    -------
    weights : (K,) ndarray of float64
        0 for objects that touch the border, else ``W H / ((W - Fx) (H - Fy))``, at least 1, with Fx and Fy the width
        and height of the bounding box.

    Raises
    ------
    SettingError
        When an object that does not touch the border is as large as `shape`.

    Notes
    -----
    Holds for a rectangular area. Objects that no position could show whole (larger than the image) stay unseen: no
    weight makes up for them.

    References
    ----------
    .. [1] R. E. Miles, On the elimination of edge effects in planar sampling, in: Stochastic Geometry, Wiley
       (1974) 228.
    .. [2] C. Lantuejoul, On the estimation of mean values in individual analysis of particles, Microscopica Acta
       Suppl. 4 (1980) 266.
    .. [3] ISO 13322-1, Particle size analysis - Image analysis methods - Part 1: Static image analysis methods.

    Examples
    --------
    >>> objects = {"bbox_height": np.array([10, 50]), "bbox_width": np.array([10, 50]), "flags": np.array([0, 1])}
    >>> border_weights(objects, (100, 100)).round(3)
    array([1.235, 0.   ])
    """
    height, width = shape
    free_y = height - np.asarray(objects["bbox_height"], np.float64)
    free_x = width - np.asarray(objects["bbox_width"], np.float64)
    whole = (np.asarray(objects["flags"]) & FLAGS["touches_border"][0]) == 0
    if (whole & ((free_y <= 0) | (free_x <= 0))).any():
        raise SettingError(
            f"shape: {tuple(shape)} is not larger than every whole object; give the shape of the analysed area."
        )
    return np.divide(height * width, free_y * free_x, out=np.zeros(len(whole)), where=whole)
