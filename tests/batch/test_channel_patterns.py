from __future__ import annotations

from pathlib import Path

import pytest

from granum.batch.channel_patterns import guess_patterns, order_patterns
from granum.batch.plan import group_fields
from granum.recipe import load_recipe

ROLES = load_recipe("live-dead").roles


def named(template, channels, wells=("B02", "C02", "D11"), times=("000", "001")):
    return [template.format(well=w, time=t, channel=c) for w in wells for t in times for c in channels]


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        (
            named("{well}_f1_t{time}_{channel}.tif", ("brightfield", "hoechst", "draq7")),
            {"brightfield": "*_brightfield.tif", "hoechst": "*_hoechst.tif", "draq7": "*_draq7.tif"},
        ),
        # stains first, of several words, in capitals, with another ending
        (
            named("{channel}_{well}_{time}.TIFF", ("Bright Field", "Hoechst 33342", "Propidium Iodide")),
            {
                "Bright Field": "Bright Field_*.TIFF",
                "Hoechst 33342": "Hoechst 33342_*.TIFF",
                "Propidium Iodide": "Propidium Iodide_*.TIFF",
            },
        ),
        # what changes only with the stain goes with it
        (
            named("{well}_t{time}_{channel}.tif", ("ch00_DAPI", "ch01_PI")),
            {"DAPI": "*_ch00_DAPI.tif", "PI": "*_ch01_PI.tif"},
        ),
        (
            named("{well}-{channel}-{time}.png", ("EthD-1", "calcein")),
            {"calcein": "*-calcein-*", "EthD-1": "*-EthD-1-*"},
        ),
    ],
)
def test_names_of_stains_tell_the_channels(names, patterns):
    found = guess_patterns(names, ROLES)
    assert found.by_order == ()
    assert list(found.patterns) == list(patterns)
    for word, pattern in patterns.items():
        assert found.patterns[word].startswith(pattern)
    fields, rest = group_fields([Path(name) for name in names], found.patterns)
    assert {len(field) for field in fields} == {len(patterns)}
    assert (len(fields), rest) == (6, [])


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        (named("exp_{well}_s1_t{time}_{channel}.TIF", ("w1", "w2")), {"live": "*_w1.TIF", "dead": "*_w2.TIF"}),
        (named("{well}_{time}_{channel}.tif", ("ch1", "ch2")), {"live": "*_ch1.tif", "dead": "*_ch2.tif"}),
        (
            named("p1_{well}_T0{time}F001L01A01Z01{channel}.tif", ("C01", "C02", "C03")),
            {"brightfield": "*C01.tif", "live": "*C02.tif", "dead": "*C03.tif"},
        ),
        (
            named("r0{time}c03f01p01-{channel}sk1fk1fl1.tiff", ("ch1", "ch2"), wells=("",)),
            {"live": "*-ch1sk*.tiff", "dead": "*-ch2sk*.tiff"},
        ),
        (named("{well}_{time}_{channel}.tif", ("blue", "red")), {"live": "*_blue.tif", "dead": "*_red.tif"}),
    ],
)
def test_without_names_of_stains_the_order_counts_and_is_told(names, patterns):
    found = guess_patterns(names, ROLES)
    assert found.patterns == patterns
    assert set(found.by_order) == set(patterns)
    fields, rest = group_fields([Path(name) for name in names], found.patterns)
    assert {len(field) for field in fields} == {len(patterns)}
    assert rest == []


def test_stains_that_are_written_in_ways_that_differ_are_found_in_whole_parts_of_names():
    names = named("{well}_{time}_{channel}.ome.tif", ("Hoechst 33342", "SYTOX-Green", "TL"))
    found = guess_patterns(names, ROLES)
    assert found.patterns == {
        "TL": "*_TL.ome.tif",
        "Hoechst 33342": "*_Hoechst 33342.ome.tif",
        "SYTOX": "*_SYTOX-Green.ome.tif",
    }
    assert found.by_order == ()


def test_one_stain_that_is_named_leaves_the_other_to_order():
    found = guess_patterns(named("{well}_{time}_{channel}.tif", ("Hoechst", "marker")), ROLES)
    assert found.patterns == {"Hoechst": "*_Hoechst.tif", "dead": "*_marker.tif"}
    assert found.by_order == ("dead",)


def test_missing_files_and_strangers_do_not_hide_the_channels():
    names = named("{well}_f1_t{time}_{channel}.tif", ("hoechst", "draq7"))
    found = guess_patterns([*names[1:], "overview.tif", "notes 2.tif"], ROLES)
    assert found.patterns == {"hoechst": "*_hoechst.tif", "draq7": "*_draq7.tif"}


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["hoechst.tif"],
        ["B02_f1.tif", "B03_f1.tif", "C02_f1.tif", "C03_f1.tif"],  # wells
        ["exp_t001.tif", "exp_t002.tif", "exp_t003.tif"],  # times
        ["dish 1.tif", "dish 2.tif"],
        ["B02_hoechst.tif", "B03_hoechst.tif"],  # one stain only
        named("{well}_{time}_{channel}.tif", ("Hoechst", "DAPI")),  # twice the same role
    ],
)
def test_what_tells_no_channels_is_not_guessed(names):
    assert guess_patterns(names, ROLES) is None


def test_signs_of_patterns_in_names_are_no_signs():
    names = named("[a] {well}_{time}_{channel}.tif", ("hoechst", "draq7"))
    found = guess_patterns(names, ROLES)
    assert len(group_fields([Path(name) for name in names], found.patterns)[0]) == 6


def test_the_first_role_of_a_recipe_names_the_main_files():
    assert list(order_patterns({"draq7": "b*", "other": "d*", "BF": "a*", "DAPI": "c*"}, ROLES)) == [
        "BF", "DAPI", "draq7", "other",
    ]  # fmt: skip
