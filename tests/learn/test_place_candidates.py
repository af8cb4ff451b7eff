from __future__ import annotations

import numpy as np
import pytest

from granum.errors import SettingError
from granum.learn.known_pixels import KnownPixels
from granum.learn.pixel_classifier import fit_first_model
from granum.learn.place_candidates import candidate_places, find_candidates, map_painted
from granum.learn.stroke_places import suggest_strokes


@pytest.mark.parametrize("shape", [(512, 300), (7, 9), (1, 1), (3, 4000)])
def test_places_cover_the_image_evenly_and_stay_in_it(shape):
    y, x = candidate_places(shape, n=200)
    assert 0 <= y.min() <= y.max() < shape[0]
    assert 0 <= x.min() <= x.max() < shape[1]
    assert 1 <= len(y) <= 300
    if shape == (512, 300):
        assert len(y) > 150
        quarter = np.bincount((y >= 256) * 2 + (x >= 150), minlength=4)
        assert quarter.min() > 0.2 * len(y)


def test_places_do_not_stand_in_line():
    y, x = candidate_places((1000, 1000), n=400)
    assert len(np.unique(y % 50)) > 30
    assert len(np.unique(x % 50)) > 30


def test_places_are_in_the_area_only():
    area = np.zeros((100, 100), np.bool_)
    area[:, :40] = True
    y, x = candidate_places((100, 100), n=500, area=area)
    assert area[y, x].all()
    assert len(y) > 100


def test_no_place_is_refused():
    with pytest.raises(SettingError, match="n is 0"):
        candidate_places((10, 10), n=0)


@pytest.fixture(scope="module")
def learnt(draw_phases):
    phases = draw_phases(2)
    data = phases.training(2)
    return data, fit_first_model(data)


def test_probabilities_of_places_are_near_those_of_the_whole_prediction(learnt):
    data, model = learnt
    found = find_candidates(model, data.images, n=300)
    whole = [model.predict(image.channels).probabilities for image in data.images]
    expected = np.stack([whole[i][:, y, x] for i, y, x in zip(found.image, found.y, found.x, strict=True)], axis=1)
    assert set(found.image) == {0, 1}
    np.testing.assert_allclose(found.probabilities.sum(axis=0), 1, atol=1e-5)
    # the mean of 9 pixels against one smoothed pixel: not the same, but of the same opinion
    assert np.corrcoef(found.probabilities.ravel(), expected.ravel())[0, 1] > 0.7


def test_what_was_computed_before_gives_the_same_places(learnt):
    data, model = learnt
    cache = KnownPixels()
    first, second, alone = (find_candidates(model, data.images, n=100, cache=one) for one in (cache, cache, None))
    for name in ("image", "y", "x", "features", "probabilities", "uncertainty"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        np.testing.assert_array_equal(getattr(first, name), getattr(alone, name))


def test_places_lead_to_pixels_that_the_model_gets_wrong_more_often_than_elsewhere(learnt, draw_phases):
    data, model = learnt
    phases = draw_phases(2)
    found = find_candidates(model, data.images, n=400)
    ids = [one.id for one in model.classes]
    places = suggest_strokes(found, ids, painted=map_painted(model, data), most=12, scribbles=[
        image.scribbles for image in data.images
    ])  # fmt: skip
    classes = [model.predict(image.channels).classes for image in data.images]
    wrong = [classes[one.image][int(one.y), int(one.x)] != phases.classes[one.image][int(one.y), int(one.x)] + 1
             for one in places]  # fmt: skip
    error = np.mean([(mine != truth + 1).mean() for mine, truth in zip(classes, phases.classes, strict=False)])
    assert np.mean(wrong) > 2 * error
