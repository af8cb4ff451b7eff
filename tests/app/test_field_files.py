from __future__ import annotations

from pathlib import Path

import pytest

from granum.app.field_files import check_patterns, chosen_fields, fields_of, find_field, in_app_words
from granum.app.messages import ImageEntry
from granum.app.run_messages import RunRequest
from granum.errors import SettingError
from granum.recipe import load_recipe

RECIPE = load_recipe("live-dead")
PATTERNS = {"hoechst": "*_h.tif", "draq7": "*_d.tif"}


def files(*names, same=()):
    """Return files; those in `same` have the same bytes, so the same id."""
    return [
        (
            ImageEntry(id="same" if name in same else name.replace(".", "-"), name=name, size_bytes=1, uploaded=False,
                       status="ready"),
            Path("/lab", name),
        )
        for name in names
    ]  # fmt: skip


def test_patterns_come_in_the_order_of_the_roles():
    given = {"draq7": "*_d.tif", "DAPI": "*_h.tif", "BF": "*_b.tif"}
    assert list(check_patterns(given, RECIPE, {})) == ["BF", "DAPI", "draq7"]
    assert check_patterns({}, RECIPE, {"live": 0}) == {}


@pytest.mark.parametrize(
    ("patterns", "inside", "words"),
    [
        ({"hoechst": "*_h.tif"}, {}, "^dead: say in which files it is"),
        ({**PATTERNS, "DAPI": "*_x.tif"}, {}, "give it once"),
        (PATTERNS, {"live": 0}, "as a channel and as a pattern"),
        ({**PATTERNS, "draq7": "d.tif"}, {}, r"has no \*"),
        ({**PATTERNS, "draq7": "../*_d.tif"}, {}, "without folders"),
        ({**PATTERNS, "green": "*_g.tif"}, {}, "reads only"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(patterns, inside, words):
    with pytest.raises(SettingError, match=words):
        check_patterns(patterns, RECIPE, inside)


def test_an_image_finds_its_field_also_when_two_files_have_the_same_bytes():
    there = files("1_h.tif", "1_d.tif", "2_h.tif", "2_d.tif", "x.tif", same=("1_d.tif", "2_d.tif"))
    fields, rest = fields_of(there, PATTERNS)
    assert [path.name for path in rest] == ["x.tif"]
    assert [[path.name for _, path in field.files.values()] for field in fields] == [
        ["1_h.tif", "1_d.tif"], ["2_h.tif", "2_d.tif"],
    ]  # fmt: skip
    field = find_field(there, PATTERNS, "2_h-tif")
    assert {word: path.name for word, (_, path) in field.files.items()} == {"hoechst": "2_h.tif", "draq7": "2_d.tif"}
    with pytest.raises(SettingError, match=r"x\.tif: matches no pattern"):
        find_field(there, PATTERNS, "x-tif")
    with pytest.raises(SettingError, match=r"channel draq7: no file goes with 3_h\.tif"):
        find_field([*there, *files("3_h.tif")], PATTERNS, "3_h-tif")


def test_a_request_means_the_fields_of_its_images_and_may_leave_out_those_with_gaps():
    fields, _ = fields_of(files("1_h.tif", "1_d.tif", "2_h.tif", "3_h.tif", "3_d.tif"), PATTERNS)
    names = lambda found: [next(iter(field.files.values()))[1].name for field in found]  # noqa: E731
    assert names(chosen_fields(fields, RunRequest(), 2)) == ["1_h.tif", "2_h.tif", "3_h.tif"]
    assert names(chosen_fields(fields, RunRequest(complete_only=True), 2)) == ["1_h.tif", "3_h.tif"]
    assert names(chosen_fields(fields, RunRequest(images=["3_d-tif", "2_h-tif"]), 2)) == ["2_h.tif", "3_h.tif"]


def test_options_of_the_command_line_are_not_told_in_the_page():
    assert in_app_words("a.tif: 1 and 2 could both be live; choose one, as in --channel live=1.") == (
        "a.tif: 1 and 2 could both be live; choose one."
    )
    assert "--" not in in_app_words("Nothing tells times, and --interval was not given: frames. (--names says more.)")
