from __future__ import annotations

import math

from granum.plate import collect_times, parse_image_names


def wells(files, **settings):
    names, notes = parse_image_names(files, **settings)
    return [name.well for name in names], notes


def test_what_one_name_leaves_open_the_others_decide():
    assert wells(["exp_C03.tif", "exp_B03.tif"])[0] == ["C03", "B03"]
    assert wells(["exp_C03.tif", "exp_C09.tif"])[0] == ["C03", "C09"]
    assert wells(["image_C01.tif", "image_C02.tif"])[0] == ["", ""]
    assert wells(["image_C01.tif", "B02_f1.tif"])[0] == ["", "B02"]


def test_names_without_a_well_are_counted_in_one_line():
    found, notes = wells(["B03_f1.tif", "overview.tif", "notes_2.tif"])
    assert found == ["B03", "", ""]
    assert notes == ["2 of 3 names hold no well, as overview.tif; these images count for no well."]
    assert wells(["Scratch0.jpg", "Scratch1.jpg"])[1] == []  # no plate at all
    assert "do not fit '{well}'" in wells(["x.tif"], pattern="{well}")[1][0]
    assert wells(["Scratch0.jpg", "Scratch1.jpg"], pattern="Scratch{time}") == (["", ""], [])
    assert wells(["Scratch0.jpg", "x.jpg"], pattern="Scratch{time}")[1][0].startswith("1 of 2 names do not fit")


def test_the_same_well_in_two_folders_is_two_plates():
    names, notes = parse_image_names(["a/p1/B03_f1.tif", "a/p2/B03_f1.tif", "a/p1/TimePoint_2/B03_f1.tif"])
    assert [name.plate for name in names] == ["p1", "p2", "p1"]
    assert "folders are taken as plates (p1, p2)" in notes[0]
    assert [n.plate for n in parse_image_names(["e1_A01_f1.tif", "e2_A01_f1.tif"])[0]] == ["e1", "e2"]
    assert [n.plate for n in parse_image_names(["a/B03_f1.tif", "b/B04_f1.tif"])[0]] == ["", ""]
    assert [n.plate for n in parse_image_names(["B03_f1.tif", "B03_f1.tif"])[0]] == ["", ""]  # frames of one file


def times(files, frames=None, seconds=()):
    return collect_times(parse_image_names(files)[0], frames or [0] * len(files), seconds)


def test_times_in_names_are_hours_or_numbers_from_zero():
    assert times(["B03_t4h.tif", "B03_t30min.tif"]) == ([4, 0.5], "h", [])
    assert times(["B03_t001.tif", "B03_t003.tif"]) == ([0, 2], "frame", [])
    assert times(["a_B3_1_2021y03m04d_10h30m.tif", "a_B3_1_2021y03m05d_10h30m.tif"]) == ([0, 24], "h", [])


def test_frames_of_a_file_take_the_times_of_the_file():
    assert times(["B03.tif"] * 3, [0, 1, 2], [0, 1800, 3600]) == ([0, 0.5, 1], "h", [])
    assert times(["B03.tif"] * 3, [0, 1, 2]) == ([0, 1, 2], "frame", [])


def test_numbers_in_names_take_hours_of_the_files_only_where_these_grow():
    files = ["B03_t1.tif", "B03_t2.tif", "B03_t3.tif"]
    assert times(files, seconds=[0, 7200, 14400]) == ([0, 2, 4], "h", [])
    assert times(files, seconds=[0, 0, 0])[:2] == ([0, 1, 2], "frame")


def test_an_image_without_a_time_among_others_is_said_and_stands_nowhere():
    found, unit, notes = times(["B03_t4h.tif", "B04_f1.tif"])
    assert unit == "h"
    assert found[0] == 4
    assert math.isnan(found[1])
    assert notes == ["1 of 2 images tell no time; they stand in no curve."]
