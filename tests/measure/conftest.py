"""Label images for the measures: blobs of all kinds, and drawn shapes."""

import numpy as np
import pytest
from hypothesis import settings
from scipy import ndimage as ndi

# the first call of a kernel compiles it
settings.register_profile("kernels", deadline=None, max_examples=30)
settings.load_profile("kernels")


@pytest.fixture(scope="session")
def blobs():
    """Labels with gaps: bent, hollow and touching objects, some in several pieces, some of one pixel."""
    rng = np.random.default_rng(7)
    field = ndi.gaussian_filter(rng.normal(size=(160, 220)), 3)
    labels, n = ndi.label(field > 0.05)
    labels[80:, :][labels[80:, :] > 0] += 1  # cuts objects in two that touch
    labels[field > 0.22] = 0  # holes
    labels[::40, ::50] = n + 5 + np.arange(20).reshape(4, 5)  # single pixels
    labels[3, 3:90] = n + 40  # a line
    labels[labels == 2] = 0
    labels[labels == 5] = 9000
    return labels.astype(np.int32)


@pytest.fixture(scope="session")
def grey(blobs):
    """An image to the blobs."""
    rng = np.random.default_rng(8)
    return (1000 + 500 * (blobs > 0) + rng.normal(0, 60, blobs.shape)).astype(np.uint16)
