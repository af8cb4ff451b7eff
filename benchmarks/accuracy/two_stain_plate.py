"""Two stains on real plates: pH3-positive nuclei of one well, and a protein that moves into the nucleus with the dose.

    python benchmarks/accuracy/two_stain_plate.py              all (about half a minute)
    python benchmarks/accuracy/two_stain_plate.py --pictures   and overlays in bench_out/two_stain_plate

Images: CellProfiler's examples (BSD-3), no masks. The pH3 well: DNA is the live stain, pH3 takes the place of the dead
one; the figure usually given is about 269 nuclei, 20 positive. The SBS plate: nuclei are found on DNA alone; per well
the median over nuclei of "nucleus over ring" of GFP-FOXO1A, which should rise with the dose in both rows; Z' of the
controls of each row and of both (2 + 1 wells a row, so Z' is a rough number). Beside it the usual recipe: Otsu on the
smoothed DNA, watershed of the distance map (peaks 7 px apart), specks under 30 px dropped; positive above Otsu of the
nuclei's means, ratio against a ring of 5 px. Writes `bench_out/accuracy_two_stain_plate.csv` and `.json`.
"""

from __future__ import annotations

import argparse
import csv
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from data_sets import SHARED
from nuclei_peers import find_by_otsu_watershed
from numpy.typing import NDArray
from scipy import ndimage as ndi
from scipy.stats import kendalltau
from skimage.filters import threshold_otsu
from skimage.segmentation import expand_labels

from granum.errors import GranumWarning
from granum.measure import judge_nuclei, measure_objects
from granum.segment import find_nuclei
from granum.separate import split_automatically

OUT = Path("bench_out")
PLATE = SHARED / "data" / "two_stain_plate"
Judged = tuple[NDArray[np.int32], NDArray[np.bool_], NDArray[np.float64]]


def read(name: str) -> NDArray[Any]:
    """Return one channel; the RGB files have three equal ones."""
    image = cv2.imread(str(PLATE / "images" / f"{name}.tif"), cv2.IMREAD_UNCHANGED)
    return np.asarray(image if image.ndim == 2 else image[..., 0])


def by_granum(first: NDArray[Any], second: NDArray[Any], *, both: bool) -> Judged:
    """Return labels, positive and nucleus over ring of each nucleus; `both` stains show nuclei, or only the first."""
    mask, relief, *_ = find_nuclei(first, second if both else np.zeros_like(second))
    labels, confidence, _ = split_automatically(mask, relief)
    objects, _, _ = judge_nuclei(measure_objects(labels, first, None, confidence), labels, first, second)
    return labels, objects["state"] == "dead", objects["dead_ratio"]


def by_usual_recipe(first: NDArray[Any], second: NDArray[Any], *, both: bool) -> Judged:
    """Return the same by Otsu and watershed."""
    labels = find_by_otsu_watershed(first)
    index = np.arange(1, int(labels.max()) + 1)
    inside = ndi.mean(second.astype(np.float64), labels, index)
    ring = np.where(labels > 0, 0, expand_labels(labels, 5))
    around = ndi.mean(second.astype(np.float64), ring, index)
    return labels, inside > threshold_otsu(inside), inside / np.maximum(around, 1e-9)


METHODS: dict[str, Callable[..., Judged]] = {"granum": by_granum, "otsu_watershed": by_usual_recipe}


def z_prime(positive: list[float], negative: list[float]) -> float:
    """Return 1 - 3 (s+ + s-) / |m+ - m-|; a control with one well has no spread of its own and takes the other's."""
    spread = [float(np.std(values, ddof=1)) if len(values) > 1 else None for values in (positive, negative)]
    known = [value for value in spread if value is not None]
    if not known:
        return float("nan")
    s_plus, s_minus = (value if value is not None else max(known) for value in spread)
    return 1 - 3 * (s_plus + s_minus) / abs(float(np.mean(positive)) - float(np.mean(negative)))


