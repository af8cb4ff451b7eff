"""Live or dead, nucleus by nucleus, on simulated fields with exact truth: granum beside Otsu and watershed, in one run.

    python benchmarks/accuracy/viability.py              all (about two minutes)
    python benchmarks/accuracy/viability.py --seeds 2    fewer fields of each kind

A true nucleus is found when a label covers it with an IoU over 0.5. `wrong` counts found nuclei of the wrong class,
`extra` labels that are no nucleus; the error of the viability counts all of it.
Slivers at the frame, under a quarter of the median nucleus, are left out on both sides. The usual recipe: Otsu on the
smoothed sum of both stains, watershed of the distance map, specks under 30 px dropped; dead above Otsu of the nuclei's
means of the dead stain.
Calibration: Brier score of the probabilities of all found nuclei,
and how many are dead of those said to be so with a given probability.
Writes `bench_out/accuracy_viability.csv` and `.json`.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from nuclei_peers import find_by_otsu_watershed
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.filters import threshold_otsu

from granum.errors import GranumWarning
from granum.measure import judge_nuclei, measure_objects
from granum.samples.live_dead import simulate_live_dead
from granum.samples.live_dead_scene import LiveDeadLook, SimulatedLiveDead
from granum.segment import find_nuclei
from granum.separate import merge_needless_cuts, split_automatically

OUT = Path("bench_out")
Answer = tuple[NDArray[np.int32], NDArray[np.float64]]
FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "no dead": ({"dead_share": 0.0}, {}),
    "2 % dead": ({"dead_share": 0.02, "count": 100, "size": 1024}, {}),
    "50 % dead": ({"dead_share": 0.5}, {}),
    "all dead": ({"dead_share": 1.0}, {}),
    "one cell": ({"count": 1, "size": 256, "dead_share": 0.5}, {}),
    "debris x5": ({}, {"debris": 5.0}),
    "out of focus x10": ({}, {"out_of_focus": 1.0}),
    "bleed-through .15": ({}, {"bleed_through": 0.15}),
    "bleed-through .15, no dead": ({"dead_share": 0.0}, {"bleed_through": 0.15}),
    "dense": ({"count": 120, "touching": 0.3}, {}),
    "noise x4": ({}, {"noise": 4.0}),
    "uneven .7": ({}, {"uneven_light": 0.7}),
    "8 bits": ({}, {"dtype": "uint8"}),
    "nuclei of 9 px": ({"nucleus_diameter": 9.0, "count": 100}, {}),
    "nuclei of 50 px": ({"nucleus_diameter": 50.0, "count": 8}, {}),
    "stain kept (PI)": ({}, {"live_in_dead": 0.9}),
}


def by_granum(field: SimulatedLiveDead) -> Answer:
    """Return labels and probability of death."""
    mask, relief, *_ = find_nuclei(field.live, field.dead)
    labels, confidence, _ = merge_needless_cuts(*split_automatically(mask, relief)[:2], relief)
    objects, _, _ = judge_nuclei(measure_objects(labels, field.live, None, confidence), labels, field.live, field.dead)
    return labels, objects["p_dead"]


def by_usual_recipe(field: SimulatedLiveDead) -> Answer:
    """Return the same by Otsu and watershed; probabilities are 0 or 1."""
    labels = find_by_otsu_watershed(field.live.astype(np.float64) + field.dead)
    means = np.asarray(ndi.mean(field.dead.astype(np.float64), labels, np.arange(1, int(labels.max()) + 1)))
    level = threshold_otsu(means) if len(np.unique(means)) > 1 else np.inf
    return labels, (means > level).astype(np.float64)


METHODS: dict[str, Callable[[SimulatedLiveDead], Answer]] = {"granum": by_granum, "otsu_watershed": by_usual_recipe}


def pair(labels: NDArray[np.int32], truth: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Return (true, found) numbers, from 0, of pairs with an IoU over 0.5; no label can have two."""
    n, k = int(truth.max()), int(labels.max())
    both = np.bincount(truth.ravel().astype(np.int64) * (k + 1) + labels.ravel(), minlength=(n + 1) * (k + 1))
    both = both.reshape(n + 1, k + 1)
    iou = both / np.maximum(both.sum(1)[:, None] + both.sum(0)[None] - both, 1)
    return [(int(i), int(j)) for i, j in np.argwhere(iou[1:, 1:] > 0.5)]


