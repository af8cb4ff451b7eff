from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from granum.learn.feature_set import FeatureSet
from granum.learn.intensity import IntensityScale, measure_intensity
from granum.learn.pixel_features import compute_features

ALL = FeatureSet(position=True)
UNIT = IntensityScale((0.0,), (1.0,))


def noise(shape, seed=0, dtype=np.uint16):
    rng = np.random.default_rng(seed)
    return rng.normal(900, 200, shape).clip(0, 4000).astype(dtype)


@given(st.integers(1, 90), st.integers(1, 300), st.integers(0, 9), st.randoms(use_true_random=False))
def test_a_window_is_bit_for_bit_the_part_of_the_whole(height, width, seed, random):
    image = noise((1, height, width), seed)
    scale = measure_intensity(image)
    whole = compute_features(image, ALL, intensity=scale)
    assert np.isfinite(whole).all()
    for _ in range(3):
        y0, x0 = random.randrange(height), random.randrange(width)
        y1, x1 = random.randint(y0 + 1, height), random.randint(x0 + 1, width)
        part = compute_features(image, ALL, intensity=scale, window=(y0, x0, y1, x1))
        assert part.tobytes() == np.ascontiguousarray(whole[:, y0:y1, x0:x1]).tobytes()