def read_wells() -> list[dict[str, Any]]:
    """Return the wells that have images, with dose and control."""
    with (PLATE / "sbs_plate_metadata.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    wells = []
    for row in rows:
        well = row["Row"] + row["Column"]
        if (PLATE / "images" / f"sbs_{well}_ch1.tif").exists():
            control = int(row["SBS_Controls"])
            wells.append({"well": well, "row": row["Row"], "dose": float(row["SBS_Doses"]), "control": control})
    return wells


def main() -> None:
    """Print and write all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", action="store_true")
    arguments = parser.parse_args()
    if not PLATE.is_dir():
        print(f"{PLATE} is missing: nothing was measured.")
        return
    warnings.simplefilter("ignore", GranumWarning)
    rows: list[dict[str, Any]] = []
    figures: dict[str, Any] = {}
    wells = read_wells()
    for name, method in METHODS.items():
        labels, positive, _ = method(read("percentpositive_D03_d0"), read("percentpositive_D03_d1"), both=True)
        frame = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
        figures[name] = {
            "ph3_nuclei": int(labels.max()),
            "ph3_nuclei_inside": int(labels.max() - np.count_nonzero(frame)),
            "ph3_positive": int(positive.sum()),
        }
        if arguments.pictures:
            draw(f"{name}_ph3", read("percentpositive_D03_d0"), labels, positive)
        for well in wells:
            found, _, ratio = method(read(f"sbs_{well['well']}_ch2"), read(f"sbs_{well['well']}_ch1"), both=False)
            rows.append({
                "method": name, **well, "n_nuclei": int(found.max()),
                "ratio_median": round(float(np.nanmedian(ratio)), 4), "ratio_mean": round(float(np.nanmean(ratio)), 4),
            })  # fmt: skip
            if arguments.pictures and well["well"] in ("A01", "A12"):
                draw(f"{name}_{well['well']}", read(f"sbs_{well['well']}_ch1"), found, np.zeros(found.max(), bool))
        figures[name] |= of_plate([row for row in rows if row["method"] == name])
        print(name, json.dumps(figures[name]))
    OUT.mkdir(exist_ok=True)
    (OUT / "accuracy_two_stain_plate.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    with (OUT / "accuracy_two_stain_plate.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def of_plate(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how well the ratio follows the dose in each row, and Z' of the controls."""
    figures: dict[str, Any] = {}
    for letter in sorted({row["row"] for row in rows}):
        of_row = [row for row in rows if row["row"] == letter]
        doses = sorted({row["dose"] for row in of_row})
        means = [float(np.mean([row["ratio_median"] for row in of_row if row["dose"] == dose])) for dose in doses]
        figures[f"row_{letter}"] = {
            "ratios": [round(value, 2) for value in means],
            "falls": int((np.diff(means) < 0).sum()),
            "largest_fall": round(float(-min(0.0, np.diff(means).min())), 3),
            "kendall_tau": round(float(kendalltau(doses, means).statistic), 3),
            "z_prime": round(controls(of_row), 3),
        }
    return {**figures, "z_prime": round(controls(rows), 3)}


def controls(rows: list[dict[str, Any]]) -> float:
    """Return Z' of the wells with control 1 and -1."""
    positive, negative = ([row["ratio_median"] for row in rows if row["control"] == side] for side in (1, -1))
    return z_prime(positive, negative)


def draw(name: str, image: NDArray[Any], labels: NDArray[np.int32], positive: NDArray[np.bool_]) -> None:
    """Write the outlines over the picture: positive red, others yellow."""
    grey = np.clip(255 * np.sqrt(image / max(1.0, float(np.percentile(image, 99.7)))), 0, 255).astype(np.uint8)
    picture = cv2.resize(np.dstack([grey] * 3), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    large = labels.repeat(2, 0).repeat(2, 1)
    edge = (large != np.roll(large, 1, 0)) | (large != np.roll(large, 1, 1))
    is_positive = np.concatenate([[False], positive])[large]
    picture[edge] = (0, 255, 255)
    picture[edge & is_positive] = (0, 0, 255)
    folder = OUT / "two_stain_plate"
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"{name}.png"), picture)


if __name__ == "__main__":
    main()
