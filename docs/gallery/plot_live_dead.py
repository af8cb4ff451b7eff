"""
Living and dead cells of one field
==================================

The recipe ``live-dead`` on a simulated field of three channels: bright field, Hoechst (all nuclei) and Draq7 (dead
ones), with debris and dead cells that float out of focus. Its truth is known, so each answer stands beside it.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

from granum import pipeline
from granum.image import Image
from granum.samples import simulate_live_dead

# %%
# Channels are found by their names. Your own image comes from ``granum.read.read_image``.
field = simulate_live_dead(size=512, count=30, dead_share=0.4, seed=11)
planes = np.stack([field.brightfield, field.live, field.dead])
image = Image.from_array(planes, axes="CYX", channel_names=("brightfield", "hoechst", "draq7"))
result = pipeline.run("live-dead", image)

# %%
# The counts of the field. The interval is Wilson's: how far chance reaches with so many nuclei.
found, truth = result.summary, field.truth
print(f"found: {found['n_live']:.0f} living, {found['n_dead']:.0f} dead, {found['n_uncertain']:.0f} of them uncertain")
print(f"viability {found['viability']:.2f} ({found['viability_low']:.2f} to {found['viability_high']:.2f})")
print(f"drawn: {truth['n_live']} living, {truth['n_dead']} dead, viability {truth['viability']:.2f}")

# %%
# The five classes that it found, beside the ones that were drawn.
legend = result.layers["legend"]
colours = ListedColormap(["#111111", *(item.colour for item in legend)])
figure, axes = plt.subplots(1, 3, figsize=(12, 4.3), layout="constrained")
dark, bright = np.percentile(field.brightfield, (0.5, 99.5))
axes[0].imshow(field.brightfield, cmap="gray", vmin=dark, vmax=bright)
axes[0].set_title("bright field")
for ax, title, classes in zip(axes[1:], ("found", "drawn"), (result.layers["classes"], field.classes), strict=True):
    ax.imshow(classes, cmap=colours, vmin=0, vmax=4, interpolation="nearest")
    ax.set_title(title)
for item in legend:
    axes[1].plot([], [], "s", color=item.colour, label=item.name)
figure.legend(loc="outside lower center", ncols=len(legend), frameon=False)
for ax in axes:
    ax.set_axis_off()
plt.show()

# %%
# Each nucleus has a probability. Nearly all lie at the ends; what lies between is worth a look.
figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for state, colour in (("live", "#0072b2"), ("dead", "#d55e00")):
    here = result.objects["state"] == state
    ax.plot(result.objects["dead_mean"][here], result.objects["p_dead"][here], "o", color=colour, label=state)
ax.axhspan(0.2, 0.8, color="0.92")
ax.set(xlabel="Draq7 over local background (grey levels)", ylabel="probability of being dead", xscale="symlog")
ax.legend(frameon=False)
plt.show()
