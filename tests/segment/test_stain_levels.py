import numpy as np
import pytest
from numpy.testing import assert_array_equal

from granum.errors import SettingError, ShapeError
from granum.segment import find_nuclei_by_level


def stains(shape=(200, 260), seed=0):
    rng = np.random.default_rng(seed)
    live, dead = rng.normal(100, 3, (2, *shape)).round()
    y, x = np.mgrid[: shape[0], : shape[1]]
    truth = []
    for image, centre in ((live, (60, 70)), (dead, (130, 180))):
        disc = np.hypot(y - centre[0], x - centre[1]) < 12
        image[disc] += 200
        truth.append(disc)
    return live, dead, *truth


def test_each_stain_shows_its_nuclei_at_any_gain_and_offset():
    live, dead, living, dying = stains()
    mask, of_live, of_dead, choice = find_nuclei_by_level(live, dead, iterations=0)
    assert (of_live != living).mean() < 1e-3
    assert (of_dead != dying).mean() < 1e-3
    assert_array_equal(mask, of_live | of_dead)
    assert 100 < choice.chosen["live_threshold"] < 200
    for change in (lambda a: a * 16, lambda a: a * 0.5, lambda a: a + 1000):
        assert_array_equal(find_nuclei_by_level(change(live), change(dead), iterations=0)[0], mask)


def test_four_times_the_skew_kernel_moves_nuclei_down_and_four_pixels_right():
    live, dead, living, _ = stains()
    _, moved, _, _ = find_nuclei_by_level(live, dead, live_threshold=200, dead_threshold=200)
    assert np.argwhere(moved).mean(0) - np.argwhere(living).mean(0) == pytest.approx([1.5, 4], abs=0.6)


def test_levels_of_ones_own_are_levels_of_the_file():
    live, dead, living, _ = stains()
    _, of_live, of_dead, choice = find_nuclei_by_level(live, dead, live_threshold=200, dead_threshold=1e4, iterations=0)
    assert_array_equal(of_live, living)
    assert not of_dead.any()
    assert choice.chosen["dead_threshold"] == 1e4


def test_nothing_lies_outside_the_area():
    live, dead, living, dying = stains()
    area = np.zeros(live.shape, bool)
    area[:, :130] = True
    mask, _, _, _ = find_nuclei_by_level(live, dead, area)
    assert mask[living].mean() > 0.5
    assert not mask[dying].any()


def test_nonsense_is_refused():
    live, dead, _, _ = stains()
    with pytest.raises(ShapeError, match="dead"):
        find_nuclei_by_level(live, dead[:10])
    for name, value in {"tile": 1, "offset": -1.0, "iterations": 21}.items():
        with pytest.raises(SettingError, match=name):
            find_nuclei_by_level(live, dead, **{name: value})
