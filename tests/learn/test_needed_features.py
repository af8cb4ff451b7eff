import numpy as np
import pytest

from granum.learn.feature_set import FeatureSet
from granum.learn.intensity import IntensityScale
from granum.learn.needed_features import needed_features
from granum.learn.pixel_features import compute_features


@pytest.mark.parametrize("seed", range(6))
def test_columns_of_the_part_have_the_bytes_of_the_bank(seed):
    random = np.random.default_rng(seed)
    channels = random.integers(0, 255, (2, 40, 50)).astype(np.uint8)
    bank = FeatureSet(position=True)
    scale = IntensityScale((100.0, 90.0), (50.0, 60.0))
    columns = random.choice(bank.n_features(2), random.integers(1, 6), replace=False).tolist()
    part, place = needed_features(bank, 2, columns)
    assert set(place) == set(columns)
    whole = compute_features(channels, bank, intensity=scale)
    small = compute_features(channels, part, intensity=scale)
    assert len(small) < len(whole)
    for column in columns:
        np.testing.assert_array_equal(small[place[column]], whole[column])


def test_scales_and_kinds_without_a_column_are_left_out():
    bank = FeatureSet()
    names = bank.names(1)
    part, place = needed_features(bank, 1, [names.index("c0 hessian_2 3.5"), names.index("c0 gaussian 1")])
    assert part == FeatureSet((1.0, 3.5), ("gaussian", "hessian"), pixel=False)
    assert [part.names(1)[i] for i in place.values()] == ["c0 gaussian 1", "c0 hessian_2 3.5"]
    assert needed_features(bank, 1, [0])[0].names(1) == ("c0 pixel 0",)
    assert needed_features(bank, 1, [])[0].names(1) == ("c0 pixel 0",)