def whole(labels: NDArray[np.int32], least: float) -> NDArray[np.bool_]:
    """Return which of 1..K are no slivers at the frame: what touches it and has fewer pixels than `least`."""
    n = int(labels.max())
    frame = np.zeros(n + 1, np.bool_)
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        frame[side] = True
    return np.asarray(~frame | (np.bincount(labels.ravel(), minlength=n + 1) >= least))[1:]


def main() -> None:
    """Print and write all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument(
        "--first", type=int, default=500, help="the first seed; the rules were made looking at 0 to 103"
    )
    arguments = parser.parse_args()
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    warnings.simplefilter("ignore", GranumWarning)
    rows: list[dict[str, Any]] = []
    said: dict[str, list[tuple[float, bool]]] = {name: [] for name in METHODS}
    for kind, (settings, look) in FIELDS.items():
        fields = [simulate_live_dead(seed=seed, look=LiveDeadLook(**look), **settings) for seed in seeds]
        for name, method in METHODS.items():
            row = score(fields, method, said[name])
            rows.append({"field": kind, "method": name, **row})
            print(f"{kind:28} {name:15}", " ".join(f"{key} {value}" for key, value in row.items()), flush=True)
    figures = {name: calibration(pairs) for name, pairs in said.items()}
    print(json.dumps(figures, indent=1))
    OUT.mkdir(exist_ok=True)
    (OUT / "accuracy_viability.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    with (OUT / "accuracy_viability.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def score(
    fields: list[SimulatedLiveDead], method: Callable[[SimulatedLiveDead], Answer], said: list[tuple[float, bool]]
) -> dict[str, Any]:
    """Return counts over some fields, and add what was said of each found nucleus."""
    true = found = wrong = extra = 0
    errors: list[float] = []
    for field in fields:
        labels, p_dead = method(field)
        pairs = pair(labels, field.nuclei)
        least = 0.25 * float(np.median(np.bincount(field.nuclei.ravel())[1:])) if len(field.is_dead) else 0.0
        seen, counted = whole(field.nuclei, least), whole(labels, least)
        for i, j in pairs:  # what is one nucleus counts on both sides or on none
            seen[i] = counted[j] = seen[i] and counted[j]
        pairs = [(i, j) for i, j in pairs if seen[i]]
        true, found, extra = true + int(seen.sum()), found + len(pairs), extra + int(counted.sum()) - len(pairs)
        wrong += sum(bool(p_dead[j] > 0.5) != bool(field.is_dead[i]) for i, j in pairs)
        said += [(float(p_dead[j]), bool(field.is_dead[i])) for i, j in pairs if np.isfinite(p_dead[j])]
        counted &= np.isfinite(p_dead)  # what neither stain tells counts neither as live nor as dead
        if seen.any() and counted.any():
            errors.append(abs(float((p_dead[counted] <= 0.5).mean()) - float((~field.is_dead[seen]).mean())))
    return {
        "nuclei": true, "found": found, "extra": extra, "wrong": wrong,
        "viability_error": round(float(np.mean(errors)), 4) if errors else None,
    }  # fmt: skip


def calibration(said: list[tuple[float, bool]]) -> dict[str, Any]:
    """Return accuracy, Brier score, and a table of what was said against what was true."""
    p, dead = np.array([one for one, _ in said]), np.array([other for _, other in said])
    edges = [0, 0.02, 0.2, 0.5, 0.8, 0.98, 1.0001]
    table = []
    for low, high in itertools.pairwise(edges):
        inside = (p >= low) & (p < high)
        if inside.any():
            table.append({
                "from": low, "to": min(high, 1), "nuclei": int(inside.sum()), "said": round(float(p[inside].mean()), 3),
                "true": round(float(dead[inside].mean()), 3),
            })  # fmt: skip
    return {
        "nuclei": len(p), "accuracy": round(float(((p > 0.5) == dead).mean()), 4),
        "brier": round(float(((p - dead) ** 2).mean()), 4), "table": table,
    }  # fmt: skip


if __name__ == "__main__":
    main()
