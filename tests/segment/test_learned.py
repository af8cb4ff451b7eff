from __future__ import annotations

import shutil
import warnings

import numpy as np
import pytest

from granum import pipeline
from granum.errors import GranumWarning, ModelError, SettingError, ShapeError
from granum.image import Image
from granum.learn.scribbles import PixelClass
from granum.recipe import load_recipe
from granum.segment.learned import area_percents, find_class, segment_by_model
from granum.step_cache import Cache

LEGEND = (PixelClass(1, "ground"), PixelClass(2, "Gamma"), PixelClass(7, "2"))


@pytest.fixture
def discs(learnt):
    return learnt.draw_discs()


def scribbles(model, **settings):
    changes = {f"segment.learned.{name}": value for name, value in {"model": str(model), **settings}.items()}
    return load_recipe("scribbles").with_settings(changes)


def test_discs_are_found_and_the_rest_is_ground(disc_model, discs):
    classes, mask, relief, probabilities, legend, choice = segment_by_model(discs, model=str(disc_model))
    assert classes.dtype == np.uint8
    assert set(np.unique(classes)) == {1, 4}
    y, x = np.mgrid[:96, :96]
    truth = np.any([(y - cy) ** 2 + (x - cx) ** 2 <= 49 for cy in (16, 48) for cx in (16, 48, 80)], axis=0)
    assert ((classes == 4) & truth).sum() / ((classes == 4) | truth).sum() > 0.8
    assert (mask == (classes == 4)).all()
    assert relief.dtype == np.float32
    assert relief[mask].min() > relief[~mask].max() - 0.2
    assert probabilities is None
    assert [one.id for one in legend] == [1, 4]
    assert all(one.colour.startswith("#") for one in legend)
    assert choice.chosen["model"] == "discs.granum_model"
    assert choice.chosen["reported_miou"] == 0.91
    assert "0.85 to 0.95" in choice.reason


def test_probabilities_come_when_they_are_wanted_and_sum_to_one(disc_model, discs):
    found = segment_by_model(discs, model=str(disc_model), probabilities=True)[3]
    assert found.shape == (2, 96, 96)
    assert np.allclose(found.sum(axis=0), 1, atol=1e-5)


def test_nothing_outside_the_area_has_a_class(disc_model, discs):
    area = np.ones(discs.shape, np.bool_)
    area[60:] = False
    classes, mask, *_ = segment_by_model(discs, None, area, model=str(disc_model))
    assert not classes[60:].any()
    assert not mask[60:].any()
    assert classes[:60].all()


def test_what_lies_outside_the_area_does_not_change_the_grey_levels(disc_model, discs):
    area = np.ones(discs.shape, np.bool_)
    area[80:] = False
    other = discs.copy()
    other[85:] = 255
    before, after = (segment_by_model(image, None, area, model=str(disc_model))[0] for image in (discs, other))
    assert (before[:60] == after[:60]).all()


@pytest.mark.parametrize(
    ("wanted", "index"), [("", 2), ("ground", 0), ("gamma", 1), ("2", 2), ("1", 0), ("none", None)]
)
def test_a_class_goes_by_its_name_before_its_id(wanted, index):
    assert find_class(LEGEND, wanted) == index


@pytest.mark.parametrize(
    ("names", "index"),
    [
        (("background", "cells"), 1),
        (("cells", "Background"), 0),
        (("cells", "debris", " background "), 1),
        (("background", "bg"), 1),
    ],
)
def test_what_is_called_background_is_not_counted_unless_it_is_asked_for(names, index):
    legend = [PixelClass(n, name) for n, name in enumerate(names, 1)]
    assert find_class(legend, "") == index
    assert find_class(legend, names[-1]) == len(names) - 1


def test_an_unknown_class_is_refused_with_the_list_and_the_nearest():
    with pytest.raises(SettingError, match=r"1 \(ground\), 2 \(Gamma\), 7 \(2\).*did you mean 'Gamma'"):
        find_class(LEGEND, "gama", "m.granum_model")
    with pytest.raises(SettingError, match="2 classes are called"):
        find_class([PixelClass(1, "a"), PixelClass(2, "A")], " a ")


