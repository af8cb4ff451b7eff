"""Are positive and negative controls told apart: Z' and SSMD, with what the number of wells allows to say."""

from __future__ import annotations

import math
from collections.abc import Sequence

from granum.plate.assay import Quality

__all__ = ["assay_quality"]

_FEW = 6  # below that many wells in a control the standard deviation is off by a third and more


def assay_quality(
    positive: Sequence[float | None],
    negative: Sequence[float | None],
    *,
    plate: str = "",
    measure: str = "",
    time: float = 0.0,
) -> Quality:
    """Compare the wells of both controls.

    Parameters
    ----------
    positive, negative : sequence of float or None
        One value per well; None and NaN are left out.
    plate, measure, time : str, str, float
        What they belong to.

    Returns
    -------
    quality : Quality
        ``z_prime`` = 1 - 3 (sd + sd) / difference of the means [1]_; over 0.5 is called excellent, under 0 useless
        for screening. ``ssmd`` = difference of the means over the root of the summed variances [2]_, positive minus
        negative. Both None with fewer than 2 wells in a control; z_prime also where the means are equal, ssmd where
        nothing scatters.

    References
    ----------
    .. [1] J.-H. Zhang, T. D. Y. Chung, K. R. Oldenburg, "A simple statistical parameter for use in evaluation and
       validation of high throughput screening assays", J. Biomol. Screen. 4, 67-73 (1999),
       :doi:`10.1177/108705719900400206`.
    .. [2] X. D. Zhang, "A pair of new statistical parameters for quality control in RNA interference high-throughput
       screening assays", Genomics 89, 552-561 (2007), :doi:`10.1016/j.ygeno.2006.12.014`.

    Examples
    --------
    >>> found = assay_quality([0.9, 1.0, 1.1], [0.1, 0.2, 0.3])
    >>> round(found.z_prime, 3), round(found.ssmd, 3), found.n_positive
    (0.25, 5.657, 3)
    """
    up, down = ([v for v in values if v is not None and math.isfinite(v)] for values in (positive, negative))
    n_up, n_down = len(up), len(down)
    if min(n_up, n_down) < 2:
        what = "positive" if n_up < 2 else "negative"
        note = f"{min(n_up, n_down)} {what} control wells; 2 are needed for a spread."
        return Quality(plate, measure, time, None, None, n_up, n_down, note)
    (mean_up, sd_up), (mean_down, sd_down) = _mean_sd(up), _mean_sd(down)
    difference = mean_up - mean_down
    z_prime = 1 - 3 * (sd_up + sd_down) / abs(difference) if difference else None
    spread = math.hypot(sd_up, sd_down)
    ssmd = difference / spread if spread else None
    notes = []
    if min(n_up, n_down) < _FEW:
        notes.append(f"{n_up} positive and {n_down} negative wells: too few for a firm value.")
    if not difference:
        notes.append("Both controls have the same mean.")
    elif not spread:
        notes.append("No control scatters at all.")
    return Quality(plate, measure, time, z_prime, ssmd, n_up, n_down, " ".join(notes))


def _mean_sd(values: Sequence[float]) -> tuple[float, float]:
    mean = math.fsum(values) / len(values)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    # equal values have no spread, whatever their sum was rounded to
    return mean, 0.0 if max(values) == min(values) else sd
