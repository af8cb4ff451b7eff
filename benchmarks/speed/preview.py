"""How long a preview takes while a slider of the recipe `particles` moves, beside the chains that people use.

    python benchmarks/speed/preview.py              2048 x 2048 discs, tem, haadf; about two minutes on 2 cores
    python benchmarks/speed/preview.py --size 1024

In the process that makes previews (no browser): at level 1, as a slider moves, and at level 0, exact, as on release.
Each value of a slider is a new one, so no result comes from the cache as a whole. Times are wall clock, p50 and p95;
the CPU time of a move beside them tells what other programs on the machine added.

On the same pixels in the same run, fixed settings, from pixels to a table:
- OpenCV: Gaussian, Otsu, distance transform, peaks by dilation, watershed, contour areas.
- scikit-image: Gaussian, Otsu, distance transform, peak_local_max, watershed, regionprops.

Writes `bench_out/speed_preview.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in the process of the app

import numpy as np
from numpy.typing import NDArray

KINDS = ("discs", "tem", "haadf")
SLIDERS: dict[str, Callable[[int], Any]] = {
    "segment.automatic.smoothing": lambda i: 1.5 + 0.07 * i,
    "separate.choose.min_size": lambda i: 40 + 8 * i,
    "separate.object_levels.max_growth": lambda i: 4 + 2 * i,
    "preprocess.crop.margin": lambda i: 3 + 2 * i,
}
MEASURES = ("label", "area", "centroid", "axis_major_length", "axis_minor_length", "perimeter", "intensity_mean")


def run_opencv(image: NDArray[Any], *, dark: bool) -> int:
    """Return the number of objects of the usual OpenCV chain."""
    import cv2

    smooth = cv2.GaussianBlur(image, (0, 0), 2)
    eight = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
    kind = cv2.THRESH_BINARY_INV if dark else cv2.THRESH_BINARY
    _, mask = cv2.threshold(eight, 0, 255, kind + cv2.THRESH_OTSU)
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    peaks = ((cv2.dilate(distance, np.ones((15, 15), np.uint8)) == distance) & (mask > 0)).astype(np.uint8)
    n, markers = cv2.connectedComponents(peaks)
    markers = markers + 1
    markers[(mask > 0) & (peaks == 0)] = 0
    labels = cv2.watershed(cv2.cvtColor(eight, cv2.COLOR_GRAY2BGR), markers.astype(np.int32))
    np.bincount(labels[labels > 1], weights=image[labels > 1])
    return n - 1


def run_scikit_image(image: NDArray[Any], *, dark: bool) -> int:
    """Return the number of objects of scikit-image's usual watershed chain."""
    from scipy import ndimage
    from skimage import feature, filters, measure, segmentation

    smooth = filters.gaussian(image, 2, preserve_range=True)
    level = filters.threshold_otsu(smooth)
    mask = smooth < level if dark else smooth > level
    distance = ndimage.distance_transform_edt(mask)
    peaks = feature.peak_local_max(distance, min_distance=7, labels=measure.label(mask))
    markers = np.zeros(image.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    labels = segmentation.watershed(-distance, markers, mask=mask)
    return len(measure.regionprops_table(labels, image, properties=MEASURES)["label"])


def time_calls(call: Callable[[int], Any], n: int) -> dict[str, float]:
    """Return p50, p95 and least of the wall clock, and the least CPU time, in milliseconds."""
    wall, cpu = [], []
    for i in range(n):
        start, used = time.perf_counter(), time.process_time()
        call(i)
        wall.append(1000 * (time.perf_counter() - start))
        cpu.append(1000 * (time.process_time() - used))
    p50, p95 = np.percentile(wall, [50, 95])
    return {"p50": float(p50), "p95": float(p95), "least": min(wall), "cpu": min(cpu)}


def measure_kind(kind: str, size: int, count: int, n: int, folder: Path) -> dict[str, Any]:
    """Return all times on one picture."""
    from granum.app.preview_worker import PreviewJob, PreviewMaker, PreviewSource
    from granum.app.tiles import halve
    from granum.recipe import load_recipe
    from granum.samples import simulate_particles

    image = simulate_particles(kind, size=size, count=count, seed=1, dtype="uint16").image
    source = PreviewSource(kind, folder / f"{kind}.npy")
    np.save(source.path, image)
    recipe, found = load_recipe("particles"), {}
    for level in (1, 0):
        maker = PreviewMaker()

        def preview(settings: dict[str, Any], maker: Any = maker, level: int = level) -> Any:
            job = PreviewJob(1, source, recipe.with_settings(settings), level=level, folder=folder)
            return maker.make(job)

        rows = {"first": time_calls(lambda _, preview=preview: preview({}), 1)}
        for name, value in SLIDERS.items():
            rows[name] = time_calls(lambda i, name=name, value=value: preview({name: value(i)}), n)
        # the same pixels for all: those of the level
        pixels = halve(image) if level else image
        for name, chain in (("OpenCV", run_opencv), ("scikit-image", run_scikit_image)):
            chain(pixels[:256, :256], dark=kind == "tem")
            rows[name] = time_calls(
                lambda _, chain=chain, pixels=pixels: chain(pixels, dark=kind == "tem"), 3 if name != "OpenCV" else n
            )
        found[f"level {level}"] = rows
    return found


def print_table(kind: str, level: str, rows: dict[str, dict[str, float]]) -> None:
    """Print the rows of one picture and level, with the ratio to both chains."""
    print(f"\n{kind}, {level}")
    print(f"{'':36}{'p50 ms':>9}{'p95 ms':>9}{'CPU ms':>9}{'/ OpenCV':>10}{'/ skimage':>11}")
    for name, times in rows.items():
        ratios = [times["p50"] / rows[other]["p50"] for other in ("OpenCV", "scikit-image")]
        print(f"{name:36}{times['p50']:9.0f}{times['p95']:9.0f}{times['cpu']:9.0f}{ratios[0]:10.2f}{ratios[1]:11.2f}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--moves", type=int, default=15, help="moves of each slider")
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    count = round(550 * (arguments.size / 2048) ** 2)
    everything = {}
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        for kind in arguments.kinds:
            everything[kind] = measure_kind(kind, arguments.size, count, arguments.moves, Path(name))
            for level, rows in everything[kind].items():
                print_table(kind, level, rows)
    out = Path("bench_out")
    out.mkdir(exist_ok=True)
    (out / "speed_preview.json").write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
