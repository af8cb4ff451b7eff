from __future__ import annotations

import pytest

from granum import steps
from granum.errors import RecipeError, SettingError
from granum.steps import STEPS, Range, check_settings, load_step, nearest_name

pytestmark = pytest.mark.usefixtures("stand_ins")


def test_a_signature_tells_what_a_step_reads_writes_and_can_be_set():
    step = load_step("stand_in.above")
    assert (step.reads, step.reads_if_there, step.writes) == (("image",), ("area",), ("mask",))
    assert step.summary == "Pixels above a level."
    assert list(step.settings) == ["level", "dark"]
    level = step.settings["level"]
    assert (level.default, level.range, level.choices) == (10.0, Range(0, 1000), ())
    assert level.help == "Grey level, 0 to 1000."
    assert step.settings["dark"].help == "Below instead."


def test_ranges_and_choices_are_found_inside_optional_settings():
    settings = load_step("stand_in.label").settings
    assert settings["connectivity"].choices == ("1", "2")
    assert settings["size"].range == Range(0, None)


def test_an_unknown_step_names_the_nearest():
    with pytest.raises(
        RecipeError, match=r"step 'segment\.treshold' does not exist; did you mean 'segment\.threshold'"
    ):
        load_step("segment.treshold")


def test_defaults_are_filled_in_signature_order():
    assert list(check_settings("stand_in.above", {"dark": True}).items()) == [("level", 10.0), ("dark", True)]


@pytest.mark.parametrize(
    ("step", "given", "key", "wanted"),
    [
        ("stand_in.above", {"level": 5}, "level", 5.0),
        ("stand_in.above", {"level": "2.5"}, "level", 2.5),
        ("stand_in.above", {"dark": "true"}, "dark", True),
        ("stand_in.label", {"connectivity": "2"}, "connectivity", 2),
        ("stand_in.label", {"size": "none"}, "size", None),
        ("stand_in.label", {"size": " 3 "}, "size", 3),
        ("stand_in.measure", {"quantiles": [0.5]}, "quantiles", (0.5,)),
        ("stand_in.measure", {"quantiles": "[0.25, 0.75]"}, "quantiles", (0.25, 0.75)),
        ("stand_in.guess", {"method": "median"}, "method", "median"),
    ],
)
def test_text_and_toml_values_take_the_type_of_the_setting(step, given, key, wanted):
    value = check_settings(step, given)[key]
    assert value == wanted
    assert type(value) is type(wanted)


@pytest.mark.parametrize(
    ("step", "given", "message"),
    [
        ("stand_in.above", {"levl": 5}, r"stand_in\.above\.levl: no such setting; did you mean 'level'\?"),
        ("stand_in.above", {"level": 1e9}, r"stand_in\.above\.level: 1000000000\.0 is out of range, must be 0 to 1000"),
        ("stand_in.above", {"level": -1}, r"-1\.0 is out of range, must be 0 to 1000"),
        ("stand_in.above", {"level": float("nan")}, r"nan does not fit: .*finite.*\(0 to 1000\)"),
        ("stand_in.above", {"level": "1e400"}, r"'1e400' does not fit: .*\(0 to 1000\)"),
        ("stand_in.above", {"level": "high"}, r"'high' does not fit: .*\(0 to 1000\)"),
        ("stand_in.above", {"level": True}, r"True does not fit"),
        ("stand_in.above", {"level": None}, r"None does not fit"),
        ("stand_in.above", {"dark": 1}, r"dark: 1 does not fit"),
        ("stand_in.label", {"size": 2.5}, r"size: 2\.5 does not fit: .*\(at least 0\)"),
        ("stand_in.label", {"connectivity": 3}, r"connectivity: 3 is not one of 1, 2"),
        ("stand_in.guess", {"method": "medan"}, r"'medan' is not one of mean, median\. did you mean 'median'\?"),
        ("stand_in.measure", {"quantiles": []}, None),
    ],
)
def test_a_setting_that_does_not_fit_names_its_range_or_the_nearest(step, given, message):
    if message is None:
        assert check_settings(step, given)["quantiles"] == ()
        return
    with pytest.raises(SettingError, match=message):
        check_settings(step, given)


@pytest.mark.parametrize(
    ("limits", "text"),
    [(Range(0, 1), "0 to 1"), (Range(2), "at least 2"), (Range(high=3), "at most 3"), (Range(), "any number")],
)
def test_a_range_says_itself_in_words(limits, text):
    assert str(limits) == text


def test_bounds_belong_to_the_range():
    assert 0 in Range(0, 1)
    assert 1 in Range(0, 1)
    assert -1e-9 not in Range(0)
    assert 3.1 not in Range(high=3)


def test_names_far_from_everything_get_the_whole_list():
    assert nearest_name("qqqq", ["alpha", "beta"]) == "there are alpha, beta."
    assert nearest_name("qqqq", []) == "there are none."


def test_every_step_has_a_module_a_function_and_at_least_one_layer():
    for name, (target, writes) in STEPS.items():
        assert len(name.split(".")) == 2
        assert len(target.split(":")) == 2
        assert writes


def test_settings_model_is_made_once():
    assert steps._settings_model("stand_in.above") is steps._settings_model("stand_in.above")


def test_every_length_area_and_percentage_of_every_step_has_its_unit():
    bare = {
        "strength", "k", "offset", "max_area_share", "convexity_power", "size_power", "number_power", "n_levels",
        "min_dynamic", "max_iterations", "tolerance", "max_nodes", "neck_weight", "min_solidity", "min_gain",
        "max_neck", "max_residual", "max_overlap", "min_inside", "max_deficit", "min_dip", "largest_k", "objects",
        "seed", "least_share", "notch", "dark_line", "step", "confidence", "sensitivity", "epsilon", "cells", "level",
        "iterations", "min_p_dead", "threshold", "live_threshold", "dead_threshold",
    }  # fmt: skip
    units = {
        f"{name}.{setting.name}": setting.unit
        for name in STEPS
        if not name.startswith("stand_in.")
        for setting in load_step(name).settings.values()
        if setting.range is not None
    }
    assert {key.rpartition(".")[2] for key, unit in units.items() if not unit} == bare
    assert units["segment.automatic.smoothing"] == "px"
    assert units["separate.choose.min_size"] == "px2"
    assert units["preprocess.normalise.low_percent"] == "%"
