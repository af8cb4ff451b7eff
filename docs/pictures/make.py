"""Make the picture of the README: a simulated TEM picture, what granum found in it, and the sizes.

python docs/pictures/make.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image as Picture

from granum import pipeline
from granum.image import Image
from granum.measure import border_weights, size_distribution
from granum.report import draw_overlay
from granum.samples import simulate_particles

HERE = Path(__file__).parent
PIXEL_NM = 0.21


def make() -> None:
    """Write particles.png, in few colours so that it stays small."""
    simulated = simulate_particles("tem", size=448, count=90, seed=11, touching=0.5, pixel_size_nm=PIXEL_NM)
    result = pipeline.run("particles", Image.from_array(simulated.image, pixel_size=f"{PIXEL_NM} nm"))
    diameters = result.objects["ecd"] * PIXEL_NM
    weights = border_weights(result.objects, result.shape)
    sizes = size_distribution(diameters, weights, unit="nm")

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.8, 4.7), dpi=100, layout="constrained")
    left.imshow(draw_overlay(simulated.image, result.labels, result.objects, width=2), interpolation="none")
    left.set_title(f"{result.n_objects} particles found, {simulated.truth['n_particles']} drawn", fontsize=11)
    left.set_axis_off()
    bins = np.linspace(0, 1.05 * diameters.max(), 22)
    right.hist(diameters, bins, weights=weights * 100 / weights.sum(), color="#3ca5ff", edgecolor="white")
    low, high = sizes.number.d50_interval
    right.axvline(sizes.number.d50, color="0.2", ls="--")
    right.set_title(f"D50 = {sizes.number.d50:.1f} nm ({low:.1f} to {high:.1f})", fontsize=11)
    right.set(xlabel="equivalent circular diameter (nm)", ylabel="particles (%)")
    right.spines[["top", "right"]].set_visible(False)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    few = Picture.fromarray(pixels).quantize(64, Picture.Quantize.MAXCOVERAGE, dither=Picture.Dither.NONE)
    few.save(HERE / "particles.png", optimize=True)


if __name__ == "__main__":
    make()
