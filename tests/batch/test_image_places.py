from __future__ import annotations

import math
from pathlib import Path

import pytest

from granum.batch.image_places import check_names, find_places
from granum.batch.item import SourceFacts
from granum.batch.plan import plan_sources
from granum.errors import SettingError


def facts_of(*names, n_frames=1, times=None):
    sources, _ = plan_sources([Path("/data") / name for name in names])
    return [
        SourceFacts(source, n_frames, (n_frames, 1, 1, 8, 8), "uint8", "TIFF", None, times, (), {})
        for source in sources
    ]


def paths(*names):
    return [Path(name) for name in names]


def frames_of(*names, **about):
    return [(facts, frame) for facts in facts_of(*names, **about) for frame in range(facts.n_frames)]


def told(found):
    return [(place.well, place.field, place.time) for place in found.places]


def test_names_say_well_field_and_time():
    found = find_places(frames_of("B03_f1_t00.tif", "B03_f1_t01.tif", "B04_f1_t00.tif", "B04_f1_t01.tif"))
    assert told(found) == [("B03", "1", 0), ("B03", "1", 1), ("B04", "1", 0), ("B04", "1", 1)]
    assert found.time_unit == "frame"
    assert any("--interval" in note for note in found.notes)


def test_an_interval_turns_numbers_in_names_into_hours():
    found = find_places(frames_of("B03_f1_t3.tif", "B03_f1_t4.tif", "B03_f1_t7.tif"), interval_s=1800)
    assert found.time_unit == "h"
    assert [place.time for place in found.places] == [0, 0.5, 2]
    assert not found.notes


def test_an_interval_for_files_without_numbers_of_times_is_not_lost_in_silence():
    found = find_places(frames_of("Scratch0.tif", "Scratch1.tif"), interval_s=3600)
    assert any("--interval was given" in note and "--names" in note for note in found.notes)
    assert not find_places(frames_of("Scratch0.tif", "Scratch1.tif"), names="Scratch{time}", interval_s=3600).notes
    assert not find_places(frames_of("Scratch0.tif"), interval_s=3600).notes


def test_hours_in_names_and_times_in_files_are_hours():
    assert find_places(frames_of("B03_1_00d00h00m.tif", "B03_1_00d04h30m.tif")).places[1].time == 4.5
    found = find_places(frames_of("B03_f1.tif", n_frames=3, times=(0.0, 3600.0, 7200.0)))
    assert (found.time_unit, told(found)) == ("h", [("B03", "1", 0), ("B03", "1", 1), ("B03", "1", 2)])


def test_a_pattern_wins_over_what_names_seem_to_say():
    frames = frames_of("x_B04-C05_7.tif", "x_B04-C06_7.tif")
    found = find_places(frames, names="x_*-{well}_{time}")
    assert [place.well for place in found.places] == ["C05", "C06"]


def test_a_pattern_that_fits_nothing_is_an_error_before_anything_runs():
    with pytest.raises(SettingError, match=r"fits none of the 2 files, as a_1\.tif"):
        check_names(paths("/data/a_1.tif", "/data/a_2.tif"), "{well}_t{time}")
    with pytest.raises(SettingError, match="unknown"):
        check_names(paths("/data/a_1.tif"), "{wel}_*")
    check_names(paths("/data/B03_t1.tif", "/data/notes.tif"), "{well}_t{time}")
    check_names(paths("/data/plate 1/B03.tif"), "{plate}/{well}")


def test_without_wells_a_series_is_what_the_name_says_beside_the_time():
    found = find_places(frames_of("control_t01.tif", "control_t02.tif", "treated_t01.tif", "treated_t02.tif"))
    assert told(found) == [("", "control", 0), ("", "control", 1), ("", "treated", 0), ("", "treated", 1)]
    names = ("one.tif", "two.tif")
    assert [place.field for place in find_places(frames_of(*names)).places] == ["one", "two"]


def test_files_for_the_same_time_become_fields_of_their_own():
    found = find_places(frames_of("run1 B03_f1_t00.tif", "run1 B03_f1_t00 again.tif", "run1 C03_f1_t00.tif"))
    places = found.places
    assert len({place.series for place in places}) == 3
    assert places[2].field == "1"
    assert any("B03" in note and "several files for the same time" in note for note in found.notes)


def test_what_tells_no_time_among_those_that_do_is_said():
    found = find_places([*frames_of("B03_f1_00d04h00m.tif"), *frames_of("B04_f1.tif")])
    assert any(math.isnan(place.time) for place in found.places) or found.time_unit == "frame"
    assert found.notes


def test_folders_tell_plates_and_times_and_notes_do_not_tell_where_they_lie():
    found = find_places(frames_of("one/B03_f1.tif", "two/B03_f1.tif"))
    assert [place.plate for place in found.places] == ["one", "two"]
    found = find_places(frames_of("TimePoint_1/B03_s1.tif", "TimePoint_2/B03_s1.tif"), interval_s=3600)
    assert [place.time for place in found.places] == [0, 1]
    found = find_places(frames_of("B03_f1.tif", "other.tif"), names="{well}_f{field}")
    assert any("other.tif" in note for note in found.notes)
    assert not any("/data/other" in note for note in found.notes)


def test_times_in_a_file_that_do_not_grow_are_not_used():
    found = find_places(frames_of("B03_f1.tif", n_frames=3, times=(0.0, 0.0, 0.0)))
    assert ([place.time for place in found.places], found.time_unit) == ([0, 1, 2], "frame")
    assert any("do not grow, as in B03_f1.tif" in note for note in found.notes)
