"""The annotated images that methods for particles are scored on: read from ../shared, made here, never copied."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHARED = Path(__file__).resolve().parents[3] / "shared"
DISCS: dict[str, tuple[tuple[int, ...], dict[str, float]]] = {
    "discs_easy": ((0, 1, 2), {"n_discs": 260, "noise": 12, "gradient": 25, "median_radius": 18, "log_sd": 0.25}),
    "discs_noisy": ((0, 1, 2), {"n_discs": 260, "noise": 30, "gradient": 60, "median_radius": 18, "log_sd": 0.25}),
    "discs_wide": ((10, 11, 12), {"n_discs": 220, "noise": 12, "gradient": 25, "median_radius": 16, "log_sd": 0.55}),
}
LABELLED = ("tem_gold_sintering", "nuclei_fluorescence")
SETS = (*LABELLED, "stem_catalyst_boxes", "seed_gold_particles", *DISCS)


@dataclass(frozen=True, eq=False)
class Case:
    """One image with what is known about it: labels, or boxes (y0, x0, y1, x1), or only the number of particles."""

    name: str
    image: NDArray[Any]
    path: Path | None = None
    labels: NDArray[np.int32] | None = None
    boxes: NDArray[np.float64] | None = None
    count: int | None = None


def load_shared_module(name: str) -> ModuleType:
    """Import one file of ../shared/bench."""
    path = SHARED / "bench" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.exists():
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def read_first_channel(path: Path) -> NDArray[Any]:
    """Read a PNG, JPEG or TIFF; of several channels, the first."""
    if path.suffix == ".tif":
        import tifffile

        return np.asarray(tifffile.imread(path))
    from PIL import Image

    pixels = np.asarray(Image.open(path))
    return np.ascontiguousarray(pixels[..., 0]) if pixels.ndim == 3 else pixels


def read_yolo_boxes(path: Path, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Read rows (class, x, y, width, height), relative to the image, as (y0, x0, y1, x1) in px."""
    rows = np.array([line.split() for line in path.read_text().splitlines() if line.strip()], dtype=float).reshape(
        -1, 5
    )
    _, x, y, width, height = rows.T
    # YOLO counts from the corner of the image; pixel centres are integers here
    low, high = np.column_stack([y - height / 2, x - width / 2]), np.column_stack([y + height / 2, x + width / 2])
    return np.hstack([low, high]) * np.tile(shape, 2) - 0.5


def load_cases(name: str, *, limit: int | None = None) -> Iterator[Case]:
    """Yield the cases of one set, in order of their names; nothing where the folder is missing."""
    folder = SHARED / "data" / name
    if name in DISCS:
        seeds, law = DISCS[name]
        discs = load_shared_module("touching_discs").discs
        for seed in seeds[:limit]:
            image, labels = discs(seed, size=1024, **law)
            yield Case(f"seed{seed}", image, labels=labels.astype(np.int32))
    elif name == "seed_gold_particles":
        for path in sorted(folder.glob("*.png"))[:limit]:
            yield Case(path.stem, read_first_channel(path), path, count=170)
    else:
        for path in sorted((folder / "images").glob("*"))[:limit]:
            image = read_first_channel(path)
            if name == "stem_catalyst_boxes":
                boxes = read_yolo_boxes(folder / "boxes" / f"{path.stem}.txt", image.shape)
                yield Case(path.stem, image, path, boxes=boxes)
            else:
                labels = read_first_channel(folder / "labels" / f"{path.stem}.tif").astype(np.int32)
                yield Case(path.stem, image, path, labels=labels)
