"""How fast granum measures objects, beside scikit-image's regionprops_table on the same labels in the same run.

    python benchmarks/speed/measures.py             1024, 2048 and 4096 px; 14,400 objects in the largest
    python benchmarks/speed/measures.py --quick     1024 px only

granum's time is the best of five warm calls, scikit-image's that of one call (it takes seconds). Peak memory is what
NumPy allocates during the call, above labels and image. Prints one table.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

CELL = 34
BASIC = ("label", "area", "centroid", "axis_major_length", "axis_minor_length", "bbox", "equivalent_diameter_area")
FULL = (*BASIC, "orientation", "perimeter_crofton", "solidity", "feret_diameter_max", "eccentricity")


def make_scene(size: int, seed: int = 0) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
    """Return labels of ellipses on a grid, and a noisy image of them."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size), np.int32)
    y, x = np.mgrid[-16:17, -16:17]
    corners = range(0, size - CELL + 1, CELL)
    for number, (top, left) in enumerate(((a, b) for a in corners for b in corners), start=1):
        radius, flattening = rng.uniform(6, 16.5), rng.uniform(0.7, 1)
        labels[top : top + 33, left : left + 33][(y / flattening) ** 2 + x**2 < radius**2] = number
    image = 1000 + 3000 * (labels > 0) + rng.normal(0, 200, labels.shape).astype(np.float32)
    return labels, image.astype(np.uint16)


def seconds_of(call: Callable[[], Any], repeats: int) -> float:
    """Return the shortest of several times."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def peak_bytes(call: Callable[[], Any]) -> int:
    """Return the peak of what is allocated during the call."""
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def main() -> None:
    """Run and print the table."""
    from skimage.measure import regionprops_table

    from granum.measure import measure_objects, measure_shape

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="1024 px only")
    sizes = (1024,) if parser.parse_args().quick else (1024, 2048, 4096)
    print(f"{'what':32} {'px':>5} {'objects':>8} {'granum s':>9} {'skimage s':>10} {'ratio':>7} {'bytes/px':>9}")
    for size in sizes:
        labels, image = make_scene(size)
        rows: list[tuple[str, Callable[[], Any], Callable[[], Any]]] = [
            (
                "basic shape",
                lambda labels=labels: measure_shape(labels, basic=True),
                lambda labels=labels: regionprops_table(labels, properties=BASIC),
            ),
            (
                "whole shape",
                lambda labels=labels: measure_shape(labels),
                lambda labels=labels: regionprops_table(labels, properties=FULL),
            ),
            (
                "whole table (ring, neighbours)",
                lambda labels=labels, image=image: measure_objects(labels, image),
                lambda labels=labels, image=image: regionprops_table(
                    labels, image, properties=(*FULL, "intensity_mean", "intensity_std")
                ),
            ),
        ]
        for what, ours, theirs in rows:
            ours()
            fast, slow = seconds_of(ours, 5), seconds_of(theirs, 1)
            memory = peak_bytes(ours) / labels.size
            print(
                f"{what:32} {size:5d} {labels.max():8d} {fast:9.4f} {slow:10.2f} {slow / fast:6.0f}x {memory:9.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
