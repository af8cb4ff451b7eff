from __future__ import annotations

import numpy as np
import pytest

from granum.errors import EmptyResultError, GranumError, SettingError, ShapeError
from granum.image import Image
from granum.object_table import flag_names
from granum.pipeline import run
from granum.recipe import parse_recipe
from granum.step_cache import Cache


@pytest.fixture
def picture():
    pixels = np.zeros((20, 30), np.uint8)
    pixels[2:6, 2:6] = 100
    pixels[10:15, 10:20] = 50
    return pixels


@pytest.fixture(autouse=True)
def calls(stand_ins):
    return stand_ins.CALLS


def chain(*names, **first):
    head = "".join(f"{key} = {value!r}\n" for key, value in first.items())
    return parse_recipe(
        "\n".join(f"[[step]]\ndo = 'stand_in.{name}'\n{head if name == names[0] else ''}" for name in names)
    )


def test_steps_hand_their_layers_on_by_name(picture):
    result = run(chain("above", "label", "measure"), Image.from_array(picture, pixel_size="2 nm"))
    assert set(result.layers) == {"image", "mask", "labels", "objects"}
    assert result.n_objects == 2
    assert result.objects["area"].tolist() == [16, 50]
    assert result.shape == (20, 30)
    assert result.pixel_size.mean == 2
    assert result.warnings == ()
    assert list(result.seconds) == ["stand_in.above", "stand_in.label", "stand_in.measure"]


def test_choices_are_collected_and_give_the_threshold(picture):
    result = run(chain("area", "guess", "label"), Image.from_array(picture))
    assert [choice.about for choice in result.choices] == ["area", "bar", "threshold"]
    assert result.threshold == pytest.approx(picture.mean())
    assert result.layers["area"] is None
    assert "choice" not in result.layers
    assert run(chain("above"), Image.from_array(picture)).threshold is None


def test_from_and_into_rename_layers(picture):
    text = """
    [[step]]
    do = "stand_in.above"
    [[step]]
    do = "stand_in.above"
    from = { image = "channel.dye", area = "mask" }
    into = "dyed"
    [[step]]
    do = "stand_in.label"
    from = { mask = "dyed" }
    """
    dye = np.zeros_like(picture)
    dye[3, 3] = 99
    recipe = parse_recipe(text)
    image = Image.from_array(np.stack([picture, dye]), axes="CYX", channel_names=("bright", "dye"))
    result = run(recipe, image, channels={"image": "bright"})
    assert result.n_objects == 1
    assert result.layers["mask"].sum() == 66
    by_index = run(recipe, image, channels={"image": 0, "dye": 1})
    other_file = run(recipe, Image.from_array(picture), channels={"dye": Image.from_array(dye)})
    np.testing.assert_array_equal(by_index.labels, result.labels)
    np.testing.assert_array_equal(other_file.labels, result.labels)
    with pytest.raises(SettingError, match="choose one of 0"):
        run(recipe, image)
    with pytest.raises(SettingError, match=r"channel\.dye: image: no channel 'dye'"):
        run(recipe, Image.from_array(picture))
    with pytest.raises(ShapeError, match="same field"):
        run(recipe, Image.from_array(picture), channels={"dye": Image.from_array(dye[1:])})


def test_a_step_that_comes_twice_has_two_entries_in_seconds(picture):
    result = run(chain("above", "above"), Image.from_array(picture))
    assert list(result.seconds) == ["stand_in.above", "stand_in.above#2"]


def test_frames_and_z_planes_are_chosen(picture):
    stack = np.stack([picture, np.flipud(picture)])
    assert run(chain("above"), Image.from_array(stack), frame=1).layers["mask"][-3, 3]
    assert run(chain("above"), Image.from_array(stack, axes="ZYX"), z=1).layers["mask"][-3, 3]
    with pytest.raises(SettingError, match="no frame 2"):
        run(chain("above"), Image.from_array(stack), frame=2)


def test_progress_names_every_step(picture):
    seen = []
    run(chain("above", "label"), Image.from_array(picture), progress=lambda *told: seen.append(told))
    assert seen == [(0, 2, "stand_in.above"), (1, 2, "stand_in.label"), (2, 2, "")]


def test_the_cache_recomputes_only_what_depends_on_a_change(picture, calls):
    cache = Cache()
    recipe, image = chain("above", "label", "measure"), Image.from_array(picture)
    first = run(recipe, image, cache=cache)
    assert calls == ["above", "label", "measure"]
    again = run(recipe, image, cache=cache)
    assert calls == ["above", "label", "measure"]
    assert set(again.seconds.values()) == {0.0}
    np.testing.assert_array_equal(again.labels, first.labels)
    run(recipe.with_settings({"label.connectivity": 2}), image, cache=cache)
    assert calls[3:] == ["label", "measure"]
    run(recipe.with_settings({"above.level": 60}), image, cache=cache)
    assert calls[5:] == ["above", "label", "measure"]
    run(recipe, Image.from_array(picture.astype(np.int16)), cache=cache)
    assert calls[8:] == ["above", "measure"]  # the mask is the same, so its labels are


