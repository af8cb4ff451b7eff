"""How well a few strokes teach: granum's search and what people use today, on the same strokes, in one run.

    python benchmarks/accuracy/scribbles.py             five seeds, all sets and methods (about an hour on 2 cores)
    python benchmarks/accuracy/scribbles.py --quick     one seed, 10 s of search, 3 unseen images of each set
    python benchmarks/accuracy/scribbles.py --sets sandstone --methods granum,skimage --budget 60

Strokes are simulated from the dense classes by ../shared/bench/strokes.py, about 3,000 px per image; "px" are 3,000
random pixels instead. By each seed other images are painted; the score is the mean IoU of the classes on each image
that was not, averaged. `reported` is the score that a method itself shows, which knows the strokes only. Prints a table
with paired 95 % intervals of the difference to granum (bootstrap over seeds and images) and writes
`bench_out/accuracy_scribbles.csv` and `.json`.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from data_sets import SHARED, load_shared_module
from numpy.typing import NDArray

OUT = Path("bench_out")
# set -> folder, number of classes, value of the first class in its files, images that are painted
SETS: dict[str, tuple[str, int, int, int]] = {
    "ni_superalloy": ("ni_superalloy_3class", 3, 0, 4),
    "sandstone": ("sandstone_4class", 4, 1, 2),
}
PAINTED_PX = 3000


@dataclass(frozen=True)
class Score:
    """One method on one unseen image; `reported` is what the method says of itself."""

    set: str
    labels: str
    seed: int
    method: str
    image: str
    miou: float
    ious: tuple[float, ...]
    learn_s: float
    apply_s: float
    reported: float | None
    low: float | None
    high: float | None
    about: str


def load_set(name: str) -> tuple[list[str], list[NDArray[Any]], list[NDArray[np.uint8]]]:
    """Return names, images and classes 1..K."""
    import tifffile

    folder, _, first, _ = SETS[name]
    names, images, classes = [], [], []
    for path in sorted((SHARED / "data" / folder / "images").glob("*.tif")):
        image = tifffile.imread(path)
        names.append(path.stem)
        images.append(np.ascontiguousarray(image[..., 0]) if image.ndim == 3 else image)
        truth = tifffile.imread(path.parent.parent / "classes" / path.name).astype(np.int64)
        classes.append((truth - first + 1).astype(np.uint8))
    return names, images, classes


def paint(classes: NDArray[np.uint8], labels: str, n_classes: int, seed: int) -> NDArray[np.uint8]:
    """Return classes where something is painted, 0 elsewhere."""
    if labels == "strokes":
        painted = load_shared_module("strokes").strokes(classes - 1, PAINTED_PX // n_classes, seed=seed)
        return np.asarray(painted, np.uint8)
    painted = np.zeros_like(classes)
    at = np.random.default_rng(seed).choice(classes.size, PAINTED_PX, replace=False)
    painted.ravel()[at] = classes.ravel()[at]
    return painted


def class_ious(predicted: NDArray[np.uint8], truth: NDArray[np.uint8], n_classes: int) -> tuple[float, ...]:
    """Return intersection over union of every class, NaN where neither has it."""
    joint = np.bincount(truth.ravel().astype(np.int64) * 256 + predicted.ravel(), minlength=1 << 16).reshape(256, 256)
    joint = joint[: n_classes + 1, : n_classes + 1]
    hit = np.diag(joint)
    union = joint.sum(0) + joint.sum(1) - hit
    with np.errstate(invalid="ignore"):
        return tuple(float(value) for value in (hit / np.where(union > 0, union, np.nan))[1:])


def score_seed(
    set_name: str, labels: str, seed: int, methods: Sequence[str], budget_s: float, n_unseen: int
) -> list[Score]:
    """Return the scores of all methods with the strokes of one seed."""
    names, images, classes = load_set(set_name)
    _, n_classes, _, n_painted = SETS[set_name]
    rng = np.random.default_rng(seed)
    chosen = [int(one) for one in rng.choice(len(images), n_painted, replace=False)]
    unseen = [at for at in range(len(images)) if at not in chosen][:n_unseen]
    painted = [paint(classes[at], labels, n_classes, 100 * seed + at) for at in chosen]
    rows: list[Score] = []
    for method in methods:
        start = time.perf_counter()
        reported = low = high = None
        about = ""
        if method.startswith("granum"):
            model, report = learn(
                method, [images[at] for at in chosen], [names[at] for at in chosen], painted, seed, budget_s
            )
            if report is not None:
                reported, low, high = report.miou, report.low, report.high
            about = model.describe()

            def predict(image: NDArray[Any], model: Any = model) -> NDArray[np.uint8]:
                return np.asarray(model.predict(image[None]).classes)
        else:
            from pixel_peers import PEERS

            peer = PEERS[method]()
            peer.fit([images[at] for at in chosen], painted, seed=seed)
            predict = peer.predict
            reported = getattr(peer, "reported", None)
        learn_s = time.perf_counter() - start
        for at in unseen:
            start = time.perf_counter()
            predicted = predict(images[at])
            apply_s = time.perf_counter() - start
            ious = class_ious(predicted, classes[at], n_classes)
            rows.append(Score(
                set_name, labels, seed, method, names[at], float(np.nanmean(ious)), ious,
                learn_s, apply_s, reported, low, high, about,
            ))  # fmt: skip
    return rows


def learn(
    method: str,
    images: list[NDArray[Any]],
    names: list[str],
    painted: list[NDArray[np.uint8]],
    seed: int,
    budget_s: float,
) -> tuple[Any, Any]:
    """Return granum's model and what it reports of itself."""
    from granum.learn import (
        PixelClass,
        TrainingImage,
        fit_first_model,
        gather_training_data,
        make_scribbles,
        search_model,
    )

    ids = sorted(set().union(*(set(np.unique(mask).tolist()) for mask in painted)) - {0})
    classes = tuple(PixelClass(one, f"class {one}") for one in ids)
    given = [
        TrainingImage(name, image[None], make_scribbles(mask, name=name))
        for name, image, mask in zip(names, images, painted, strict=True)
    ]
    if method == "granum-first":
        return fit_first_model(gather_training_data(given, classes, seed=seed)), None
    found = search_model(given, classes, budget_s=budget_s, seed=seed)
    return found.model, found.report


