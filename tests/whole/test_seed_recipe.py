"""`particles-seed` is the published recipe to the letter: the same as scikit-image, SciPy and scikit-learn in a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from granum import pipeline
from granum.image import Image
from granum.read import read_image

GOLD = Path(__file__).parents[2].parent / "shared" / "data" / "seed_gold_particles" / "gold_8nm.png"


def published(image):
    """The recipe as it was published, with particles at the edge kept."""
    from skimage.feature import peak_local_max
    from skimage.filters import threshold_otsu
    from skimage.measure import label
    from sklearn.cluster import KMeans

    mask = image > threshold_otsu(image)
    components = label(mask)
    peaks = peak_local_max(ndimage.distance_transform_edt(mask), min_distance=7, exclude_border=False)
    labels, n = np.zeros(image.shape, int), 0
    for component in range(1, components.max() + 1):
        pixels = np.argwhere(components == component)
        starts = peaks[components[tuple(peaks.T)] == component]
        if len(starts) == 0:
            labels[tuple(pixels.T)] = n = n + 1
            continue
        found = KMeans(len(starts), init=starts.astype(float), n_init=1).fit(pixels.astype(float)).labels_
        labels[tuple(pixels.T)] = n + 1 + found
        n += len(starts)
    return labels


def test_the_seed_recipe_gives_the_published_labels():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:160, :160]
    image = rng.normal(40, 4, (160, 160))
    for cy, cx, r in rng.uniform((0, 0, 7), (160, 160, 12), (25, 3)):
        image[(y - cy) ** 2 + (x - cx) ** 2 <= r**2] = 170
    image = np.clip(image, 0, 255).astype(np.uint8)
    theirs = published(image)
    result = pipeline.run("particles-seed", Image.from_array(image))
    assert result.n_objects == theirs.max()
    # the same pieces, whatever their numbers; a pixel exactly halfway may go either way
    pairs = np.unique(np.stack([result.labels.ravel(), theirs.ravel()]), axis=1, return_counts=True)
    largest = [pairs[1][pairs[0][0] == label].max() for label in range(result.n_objects + 1)]
    assert sum(largest) >= 0.999 * image.size


@pytest.mark.skipif(not GOLD.exists(), reason="the shared data is not there (../shared/data)")
def test_the_picture_of_the_seed_has_167_particles_with_those_at_the_edge():
    result = pipeline.run("particles-seed", read_image(GOLD))
    assert result.n_objects == 167
    assert result.threshold == pytest.approx(102)
