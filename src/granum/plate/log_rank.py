"""Do two groups die at the same rate: the log-rank test, for nuclei one by one and for wells as the replicates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from granum.plate.assay import Fit, Interval
from granum.plate.survival import Life, usable_lives

__all__ = ["LogRank", "compare_with_control", "log_rank"]

_FEWEST_WELLS = 2


@dataclass(frozen=True)
class LogRank:
    """A log-rank test of a group against a control.

    Parameters
    ----------
    observed, expected : float
        Deaths of the group, and those expected if both died at the same rate.
    chi2, p_value : float
        With one degree of freedom; every nucleus counts as independent.
    p_value_wells : float or None
        Wells count as independent, nuclei of one do not; None with fewer than 2 wells in a group.
    n_wells, n_wells_control : int
        Wells in both.
    """

    observed: float
    expected: float
    chi2: float
    p_value: float
    p_value_wells: float | None
    n_wells: int
    n_wells_control: int


def log_rank(group: Sequence[Life], control: Sequence[Life]) -> LogRank | None:
    """Test whether two groups die at the same rate.

    Parameters
    ----------
    group, control : sequence of Life
        Late starts (left truncation) and lost nuclei are taken into account.

    Returns
    -------
    test : LogRank or None
        None where a group is empty or nobody died while both were at risk.

    Notes
    -----
    The plain p value treats nuclei as independent. They share their well, its seeding and its focus, so with hundreds
    of nuclei per well it is far too small for a claim about a treatment. `p_value_wells` sums the test's score over
    each well and takes the spread of these sums within each group [2]_, with Student's t for two fewer than the
    number of wells: the one to publish.

    References
    ----------
    .. [1] N. Mantel, "Evaluation of survival data and two new rank order statistics arising in its consideration",
       Cancer Chemother. Rep. 50, 163-170 (1966).
    .. [2] D. Y. Lin, L. J. Wei, "The robust inference for the Cox proportional hazards model", J. Am. Stat. Assoc. 84,
       1074-1078 (1989), :doi:`10.1080/01621459.1989.10478874`.
    """
    from scipy.special import chdtrc, stdtr

    first, second = usable_lives(group)[0], usable_lives(control)[0]
    if not first or not second:
        return None
    lives = [*first, *second]
    member = np.array([1.0] * len(first) + [0.0] * len(second))
    start, end = (np.array([getattr(life, name) for life in lives], np.float64) for name in ("start", "end"))
    died = np.array([life.died for life in lives])
    times = np.unique(end[died])
    observed = expected = variance = 0.0
    score = np.zeros(len(lives))
    for time in times.tolist():
        risk = (start < time) & (end >= time)
        here = died & (end == time)
        n, n1, d = int(risk.sum()), float(member[risk].sum()), int(here.sum())
        share = n1 / n
        observed += float(member[here].sum())
        expected += d * share
        if n > 1:
            variance += d * share * (1 - share) * (n - d) / (n - 1)
        score[here] += member[here] - share
        score[risk] -= (member[risk] - share) * d / n
    if variance <= 0:
        return None
    chi2 = (observed - expected) ** 2 / variance
    sums: list[dict[tuple[str, str], float]] = [{}, {}]
    for life, own, part in zip(lives, member.tolist(), score.tolist(), strict=True):
        wells = sums[0 if own else 1]
        wells[life.plate, life.well] = wells.get((life.plate, life.well), 0.0) + part
    n_wells, n_control = (len(wells) for wells in sums)
    p_wells = None
    if min(n_wells, n_control) >= _FEWEST_WELLS:
        spread = sum(_spread_of_sum(list(wells.values())) for wells in sums)
        if spread > 0:
            t = (observed - expected) / math.sqrt(spread)
            p_wells = float(2 * stdtr(n_wells + n_control - 2, -abs(t)))
    return LogRank(observed, expected, chi2, float(chdtrc(1, chi2)), p_wells, n_wells, n_control)


def _spread_of_sum(values: Sequence[float]) -> float:
    """Return the variance of the sum of the scores of wells, from their spread within one group."""
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) * len(values) / (len(values) - 1)


def compare_with_control(groups: Mapping[str, Sequence[Life]], control: str) -> list[Fit]:
    """Return the log-rank test of every condition against the control, as fits of the model "log_rank".

    Parameters
    ----------
    groups : dict
        Name of the condition -> lives.
    control : str
        Name of the negative control.
    """
    fits = []
    for name, lives in groups.items():
        if name == control:
            continue
        test = log_rank(lives, groups[control])
        if test is None:
            fits.append(Fit("condition", name, "survival", "log_rank", {}, note=f"No death to compare with {control}."))
            continue
        parameters = {
            "observed_deaths": Interval(test.observed),
            "expected_deaths": Interval(test.expected),
            "chi2": Interval(test.chi2),
            "p_value": Interval(test.p_value),
        }
        note = f"Against {control}; p_value counts every nucleus as independent"
        if test.p_value_wells is None:
            note += ", which nuclei of one well are not; with 2 wells or more in both, wells can be compared."
        else:
            parameters["p_value_wells"] = Interval(test.p_value_wells)
            note += f", p_value_wells the {test.n_wells} and {test.n_wells_control} wells: use this one."
        fits.append(Fit("condition", name, "survival", "log_rank", parameters, note=note))
    return fits