def summarise(rows: Iterable[Score]) -> list[dict[str, Any]]:
    """Return one row per set, kind of labels and method."""
    rows = list(rows)
    table = []
    for set_name, labels, method in dict.fromkeys((row.set, row.labels, row.method) for row in rows):
        mine = [row for row in rows if (row.set, row.labels, row.method) == (set_name, labels, method)]
        theirs = {
            (row.seed, row.image): row.miou
            for row in rows
            if (row.set, row.labels, row.method) == (set_name, labels, "granum")
        }
        per_seed = {
            seed: np.mean([row.miou for row in mine if row.seed == seed]) for seed in {row.seed for row in mine}
        }
        reports = {row.seed: (row.reported, row.low, row.high) for row in mine if row.reported is not None}
        errors = [reports[seed][0] - per_seed[seed] for seed in reports]
        covered = [
            reports[seed][1] <= per_seed[seed] <= reports[seed][2] for seed in reports if reports[seed][1] is not None
        ]
        table.append({
            "set": set_name, "labels": labels, "method": method, "miou": float(np.mean(list(per_seed.values()))),
            "per class": [round(float(value), 3) for value in np.nanmean([row.ious for row in mine], axis=0)],
            "seeds": [round(float(per_seed[seed]), 3) for seed in sorted(per_seed)],
            "granum minus it": paired_interval(mine, theirs) if theirs and method != "granum" else None,
            "reported minus true": [round(float(error), 3) for error in errors],
            "covered": f"{sum(covered)}/{len(covered)}" if covered else "",
            "learn s": float(np.mean([row.learn_s for row in mine])),
            "apply s": float(np.median([row.apply_s for row in mine])),
        })  # fmt: skip
    return table


def paired_interval(mine: Sequence[Score], theirs: dict[tuple[int, str], float]) -> tuple[float, float, float]:
    """Return the mean difference and its 95 % interval, resampling seeds and then images."""
    difference: dict[int, list[float]] = {}
    for row in mine:
        difference.setdefault(row.seed, []).append(theirs[row.seed, row.image] - row.miou)
    seeds = list(difference)
    rng = np.random.default_rng(0)
    means = [
        np.mean(
            [np.mean(rng.choice(difference[seed], len(difference[seed]))) for seed in rng.choice(seeds, len(seeds))]
        )
        for _ in range(2000)
    ]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(np.mean([np.mean(values) for values in difference.values()])), float(low), float(high)


def main() -> None:
    """Run what was asked for, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--labels", default="strokes,px")
    parser.add_argument("--methods", default="granum,granum-first,skimage,ilastik-like,weka-like")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of search")
    parser.add_argument("--jobs", type=int, default=1, help="seeds at the same time, each on its own cores")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if not (SHARED / "data").exists():
        print(f"Nothing measured: {SHARED / 'data'} is not there.")
        return
    seeds, budget, n_unseen, labels = given.seeds, given.budget, 99, given.labels.split(",")
    if given.quick:
        seeds, budget, n_unseen, labels = 1, 10.0, 3, ["strokes"]
    methods = given.methods.split(",")
    work = [
        (name, kind, seed, methods, budget, n_unseen)
        for name in given.sets.split(",")
        for kind in labels
        if not (kind == "px" and name == "sandstone")
        for seed in range(seeds)
    ]
    rows: list[Score] = []
    if given.jobs > 1:
        with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
            for found in pool.map(score_seed, *zip(*work, strict=True)):
                rows += found
    else:
        for one in work:
            rows += score_seed(*one)
            print(f"# {one[0]} {one[1]} seed {one[2]} done", flush=True)
    table = summarise(rows)
    print_table(table)
    OUT.mkdir(exist_ok=True)
    with (OUT / "accuracy_scribbles.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    (OUT / "accuracy_scribbles.json").write_text(json.dumps(table, indent=1))


def print_table(table: Sequence[dict[str, Any]]) -> None:
    """Print one line per method."""
    for row in table:
        gap = row["granum minus it"]
        versus = f"{gap[0]:+.3f} [{gap[1]:+.3f}, {gap[2]:+.3f}]" if gap else ""
        print(
            f"{row['set']:14} {row['labels']:8} {row['method']:13} mIoU {row['miou']:.3f} "
            f"{row['per class']} {versus:26} "
            f"reported-true {row['reported minus true']} covered {row['covered']} "
            f"learn {row['learn s']:.1f} s, apply {row['apply s']:.2f} s"
        )


if __name__ == "__main__":
    main()
