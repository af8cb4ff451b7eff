"""Seconds of granum's kernels beside those of scikit-image, SciPy and OpenCV, in one run on one input.

    python benchmarks/speed/kernels.py [--mpx 1 4] [--repeat 3]

The input is a mask of touching discs, 830 per megapixel (14,000 at 4096 x 4096). Every result is also compared: a
kernel that is fast and wrong is of no use.
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np
from scipy import ndimage
from skimage import feature, measure, segmentation

from granum.segment.components import label_components
from granum.separate.distance import distance_map
from granum.separate.hierarchy import merge_by_dynamic, watershed_hierarchy
from granum.separate.peaks import find_distance_peaks
from granum.separate.watershed import split_by_watershed


def draw_discs(side: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mask = np.zeros((side, side), bool)
    for _ in range(round(830e-6 * side * side)):
        radius = 13 * np.exp(0.25 * rng.normal())
        y, x = rng.random(2) * side
        box = tuple(slice(max(0, int(c - radius)), min(side, int(c + radius) + 2)) for c in (y, x))
        v, u = np.ogrid[box]
        mask[box] |= (v - y) ** 2 + (u - x) ** 2 < radius**2
    return mask


def best_of(repeat, function, *args, **settings):
    """Return the shortest time and the result."""
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        result = function(*args, **settings)
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def print_row(name, own, others, difference=""):
    ratios = "  ".join(f"{peer} {1e3 * seconds:8.1f} ms = {seconds / own:5.1f} x" for peer, seconds in others.items())
    print(f"  {name:<22} granum {1e3 * own:8.1f} ms   {ratios}   {difference}", flush=True)


def compare_distance(mask, repeat):
    own, distance = best_of(repeat, distance_map, mask)
    scipy, exact = best_of(1, ndimage.distance_transform_edt, mask)
    pixels = mask.view(np.uint8)
    precise, _ = best_of(repeat, cv2.distanceTransform, pixels, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    rough, wrong = best_of(repeat, cv2.distanceTransform, pixels, cv2.DIST_L2, 5)
    errors = f"largest error {abs(distance - exact).max():.1e} px, cv2 5x5 {abs(wrong - exact).max():.2f} px"
    print_row("distance_map", own, {"scipy": scipy, "cv2 precise": precise, "cv2 5x5": rough}, errors)
    return distance


def compare_labels(mask, repeat):
    own, labels = best_of(repeat, label_components, mask)
    scipy, (expected, _) = best_of(repeat, ndimage.label, mask)
    skimage, _ = best_of(repeat, measure.label, mask, connectivity=1)
    opencv, _ = best_of(repeat, cv2.connectedComponents, mask.view(np.uint8), connectivity=4)
    equal = "equal" if (labels == expected).all() else "DIFFERENT"
    print_row("label_components", own, {"scipy": scipy, "skimage": skimage, "cv2": opencv}, equal)


def compare_splits(mask, distance, repeat):
    own, peaks = best_of(repeat, find_distance_peaks, mask)
    edt, _ = best_of(1, ndimage.distance_transform_edt, mask)
    skimage, _ = best_of(1, feature.peak_local_max, distance, min_distance=7, exclude_border=False)
    print_row("find_distance_peaks", own, {"scipy + skimage": edt + skimage}, f"{len(peaks)} peaks")
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.astype(int).T)] = np.arange(1, len(peaks) + 1)
    flooding, expected = best_of(1, segmentation.watershed, -distance, markers, 2, mask=mask)
    own, labels = best_of(repeat, split_by_watershed, mask)
    same = f"{(labels == expected)[mask].mean():.4f} of pixels equal"
    print_row("split_by_watershed", own, {"scipy + skimage": edt + skimage + flooding}, same)
    own, labels = best_of(repeat, split_by_watershed, mask, peaks)
    same = f"{(labels == expected)[mask].mean():.4f} of pixels equal"
    print_row("  from given peaks", own, {"scipy + skimage": edt + flooding}, same)
    own, (labels, tree) = best_of(repeat, watershed_hierarchy, distance, mask)
    level, _ = best_of(repeat, merge_by_dynamic, labels, tree, min_dynamic=0.1)
    print_row("watershed_hierarchy", own, {"skimage, one level": flooding}, f"each further level {1e3 * level:.1f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mpx", type=float, nargs="+", default=[1, 4], help="sizes in megapixels (1, 4, 16)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each kernel; the fastest counts")
    options = parser.parse_args()
    warm = draw_discs(128)
    for function in (label_components, split_by_watershed, find_distance_peaks):
        function(warm)
    split_by_watershed(warm, find_distance_peaks(warm))
    merge_by_dynamic(*watershed_hierarchy(distance_map(warm), warm))
    for megapixels in options.mpx:
        side = round(1024 * megapixels**0.5)
        mask = draw_discs(side)
        print(f"{side} x {side}, {100 * mask.mean():.0f} % foreground")
        distance = compare_distance(mask, options.repeat)
        compare_labels(mask, options.repeat)
        compare_splits(mask, distance, options.repeat)


if __name__ == "__main__":
    main()
