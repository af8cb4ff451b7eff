from __future__ import annotations

import assay_fixtures
import pytest

from granum.measure.proportion import wilson_interval
from granum.plate.assay import Assay, PlateImage, Quality, Well
from granum.report.assay_methods import assay_methods
from granum.report.assay_numbers import assay_numbers
from granum.report.methods import REFERENCES, write_methods


def named(assay):
    return {name: (value, unit, more) for name, value, unit, more in assay_numbers(assay)}


def test_one_image_has_its_own_interval_and_nuclei():
    assert assay_numbers(assay_fixtures.single_image(n_uncertain=3)) == [
        ("viability", "80.0", "%", "95 %: 70.0 to 87.0"),
        ("nuclei", "100", "", "80 live, 20 dead; 3 of them uncertain"),
    ]


def test_an_image_without_nuclei_has_no_viability_and_breaks_nothing():
    empty = assay_fixtures.single_image(viability=None, viability_low=None, viability_high=None, n_live=0, n_dead=0)
    assert assay_numbers(empty) == [("nuclei", "0", "", "0 live, 0 dead")]
    nothing = Assay("live-dead", (), "h", (PlateImage("a", "a", 0),))
    assert assay_numbers(nothing) == []
    assert assay_numbers(Assay("confluency", (), "h", ())) == []


def test_fields_without_conditions_are_counted_together_at_the_last_time():
    images = tuple(
        PlateImage("a", "a", i, well=f"A0{i % 3 + 1}", time=float(i // 3), values={"n_live": live, "n_dead": 10})
        for i, live in enumerate((90, 90, 90, 20, 10, 0))
    )
    value, unit, more = named(Assay("live-dead", (assay_fixtures.VIABILITY,), "h", images))["viability at 1 h"]
    low, high = wilson_interval(30, 60)
    assert (value, unit) == ("50.0", "%")
    assert more == f"95 %: {100 * low:.1f} to {100 * high:.1f}; all nuclei together"


def test_with_conditions_the_highest_and_the_lowest_are_told_by_name():
    numbers = named(assay_fixtures.plate_assay())
    assert numbers["highest viability at 48 h"][2].startswith("DMSO; 95 %: ")
    assert numbers["lowest viability at 48 h"][2].startswith("drug B; 95 %: ")
    assert numbers["lowest viability at 48 h"][2].endswith("31 replicates")
    assert numbers["Z′ of the controls"][:1] == ("0.610",)
    assert numbers["wells"][0] == "95"


def test_few_controls_are_not_called_excellent():
    few = Quality("", "viability", 0.0, 0.9, 20.0, 2, 2, "2 positive and 2 negative wells: too few for a firm value.")
    assay = Assay("live-dead", (assay_fixtures.VIABILITY,), "h", (PlateImage("a", "a", 0),), quality=(few,))
    assert named(assay)["Z′ of the controls"][2] == "2 positive and 2 negative wells: too few for a firm value"


def test_what_stands_for_a_well_is_not_counted_as_one():
    images = (PlateImage("a", "a", 0, well="B02"), PlateImage("b", "b", 0), PlateImage("c", "c", 0))
    wells = tuple(Well("", name, row, row, "", "", "", None, 1, 1) for name, row in (("B02", 2), ("all images", 0)))
    assert named(Assay("live-dead", (), "h", images, wells))["images"][0] == "3"


def test_a_growing_dish_has_confluency_and_doubling_time():
    numbers = assay_numbers(assay_fixtures.confluency_series())
    assert numbers[0] == ("confluency at 66 h", "88.6", "%", "methods: 85.6 to 91.6")
    assert numbers[1] == ("doubling time", "7.10", "h", "95 %: 6.6 to 7.9")


def test_several_dishes_have_no_single_doubling_time():
    assert "doubling time" not in named(assay_fixtures.confluency_series(wells=3))
    assert named(assay_fixtures.confluency_series(wells=3))["confluency at 66 h"][2].startswith("mean of 3 images")


@pytest.mark.parametrize(
    "make", [assay_fixtures.plate_assay, assay_fixtures.single_image, assay_fixtures.confluency_series]
)
def test_the_methods_cite_what_was_computed_and_only_that(make):
    assay = make()
    sentences = assay_methods(assay)
    text, references = write_methods([], version="1", recipe=assay.kind, extra=sentences)
    keys = {key for _, found in sentences for key in found}
    assert keys <= set(REFERENCES)
    assert ("10.1080/01621459.1958.10501452" in " ".join(references)) == bool(assay.survival)
    assert ("10.1177/108705719900400206" in " ".join(references)) == bool(assay.quality)
    assert ("wilson" in keys) == (assay.kind == "live-dead")
    assert all(f"{number}]" in text or f"{number}," in text for number in range(1, len(references) + 1))
    assert "  " not in text
