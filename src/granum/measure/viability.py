"""Live or dead: each nucleus with its probability, and the viability of the field with its interval."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image, check_labels, check_same_shape
from granum.choice import Choice
from granum.errors import GranumWarning, SettingError, ShapeError
from granum.measure.dead_evidence import DeadEvidence, judge_evidence
from granum.measure.proportion import wilson_interval
from granum.measure.rings import NucleusRings, RingLevels, find_rings, measure_levels, measure_nowhere
from granum.measure.runs import plain_labels
from granum.object_table import COLUMNS, FLAGS, ObjectTable
from granum.preprocess.histogram import count_values
from granum.segment.components import label_components
from granum.segment.nuclei import stain_kind
from granum.segment.stain_objects import noise_floor
from granum.steps import Range

__all__ = ["judge_nuclei"]

_LEAST_NOISE = 0.1  # of a pixel's noise: no mean of a nucleus is known better
_FEWEST_PLACES = 50
_BOTH, _FEWEST_BOTH = 5.0, 6  # noise widths in both stains, and how many nuclei, to see whether they are proportional
_DARK_PERCENT = 0.5
_UNSURE = (0.2, 0.8)
_SEEN = 3.0  # widths of the contrast where nothing is, from which the live stain shows an object
_MANY_CUT = 0.2  # share of living bodies that were cut, from which their number is doubtful
_BARE = 1.05  # cell over nucleus, up to which there is no cell area around
UNCLEAR = "unclear"


def judge_nuclei(
    objects: ObjectTable,
    labels: ArrayLike,
    live: ArrayLike,
    dead: ArrayLike,
    cells: ArrayLike | None = None,
    channel_facts: Mapping[str, Any] | None = None,
    stains: Mapping[str, str] | None = None,
    area: ArrayLike | None = None,
    *,
    threshold: Annotated[float | None, Range(0)] = None,
    confidence: Annotated[float, Range(0.5, 0.9999)] = 0.95,
    seed: Annotated[int, Range(0, None)] = 0,
) -> tuple[ObjectTable, dict[str, float], Choice]:
    """Judge each nucleus by its dead stain over the local background, and count.

    Parameters
    ----------
    objects : dict of (K,) ndarray
        From `measure_objects`, one row per nucleus in ascending label.
    labels : (Y, X) array_like of int
        The nuclei.
    live, dead : (Y, X) array_like
        The stains as they were read.
    cells : (Y, X) array_like of int, optional
        The cell of nucleus 7 is 7.
    channel_facts : mapping, optional
        From `check_channels`; its shift goes into the summary and the doubt.
    stains : mapping of str to str, optional
        Role -> name of the channel, for the wording.
    area : (Y, X) array_like of bool, optional
        The analysed area.
    threshold : float, optional
        Dead stain over the local background, in grey levels, from which a nucleus is dead; by default judged from the
        field.
    confidence : float
        Of the interval of the viability.
    seed : int
        Of the places without a nucleus that show how much the background alone varies.

    Returns
    -------
    objects : dict of (K,) ndarray
        With ``state``, ``p_dead``, ``live_mean``, ``dead_mean``, ``dead_ring``, ``dead_ratio``; with `cells` also
        ``cell_area`` and ``n_in_clump``. ``dead_ratio`` is NaN where a nucleus has no ring. What neither stain tells
        is "unclear", its ``p_dead`` NaN.
    summary : dict of str to float
        ``n_live``, ``n_dead``, ``n_uncertain`` (probability 0.2 to 0.8), ``n_unclear`` (counted neither as live nor as
        dead), ``viability`` (NaN without nuclei),
        ``viability_low``, ``viability_high`` (Wilson), ``viability_expected`` (mean of 1 - p), ``p_two`` (probability
        that there are two populations), ``dead_ratio_median``, ``doubt`` (0 to 1); with `cells` also
        ``cell_area_fraction``; with `channel_facts` also ``shift_px``.
    choice : Choice
        How it was judged.

    Warns
    -----
    GranumWarning
        Objects are unclear; living cells were counted by cutting bodies without nuclei.

    Raises
    ------
    ShapeError
        Arrays do not fit, or `objects` has not one row per nucleus.
    SettingError
        A setting is out of its range.

    Notes
    -----
    The local background is the median of a ring around the nucleus (half a radius wide, without other nuclei, inside
    its own cell where there is one). How much that contrast varies where nothing is, is measured by moving nuclei with
    their rings to empty places; the evidence z is in units of that. Bleed-through is a small share of the live stain:
    the ratio of both stains, each over its pixel noise, tells it from death. Probabilities: see `judge_evidence`. They
    do not change with gain or offset of either stain. They hold for the nuclei given: what was not found, or merged,
    is counted nowhere.

    The Wilson interval says how far chance in so many nuclei reaches; wells differ more. Fails where the dead stain is
    in the living as strongly as in the dead (over-stained, or nuclei under a glow of the same size).
    10 Mpx with 3,000 nuclei: about a second.

    Examples
    --------
    >>> from granum.measure import measure_objects
    >>> labels = np.zeros((60, 90), np.int32)
    >>> labels[20:36, 10:26], labels[20:36, 60:76] = 1, 2
    >>> noise = np.random.default_rng(0).normal(100, 2, (2, 60, 90))
    >>> live, dead = noise[0] + 100.0 * (labels > 0), noise[1] + 150.0 * (labels == 2)
    >>> objects, summary, _ = judge_nuclei(measure_objects(labels, live), labels, live, dead)
    >>> list(objects["state"]), summary["viability"]
    (['live', 'dead'], 0.5)
    """
    checked = plain_labels(labels)
    live, dead = check_image(live, name="live"), check_image(dead, name="dead")
    for name, image in (("live", live), ("dead", dead)):
        check_same_shape(image, checked.shape, name=name)
    area = check_area(area, checked.shape)
    checked_cells = None if cells is None else check_labels(cells, name="cells")
    if checked_cells is not None:
        check_same_shape(checked_cells, checked.shape, name="cells")
    if confidence not in Range(0.5, 0.9999):
        raise SettingError(f"measure.viability.confidence: {confidence!r} is out of range, must be 0.5 to 0.9999.")
    rings = find_rings(checked, area, checked_cells)
    n = len(rings.values)
    if len(objects.get("label", ())) != n:
        raise ShapeError(
            f"objects: has {len(objects.get('label', ()))} rows, there are {n} nuclei; measure them again."
        )
    of_live, of_dead = measure_levels(live, rings), measure_levels(dead, rings)
    live_mean, dead_mean = _contrast(of_live, live, rings), _contrast(of_dead, dead, rings)
    evidence, unit = _evidence(live, dead, live_mean, dead_mean, rings, seed)
    p_dead = evidence.p_dead if threshold is None else (dead_mean > threshold).astype(np.float64)
    unclear = _unclear(live, dead, live_mean, p_dead, rings, seed)
    p_dead = np.where(unclear, np.nan, p_dead)
    judged = dict(objects)
    judged["state"] = np.where(unclear, UNCLEAR, np.where(p_dead > 0.5, "dead", "live")).astype(object)
    judged |= {"p_dead": p_dead, "live_mean": live_mean, "dead_mean": dead_mean, "dead_ring": of_dead.ring}
    judged["dead_ratio"] = _ratio(of_dead, dead, area)
    summary = _count(p_dead[~unclear], confidence, evidence.p_two)
    summary["n_unclear"] = float(unclear.sum())
    _warn_of_unclear(unclear)
    known = judged["dead_ratio"][np.isfinite(judged["dead_ratio"])]
    summary["dead_ratio_median"] = float(np.median(known)) if len(known) else math.nan
    if checked_cells is not None:
        judged["cell_area"], judged["n_in_clump"] = _cells_of(checked_cells, rings)
        inside = checked_cells > 0 if area is None else (checked_cells > 0)[area]
        summary["cell_area_fraction"] = float(inside.mean()) if inside.size else math.nan
    if channel_facts is not None and "shift_px" in channel_facts:
        summary["shift_px"] = float(channel_facts["shift_px"])
    guessed = _warn_of_bodies(judged, stains)
    summary["doubt"] = 1 - (1 - guessed) * (1 - _doubt(p_dead, judged, channel_facts or {}, rings.radius))
    order = [*(name for name in COLUMNS if name in judged), *(name for name in judged if name not in COLUMNS)]
    chosen = {
        "threshold": threshold, "p_two": round(evidence.p_two, 4), "noise": float(unit),
        "levels_in_noise": [round(level, 2) for level in evidence.levels],
    }  # fmt: skip
    reason = _reason(evidence, threshold, summary, stains)
    return {name: judged[name] for name in order}, summary, Choice("live or dead", chosen, reason)


def _unclear(
    live: NDArray[Any],
    dead: NDArray[Any],
    live_mean: NDArray[np.float64],
    p_dead: NDArray[np.float64],
    rings: NucleusRings,
    seed: int,
) -> NDArray[np.bool_]:
    """Return which objects cannot be judged: no stain says what they are, or a channel holds nothing at all.

    What the live stain does not show and the dead stain does not make dead is a glow, dirt or noise: to count it as
    alive, because it is not dead, would raise the viability.
    """
    if live.min() == live.max() or dead.min() == dead.max():
        return np.ones(len(p_dead), np.bool_)
    nowhere = np.abs(measure_nowhere(live, rings, seed=seed))
    width = float(np.quantile(nowhere, 0.6827)) if len(nowhere) >= _FEWEST_PLACES else 0.3 * noise_floor(live)
    return np.asarray((live_mean < _SEEN * max(width, _LEAST_NOISE * noise_floor(live))) & (p_dead <= 0.5))


def _warn_of_unclear(unclear: NDArray[np.bool_]) -> None:
    if unclear.any():
        n, verb = int(unclear.sum()), "is" if unclear.sum() == 1 else "are"
        warnings.warn(
            f"{n} of {len(unclear)} objects {verb} neither live nor dead by the stains, and counted as neither: they "
            "may be glow from another plane, or dirt.",
            GranumWarning,
            stacklevel=3,
        )


def _warn_of_bodies(objects: ObjectTable, stains: Mapping[str, str] | None) -> float:
    """Return the share of living cells whose number is a guess: bodies without nuclei, cut by their shape alone."""
    if stain_kind((stains or {}).get("live", "")) != "cytoplasm" or "flags" not in objects:
        return 0.0
    living = objects["state"] == "live"
    n, n_cut = int(living.sum()), int((living & (objects["flags"] & FLAGS["was_split"][0] > 0)).sum())
    if n_cut == 0 or n_cut < _MANY_CUT * n:
        return 0.0
    warnings.warn(
        f"{n_cut} of {n} living cells were cut out of larger pieces by shape alone, as their stain shows bodies and no "
        "nuclei: their number and the viability are a guess; add a stain of all nuclei, or sow fewer cells.",
        GranumWarning,
        stacklevel=3,
    )
    return n_cut / n


def _contrast(levels: RingLevels, image: NDArray[Any], rings: NucleusRings) -> NDArray[np.float64]:
    """Return the mean of each nucleus over its ring, or over the clear background where it has no ring."""
    ground = levels.ground
    if not np.isfinite(ground).all():
        clear = image[rings.clear]
        everywhere = float(np.median(clear[:: max(1, clear.size >> 20)])) if clear.size else float(image.min())
        ground = np.where(np.isfinite(ground), ground, everywhere)
    return np.asarray(levels.inside - ground)


def _evidence(
    live: NDArray[Any],
    dead: NDArray[Any],
    live_mean: NDArray[np.float64],
    dead_mean: NDArray[np.float64],
    rings: NucleusRings,
    seed: int,
) -> tuple[DeadEvidence, float]:
    """Return the evidence of all nuclei, and the width of the contrast where no nucleus is."""
    of_live, of_dead = noise_floor(live), noise_floor(dead)
    nowhere = np.abs(measure_nowhere(dead, rings, seed=seed))
    if len(nowhere) >= _FEWEST_PLACES:
        # two quantiles: the usual place, and the glow of other planes that some places have
        width = max(float(np.quantile(nowhere, 0.6827)), float(np.quantile(nowhere, 0.9545)) / 2)
    else:
        width = 0.3 * of_dead
    unit = max(width, _LEAST_NOISE * of_dead)
    if unit <= 0:
        unit = max(float(np.abs(dead_mean).max(initial=0.0)) * 1e-3, 1e-30)
    faintest = max(of_live, 1e-12 * float(np.abs(live_mean).max(initial=1.0)), 1e-30)
    strength = dead_mean / max(of_dead, unit)
    ratio = np.maximum(strength, 0) / np.maximum(live_mean / faintest, 1.0)
    both = (dead_mean > _BOTH * unit) & (live_mean > _BOTH * of_live)
    spread = None
    if both.sum() >= _FEWEST_BOTH:
        proportion = np.log(dead_mean[both] / live_mean[both])
        spread = float(np.quantile(np.abs(proportion - np.median(proportion)), 0.6827))
    return judge_evidence(dead_mean / unit, ratio, proportion_spread=spread), unit


def _ratio(levels: RingLevels, image: NDArray[Any], area: NDArray[np.bool_] | None) -> NDArray[np.float64]:
    """Return nucleus over ring, both over the dark of the image; the ring counts at least one pixel's noise."""
    if len(levels.ring) == 0:
        return np.zeros(0)
    dark = count_values(image, area).percentile(_DARK_PERCENT)
    least = max(noise_floor(image), 1e-12 * float(np.abs(levels.inside).max()), 1e-30)
    return np.asarray((levels.inside - dark) / np.maximum(levels.ring - dark, least))


