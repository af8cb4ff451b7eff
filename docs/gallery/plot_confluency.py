"""
How much of a dish cells cover
==============================

The recipe ``confluency`` on simulated dishes in phase contrast, from empty to full. No stain, no label, no setting; the
share that was drawn is known to the pixel.
"""

import matplotlib.pyplot as plt
import numpy as np

from granum import pipeline
from granum.image import Image
from granum.samples import simulate_confluency

# %%
# A threshold that splits every picture into two classes finds cells in an empty dish, too. Here what counts is
# roughness beyond the noise of the camera, so nothing is an answer.
shares = (0.0, 0.1, 0.4, 0.9, 1.0)
dishes = [simulate_confluency(confluency=share, size=384, seed=7) for share in shares]
results = [pipeline.run("confluency", Image.from_array(dish.image)) for dish in dishes]

# %%
# Three methods vote. The bounds are the least and the largest share among them: how far the number depends on the
# method. That is not how far it lies from the truth.
print("drawn  found  bounds")
for share, result in zip(shares, results, strict=True):
    found = result.summary
    low, high = found["confluency_low"], found["confluency_high"]
    print(f"{share:5.0%}  {found['confluency']:5.0%}  {low:.0%} to {high:.0%}")

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 4.4), layout="constrained")
for ax, k in zip(axes, (0, 2, 3), strict=True):
    ax.imshow(dishes[k].image, cmap="gray")
    for mask, colour in ((dishes[k].mask, "#0072b2"), (results[k].layers["mask"], "#d55e00")):
        if mask.any() and not mask.all():
            ax.contour(mask, [0.5], colors=colour, linewidths=1)
    covered = results[k].summary["confluency"]
    ax.set_title(f"{shares[k]:.0%} drawn (blue), {covered:.0%} found (orange)")
    ax.set_axis_off()
plt.show()

# %%
# Beside the truth. In phase contrast narrow gaps between cells are hidden by their halos: it reads somewhat high, and
# 90 % is hardly told from full.
figure, ax = plt.subplots(figsize=(5, 4.5), layout="constrained")
found = np.array([[result.summary[f"confluency{end}"] for end in ("", "_low", "_high")] for result in results])
errors = np.abs(found[:, 1:] - found[:, :1]).T
ax.errorbar(shares, found[:, 0], errors, fmt="o", capsize=3, label="found, with bounds")
ax.plot([0, 1], [0, 1], color="0.6", label="drawn")
ax.set(xlabel="share drawn", ylabel="share found", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
ax.legend(frameon=False)
plt.show()
