from __future__ import annotations

import numpy as np
import pytest

from granum.errors import SettingError
from granum.learn import FeatureSet, PixelClass, TrainingData, TrainingImage, gather_training_data, make_scribbles
from granum.learn.folds import make_folds

PIXEL = FeatureSet(sigmas=(), kinds=())


def paint(*images: tuple[tuple[int, int, int, int], ...], names: tuple[str, ...] = ()) -> TrainingData:
    """Return data of images 60 x 90 with horizontal strokes (class, row, first column, last column)."""
    given = []
    for number, strokes in enumerate(images):
        name = names[number] if names else f"image {number}"
        painted = np.zeros((60, 90), np.uint8)
        for one, row, start, stop in strokes:
            painted[row, start : stop + 1] = one
        pixels = np.arange(60 * 90, dtype=np.float32).reshape(1, 60, 90)
        given.append(TrainingImage(name, pixels, make_scribbles(painted, name=name) if strokes else None))
    ids = sorted({one for strokes in images for one, *_ in strokes})
    return gather_training_data(given, [PixelClass(one, f"phase {one}") for one in ids], features=PIXEL, n_sample=600)


TWO = ((1, 5, 2, 20), (1, 15, 40, 60), (2, 30, 2, 20), (2, 40, 40, 60))


def check(data, folds):
    """Check what is true of all folds."""
    sample = np.concatenate([fold.sample for fold in folds])
    assert sorted(sample) == list(range(data.sample_image.size))
    tested = np.concatenate([fold.test for fold in folds])
    assert np.unique(tested).size == tested.size
    for fold in folds:
        assert not set(fold.train) & set(fold.test)
        assert set(data.labels[fold.train]) == set(data.labels)


def test_each_painted_image_is_left_out_once_with_its_sample():
    data = paint(TWO, TWO, TWO)
    folds = make_folds(data)
    check(data, folds)
    assert folds.kind == "image"
    assert len(folds) == 3
    assert not folds.of_strokes
    assert not folds.notes
    for fold in folds:
        (left_out,) = set(data.image_of[fold.test])
        assert left_out not in data.image_of[fold.train]
        assert set(data.sample_image[fold.sample]) == {left_out}
    assert sum(fold.test.size for fold in folds) == data.labels.size


def test_many_images_are_left_out_in_groups_and_unpainted_ones_are_sampled():
    data = paint(*[TWO] * 12, ())
    folds = make_folds(data, most_folds=4, seed=3)
    check(data, folds)
    assert len(folds) == 4
    assert sorted(np.unique(data.image_of[fold.test]).size for fold in folds) == [3, 3, 3, 3]
    assert 12 in np.concatenate([data.sample_image[fold.sample] for fold in folds])
    for fold in folds:
        assert not set(data.image_of[fold.train]) & set(data.image_of[fold.test])


def test_a_class_of_few_images_is_spread_over_the_groups():
    data = paint(*[TWO] * 6, *[(*TWO, (3, 50, 5, 80))] * 2)
    folds = make_folds(data, most_folds=4)
    check(data, folds)
    assert not folds.of_strokes


def test_a_class_painted_on_one_image_is_tested_by_strokes_and_it_is_said():
    data = paint((*TWO, (3, 50, 2, 20), (3, 55, 60, 80)), TWO)
    folds = make_folds(data)
    check(data, folds)
    assert folds.kind == "image"
    assert folds.of_strokes == (2,)
    assert any("phase 3 is painted on image 0 only" in note for note in folds.notes)
    tested = np.concatenate([fold.test for fold in folds])
    assert set(tested) == set(range(data.labels.size))
    for fold in folds:
        strokes = [set(data.stroke_of[part]) for part in (fold.train, fold.test)]
        assert not strokes[0] & strokes[1]


def test_strokes_of_one_image_are_left_out_whole_and_neighbours_together():
    columns = range(2, 80, 10)
    data = paint(tuple((one, row + 3 * one, x, x + 5) for one in (1, 2) for row in (10, 30) for x in columns))
    folds = make_folds(data)
    check(data, folds)
    assert folds.kind == "stroke"
    assert len(folds) == 4
    for fold in folds:
        assert not set(data.stroke_of[fold.train]) & set(data.stroke_of[fold.test])
        assert np.bincount(data.labels[fold.test]).tolist() == [24, 24]
        # one strip of the image
        assert np.ptp(data.x[fold.test]) < 20
        assert np.ptp(data.sample_x[fold.sample]) < 40


def test_a_single_stroke_is_cut_in_halves_along_itself():
    data = paint(((1, 10, 2, 41), (2, 30, 2, 41), (2, 50, 2, 41)))
    folds = make_folds(data)
    check(data, folds)
    assert any("Only 1 stroke of phase 1" in note for note in folds.notes)
    assert not any("phase 2" in note for note in folds.notes)
    halves = [data.x[fold.test[data.labels[fold.test] == 0]] for fold in folds]
    halves = [half for half in halves if half.size]
    assert [half.size for half in halves] == [20, 20]
    assert halves[0].max() < halves[1].min() or halves[1].max() < halves[0].min()


def test_single_pixels_are_learnt_from_and_never_tested():
    data = paint(((1, 10, 2, 2), (2, 30, 2, 20), (2, 50, 2, 20)))
    folds = make_folds(data)
    check(data, folds)
    assert 0 not in data.labels[np.concatenate([fold.test for fold in folds])]
    assert any("Only 1 pixel of phase 1" in note for note in folds.notes)
    data = paint(((1, 10, 2, 2), (2, 30, 2, 2)))
    folds = make_folds(data)
    check(data, folds)
    assert len(folds) == 1
    assert any("nothing can be left out" in note for note in folds.notes)
    data = paint((*TWO, (3, 50, 2, 2)), TWO)
    check(data, make_folds(data))


def test_the_same_seed_gives_the_same_folds():
    data = paint(*[TWO] * 12)
    first, second, other = (make_folds(data, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a.test, b.test) for a, b in zip(first, second, strict=True))
    assert not all(np.array_equal(a.test, b.test) for a, b in zip(first, other, strict=True))


def test_fewer_than_two_folds_are_refused():
    with pytest.raises(SettingError, match="most_folds is 1, must be at least 2"):
        make_folds(paint(TWO), most_folds=1)
