"""Which splitter: every clump of touching objects gets the one whose parts look most like single objects."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from granum.arrays import check_area, check_image, check_mask, check_same_shape
from granum.choice import Choice
from granum.errors import SettingError
from granum.segment.components import count_labels, label_components
from granum.separate.basins import rename_labels
from granum.separate.clump_scores import clumps_of_parts, score_clumps
from granum.separate.convex_merge import merge_convex_parts, over_segment
from granum.separate.distance import distance_map
from granum.separate.hierarchy import flood_to_dynamic
from granum.separate.local_kmeans import split_by_local_kmeans
from granum.separate.overlaps import split_overlapping_discs
from granum.separate.slivers import merge_slivers
from granum.step_cache import remembered
from granum.steps import Range

__all__ = ["split_automatically"]

_LEAD = 0.06
_DOUBT = 0.01
_NECK = 0.98
_NOT_COMPARED = "shape_and_light"  # no gain over "shape" on real images, at twice its cost
_SPLITTERS = ("shape", "shape_and_light", "watershed", "local_kmeans")
_SMOOTHING_OF_RADIUS = 0.025
_MIN_DYNAMIC, _MIN_DEPTH = 0.1, 0.5

Splitter = Literal["auto", "none", "shape", "shape_and_light", "watershed", "local_kmeans"]


def split_automatically(
    mask: ArrayLike,
    relief: ArrayLike | None = None,
    area: ArrayLike | None = None,
    *,
    splitter: Splitter = "auto",
    min_size: Annotated[int, Range(1, None, unit="px2")] = 10,
) -> tuple[NDArray[np.int32], NDArray[np.float32], Choice]:
    """Split touching objects, each clump by the splitter that suits it best.

    Parameters
    ----------
    mask : (Y, X) array_like of bool
        True on objects.
    relief : (Y, X) array_like, optional
        Smoothed image with bright objects; with it a dark line between two objects counts as well as their outline.
    area : (Y, X) array_like of bool, optional
        The analysed area; the mask is cut to it.
    splitter : {"auto", "none", "shape", "shape_and_light", "watershed", "local_kmeans"}
        "auto" compares the others, but for "shape_and_light", for every clump, and cuts overlapping discs of one
        size (`split_overlapping_discs`). "none": connected regions. "shape": convex parts
        (`split_by_shape`). "shape_and_light": the same, and a dark line between two parts keeps them apart.
        "watershed": basins of the distance map. "local_kmeans": size-weighted local k-means started at its peaks.
    min_size : int
        Smaller parts are dropped, in pixels.

    Returns
    -------
    labels : (Y, X) ndarray of int32
        Objects 1..K.
    confidence : (K,) ndarray of float32
        Of the separation, 0 to 1 per object; 1 where there was nothing to split.
    choice : Choice
        How many clumps each splitter won, and the scores of all.

    Raises
    ------
    ShapeError
        Arrays do not fit.
    SettingError
        No such splitter (or "shape_and_light" without a relief), or `min_size` under 1.

    Notes
    -----
    The score of a clump is the area-weighted mean over its parts of solidity x (1 - 0.3 x share of the outline that
    was cut): parts must be convex, and cuts must be short or they cost more than they bring. The convex parts of
    "shape" are kept unless another splitter is better for a clump by 0.06. Confidence is that of the convex splitter
    and 1 for the parts of the others, halved where another splitter finds another number of parts and the scores
    differ by less than 0.01. Splinters go back to their
    neighbours (`merge_slivers`). The score is granum's own. Cost: about that of its four splitters. Fails where the
    objects themselves are not convex (stars, bent rods).
    """
    mask = check_mask(mask)
    inside = check_area(area, mask.shape)
    light = None
    if relief is not None:
        light = check_image(relief, name="relief").astype(np.float32, copy=False)
        check_same_shape(light, mask.shape, name="relief")
    known = [name for name in _SPLITTERS if light is not None or name != _NOT_COMPARED]
    if splitter not in ("auto", "none", *known):
        raise SettingError(f"separate.choose.splitter: {splitter!r} is not one of auto, none, {', '.join(known)}.")
    if min_size < 1:
        raise SettingError(f"separate.choose.min_size: {min_size!r} is out of range, must be at least 1.")
    labels, sure, name, n_clumps, n_pairs, won, table = _split(
        mask, inside, light if splitter == _NOT_COMPARED else None, splitter
    )
    labels, sure, choice = _finish(labels, sure, min_size, name, won, n_clumps, n_pairs)
    return labels, sure, Choice(choice.about, choice.chosen, choice.reason, table) if table else choice


_Split = tuple[NDArray[np.int32], NDArray[np.float32], str, int, int, dict[str, int], list[dict[str, Any]]]


@remembered
def _split(
    mask: NDArray[np.bool_], inside: NDArray[np.bool_] | None, light: NDArray[np.float32] | None, splitter: str
) -> _Split:
    """Return labels, confidence, the main splitter, numbers of clumps and of overlapping pairs, clumps won, table.

    All but the dropping of small parts, which a preview does again and again.
    """
    if inside is not None:
        mask = mask & inside
    clumps = label_components(mask, connectivity=2)
    n_clumps = int(clumps.max())
    if splitter == "none" or n_clumps == 0:
        labels = label_components(mask)
        return labels, np.ones(int(labels.max()), np.float32), "none", n_clumps, 0, {}, []
    candidates = _candidates(mask, light)
    if splitter != "auto":
        labels, confidence = candidates[splitter]()
        return labels, confidence, splitter, n_clumps, 0, {}, []
    return _compare(mask, clumps, n_clumps, candidates)


def _typical_radius(mask: NDArray[np.bool_], distance: NDArray[np.float32]) -> float:
    """Return three times the mean distance to the background: the radius, for discs of one size."""
    n = int(np.count_nonzero(mask))
    return 3 * float(distance.sum(dtype=np.float64)) / n if n else 0.0


def _candidates(
    mask: NDArray[np.bool_], light: NDArray[np.float32] | None
) -> dict[str, Callable[[], tuple[NDArray[np.int32], NDArray[np.float32]]]]:
    """Return the splitters of this mask; what two of them start from is made once, when the first asks for it."""
    distance = distance_map(mask)
    smoothing = _SMOOTHING_OF_RADIUS * _typical_radius(mask, distance)
    parts = cache(lambda: over_segment(mask, distance, smoothing=smoothing))
    basins = cache(lambda: flood_to_dynamic(distance, mask, min_dynamic=_MIN_DYNAMIC, min_depth=_MIN_DEPTH))

    def sure(labels: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        return labels, np.ones(int(labels.max()), np.float32)

    def merge_at_dynamic() -> NDArray[np.int32]:
        parts.cache_clear()  # those who need them come first: 8 bytes per pixel
        return basins()[0]

    def split_at_peaks() -> NDArray[np.int32]:
        tree = basins()[1]
        return split_by_local_kmeans(mask, tree.peaks[tree.survives(_MIN_DYNAMIC, _MIN_DEPTH)], size_weighted=True)

    candidates: dict[str, Callable[[], tuple[NDArray[np.int32], NDArray[np.float32]]]] = {
        "shape": lambda: merge_convex_parts(*parts(), max_neck=_NECK)
    }
    if light is not None:
        candidates["shape_and_light"] = lambda: merge_convex_parts(*parts(), light, max_neck=_NECK)
    candidates["watershed"] = lambda: sure(merge_at_dynamic())
    candidates["local_kmeans"] = lambda: sure(split_at_peaks())
    return candidates


def _compare(mask: NDArray[np.bool_], clumps: NDArray[np.int32], n_clumps: int, candidates: dict[str, Any]) -> _Split:
    """Return for every clump the labels of the splitter that won it."""
    first = next(iter(candidates))
    labels, confidence = candidates[first]()
    scores, counts = score_clumps(labels, clumps, n_clumps)
    touched = counts > 1
    best, best_name = scores.copy(), np.zeros(n_clumps + 1, np.int8)
    doubt = np.zeros(n_clumps + 1, bool)
    means = {first: _mean(scores, touched, clumps)}
    merged, sure = labels, confidence
    for row, (name, split) in enumerate(list(candidates.items())[1:], start=1):
        other, other_confidence = split()
        other_scores, other_counts = score_clumps(other, clumps, n_clumps)
        touched |= other_counts > 1
        means[name] = _mean(other_scores, touched, clumps)
        wins = other_scores > best + _LEAD
        doubt = np.where(wins, False, doubt) | (
            (np.abs(other_scores - best) < _DOUBT) & (other_counts != counts) & ~wins
        )
        if wins.any():
            merged, sure = _take(merged, sure, other, other_confidence, wins[clumps] & mask)
            best, counts = np.where(wins, other_scores, best), np.where(wins, other_counts, counts)
            best_name[wins] = row
    names = list(candidates)
    won = {name: int((best_name[1:][touched[1:]] == row).sum()) for row, name in enumerate(names)}
    won["none"] = int(n_clumps - touched[1:].sum())
    sure = _lower(sure, merged, clumps, doubt)
    main = max(names, key=lambda name: won[name]) if touched.any() else "none"
    merged, sure, _ = merge_slivers(merged, sure)
    merged, sure, n_pairs = split_overlapping_discs(merged, sure)
    table = [{"splitter": name, "clumps_won": won[name], "mean_score": round(means[name], 4)} for name in names]
    return merged, sure, main, n_clumps, n_pairs, won, sorted(table, key=lambda row: -row["clumps_won"])


def _mean(scores: NDArray[np.float64], touched: NDArray[np.bool_], clumps: NDArray[np.int32]) -> float:
    return float(scores[1:][touched[1:]].mean()) if touched[1:].any() else 1.0


def _take(
    labels: NDArray[np.int32],
    sure: NDArray[np.float32],
    other: NDArray[np.int32],
    other_sure: NDArray[np.float32],
    where: Any,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return `labels` with `other` in the clumps that it won, numbered in raster order."""
    joined = labels.copy()
    np.add(other, np.int32(len(sure)), out=joined, where=where)
    both = np.concatenate([[np.float32(0)], sure, other_sure])
    kept = np.flatnonzero(count_labels(joined, len(both) - 1)[1:]) + 1
    names = np.zeros(len(both), np.int32)
    names[kept] = np.arange(1, len(kept) + 1, dtype=np.int32)
    rename_labels(joined, names)
    return joined, both[kept].astype(np.float32)


