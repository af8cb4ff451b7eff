"""Is the reported score true? What pipelines report from strokes, and what they reach on unseen images.

    python benchmarks/accuracy/reported_scores.py            five seeds, both sets (about 5 minutes on one core)
    python benchmarks/accuracy/reported_scores.py --quick    one seed, two families

Fixed pipelines, so that nothing but the estimate is measured (`scribbles.py` measures what the search reports). `truth`
is the mean IoU on each unseen image, averaged; `reported` knows the strokes and the training images only. For
comparison: `strokes`, the error of the IoU of left-out strokes; and `random`, that of the IoU of painted pixels when
random pixels are left out, as Weka's out-of-bag does. `chosen` is the pipeline with the best rank. Prints a table and
writes `bench_out/reported_scores.json`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from data_sets import SHARED
from numpy.typing import NDArray
from scribbles import SETS, class_ious, load_set, paint

from granum.learn import (
    PixelClass,
    TrainingData,
    TrainingImage,
    compute_features,
    estimate_scores,
    fit_classifier,
    gather_training_data,
    make_folds,
    make_scribbles,
    map_features,
    measure_intensity,
    predict_held_out,
)
from granum.learn.class_prior import apply_prior
from granum.learn.folds import Fold, Folds
from granum.learn.joint_table import ious
from granum.learn.score_estimate import Scorer

OUT = Path("bench_out")
FAMILIES = ("logistic", "lightgbm", "mlp", "extra_trees")


@dataclass(frozen=True)
class Row:
    """One pipeline with the strokes of one seed."""

    set: str
    seed: int
    family: str
    normalisation: str
    truth: float
    reported: float
    low: float
    high: float
    rank: float
    strokes: float
    random_px: float


def normalise(data: TrainingData, normalisation: str) -> TrainingData:
    """Return the data with grey levels relative to each image, or to the first for all."""
    if normalisation == "image":
        return data
    planes = {}
    for key, image_of in (("painted", data.image_of), ("sample", data.sample_image)):
        mapped = getattr(data, key).copy()
        for at in np.unique(image_of):
            own = image_of == at
            mapped[:, own] = map_features(mapped[:, own], data.names, old=data.intensity[at], new=data.intensity[0])
        planes[key] = mapped
    return replace(data, **planes)


def iou_of_painted(data: TrainingData, probabilities: NDArray[np.float32]) -> float:
    """Return the mean IoU of painted pixels, classes weighing the same."""
    k = len(data.classes)
    joint = data.labels.astype(np.int64) * k + np.nan_to_num(probabilities).argmax(axis=0)
    return float(ious(np.bincount(joint, data.weights, minlength=k * k).reshape(k, k)).mean())


def random_folds(data: TrainingData, seed: int) -> Folds:
    """Return folds of random pixels: what must not be done."""
    part = np.random.default_rng(seed).integers(0, 4, data.labels.size)
    nothing = np.zeros(0, np.int64)
    return Folds(
        "stroke", tuple(Fold(np.flatnonzero(part != at), np.flatnonzero(part == at), nothing) for at in range(4))
    )


def score_seed(set_name: str, seed: int, families: tuple[str, ...]) -> list[Row]:
    """Return all pipelines with the strokes of one seed."""
    names, images, classes = load_set(set_name)
    _, n_classes, _, n_painted = SETS[set_name]
    chosen = [int(one) for one in np.random.default_rng(seed).choice(len(images), n_painted, replace=False)]
    given = [
        TrainingImage(
            names[at],
            images[at][None],
            make_scribbles(paint(classes[at], "strokes", n_classes, 100 * seed + at), name=names[at]),
        )
        for at in chosen
    ]
    ids = [PixelClass(one, f"class {one}") for one in range(1, n_classes + 1)]
    data = gather_training_data(given, ids, n_sample=32_768, seed=seed)
    folds = make_folds(data, seed=seed)
    models: list[tuple[str, str, NDArray[np.float64], Any]] = []
    rows = []
    for normalisation in ("image", "training"):
        own = normalise(data, normalisation)
        scorer = Scorer(own, folds)
        for family in families:

            def fit(pixels: NDArray[np.int64], own: TrainingData = own, family: str = family) -> Any:
                planes = np.ascontiguousarray(own.painted[:, pixels])
                return fit_classifier(
                    family, planes, own.labels[pixels], n_classes=n_classes, weights=own.weights[pixels], seed=seed
                ).probabilities

            held_out = predict_held_out(own, folds, fit)
            score = scorer.score(held_out)
            report = estimate_scores(own, folds, held_out, n_resamples=50)
            blind = predict_held_out(own, random_folds(own, seed), fit)
            models.append((family, normalisation, score.prior, fit(np.arange(own.labels.size))))
            rows.append(Row(
                set_name, seed, family, normalisation, 0.0, report.miou, report.low, report.high, score.rank,
                iou_of_painted(own, held_out.painted), iou_of_painted(own, blind.painted),
            ))  # fmt: skip
    truths: list[list[float]] = [[] for _ in models]
    for at in set(range(len(images))) - set(chosen):
        scale = measure_intensity(images[at][None])
        planes = compute_features(images[at][None], data.features, intensity=scale)
        planes = planes.reshape(len(planes), -1)
        mapped = map_features(planes, data.names, old=scale, new=data.intensity[0])
        for found, (_, normalisation, prior, predict) in zip(truths, models, strict=True):
            probabilities = predict(planes if normalisation == "image" else mapped)
            predicted = apply_prior(probabilities, prior).argmax(axis=0).astype(np.uint8) + 1
            found.append(float(np.nanmean(class_ious(predicted, classes[at].ravel(), n_classes))))
    return [replace(row, truth=float(np.mean(found))) for row, found in zip(rows, truths, strict=True)]


def print_table(rows: list[Row]) -> None:
    """Print errors per set and pipeline, and those of the chosen pipelines."""
    print(f"{'set':14} {'pipeline':22} {'truth':>6} {'report':>6} {'|err|':>6} {'worst':>6} {'bias':>6} "
          f"{'strokes':>8} {'random':>7} {'covered':>8}")  # fmt: skip
    for set_name in dict.fromkeys(row.set for row in rows):
        own = [row for row in rows if row.set == set_name]
        groups = {f"{row.family}, {row.normalisation}": [] for row in own} | {"chosen": []}
        for row in own:
            groups[f"{row.family}, {row.normalisation}"].append(row)
        for seed in dict.fromkeys(row.seed for row in own):
            groups["chosen"].append(max((row for row in own if row.seed == seed), key=lambda row: row.rank))
        for name, group in groups.items():
            error = np.array([row.reported - row.truth for row in group])
            claims = [
                np.mean([abs(getattr(row, key) - row.truth) for row in group]) for key in ("strokes", "random_px")
            ]
            inside = sum(row.low <= row.truth <= row.high for row in group)
            print(f"{set_name:14} {name:22} {np.mean([row.truth for row in group]):6.3f} "
                  f"{np.mean([row.reported for row in group]):6.3f} {abs(error).mean():6.3f} {abs(error).max():6.3f} "
                  f"{error.mean():+6.3f} {claims[0]:8.3f} {claims[1]:7.3f} {inside:>5}/{len(group)}")  # fmt: skip


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    if not (SHARED / "bench" / "strokes.py").exists():
        print(f"{SHARED}: the annotated images and the stroke simulator are not there; nothing is measured.")
        return
    families = FAMILIES[:2] if options.quick else FAMILIES
    rows: list[Row] = []
    for set_name in options.sets.split(","):
        for seed in range(1 if options.quick else options.seeds):
            rows += score_seed(set_name, seed, families)
    print_table(rows)
    OUT.mkdir(exist_ok=True)
    (OUT / "reported_scores.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
