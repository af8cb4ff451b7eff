"""
From a picture to a size distribution
=====================================

The recipe ``particles`` on a simulated TEM picture, and what its table says about sizes.
"""

import matplotlib.pyplot as plt
import numpy as np

from granum import pipeline
from granum.image import Image
from granum.measure import border_weights, size_distribution
from granum.report import draw_overlay
from granum.samples import simulate_particles

# %%
# A picture with known truth. Your own comes from ``granum.read.read_image``.
simulated = simulate_particles("tem", size=512, count=90, seed=3, pixel_size_nm=0.21)
image = Image.from_array(simulated.image, pixel_size="0.21 nm")
result = pipeline.run("particles", image)

# %%
# What the recipe chose by itself, and why.
for choice in result.choices:
    print(f"{choice.about}: {choice.reason}")

# %%
# Particles cut off by the border have no known size, and leaving them out loses large ones more often. The weights of
# Miles and Lantuéjoul put that right.
objects = result.objects
side = image.pixel_size.mean
diameters = objects["ecd"] * side
weights = border_weights(objects, result.shape)
sizes = size_distribution(diameters, weights, unit="nm")
low, high = sizes.number.d50_interval
print(f"{sizes.n} whole particles; D50 = {sizes.number.d50:.2f} nm ({low:.2f} to {high:.2f})")
fit = sizes.lognormal
print(f"log-normal fit: median {fit.median:.2f} nm, geometric standard deviation {fit.gsd:.2f}")

# %%
# Beside the truth: the diameters that were drawn.
true_diameters = np.array(simulated.truth["particles"]["diameter_nm"])
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
left.imshow(draw_overlay(simulated.image, result.labels, objects))
left.set_title(f"{result.n_objects} found, {simulated.truth['n_particles']} drawn")
left.set_axis_off()
bins = np.linspace(0, 1.05 * max(diameters.max(), true_diameters.max()), 24)
right.hist(true_diameters, bins, color="0.8", label="drawn", density=True)
right.hist(diameters, bins, weights=weights, histtype="step", color="C0", lw=2, label="measured", density=True)
right.axvline(sizes.number.d50, color="C0", ls="--", label="D50, measured")
right.set(xlabel="equivalent circular diameter (nm)", ylabel="share per nm")
right.legend(frameon=False)
plt.show()
