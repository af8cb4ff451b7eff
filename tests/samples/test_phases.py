from __future__ import annotations

import json

import numpy as np
import pytest

from granum.errors import SettingError
from granum.samples import simulate_phases


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_picture():
    one, two, other = (simulate_phases(size=200, seed=seed) for seed in (3, 3, 4))
    assert one.image.tobytes() == two.image.tobytes()
    assert one.classes.tobytes() == two.classes.tobytes()
    assert one.truth == two.truth
    assert not np.array_equal(one.classes, other.classes)


def test_shares_are_near_those_that_were_asked_for_and_exact_in_the_truth():
    simulated = simulate_phases(size=800, seed=0, cuboid_share=0.3, speck_share=0.06, lamellar_share=0.25)
    shares = np.bincount(simulated.classes.ravel(), minlength=5)[1:] / simulated.classes.size
    assert shares[3] == pytest.approx(0.25, abs=0.01)
    assert shares[1] / (1 - shares[3]) == pytest.approx(0.3, abs=0.06)
    assert 0.02 < shares[2] / (1 - shares[3]) < 0.07
    assert list(simulated.truth["shares"].values()) == pytest.approx(shares.tolist(), abs=1e-6)


def test_phases_differ_in_grey_level_and_the_lamellar_one_in_texture_alone():
    simulated = simulate_phases(size=600, seed=1, uneven_light=0.0, noise=0.3, level_change=0.0)
    levels = [simulated.image[simulated.classes == id].mean() for id in (1, 2, 3, 4)]
    assert levels[1] > levels[0] + 25
    assert levels[2] < levels[0] - 15
    assert levels[3] == pytest.approx(levels[0], abs=4)
    spread = [simulated.image[simulated.classes == id].std() for id in (1, 4)]
    assert spread[1] > 1.5 * spread[0]


def test_grey_levels_change_from_picture_to_picture_unless_that_is_off():
    def medians(level_change):
        pictures = (simulate_phases(size=128, seed=seed, level_change=level_change) for seed in range(6))
        return [np.median(picture.image[picture.classes == 1]) for picture in pictures]

    assert np.ptp(medians(1.0)) > 50
    assert np.ptp(medians(0.0)) < 15


def test_the_bar_has_no_class_and_the_truth_is_json():
    simulated = simulate_phases(size=256, seed=0, info_bar=True, dtype="uint16", pixel_size_nm=2.5)
    top = simulated.truth["info_bar"]["top_row"]
    assert (simulated.classes[top:] == 0).all()
    assert (simulated.classes[:top] > 0).all()
    assert simulated.image.dtype == np.uint16
    assert json.loads(json.dumps(simulated.truth)) == simulated.truth


def test_phases_can_be_left_out():
    simulated = simulate_phases(size=64, cuboid_share=0.0, speck_share=0.0, lamellar_share=0.0)
    assert (simulated.classes == 1).all()


@pytest.mark.parametrize(
    "settings", [{"size": 8}, {"seed": -1}, {"cuboid_share": 0.9}, {"level_change": 2.0}, {"dtype": "float32"}]
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        simulate_phases(**settings)
