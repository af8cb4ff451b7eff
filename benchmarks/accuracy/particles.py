"""How well methods find particles: granum and what people use today, on the same images, in one run.

    python benchmarks/accuracy/particles.py                    everything (about 40 minutes on 2 cores)
    python benchmarks/accuracy/particles.py --sets tem_gold_sintering --methods granum,skimage_watershed
    python benchmarks/accuracy/particles.py --limit 3          the first 3 images of each set

The baselines' objects under 20 px are dropped, as anyone would; "(specks kept)" is what they give as they are.
Prints one row per set and method and writes `bench_out/accuracy_particles.csv`, `.json` and `_images.csv`.
`sigma_best` is scikit-image's watershed recipe after Gaussian smoothing with the sigma that scores best on the set: it
was chosen with the truth in hand, nobody has it.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from data_sets import SETS, SHARED, Case, load_cases, load_shared_module
from numpy.typing import NDArray
from scipy import ndimage as ndi

from granum.score import (
    ObjectScores,
    centres_in_boxes,
    mean_object_scores,
    pool_object_scores,
    score_objects,
    score_pixels,
)

Method = Callable[[Case], NDArray[Any]]
Row = dict[str, Any]
SIGMAS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
GRANUM_RECIPES = ("particles", "particles-seed")
SPECK_AREA = 20  # px
# minutes per image of 2048 px: one scikit-learn k-means for each of 100,000 specks
TOO_SLOW = {("stem_catalyst_boxes", "seed000")}


@cache
def _recipe(name: str) -> Any:
    from granum.recipe import load_recipe

    return load_recipe(name)


def run_granum(case: Case, *, recipe: str) -> NDArray[Any]:
    """Run a ready recipe with its defaults on the file, as a user would."""
    from granum import Image, pipeline
    from granum.read import read_image

    image = read_image(case.path) if case.path is not None else Image.from_array(case.image)
    if image.colour or image.shape[1] > 1:
        image = Image.from_array(case.image)
    return np.asarray(pipeline.run(_recipe(recipe), image).labels)


def list_methods() -> dict[str, Method]:
    """Return all methods by name."""
    baselines = load_shared_module("baselines")
    methods: dict[str, Method] = {
        ("granum" if name == "particles" else f"granum:{name}"): lambda case, name=name: run_granum(case, recipe=name)
        for name in GRANUM_RECIPES
    }
    methods |= {
        "otsu_components": lambda case: baselines.otsu_components(case.image),
        "seed000": lambda case: baselines.seed000(case.image),
        "skimage_watershed": lambda case: baselines.skimage_watershed(case.image),
    }
    for sigma in SIGMAS[1:]:
        methods[f"sigma_{sigma:g}"] = lambda case, sigma=sigma: baselines.skimage_watershed(
            ndi.gaussian_filter(case.image.astype(np.float32), sigma)
        )
    return methods


def drop_specks(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels without the objects under `SPECK_AREA`."""
    gone = np.bincount(labels.ravel()) < SPECK_AREA
    return np.where(gone[labels], 0, labels)


