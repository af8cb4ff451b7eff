"""
Touching particles, cut by different splitters
==============================================

One mask, six ideas of what a particle is. The numbers are found against true particles; none of the splitters is told
how many there are.
"""

import matplotlib.pyplot as plt
import numpy as np

from granum.report import draw_overlay
from granum.samples import simulate_particles
from granum.score import score_objects
from granum.separate import (
    find_distance_peaks,
    split_by_convexity,
    split_by_ellipses,
    split_by_local_kmeans,
    split_by_local_mixture,
    split_by_local_spectral,
    split_by_shape,
    split_by_watershed,
)

# %%
# Simulated particles of very different sizes, most of them touching. The true mask is used: only the cuts count.
simulated = simulate_particles("haadf", size=256, count=45, touching=0.9, log_sd=0.45, seed=4, median_diameter=26)
truth = simulated.labels
mask = truth > 0

# %%
# Where particles are: maxima of the distance map that stand out by 5 % of their own height, whatever their size.
peaks = find_distance_peaks(mask)
print(f"{truth.max()} particles, {len(peaks)} peaks")

# %%
# K-means cuts halfway between the centres, so small particles at large ones grow. Weighted by size, the cut between two
# overlapping discs is their common chord.
results = {
    "local k-means": split_by_local_kmeans(mask, peaks),
    "k-means, size-weighted": split_by_local_kmeans(mask, peaks, size_weighted=True),
    "watershed by dynamic": split_by_watershed(mask),
    "convex merging": split_by_shape(mask)[0],
    "convex cutting": split_by_convexity(mask),
    "ellipses": split_by_ellipses(mask),
}

figure, axes = plt.subplots(2, 3, figsize=(10, 7), layout="constrained")
for ax, (name, labels) in zip(axes.flat, results.items(), strict=True):
    f1 = score_objects(truth, labels).to_row()["f1"]
    ax.imshow(draw_overlay(simulated.image, labels))
    ax.set_title(f"{name}\n{labels.max()} of {truth.max()}, F1 {f1:.2f}", fontsize=10)
    ax.set_axis_off()
plt.show()

# %%
# Every splitter keeps every pixel: only the borders between particles differ.
assert all(np.array_equal(labels > 0, mask) for labels in results.values())

# %%
# Over several kinds of particles, three pictures each.
scenes = {
    "equal discs": {"kind": "discs", "log_sd": 0.0},
    "discs of many sizes": {"kind": "discs", "log_sd": 0.5},
    "facetted": {"kind": "tem", "shape": "facetted"},
    "irregular": {"kind": "tem", "shape": "irregular"},
    "piled up (SEM)": {"kind": "sem"},
}
splitters = {
    "local k-means": lambda mask: split_by_local_kmeans(mask, find_distance_peaks(mask)),
    "k-means, size-weighted": lambda mask: split_by_local_kmeans(mask, find_distance_peaks(mask), size_weighted=True),
    "watershed by dynamic": split_by_watershed,
    "Gaussian mixture": lambda mask: split_by_local_mixture(mask, find_distance_peaks(mask)),
    "spectral": lambda mask: split_by_local_spectral(mask, find_distance_peaks(mask)),
    "convex merging": lambda mask: split_by_shape(mask)[0],
    "convex cutting": split_by_convexity,
    "ellipses": split_by_ellipses,
}


def mean_f1(splitter, scene):
    """Return the mean F1 of a splitter on the true masks of three pictures."""
    truths = [simulate_particles(size=384, count=60, touching=0.7, seed=seed, **scene).labels for seed in range(3)]
    return np.mean([score_objects(truth, splitter(truth > 0)).to_row()["f1"] for truth in truths])


print(f"{'F1':24}", *(f"{name:>20}" for name in scenes))
for name, splitter in splitters.items():
    print(f"{name:24}", *(f"{mean_f1(splitter, scene):20.2f}" for scene in scenes.values()))
