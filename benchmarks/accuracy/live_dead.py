"""How well the live-dead assay does: on the field of seed 002 beside its author's masks, and on simulated fields.

    python benchmarks/accuracy/live_dead.py              all (about a minute)
    python benchmarks/accuracy/live_dead.py --pictures   and overlays in bench_out/live_dead
    python benchmarks/accuracy/live_dead.py --quick      one simulated field of five kinds

The author's field: rows from 100 on, above are letters. His closing moves its mask by (1, 2) px (see `find_cell_area`):
`published` repeats it to the letter, `centred` is granum's, compared as it is and after the author's masks were moved
back. `of_author` puts his masks into a step, so that the step alone is measured; `chain` is the recipe `live-dead`,
`live-dead-seed` the published path.
The five classes of the author are painted here from his masks and his live/dead picture.
Simulated fields have exact truth, which no microscope's has. Writes `bench_out/accuracy_live_dead.csv` and `.json`.
"""

from __future__ import annotations

import argparse
import csv
import json
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from data_sets import SHARED
from numpy.typing import NDArray

OUT = Path("bench_out")
FIELD = SHARED / "data" / "seed_live_dead_field"
FIRST_ROW = 100
MOVED = (1, 2)  # px down and right, by which the author's area lies off
NUCLEI_MOVED = (1, 4)  # his nuclei, by the best agreement with his own Hoechst channel over any level
QUICK = ("usual", "dense", "empty", "covered by 85 %", "no brightfield")
CHANGES: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "as it is": lambda image: image,
    "x16": lambda image: image.astype(np.uint16) * 16,
    "x0.5": lambda image: image * 0.5,
    "x0.5 rounded": lambda image: np.round(image * 0.5).astype(np.uint8),
    "+1000": lambda image: image.astype(np.uint16) + 1000,
}
LOOKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "usual": ({}, {}),
    "dense": ({"count": 90}, {}),
    "four cells": ({"count": 4}, {}),
    "nuclei of 10 px": ({"count": 70, "nucleus_diameter": 10.0}, {}),
    "nuclei of 40 px": ({"count": 8, "nucleus_diameter": 40.0}, {}),
    "noise x3": ({}, {"noise": 3.0}),
    "light x0.1": ({}, {"gain": 0.1}),
    "8 bits": ({}, {"dtype": "uint8"}),
    "vignette .6": ({}, {"uneven_light": 0.6}),
    "3x3 tiles": ({}, {"tiles": 3}),
    "debris x5": ({}, {"debris": 5.0}),
    "empty": ({"count": 0}, {}),
    "covered by 70 %": ({"count": 250}, {}),
    "covered by 85 %": ({"count": 420}, {}),
    "covered, noise x3": ({"count": 420}, {"noise": 3.0}),
    "covered, 8 bits": ({"count": 420}, {"dtype": "uint8"}),
    "without a gap": ({"count": 900}, {}),
    "no brightfield": ({}, {"brightfield": False}),
    "calcein alone": ({}, {"brightfield": False, "stains": "calcein-ethd1"}),
}


@dataclass(frozen=True)
class Score:
    """One figure."""

    set: str
    case: str
    method: str
    measure: str
    value: float