def list_variants(key: str, labels: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return what is scored of one method's labels: granum's as they are, a baseline's also without specks."""
    if key.startswith("granum"):
        return {key: labels}
    return {key: drop_specks(labels), f"{key} (specks kept)": labels}


def score_case(case: Case, labels: NDArray[Any]) -> tuple[dict[str, float], ObjectScores | None]:
    """Return the figures of one image, and its object scores where the truth is labels."""
    if case.boxes is not None:
        boxes = centres_in_boxes(case.boxes, labels)
        row = {"f1": boxes.f1, "precision": boxes.precision, "recall": boxes.recall}
        counts = {"n_truth": boxes.n_boxes, "n_prediction": boxes.n_objects, "n_matched": boxes.true_positives}
        return row | counts, None
    if case.labels is not None:
        scores = score_objects(case.labels, labels)
        pixels = score_pixels(case.labels, labels)
        return scores.to_row() | {"dice": pixels.dice, "boundary_f": pixels.boundary_f}, scores
    return {"n_truth": float(case.count or 0), "n_prediction": float(np.unique(labels[labels > 0]).size)}, None


def summarise(rows: Sequence[dict[str, float]], scores: Sequence[ObjectScores]) -> dict[str, float]:
    """Return the figures of one set: means over images, and those of all images pooled."""
    summary: dict[str, float] = {"images": len(rows)}
    if scores:
        mean, pooled = mean_object_scores(scores), pool_object_scores(scores)
        summary |= {"f1": mean["f1"], "map": mean["mean_average_precision"], "pq": mean["panoptic_quality"]}
        summary |= {"ap50_pooled": pooled.average_precision[0], "f1_pooled": pooled.f1()}
        summary |= {"count_error": mean["count_error_abs"], "d50_error": mean["d50_error_abs"]}
        summary |= {name: float(np.mean([row[name] for row in rows])) for name in ("dice", "boundary_f")}
    elif "f1" in rows[0]:
        matched = sum(row["n_matched"] for row in rows)
        both = sum(row["n_truth"] + row["n_prediction"] for row in rows)
        summary |= {name: float(np.mean([row[name] for row in rows])) for name in ("f1", "precision", "recall")}
        summary |= {"f1_pooled": 2 * matched / both if both else 1.0}
    summary |= {"n_truth": sum(row["n_truth"] for row in rows), "n_found": sum(row["n_prediction"] for row in rows)}
    summary |= {"seconds": float(np.median([row["seconds"] for row in rows]))}
    return summary


def run_set(
    name: str, methods: dict[str, Method], limit: int | None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Score all methods on one set; return the summaries and the rows per image."""
    per_image: list[dict[str, Any]] = []
    per_method: dict[str, tuple[list[dict[str, float]], list[ObjectScores]]] = {}
    for case in load_cases(name, limit=limit):
        for key, method in methods.items():
            if (name, key) in TOO_SLOW:
                continue
            start = time.perf_counter()
            labels = method(case)
            seconds = time.perf_counter() - start
            for variant, variant_labels in list_variants(key, labels).items():
                row, scores = score_case(case, variant_labels)
                row |= {"seconds": seconds}
                own = per_method.setdefault(variant, ([], []))
                own[0].append(row)
                own[1].extend([scores] if scores is not None else [])
                per_image.append({"set": name, "image": case.name, "method": variant, **row})
    summaries = [{"set": name, "method": key, **summarise(*both)} for key, both in per_method.items()]
    sweep = {"skimage_watershed", *(f"sigma_{sigma:g}" for sigma in SIGMAS)}
    swept = [row for row in summaries if row["method"] in sweep]
    if len(swept) > 1 and "f1" in swept[0]:
        best = max(swept, key=lambda row: row["f1"])
        summaries.append(best | {"method": f"sigma_best ({best['method']})"})
    return summaries, per_image


def print_table(rows: Sequence[dict[str, Any]]) -> None:
    """Print the summaries of one set."""
    columns = [key for key in rows[0] if key != "set"]
    text = [[f"{row[c]:.3f}" if isinstance(row[c], float) else str(row[c]) for c in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *text, strict=True)]
    print(f"\n{rows[0]['set']}")
    for line in [columns, *text]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip(), flush=True)


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows whose columns may differ."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", default=",".join(SETS), help="comma-separated; default: all")
    parser.add_argument("--methods", default="", help="comma-separated; default: all")
    parser.add_argument("--limit", type=int, default=None, help="images per set")
    parser.add_argument("--quick", action="store_true", help="2 images per set, no sweep of sigma")
    parser.add_argument("--out", type=Path, default=Path("bench_out"))
    options = parser.parse_args()
    if not (SHARED / "data").is_dir():
        print("accuracy: the shared data are not beside this checkout (../shared/data); nothing to score.")
        return
    methods = list_methods()
    if options.methods:
        methods = {name: methods[name] for name in options.methods.split(",")}
    elif options.quick:
        methods = {name: method for name, method in methods.items() if not name.startswith("sigma_")}
    summaries: list[dict[str, Any]] = []
    per_image: list[dict[str, Any]] = []
    for name in options.sets.split(","):
        rows, images = run_set(name, methods, 2 if options.quick else options.limit)
        if not rows:
            print(f"\n{name}: no images in ../shared/data; skipped.")
            continue
        print_table(rows)
        summaries += rows
        per_image += images
    options.out.mkdir(parents=True, exist_ok=True)
    write_csv(options.out / "accuracy_particles.csv", summaries)
    write_csv(options.out / "accuracy_particles_images.csv", per_image)
    clean = [{k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()} for row in summaries]
    (options.out / "accuracy_particles.json").write_text(json.dumps(clean, indent=1))


if __name__ == "__main__":
    main()
