"""The share of particles under 100 nm, and what the European definition of a nanomaterial says about it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from numpy.typing import ArrayLike

from granum.measure.quantiles import checked_sample
from granum.measure.sampling import normal_quantile
from granum.steps import Range

__all__ = ["NanomaterialFraction", "nanomaterial_fraction"]


@dataclass(frozen=True)
class NanomaterialFraction:
    """Number fraction of particles whose smallest dimension is under 100 nm.

    Parameters
    ----------
    n : int
        Particles counted.
    fraction : float or None
        Number fraction, 0..1; None without particles.
    low, high : float or None
        Wilson interval of the fraction.
    level : float
        Confidence of the interval.
    is_nanomaterial : bool or None
        Whether the fraction is at least one half.
    is_decided : bool
        Whether the whole interval lies on that side of one half.
    verdict : str
        One sentence.
    """

    n: int
    fraction: float | None
    low: float | None
    high: float | None
    level: float
    is_nanomaterial: bool | None
    is_decided: bool
    verdict: str

    def to_json(self) -> dict[str, Any]:
        """Return the fraction as a dict of JSON types."""
        return asdict(self)


def _wilson(fraction: float, n: float, u: float) -> tuple[float, float]:
    centre = (fraction + u * u / (2 * n)) / (1 + u * u / n)
    half = u / (1 + u * u / n) * math.sqrt(fraction * (1 - fraction) / n + u * u / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def nanomaterial_fraction(
    feret_min_nm: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    level: Annotated[float, Range(0.5, 0.9999)] = 0.95,
) -> NanomaterialFraction:
    """Find the number fraction of particles under 100 nm and the verdict of the European definition.

    Parameters
    ----------
    feret_min_nm : (N,) array_like of float
        Minimum Feret diameter of each particle in nanometres. When the pixel size is not known there is none, and
        nothing may be said.
    weights : (N,) array_like of float, optional
        For instance from `border_weights`; weight 0 leaves a particle out.
    level : float, default: 0.95
        Confidence of the interval.

    Returns
    -------
    fraction : NanomaterialFraction

    Raises
    ------
    ShapeError
        When a size is not positive and finite, a weight is negative, or the lengths differ.
    SettingError
        When `level` is out of its range.

    Notes
    -----
    Commission Recommendation 2022/C 229/01: a material is a nanomaterial when at least 50 % of its solid particles, by
    number, have an external dimension of 1 to 100 nm (it also has rules for rods, tubes and plates). An image shows a
    projection: of plates lying flat it does not show the thickness, and the minimum Feret diameter is then too large.
    Particles too small to be seen are missing from the count. The interval is Wilson's; with weights its n is Kish's
    effective number.

    References
    ----------
    .. [1] Commission Recommendation of 10 June 2022 on the definition of nanomaterial, OJ C 229 (2022) 1.
    .. [2] E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209, :doi:`10.1080/01621459.1927.10502953`.

    Examples
    --------
    >>> nanomaterial_fraction([20.0, 30.0, 150.0]).fraction
    0.6666666666666666
    """
    sizes, weight = checked_sample(feret_min_nm, weights, name="feret_min_nm")
    u = normal_quantile(level)
    if len(sizes) == 0:
        return NanomaterialFraction(0, None, None, None, level, None, False, "No particles, so no verdict.")
    fraction = float(min(1.0, weight[sizes < 100].sum() / weight.sum()))
    n_effective = float(weight.sum() ** 2 / (weight**2).sum())
    low, high = _wilson(fraction, n_effective, u)
    is_nano = fraction >= 0.5
    is_decided = low >= 0.5 if is_nano else high < 0.5
    doubt = "" if is_decided else " The interval holds both answers: count more particles."
    verdict = (
        f"{fraction:.1%} of {len(sizes)} particles ({low:.1%} to {high:.1%} at {level:.0%} confidence) have a minimum "
        f"Feret diameter under 100 nm: {'a' if is_nano else 'not a'} nanomaterial by Recommendation 2022/C 229/01 "
        f"(50 % or more by number).{doubt}"
    )
    return NanomaterialFraction(len(sizes), fraction, low, high, level, is_nano, is_decided, verdict)
