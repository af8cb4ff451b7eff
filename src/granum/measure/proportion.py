"""A share of counted things with its interval: 3 dead of 7 is not 43 %, it is 16 to 75 %."""

from __future__ import annotations

import math
from typing import Annotated

from granum.errors import SettingError
from granum.steps import Range

__all__ = ["wilson_interval"]


def wilson_interval(
    k: float, n: float, *, confidence: Annotated[float, Range(0.5, 0.9999)] = 0.95
) -> tuple[float, float]:
    """Return Wilson's score interval of a share.

    Parameters
    ----------
    k, n : float
        `k` of `n` were counted. They may be sums of probabilities (12.4 of 30).
    confidence : float
        Of the interval, 0.5 to 0.9999.

    Returns
    -------
    low, high : float
        0 to 1; exactly 0 and 1 where `k` is 0 or `n`, and (0, 1) where nothing was counted.

    Raises
    ------
    SettingError
        `k` is not between 0 and `n`, or `confidence` is out of its range.

    Notes
    -----
    The interval says what the counts say, and counts only what is independent: nuclei of one well are not a replicate.
    Wilson's interval [1]_ keeps its promise for few counts and for shares of 0 and 1, where the usual ``p +- 1.96 sd``
    has no width [2]_.

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference", J. Am. Stat. Assoc.
       22, 209-212 (1927), :doi:`10.1080/01621459.1927.10502953`.
    .. [2] L. D. Brown, T. T. Cai, A. DasGupta, "Interval estimation for a binomial proportion", Stat. Sci. 16, 101-133
       (2001), :doi:`10.1214/ss/1009213286`.

    Examples
    --------
    >>> low, high = wilson_interval(3, 7)
    >>> round(low, 3), round(high, 3)
    (0.158, 0.75)
    """
    if confidence not in Range(0.5, 0.9999):
        raise SettingError(f"confidence: {confidence!r} is out of range, must be 0.5 to 0.9999.")
    if not (0 <= k <= n and math.isfinite(n)):
        raise SettingError(f"k: {k!r} of n = {n!r} is no share; k must lie between 0 and n.")
    if n == 0:
        return 0.0, 1.0
    from statistics import NormalDist

    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = k / n, z * z / n
    middle = (share + weight / 2) / (1 + weight)
    reach = z * math.sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight)
    return (0.0 if k == 0 else max(0.0, middle - reach)), (1.0 if k == n else min(1.0, middle + reach))