def _cells_of(cells: NDArray[np.int32], rings: NucleusRings) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the area of the cell of each nucleus, and how many nuclei share its connected cell area."""
    largest = int(max(cells.max(), rings.values.max(initial=0)))
    areas = np.bincount(cells.ravel(), minlength=largest + 1)[rings.values]
    clumps = label_components(cells > 0, connectivity=2).ravel()
    clump = clumps[rings.inside[rings.inside_start[:-1]]]
    counts = np.bincount(clump, minlength=1)
    return areas.astype(np.int64), np.where(clump > 0, counts[clump], 1).astype(np.int64)


def _count(p_dead: NDArray[np.float64], confidence: float, p_two: float) -> dict[str, float]:
    n, n_dead = len(p_dead), int((p_dead > 0.5).sum())
    low, high = wilson_interval(n - n_dead, n, confidence=confidence)
    return {
        "n_live": float(n - n_dead),
        "n_dead": float(n_dead),
        "n_uncertain": float(((p_dead > _UNSURE[0]) & (p_dead < _UNSURE[1])).sum()),
        "viability": (n - n_dead) / n if n else math.nan,
        "viability_low": low if n else math.nan,
        "viability_high": high if n else math.nan,
        "viability_expected": float(1 - p_dead.mean()) if n else math.nan,
        "p_two": float(p_two),
    }


def _doubt(p_dead: NDArray[np.float64], objects: ObjectTable, facts: Mapping[str, Any], radius: float) -> float:
    """Return how much somebody should look at this: 1 less the product of what speaks for looking away."""
    if len(p_dead) == 0:
        return 0.5
    judged = p_dead[np.isfinite(p_dead)]
    calm = len(judged) / len(p_dead)
    calm *= 1 - float((4 * judged * (1 - judged)).mean()) if len(judged) else 0.0
    if "confidence" in objects:
        calm *= 1 - 0.5 * float((np.asarray(objects["confidence"]) < 0.5).mean())
    if "cell_area" in objects and "area" in objects:  # nuclei without a body around them
        calm *= 1 - float((np.asarray(objects["cell_area"]) <= _BARE * np.asarray(objects["area"])).mean())
    shift = float(facts.get("shift_px", 0.0))
    if math.isfinite(shift) and shift > 1:
        calm *= max(0.0, 1 - shift / max(2 * radius, 2.0))
    if facts.get("doubts"):
        calm *= 0.5
    return float(min(1.0, max(0.0, 1 - calm)))


def _reason(
    evidence: DeadEvidence, threshold: float | None, summary: Mapping[str, float], stains: Mapping[str, str] | None
) -> str:
    stain = (stains or {}).get("dead", "the dead stain")
    n = int(summary["n_live"] + summary["n_dead"])
    if n == 0:
        return "There is no nucleus to judge."
    if threshold is not None:
        return f"Dead from {threshold:g} grey levels of {stain} over the local background on, as set."
    low, high = evidence.levels
    if evidence.p_two > 0.5:
        return (
            f"Two populations in {stain} (probability {evidence.p_two:.2f}): {low:.3g} and {high:.3g} noise widths "
            f"over the local background; {int(summary['n_uncertain'])} of {n} nuclei are uncertain."
        )
    return (
        f"One population in {stain}, {low:.3g} noise widths over the local background: each nucleus was judged by "
        f"itself; {int(summary['n_uncertain'])} of {n} are uncertain."
    )