def test_a_setting_that_leaves_the_mask_as_it_is_costs_nothing_further_on(picture, calls):
    cache, image = Cache(), Image.from_array(picture)
    recipe = chain("above", "label")
    run(recipe, image, cache=cache)
    wanted = run(recipe.with_settings({"above.level": 10.25}), image)
    del calls[:]
    again = run(recipe.with_settings({"above.level": 10.25}), image, cache=cache)
    assert calls == ["above"]
    np.testing.assert_array_equal(again.labels, wanted.labels)


def test_a_cached_step_repeats_its_warnings_and_choices(picture):
    cache, image = Cache(), Image.from_array(picture.astype(np.float32) - 500)
    first, again = (run(chain("guess"), image, cache=cache) for _ in range(2))
    assert first.warnings == again.warnings == ("stand_in.guess: the level is negative.",)
    assert first.choices == again.choices


def test_a_layer_written_anew_is_not_taken_for_the_old_one(picture, calls):
    cache, image = Cache(), Image.from_array(picture)
    for seed in (1, 2):
        result = run(chain("shuffle", "above", seed=seed), image, cache=cache)
        np.testing.assert_array_equal(result.layers["mask"], result.layers["image"] > 10)
    assert calls == ["shuffle", "above"] * 2


def test_a_small_cache_forgets_the_oldest_step(picture, calls):
    cache, image = Cache(max_bytes=2 * picture.size), Image.from_array(picture)
    for level in (1, 2, 3, 3, 2, 1):
        run(chain("above", level=level), image, cache=cache)
    assert len(calls) == 4


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("expected", EmptyResultError, r"step 1 \(stand_in\.fail\): there is nothing"),
        ("memory", GranumError, r"step 1 \(stand_in\.fail\): not enough memory"),
        ("count", TypeError, r"step 1 \(stand_in\.fail\): returned 1 values? for the layers"),
        ("own", ZeroDivisionError, "by zero"),
    ],
)
def test_a_failing_step_is_named(picture, kind, error, message, monkeypatch):
    if kind == "count":
        from granum import steps

        monkeypatch.setitem(steps.STEPS, "stand_in.fail", ("stand_in_steps:find_above", ("mask", "relief")))
        recipe = chain("fail")
    else:
        recipe = chain("fail", kind=kind)
    with pytest.raises(error, match=message) as caught:
        run(recipe, Image.from_array(picture))
    if kind == "own":
        assert caught.value.__notes__ == ["in step 1 (stand_in.fail) of the recipe"]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.float32, np.float64, ">u2", ">f4", bool])
def test_every_real_dtype_runs(picture, dtype):
    pixels = (picture > 0).astype(dtype) * (1 if dtype is bool else 100)
    recipe = chain("above", "label", level=0)
    assert run(recipe, Image.from_array(pixels)).n_objects == 2


def test_pixels_that_are_not_finite_are_counted_and_filled(picture):
    pixels = picture.astype(float)
    pixels[0, :3] = np.nan, np.inf, -np.inf
    result = run(chain("above", "label"), Image.from_array(pixels))
    assert result.n_objects == 2
    assert result.warnings == (
        "image: 3 of 600 pixels are NaN or infinite; where a step needs a value it took the median.",
    )


@pytest.mark.parametrize("pixels", [np.full((5, 6), 7.0), np.full((1, 1), np.nan), np.zeros((1, 9), np.uint16)])
def test_nothing_to_find_is_a_warning_and_no_error(pixels):
    result = run(chain("guess", "label", "measure"), Image.from_array(pixels))
    assert result.n_objects == 0
    assert result.objects["label"].size == 0
    assert "have the same value" in " ".join(result.warnings)
    assert result.warnings[-1] == "no object was found."


def test_saturation_is_said_with_its_share(picture):
    picture[0] = 255
    (note,) = run(chain("above"), Image.from_array(picture)).warnings
    assert note == "image: 5.0 % of the pixels are saturated (value 255); bright objects look larger."


def test_other_warnings_are_not_swallowed(picture):
    with pytest.warns(DeprecationWarning, match="old thing"):
        run(chain("fail", kind="warn"), Image.from_array(picture))


def test_the_pixels_that_came_in_stay_as_they_are(picture):
    before = picture.copy()
    picture.flags.writeable = False
    run(chain("shuffle", "above", "label"), Image.from_array(picture))
    np.testing.assert_array_equal(picture, before)