def _lower(
    sure: NDArray[np.float32], labels: NDArray[np.int32], clumps: NDArray[np.int32], doubt: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Halve the confidence of objects in clumps on which the splitters disagree."""
    if not doubt.any():
        return sure
    clump_of = clumps_of_parts(labels, clumps, len(sure))
    return np.where(doubt[clump_of[1:]], sure * np.float32(0.5), sure)


def _finish(
    labels: NDArray[np.int32],
    sure: NDArray[np.float32],
    min_size: int,
    name: str,
    won: dict[str, int],
    n_clumps: int,
    n_pairs: int = 0,
) -> tuple[NDArray[np.int32], NDArray[np.float32], Choice]:
    """Drop small parts, number the rest in raster order, and explain."""
    areas = count_labels(labels, len(sure))
    large = areas >= min_size
    large[0] = False
    names = np.cumsum(large, dtype=np.int32) * large
    dropped = int((areas[1:] > 0).sum() - large[1:].sum())
    kept = labels
    if int(names[-1]) < len(sure):  # labels of which none goes stay as they are
        kept = labels.copy()
        rename_labels(kept, names.astype(np.int32, copy=False))
    sure = sure[large[1:]]
    n = len(sure)
    chosen: dict[str, Any] = {
        "splitter": name,
        "n_regions": n_clumps,
        "n_objects": n,
        "n_dropped": dropped,
        "n_overlapping_pairs": n_pairs,
        "n_low_confidence": int((sure < 0.5).sum()),
    }
    how = "; ".join(f"{count} by {key}" for key, count in won.items() if count and key != "none")
    reason = f"{n_clumps} connected regions became {n} objects. " + (
        f"Clumps split or checked: {how}." if how else f"Splitter: {name}."
    )
    if n_pairs:
        reason += f" {n_pairs} objects as wide as the usual disc but too long were cut in two, with low confidence."
    if dropped:
        reason += f" {dropped} parts under {min_size} px were dropped."
    return kept, sure, Choice("separation", chosen, reason)