def test_three_classes_and_no_choice_of_objects_is_said(learnt, tmp_path, discs):
    path = tmp_path / "three.granum_model"
    learnt.make_model(names=("ground", "disc", "edge")).save(path)
    with pytest.warns(GranumWarning, match=r"class 5 \(edge\), the last of 3"):
        segment_by_model(discs, model=str(path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert segment_by_model(discs, model=str(path), objects="disc")[1].any()
        assert not segment_by_model(discs, model=str(path), objects="none")[1].any()


def test_a_missing_model_or_one_that_is_none_is_one_sentence(tmp_path, discs):
    with pytest.raises(SettingError, match=r"model: is not given; .* Paint tab of the app.*--set learned\.model=FILE"):
        segment_by_model(discs)
    for content in (b"", b"\x80\x04cposix\nsystem\n.", b"PK\x03\x04 truncated"):
        (tmp_path / "bad.granum_model").write_bytes(content)
        with pytest.raises(ModelError):
            segment_by_model(discs, model=str(tmp_path / "bad.granum_model"))


def test_another_number_of_channels_is_refused(disc_model, discs):
    with pytest.raises(ModelError, match="1 channel"):
        segment_by_model(discs, np.stack([discs, discs]), model=str(disc_model))
    with pytest.raises(ShapeError, match="channels"):
        segment_by_model(discs, np.zeros((1, 5, 5), np.uint8), model=str(disc_model))


def test_pixels_without_a_value_do_not_spoil_the_rest(disc_model, discs):
    broken = discs.astype(np.float32)
    broken[0, 0], broken[50, 70] = np.nan, np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GranumWarning)
        plain = segment_by_model(discs.astype(np.float32), model=str(disc_model))[0]
        found = segment_by_model(broken, broken[None], model=str(disc_model))[0]
    assert (found != plain).mean() < 0.01


def test_shares_count_only_the_analysed_area():
    classes = np.array([[1, 1, 2, 0]], np.uint8)
    assert area_percents(classes, LEGEND[:2], classes > 0) == {1: pytest.approx(200 / 3), 2: pytest.approx(100 / 3)}
    assert area_percents(classes, LEGEND[:1], np.zeros((1, 4), np.bool_)) == {1: 0.0}


def test_the_recipe_ends_in_objects(disc_model, discs):
    result = pipeline.run(scribbles(disc_model), Image.from_array(discs))
    assert result.n_objects == 6
    assert [one.name for one in result.legend] == ["ground", "disc <b>"]
    assert result.classes is not None
    assert len(result.objects["label"]) == 6


def test_no_objects_on_purpose_is_no_warning_but_none_found_is(disc_model, discs, learnt):
    result = pipeline.run(scribbles(disc_model, objects="none"), Image.from_array(discs))
    assert (result.wants_objects, result.n_objects, result.warnings, result.flags) == (False, 0, (), ())
    assert any("No objects are made, as set." in choice.reason for choice in result.choices)
    flat = pipeline.run(scribbles(disc_model, objects="disc <b>"), Image.from_array(np.full_like(discs, 50)))
    assert (flat.wants_objects, flat.n_objects) == (True, 0)
    assert "no_objects" in flat.flags


def test_a_colour_image_needs_no_channel_and_another_model_no_other_recipe(learnt, tmp_path, discs):
    path = tmp_path / "colour.granum_model"
    learnt.make_model(n_channels=3).save(path)
    colour = Image.from_array(np.repeat(discs[None], 3, axis=0), axes="CYX", colour=True)
    result = pipeline.run(scribbles(path), colour)
    assert result.n_objects == 6
    assert any("mean" in note for note in result.warnings)
    assert (result.picture == discs).all()


def test_one_channel_can_be_picked_for_a_grey_model(disc_model, discs):
    image = Image.from_array(np.stack([np.zeros_like(discs), discs]), axes="CYX", channel_names=("empty", "discs"))
    with pytest.raises(ModelError, match="channel"):
        pipeline.run(scribbles(disc_model), image)
    assert pipeline.run(scribbles(disc_model), image, channels={"image": "discs"}).n_objects == 6


def test_channels_may_stand_in_files_of_their_own(learnt, tmp_path, discs):
    path = tmp_path / "two.granum_model"
    learnt.make_model(n_channels=2).save(path)
    image = Image.from_array(discs)
    result = pipeline.run(scribbles(path), image, channels={"second": Image.from_array(discs)})
    assert result.n_objects == 6
    assert result.layers["channels"].shape == (2, 96, 96)


def test_the_cache_sees_the_content_of_the_model_not_its_name(disc_model, learnt, tmp_path, discs):
    path, cache = tmp_path / "m.granum_model", Cache()
    shutil.copy(disc_model, path)
    first = pipeline.run(scribbles(path), Image.from_array(discs), cache=cache)
    again = pipeline.run(scribbles(path), Image.from_array(discs), cache=cache)
    assert again.seconds["segment.learned"] == 0
    learnt.make_model(names=("other", "names")).save(path)
    after = pipeline.run(scribbles(path), Image.from_array(discs), cache=cache)
    assert after.seconds["segment.learned"] > 0
    assert [one.name for one in first.legend] == ["ground", "disc <b>"]
    assert [one.name for one in after.legend] == ["other", "names"]
    shutil.copy(path, tmp_path / "moved.granum_model")
    moved = pipeline.run(scribbles(tmp_path / "moved.granum_model"), Image.from_array(discs), cache=cache)
    assert moved.seconds["segment.learned"] == 0


def test_a_pixel_size_far_from_the_training_is_told(disc_model, discs, learnt, tmp_path):
    import dataclasses

    path = tmp_path / "sized.granum_model"
    dataclasses.replace(learnt.make_model(), pixel_size_nm=10.0).save(path)
    near = pipeline.run(scribbles(path), Image.from_array(discs, pixel_size="15 nm"))
    assert any("15 nm per pixel" in note for note in near.warnings)
    with pytest.raises(ModelError, match="30 nm per pixel"):
        pipeline.run(scribbles(path), Image.from_array(discs, pixel_size="30 nm"))
