from __future__ import annotations

import numpy as np
import pytest

from granum.learn import PixelClass, TrainingImage, compute_features, gather_training_data, make_scribbles
from granum.learn.feature_set import FeatureSet
from granum.learn.search_data import prepare_search

FEATURES = FeatureSet(sigmas=(1.0,), kinds=("gaussian", "gradient"))


def gather(shape, n_images=2, n_sample=600):
    rng = np.random.default_rng(0)
    given = []
    for number in range(n_images):
        painted = np.zeros(shape, np.uint8)
        for one in (1, 2):
            for row, column in rng.integers(0, (shape[0] - 1, shape[1] - 12), (6, 2)):
                painted[row, column : column + 10] = one
        name = f"image {number}"
        pixels = rng.integers(0, 255, (1, *shape), dtype=np.uint8)
        given.append(TrainingImage(name, pixels, make_scribbles(painted, name=name)))
    classes = [PixelClass(1, "one"), PixelClass(2, "two")]
    return gather_training_data(given, classes, features=FEATURES, n_sample=n_sample)


def check_patches(search):
    """Check that every pixel of a patch has the features that it should have."""
    data = search.data
    for number, patch in enumerate(search.patches):
        for planes, place, at in (
            (data.painted, patch.painted, patch.painted_at),
            (data.sample, patch.sample, patch.sample_at),
        ):
            np.testing.assert_array_equal(patch.planes[:, at], planes[:, place])
        absolute = search.patch(number, "training")
        np.testing.assert_allclose(
            absolute[:, patch.painted_at], search.painted("training")[:, patch.painted], atol=1e-5
        )
        np.testing.assert_allclose(absolute[:, patch.sample_at], search.sample("training")[:, patch.sample], atol=1e-5)
    sample = np.concatenate([patch.sample for patch in search.patches])
    assert sorted(sample) == list(range(data.sample_image.size))
    painted = np.concatenate([patch.painted for patch in search.patches])
    assert np.unique(painted).size == painted.size


def test_small_images_are_taken_whole():
    search = prepare_search(gather((60, 70)))
    assert [patch.shape for patch in search.patches] == [(60, 70), (60, 70)]
    assert sum(patch.painted.size for patch in search.patches) == search.data.labels.size
    assert (search.sample_weights == 1).all()
    check_patches(search)


def test_of_large_images_tiles_with_strokes_and_with_sample_are_taken():
    data = gather((700, 800))
    search = prepare_search(data, most_bytes=4 * len(data.names) * 400_000)
    check_patches(search)
    n_px = sum(patch.planes.shape[1] for patch in search.patches)
    assert n_px <= 400_000
    assert {patch.image for patch in search.patches} == {0, 1}
    assert 0 < search.data.sample_image.size < data.sample_image.size
    assert sum(patch.painted.size for patch in search.patches) > 0.4 * data.labels.size
    # tiles were taken for their strokes and others drawn: by weight, the sample is that of whole images again
    weights, image = search.sample_weights, search.data.sample_image
    assert weights.min() == 1.0
    assert weights.max() > 2.0
    for number in (0, 1):
        assert weights[image == number].sum() == pytest.approx((data.sample_image == number).sum(), rel=0.25)


def test_a_patch_has_the_features_of_the_whole_image():
    data = gather((300, 320), n_images=1)
    search = prepare_search(data, most_bytes=4 * len(data.names) * 100_000)
    whole = compute_features(data.images[0].channels, FEATURES, intensity=data.intensity[0])
    for patch in search.patches:
        y0, x0, y1, x1 = patch.window
        np.testing.assert_array_equal(patch.planes, whole[:, y0:y1, x0:x1].reshape(len(whole), -1))


@pytest.mark.parametrize("n_images", [1, 3])
def test_folds_belong_to_the_sample_that_is_kept(n_images):
    data = gather((500, 500), n_images=n_images)
    search = prepare_search(data, most_bytes=4 * len(data.names) * 200_000)
    sample = np.concatenate([fold.sample for fold in search.folds])
    assert sorted(sample) == list(range(search.data.sample.shape[1]))