def iou(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    """Return intersection over union, 1 where both are empty."""
    union = np.count_nonzero(one | two)
    return float(np.count_nonzero(one & two) / union) if union else 1.0


def read(name: str) -> NDArray[np.uint8]:
    """Return one picture of the author's field."""
    from data_sets import read_first_channel

    return np.asarray(read_first_channel(FIELD / f"field1_{name}.png"), np.uint8)


def back(picture: NDArray[Any], moved: tuple[int, int] = MOVED) -> NDArray[Any]:
    """Return a picture of the author with his shift taken back."""
    return np.roll(picture, (-moved[0], -moved[1]), (0, 1))


def seed_scores(pictures: Path | None) -> list[Score]:
    """Score the author's field."""
    from granum.segment import find_cell_area, label_components, paint_stain_classes
    from granum.separate import grow_cells

    bright, hoechst = read("brightfield_8bit"), read("hoechst_8bit")
    area = read("author_cellarea_mask") > 0
    flooded = read("author_watershed_cells") > 0
    states = read("author_live3_dead4_labels")
    nuclei = label_components(states > 0)
    rows = slice(FIRST_ROW, None)
    scores: list[Score] = []

    def add(case: str, method: str, measure: str, value: float) -> None:
        scores.append(Score("seed field", case, method, measure, round(value, 4)))

    for case, change in CHANGES.items():
        image = change(bright)
        found, _ = find_cell_area(hoechst, image, nuclei, closing="published", min_area=0)
        whole, _ = find_cell_area(hoechst, image, closing="published", min_area=0)
        add(case, "published", "cell area IoU", iou(whole[rows], area[rows]))
        add(case, "published, holes by nuclei", "cell area IoU", iou(found[rows], area[rows]))
        found, _ = find_cell_area(hoechst, image, nuclei)
        add(case, "centred", "cell area IoU", iou(found[rows], area[rows]))
        add(case, "centred", "cell area IoU, his mask moved back", iou(found[rows], back(area)[rows]))
    dead = np.array([np.median(states[nuclei == label]) == 4 for label in range(1, nuclei.max() + 1)])
    objects = {"label": np.arange(1, dead.size + 1), "p_dead": dead.astype(float)}
    cells = grow_cells(nuclei, area)
    painted, _ = paint_stain_classes(nuclei, cells, objects)
    # his picture of cells leaves out the lines between and around them
    add("his nuclei and area", "of_author", "cells without outline, IoU", iou((painted != 2)[rows] & (cells > 0)[rows],
                                                                                flooded[rows]))  # fmt: skip
    add("his nuclei and area", "of_author", "cells IoU", iou(cells[rows] > 0, flooded[rows]))
    mask, _ = find_cell_area(hoechst, bright, nuclei)
    own, _ = paint_stain_classes(nuclei, grow_cells(nuclei, mask), objects)
    his = author_classes(flooded, area, states)
    same = (own == his)[rows]
    add("his nuclei", "centred", "five classes, share of pixels", float(same.mean()))
    for number, word in enumerate(("background", "cell", "outline", "live nucleus", "dead nucleus")):
        add("his nuclei", "centred", f"{word} IoU", iou((own == number)[rows], (his == number)[rows]))
    scores += chain_scores(bright, his, states, pictures)
    return scores + published_scores(bright, area, states)


def published_scores(bright: NDArray[np.uint8], area: NDArray[np.bool_], states: NDArray[np.uint8]) -> list[Score]:
    """Score the published path; his Draq7 panel is stretched until its background is 0, so its level has to be set."""
    from granum import Image, pipeline
    from granum.recipe import load_recipe

    planes = {"brightfield": bright, "live": read("hoechst_8bit"), "dead": read("draq7_8bit")}
    rows = slice(FIRST_ROW, None)
    scores = []
    for case, change in CHANGES.items():
        changed = {role: change(plane) for role, plane in planes.items()}
        level = float(change(np.array([138])).item())
        recipe = load_recipe("live-dead-seed").with_settings({"stain_levels.dead_threshold": level})
        channels = {role: Image.from_array(plane) for role, plane in changed.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pipeline.run(recipe, channels["brightfield"], channels=channels).layers
        for name, one, two in (
            ("cell area IoU", found["cell_mask"], area),
            ("nuclei IoU", found["labels"] > 0, states > 0),
            ("live nuclei IoU", found["classes"] == 3, states == 3),
            ("dead nuclei IoU", found["classes"] == 4, states == 4),
        ):
            scores.append(Score("seed field", case, "live-dead-seed", name, round(iou(one[rows], two[rows]), 4)))
    return scores


def author_classes(flooded: NDArray[np.bool_], area: NDArray[np.bool_], states: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the five classes that the author's masks make: outline is what his flood left between cells and area."""
    import cv2

    near = cv2.dilate(flooded.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    classes = flooded.astype(np.uint8)
    classes[near & ~flooded] = 2
    classes[states > 0] = states[states > 0]
    return classes


def chain_scores(
    bright: NDArray[np.uint8], his: NDArray[np.uint8], states: NDArray[np.uint8], pictures: Path | None
) -> list[Score]:
    """Score the ready recipe on the author's three channels."""
    from granum import Image, pipeline
    from granum.recipe import list_recipes, load_recipe

    if "live-dead" not in list_recipes():
        return []
    stack = np.stack([bright, read("hoechst_8bit"), read("draq7_8bit")])
    image = Image.from_array(stack, axes="CYX")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = pipeline.run(load_recipe("live-dead"), image, channels={"brightfield": 0, "live": 1, "dead": 2})
    rows = slice(FIRST_ROW, None)
    classes, nuclei = result.layers["classes"], result.layers["labels"]
    found = [("five classes, share of pixels", float((classes == his)[rows].mean()))]
    for name, truth in (("", states), (", his masks moved back", back(states, NUCLEI_MOVED))):
        found += [
            (f"nuclei IoU{name}", iou(nuclei[rows] > 0, truth[rows] > 0)),
            (f"live nuclei IoU{name}", iou(classes[rows] == 3, truth[rows] == 3)),
            (f"dead nuclei IoU{name}", iou(classes[rows] == 4, truth[rows] == 4)),
        ]
    found += nuclei_found(nuclei, classes, back(states, NUCLEI_MOVED))
    if pictures is not None:
        draw(pictures / "seed_field.png", bright, classes)
    return [Score("seed field", "three channels", "chain", name, round(value, 4)) for name, value in found]


def nuclei_found(
    nuclei: NDArray[np.int32], classes: NDArray[np.uint8], states: NDArray[np.uint8]
) -> list[tuple[str, float]]:
    """Return how many of the author's nuclei were found, how many in his state, and how many there are beside."""
    from granum.segment import label_components

    rows = slice(FIRST_ROW, None)
    his, own = label_components(states[rows] > 0, connectivity=2), nuclei[rows]
    hit = same = 0
    for label in range(1, int(his.max()) + 1):
        here = his == label
        hit += bool(own[here].any())
        same += bool((classes[rows][here] == np.median(states[rows][here])).any())
    touched = np.unique(own[his > 0])
    more = np.setdiff1d(np.unique(own), touched).size
    return [
        (f"nuclei found, of {his.max()}", float(hit)),
        (f"nuclei in his state, of {his.max()}", float(same)),
        ("nuclei that he has not", float(more)),
    ]


def simulated_scores(pictures: Path | None, *, quick: bool = False) -> list[Score]:
    """Score simulated fields, three seeds each (quick: one, few kinds), with the true nuclei: cell area and cells."""
    from granum.samples.live_dead import simulate_live_dead
    from granum.samples.live_dead_scene import STAIN_PAIRS, LiveDeadLook
    from granum.segment import find_cell_area, paint_stain_classes
    from granum.separate import grow_cells

    scores: list[Score] = []
    for case, (field, look) in LOOKS.items():
        if quick and case not in QUICK:
            continue
        rows: dict[str, list[float]] = {}
        for seed in range(1 if quick else 3):
            made = simulate_live_dead(size=(800, 1000), seed=seed, look=LiveDeadLook(**look), **field)
            stains = dict(zip(("live", "dead"), STAIN_PAIRS[look.get("stains", "hoechst-draq7")], strict=True))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                mask, choice = find_cell_area(made.live, made.brightfield, made.nuclei, stains)
                cells = grow_cells(made.nuclei, mask)
            true = made.cells > 0
            rows.setdefault("cell area IoU", []).append(iou(mask, made.cell_mask))
            rows.setdefault("cell area share, error in points", []).append(
                100 * (float(mask.mean()) - float(made.cell_mask.mean()))
            )
            if true.any():
                rows.setdefault("cells IoU", []).append(iou(cells > 0, true))
                rows.setdefault("cell area per nucleus, found over true", []).append(
                    np.count_nonzero(cells) / np.count_nonzero(true)
                )
                both = (cells > 0) & true
                rows.setdefault("right nucleus, of the pixels of both", []).append(
                    float((cells == made.cells)[both].mean())
                )
                objects = {"label": np.arange(1, made.is_dead.size + 1), "p_dead": made.is_dead.astype(float)}
                classes, _ = paint_stain_classes(made.nuclei, cells, objects)
                rows.setdefault("five classes, share of pixels", []).append(float((classes == made.classes).mean()))
            if pictures is not None and seed == 0 and made.brightfield is not None:
                draw(pictures / f"{case.replace(' ', '_')}.png", made.brightfield, cells, made.cells)
        scores += [
            Score("simulated", case, choice.chosen["source"], name, round(float(np.mean(values)), 4))
            for name, values in rows.items()
        ]
    return scores


def draw(path: Path, image: NDArray[Any], found: NDArray[Any], truth: NDArray[Any] | None = None) -> None:
    """Write the image with what was found (green) and what is true (red) as outlines."""
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    low, high = np.percentile(image, [0.5, 99.5])
    grey = (np.clip((image - low) / max(1.0, high - low), 0, 1) * 255).astype(np.uint8)
    picture = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    for labels, colour in ((truth, (60, 60, 255)), (found, (80, 255, 80))):
        if labels is not None:
            for label in np.unique(labels[labels > 0]):
                lines, _ = cv2.findContours((labels == label).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
                cv2.drawContours(picture, lines, -1, colour, 1)
    cv2.imwrite(str(path), np.hstack([cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), picture]))


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    pictures = OUT / "live_dead" if options.pictures else None
    scores = simulated_scores(pictures, quick=options.quick)
    if FIELD.is_dir():
        scores = seed_scores(pictures) + scores
    else:
        print(f"{FIELD} is missing: the field of seed 002 was not measured.")
    for score in scores:
        print(f"{score.set:12}{score.case:22}{score.method:28}{score.measure:52}{score.value:9.4f}")
    OUT.mkdir(exist_ok=True)
    rows = [asdict(score) for score in scores]
    with (OUT / "accuracy_live_dead.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (OUT / "accuracy_live_dead.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
