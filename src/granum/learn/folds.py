"""`make_folds`: what is left out to be tested on: whole images, else neighbouring strokes; never random pixels.

Pixels of one stroke are near-copies of each other, and strokes of one image share its grey levels. So a score speaks
for unseen images only when whole images were left out. A class that is painted on one image only stays validated by its
strokes there: while that image is left out, half of them are still learnt from, then the other half.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from granum.errors import SettingError
from granum.learn.training_data import TrainingData

__all__ = ["Fold", "Folds", "make_folds"]

_MOST_STRIPS = 4


@dataclass(frozen=True, eq=False)
class Fold:
    """One split.

    Parameters
    ----------
    train, test : (...,) ndarray of int64
        Painted pixels (places in `TrainingData.labels`) that are learnt from, and that are tested.
    sample : (...,) ndarray of int64
        Pixels of the sample (places in `TrainingData.sample_image`) that count as unseen by what learns from `train`.
    """

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    sample: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Folds:
    """Splits: every pixel of the sample is in exactly one `sample`, every painted one in at most one `test`.

    Parameters
    ----------
    kind : {"image", "stroke"}
        What is left out.
    folds : tuple of Fold
        At least one.
    of_strokes : tuple of int
        Indices of classes that are painted on one image (one group of images) only: left out by strokes.
    notes : tuple of str
        What the user must know.
    """

    kind: Literal["image", "stroke"]
    folds: tuple[Fold, ...]
    of_strokes: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Fold]:
        """Go through the folds."""
        return iter(self.folds)

    def __len__(self) -> int:
        """Return their number."""
        return len(self.folds)


def make_folds(data: TrainingData, *, most_folds: int = 5, seed: int = 0) -> Folds:
    """Return what to leave out.

    Parameters
    ----------
    data : TrainingData
        With at least two classes.
    most_folds : int
        With more painted images than this, several are left out at once; at least 2.
    seed : int
        Which images are grouped when there are more than `most_folds`.

    Returns
    -------
    folds : Folds
        By images where two or more are painted, by strokes otherwise. Every class is learnt from in every fold. A class
        with a single stroke has it cut in two halves, because nothing else is left, and that is noted.

    Raises
    ------
    SettingError
        `most_folds` is below 2, or fewer than two classes are painted.
    """
    if most_folds < 2:
        raise SettingError(f"most_folds is {most_folds}, must be at least 2.")
    n_classes = len(data.classes)
    if np.unique(data.labels).size < 2:
        raise SettingError("strokes: only one class is painted; paint at least two.")
    painted = np.unique(data.image_of)
    part_of, torn = _parts_of_strokes(data, n_parts=2)
    notes = [_note_of_one(data.classes[one].name, int((data.labels == one).sum())) for one in torn]
    if painted.size < 2:
        part_of, _ = _parts_of_strokes(data, n_parts=min(_MOST_STRIPS, most_folds))
        return _by_parts(data, part_of, tuple(notes))
    group_of_image = _group_images(data, painted, most_folds, seed)
    group = group_of_image[data.image_of]
    seen = np.zeros((n_classes, group_of_image.max() + 1), np.bool_)
    seen[data.labels, group] = True
    alone = tuple(int(one) for one in np.flatnonzero(seen.sum(axis=1) == 1))
    for one in alone:
        names = {data.images[at].name for at in np.unique(data.image_of[data.labels == one])}
        if one not in torn:
            notes.append(
                f"{data.classes[one].name} is painted on {', '.join(sorted(names))} only, so it is tested by left-out "
                "strokes there, and how it looks on other images is unknown."
            )
    sample_group = group_of_image[data.sample_image]
    folds = []
    is_alone = np.isin(data.labels, alone)
    for number in range(seen.shape[1]):
        own = group == number
        always = own & is_alone & (part_of < 0)
        by_strokes = own & is_alone & (part_of >= 0)
        sample = np.flatnonzero(sample_group == number)
        if not by_strokes.any():
            folds.append(Fold(np.flatnonzero(~own | always), np.flatnonzero(own & ~always), sample))
            continue
        # half of the strokes of classes that no other image has is learnt from while the rest of the image is tested
        for half in (0, 1):
            kept = always | (by_strokes & (part_of != half))
            test = (own & ~is_alone) | (by_strokes & (part_of == half)) if half == 0 else by_strokes & (part_of == half)
            nearer = sample if sample.size == 0 else sample[_nearest_part(data, by_strokes, part_of, sample) == half]
            folds.append(Fold(np.flatnonzero(~own | kept), np.flatnonzero(test), nearer))
    return Folds("image", tuple(folds), alone, tuple(notes))


def _note_of_one(name: str, n_px: int) -> str:
    """Return what is to be said of a class with one stroke."""
    if n_px == 1:
        return f"Only 1 pixel of {name} is painted: it is always learnt from and never tested, so its score is a guess."
    return f"Only 1 stroke of {name}: its two halves are tested on each other, so its score is a guess."


def _by_parts(data: TrainingData, part_of: NDArray[np.int64], notes: tuple[str, ...]) -> Folds:
    """Return folds that leave out one part of the strokes each."""
    parts = np.unique(part_of[part_of >= 0])
    sample = np.arange(data.sample_image.size)
    if not parts.size:
        note = "Every class is one painted pixel: nothing can be left out, so the score is a guess."
        return Folds("stroke", (Fold(np.arange(data.labels.size), np.zeros(0, np.int64), sample),), (), (*notes, note))
    nearest = _nearest_part(data, part_of >= 0, part_of, sample)
    folds = tuple(
        Fold(np.flatnonzero(part_of != part), np.flatnonzero(part_of == part), np.flatnonzero(nearest == part))
        for part in parts
    )
    return Folds("stroke", folds, tuple(range(len(data.classes))), notes)


def _parts_of_strokes(data: TrainingData, *, n_parts: int) -> tuple[NDArray[np.int64], list[int]]:
    """Return the part of each painted pixel (-1: the only one of its class), and the classes with a single stroke.

    Per class, strokes are put in order along the longer side of what is painted, and cut into parts of about as many
    pixels: strokes side by side stay together, and parts of the classes lie in the same strips.
    """
    part_of = np.zeros(data.labels.size, np.int64)
    torn = []
    wide = np.ptp(data.x) >= np.ptp(data.y)
    along = (data.x if wide else data.y).astype(np.float64) + data.image_of.astype(np.float64) * 1e7
    for one in np.unique(data.labels):
        own = np.flatnonzero(data.labels == one)
        _, stroke, n_px = np.unique(data.stroke_of[own], return_inverse=True, return_counts=True)
        if n_px.size == 1:
            torn.append(int(one))
            if own.size == 1:
                part_of[own] = -1
                continue
            rank = np.argsort(np.argsort(_along_stroke(data.y[own], data.x[own]), kind="stable"), kind="stable")
            part_of[own] = rank * 2 // own.size
            continue
        middle = np.bincount(stroke, along[own]) / n_px
        order = np.argsort(middle, kind="stable")
        parts = min(n_parts, n_px.size)
        before = np.concatenate([[0], np.cumsum(n_px[order])[:-1]]) + n_px[order] / 2
        by_px = np.minimum((before * parts / n_px.sum()).astype(np.int64), parts - 1)
        # no part stays empty, however different the strokes are in size
        place = np.arange(n_px.size)
        by_px = np.clip(by_px, parts - n_px.size + place, place)
        part = np.empty(n_px.size, np.int64)
        part[order] = by_px
        part_of[own] = part[stroke]
    return part_of, torn


def _along_stroke(y: NDArray[np.int32], x: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the place of pixels along the longest direction of their stroke."""
    points = np.column_stack([y, x]).astype(np.float64)
    points -= points.mean(axis=0)
    _, vectors = np.linalg.eigh(points.T @ points)
    longest: NDArray[np.float64] = points @ vectors[:, -1]
    return longest


