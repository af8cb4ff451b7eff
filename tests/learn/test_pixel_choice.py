from __future__ import annotations

import numpy as np
import pytest

from granum.learn import make_scribbles
from granum.learn.pixel_choice import add_neighbours, choose_painted, choose_sample, weigh_strokes


def scribbles_of(*strokes):
    """Strokes (class, pixels)."""
    plane, numbers = np.zeros((len(strokes), 2000), np.uint8), np.zeros((len(strokes), 2000), np.int32)
    for row, (class_id, n_px) in enumerate(strokes):
        plane[row, :n_px], numbers[row, :n_px] = class_id, row + 1
    return make_scribbles(plane, name="a", strokes=numbers)


def kept_of_each(scribbles, most, seed=0):
    kept = choose_painted(scribbles, most_per_class=most, seed=seed)
    assert (np.diff(kept) > 0).all()
    return np.bincount(scribbles.strokes[kept], minlength=scribbles.strokes.max() + 1)[1:].tolist()


@pytest.mark.parametrize(
    ("strokes", "most", "wanted"),
    [
        ([(1, 1000), (1, 1000)], 100, [50, 50]),
        ([(1, 10), (1, 1000), (1, 500)], 100, [10, 45, 45]),
        ([(1, 10), (1, 5)], 100, [10, 5]),
        ([(1, 10), (1, 1000), (2, 300)], 100, [10, 90, 100]),
        ([(1, 40), (1, 50), (1, 60)], 100, [34, 33, 33]),
        ([(1, 7)] * 5, 3, [1] * 5),
        ([(1, 1), (2, 2000)], 1, [1, 1]),
    ],
)
def test_every_stroke_of_a_class_gives_the_same_as_far_as_it_has_it_and_at_least_one(strokes, most, wanted):
    assert kept_of_each(scribbles_of(*strokes), most) == wanted


def test_one_stroke_more_takes_from_the_others_but_asks_for_nothing_new_of_them():
    one = scribbles_of((1, 1000), (2, 800))
    two = scribbles_of((1, 1000), (2, 800), (1, 600))
    places = [{(int(s.y[i]), int(s.x[i])) for i in choose_painted(s, most_per_class=100, seed=3)} for s in (one, two)]
    new = places[1] - places[0]
    assert {y for y, _ in new} == {2}
    assert len(new) == 50


def test_kept_pixels_are_spread_over_the_stroke_and_depend_on_the_seed():
    scribbles = scribbles_of((1, 2000), (2, 5))
    kept = [choose_painted(scribbles, most_per_class=200, seed=seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(kept[0], kept[1])
    assert not np.array_equal(kept[0], kept[2])
    counts, _ = np.histogram(scribbles.x[kept[0]][:200], bins=10, range=(0, 2000))
    assert counts.min() > 5
    assert choose_painted(make_scribbles(np.zeros((5, 5), np.uint8), name="a"), most_per_class=5, seed=0).size == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (700, 3), (60, 50), (256, 256), (700, 900), (30_000, 40_000)])
@pytest.mark.parametrize("n", [0, 1, 100, 4096])
def test_samples_are_different_pixels_inside_the_image_as_many_as_wanted(shape, n):
    y, x = choose_sample(shape, n, seed=5)
    assert y.size == min(n, shape[0] * shape[1])
    assert len(set(zip(y.tolist(), x.tolist(), strict=True))) == y.size
    if y.size:
        assert y.min() >= 0
        assert x.min() >= 0
        assert y.max() < shape[0]
        assert x.max() < shape[1]


@pytest.mark.parametrize("shape", [(250, 250), (3000, 2000)])
def test_samples_cover_the_image_evenly(shape):
    y, x = choose_sample(shape, 4096, seed=0)
    counts, _, _ = np.histogram2d(y, x, bins=4, range=((0, shape[0]), (0, shape[1])))
    assert counts.min() > 4096 / 16 * 0.6
    assert counts.max() < 4096 / 16 * 1.5


def test_samples_of_huge_images_need_few_windows():
    y, x = choose_sample((30_000, 40_000), 4096, seed=0)
    assert len(set(zip((y // 32).tolist(), (x // 32).tolist(), strict=True))) <= 128


@pytest.mark.parametrize("shape", [(200, 300), (3000, 2000)])
@pytest.mark.parametrize("share", [0.5, 0.002])
def test_nothing_is_sampled_that_may_not_be(shape, share):
    area = np.zeros(shape, np.bool_)
    area[: max(1, int(shape[0] * share))] = True
    y, x = choose_sample(shape, 500, allowed=lambda y, x: area[y, x], seed=0)
    assert area[y, x].all()
    assert y.size == min(500, area.sum())
    assert choose_sample(shape, 500, allowed=lambda y, x: np.zeros(y.size, np.bool_), seed=0)[0].size == 0


def test_classes_weigh_the_same_and_strokes_by_the_root_of_their_pixels():
    labels = np.array([0] * 10 + [1] * 30, np.uint8)
    strokes = np.array([0] * 4 + [1] * 6 + [2] * 30, np.int32)
    n_px = np.array([400] * 4 + [100] * 6 + [30] * 30)
    weights = weigh_strokes(labels, strokes, n_px)
    assert weights.mean() == pytest.approx(1)
    assert weights[:10].sum() == pytest.approx(weights[10:].sum(), rel=1e-6)
    assert weights[:4].sum() / weights[4:10].sum() == pytest.approx(2, rel=1e-6)


def test_neighbours_touch_a_pixel_each_and_stay_inside_and_where_they_may():
    area = np.zeros((40, 50), np.bool_)
    area[:20] = True
    y, x = (axis.astype(np.int32).ravel() for axis in np.mgrid[0:20:4, 0:50:7])
    more_y, more_x = add_neighbours(y, x, (40, 50), allowed=lambda y, x: area[y, x], seed=1)
    flat = more_y.astype(int) * 50 + more_x
    assert (np.diff(flat) > 0).all()
    assert area[more_y, more_x].all()
    assert set(y * 50 + x) <= set(flat)
    new = np.array([one for one in flat if one not in set(y * 50 + x)])
    assert new.size > 0.8 * y.size
    away = np.maximum(abs(new[:, None] // 50 - y), abs(new[:, None] % 50 - x))
    assert (away.min(axis=1) == 1).all()


def test_neighbours_lie_in_all_directions():
    y, x = (axis.astype(np.int32).ravel() for axis in np.mgrid[5:400:10, 5:400:10])
    more_y, more_x = add_neighbours(y, x, (410, 410), seed=0)
    step = np.array([((a + 5) % 10 - 0, (b + 5) % 10 - 0) for a, b in zip(more_y, more_x, strict=True)])
    step = (step + 5) % 10 - 5
    counts = [int((step == move).all(axis=1).sum()) for move in [(-1, -1), (-1, 0), (0, 1), (1, 1), (1, -1)]]
    assert min(counts) > 130
