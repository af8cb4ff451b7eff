from __future__ import annotations

import numpy as np
import pytest

from granum.errors import SettingError, ShapeError
from granum.learn import TrainingImage, fit_first_model, gather_training_data, learn_pixels, make_scribbles


def test_the_first_model_finds_the_classes_of_an_image_it_has_not_seen(draw_phases):
    phases = draw_phases(4, noise=0.6)
    model = fit_first_model(phases.training(3))
    found = model.predict(phases.images[3][None]).classes
    assert (found == phases.classes[3] + 1).mean() > 0.8
    assert model.normalisation in ("image", "training")
    assert model.prior[2] < 0.2 < model.prior[0]


def test_the_first_model_is_the_same_every_time(draw_phases):
    data = draw_phases(2).training(2)
    one, other = (fit_first_model(data, seed=3) for _ in range(2))
    pixels = draw_phases(3).images[2][None]
    np.testing.assert_array_equal(one.predict(pixels).probabilities, other.predict(pixels).probabilities)
    assert one.prior == other.prior


def test_one_pixel_of_each_class_is_enough():
    pixels = np.zeros((40, 50), np.uint8)
    pixels[:, 25:] = 200
    painted = np.zeros_like(pixels)
    painted[10, 5], painted[20, 45] = 1, 2
    data = gather_training_data([TrainingImage("one", pixels[None], make_scribbles(painted, name="one"))])
    found = fit_first_model(data).predict(pixels[None]).classes
    assert found[10, 5] == 1
    assert found[20, 45] == 2


def test_a_guess_about_grey_levels_stands_in_the_model(draw_phases):
    model = fit_first_model(draw_phases(1).training(1))
    assert any("Only one image is painted" in note for note in model.about["notes"])


def test_arrays_go_in_and_a_model_comes_out(draw_phases):
    phases = draw_phases(3, noise=0.6)
    model = learn_pixels(
        phases.images, [*phases.strokes[:2], None], class_names=["matrix", "phase", "rare"], budget_s=0.5
    )
    assert [one.name for one in model.classes] == ["matrix", "phase", "rare"]
    assert (model.predict(phases.images[2][None]).classes == phases.classes[2] + 1).mean() > 0.75


def test_strokes_that_a_program_kept_as_floats_are_class_numbers(draw_phases):
    phases = draw_phases(2, noise=0.6)
    floats = [plane.astype(float) for plane in phases.strokes]
    model = learn_pixels(phases.images, floats, budget_s=0.2)
    plane = phases.images[1]
    np.testing.assert_array_equal(model.predict(plane).classes, model.predict(plane[None]).classes)
    with pytest.raises(ShapeError, match="image 1: hold values"):
        learn_pixels(phases.images, [floats[0] + 0.5, None])


def test_what_cannot_be_learnt_from_is_refused_in_a_sentence():
    pixels, painted = np.zeros((20, 20)), np.zeros((20, 20), np.uint8)
    with pytest.raises(SettingError, match="painted"):
        learn_pixels([pixels], [painted])
    painted[3, 3:8] = 1
    with pytest.raises(SettingError, match="class"):
        learn_pixels([pixels], [painted])
    with pytest.raises(ShapeError, match="2 images"):
        learn_pixels([pixels, pixels], [painted])
    with pytest.raises(ShapeError, match="complex"):
        learn_pixels([pixels * 1j], [painted])
    with pytest.raises(ShapeError, match="channels first"):
        learn_pixels([np.zeros((20, 20, 3))], [painted])
    painted[9, 3:8] = 2
    with pytest.raises(SettingError, match="budget_s"):
        learn_pixels([pixels], [painted], budget_s=0)
