from __future__ import annotations

import json

import numpy as np
import pytest

from granum.errors import SettingError
from granum.samples import simulate_confluency


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_dish():
    one, two, other = (simulate_confluency(size=160, seed=seed) for seed in (3, 3, 4))
    assert one.image.tobytes() == two.image.tobytes()
    assert one.cells.tobytes() == two.cells.tobytes()
    assert one.truth == two.truth
    assert not np.array_equal(one.mask, other.mask)


@pytest.mark.parametrize("confluency", [0.0, 0.03, 0.3, 0.77, 0.96, 1.0])
@pytest.mark.parametrize("magnification", [4.0, 20.0])
def test_cells_cover_the_share_that_was_asked_for_to_the_pixel(confluency, magnification):
    dish = simulate_confluency(size=200, confluency=confluency, magnification=magnification, seed=1)
    assert dish.mask.sum() == round(confluency * 200 * 200)
    assert dish.truth["confluency"] == pytest.approx(dish.mask.mean(), abs=1e-6)
    k = dish.truth["n_cells"]
    assert np.array_equal(dish.cells > 0, dish.mask)
    assert set(np.unique(dish.cells)) - {0} == set(range(1, k + 1))
    assert json.loads(json.dumps(dish.truth)) == dish.truth


@pytest.mark.parametrize("optics", ["phase", "brightfield"])
def test_cells_are_rougher_than_the_empty_dish(optics):
    dish = simulate_confluency(size=400, confluency=0.4, optics=optics, uneven_light=0.0, dust=0.0, seed=2)
    empty = simulate_confluency(size=400, confluency=0.0, optics=optics, uneven_light=0.0, dust=0.0, seed=2)
    assert dish.image[dish.mask].std() > 2 * empty.image.std()


def test_phase_contrast_cells_are_dark_with_a_bright_halo():
    dish = simulate_confluency(
        size=400, confluency=0.3, rounded_share=0.0, uneven_light=0.0, noise=0.0, dust=0.0, seed=5
    )
    background = np.median(dish.image[~dish.mask])
    assert np.median(dish.image[dish.mask]) < background - 4
    padded = np.pad(dish.mask, 2)
    beside = ~dish.mask
    near = np.zeros_like(beside)
    for dy, dx in ((0, 2), (4, 2), (2, 0), (2, 4)):
        near |= padded[dy : dy + 400, dx : dx + 400]
    assert np.median(dish.image[beside & near]) > background + 2


def test_rounded_cells_have_a_bright_rim():
    dish = simulate_confluency(size=400, confluency=0.05, rounded_share=1.0, uneven_light=0.0, seed=5)
    assert np.quantile(dish.image[dish.mask], 0.9) > 1.5 * np.median(dish.image[~dish.mask])


def test_light_dust_and_bits_follow_the_settings():
    flat, uneven = (simulate_confluency(size=128, confluency=0, uneven_light=u, noise=0, dust=0) for u in (0.0, 0.5))
    assert np.ptp(flat.image) < 16
    assert np.ptp(uneven.image) > 40
    dusty = simulate_confluency(size=128, confluency=0, uneven_light=0.0, noise=0, dust=10)
    assert np.abs(dusty.image.astype(int) - flat.image).max() > 15
    wide = simulate_confluency(size=128, confluency=0, dtype="uint16", brightness=0.2)
    assert wide.image.dtype == np.uint16
    assert np.median(wide.image) == pytest.approx(0.2 * 65535, rel=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"confluency": 1.1}, "confluency"),
        ({"optics": "dic"}, "optics"),
        ({"size": 10}, "size"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_wrong_setting_is_an_error(settings, message):
    with pytest.raises(SettingError, match=message):
        simulate_confluency(**{"size": 64, **settings})