def _nearest_part(
    data: TrainingData, among: NDArray[np.bool_], part_of: NDArray[np.int64], sample: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return for pixels of the sample the part of the nearest painted pixel, in the same image if there is any."""
    chosen = np.flatnonzero(among)
    # images lie so far apart that the nearest is in the same one
    far = 1e7
    place = np.column_stack([data.y[chosen], data.x[chosen], data.image_of[chosen] * far])
    wanted = np.column_stack([data.sample_y[sample], data.sample_x[sample], data.sample_image[sample] * far])
    _, found = cKDTree(place).query(wanted)
    nearest: NDArray[np.int64] = part_of[chosen[found]]
    return nearest


def _group_images(data: TrainingData, painted: NDArray[np.int32], most_folds: int, seed: int) -> NDArray[np.int64]:
    """Return the group of every image: painted ones such that the classes are spread evenly, the others in turn."""
    group_of = np.zeros(len(data.images), np.int64)
    n_groups = min(painted.size, most_folds)
    if painted.size <= most_folds:
        group_of[painted] = np.arange(painted.size)
    else:
        counts = np.zeros((len(data.images), len(data.classes)))
        np.add.at(counts, (data.image_of, data.labels), 1.0)
        counts /= np.maximum(counts.sum(axis=0), 1)
        turn = np.random.default_rng(seed).permutation(painted)
        turn = turn[np.argsort(-counts[turn].max(axis=1), kind="stable")]
        load = np.zeros((n_groups, len(data.classes)))
        n_in = np.zeros(n_groups)
        for at in turn:
            best = int(np.lexsort((n_in, ((load + counts[at]) ** 2 - load**2).sum(axis=1)))[0])
            group_of[at] = best
            load[best] += counts[at]
            n_in[best] += 1
    others = np.setdiff1d(np.arange(len(data.images)), painted)
    group_of[others] = np.arange(others.size) % n_groups
    return group_of
