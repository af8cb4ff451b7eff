from __future__ import annotations

import pytest

from granum.measure.proportion import wilson_interval
from granum.plate import Measure, PlateImage
from granum.plate.wells import group_wells, pool_fields, snap_times

VIABILITY = Measure("viability", "Viability", "%")
CONFLUENCY = Measure("confluency", "Confluency", "%")


def image(well="B03", field="1", time=0.0, stem="", frame=0, plate="", **values):
    stem = stem or f"{plate}{well}_{field}_{time}"
    return PlateImage(f"{stem}.tif", stem, frame, plate, well, field, time, values=values)


def test_counts_are_added_before_they_are_divided():
    found = pool_fields(
        [image(n_live=299, n_dead=1, viability=0.997), image(n_live=0, n_dead=3, viability=0.0)], VIABILITY
    )
    assert found.value == pytest.approx(299 / 303)  # not the mean of 99.7 % and 0 %
    assert (found.low, found.high) == wilson_interval(299, 303)
    assert found.n == 303


def test_a_field_without_nuclei_is_a_gap_and_not_zero():
    assert pool_fields([image(n_live=0, n_dead=0)], VIABILITY).value is None
    assert pool_fields([image(n_live=None, n_dead=None, viability=None)], VIABILITY).value is None
    assert pool_fields([], VIABILITY).value is None


def test_shares_are_weighted_with_the_analysed_area_and_so_are_their_intervals():
    small = image(confluency=1.0, confluency_low=0.9, confluency_high=1.0, analysed_px=100)
    large = image(confluency=0.2, confluency_low=0.1, confluency_high=0.4, analysed_px=300)
    found = pool_fields([small, large], CONFLUENCY)
    assert (found.value, found.low, found.high, found.n) == pytest.approx((0.4, 0.3, 0.55, 2))
    unknown = pool_fields([small, image(confluency=0.2)], CONFLUENCY)
    assert (unknown.value, unknown.low, unknown.high) == (0.6, None, None)
    assert pool_fields([small, image(confluency=float("nan"))], CONFLUENCY).value == 1.0


def test_numbers_of_objects_are_means_over_fields_so_that_a_lost_field_is_no_loss_of_cells():
    nuclei = Measure("n_nuclei", "Nuclei")
    found = pool_fields([image(n_live=100, n_dead=20), image(n_live=60, n_dead=20)], nuclei)
    assert (found.value, found.n) == (100, 200)
    assert pool_fields([image(n_live=100, n_dead=20)], nuclei).value == 120


def test_wells_stand_row_by_row_and_names_without_wells_together():
    wells = group_wells(
        [image("H12"), image("AA01"), image("A02"), image("A01", "2"), image("A01", "1"), image("", stem="x")]
    )
    assert [(one.well.well, one.well.row, one.well.column, one.well.n_fields) for one in wells] == [
        ("all images", 0, 0, 1), ("A01", 1, 1, 2), ("A02", 1, 2, 1), ("H12", 8, 12, 1), ("AA01", 27, 1, 1),
    ]  # fmt: skip


def test_films_without_wells_stand_each_for_itself():
    films = [image("", "", float(t), stem, t) for stem in ("a", "b") for t in range(3)]
    assert [(one.well.well, one.well.n_times) for one in group_wells(films)] == [("a", 3), ("b", 3)]
    series = [image("", f, float(t), f"{f}_{t}") for f in ("left", "right") for t in range(3)]
    assert [(one.well.well, one.well.n_times) for one in group_wells(series)] == [("left", 3), ("right", 3)]
    named = [image("", f"Scratch{t}", float(t), f"Scratch{t}") for t in range(3)]
    assert [(one.well.well, one.well.n_times) for one in group_wells(named)] == [("all images", 3)]
    files = [image("", "", float(t), f"Scratch{t}") for t in range(3)]
    assert [(one.well.well, one.well.n_times) for one in group_wells(files)] == [("all images", 3)]


def test_fields_without_names_are_counted_at_one_time():
    assert (
        group_wells([image("A01", "", float(t), f"{t}{k}") for t in range(5) for k in range(2)])[0].well.n_fields == 2
    )


def test_times_of_one_scan_are_one_time():
    images = [image(w, "1", t + delay) for t in (0.0, 4.0, 8.0) for delay, w in enumerate(("A01", "A02"))]
    shifted = [image(w, "1", t + d) for t in (0.0, 4.0, 8.0) for d, w in ((0.0, "A01"), (0.2, "A02"), (0.5, "A03"))]
    assert set(snap_times(shifted).values()) == {0.0, 4.0, 8.0}
    assert set(snap_times(images).values()) == {0.0, 1.0, 4.0, 5.0, 8.0, 9.0}  # too far apart to be one scan
    chain = [image(f"A{k:02d}", "1", t + 0.1 * k) for t in (0.0, 2.0) for k in range(1, 13)]
    assert len(set(snap_times(chain).values())) == 24  # would join more than half an interval
    assert snap_times([image(time=3.0)]) == {3.0: 3.0}