def test_layers_that_nobody_needs_are_let_go(picture):
    result = run(chain("guess", "label", "measure"), Image.from_array(picture), keep=["labels", "objects"])
    assert set(result.layers) == {"labels", "objects"}
    assert result.objects["area"].tolist() == [16, 50]
    np.testing.assert_array_equal(result.picture, picture)


def cut(*points):
    return {"op": "split", "labels": [2], "points": [list(point) for point in points]}


def test_corrections_are_made_after_the_labels_and_before_the_measuring(picture):
    edits = [cut((9, 14), (16, 14)), {"op": "delete", "labels": [1]}]
    plain = run(chain("above", "label", "measure"), Image.from_array(picture))
    result = run(chain("above", "label", "measure"), Image.from_array(picture), edits=edits)
    assert plain.objects["area"].tolist() == [16, 50]
    assert result.objects["area"].tolist() == [25, 25]
    assert np.unique(result.labels).tolist() == [0, 1, 2]
    assert result.labels.dtype == np.int32
    assert result.warnings == ("2 corrections by hand went into the labels.",)


def test_objects_touched_by_hand_carry_a_flag_and_full_confidence(picture):
    recipe = parse_recipe(
        "[[step]]\ndo='stand_in.above'\n[[step]]\ndo='separate.choose'\n[[step]]\ndo='measure.objects'"
    )
    picture[10:15, 24:28] = 60
    result = run(recipe, Image.from_array(picture), edits=[{"op": "draw", "points": [[1, 25], [3, 25]], "radius": 2}])
    plain = run(recipe, Image.from_array(picture))
    flags = [flag_names(int(bits)).split("|") for bits in result.objects["flags"]]
    assert ["edited" in names for names in flags] == [False] * plain.n_objects + [True]
    assert result.objects["confidence"].tolist() == [*plain.objects["confidence"].tolist(), 1.0]
    assert (result.objects["flags"][:-1] == plain.objects["flags"]).all()


def test_no_corrections_change_nothing(picture):
    recipe = chain("above", "label", "measure")
    plain, empty = run(recipe, Image.from_array(picture)), run(recipe, Image.from_array(picture), edits=[])
    assert plain.labels.tobytes() == empty.labels.tobytes()
    assert plain.warnings == empty.warnings
    assert list(plain.objects) == list(empty.objects)


def test_the_cache_tells_corrected_labels_from_others(picture):
    recipe, cache, image = chain("above", "label", "measure"), Cache(), Image.from_array(picture)
    areas = [
        run(recipe, image, cache=cache, edits=edits).objects["area"].tolist()
        for edits in (None, [cut((9, 14), (16, 14))], [cut((9, 12), (16, 12))], None, [cut((9, 14), (16, 14))])
    ]
    assert areas == [[16, 50], [16, 25, 25], [16, 35, 15], [16, 50], [16, 25, 25]]


def test_a_recipe_without_labels_cannot_be_corrected(picture):
    with pytest.raises(SettingError, match="makes no labels that could be corrected"):
        run(chain("above"), Image.from_array(picture), edits=[cut((0, 0), (9, 9))])


def test_a_correction_that_does_not_go_says_which(picture):
    with pytest.raises(GranumError, match="edit 2: labels: there is no object 7"):
        run(
            chain("above", "label"),
            Image.from_array(picture),
            edits=[{"op": "delete", "labels": [1]}, {"op": "delete", "labels": [7]}],
        )


def test_with_the_labels_given_only_what_needs_them_runs(picture, calls):
    labels = np.zeros((20, 30), np.int32)
    labels[0:3, 0:3] = 1
    result = run(
        chain("above", "label", "measure"), Image.from_array(picture), given={"labels": labels}, keep=("objects",)
    )
    assert calls == ["measure"]
    assert result.objects["area"].tolist() == [9]


def test_a_given_layer_stands_in_for_the_last_step_that_writes_it(picture, calls):
    mask = picture > 60
    result = run(chain("above", "label", "measure"), Image.from_array(picture), given={"mask": mask}, keep=("labels",))
    assert calls == ["label"]
    assert result.n_objects == 1
    calls.clear()
    everything = run(chain("above", "label", "measure"), Image.from_array(picture), given={"mask": mask})
    assert everything.n_objects == 1
    assert everything.objects["area"].tolist() == [16]


def test_summaries_of_several_steps_are_joined(picture):
    result = run(chain("above", "count", "count"), Image.from_array(picture))
    assert result.summary == {"n_pixels": result.layers["mask"].sum(), "last": True}
    assert run(chain("above"), Image.from_array(picture)).summary == {}
    recipe = chain("above", "count", "count").with_settings({"count#2.name": "again"})
    assert list(run(recipe, Image.from_array(picture)).summary) == ["n_pixels", "last", "again"]
    assert run(recipe, Image.from_array(picture)).summary["last"] is False
