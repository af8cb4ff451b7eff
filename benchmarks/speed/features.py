"""Seconds of granum's features of pixels beside those of scikit-image and SciPy, in one run on one input.

    python benchmarks/speed/features.py [--mpx 1 4] [--repeat 3] [--threads 1 2]

The input is smoothed noise with 8 bits. Memory that is written to for the first time costs as much as a feature, so
both sides are run until the allocator has it: the fastest of `repeat` runs counts.
"""

from __future__ import annotations

import argparse
import time
from functools import partial

import numba
import numpy as np
from scipy import ndimage
from skimage import feature

from granum.learn import FeatureCache, FeatureSet, compute_features, measure_intensity, sample_features

SMALL = FeatureSet((0.7, 1.6, 3.5, 10.0), ("gaussian", "laplacian", "gradient", "structure", "hessian", "deviation"))
WIDE = FeatureSet(
    kinds=("gaussian", "laplacian", "gradient", "structure", "hessian", "deviation"),
    sigmas=(0.7, 1.0, 1.6, 3.5, 5.0, 10.0),
)  # 49 planes


def best_of(repeat, function, *args, **settings):
    """Return the shortest wall time, the processor time of that run, and the result."""
    best = (np.inf, 0.0)
    for _ in range(repeat):
        wall, processor = time.perf_counter(), time.process_time()
        result = function(*args, **settings)
        best = min(best, (time.perf_counter() - wall, time.process_time() - processor))
    return *best, result


def print_row(name, wall, processor, megapixels, extra=""):
    each = f"{1e3 * wall / megapixels:8.1f} ms/Mpx  {1e3 * processor / megapixels:8.1f} CPU ms/Mpx"
    print(f"  {name:<46} {each}   {extra}", flush=True)


def compare_banks(image, scale, megapixels, repeat, threads):
    numba.set_num_threads(threads[0])
    their_wall, their_processor, theirs = best_of(
        repeat, partial(feature.multiscale_basic_features, workers=1), image[0]
    )
    n_theirs = theirs.shape[-1]
    del theirs
    print_row(f"scikit-image, {n_theirs} features", their_wall, their_processor, megapixels)
    for features in (SMALL, WIDE, FeatureSet()):
        out = np.zeros((features.n_features(), *image.shape[1:]), np.float32)
        for number in threads:
            numba.set_num_threads(number)
            wall, processor, _ = best_of(repeat, compute_features, image, features, intensity=scale, out=out)
            per_feature = (their_processor / n_theirs) / (processor / len(out))
            ratio = f"{their_wall / wall:5.1f} x faster, per feature and CPU second {per_feature:5.1f} x"
            print_row(f"granum, {len(out)} features, {number} threads", wall, processor, megapixels, ratio)
        numba.set_num_threads(threads[0])


def _hessian(image, sigma):
    matrix = feature.hessian_matrix(image, sigma=sigma, use_gaussian_derivatives=False)
    return feature.hessian_matrix_eigvals(matrix)


def _structure(image, sigma):
    tensor = feature.structure_tensor(ndimage.gaussian_filter(image, sigma), sigma=sigma)
    return feature.structure_tensor_eigenvalues(tensor)


def _deviation(image, sigma):
    mean = ndimage.gaussian_filter(image, sigma)
    return np.sqrt(np.maximum(ndimage.gaussian_filter(image * image, sigma) - mean * mean, 0))


def _extremes(image, size):
    return ndimage.minimum_filter(image, size), ndimage.maximum_filter(image, size)


def compare_kinds(image, scale, megapixels, repeat):
    numba.set_num_threads(1)
    levels = image[0].astype(np.float32)
    for sigma in (1.6, 10.0):
        others = {
            "gaussian": ("scipy", partial(ndimage.gaussian_filter, levels, sigma)),
            "laplacian": ("scipy", partial(ndimage.gaussian_laplace, levels, sigma)),
            "gradient": ("scipy", partial(ndimage.gaussian_gradient_magnitude, levels, sigma)),
            "hessian": ("skimage", partial(_hessian, levels, sigma)),
            "structure": ("skimage", partial(_structure, levels, sigma)),
            "deviation": ("scipy", partial(_deviation, levels, sigma)),
            "extremes": ("scipy", partial(_extremes, levels, 2 * round(2 * sigma) + 1)),
        }
        for kind, (peer, function) in others.items():
            features = FeatureSet((sigma,), (kind,), pixel=False)
            out = np.zeros((features.n_features(), *levels.shape), np.float32)
            wall, processor, _ = best_of(repeat, compute_features, image, features, intensity=scale, out=out)
            theirs, _, _ = best_of(repeat, function)
            print_row(f"granum {kind} {sigma:g}", wall, processor, megapixels, f"{peer} {theirs / wall:5.1f} x as long")


def time_samples(image, scale, megapixels, repeat):
    rng = np.random.default_rng(0)
    height, width = image.shape[1:]
    line = np.arange(300)
    places = {
        "4,096 pixels anywhere": rng.integers(0, (height, width), (4096, 2)).T,
        "300 pixels anywhere": rng.integers(0, (height, width), (300, 2)).T,
        "a stroke of 300 x 3 pixels": np.stack((np.repeat(line // 2 + 50, 3), (line[:, None] + range(3)).ravel() + 50)),
    }
    for name, (y, x) in places.items():
        wall, processor, _ = best_of(repeat, sample_features, image, FeatureSet(), intensity=scale, y=y, x=x)
        print(f"  {name:<46} {1e3 * wall:8.1f} ms         {1e3 * processor:8.1f} CPU ms", flush=True)
    cache = FeatureCache(2 << 30)
    window = (0, 0, min(512, height), min(512, width))
    cache.window("image", image, FeatureSet(), scale, window)
    wall, processor, _ = best_of(repeat, cache.window, "image", image, FeatureSet(), scale, window)
    print_row("FeatureCache, a window of 512 x 512 again", wall, processor, window[2] * window[3] / 2**20)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mpx", type=float, nargs="+", default=[1, 4], help="sizes in megapixels (2**20 pixels)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; the fastest counts")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="numbers of threads")
    options = parser.parse_args()
    for megapixels in options.mpx:
        side = round(1024 * megapixels**0.5)
        noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(128, 300, (side, side)), 2)
        image = noise.clip(0, 255).astype(np.uint8)[None]
        scale = measure_intensity(image)
        compute_features(image[:, :99, :99], FeatureSet(), intensity=scale)
        print(f"{side} x {side}")
        compare_banks(image, scale, megapixels, options.repeat, options.threads)
        compare_kinds(image, scale, megapixels, options.repeat)
        time_samples(image, scale, megapixels, options.repeat)


if __name__ == "__main__":
    main()
