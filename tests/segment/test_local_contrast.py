from __future__ import annotations

import numpy as np
import pytest

from granum.errors import SettingError
from granum.segment import segment_by_local_contrast
from granum.segment.local_contrast import local_contrast


def image_with_patch():
    image = 100 + np.random.default_rng(0).normal(0, 1, (80, 90))
    image[20:50, 30:70] += 30 * np.random.default_rng(1).choice([-1, 1], (30, 40))
    return image


def test_what_is_rough_is_found():
    mask = segment_by_local_contrast(image_with_patch(), correct_halo=False)
    assert mask[22:48, 32:68].all()
    assert not mask[60:].any()


def test_contrast_is_deviation_over_mean_and_gain_cancels():
    image = image_with_patch()
    np.testing.assert_allclose(local_contrast(image * 7, 1.4), local_contrast(image, 1.4), atol=1e-6)
    rough = np.random.default_rng(2).normal(100, 10, (200, 200))
    assert local_contrast(rough, 8.0)[50:150, 50:150].mean() == pytest.approx(0.1, rel=0.05)


def test_zero_and_negative_means_have_no_contrast():
    assert not local_contrast(np.zeros((9, 9)), 1.4).any()
    assert not segment_by_local_contrast(np.full((30, 30), -5.0)).any()


def test_outside_of_the_area_there_is_nothing():
    area = np.zeros((80, 90), bool)
    area[:, :50] = True
    assert not segment_by_local_contrast(image_with_patch(), area)[:, 50:].any()


@pytest.mark.parametrize("settings", [{"sigma": 0.1}, {"epsilon": -1}, {"min_area": -1}], ids=str)
def test_settings_out_of_range_are_named(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        segment_by_local_contrast(np.eye(20), **settings)
