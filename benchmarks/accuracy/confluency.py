"""Confluency without labels on phase contrast with labels, on photographs, and on simulated dishes with exact truth.

``python benchmarks/accuracy/confluency.py [labelled] [photographs] [simulated]``; writes `scores.json` and overlays to
`bench_out/confluency`.
The labels of T98G were made by a machine: whole cells are missing in them, and they hold much of the halos. Rules
were chosen with T98G, the photographs and simulated dishes of other seeds in sight, and one rule (how many sides of a
halo may be dim) after a look at C2C12, so none of these sets is unseen but the seeds.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from granum.samples import simulate_confluency
from granum.segment import cluster_grey_levels, segment_by_local_contrast, segment_by_texture, segment_by_threshold

DATA = Path(__file__).parents[2].parent / "shared" / "data"
OUT = Path("bench_out/confluency")

Mask = NDArray[np.bool_]
METHODS: dict[str, Callable[[NDArray[Any]], Mask]] = {
    "granum texture": lambda image: segment_by_texture(image)[0],
    "Otsu": lambda image: segment_by_threshold(image, method="otsu"),
    "k-means of grey levels": lambda image: cluster_grey_levels(image)[0],
    "local contrast, 0.06": lambda image: segment_by_local_contrast(image, correct_halo=False),
    "local contrast, 0.06, halo": segment_by_local_contrast,
}


def labelled() -> Iterator[tuple[str, NDArray[Any], Mask]]:
    """Yield set, image and mask of the labelled sets that are there."""
    for path in sorted((DATA / "cells_phase_t98g" / "images").glob("*.tif")):
        truth = tifffile.imread(DATA / "cells_phase_t98g" / "labels" / path.name)
        yield "T98G", tifffile.imread(path), truth > 0
    small = DATA / "timelapse_small" / "c2c12_phase_data_small.npz"
    if small.exists():
        with np.load(small) as stored:
            for image, truth in zip(stored["images"], stored["labels"], strict=True):
                yield "C2C12", image, truth > 0


def score_sets() -> dict[str, dict[str, list[float]]]:
    """Return mean area IoU, mean error of the share and its mean without sign, of every method on every set."""
    rows: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for name, image, truth in labelled():
        for method, segment in METHODS.items():
            mask = segment(image)
            iou = int((mask & truth).sum()) / max(1, int((mask | truth).sum()))
            rows.setdefault((name, method), []).append((float(iou), float(mask.mean() - truth.mean())))
    if not rows:
        print(f"{DATA} has no labelled cells: nothing was measured with labels.")
    found: dict[str, dict[str, list[float]]] = {}
    for (name, method), values in rows.items():
        table = np.array(values)
        scores = [table[:, 0].mean(), table[:, 1].mean(), np.abs(table[:, 1]).mean()]
        found.setdefault(name, {})[method] = [round(float(one), 3) for one in scores]
        print(f"{name:8s}{method:28s} IoU {scores[0]:.3f}  error {scores[1]:+.3f}  without sign {scores[2]:.3f}")
    return found


def score_photographs() -> dict[str, list[float]]:
    """Return share, fullest row and seconds of processor time of every photograph, and write its overlay."""
    found = {}
    for path in sorted([*(DATA / "seed_confluency").glob("*.jpg"), *(DATA / "scratch_assay").glob("*.jpg")]):
        image = np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
        start = time.process_time()
        mask = segment_by_texture(image)[0]
        seconds = time.process_time() - start
        found[path.stem] = [round(float(mask.mean()), 4), round(float(mask.mean(axis=1).max()), 3), round(seconds, 2)]
        share, fullest, _ = found[path.stem]
        print(f"{path.stem:28s} {100 * share:5.1f} %  fullest row {100 * fullest:.0f} %  {seconds:.2f} s")
        outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        shown = cv2.drawContours(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), outlines, -1, (0, 255, 0), 2)
        OUT.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(OUT / f"{path.stem}.png"), shown)
    return found


def score_simulated() -> dict[str, list[list[float]]]:
    """Return the shares found in three dishes of each known share, by optics and magnification."""
    found = {}
    shares = (0.0, 0.01, 0.1, 0.5, 0.9, 1.0)
    for optics in ("phase", "brightfield"):
        for magnification in (4.0, 10.0, 20.0):
            row = []
            for share in shares:
                dishes = [
                    simulate_confluency(
                        confluency=share, size=768, magnification=magnification, optics=optics, seed=seed
                    )
                    for seed in range(30_000 + int(100 * share), 33_000, 1000)
                ]
                row.append([round(float(segment_by_texture(dish.image)[0].mean()), 3) for dish in dishes])
            found[f"{optics} x{magnification:.0f}"] = row
            print(f"{optics} x{magnification:.0f}", dict(zip(shares, row, strict=True)))
    return found


def main() -> None:
    """Score everything, or what is named."""
    warnings.simplefilter("ignore")
    parts = {"labelled": score_sets, "photographs": score_photographs, "simulated": score_simulated}
    wanted = sys.argv[1:] or list(parts)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "scores.json").write_text(json.dumps({name: parts[name]() for name in wanted}, indent=1))


if __name__ == "__main__":
    main()
