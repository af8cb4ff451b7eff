from __future__ import annotations

import numpy as np
import pytest

from granum.preprocess.channel_mean import mean_of_channels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_the_mean_has_the_type_of_the_channels_and_does_not_overflow(dtype):
    top = 200 if dtype == np.uint8 else 30_000
    found = mean_of_channels(np.array([[[top]], [[top]], [[top - 3]]], dtype))
    assert found.dtype == dtype
    assert found[0, 0] == top - 1


def test_one_channel_is_itself_and_a_missing_value_stays_missing():
    one = np.array([[[5, 7]]], np.uint8)
    assert np.shares_memory(mean_of_channels(one), one)
    assert np.isnan(mean_of_channels(np.array([[[np.nan]], [[1.0]]]))).all()
