"""Every splitter over the catalogue of hard cases."""

import numpy as np
import pytest

from granum.separate.convexity import split_by_convexity
from granum.separate.ellipses import split_by_ellipses
from granum.separate.local_kmeans import split_by_local_kmeans
from granum.separate.local_mixture import split_by_local_mixture
from granum.separate.local_spectral import split_by_local_spectral
from granum.separate.peaks import find_distance_peaks
from granum.separate.watershed import split_by_watershed

FROM_PEAKS = {
    "kmeans": split_by_local_kmeans,
    "weighted": lambda mask, peaks: split_by_local_kmeans(mask, peaks, size_weighted=True),
    "mixture": split_by_local_mixture,
    "spectral": split_by_local_spectral,
    "watershed": split_by_watershed,
}
SPLITTERS = {
    **{
        name: lambda mask, split=split: split(mask, find_distance_peaks(mask, min_dynamic=0.1))
        for name, split in FROM_PEAKS.items()
    },
    "convexity": split_by_convexity,
    "ellipses": split_by_ellipses,
}


@pytest.fixture(params=SPLITTERS)
def split(request):
    return SPLITTERS[request.param]


def test_the_labels_divide_the_mask_without_gaps_and_leave_it_alone(hard_case, split):
    before = hard_case.mask.copy()
    labels = split(hard_case.mask)
    np.testing.assert_array_equal(hard_case.mask, before)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels > 0, before)
    np.testing.assert_array_equal(np.unique(labels[before]), np.arange(1, labels.max() + 1))
    assert labels.max() >= hard_case.n_components


def test_no_label_reaches_into_two_components(hard_case, split):
    from scipy import ndimage as ndi

    components, _ = ndi.label(hard_case.mask)
    labels = split(hard_case.mask)
    pairs = np.unique(np.stack([labels[labels > 0], components[labels > 0]]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1]


def test_the_same_mask_gives_the_same_labels(hard_case, split):
    np.testing.assert_array_equal(split(hard_case.mask), split(hard_case.mask))


def test_round_particles_are_counted_exactly(hard_discs, split):
    assert split(hard_discs.mask).max() == hard_discs.n_particles


@pytest.mark.parametrize("name", ["kmeans", "weighted", "mixture", "spectral"])
def test_without_peaks_each_component_is_one_object(hard_case, name):
    labels = FROM_PEAKS[name](hard_case.mask, np.empty((0, 2)))
    assert labels.max() == hard_case.n_components
